package agent

import (
	"cmp"
	"maps"
	"runtime"
	"slices"
	"time"

	"shipper/internal/deliver"
	"shipper/internal/input"
	"shipper/internal/metrics"
	"shipper/internal/pipeline"
	"shipper/internal/queue"
	"shipper/internal/tail"
)

// writeMetrics names every figure an operator can look at.
func (a *Agent) writeMetrics(m *metrics.Writer) {
	m.Gauge("shipper_build_info", "Always 1; the labels say what runs.").Int(1, "version", a.Version, "go", runtime.Version())
	m.Gauge("shipper_start_time_seconds", "When the agent started, since the Unix epoch.").Sample(float64(a.started.UnixMilli()) / 1000)

	m.Gauge("shipper_goroutines", "Goroutines of the process.").Int(int64(runtime.NumGoroutine()))
	m.Counter("shipper_config_reloads_total", "Changes of the configuration by their outcome.")
	m.Int(a.reloads.Succeeded.Load(), "result", "ok")
	m.Int(a.reloads.Failed.Load(), "result", "failed")
	m.Gauge("shipper_config_last_reload_successful", "0 if the last change was refused, so that the old configuration is in force.").Int(a.reloads.LastOK.Load())

	a.writeFiles(m)
	a.writeBooks(m)

	m.Counter("shipper_parsed_records_total", "Records parsed.").Int(a.stats.Records.Load())
	m.Counter("shipper_parse_failures_total", "Records kept as text because their parser failed.").Int(a.stats.Failures.Load())
	m.Counter("shipper_packed_blocks_total", "Blocks made of records.").Int(a.stats.Blocks.Load())
	m.Counter("shipper_packed_raw_bytes_total", "Bytes of blocks before compression.").Int(a.stats.RawBytes.Load())
	m.Counter("shipper_packed_bytes_total", "Bytes of blocks.").Int(a.stats.BlockBytes.Load())
	m.Gauge("shipper_in_flight_bytes", "Bytes that were read and are not committed yet.").Int(a.flow.Held())

	a.writeRules(m)
	a.writeQueue(m)
	a.writeOutputs(m)
}

// writeFiles writes what following files amounts to, for each file input.
func (a *Agent) writeFiles(m *metrics.Writer) {
	files := func(f *metrics.Writer, value func(*tail.Stats) int64) {
		for _, in := range a.readers.files() {
			f.Int(value(&in.Stats), "input", in.Name)
		}
	}
	files(m.Gauge("shipper_files_open", "Files followed now."), func(s *tail.Stats) int64 { return s.Files.Load() })
	files(m.Gauge("shipper_files_parked", "Idle files that are closed because descriptors are few, and looked at by name."), func(s *tail.Stats) int64 { return s.Parked.Load() })
	files(m.Gauge("shipper_files_unreadable", "Files that match and cannot be opened now."), func(s *tail.Stats) int64 { return s.Unreadable.Load() })
	files(m.Gauge("shipper_files_skipped", "Names that match and are no regular files, or not to be followed."), func(s *tail.Stats) int64 { return s.Skipped.Load() })
	files(m.Gauge("shipper_files_held", "Files that were deleted and are kept open until they are read."), func(s *tail.Stats) int64 { return s.HeldFiles.Load() })
	files(m.Gauge("shipper_files_held_bytes", "Disk space of deleted files that are kept open."), func(s *tail.Stats) int64 { return s.HeldBytes.Load() })
	files(m.Gauge("shipper_files_polling", "1 if inotify is not to be had and names are found by polling."), func(s *tail.Stats) int64 { return s.Polling.Load() })
	files(m.Counter("shipper_file_generations_total", "Contents begun: new files, and files truncated."), func(s *tail.Stats) int64 { return s.Generations.Load() })
	files(m.Counter("shipper_file_generations_resumed_total", "Contents found again after a restart or under another name."), func(s *tail.Stats) int64 { return s.Resumed.Load() })
	files(m.Counter("shipper_file_truncations_total", "Files found truncated or overwritten."), func(s *tail.Stats) int64 { return s.Truncations.Load() })
	files(m.Counter("shipper_file_long_lines_total", "Lines cut at the limit."), func(s *tail.Stats) int64 { return s.LongLines.Load() })
	files(m.Counter("shipper_file_losses_total", "Events that lost bytes; /books has the causes."), func(s *tail.Stats) int64 { return s.Losses.Load() })
	files(m.Counter("shipper_file_read_errors_total", "Reads that failed."), func(s *tail.Stats) int64 { return s.ReadErrors.Load() })
}

