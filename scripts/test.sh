#!/usr/bin/env bash
# Sets up, builds and runs every test. Options are those of scripts/setup.sh (--torch DIR).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

for option in "$@"; do
  case $option in
    -h | --help) echo "usage: scripts/test.sh [--torch DIR] [--skip-packages]"; exit 0 ;;
  esac
done
bash "$root/scripts/setup.sh" --build "$@"
cd "$root"
exec ctest --preset release --parallel "$(nproc)"
