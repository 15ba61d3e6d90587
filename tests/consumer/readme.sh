#!/usr/bin/env bash
# Compiles the C++ programs in the README files as a user would who copies them.
#   readme.sh SOURCE BUILD CMAKE_OPTION...
set -euo pipefail
source="$1" build="$2"
shift 2
rm -rf "$build"
mkdir -p "$build"
python3 -B "$source/extract.py" "$SAGEMAKER_SOURCE_DIR" "$build/programs" || exit $?
cmake -S "$source" -B "$build/build" "-DREADME_PROGRAMS=$build/programs" "$@"
cmake --build "$build/build"
