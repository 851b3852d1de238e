#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME each. New targets are found
# by themselves.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
time=${FUZZTIME:-10s}
failed=0
count=0
while IFS=: read -r file target; do
	pkg=./$(dirname "$file")
	echo "fuzz $pkg $target for $time"
	count=$((count + 1))
	# Short minimizing: by default a new input may be minimized for a minute.
	if ! out=$("$go" test "$pkg" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 20x 2>&1 </dev/null); then
		# Go reports an execution that the end of the time cut short as a failure.
		if grep -q 'context deadline exceeded' <<<"$out" && ! grep -q 'Failing input' <<<"$out"; then
			continue
		fi
		echo "$out"
		failed=$((failed + 1))
	fi
done < <(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's#^\./##; s#:func #:#' | sort)
echo "$((count - failed)) passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$count" -gt 0 ]
