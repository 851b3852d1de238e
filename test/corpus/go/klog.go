package main

import (
	"flag"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/go-logr/logr/slogr"
	"github.com/go-logr/stdr"
	"github.com/golang/glog"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
	"log/slog"
)

func kube() []sample {
	functional := func(object bool) func(io.Writer) {
		return func(w io.Writer) {
			o := funcr.Options{LogCaller: funcr.All, LogTimestamp: true, Verbosity: 4}
			if object {
				logrEvents(funcr.NewJSON(func(text string) { io.WriteString(w, text+"\n") }, o))
				return
			}
			logrEvents(funcr.New(func(prefix, args string) {
				if prefix != "" {
					args = prefix + ": " + args
				}
				io.WriteString(w, args+"\n")
			}, o))
		}
	}
	return []sample{
		{"klog/klog", func(w io.Writer) { klogEvents(w, nil) }},
		{"klog/klog-add-dir", func(w io.Writer) { klogEvents(w, map[string]string{"add_dir_header": "true"}) }},
		{"klog/textlogger", func(w io.Writer) {
			logrEvents(textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(w), textlogger.Verbosity(4))))
		}},
		{"klog/klogr", func(w io.Writer) {
			klogTo(w, nil)
			logrEvents(klog.NewKlogr())
			klog.Flush()
		}},
		{"klog/glog", glogEvents},
		{"funcr/funcr", functional(false)},
		{"funcr-json/funcr", functional(true)},
		{"go-std/stdr", func(w io.Writer) {
			logrEvents(stdr.NewWithOptions(log.New(w, "", log.LstdFlags), stdr.Options{LogCaller: stdr.All}))
		}},
		{"slog-json/slogr", func(w io.Writer) {
			logrEvents(slogr.NewLogr(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})))
		}},
		{"slog-text/logr-slog", func(w io.Writer) {
			logrEvents(logr.FromSlogHandler(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})))
		}},
	}
}

// klogTo sends klog's records to w.
func klogTo(w io.Writer, set map[string]string) {
	fs := flag.NewFlagSet("klog", flag.PanicOnError)
	klog.InitFlags(fs)
	fs.Set("v", "4")
	fs.Set("add_dir_header", "false")
	fs.Set("one_output", "true")
	for name, value := range set {
		fs.Set(name, value)
	}
	klog.LogToStderr(false)
	klog.SetOutput(w)
}

func klogEvents(w io.Writer, set map[string]string) {
	klogTo(w, set)
	klog.Info("Starting controller")
	klog.Warningf("watch of %s ended with: %v", "*v1.Secret", errRefused)
	klog.InfoS("Pod status updated", "pod", klog.KRef("kube-system", "coredns-558bd4d5db-x2v9k"), "status", "ready", "count", 3)
	klog.V(2).InfoS("Request handled", "path", path, "latency", latency, "ratio", 0.25, "hit", false)
	klog.ErrorS(errRefused, "Unable to sync pod", "pod", klog.KRef("default", "web-0"), "user", ann)
	klog.ErrorS(nil, "No error", "list", []string{"a", "b c"}, "nodes", klog.KObjSlice(nil))
	klog.InfoS("multi\nline message", "text", "first line\nsecond line", "quoted", `a "q" b`, "n", 1)
	klog.Info("plain multi\nline text")
	klog.Error("E with {\"json\":1} and a=b")
	klog.Infof("%q is a quoted start", "this")
	klog.Flush()
}

// glogEvents is a log file of glog, without the banner at its top.
func glogEvents(w io.Writer) {
	dir, err := os.MkdirTemp("", "glog")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	flag.Set("log_dir", dir)
	flag.Set("stderrthreshold", "FATAL")
	glog.Info("server started")
	glog.Warningf("slow query took %s", latency)
	glog.Error("request failed: ", errRefused)
	glog.Info("first line\nsecond line")
	glog.Flush()
	files, _ := filepath.Glob(filepath.Join(dir, "*.INFO"))
	text, err := os.ReadFile(files[0])
	if err != nil {
		panic(err)
	}
	io.WriteString(w, string(text))
}
