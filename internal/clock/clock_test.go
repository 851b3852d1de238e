package clock

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		time.Sleep(3 * time.Hour)
		now := started.Round(0).Add(3 * time.Hour)
		for _, c := range []struct{ set, want time.Duration }{
			{0, 0}, {-time.Hour, -time.Hour}, {time.Second, 0}, {10 * 365 * 24 * time.Hour, 0}, {-10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour},
		} {
			if got := Steady(started, now.Add(c.set)); !got.Equal(now.Add(c.want)) {
				t.Errorf("set by %v: %v, want %v", c.set, got, now.Add(c.want))
			}
		}
	})
}
