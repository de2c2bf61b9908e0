#!/usr/bin/env bash
# Learns tasks of dm_control's suite and plays ten new episodes, without exploration noise, at every mark: the results
# table and learning curves of a kind of model. Resumable: what is there already is not run again, and a run that was
# interrupted goes on where it was. One run takes one core; as many go side by side as there are cores.
#
#   scripts/benchmark.sh [--model latent|ensemble] [--tasks A,B,...] [--seeds 0,1,2] [--marks 50000,100000] [--jobs N]
#                        [--out DIR] [-- OPTIONS OF reverie learn...]
#
# Ends with the table on standard output, in DIR/table.md, and one picture a task in DIR/TASK.png.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
reverie=${REVERIE_BINARY:-build/release/reverie}
model=latent
tasks=cartpole-swingup,pendulum-swingup,cup-catch,finger-spin,cheetah-run,walker-walk,acrobot-swingup,hopper-stand
seeds=0,1,2
marks=50000,100000
jobs=$(nproc)
out=
usage() { sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }
while [ $# -gt 0 ]; do
  case $1 in
    --model | --tasks | --seeds | --marks | --jobs | --out)
      [ $# -ge 2 ] || { printf 'benchmark.sh: error: %s: expected a value\n' "$1" >&2; exit 2; }
      declare "${1#--}=$2"
      shift 2 ;;
    --) shift; break ;;
    -h | --help) usage; exit 0 ;;
    *) printf 'benchmark.sh: error: unknown option %s; see --help\n' "$1" >&2; exit 2 ;;
  esac
done
[ -x "$reverie" ] || { printf 'benchmark.sh: error: %s: no such program; run scripts/setup.sh --build first\n' "$reverie" >&2; exit 1; }
out=${out:-out/benchmark/$model}
mkdir -p "$out"

# Keeps a command's answer in a file, whole or not at all.
keep() {
  local file=$1
  shift
  "$@" > "$file.partial" 2>> "${file%.json}.log" && mv "$file.partial" "$file"
}

# One task with one seed, from mark to mark.
run() {
  local task=$1 seed=$2 mark mode
  shift 2
  local name=$task-$seed
  for mark in ${marks//,/ }; do
    [ -s "$out/$name-$mark.json" ] && continue
    mode=--overwrite
    [ -e "$out/$name/config.json" ] && mode=--resume
    printf '%s, seed %s: to %s env steps\n' "$task" "$seed" "$mark" >&2
    keep "$out/$name-$mark-learn.json" "$reverie" learn "dm_control/$task" --model "$model" --out "$out/$name" \
      --env-steps "$mark" --seed "$seed" --action-repeat 2 --threads 1 --json "$mode" "$@" &&
      keep "$out/$name-$mark.json" "$reverie" evaluate "dm_control/$task" --model "$out/$name" --episodes 10 \
        --seed "$((1000 + seed))" --action-repeat 2 --threads 1 --json ||
      { printf 'benchmark.sh: error: %s, seed %s: see %s\n' "$task" "$seed" "$out/$name-$mark-learn.log" >&2; return 1; }
  done
}

failed=0
for seed in ${seeds//,/ }; do
  for task in ${tasks//,/ }; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || failed=1; done
    run "$task" "$seed" "$@" &
  done
done
while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n || failed=1; done
.venv/bin/python scripts/benchmark_table.py "$out" --plots | tee "$out/table.md.partial"
mv "$out/table.md.partial" "$out/table.md"
exit $failed
