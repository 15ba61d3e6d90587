#!/usr/bin/env bash
# Configures the project SOURCE in an empty folder BUILD, builds it, and runs every program it made.
#   consumer.sh SOURCE BUILD CMAKE_OPTION...
set -euo pipefail
source="$1" build="$2"
shift 2
rm -rf "$build"
cmake -S "$source" -B "$build" -DCMAKE_RUNTIME_OUTPUT_DIRECTORY="$build/bin" "$@"
cmake --build "$build"
programs=("$build"/bin/*)
[[ -x "${programs[0]}" ]] || { echo "the project made no program"; exit 1; }
for program in "${programs[@]}"; do
  echo "running $(basename "$program")"
  (cd "$build" && timeout 60 "$program")
done
