#!/usr/bin/env bash
# Compares the micro-benchmarks of a revision with those of the work tree.
# bench-compare.sh REVISION; BENCH selects benchmarks, COUNT is how often each runs.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
base=${1:?revision}
dir=$(mktemp -d)
trap 'git worktree remove --force "$dir/base" 2>/dev/null; rm -rf "$dir"' EXIT
git worktree add --quiet --detach "$dir/base" "$base"
measure() {
	(cd "$1" && "$go" test -run '^$' -bench "${BENCH:-.}" -benchmem -count "${COUNT:-10}" ./internal/...) | grep -E '^(goos|goarch|pkg|cpu|Benchmark)' >"$2" || true
}
echo "benchmarks of $base ..."
measure "$dir/base" "$dir/old"
echo "benchmarks of the work tree ..."
measure . "$dir/new"
"$go" tool benchstat "$dir/old" "$dir/new"
