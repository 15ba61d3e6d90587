#!/usr/bin/env bash
# Installs the build BUILD into an empty PREFIX and looks whether what users need is there.
set -euo pipefail
build="$1" prefix="$2"
rm -rf "$prefix"
cmake --install "$build" --prefix "$prefix" >"$build/tests/consumer/install.log"
for path in include/sagemaker/sagemaker.hpp include/sagemaker/container.hpp bin/sagemaker-local; do
  [[ -f "$prefix/$path" ]] || { echo "cmake --install left out $path"; exit 1; }
done
[[ -n "$(find "$prefix" -name sagemaker-config.cmake)" ]] || { echo "cmake --install left out the package"; exit 1; }
# A package that names the tree it was built in is of no use on another machine.
if found="$(grep -rIl --include='*.cmake' -e "$SAGEMAKER_SOURCE_DIR" -e "$build" "$prefix")"; then
  printf 'these files of the package name the source or build tree:\n%s\n' "$found"
  exit 1
fi
"$prefix/bin/sagemaker-local" --version
