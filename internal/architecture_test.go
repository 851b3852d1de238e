package internal

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers are the packages from top to bottom. A package imports only from rows
// below its own. ARCHITECTURE.md explains them.
var layers = [][]string{
	{"cmd/shipper"},
	{"internal/agent", "internal/indexer"},
	{"internal/config", "internal/query"},
	{"internal/input/file", "internal/input/stdin", "internal/deliver", "internal/receive",
		"internal/protocol/native", "internal/protocol/loki", "internal/protocol/otlp", "internal/index"},
	{"internal/segment", "internal/pipeline", "internal/protocol/ndjson"},
	{"internal/tail", "internal/frame", "internal/format", "internal/selector", "internal/queue", "internal/flow"},
	{"internal/protocol", "internal/input", "internal/block"},
	{"internal/record", "internal/metrics", "internal/blocklog", "internal/dirlock", "internal/clock",
		"internal/jsontext", "internal/protobuf"},
	{"internal/fail"},
}

// source is one Go file that is part of the product, tests left out.
type source struct {
	path string // from the repository's root, with slashes
	dir  string
	file *ast.File
}

// sources parses every Go file below cmd and internal. Files are read anew in
// each run, so that a cached test result never hides a change.
func sources(t *testing.T) (*token.FileSet, []source) {
	t.Helper()
	fset := token.NewFileSet()
	var all []source
	for _, top := range []string{"cmd", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && d.Name() == "testdata" {
				return fs.SkipDir
			}
			if d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
				return nil
			}
			f, err := parser.ParseFile(fset, p, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			rel := filepath.ToSlash(strings.TrimPrefix(p, ".."+string(filepath.Separator)))
			all = append(all, source{path: rel, dir: path.Dir(rel), file: f})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < 10 {
		t.Fatalf("only %d files found", len(all))
	}
	return fset, all
}

func layerOf(dir string) int {
	return slices.IndexFunc(layers, func(row []string) bool { return slices.Contains(row, dir) })
}

func TestLayers(t *testing.T) {
	_, files := sources(t)
	for _, s := range files {
		from := layerOf(s.dir)
		if from < 0 {
			t.Errorf("%s: package %s is in no layer; add it to the table", s.path, s.dir)
			continue
		}
		for _, imp := range s.file.Imports {
			name, _ := strconv.Unquote(imp.Path.Value)
			dir, ours := strings.CutPrefix(name, "shipper/")
			if !ours {
				continue
			}
			switch to := layerOf(dir); {
			case to < 0:
				t.Errorf("%s imports %s, which is in no layer", s.path, dir)
			case to <= from:
				t.Errorf("%s imports %s, which is not below it", s.path, dir)
			}
		}
	}
}

func TestImports(t *testing.T) {
	_, files := sources(t)
	for _, s := range files {
		for _, imp := range s.file.Imports {
			name, _ := strconv.Unquote(imp.Path.Value)
			if imp.Name != nil && (imp.Name.Name == "." || imp.Name.Name == "_") {
				t.Errorf("%s imports %s as %s", s.path, name, imp.Name.Name)
			}
			if reason := banned[name]; reason != "" {
				t.Errorf("%s imports %s: %s", s.path, name, reason)
			}
		}
	}
}

var banned = map[string]string{
	"log":       "components log through a *slog.Logger field",
	"io/ioutil": "deprecated",
	"expvar":    "global state",
}

// TestDependenciesAreExplained wants a reason in docs/dependencies.md for every
// module the product imports.
func TestDependenciesAreExplained(t *testing.T) {
	doc, err := os.ReadFile("../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	modules := regexp.MustCompile(`(?m)^\s+(\S+\.\S+/\S+|\S+\.\S+) v\S+`).FindAllStringSubmatch(string(mod), -1)
	_, files := sources(t)
	seen := map[string]bool{}
	for _, s := range files {
		for _, imp := range s.file.Imports {
			name, _ := strconv.Unquote(imp.Path.Value)
			for _, m := range modules {
				if name != m[1] && !strings.HasPrefix(name, m[1]+"/") || seen[m[1]] {
					continue
				}
				seen[m[1]] = true
				if !strings.Contains(string(doc), m[1]) {
					t.Errorf("%s imports %s, which docs/dependencies.md does not explain", s.path, m[1])
				}
			}
		}
	}
	if len(seen) == 0 {
		t.Error("no dependency found: is go.mod read right?")
	}
}

// TestPackageDocs wants exactly one package comment for each package, on the
// file that is named after it.
func TestPackageDocs(t *testing.T) {
	_, files := sources(t)
	docs := map[string][]string{}
	for _, s := range files {
		if _, ok := docs[s.dir]; !ok {
			docs[s.dir] = nil
		}
		if s.file.Doc != nil {
			docs[s.dir] = append(docs[s.dir], path.Base(s.path))
		}
	}
	for dir, names := range docs {
		want := path.Base(dir) + ".go"
		if strings.HasPrefix(dir, "cmd/") {
			want = "main.go"
		}
		if len(names) != 1 || names[0] != want {
			t.Errorf("package %s has package comments in %v, want one in %s", dir, names, want)
		}
	}
}

func TestNoInit(t *testing.T) {
	fset, files := sources(t)
	for _, s := range files {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: init", fset.Position(f.Pos()))
			}
		}
	}
}

