// Package e2e drives the built binary: real files, real processes, real
// kill -9. An oracle numbers the lines it writes and the indexer is asked for
// every one of them.
package e2e

import (
	"fmt"
	"os"
	"testing"

	"shipper/test/site"
)

var binary string // of shipper, built by TestMain

func TestMain(m *testing.M) {
	code, err := site.Main(m, &binary)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
