#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME each, as many at a time as
# there are cores. New targets are found by themselves.
set -euo pipefail
cd "$(dirname "$0")/.."
export GO=${GO:-go} FUZZTIME=${FUZZTIME:-10s}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export out

fuzz() { # FILE:func TARGET
	local pkg=./${1%/*} target=${1##* }
	local log=$out/${pkg//\//_}.$target
	# Short minimizing: by default a new input may be minimized for a minute.
	if "$GO" test "$pkg" -run '^$' -fuzz "^$target\$" -parallel 1 -fuzztime "$FUZZTIME" -fuzzminimizetime 20x >"$log" 2>&1 </dev/null; then
		echo "fuzz $pkg $target for $FUZZTIME: $(grep -o 'execs: [0-9]*' "$log" | tail -1)"
	# Go reports an execution that the end of the time cut short as a failure.
	elif grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log"; then
		echo "fuzz $pkg $target for $FUZZTIME: cut short by its end"
	else
		echo "fuzz $pkg $target: failed"
		cat "$log"
		touch "$log.failed"
	fi
}
export -f fuzz

targets=$(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's#^\./##' | sort)
xargs -P "$(getconf _NPROCESSORS_ONLN)" -d '\n' -I{} bash -c 'fuzz "$1"' _ {} <<<"$targets"
count=$(wc -l <<<"$targets")
failed=$(find "$out" -name '*.failed' | wc -l)
echo "$((count - failed)) passed, $failed failed"
[ "$failed" -eq 0 ] && [ -n "$targets" ]
