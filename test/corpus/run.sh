#!/usr/bin/env bash
# Writes the corpora of internal/format again, with the real libraries: Go's, and
# Rust's where cargo is installed. The golden records are not touched: compare
# them with `go test ./internal/format`, and accept with `make golden`.
set -euo pipefail
cd "$(dirname "$0")"
out=$(realpath ../../internal/format/testdata)

(cd go && go run . "$out" 2>/dev/null)

if ! command -v cargo >/dev/null; then
    echo "corpus: no cargo here, the Rust corpora stay as they are" >&2
    exit 0
fi
cd rust
cargo build --quiet
bin=target/debug
for format in full full-ansi full-thread-file-line; do
    mkdir -p "$out/tracing-full"
    $bin/tracing $format >"$out/tracing-full/${format}.log"
done
mkdir -p "$out/tracing-json"
$bin/tracing json >"$out/tracing-json/default.log"
$bin/tracing json-flatten >"$out/tracing-json/flatten.log"
mkdir -p "$out/env_logger"
for format in default millis micros nanos; do
    $bin/env_logger $format >"$out/env_logger/$format.log"
done
mkdir -p "$out/rust-panic"
for how in index multiline named-thread unwrap assert; do
    RUST_BACKTRACE=0 $bin/crash $how 2>"$out/rust-panic/$how.log" >/dev/null || true
    RUST_BACKTRACE=1 $bin/crash $how 2>"$out/rust-panic/$how-backtrace.log" >/dev/null || true
done
