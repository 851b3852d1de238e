package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

func help(ctx context.Context, args []string) error {
	if len(args) > 0 && !asksHelp(args[0]) {
		return dispatch(ctx, []string{args[0], "-h"})
	}
	writeHelp(os.Stdout)
	return nil
}

// asksHelp reports whether the word in a command's place asks for the list of commands.
func asksHelp(word string) bool {
	return word == "help" || word == "-h" || word == "-help" || word == "--help"
}

func writeHelp(w io.Writer) {
	fmt.Fprint(w, "shipper follows logs, ships them and stores them.\n\nUsage: shipper COMMAND [arguments]\n\n")
	for _, c := range commands() {
		if c.about != "" {
			fmt.Fprintf(w, "  %-8s %s\n", c.name, c.about)
		}
	}
	fmt.Fprint(w, "\n\"shipper COMMAND -h\" shows the flags of a command.\nExit codes: 0 fine, 1 failed, 2 wrong usage or configuration.\n")
}
