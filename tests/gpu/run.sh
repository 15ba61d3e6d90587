#!/usr/bin/env bash
# Runs the toolkit on a GPU: its tests, a check that the GPU computes what the CPU computes, and samples/01_mnist
# trained and served on both.
#   tests/gpu/run.sh            exit code 77, with the reason, where there is no GPU or no torch that can use it
#   tests/gpu/run.sh --pack     on a Debian machine with a network: unpacks the libraries that the build needs into
#                               .headers/, for a GPU machine that has none of them and cannot install any
# Needs python3 with a CUDA build of torch, a C++20 compiler and CMake. BUILD_DIR=folder instead of build-gpu/.
# SAGEMAKER_GPU_DRY_RUN=1 goes on without a GPU as far as that makes sense, to test this script.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"
headers="$root/.headers"
build="$(realpath -m "${BUILD_DIR:-build-gpu}")"
packages=(nlohmann-json3-dev doctest-dev libpugixml-dev libpugixml1v5 libarchive-dev libarchive13 libcpp-httplib-dev
  libcpp-httplib0.11 libbrotli-dev libbrotli1 libssl-dev libssl3 zlib1g-dev zlib1g pkgconf-bin libpkgconf3)

say() { printf 'gpu: %s\n' "$*"; }
skip() { printf 'SKIPPED: %s\n' "$*"; exit 77; }

pack() {
  downloads="$(mktemp -d)"
  trap 'rm -rf "$downloads"' EXIT
  (cd "$downloads" && apt-get -q -o APT::Sandbox::User="$(id -un)" download "${packages[@]}")
  rm -rf "$headers"
  mkdir "$headers"
  local package
  for package in "$downloads"/*.deb; do dpkg-deb -x "$package" "$headers"; done
  # Static libraries and documents would be most of the size.
  find "$headers" -name '*.a' -delete
  rm -rf "$headers/usr/share/doc" "$headers/usr/share/man" "$headers/usr/share/lintian"
  # Debian's folders of before the merge: the links between libraries point from one to the other.
  if [[ -d "$headers/lib" ]]; then
    cp -a "$headers/lib/." "$headers/usr/lib/"
    rm -rf "$headers/lib"
  fi
  say "unpacked ${#packages[@]} packages into $headers ($(du -sh "$headers" | cut -f 1))"
}

case "${1:-}" in
  '') ;;
  --pack) pack; exit 0 ;;
  *) echo "usage: tests/gpu/run.sh [--pack]" >&2; exit 2 ;;
esac

# ---- is there a GPU, and a torch that can use it? ----------------------------------------------
command -v python3 >/dev/null || skip "there is no python3"
torch_report="$(python3 - <<'PYTHON'
try:
    import torch
except ImportError:
    print("none")
else:
    import os
    print("gpu" if torch.cuda.is_available() else "cpu")
    print(os.path.dirname(torch.__file__))
    print(int(torch.compiled_with_cxx11_abi()))
    print(torch.__version__)
    print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU")
PYTHON
)"
mapfile -t torch_state <<<"$torch_report"
kind="${torch_state[0]}" torch_root="${torch_state[1]:-}" abi="${torch_state[2]:-}" version="${torch_state[3]:-}"
gpu="${torch_state[4]:-}"
dry_run="${SAGEMAKER_GPU_DRY_RUN:-}"
if [[ "$kind" != gpu && -z "$dry_run" ]]; then
  if [[ "$kind" == none ]]; then skip "python3 has no torch, so there is no CUDA libtorch to build with"; fi
  skip "torch $version of python3 finds no GPU on this machine"
fi
if [[ "$kind" == none ]]; then # a dry run on the distribution's libtorch
  torch_root=/usr abi=1 version="of the distribution" gpu="no GPU"
  mkdir -p "$build/torch"
  ln -sfn /usr/include "$build/torch/include"
  ln -sfn "/usr/lib/$(c++ -print-multiarch)" "$build/torch/lib"
  torch_root="$build/torch"
fi
say "torch $version in $torch_root, $gpu"

# ---- configure and build -----------------------------------------------------------------------
options=(-DCMAKE_BUILD_TYPE=Release
  -DSAGEMAKER_BUILD_EMULATOR=OFF -DSAGEMAKER_BUILD_SAMPLES=OFF -DSAGEMAKER_BUILD_TESTS=ON
  "-DCMAKE_PROJECT_sagemaker_INCLUDE=$root/tests/gpu/torch.cmake"
  "-DSAGEMAKER_TORCH_ROOT=$torch_root" "-DSAGEMAKER_TORCH_CXX11_ABI=$abi")
if [[ -d "$headers" ]]; then
  libraries="$headers/usr/lib/x86_64-linux-gnu"
  mkdir -p "$build"
  # pkg-config of the unpacked packages, which sees nothing but them.
  cat >"$build/pkg-config" <<WRAPPER
#!/bin/sh
export LD_LIBRARY_PATH="$libraries"
export PKG_CONFIG_LIBDIR="$libraries/pkgconfig:$headers/usr/share/pkgconfig:$headers/usr/lib/pkgconfig"
export PKG_CONFIG_SYSROOT_DIR="$headers" PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
exec "$headers/usr/bin/pkgconf" "\$@"
WRAPPER
  chmod +x "$build/pkg-config"
  export PKG_CONFIG="$build/pkg-config"
  options+=("-DCMAKE_PREFIX_PATH=$headers/usr" "-DCMAKE_LIBRARY_ARCHITECTURE=x86_64-linux-gnu"
    "-DOPENSSL_ROOT_DIR=$headers/usr"
    "-DCMAKE_CXX_FLAGS=-isystem $headers/usr/include -isystem $headers/usr/include/x86_64-linux-gnu"
    "-DCMAKE_EXE_LINKER_FLAGS=-Wl,--allow-shlib-undefined -Wl,-rpath-link,$libraries")
fi
generator=("Unix Makefiles")
if command -v ninja >/dev/null; then generator=(Ninja); fi
cmake -S . -B "$build" -G "${generator[0]}" "${options[@]}"

jobs=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo) / 2000000))
processors="$(nproc)"
((jobs > processors)) && jobs=$processors
((jobs < 1)) && jobs=1
cmake --build "$build" --parallel "$jobs" --target gpu_device_check gpu_mnist gpu_digits
if [[ "${generator[0]}" == Ninja ]]; then
  cmake --build "$build" --parallel "$jobs" --target tests/toolkit/all
else
  make -C "$build/tests/toolkit" -j "$jobs"
fi

# ---- run ---------------------------------------------------------------------------------------
code=0
say "the toolkit's tests"
ctest --test-dir "$build/tests/toolkit" --output-on-failure --no-tests=error </dev/null || code=1
say "CPU and GPU"
timeout 120 "$build/bin/gpu_device_check" || code=1

data="${SAGEMAKER_DATA_DIR:-$root/../shared/data}/mnist"
[[ -d "$data" ]] || data="$headers/mnist"
if [[ ! -d "$data" ]]; then
  data="$build/digits"
  say "there is no MNIST here: digits that the project renders itself"
  mkdir -p "$data"
  "$build/bin/gpu_digits" "$data"
fi
say "samples/01_mnist on $data"
python3 -B tests/gpu/check_mnist.py "$build/bin/gpu_mnist" "$data" </dev/null || code=1
if [[ "$code" == 0 ]]; then say "all checks passed"; else say "some checks FAILED"; fi
exit "$code"
