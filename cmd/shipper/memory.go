package main

import (
	"log/slog"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// limitMemory has the runtime collect garbage more often as memory nears nine
// tenths of what the cgroup allows, so that a limit is not reached by garbage.
// GOMEMLIMIT, if it is set, is left as it is.
func limitMemory(log *slog.Logger) {
	if _, err := memlimit.Set(memlimit.WithRatio(0.9), memlimit.WithProvider(memlimit.FromCgroup)); err != nil {
		log.Warn("the cgroup's memory limit is not known: set GOMEMLIMIT if there is one", "err", err)
	}
}