// writeBooks writes the accounts of all inputs; /books has them by file.
func (a *Agent) writeBooks(m *metrics.Writer) {
	entries, err := a.queue.Books()
	if err != nil {
		a.Log.Error("the books cannot be read", "err", err)
		return
	}
	type key struct {
		input, reason string
		kind          input.EntryKind
	}
	bytes, records := map[key]int64{}, map[string]int64{}
	for _, name := range a.readers.names() {
		for _, kind := range []input.EntryKind{input.Read, input.Queued} {
			bytes[key{name, "", kind}] = 0
		}
		records[name] = 0
	}
	for _, e := range entries {
		bytes[key{e.Input, e.Reason, e.Kind}] += e.Bytes
		if e.Kind == input.Queued {
			records[e.Input] += e.Count
		}
	}
	m.Counter("shipper_input_bytes_total", "Bytes by what became of them; read = queued + dropped + lost. Kept across restarts.")
	keys := slices.SortedFunc(maps.Keys(bytes), func(x, y key) int {
		return cmp.Or(cmp.Compare(x.input, y.input), cmp.Compare(x.kind, y.kind), cmp.Compare(x.reason, y.reason))
	})
	for _, k := range keys {
		m.Int(bytes[k], "input", k.input, "to", k.kind.String(), "reason", k.reason)
	}
	m.Counter("shipper_input_records_total", "Records queued. Kept across restarts.")
	for _, name := range slices.Sorted(maps.Keys(records)) {
		m.Int(records[name], "input", name)
	}
}

// writeRules writes what the rules in force did since they were loaded.
func (a *Agent) writeRules(m *metrics.Writer) {
	p := a.rules.Load()
	if p == nil {
		return
	}
	rules := func(f *metrics.Writer, value func(*pipeline.RuleStats) int64) {
		for i := range p.Stats.Rules {
			r := &p.Stats.Rules[i]
			f.Int(value(r), "rule", r.Name)
		}
	}
	rules(m.Counter("shipper_rule_hits_total", "Records a rule matched. Begins at 0 with each reload, as all that follow."), func(r *pipeline.RuleStats) int64 { return r.Hits.Load() })
	rules(m.Counter("shipper_rule_dropped_records_total", "Records a rule dropped."), func(r *pipeline.RuleStats) int64 { return r.Dropped.Load() })
	rules(m.Counter("shipper_rule_sampled_records_total", "Records a rule left out of its sample."), func(r *pipeline.RuleStats) int64 { return r.Sampled.Load() })
	rules(m.Counter("shipper_rule_limited_records_total", "Records dropped by a rule's rate limit."), func(r *pipeline.RuleStats) int64 { return r.Limited.Load() })
	m.Counter("shipper_unmatched_records_total", "Records that no rule decided on: they go to the default outputs.").Int(p.Stats.Unmatched.Load())
	m.Counter("shipper_redacted_values_total", "Secrets redacted, by what found them.")
	for i := range p.Stats.Redacted {
		m.Int(p.Stats.Redacted[i].Load(), "detector", pipeline.Detector(i).String())
	}
}

func (a *Agent) writeQueue(m *metrics.Writer) {
	s := &a.queue.Stats
	m.Gauge("shipper_queue_blocks", "Blocks that some output still lacks.").Int(s.Blocks.Load())
	m.Gauge("shipper_queue_bytes", "Size of the payload files.").Int(s.Bytes.Load())
	m.Gauge("shipper_queue_capacity_bytes", "Size at which the queue is full.").Int(int64(a.config().Queue.MaxBytes))
	m.Gauge("shipper_queue_full", "1 while reading waits for space in the queue.").Int(s.Full.Load())
	m.Gauge("shipper_queue_failing", "1 while the queue's disk fails and is tried again.").Int(s.Failing.Load())
	m.Gauge("shipper_queue_index_bytes", "Size of the queue's index.").Int(s.IndexBytes.Load())
	m.Counter("shipper_queue_commits_total", "Transactions.").Int(s.Commits.Load())
	m.Counter("shipper_queue_commit_seconds_total", "Time transactions took, fsyncs included.").Sample(time.Duration(s.CommitNanos.Load()).Seconds())
	m.Counter("shipper_queue_appended_blocks_total", "Blocks queued.").Int(s.Appended.Load())
	m.Counter("shipper_queue_appended_bytes_total", "Bytes of blocks queued.").Int(s.Payload.Load())
	m.Counter("shipper_queue_dropped_records_total", "Records dropped because the queue was full or they were too old.").Int(s.DropRecords.Load())
	m.Counter("shipper_queue_corrupt_blocks_total", "Blocks set aside because they could not be read.").Int(s.Corrupt.Load())
	m.Gauge("shipper_dead_letter_blocks", "Dead letters kept.").Int(s.DeadBlocks.Load())
	m.Gauge("shipper_dead_letter_bytes", "Size of the dead letters kept.").Int(s.DeadBytes.Load())
	m.Counter("shipper_dead_letter_records_total", "Records an output refused for good.").Int(s.DeadRecords.Load())
	m.Gauge("shipper_queue_rebuilt", "1 if the index was damaged and built again at the start.").Int(s.Rebuilt.Load())
}

