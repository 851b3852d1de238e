#!/usr/bin/env bash
# Writes the corpora of internal/format, or another directory, again with the
# real libraries: Go's, and Rust's where cargo is installed. What was written by
# hand and the golden records are not touched: compare them with
# "go test ./internal/format", and accept with "make golden".
#
#   run.sh [DIR]
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p "${1:-../../internal/format/testdata}"
out=$(realpath "${1:-../../internal/format/testdata}")
export TZ=UTC TERM=xterm-256color

(cd go && GOFLAGS= go run -trimpath . "$out" 2>/dev/null)

if ! command -v cargo >/dev/null; then
    echo "corpus: no cargo here, the Rust corpora stay as they are" >&2
    exit 0
fi
cd rust
cargo build --quiet
bin=${CARGO_TARGET_DIR:-target}/debug

# corpus FORMAT CASE COMMAND... writes what a command writes, with the paths of a container.
corpus() {
    local file=$out/$1/$2.log
    shift 2
    if [ -e "${file%.log}.expected.json" ]; then
        echo "corpus: $file has expectations" >&2
        exit 1
    fi
    mkdir -p "$(dirname "$file")"
    { "$@" 2>&1 || true; } | sed -E "s#$HOME/.cargo/registry/src/[^/]*/#/cargo/registry/#g; s#$PWD/#/src/shop/#g; s#$HOME/.rustup/toolchains/[^/]*/lib/rustlib/src/rust/#/rustc/#g; s#\"hostname\":\"[^\"]*\"#\"hostname\":\"node-17\"#" >"$file"
}

for how in full full-ansi full-thread-file-line full-no-target full-uptime full-chrono-local full-chrono-blank full-span-events; do
    corpus tracing-full "tracing-${how#full-}" "$bin/tracing" $how
done
for how in compact compact-ansi compact-thread-file-line; do
    corpus tracing-compact "tracing-$how" "$bin/tracing" $how
done
for how in pretty pretty-ansi pretty-thread; do
    corpus tracing-pretty "tracing-$how" "$bin/tracing" $how
done
for how in json json-flatten json-full json-current-span json-no-span json-span-events json-uptime json-subscriber; do
    corpus tracing-json "tracing-$how" "$bin/tracing" $how
done
corpus bunyan tracing-bunyan "$bin/tracing" bunyan
corpus bunyan slog-bunyan "$bin/slogrs" bunyan
corpus gcp-json tracing-stackdriver "$bin/tracing" stackdriver
corpus tracing-logfmt tracing-logfmt "$bin/tracing" logfmt
corpus tracing-logfmt tracing-logfmt-location "$bin/tracing" logfmt-location
corpus slog-term slog-full "$bin/slogrs" term-full
corpus slog-term slog-full-utc-original "$bin/slogrs" term-full-utc-original
corpus slog-term slog-full-colour "$bin/slogrs" term-full-colour
corpus slog-term-compact slog-compact "$bin/slogrs" term-compact
corpus slog-rs-json slog-json "$bin/slogrs" json
corpus logfmt slog-logfmt "$bin/slogrs" logfmt

for how in env_logger env_logger-millis env_logger-micros env_logger-nanos env_logger-no-time env_logger-no-target \
    env_logger-module-file-line env_logger-indent env_logger-colour env_logger-custom; do
    corpus env_logger "crate-${how#env_logger-}" "$bin/facade" $how
done
corpus pretty_env_logger crate-plain "$bin/facade" pretty_env_logger
corpus pretty_env_logger crate-timed "$bin/facade" pretty_env_logger-timed
for how in simple_logger simple_logger-colour simple_logger-threads simple_logger-no-time; do
    corpus simple_logger $how "$bin/facade" $how
done
for how in simplelog simplelog-rfc3339 simplelog-threads simplelog-term; do
    corpus simplelog $how "$bin/facade" $how
done
for how in stderrlog stderrlog-seconds stderrlog-micros; do
    corpus stderrlog $how "$bin/facade" $how
done
corpus femme femme "$bin/facade" femme
for how in fern fern-old fern-colour; do
    corpus fern $how "$bin/facade" $how
done
for how in flexi_logger flexi_logger-opt flexi_logger-detailed flexi_logger-thread flexi_logger-colour; do
    corpus flexi_logger $how "$bin/facade" $how
done
corpus json flexi_logger "$bin/facade" flexi_logger-json
for how in log4rs log4rs-pattern log4rs-colour; do
    corpus log4rs $how "$bin/facade" $how
done
corpus log4rs-json log4rs "$bin/facade" log4rs-json

export RUST_BACKTRACE=0
corpus rocket rocket "$bin/web"
corpus rocket rocket-colour "$bin/web" colour
corpus mixed rocket-panic "$bin/web" panic
for how in panic format empty multiline quoted json index divide overflow slice expect unwrap unwrap-none anyhow-unwrap assert \
    assert-eq assert-ne unreachable todo unimplemented refcell any named-thread thread join-unwrap double formatter \
    extern-c stack-overflow out-of-memory capacity tokio-task tokio-blocking tokio-unwrap poison; do
    corpus rust-panic "crash-$how" "$bin/crash" $how
done
for how in index multiline named-thread expect double tokio-task join-unwrap; do
    RUST_BACKTRACE=1 corpus rust-panic "backtrace-$how" "$bin/crash" $how
done
for how in index named-thread; do
    RUST_BACKTRACE=full corpus rust-panic "backtrace-full-$how" "$bin/crash" $how
done
for how in error error-multiline error-plain error-empty error-eyre; do
    corpus rust-error "main-$how" "$bin/crash" $how
done
RUST_BACKTRACE=1 corpus rust-error main-error-backtrace "$bin/crash" error
corpus rust-error main-boxed-io "$bin/fails" io
corpus rust-error main-boxed-parse "$bin/fails" parse
corpus color-eyre report "$bin/crash" color-eyre
RUST_BACKTRACE=1 corpus color-eyre report-backtrace "$bin/crash" color-eyre
corpus color-eyre panic "$bin/crash" color-eyre-panic
corpus mixed crash-catch "$bin/crash" catch
corpus mixed tracing-and-panic "$bin/crash" tracing-panic
RUST_BACKTRACE=1 corpus mixed tracing-and-panic-backtrace "$bin/crash" tracing-panic
