package indexer

import (
	"net/http"
	"runtime"
	"time"

	"shipper/internal/index"
	"shipper/internal/metrics"
	"shipper/internal/query"
	"shipper/internal/receive"
)

// writeMetrics answers /metrics: this table is all there is.
func writeMetrics(w http.ResponseWriter, store *index.Store, in *receive.Handler, queries *query.Handler, clients *conns, tokens *guard) {
	m, s, u := new(metrics.Writer), &store.Stats, store.Usage()

	m.Gauge("shipper_index_build_info", "Always 1; the labels say what runs.").Int(1, "version", queries.Version, "go", runtime.Version())
	protocols := []struct {
		name string
		*receive.Requests
	}{{"native", &in.Stats.Native}, {"ndjson", &in.Stats.NDJSON}, {"loki", &in.Stats.Loki}, {"otlp", &in.Stats.OTLP}}
	f := m.Counter("shipper_index_requests_total", "Requests with records, by protocol and outcome.")
	for _, p := range protocols {
		f.Int(p.Accepted.Load(), "protocol", p.name, "outcome", "accepted")
		f.Int(p.Rejected.Load(), "protocol", p.name, "outcome", "rejected")
		f.Int(p.TooLarge.Load(), "protocol", p.name, "outcome", "too_large")
		f.Int(p.Failed.Load(), "protocol", p.name, "outcome", "failed")
	}
	m.Counter("shipper_index_requests_busy_total", "Requests refused because too many were being handled.").Int(in.Stats.Busy.Load())
	m.Counter("shipper_index_requests_slow_total", "Requests given up because their bodies came slowly while others waited.").Int(in.Stats.Slow.Load())
	m.Gauge("shipper_index_requests_open", "Requests with records being handled now.").Int(in.Stats.Open.Load())
	unauthorized := int64(0)
	if tokens != nil {
		unauthorized = tokens.refused.Load()
	}
	m.Counter("shipper_index_requests_unauthorized_total", "Requests without a valid token.").Int(unauthorized)
	m.Gauge("shipper_index_connections", "Connections of clients.").Int(clients.open.Load())
	m.Gauge("shipper_index_connections_limit", "Connections there may be at a time.").Int(int64(clients.max))
	m.Counter("shipper_index_connections_closed_total", "Connections closed because there were too many: old ones to make room, or new ones for want of it.").
		Int(clients.evicted.Load(), "which", "old").Int(clients.refused.Load(), "which", "new")
	f = m.Counter("shipper_index_received_bytes_total", "Bytes of request bodies, after decompression.")
	for _, p := range protocols {
		f.Int(p.Bytes.Load(), "protocol", p.name)
	}
	f = m.Counter("shipper_index_refused_records_total", "Records that could not be taken out of requests whose others were; the sender was told.")
	for _, p := range protocols[2:] {
		f.Int(p.Refused.Load(), "protocol", p.name)
	}

	m.Counter("shipper_index_queries_total", "Queries and questions about labels; refused are those that are not valid or beyond a limit.").
		Int(queries.Stats.Answered.Load(), "outcome", "answered").
		Int(queries.Stats.Refused.Load(), "outcome", "refused").
		Int(queries.Stats.Failed.Load(), "outcome", "failed")

	m.Counter("shipper_index_records_total", "Records stored.").Int(s.Records.Load())
	m.Counter("shipper_index_record_bytes_total", "Bytes of text in the records stored.").Int(s.Bytes.Load())
	m.Counter("shipper_index_blocks_total", "Blocks by what became of them.").
		Int(s.Blocks.Load(), "outcome", "stored").Int(s.Repeated.Load(), "outcome", "repeated").Int(s.Rejected.Load(), "outcome", "rejected")
	m.Counter("shipper_index_conflicts_total", "Blocks and requests stored although their ID had come: with other content, or too long ago to know.").
		Int(s.Conflicts.Load(), "reason", "differs").Int(s.Unknown.Load(), "reason", "unknown")
	m.Counter("shipper_index_commits_refused_total", "Commits asked to come again: disk full, log or seal failing.").Int(s.Refused.Load())
	m.Counter("shipper_index_clamped_records_total", "Records whose time was out of range and became that of their arrival.").Int(s.Clamped.Load())
	m.Counter("shipper_index_log_syncs_total", "Times the write-ahead log was made durable.").Int(s.LogSyncs.Load())
	m.Counter("shipper_index_replayed_blocks_total", "Blocks read back from the write-ahead log at start.").Int(s.Replayed.Load())
	m.Counter("shipper_index_unread_blocks_total", "Blocks of the write-ahead log that could not be read at start.").Int(s.Unread.Load())
	m.Counter("shipper_index_adopted_segments_total", "Segments found that the catalogue did not know.").Int(s.Adopted.Load())
	m.Counter("shipper_index_missing_segments_total", "Segments that are missing or cannot be read.").Int(s.Missing.Load())
	m.Counter("shipper_index_damaged_segments_total", "Segments found damaged when they were read: set aside, and what of them is intact stored again.").Int(s.Damaged.Load())
	m.Counter("shipper_index_lost_records_total", "Records in damaged segments that could not be read.").Int(s.LostRecords.Load())
	m.Counter("shipper_index_sealed_segments_total", "Segments written.").Int(s.Sealed.Load())
	m.Counter("shipper_index_seal_failures_total", "Seals that failed and were, or are being, tried again.").Int(s.SealFails.Load())
	m.Counter("shipper_index_dropped_segments_total", "Segments dropped by retention.").Int(s.Dropped.Load())

	m.Gauge("shipper_index_segments", "Segments kept.").Int(int64(u.Segments))
	m.Gauge("shipper_index_segment_bytes", "Bytes of the segments kept.").Int(u.SegmentBytes)
	m.Gauge("shipper_index_records", "Records kept.").Int(u.Records)
	m.Gauge("shipper_index_open_records", "Records that are not in a segment yet.").Int(u.OpenRecords)
	m.Gauge("shipper_index_open_bytes", "Bytes of text in records that are not in a segment yet.").Int(u.OpenBytes)
	m.Gauge("shipper_index_agents", "Agents known.").Int(int64(u.Agents))
	m.Gauge("shipper_index_missing_blocks", "Blocks that agents have not delivered although later ones came.").Sample(float64(u.Gaps))
	m.Counter("shipper_index_forgotten_gaps_total", "Runs of missing blocks that had to be forgotten.").Int(u.GapsForgotten)
	oldest := 0.0
	if u.Oldest != 0 {
		oldest = float64(u.Oldest) / float64(time.Second)
	}
	m.Gauge("shipper_index_oldest_record_timestamp_seconds", "Time of the oldest record kept; 0 if there is none.").Sample(oldest)
	full := int64(0)
	if u.Full != "" {
		full = 1
	}
	m.Gauge("shipper_index_refusing", "1 while no records are taken in: disk full, log or seal failing.").Int(full)

	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	m.Gauge("shipper_index_memory_bytes", "Memory obtained from the system.").Int(int64(mem.Sys))
	m.Gauge("shipper_index_goroutines", "Goroutines.").Int(int64(runtime.NumGoroutine()))

	w.Header().Set("Content-Type", metrics.ContentType)
	_, _ = w.Write(m.Bytes())
}
