#!/usr/bin/env bash
# Sets up, builds and tests everything, on any Debian or Ubuntu machine and from an empty clone:
#   tests/run.sh                       everything
#   tests/run.sh -R sigv4              arguments go to ctest
# Options, by environment:
#   SAGEMAKER_SANITIZE=address,undefined   (or thread) in a build folder of its own
#   SAGEMAKER_JOBS=4                       compilers at once; the default suits the processors and the free memory
#   SAGEMAKER_SKIP_SETUP=1                 install nothing
#   BUILD_DIR=folder                       instead of build/
#   CMAKE_ARGS="-DTorch_DIR=..."           for the configuration
# The last lines are ctest's summary; the exit code is ctest's.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

say() { printf 'run.sh: %s\n' "$*"; }

# ---- the environment: nothing of the caller's AWS set-up, locale or proxy may decide a test ----
while IFS= read -r name; do
  case "$name" in AWS_* | SM_* | SAGEMAKER_LOCAL_BIN | SAGEMAKER_BUILD_DIR | SAGEMAKER_SOURCE_DIR) unset "$name" ;; esac
done < <(compgen -e)
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
export NO_PROXY="127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}"
export no_proxy="$NO_PROXY"

sanitize="${SAGEMAKER_SANITIZE:-}"
build="${BUILD_DIR:-build${sanitize:+-${sanitize//,/-}}}"
build_type="$([[ -n "$sanitize" ]] && echo RelWithDebInfo || echo Release)"
mkdir -p "$build"
build="$(cd "$build" && pwd)"

# A machine for continuous integration may have no home at all, or one that cannot be written.
if [[ -z "${HOME:-}" || ! -w "${HOME:-/nonexistent}" ]]; then
  mkdir -p "$build/home"
  export HOME="$build/home"
fi
# The same objects for every checkout of this project, wherever it lies; precompiled headers included.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1
export CCACHE_SLOPPINESS="${CCACHE_SLOPPINESS:-pch_defines,time_macros,include_file_mtime,include_file_ctime}"

# ---- how much at once --------------------------------------------------------------------------
# A file that includes libtorch takes 1.3 GB to compile, so memory limits the number of compilers as processors do.
memory_mb() {
  local available limit used
  available=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo) / 1024))
  if limit="$(cat /sys/fs/cgroup/memory.max 2>/dev/null)" && [[ "$limit" =~ ^[0-9]+$ ]]; then
    used="$(cat /sys/fs/cgroup/memory.current)"
    limit=$(((limit - used) / 1048576))
    ((limit < available)) && available=$limit
  fi
  echo "$available"
}
processors() {
  local count quota period
  count="$(nproc)"
  if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [[ "$quota" =~ ^[0-9]+$ ]]; then
    quota=$(((quota + period - 1) / period))
    ((quota < count)) && count=$quota
  fi
  echo "$count"
}
jobs="${SAGEMAKER_JOBS:-}"
if [[ -z "$jobs" ]]; then
  jobs="$(processors)"
  by_memory=$(($(memory_mb) / 1500))
  ((by_memory < jobs)) && jobs=$by_memory
  ((jobs < 1)) && jobs=1
fi

tree_state() { git status --porcelain 2>/dev/null || true; }
before="$(tree_state)"

# ---- set up, configure, build ------------------------------------------------------------------
[[ -n "${SAGEMAKER_SKIP_SETUP:-}" ]] || bash samples/setup.sh --tests
exec </dev/null # nothing from here on may wait for somebody to type

started=$SECONDS
read -r -a cmake_args <<<"${CMAKE_ARGS:-}"
say "configuring into $build ($build_type${sanitize:+, sanitizers: $sanitize})"
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE="$build_type" -DSAGEMAKER_SANITIZE="$sanitize" \
  -DSAGEMAKER_BUILD_TESTS=ON -DSAGEMAKER_BUILD_EMULATOR=ON -DSAGEMAKER_BUILD_SAMPLES=ON "${cmake_args[@]}"
say "building, $jobs at once"
cmake --build "$build" --parallel "$jobs"
say "built in $((SECONDS - started)) s"

# ---- test --------------------------------------------------------------------------------------
# One test at a time: several of them start processes that use every processor, and a test that waits for another one's
# work is a test that fails now and then. The summary is held back until the reasons for skipped tests are printed.
export CMAKE_BUILD_PARALLEL_LEVEL="$jobs"   # for tests that build
if [[ -n "$sanitize" ]]; then
  export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:strict_string_checks=1}"
  export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}"
  export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1}"
fi
summary="$build/test-summary.txt"
: >"$summary"
hold_back_summary() { # line by line, so that progress shows while the tests run
  local line held=
  while IFS= read -r line || [[ -n "$line" ]]; do
    [[ "$line" =~ ^[0-9]+%\ tests\ passed ]] && held=yes
    if [[ -n "$held" ]]; then printf '%s\n' "$line" >>"$summary"; else printf '%s\n' "$line"; fi
  done
}
log="$build/Testing/Temporary/LastTest.log"
rm -f "$log"
code=0
ctest --test-dir "$build" --output-on-failure --no-tests=error "$@" 2>&1 | hold_back_summary || code=${PIPESTATUS[0]}

if [[ -f "$log" ]]; then
  # LastTest.log holds the output of every test, after a line "12/34 Test: name".
  awk '
    /^[0-9]+\/[0-9]+ Test: / { name = $3 }
    /^Command: / { next } # which may say what a test would say
    /SKIPPED: / { sub(/.*SKIPPED: /, ""); if (!seen[name, $0]++) reasons[++count] = "  " name ": " $0 }
    END {
      if (count == 0) { print "run.sh: nothing was skipped"; exit }
      print "run.sh: skipped, and why:"
      for (i = 1; i <= count; ++i) print reasons[i]
    }' "$log"
fi
if [[ "$(tree_state)" != "$before" ]]; then
  say "warning: the working tree differs from what it was before the run:"
  diff <(printf '%s\n' "$before") <(tree_state) | sed -n 's/^[<>]/  &/p' || true
fi
cat "$summary"
exit "$code"
