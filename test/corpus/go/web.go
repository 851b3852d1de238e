package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cloudwego/hertz/pkg/common/hlog"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	chiware "github.com/go-chi/chi/v5/middleware"
	"github.com/gofiber/fiber/v2"
	fiberlog "github.com/gofiber/fiber/v2/log"
	fiberlogger "github.com/gofiber/fiber/v2/middleware/logger"
	"github.com/gorilla/handlers"
	"github.com/labstack/echo/v4"
	echoware "github.com/labstack/echo/v4/middleware"
	gommon "github.com/labstack/gommon/log"
	"github.com/valyala/fasthttp"
	gormlog "gorm.io/gorm/logger"
)

// requests are sent to every framework.
func requests() []*http.Request {
	var all []*http.Request
	for _, r := range []struct{ method, target string }{
		{"GET", "/ok?x=1&y=\"q\""}, {"POST", "/ok"}, {"GET", "/missing"}, {"GET", "/err"}, {"GET", "/slow"}, {"GET", "/panic"},
	} {
		q := httptest.NewRequest(r.method, "/", nil)
		q.URL.Path, q.RequestURI = r.target, r.target
		if r.target == "/ok?x=1&y=\"q\"" {
			q.URL.Path, q.URL.RawQuery = "/ok", "x=1&y=\"q\""
		}
		q.RemoteAddr = "10.0.0.7:51234"
		q.Header.Set("User-Agent", "curl/8.5.0")
		q.Header.Set("Referer", "https://shop.example/cart")
		all = append(all, q)
	}
	return all
}

func serve(h http.Handler) {
	for _, q := range requests() {
		func() {
			defer func() { recover() }()
			h.ServeHTTP(httptest.NewRecorder(), q)
		}()
	}
}

func web() []sample {
	return []sample{
		{"gin/gin", func(w io.Writer) { ginEvents(w, false) }},
		{"gin/gin-colour", func(w io.Writer) { ginEvents(w, true) }},
		{"go-std/chi", func(w io.Writer) { chiEvents(w, true) }},
		{"go-std/chi-colour", func(w io.Writer) { chiEvents(w, false) }},
		{"echo-json/echo", echoEvents},
		{"echo-json/gommon", func(w io.Writer) { gommonEvents(w, "") }},
		{"go-std/fiber-log", func(w io.Writer) {
			fiberlog.SetOutput(w)
			fiberlog.SetLevel(fiberlog.LevelTrace)
			fiberlog.Info("server started")
			fiberlog.Debugw("cache miss", "key", "user:42", "hit", false)
			fiberlog.Warnf("slow query took %s", latency)
			fiberlog.Errorw("request failed", "err", errRefused, "attempt", 3)
		}},
		{"fiber/fiber", func(w io.Writer) { fiberEvents(w, "") }},
		{"access-log/gorilla-combined", func(w io.Writer) { serve(handlers.CombinedLoggingHandler(w, plainHandler())) }},
		{"access-log/gorilla-common", func(w io.Writer) { serve(handlers.LoggingHandler(w, plainHandler())) }},
		{"go-std/fasthttp", fasthttpEvents},
		{"go-std/hertz", func(w io.Writer) {
			hlog.SetOutput(w)
			hlog.SetLevel(hlog.LevelTrace)
			hlog.Info("server started")
			hlog.Debugf("cache miss key=%s", "user:42")
			hlog.Notice("configuration reloaded")
			hlog.Warnf("slow query took %s", latency)
			hlog.Error("request failed: ", errRefused)
			hlog.SystemLogger().SetOutput(w)
			hlog.SystemLogger().Infof("HTTP server listening on address=%s", "[::]:8888")
		}},
		{"gorm/gorm", func(w io.Writer) { gormEvents(w, false) }},
		{"gorm/gorm-colour", func(w io.Writer) { gormEvents(w, true) }},
	}
}

func plainHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/missing":
			http.NotFound(w, r)
		case "/err":
			http.Error(w, errRefused.Error(), http.StatusInternalServerError)
		case "/panic":
			panic(errRefused)
		default:
			fmt.Fprint(w, "ok")
		}
	})
}

