#!/bin/sh
# Runs every fuzz target for a bounded time, as many at once as there are processors:
#   tests/fuzz/run.sh build/bin/fuzz FOLDER [TARGET...]
#   FUZZ_SECONDS=3600 FUZZ_SEED=0 tests/fuzz/run.sh ...        a long hunt, another one each time (0: from the clock)
# The seed is fixed unless given, so that the suite does the same work every time. What breaks a target is left in
# FOLDER/findings; `FUZZ_TARGET=name build/bin/fuzz FILE` runs it again.
set -eu
program=$1
folder=$2
shift 2
seconds=${FUZZ_SECONDS:-20}
seed=${FUZZ_SEED:-1}
if [ ! -x "$program" ]; then
  echo "SKIPPED: there is no $program: it needs Clang with libFuzzer (Debian: clang, libclang-rt-14-dev)"
  exit 77
fi

rm -rf "$folder"
mkdir -p "$folder/findings" "$folder/logs"
if ! ASAN_OPTIONS=detect_leaks=0 FUZZ_SEEDS="$folder/seeds" "$program" >"$folder/logs/seeds" 2>&1; then
  cat "$folder/logs/seeds"
  grep -q ReserveShadowMemoryRange "$folder/logs/seeds" || exit 1
  echo "SKIPPED: AddressSanitizer needs more address space than this machine allows (ulimit -v)"
  exit 77
fi
if [ $# -eq 0 ]; then
  for corpus in "$folder"/seeds/*/; do set -- "$@" "$(basename "$corpus")"; done
fi

# -timeout: an input that takes so long is a finding; -rss_limit_mb: so is one that takes so much memory.
one() {
  FUZZ_TARGET=$1 "$program" "$folder/seeds/$1" -dict="$folder/seeds/$1.dict" -max_total_time="$seconds" -seed="$seed" \
    -max_len=4096 -timeout=10 -rss_limit_mb=2048 -detect_leaks="$leaks" -print_final_stats=1 \
    -artifact_prefix="$folder/findings/$1-" >"$folder/logs/$1" 2>&1 || touch "$folder/logs/$1.failed"
}
# Leaks are looked for by a process that traces this one, which not every machine allows.
leaks=1
if ASAN_OPTIONS=detect_leaks=1 FUZZ_SEEDS="$folder/seeds" "$program" 2>&1 |
  grep -q "LeakSanitizer has encountered"; then
  echo "no memory leaks are looked for: LeakSanitizer does not work here"
  leaks=0
fi
export ASAN_OPTIONS="detect_leaks=$leaks:${ASAN_OPTIONS:-}" UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
limit=$(nproc)
running=0
for target in "$@"; do
  one "$target" &
  running=$((running + 1))
  if [ "$running" -ge "$limit" ]; then
    wait # sh cannot wait for whichever ends first, and all of them take the same time
    running=0
  fi
done
wait

code=0
for target in "$@"; do
  log="$folder/logs/$target"
  printf '%-18s %s\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: */executions: /p' "$log") $(
    sed -n 's/.*\(cov: [0-9]* ft: [0-9]* corp: [0-9]*\).*/\1/p' "$log" | tail -n 1)"
  if [ -e "$log.failed" ]; then
    code=1
    echo "FAILED, with the last lines of its log:"
    tail -n 60 "$log"
  fi
done
exit $code
