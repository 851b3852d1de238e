package main

import (
	"io"
	"time"

	nested "github.com/antonfisher/nested-logrus-formatter"
	"github.com/sirupsen/logrus"
)

func sirupsen() []sample {
	events := func(f logrus.Formatter, caller bool) func(io.Writer) {
		return func(w io.Writer) {
			l := logrus.New()
			l.Out, l.Formatter, l.Level, l.ReportCaller, l.ExitFunc = w, f, logrus.TraceLevel, caller, func(int) {}
			l.WithFields(logrus.Fields{"addr": ":8080", "pid": 4711}).Info("server started")
			l.WithFields(logrus.Fields{"key": "user:42", "ratio": 0.25, "hit": false}).Debug("cache miss")
			l.WithFields(logrus.Fields{"method": "GET", "path": path, "status": 200, "latency": latency}).Info("request handled")
			l.WithFields(logrus.Fields{"trace_id": traceID, "span_id": spanID, "rows": large, "sql": query}).Warn("slow query")
			l.WithError(errRefused).WithField("user", ann).Error("request failed")
			l.WithField("empty", "").Trace("trace message")
			l.WithFields(logrus.Fields{"msg": "clash", "level": "clash", "time": "clash"}).Info("field clash")
			l.WithField("list", []string{"a", "b c"}).WithField("nil", nil).Info("multi\nline, say \"hi\"")
			l.Info("no fields")
			l.Fatal("disk is full")
		}
	}
	return []sample{
		{"logrus-text/logrus", events(&logrus.TextFormatter{DisableColors: true}, false)},
		{"logrus-text/logrus-caller", events(&logrus.TextFormatter{DisableColors: true}, true)},
		{"logrus-text/logrus-nanos", events(&logrus.TextFormatter{DisableColors: true, TimestampFormat: time.RFC3339Nano, QuoteEmptyFields: true}, false)},
		{"logrus-text/logrus-full-timestamp", events(&logrus.TextFormatter{DisableColors: true, FullTimestamp: true, TimestampFormat: time.DateTime}, false)},
		{"logrus-json/logrus", events(&logrus.JSONFormatter{}, false)},
		{"logrus-json/logrus-caller", events(&logrus.JSONFormatter{DisableHTMLEscape: true}, true)},
		{"logrus-json/logrus-pretty", events(&logrus.JSONFormatter{PrettyPrint: true}, false)},
		{"json/logrus-field-map", events(&logrus.JSONFormatter{DataKey: "fields", FieldMap: logrus.FieldMap{
			logrus.FieldKeyTime: "@timestamp", logrus.FieldKeyLevel: "severity", logrus.FieldKeyMsg: "message"}}, true)},
		{"logrus-tty/logrus", events(&logrus.TextFormatter{ForceColors: true}, false)},
		{"logrus-tty/logrus-full-timestamp", events(&logrus.TextFormatter{ForceColors: true, FullTimestamp: true}, true)},
		{"logrus-tty/logrus-pad", events(&logrus.TextFormatter{ForceColors: true, DisableLevelTruncation: true, PadLevelText: true, FullTimestamp: true, TimestampFormat: time.DateTime}, false)},
		{"logrus-nested/nested", events(&nested.Formatter{NoColors: true, TimestampFormat: time.RFC3339}, false)},
		{"logrus-nested/nested-colour", events(&nested.Formatter{FieldsOrder: []string{"method", "path"}}, true)},
		{"logrus-nested/nested-no-keys", events(&nested.Formatter{NoColors: true, HideKeys: true, TimestampFormat: time.DateTime}, false)},
	}
}
