#!/usr/bin/env bash
# Installs what building sagemaker-cpp needs, from the distribution's own packages. Does nothing, and asks for nothing,
# where everything is there already.
#   samples/setup.sh            what the library, the emulator and the samples need
#   samples/setup.sh --tests    and what the test-suite needs beyond that
set -euo pipefail

required=(build-essential cmake ninja-build pkg-config nlohmann-json3-dev libcpp-httplib-dev libssl-dev libsqlite3-dev
  libeigen3-dev libarchive-dev libpugixml-dev libcli11-dev libspdlog-dev libpcre2-dev zlib1g-dev doctest-dev
  libstb-dev curl ca-certificates)
torch=(libtorch-dev libopenblas0-pthread)   # the second makes matrix products 35 times faster than the reference BLAS
# Faster builds, the sandbox of jobs, and Gloo's headers, which training on several hosts needs.
optional=(ccache mold bubblewrap libgloo-dev)
tests=(python3 python3-boto3 python3-botocore)
# Other people's clients, what Python scripts use, a second compiler: a test that lacks one of them is skipped by name.
foreign=(python3-venv python3-pip python3-torch awscli rclone s3cmd restic clang)

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

case "${1:-}" in
  '') ;;
  --tests)
    required+=("${tests[@]}")
    optional+=("${foreign[@]}")
    # libFuzzer is in the package of the compiler's run-time library, whose name has the version.
    version="$(apt-cache depends clang 2>/dev/null | sed -n 's/.* Depends: clang-\([0-9]*\)$/\1/p')"
    [[ -z "$version" ]] || optional+=("libclang-rt-$version-dev")
    command -v node >/dev/null || optional+=(nodejs npm)
    ;;
  *) fail "unknown option $1; usage: samples/setup.sh [--tests]" ;;
esac
# A libtorch of the user's own choice makes the distribution's unnecessary.
if [[ -n "${Torch_DIR:-}" ]]; then
  say "libtorch is taken from Torch_DIR=$Torch_DIR"
else
  required+=("${torch[@]}")
fi

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  cat >&2 <<TEXT
setup: this is not a Debian or Ubuntu system, so nothing was installed. Please install with your package manager:
  a C++20 compiler (GCC 12 or later), CMake 3.25 or later, Ninja, pkg-config, curl
  libtorch (any from 1.13 on; set Torch_DIR to the folder that holds TorchConfig.cmake)
  nlohmann-json, cpp-httplib, OpenSSL, SQLite 3, Eigen 3, libarchive, pugixml, CLI11, spdlog, PCRE2, zlib, doctest, stb
  optional: ccache, mold, bubblewrap
In Debian these packages are called: ${required[*]} ${optional[*]}
When they are there, set SAGEMAKER_SKIP_SETUP=1 and run samples/demo.sh again.
TEXT
  exit 1
fi

installed() { [[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]; }
available() { [[ -n "$(apt-cache --quiet=0 show --no-all-versions "$1" 2>/dev/null)" ]]; }

missing=()
for package in "${required[@]}"; do installed "$package" || missing+=("$package"); done
missing_optional=()
for package in "${optional[@]}"; do installed "$package" || missing_optional+=("$package"); done
if [[ ${#missing[@]} -eq 0 && ${#missing_optional[@]} -eq 0 ]]; then
  say "everything that is needed is installed"
  exit 0
fi

as_root=()
if [[ $EUID -ne 0 ]]; then
  if command -v sudo >/dev/null; then
    as_root=(sudo)
    [[ -t 0 ]] || as_root=(sudo -n)   # nobody is there to type a password
  fi
fi
if [[ $EUID -ne 0 && ( ${#as_root[@]} -eq 0 || ( ! -t 0 && -z "$(sudo -n true 2>/dev/null && echo yes)" ) ) ]]; then
  [[ ${#missing[@]} -eq 0 ]] && { say "going on without ${missing_optional[*]} (optional)"; exit 0; }
  fail "these packages are missing and only root can install them; please run:
  apt-get update && apt-get install --no-install-recommends ${missing[*]} ${missing_optional[*]}"
fi

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}

refreshed=
refresh() {
  [[ -z "$refreshed" ]] || return 0
  refreshed=yes
  apt update || say "the package lists could not be refreshed; trying with those that are there"
}
if [[ ${#missing[@]} -gt 0 ]]; then
  say "installing with apt-get: ${missing[*]}"
  refresh
  for package in "${missing[@]}"; do
    available "$package" || fail "this distribution has no package $package (tried on Debian 12 and later)"
  done
  apt install -y --no-install-recommends "${missing[@]}" || fail "apt-get could not install: ${missing[*]}"
fi
for package in "${missing_optional[@]}"; do
  available "$package" || refresh
  if available "$package" && apt install -y --no-install-recommends "$package" >/dev/null 2>&1; then
    say "installed $package (optional)"
  else
    say "$package is not to be had here; going on without it (optional)"
  fi
done
say "done"
