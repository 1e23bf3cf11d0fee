# How the scripts speak: a line when a step begins, with the minutes and seconds since the start.
# Sourced, not run.

say() {
  printf '\033[1m[%02d:%02d]\033[0m %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"
}

die() {
  printf '\033[1;31merror:\033[0m %s\n' "$*" >&2
  exit 1
}

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
