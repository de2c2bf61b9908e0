#!/usr/bin/env bash
# From nothing to a table of what surprises: collects pictures of a scene, trains a joint-embedding model for each seed,
# and plays matched pairs, possible and impossible, of every violation that the scene's task file has. Results in
# out/surprise/SCENE: pairs-SEED.json, twins-SEED.png and, printed, the table of areas under the ROC curve. Resumable:
# what is there already is not done again, and training goes on where it was stopped.
#
#   scripts/surprise.sh SCENE [--seeds 0,1,2] [--threads N] [--pairs N] [--out DIR] [-- OPTIONS OF train]
#   SCENE: two-rooms, two-rooms-moving-door, blocks-and-balls
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
reverie=${REVERIE_BINARY:-build/release/reverie}
python=.venv/bin/python
usage() { sed -n '7,8s/^# *//p' "${BASH_SOURCE[0]}"; }
[ $# -gt 0 ] || { usage >&2; exit 2; }
case $1 in -h | --help) usage; exit 0 ;; esac
scene=$1
shift
seeds=0 threads=$(nproc) pairs=100 out=
more=()
while [ $# -gt 0 ]; do
  case $1 in
    --seeds | --threads | --pairs | --out)
      [ $# -ge 2 ] || { printf 'surprise.sh: error: %s: expected a value\n' "$1" >&2; exit 2; } ;;&
    --seeds) seeds=$2; shift 2 ;;
    --threads) threads=$2; shift 2 ;;
    --pairs) pairs=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --) shift; more=("$@"); break ;;
    *) printf 'surprise.sh: error: unknown option %s; see --help\n' "$1" >&2; exit 2 ;;
  esac
done
out=${out:-out/surprise/$scene}

rooms=(--policy explore:0.9,smooth:0.1 --camera top --hide goal --hide floor)
case $scene in
  two-rooms) collect=(--episodes 200 "${rooms[@]}") steps=1700 ;;
  two-rooms-moving-door) collect=(--episodes 400 "${rooms[@]}") steps=2200 ;;
  blocks-and-balls) collect=(--episodes 600 --camera front) steps=2000 ;;
  *) printf "surprise.sh: error: no such scene '%s'; expected two-rooms, two-rooms-moving-door or blocks-and-balls\n" \
       "$scene" >&2; exit 2 ;;
esac
mkdir -p "$out"

# Keeps a command's answer under a name, whole or not at all.
take() {
  local name=$1
  shift
  [ -s "$out/$name.json" ] && return
  printf '%s\n' "reverie $*" >&2
  "$reverie" "$@" --json > "$out/$name.partial"
  mv "$out/$name.partial" "$out/$name.json"
}
going_on() { if [ -e "$1" ]; then echo --resume; fi; }

# Of another seed than the pairs.
take collect collect "$scene" --out "$out/set" --seed 1000 --pixels 64 "${collect[@]}" --workers "$threads" \
  $(going_on "$out/set/data")
for seed in ${seeds//,/ }; do
  take "train-$seed" train --model jepa --data "$out/set" --out "$out/model-$seed" --steps "$steps" --seed "$seed" \
    --threads "$threads" --set cache_mb=1024 $(going_on "$out/model-$seed") "${more[@]}"
  take "pairs-$seed" surprise "$scene" --model "$out/model-$seed" --pairs "$pairs" --threads "$threads" \
    --picture "$out/twins-$seed.png" --overwrite
done
"$python" scripts/surprise_table.py "$out"
