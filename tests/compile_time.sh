#!/usr/bin/env bash
# compile_time.sh SECONDS COMPILER ARGUMENTS…: fails when the fastest of three compilations takes
# more processor time than SECONDS.
set -euo pipefail
limit=$1
shift
object=$(mktemp)
trap 'rm -f "$object"' EXIT
TIMEFORMAT='%U %S'
best=
for _ in 1 2 3; do
  spent=$({ time "$@" -c -o "$object" >&2; } 2>&1 | tail -n 1 | awk '{ print $1 + $2 }')
  best=$(awk -v a="${best:-$spent}" -v b="$spent" 'BEGIN { print a < b ? a : b }')
done
echo "compiled in $best s of processor time (limit $limit s)"
awk -v best="$best" -v limit="$limit" 'BEGIN { exit best <= limit ? 0 : 1 }'
