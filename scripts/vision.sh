#!/usr/bin/env bash
# From nothing to a table of which goals, given as pictures, are reached: collects pictures of a scene, trains a
# joint-embedding model for each seed, plays fresh pairs of start and goal, and the same pairs with the floors (random
# actions, a straight line) and the ceiling (planning in the simulator by the true distance). Results in
# out/vision/SCENE. Resumable: what is there already is not done again, and training goes on where it was stopped.
#
#   scripts/vision.sh SCENE [--seeds 0,1,2] [--threads N] [--pairs N] [--out DIR] [--encoder DIR|random] [-- OPTIONS OF train]
#   SCENE: two-rooms, two-rooms-moving-door, reacher, pusher. --encoder: a V-JEPA 2 sees, frozen; random: a small one of
#   random weights, the floor of that.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
reverie=${REVERIE_BINARY:-build/release/reverie}
python=.venv/bin/python
usage() { sed -n '7,9s/^# *//p' "${BASH_SOURCE[0]}"; }
[ $# -gt 0 ] || { usage >&2; exit 2; }
case $1 in -h | --help) usage; exit 0 ;; esac
scene=$1
shift
seeds=0 threads=$(nproc) pairs=100 out= encoder=
more=()
while [ $# -gt 0 ]; do
  case $1 in
    --seeds | --threads | --pairs | --out | --encoder)
      [ $# -ge 2 ] || { printf 'vision.sh: error: %s: expected a value\n' "$1" >&2; exit 2; } ;;&
    --seeds) seeds=$2; shift 2 ;;
    --threads) threads=$2; shift 2 ;;
    --pairs) pairs=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --encoder) encoder=$2; shift 2 ;;
    --) shift; more=("$@"); break ;;
    *) printf 'vision.sh: error: unknown option %s; see --help\n' "$1" >&2; exit 2 ;;
  esac
done
out=${out:-out/vision/$scene${encoder:+-frozen}}

# The floor is not seen from above, but takes most of the time that drawing takes: it is a plane without an end.
rooms=(--hide goal --hide floor)
task=$scene pixels=64 policy=explore:0.9,smooth:0.1 hide=() set=() repeat=()
case $scene in
  two-rooms) camera=top episodes=200 hide=("${rooms[@]}") steps=1700 ;;
  two-rooms-moving-door) camera=top episodes=400 hide=("${rooms[@]}") steps=3000 set=(--set cache_mb=1024) ;;
  reacher) task=dm_control/reacher-easy camera=fixed episodes=100 hide=(--hide target) steps=2200
    policy=explore:0.7,smooth:0.3 repeat=(--action-repeat 2) set=(--set frames=2) ;;
  pusher) camera=top episodes=200 hide=(--hide goal --hide floor) steps=2200 set=(--set cache_mb=1024) ;;
  *) printf "vision.sh: error: no such scene '%s'; expected two-rooms, two-rooms-moving-door, reacher or pusher\n" "$scene" >&2
    exit 2 ;;
esac
mkdir -p "$out"
if [ "$encoder" = random ]; then
  encoder=$out/encoder
  [ -e "$encoder/config.json" ] || "$python" scripts/random_vjepa2.py "$encoder"
fi
if [ -n "$encoder" ]; then more=(--encoder "$encoder" "${more[@]}"); fi

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

# Of another seed than any goal is drawn from.
take collect collect "$task" "${repeat[@]}" --out "$out/set" --episodes "$episodes" --policy "$policy" --seed 1000 \
  --pixels "$pixels" --camera "$camera" "${hide[@]}" --workers "$threads" $(going_on "$out/set/data")
take data data "$out/set"
for seed in ${seeds//,/ }; do
  take "train-$seed" train --model jepa --data "$out/set" --out "$out/model-$seed" --camera "$camera" --steps "$steps" \
    --seed "$seed" --threads "$threads" $(going_on "$out/model-$seed") "${set[@]}" "${more[@]}"
  take "goals-$seed" evaluate "$task" "${repeat[@]}" --model "$out/model-$seed" --goal random --episodes "$pairs" \
    --threads "$threads"
done
for floor in random straight; do
  take "$floor" evaluate "$task" "${repeat[@]}" --model $floor --goal random --episodes "$pairs" --threads "$threads"
done
take ceiling evaluate "$task" "${repeat[@]}" --model simulator --goal random --episodes "$pairs" --threads "$threads"
"$python" scripts/vision_table.py "$out"
