package tail

import (
	"strings"
	"testing"
)

func TestFollows(t *testing.T) {
	f := func(globs, path string, want bool) {
		t.Helper()
		var fl filter
		for _, g := range strings.Fields(globs) {
			if x, ok := strings.CutPrefix(g, "!"); ok {
				e, err := newExclusion([]string{x})
				if err != nil {
					t.Fatal(err)
				}
				fl.exclude = append(fl.exclude, e...)
				continue
			}
			p, err := newPattern(g, false)
			if err != nil {
				t.Fatal(err)
			}
			fl.patterns = append(fl.patterns, p)
		}
		if got := fl.follows(path); got != want {
			t.Errorf("%s follows %s: %v", globs, path, got)
		}
	}
	f("/a/*.log", "/a/x.log", true)
	f("/a/*.log", "/a/b/x.log", false)
	f("/a/*.log", "/ab/x.log", false)
	f("/*.log", "/x.log", true)
	f("/a/**/*.log", "/a/x.log", true)
	f("/a/**/*.log", "/a/b/c/x.log", true)
	f("/a/**", "/a/b/c/x", true)
	f("/a/*/b/[xy].log", "/a/q/b/x.log", true)
	f("/a/*/b/[xy].log", "/a/q/b/z.log", false)
	f("/a/x.log", "/a/x.log", true)
	f("/a/*.log !x.log", "/a/x.log", false)
	f("/a/*.log !/a/x.log", "/a/x.log", false)
	f("/a/*.log !/b/x.log", "/a/x.log", true)
	f("/a/** !/a/b/**", "/a/b/c/x.log", false)
	f("/a/*.log !*.gz", "/a/x.log", true)
	f("/a/**/b/**/c", "/a/b/x/b/y/c", true)
	f("/a/**/b/**/c", "/a/b/x/b/y/d", false)
	f("/"+strings.Repeat("**/a/", 30)+"x", strings.Repeat("/a", 60), false) // the other way it takes hours
	if _, err := newPattern("/a/[", false); err == nil {
		t.Error("a bad glob is taken")
	}
	if _, err := newExclusion([]string{"["}); err == nil {
		t.Error("a bad exclusion is taken")
	}
}

// TestWalk compares the step by step matching of the walk with that of whole paths.
func TestWalk(t *testing.T) {
	for _, glob := range []string{"*", "**", "a", "a/b", "**/a", "a/**", "*/b", "**/a/**", "**/*/a", "a/**/b"} {
		rest := strings.Split(glob, "/")
		var walk func(rests [][]string, at string, depth int)
		walk = func(rests [][]string, at string, depth int) {
			for _, name := range []string{"a", "b", "c"} {
				p := strings.TrimPrefix(at+"/"+name, "/")
				if got, want := matches(rests, name), matchPath(rest, strings.Split(p, "/")); got != want {
					t.Errorf("%s matches %s: %v in steps, %v as a whole", glob, p, got, want)
				}
				if depth < 4 {
					walk(below(rests, name), p, depth+1)
				}
			}
		}
		walk([][]string{rest}, "", 0)
	}
}

func TestRotation(t *testing.T) {
	f := func(base, name string, want bool) {
		t.Helper()
		if got := isRotationOf(base, name); got != want {
			t.Errorf("%s is a rotation of %s: %v", name, base, got)
		}
		a, b := unrotated(name)
		if got := a == base || b == base; got != want {
			t.Errorf("%s unrotated is %q or %q", name, a, b)
		}
	}
	f("app.log", "app.log.1", true)
	f("app.log", "app.log.12", true)
	f("app.log", "app.log-20260102", true)
	f("app.log", "app.log-2026-01-02T03:04:05Z", true)
	f("app.log", "app-20260102.log", true)
	f("app.log", "app.1.log", true)
	f("app.log", "app_2026-01-02_3.log", true)
	f("0.log", "0.log.20260102-030405", true)
	f("app", "app.1", true)
	f("app.log", "app.log", false)
	f("app.log", "app.log.old", false)
	f("app.log", "app.log.1.tmp", false)
	f("app.log", "app.log1", false)
	f("app.log", "other.log.1", false)
	f("app.log", "app.log.", false)
	f("app.log", "application.log", false)
	f("app.log", "app-1.txt", false)
	if p, s := compression("a.log.1.gz"); p != "a.log.1" || s != ".gz" {
		t.Error(p, s)
	}
	if p, s := compression("a.log.zst.tmp"); p != "a.log.zst.tmp" || s != "" {
		t.Error(p, s)
	}
}

func FuzzRotation(f *testing.F) {
	f.Add("app.log.1")
	f.Add("2026-01-02.log")
	f.Fuzz(func(t *testing.T, name string) {
		a, b := unrotated(name)
		for _, base := range []string{a, b} {
			if base != "" && !isRotationOf(base, name) {
				t.Errorf("%q is unrotated to %q, and no rotation of it", name, base)
			}
		}
	})
}
