#!/usr/bin/env bash
# The emulator must start within milliseconds and stay small, so libtorch lives in child processes only. This looks at
# what the dynamic linker would load, directly or through other libraries.
set -euo pipefail
program="$1"
[[ -x "$program" ]] || { echo "$program is not built"; exit 1; }
libraries="$(ldd "$program")"
if found="$(grep -E 'lib(torch|c10|caffe2)[^ ]*' <<<"$libraries")"; then
  printf '%s links libtorch:\n%s\n' "$program" "$found"
  exit 1
fi
echo "$program loads $(wc -l <<<"$libraries") libraries, none of them libtorch's"