func ginEvents(w io.Writer, colour bool) {
	gin.SetMode(gin.DebugMode)
	gin.DefaultWriter, gin.DefaultErrorWriter = w, w
	gin.DisableConsoleColor()
	if colour {
		gin.ForceConsoleColor()
	}
	e := gin.Default()
	e.GET("/ok", func(c *gin.Context) { c.String(200, "ok") })
	e.GET("/err", func(c *gin.Context) { c.AbortWithError(500, errRefused) })
	e.GET("/slow", func(c *gin.Context) {
		time.Sleep(2 * time.Millisecond)
		c.String(200, "ok")
	})
	e.GET("/panic", func(*gin.Context) { panic("kaboom") })
	serve(e)
}

func chiEvents(w io.Writer, plain bool) {
	r := chi.NewRouter()
	r.Use(chiware.RequestID, chiware.RequestLogger(&chiware.DefaultLogFormatter{Logger: log.New(w, "", log.LstdFlags), NoColor: plain}))
	r.Get("/ok", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	r.Get("/err", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	serve(r)
}

func echoEvents(w io.Writer) {
	e := echo.New()
	e.Logger.SetOutput(w)
	e.Use(echoware.LoggerWithConfig(echoware.LoggerConfig{Output: w}), echoware.Recover())
	e.GET("/ok", func(c echo.Context) error { return c.String(200, "ok") })
	e.GET("/err", func(echo.Context) error { return errRefused })
	e.GET("/panic", func(echo.Context) error { panic("kaboom") })
	serve(e)
}

func gommonEvents(w io.Writer, header string) {
	l := gommon.New("shop")
	l.SetOutput(w)
	l.SetLevel(gommon.DEBUG)
	if header != "" {
		l.SetHeader(header)
	}
	l.Info("server started")
	l.Debug("cache miss")
	l.Warnf("slow query took %s", latency)
	l.Error("request failed: ", errRefused)
	l.Errorj(gommon.JSON{"event": "failed", "status": 500})
	l.Print("no level")
}

func fiberEvents(w io.Writer, format string) {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Use(fiberlogger.New(fiberlogger.Config{Output: w, Format: format, DisableColors: true}))
	app.Get("/ok", func(c *fiber.Ctx) error { return c.SendString("ok") })
	app.Get("/err", func(*fiber.Ctx) error { return errRefused })
	app.Get("/slow", func(c *fiber.Ctx) error {
		time.Sleep(2 * time.Millisecond)
		return c.SendStatus(204)
	})
	for _, target := range []string{"/ok?x=1", "/missing", "/err", "/slow"} {
		if r, err := app.Test(httptest.NewRequest("GET", target, nil)); err == nil {
			r.Body.Close()
		}
	}
}

func fasthttpEvents(w io.Writer) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	s := &fasthttp.Server{Logger: log.New(w, "", log.LstdFlags), LogAllErrors: true,
		Handler: func(c *fasthttp.RequestCtx) { c.Logger().Printf("hello %d", 1) }}
	go s.Serve(l)
	for _, text := range []string{"GET /x HTTP/1.0\r\nHost: shop\r\n\r\n", "garbage\r\n\r\n"} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			panic(err)
		}
		io.WriteString(c, text)
		io.ReadAll(c)
		c.Close()
	}
	s.Shutdown()
}

func gormEvents(w io.Writer, colour bool) {
	ctx := context.Background()
	l := gormlog.New(log.New(w, "\r\n", log.LstdFlags), gormlog.Config{
		SlowThreshold: 100 * time.Millisecond, LogLevel: gormlog.Info, Colorful: colour,
	})
	trace := func(took time.Duration, sql string, rows int64, err error) {
		l.Trace(ctx, time.Now().Add(-took), func() (string, int64) { return sql, rows }, err)
	}
	l.Info(ctx, "registering callback %q", "gorm:create")
	l.Warn(ctx, "retrying in %s", latency)
	l.Error(ctx, "failed to initialize database, got error %v", errRefused)
	trace(latency, `INSERT INTO "users" ("name") VALUES ('o''hara') RETURNING "id"`, 1, nil)
	trace(time.Second, query, -1, nil)
	trace(latency, `SELECT * FROM "users" WHERE "users"."id" = 99 ORDER BY "users"."id" LIMIT 1`, 0, errors.New("record not found"))
}
