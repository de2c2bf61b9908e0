#!/usr/bin/env bash
# Gets a bare Debian 12 ready to build and run Reverie: system packages, .venv with the Python wheels
# (MuJoCo and LibTorch come from there), and with --build the program. Quick when nothing is missing.
set -euo pipefail
called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'TEXT'
usage: scripts/setup.sh [--build] [--preset NAME] [--torch DIR] [--skip-packages]
  --build          configure and build too
  --preset NAME    CMake preset to build (release)
  --torch DIR      an existing LibTorch or PyTorch, CUDA builds included: the folder that holds
                   include/ and lib/ (also: REVERIE_TORCH_DIR); no torch wheel is installed then
  --skip-packages  install no system packages: they are there under other names
TEXT
}
say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

build=0 preset=release torch_dir=${REVERIE_TORCH_DIR:-} skip_packages=0
while (($#)); do
  case $1 in
    --build) build=1 ;;
    --preset) preset=${2:?--preset needs a name}; shift ;;
    --torch) torch_dir=${2:?--torch needs a folder}; shift ;;
    --torch=*) torch_dir=${1#--torch=} ;;
    --skip-packages) skip_packages=1 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; printf 'setup: error: unknown option %s\n' "$1" >&2; exit 2 ;;
  esac
  shift
done

# --torch may name the package, the folder it is installed in, or an unpacked archive's parent.
if [[ -n $torch_dir ]]; then
  found=
  [[ $torch_dir == /* ]] || torch_dir=$called_from/$torch_dir
  for candidate in "$torch_dir" "$torch_dir/torch" "$torch_dir/libtorch"; do
    if [[ -e $candidate/include/ATen/core/Tensor.h && -e $candidate/lib/libtorch.so ]]; then
      found=$(cd "$candidate" && pwd)
      break
    fi
  done
  [[ -n $found ]] || die "--torch $torch_dir: expected include/ATen/core/Tensor.h and lib/libtorch.so in it, \
found neither there nor in torch/ or libtorch/ below it"
  torch_dir=$found
fi

packages=(
  g++ cmake ninja-build pkg-config git ca-certificates python3 python3-venv
  libhdf5-dev nlohmann-json3-dev doctest-dev libcli11-dev libpng-dev zlib1g-dev libzip-dev
  libavcodec-dev libavformat-dev libavutil-dev libswscale-dev
  libegl-dev libegl1 libgl-dev libgl1-mesa-dri
  libglfw3-dev libglm-dev libimgui-dev fonts-dejavu-core
  xvfb xauth xdotool openmpi-bin
)

install_packages() {
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    die "needs Debian 12 or a system with its packages (no apt-get here); \
install the equivalents of: ${packages[*]}; then run again with --skip-packages"
  local missing=() package
  for package in "${packages[@]}"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "needs root or sudo to install: ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} system packages: ${missing[*]}"
  local log
  log=$(mktemp)
  "${as_root[@]}" apt-get update -q >"$log" 2>&1 ||
    { tail -n 5 "$log" >&2; die "apt-get update failed; the lines above say why (full log: $log)"; }
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 ||
    { tail -n 5 "$log" >&2; die "apt-get could not install ${missing[*]} (full log: $log)"; }
  rm -f "$log"
}

find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} /usr/bin/python3 python3.11 python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  die "needs Python 3.11 or newer with the venv module (Debian: python3-venv); set PYTHON to one"
}

install_wheels() {
  local wanted stamp=.venv/.reverie-setup
  wanted=$(cat requirements.txt requirements-test.txt - <<<"torch from: ${torch_dir:-wheel}" | sha256sum)
  if [[ -f $stamp && $(<"$stamp") == "$wanted" ]] && .venv/bin/python -c '' 2>/dev/null; then
    return
  fi
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    local python
    python=$(find_python)
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || die "$python -m venv .venv failed"
  fi
  local pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check --progress-bar off)
  if [[ -z $torch_dir ]]; then
    say "installing $(grep '^torch' requirements.txt) (the largest download)"
    "${pip[@]}" "$(grep '^torch' requirements.txt)" ||
      die "pip could not install torch; an existing one can be given with --torch DIR"
  fi
  say "installing MuJoCo and the Python packages of requirements.txt and requirements-test.txt"
  local left_out='^$'
  [[ -z $torch_dir ]] || left_out='^torchvision'  # it would bring a torch wheel along
  "${pip[@]}" -r <(grep -v '^torch' requirements.txt) -r <(grep -v "$left_out" requirements-test.txt) ||
    die "pip could not install requirements.txt and requirements-test.txt; the lines above say why"
  printf '%s\n' "$wanted" >"$stamp"
}

# One compiler process needs up to 1.5 GB where Torch's headers are involved.
build_jobs() {
  local memory_kb limit jobs processors
  memory_kb=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
  if [[ $limit != max ]] && ((limit / 1024 < memory_kb)); then memory_kb=$((limit / 1024)); fi
  jobs=$((memory_kb / 1500000))
  processors=$(nproc)
  if ((jobs > processors)); then jobs=$processors; fi
  echo $((jobs > 1 ? jobs : 1))
}

build_program() {
  say "building preset $preset with $(build_jobs) jobs"
  local configure=(cmake --preset "$preset" -DREVERIE_PYTHON="$PWD/.venv/bin/python" -U 'LibTorch_*')
  if [[ -n $torch_dir ]]; then configure+=(-DLibTorch_ROOT="$torch_dir"); fi
  local log
  log=$(mktemp)
  "${configure[@]}" >"$log" 2>&1 ||
    { cat "$log" >&2; die "configuring failed; the lines above say why"; }
  rm -f "$log"
  cmake --build --preset "$preset" --parallel "$(build_jobs)" >&2 ||
    die "building failed; the lines above say why"
}

((skip_packages)) || install_packages
install_wheels
if ((build)); then build_program; fi
say "ready"
