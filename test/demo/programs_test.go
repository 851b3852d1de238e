package main

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestQueryHasAnAnswer checks that what the demo tells people to try finds records.
func TestQueryHasAnAnswer(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var rec struct{ Msg, Service string }
		err := json.Unmarshal([]byte(zap(r, time.Unix(0, 0))), &rec)
		if err == nil && rec.Service == "payments" && strings.Contains(rec.Msg, "timeout") {
			return
		}
	}
	t.Error(`nothing for {service_name="payments"} |= "timeout"`)
}
