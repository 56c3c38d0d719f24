#!/usr/bin/env bash
# compile_time.sh SECONDS YARDSTICK SOURCE COMPILER ARGUMENTS…: fails when SOURCE takes more processor
# time to compile than SECONDS and, as a slow machine says nothing of the source, than two and a half
# times YARDSTICK, a source of standard headers. The fastest of three each, taken in turn.
set -euo pipefail
limit=$1 yardstick=$2 source=$3
shift 3
object=$(mktemp)
trap 'rm -f "$object"' EXIT
TIMEFORMAT='%U %S'
spent() { # seconds to compile $1 with the other arguments
  local file=$1
  shift
  { time "$@" -c -o "$object" "$file" >&2; } 2>&1 | tail -n 1 | awk '{ print $1 + $2 }'
}
least() { awk -v a="${1:-$2}" -v b="$2" 'BEGIN { print a < b ? a : b }'; }
best='' standard=''
for _ in 1 2 3; do
  took=$(spent "$source" "$@")
  best=$(least "$best" "$took")
  took=$(spent "$yardstick" "$@")
  standard=$(least "$standard" "$took")
done
echo "compiled in $best s of processor time (limit $limit s), standard headers alone in $standard s"
awk -v best="$best" -v limit="$limit" -v standard="$standard" \
  'BEGIN { exit best <= limit || best <= 2.5 * standard ? 0 : 1 }'
