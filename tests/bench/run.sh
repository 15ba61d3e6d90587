#!/usr/bin/env bash
# Builds and runs all benchmarks and prints one table, each figure beside a floor measured in the same run:
#   tests/bench/run.sh [BUILD_DIR]        (default: build)
# Takes about fifteen minutes on two processors, half of it for the searches of tuning jobs. Exits with 1 where a
# benchmark could not run; a budget that is not met says OVER in its line.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
build="$(realpath -m "${1:-$root/build}")"
cd "$root"
# Configured before by tests/run.sh or by hand: its options stay.
[[ -f "$build/CMakeCache.txt" ]] || cmake -S . -B "$build" -G Ninja >/dev/null
cmake --build "$build" --target bench >&2

export SAGEMAKER_LOCAL_BIN="$build/bin/sagemaker-local"
code=0

# Milliseconds of the faster of two compilations, without ccache: the first one warms the disk cache.
compile_ms() {
  local start best=0 took
  for _ in 1 2; do
    start=$(date +%s%N)
    c++ "@$build/tests/bench/compile-flags.txt" -O0 -c "$1" -o "$build/tests/bench/compiled.o"
    took=$((($(date +%s%N) - start) / 1000000))
    if ((best == 0 || took < best)); then best=$took; fi
  done
  echo "$best"
}

# Another S3 server to compare with: moto, where PyPI answers. Its port is a free one.
peer_pid=
start_peer() {
  local folder="$build/tests/bench/peer" port
  if [[ ! -x "$folder/bin/moto_server" ]]; then
    { python3 -m venv --clear "$folder" && "$folder/bin/pip" install --quiet --retries 1 "moto[server,s3]==5.2.5"; } \
      >&2 2>&1 || return 0
  fi
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  "$folder/bin/moto_server" -H 127.0.0.1 -p "$port" >/dev/null 2>&1 &
  peer_pid=$!
  for _ in $(seq 100); do
    if curl --silent --output /dev/null "http://127.0.0.1:$port/"; then
      export SAGEMAKER_BENCH_PEER="moto http://127.0.0.1:$port"
      return 0
    fi
    sleep 0.2
  done
}
# The searches of tuning jobs, beside Optuna's: of the release that works with Debian's torch, where that is there and
# PyPI answers, else of the one that is installed. Its Gaussian process takes its time, so it gets fewer seeds here;
# tuning_optuna.py by hand compares with as many as wanted.
compare_tuning() {
  local folder="$build/tests/bench/optuna" python=python3 candidate
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import optuna' 2>/dev/null; then python="$candidate"; fi
    if [[ -x "$folder/bin/optuna" ]] || ! "$candidate" -c 'import torch, scipy' 2>/dev/null; then continue; fi
    "$candidate" -m venv --clear --system-site-packages "$folder" >&2 &&
      "$folder/bin/pip" install --quiet --retries 1 optuna==4.5.0 >&2 || rm -rf "$folder"
  done
  if [[ -x "$folder/bin/optuna" ]]; then python="$folder/bin/python"; fi
  timeout 400 "$build/bin/bench_tuning" --csv >"$build/tests/bench/tuning.csv" || return
  timeout 400 "$build/bin/bench_tuning" --csv --parallel 4 --function branin --function hartmann6 \
    >"$build/tests/bench/tuning_parallel.csv" || return
  timeout 600 "$python" tests/bench/tuning_optuna.py --ours "$build/tests/bench/tuning.csv" \
    --ours "$build/tests/bench/tuning_parallel.csv" --gp-seeds 2 || return
  timeout 100 "$build/bin/bench_tuning" --times
}

trap '[[ -z "$peer_pid" ]] || kill "$peer_pid"' EXIT

processor="$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort -u)"
printf '%s, %s processors, %s\n\n' "$(date -u +%F)" "$(nproc)" "$processor"
printf '%-46s %14s  %-44s %8s  %-18s\n' what measured floor ratio budget
for name in startup control_plane codecs signatures s3 s3_client serving serving_stacks gateway training \
  training_jobs training_inputs transform distributed; do
  program="$build/bin/bench_$name"
  if [[ ! -x "$program" ]]; then
    echo "$name: left out, it needs libtorch"
    continue
  fi
  if [[ "$name" == s3 ]]; then start_peer; fi
  timeout 400 "$program" || { code=1; echo "$name: could not be measured (exit code $?)"; }
done
if [[ -x "$build/bin/bench_tuning" ]]; then
  echo
  compare_tuning || { code=1; echo "tuning: could not be measured"; }
  echo
fi
header=$(compile_ms tests/bench/header.cpp)
floor=$(compile_ms tests/bench/header_floor.cpp)
printf '%-46s %11d ms  %-44s %8s  %-18s %s\n' "compiling #include <sagemaker/sagemaker.hpp>, -O0" "$header" \
  "httplib.h and nlohmann/json.hpp: $floor ms" "$(awk "BEGIN { printf \"%.2f\", $header / $floor }")" "<= 3000 ms" \
  "$( ((header <= 3000)) && echo ok || echo OVER)"
exit "$code"