func (a *Agent) writeOutputs(m *metrics.Writer) {
	var names []string // of outputs of which it is known how far they are behind
	var lags []queue.Lag
	for _, o := range a.senders.outputs() {
		if lag, err := a.queue.Lag(o.Name); err == nil { // else 0 would be a lie
			names, lags = append(names, o.Name), append(lags, lag)
		}
	}
	m.Gauge("shipper_queue_undelivered_blocks", "Blocks an output still lacks.")
	for i, lag := range lags {
		m.Int(lag.Blocks, "output", names[i])
	}
	outputs := func(f *metrics.Writer, value func(*deliver.Stats) int64) {
		for _, o := range a.senders.outputs() {
			f.Int(value(&o.Stats), "output", o.Name)
		}
	}
	outputs(m.Counter("shipper_output_requests_total", "Requests sent, again or for the first time."), func(s *deliver.Stats) int64 { return s.Requests.Load() })
	outputs(m.Counter("shipper_output_bytes_total", "Bytes of bodies sent, as they go over the wire."), func(s *deliver.Stats) int64 { return s.Bytes.Load() })
	outputs(m.Counter("shipper_output_blocks_total", "Blocks done with: stored by the receiver or dead letters."), func(s *deliver.Stats) int64 { return s.Blocks.Load() })
	outputs(m.Counter("shipper_output_records_total", "Records stored by the receiver."), func(s *deliver.Stats) int64 { return s.Records.Load() })
	outputs(m.Counter("shipper_output_lost_records_total", "Records that the receiver says it dropped."), func(s *deliver.Stats) int64 { return s.Lost.Load() })
	outputs(m.Counter("shipper_output_failed_requests_total", "Requests without a good answer, sent again."), func(s *deliver.Stats) int64 { return s.Failed.Load() })
	outputs(m.Counter("shipper_output_unauthorized_requests_total", "Requests refused for their credentials, sent again."), func(s *deliver.Stats) int64 { return s.Unauthorized.Load() })
	outputs(m.Counter("shipper_output_splits_total", "Requests that were too large."), func(s *deliver.Stats) int64 { return s.Splits.Load() })
	outputs(m.Counter("shipper_output_rejected_requests_total", "Requests that will never be accepted as they are."), func(s *deliver.Stats) int64 { return s.Rejected.Load() })
	outputs(m.Counter("shipper_output_dead_records_total", "Records that became dead letters."), func(s *deliver.Stats) int64 { return s.DeadRecords.Load() })
	outputs(m.Gauge("shipper_output_requests_in_flight", "Requests being sent now."), func(s *deliver.Stats) int64 { return s.InFlight.Load() })
	outputs(m.Gauge("shipper_output_requests_limit", "Requests in flight at most, as adapted to the receiver."), func(s *deliver.Stats) int64 { return s.Limit.Load() })
	outputs(m.Gauge("shipper_output_failing", "1 while the receiver does not take requests."), func(s *deliver.Stats) int64 { return s.Failing.Load() })
	m.Histogram("shipper_delivery_latency_seconds", "Time from when a block was queued to when the output was done with it.")
	for _, o := range a.senders.outputs() {
		m.Durations(&o.Stats.Latency, "output", o.Name)
	}
	m.Gauge("shipper_oldest_undelivered_seconds", "Since when the oldest block that an output lacks is queued.")
	for i, lag := range lags {
		m.Sample(lag.Age.Seconds(), "output", names[i])
	}
}