// TestPackageVariables allows errors, tables and values computed once, and no
// assignment to any of them.
func TestPackageVariables(t *testing.T) {
	fset, files := sources(t)
	names := map[string]map[string]bool{} // by directory
	for _, s := range files {
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				for i, n := range v.Names {
					if n.Name == "_" {
						continue
					}
					if names[s.dir] == nil {
						names[s.dir] = map[string]bool{}
					}
					names[s.dir][n.Name] = true
					if len(v.Values) == 0 {
						t.Errorf("%s: package variable %s has no value: it is state", fset.Position(n.Pos()), n.Name)
					} else if what := mutable(v.Values[min(i, len(v.Values)-1)]); what != "" {
						t.Errorf("%s: package variable %s is %s: it is state", fset.Position(n.Pos()), n.Name, what)
					}
				}
			}
		}
	}
	for _, s := range files {
		unresolved := map[*ast.Ident]bool{}
		for _, id := range s.file.Unresolved {
			unresolved[id] = true
		}
		assigned := func(e ast.Expr) {
			id := base(e)
			if id == nil || !names[s.dir][id.Name] {
				return
			}
			if unresolved[id] || id.Obj != nil && id.Obj == s.file.Scope.Lookup(id.Name) {
				t.Errorf("%s: package variable %s is assigned to", fset.Position(id.Pos()), id.Name)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					assigned(e)
				}
			case *ast.IncDecStmt:
				assigned(n.X)
			}
			return true
		})
	}
}

// mutable says what makes an initial value a thing to be changed later, if anything.
func mutable(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.UnaryExpr:
		if e.Op == token.AND {
			return "a pointer"
		}
	case *ast.CallExpr:
		if id, ok := e.Fun.(*ast.Ident); ok && (id.Name == "make" || id.Name == "new") {
			return "made with " + id.Name
		}
	case *ast.CompositeLit:
		if sel, ok := e.Type.(*ast.SelectorExpr); ok {
			if pkg, ok := sel.X.(*ast.Ident); ok && (pkg.Name == "sync" || pkg.Name == "atomic") {
				return "a " + pkg.Name + "." + sel.Sel.Name
			}
		}
	}
	return ""
}

// base returns the variable that an assignable expression changes.
func base(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// wide are the interfaces of more than three methods, with the reason.
var wide = map[string]string{
	"internal/query.Store": "one store answers all kinds of queries; each kind is one method",
}

func TestInterfacesAreSmall(t *testing.T) {
	fset, files := sources(t)
	for _, s := range files {
		ast.Inspect(s.file, func(n ast.Node) bool {
			typ, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			i, ok := typ.Type.(*ast.InterfaceType)
			if ok && i.Methods.NumFields() > 3 && wide[s.dir+"."+typ.Name.Name] == "" {
				t.Errorf("%s: an interface of %d methods; 3 at most", fset.Position(i.Pos()), i.Methods.NumFields())
			}
			return true
		})
	}
}

func TestNoDrawers(t *testing.T) {
	_, files := sources(t)
	drawers := []string{"util", "utils", "common", "helper", "helpers", "types", "base", "misc", "shared"}
	for _, s := range files {
		if slices.Contains(drawers, path.Base(s.dir)) || slices.Contains(drawers, strings.TrimSuffix(path.Base(s.path), ".go")) {
			t.Errorf("%s is named after nothing in particular", s.path)
		}
	}
}

// TestExportedAreDocumented wants a comment on everything another package can use.
func TestExportedAreDocumented(t *testing.T) {
	fset, files := sources(t)
	missing := func(n *ast.Ident, doc ...*ast.CommentGroup) {
		if n.IsExported() && !slices.ContainsFunc(doc, func(c *ast.CommentGroup) bool { return c != nil }) {
			t.Errorf("%s: %s has no comment", fset.Position(n.Pos()), n.Name)
		}
	}
	for _, s := range files {
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil || exportedReceiver(d) && !standard[d.Name.Name] {
					missing(d.Name, d.Doc)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						missing(spec.Name, d.Doc, spec.Doc)
					case *ast.ValueSpec:
						missing(spec.Names[0], d.Doc, spec.Doc, spec.Comment)
					}
				}
			}
		}
	}
}

// standard are methods whose contract is that of a well-known interface.
var standard = map[string]bool{"String": true, "Error": true, "Unwrap": true, "Len": true, "Less": true, "Swap": true, "Push": true, "Pop": true}

func exportedReceiver(d *ast.FuncDecl) bool {
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// TestNoMachinePaths keeps the directories of whoever built this out of the
// text that everybody reads.
func TestNoMachinePaths(t *testing.T) {
	machine := regexp.MustCompile(`(^|[^A-Za-z0-9_.$}-])/(work|root|home/[a-z]+|Users/[A-Za-z]+)/`)
	skip := []string{".git", "bin", "data", "demo", "dist", "fuzz"}
	checked := 0
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(skip, d.Name()) && filepath.Dir(p) == ".." || slices.Contains([]string{"fuzz", "target"}, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		// .git is a file in a further work tree.
		if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 || path.Base(p) == "architecture_test.go" || d.Name() == ".git" {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		checked++
		if strings.Contains(filepath.ToSlash(p), "/testdata/") {
			return nil // logs of other programs
		}
		for i, line := range strings.Split(string(text), "\n") {
			if m := machine.FindString(line); m != "" {
				t.Errorf("%s:%d names a directory of somebody's machine: %s", p, i+1, m)
			}
		}
		return nil
	})
	if err != nil || checked == 0 {
		t.Fatal(fmt.Errorf("%d files: %w", checked, err))
	}
}
