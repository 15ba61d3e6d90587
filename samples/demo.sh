#!/usr/bin/env bash
# MNIST end to end on this machine: sets up, builds, starts an emulator of SageMaker, trains a C++ program as a training
# job, deploys it, sends 10,000 test images through the endpoint and prints the accuracy. Leaves nothing running.
#   samples/demo.sh
# Options, by environment:
#   SAGEMAKER_SKIP_SETUP=1       install nothing
#   SAGEMAKER_DATA_DIR=folder    a folder that holds mnist/ with the four files
#   BUILD_DIR=folder             instead of build/
#   SAGEMAKER_JOBS=4             compilers at once; the default suits the processors and the free memory
# The exit code is 0 when the accuracy is at least 97.5 %.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

started=$SECONDS
step_started=$SECONDS
say() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
took() { note "($((SECONDS - step_started)) s)"; step_started=$SECONDS; }

# ---- whatever happens, nothing stays behind ----------------------------------------------------
work=""
emulator=""
sample=""
stop() {  # a process of ours: SIGTERM, up to 10 s, SIGKILL
  local pid="$1"
  [[ -n "$pid" ]] && kill -0 "$pid" 2>/dev/null || return 0
  kill -TERM "$pid" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}
clean_up() {
  local code=$?
  trap - EXIT INT TERM HUP
  stop "$sample"
  stop "$emulator"
  [[ -z "$work" ]] || rm -rf "$work"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# ---- the environment: nothing of the caller's AWS set-up or proxy may reach the demo -----------
while IFS= read -r name; do
  case "$name" in AWS_* | SAGEMAKER_ROLE) unset "$name" ;; esac
done < <(compgen -e)
export LC_ALL=C.UTF-8
export NO_PROXY="127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}"
export no_proxy="$NO_PROXY"

build="${BUILD_DIR:-build}"
mkdir -p "$build"
build="$(cd "$build" && pwd)"
if [[ -z "${HOME:-}" || ! -w "${HOME:-/nonexistent}" ]]; then  # compilers' caches and ours need a home
  mkdir -p "$build/home"
  export HOME="$build/home"
fi
cache="${XDG_CACHE_HOME:-$HOME/.cache}/sagemaker-cpp"
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1
export CCACHE_SLOPPINESS="${CCACHE_SLOPPINESS:-pch_defines,time_macros,include_file_mtime,include_file_ctime}"

# ---- 1. packages -------------------------------------------------------------------------------
say "1. What the build needs"
[[ -n "${SAGEMAKER_SKIP_SETUP:-}" ]] || bash samples/setup.sh
took

# ---- 2. build ----------------------------------------------------------------------------------
# A file that includes libtorch takes 1.3 GB to compile, so memory limits the number of compilers as processors do.
jobs="${SAGEMAKER_JOBS:-}"
if [[ -z "$jobs" ]]; then
  jobs="$(nproc)"
  by_memory=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo) / 1024 / 1500))
  if ((by_memory < jobs)); then jobs=$by_memory; fi
  if ((jobs < 1)); then jobs=1; fi
fi
say "2. Building the emulator, the C++ image and the sample ($jobs compilers at once)"
log="$build/demo-build.log"
options=(-DSAGEMAKER_BUILD_EMULATOR=ON -DSAGEMAKER_BUILD_SAMPLES=ON)
[[ -f "$build/CMakeCache.txt" ]] || options+=(-DSAGEMAKER_BUILD_TESTS=OFF)  # a folder that has tests keeps them
if ! cmake -S . -B "$build" -G Ninja "${options[@]}" >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
if ! cmake --build "$build" --parallel "$jobs" \
  --target sagemaker-local sagemaker-cpp-image sagemaker_cpp_sample sample_01_mnist >>"$log" 2>&1; then
  tail -n 60 "$log" >&2
  note "the whole output is in $log" >&2
  exit 1
fi
took

# ---- 3. data -----------------------------------------------------------------------------------
say "3. MNIST"
names=(train-images-idx3-ubyte train-labels-idx1-ubyte t10k-images-idx3-ubyte t10k-labels-idx1-ubyte)
sums=(440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
  3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c
  8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6
  f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6)
mirrors=(https://ossci-datasets.s3.amazonaws.com/mnist https://storage.googleapis.com/cvdf-datasets/mnist)

holds_mnist() {
  local name
  for name in "${names[@]}"; do [[ -f "$1/$name" || -f "$1/$name.gz" ]] || return 1; done
}
# One file into the cache, from the first mirror that gives what the checksum says.
fetch() {
  local name="$1.gz" sum="$2" mirror
  [[ -f "$cache/mnist/$name" ]] && return 0
  for mirror in "${mirrors[@]}"; do
    if curl --fail --silent --location --connect-timeout 10 --max-time 300 \
      -o "$cache/mnist/$name.part" "$mirror/$name" &&
      sha256sum --check --status <<<"$sum  $cache/mnist/$name.part"; then
      mv "$cache/mnist/$name.part" "$cache/mnist/$name"
      return 0
    fi
    rm -f "$cache/mnist/$name.part"
  done
  return 1
}
data=""
for folder in "${SAGEMAKER_DATA_DIR:-/nonexistent}/mnist" "$root/../shared/data/mnist" "$cache/mnist"; do
  if holds_mnist "$folder"; then
    data="$(cd "$folder" && pwd)"
    note "found in $data"
    break
  fi
done
if [[ -z "$data" ]]; then
  note "not on this machine: downloading 11 MB"
  mkdir -p "$cache/mnist"
  data="$cache/mnist"
  for index in "${!names[@]}"; do
    if ! fetch "${names[$index]}" "${sums[$index]}"; then
      data=""
      break
    fi
  done
  if [[ -n "$data" ]]; then
    note "downloaded to $data, checksums verified"
  else
    note "the download failed: going on with digits that the sample renders itself"
  fi
fi
took

# ---- 4. the emulator ---------------------------------------------------------------------------
say "4. Starting sagemaker-local"
work="$(mktemp -d "${TMPDIR:-/tmp}/sagemaker-demo-XXXXXX")"
"$build/bin/sagemaker-local" --port 0 --data-dir "$work/data" >"$work/ready" 2>"$work/log" </dev/null &
emulator=$!
endpoint=""
for _ in $(seq 300); do
  endpoint="$(sed -n 's/^ready: //p' "$work/ready" 2>/dev/null)"
  [[ -z "$endpoint" ]] || break
  kill -0 "$emulator" 2>/dev/null || break
  sleep 0.1
done
if [[ -z "$endpoint" ]]; then
  note "it did not start:" >&2
  cat "$work/log" >&2
  exit 1
fi
note "it answers at $endpoint"
took

# ---- 5. the sample -----------------------------------------------------------------------------
say "5. Uploading, training, deploying, predicting (AWS_ENDPOINT_URL=$endpoint)"
export AWS_ENDPOINT_URL="$endpoint" AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
"$build/bin/sample_01_mnist" ${data:+--data "$data"} &
sample=$!
code=0
wait "$sample" || code=$?
sample=""
took
if ((code != 0)); then
  note "the sample failed; the end of the emulator's log:" >&2
  tail -n 20 "$work/log" >&2
fi
say "Done in $((SECONDS - started)) s; stopping the emulator and removing its data"
exit "$code"
