# Sourced by demos/run, tests/run and .ci/run: brings a machine to where heed builds, and builds it.
# What is there already is left alone and not talked about; what is said goes to standard error.

heed_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
heed_cores=$(nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)

heed_say() { printf '%s\n' "$*" >&2; }

heed_die() {
  heed_say "$*"
  exit 1
}

# heed_apt PACKAGE…: installs them where apt-get is; else says what to install.
heed_apt() {
  command -v apt-get >/dev/null || heed_die "heed needs these packages (Debian's names): $*
Fedora:    sudo dnf install gcc-c++ cmake ninja-build xsimd-devel doctest-devel json-devel cli11-devel
Homebrew:  brew install cmake ninja xsimd doctest nlohmann-json cli11"
  local sudo=() log
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || heed_die "As root, run: apt-get install $*"
    sudo=(sudo)
  fi
  heed_say "Installing $*"
  log=$(mktemp) || exit 1
  if ! { "${sudo[@]}" apt-get update &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends "$@"; } </dev/null >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    heed_die "apt-get could not install: $*"
  fi
  rm -f "$log"
}

# Whether the compiler finds a header (Homebrew's folder is not among the compiler's own).
heed_has_header() {
  local extra=()
  command -v brew >/dev/null && extra=(-I "$(brew --prefix)/include")
  printf '#include <%s>\n' "$1" |
    "${CXX:-c++}" -std=c++20 "${extra[@]}" -E -x c++ - >/dev/null 2>&1
}

# Installs the compiler, CMake, Ninja and the headers that are missing, in one go.
heed_setup() {
  local wanted=()
  command -v "${CXX:-c++}" >/dev/null || wanted+=(g++)
  command -v cmake >/dev/null || wanted+=(cmake)
  command -v ninja >/dev/null || command -v make >/dev/null || wanted+=(ninja-build)
  local need
  for need in xsimd/xsimd.hpp=libxsimd-dev doctest/doctest.h=doctest-dev \
    nlohmann/json.hpp=nlohmann-json3-dev CLI/CLI.hpp=libcli11-dev; do
    heed_has_header "${need%=*}" || wanted+=("${need#*=}")
  done
  [ ${#wanted[@]} -eq 0 ] || heed_apt "${wanted[@]}"
}

# heed_build FOLDER TARGET [CMAKE ARGUMENT…]: configures and builds; the log is shown on failure.
heed_build() {
  local build=$1 target=$2 generator=() log
  shift 2
  # A folder configured for another checkout, or half configured, starts again.
  if [ -e "$build/CMakeCache.txt" ] &&
    ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$heed_root" "$build/CMakeCache.txt"; then
    rm -rf "$build"
  fi
  if [ ! -e "$build/CMakeCache.txt" ] && command -v ninja >/dev/null; then
    generator=(-G Ninja)
  fi
  mkdir -p "$build" || exit 1
  log=$build/build.log
  [ -e "$build/built-once" ] ||
    heed_say "Building heed in ${build#"$PWD/"} (the first time takes some minutes)"
  if ! { cmake -S "$heed_root" -B "$build" "${generator[@]}" "$@" &&
    cmake --build "$build" --target "$target" --parallel "$heed_cores"; } \
    </dev/null >"$log" 2>&1; then
    cat "$log" >&2
    heed_die "The build failed; the log above is $log"
  fi
  : >"$build/built-once"
}
