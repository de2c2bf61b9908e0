#!/usr/bin/env bash
# From nothing to tables of what a model of pictures can do in a scene: collects pictures, trains a joint-embedding model
# for each seed, plays fresh pairs of start and goal, the same pairs with the floors (random actions, a straight line) and
# the ceiling (planning in the simulator by the true distance), and matched pairs, possible and impossible, of every
# violation that the scene's task file has. Results in out/vision/SCENE. Resumable: what is there already is not done
# again, and training goes on where it was stopped.
#
#   scripts/vision.sh SCENE [--seeds 0,1,2] [--threads N] [--pairs N] [--steps N] [--out DIR]
#                          [--encoder DIR|random] [-- OPTIONS OF train]
#   SCENE: two-rooms, two-rooms-moving-door, reacher, pusher, blocks-and-balls. --encoder: a V-JEPA 2 sees, frozen; random:
#   a small one of random weights, the floor of that.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
reverie=${REVERIE_BINARY:-build/release/reverie}
python=.venv/bin/python
usage() { sed -n '8,11s/^# *//p' "${BASH_SOURCE[0]}"; }
[ $# -gt 0 ] || { usage >&2; exit 2; }
case $1 in -h | --help) usage; exit 0 ;; esac
scene=$1
shift
seeds=0 threads=$(nproc) pairs=100 out= updates= encoder=
more=()
while [ $# -gt 0 ]; do
  case $1 in
    --seeds | --threads | --pairs | --steps | --out | --encoder)
      [ $# -ge 2 ] || { printf 'vision.sh: error: %s: expected a value\n' "$1" >&2; exit 2; } ;;&
    --seeds) seeds=$2; shift 2 ;;
    --threads) threads=$2; shift 2 ;;
    --pairs) pairs=$2; shift 2 ;;
    --steps) updates=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --encoder) encoder=$2; shift 2 ;;
    --) shift; more=("$@"); break ;;
    *) printf 'vision.sh: error: unknown option %s; see --help\n' "$1" >&2; exit 2 ;;
  esac
done
out=${out:-out/vision/$scene${encoder:+-frozen}}

# The floor is not seen from above, but takes most of the time that drawing takes: it is a plane without an end.
rooms=(--camera top --hide goal --hide floor --policy explore:0.9,smooth:0.1)
task=$scene repeat=() replan=() ceiling=() set=(--set cache_mb=1024) goals=true violations=true
case $scene in
  two-rooms) episodes=400 collect=("${rooms[@]}") steps=2300 ;;
  two-rooms-moving-door) episodes=400 collect=("${rooms[@]}") steps=4500 ;;
  reacher) task=dm_control/reacher-easy repeat=(--action-repeat 2) violations=false
    # Slow motion too, and rest: exploring alone hardly ever shows an arm that stands still, as it does at a goal.
    episodes=100 collect=(--camera fixed --hide target --policy random:0.4,smooth:0.6) steps=2200
    set+=(--set frames=2 --set inverse=1 --set predictor_width=512) ;;
  pusher) violations=false episodes=200 collect=("${rooms[@]}") steps=2200 replan=(--replan 3)
    # Until the block is touched nothing gets nearer: a shorter plan hardly ever finds the way to it.
    ceiling=(--set planner.horizon=30 --set planner.initial_deviation=1) ;;
  blocks-and-balls) goals=false episodes=600 collect=(--camera front) steps=2000 ;;
  *) printf "vision.sh: error: no such scene '%s'; expected two-rooms, two-rooms-moving-door, reacher, pusher or blocks-and-balls\n" "$scene" >&2
    exit 2 ;;
esac
steps=${updates:-$steps}
mkdir -p "$out"
if [ "$encoder" = random ]; then
  encoder=$out/encoder
  [ -e "$encoder/config.json" ] || "$python" scripts/random_vjepa2.py "$encoder"
fi
# A plan through its predictor takes several times as long: one for three steps.
if [ -n "$encoder" ]; then more=(--encoder "$encoder" "${more[@]}") replan=(--replan 3); fi

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

# Of another seed than any goal or pair is drawn from.
take collect collect "$task" "${repeat[@]}" --out "$out/set" --episodes "$episodes" --seed 1000 --pixels 64 \
  "${collect[@]}" --workers "$threads" $(going_on "$out/set/data")
take data data "$out/set"
for seed in ${seeds//,/ }; do
  take "train-$seed" train --model jepa --data "$out/set" --out "$out/model-$seed" --steps "$steps" --seed "$seed" \
    --threads "$threads" $(going_on "$out/model-$seed") "${set[@]}" "${more[@]}"
  if $goals; then
    take "goals-$seed" evaluate "$task" "${repeat[@]}" --model "$out/model-$seed" --goal random --episodes "$pairs" \
      --threads "$threads" "${replan[@]}"
  fi
  if $violations; then
    take "twins-$seed" surprise "$task" --model "$out/model-$seed" --pairs "$pairs" --seed 2 --threads "$threads" \
      --picture "$out/twins-$seed.png" --overwrite
  fi
done
if $goals; then
  for floor in random straight; do
    take "$floor" evaluate "$task" "${repeat[@]}" --model $floor --goal random --episodes "$pairs" --threads "$threads"
  done
  take ceiling evaluate "$task" "${repeat[@]}" --model simulator --goal random --episodes "$pairs" --threads "$threads" \
    "${ceiling[@]}"
fi
"$python" scripts/vision_table.py "$out"
