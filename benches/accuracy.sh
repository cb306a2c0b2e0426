#!/usr/bin/env bash
# Trains every task of the accuracy table and puts the table into benches/RESULTS.md. Names choose some of them,
# whose table is then printed alone: benches/accuracy.sh sine burgers
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# -gt 0 ]; then
    exec cargo bench --locked --bench accuracy -- "$@"
fi
table=$(mktemp)
trap 'rm -f "$table"' EXIT
cargo bench --locked --bench accuracy | tee "$table"
# Between the two marks.
sed -i -e "/<!-- accuracy -->/,/<!-- \/accuracy -->/{/<!-- accuracy -->/r $table" -e '/<!-- accuracy -->\|<!-- \/accuracy -->/!d}' \
    benches/RESULTS.md
