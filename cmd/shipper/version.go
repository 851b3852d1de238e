package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

// build is what the toolchain noted about the binary.
type build struct {
	Version  string `json:"version"`  // of the module, (devel) for one built in a work tree
	Revision string `json:"revision"` // of the source, empty if unknown
	Modified bool   `json:"modified"` // the source differed from Revision
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func readBuild() build {
	b := build{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (b build) String() string {
	s := b.Version
	if b.Revision != "" {
		s += " " + b.Revision[:min(12, len(b.Revision))]
	}
	if b.Modified {
		s += " modified"
	}
	return fmt.Sprintf("shipper %s %s %s", s, b.Go, b.Platform)
}

func versionCommand(_ context.Context, args []string) error {
	f := newFlags("version")
	output := f.outputFlag("text", "json")
	rest, err := f.parse(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return f.misuse("takes no arguments")
	}
	if output.is("json") {
		return json.NewEncoder(os.Stdout).Encode(readBuild())
	}
	_, err = fmt.Println(readBuild())
	return err
}
