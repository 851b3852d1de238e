# Only Go and make are needed. "make help" lists the targets.

GO       ?= go
FUZZTIME ?= 10s
BENCH    ?= .
BASE     ?= HEAD

.PHONY: build demo test race e2e fault fault-all soak fuzz lint golden docs corpus servers bench bench-compare clean help
.DEFAULT_GOAL := build

build: ## bin/shipper, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/shipper ./cmd/shipper

demo: build ## agent and indexer on logs written live; Ctrl-C ends it
	$(GO) build -o bin/demo ./test/demo
	@exec bin/demo

test: ## the whole test suite; the last line says what of the fault suite was skipped
	$(GO) test $$($(GO) list ./... | grep -v /test/fault)
	@$(MAKE) --no-print-directory fault

race: ## the whole test suite under the race detector
	$(GO) test -race ./...

e2e: ## the tests that drive the built binary, anew
	$(GO) test -count=1 -v ./test/e2e/...

fault: ## the fault suite of docs/guarantees.md, anew; its last line is the summary
	bash -o pipefail -c '$(GO) test -count=1 -timeout 25m -v ./test/fault/... | grep -v "^ *=== "'

fault-all: ## the fault suite with its long cases
	SHIPPER_BLOCKED=3m $(GO) test -count=1 -v -run TestBlockedOutput ./test/e2e
	SHIPPER_FAULT=all bash -o pipefail -c '$(GO) test -count=1 -timeout 90m -v ./test/fault/... | grep -v "^ *=== "'

SOAK ?= 30m
soak: ## everything at once for SOAK; a report and a plot into soak/
	SOAK=$(SOAK) SOAK_OUT=$(CURDIR)/soak $(GO) test -count=1 -timeout 0 -v -run TestSoak ./test/fault

fuzz: ## each fuzz target for FUZZTIME
	GO="$(GO)" FUZZTIME=$(FUZZTIME) bash test/fuzz.sh

lint: ## vet, staticcheck, gofmt
	$(GO) vet ./...
	$(GO) vet -tags failpoints ./internal/... ./cmd/...
	$(GO) tool staticcheck ./...
	@files=$$(gofmt -l .); test -z "$$files" || { echo "not formatted:"; echo "$$files"; exit 1; }

golden: ## write the golden files anew; look at the difference before committing
	$(GO) test $$(grep -rl '"update"' --include='*_test.go' internal | xargs -n1 dirname | sort -u | sed 's#^#./#') -update

docs: ## docs/formats.md anew, from the corpora of internal/format
	$(GO) test ./internal/format -run TestDocs -update

corpus: ## the log samples anew, from the real Go and, with cargo, Rust libraries; then "make golden"
	bash test/corpus/run.sh

servers: ## Loki, VictoriaLogs and an OpenTelemetry Collector into bin/servers, for test/e2e; takes minutes
	@mkdir -p bin/servers
	cd test/servers/victorialogs && CGO_ENABLED=0 $(GO) build -o ../../../bin/servers/victoria-logs github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-logs
	cd test/servers/otelcol && CGO_ENABLED=0 $(GO) build -o ../../../bin/servers/otelcol .
	cd test/servers/loki && CGO_ENABLED=0 $(GO) build -o ../../../bin/servers/loki github.com/grafana/loki/v3/cmd/loki

bench: build ## the reference load: CPU, memory, disk, missing and repeated records
	$(GO) run ./test/bench

bench-compare: ## the Go micro-benchmarks of BASE against the work tree
	GO="$(GO)" BENCH='$(BENCH)' bash test/bench-compare.sh $(BASE)

clean: ## what the other targets made
	rm -rf bin dist demo soak

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 18
