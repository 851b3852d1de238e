package main

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
)

// whileRead returns a context that ends when ctx does, or when standard output
// is a pipe whose reader has left: what follows a file might not write, and so
// not notice, for long.
func whileRead(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if info, err := os.Stdout.Stat(); err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return ctx, cancel
	}
	go func() {
		for ctx.Err() == nil {
			fds := []unix.PollFd{{Fd: 1}}
			if n, err := unix.Poll(fds, 1000); n > 0 || err != nil && err != unix.EINTR {
				cancel()
			}
		}
	}()
	return ctx, cancel
}
