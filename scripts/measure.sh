#!/usr/bin/env bash
# Takes the figures of README's "Measured" table: every row is one command whose --json answer is kept under
# out/measured/. Resumable: what is there already is not run again. About an hour on two cores; vision and latent take half
# a day each.
#
#   scripts/measure.sh [ROW...]     rows: learn reacher simulator compare pictures data pixels app soak vision
#                                   latent (default: all but the last three)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
reverie=${REVERIE_BINARY:-build/release/reverie}
out=out/measured
mkdir -p "$out"

# Keeps a command's answer under a name, whole or not at all.
take() {
  local name=$1
  shift
  [ -s "$out/$name.json" ] && return
  printf '%s\n' "reverie $*" >&2
  "$reverie" "$@" --json > "$out/$name.partial" && mv "$out/$name.partial" "$out/$name.json"
}

# Keeps what another program answers under a name.
keep() {
  local name=$1
  shift
  [ -s "$out/$name.json" ] && return
  printf '%s\n' "$*" >&2
  "$@" > "$out/$name.partial" && mv "$out/$name.partial" "$out/$name.json"
}

# Learns a task with a seed, going on where an earlier call was interrupted.
learn() {
  local task=$1 steps=$2 seed=$3
  local name=${task##*/}-$seed
  local mode=--resume
  [ -e "$out/models/$name/config.json" ] || mode=--overwrite
  take "learn-$name" learn "$task" --out "$out/models/$name" --env-steps "$steps" --seed "$seed" "$mode" "${@:4}"
}

# Learns and then plays ten new episodes, on one thread: two of these side by side take two cores better than one
# after the other, since the products of a small network hardly gain from a second thread.
learn_and_evaluate() {
  learn "dm_control/$1" 30000 "$2" --threads 1
  take "evaluate-$1-$2" evaluate "dm_control/$1" --model "$out/models/$1-$2" --episodes 10 --seed "$2" --threads 1
}

on_display() {
  Xvfb -displayfd 3 -screen 0 1280x800x24 -noreset 3>"$out/display" 2>/dev/null &
  local server=$!
  until [ -s "$out/display" ]; do sleep 0.1; done
  local failed=0
  DISPLAY=:$(cat "$out/display") "$@" || failed=1
  kill "$server"
  rm -f "$out/display"
  return $failed
}

rows=${*:-learn reacher simulator compare pictures data pixels app}
for row in $rows; do
  case $row in
    learn)
      for seed in 0 1 2; do learn dm_control/cartpole-swingup 12000 $seed; done
      for seed in 0 1 2; do learn dm_control/pendulum-swingup 15000 $seed; done ;;
    reacher)
      for task in reacher-easy reacher-hard; do
        for seed in 0 1 2; do
          while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
          learn_and_evaluate $task $seed &
        done
      done
      while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n; done ;;
    simulator)
      for task in cartpole-swingup walker-walk cheetah-run cup-catch; do
        take "simulator-$task" evaluate dm_control/$task --model simulator --planner icem --episodes 3 --seed 0
      done ;;
    compare)
      horizons=$(seq -s, 1 25)
      for seed in 0 1 2; do
        learn dm_control/cartpole-swingup 12000 $seed
        take held-out-$seed evaluate dm_control/cartpole-swingup --model "$out/models/cartpole-swingup-$seed" \
          --episodes 10 --seed 100 --out "$out/held-out-$seed" --overwrite
        take compare-$seed compare --model "$out/models/cartpole-swingup-$seed" --data "$out/held-out-$seed" \
          --windows 200 --horizons "$horizons" --out "$out/compared-$seed" --overwrite
      done ;;
    pictures)
      .venv/bin/python scripts/plot_learning.py "$out"/models/cartpole-swingup-{0,1,2} --out assets/learning.png \
        --reference "TD-MPC2 after 100,000 env steps=839" --size 1500x900
      .venv/bin/python scripts/plot_compare.py "$out/compared-0" --out assets/predicted-and-real.png --size 1600x940 \
        --title "What the model said, and what happened" ;;
    data)
      for task in dm_control/cartpole-swingup dm_control/cheetah-run humanoid; do
        scene=$task
        [ $task != humanoid ] || scene=$(.venv/bin/python -c \
          'import importlib.util as u; print(u.find_spec("dm_control").submodule_search_locations[0])')/suite/humanoid.xml
        take "collect-${task##*/}" bench collect --task "$scene" --action-repeat 2 --seconds 4
      done
      REVERIE_BINARY=$reverie keep gymnasium .venv/bin/python scripts/bench_gymnasium.py --json
      keep kills python3 scripts/crash_test.py --binary "$reverie"
      keep kills-pixels python3 scripts/crash_test.py --binary "$reverie" --task two-rooms --episodes 20 --kills 10 -- --pixels 64
      for task in cartpole-swingup cheetah-run; do
        keep "memory-$task" python3 scripts/peak_memory.py --binary "$reverie" --task dm_control/$task
      done
      # Real robots: hands, an arm, legs, with their meshes.
      [ -d "$out/robots" ] || .venv/bin/pip install --quiet --no-deps --target "$out/robots" gymnasium-robotics==1.4.2
      REVERIE_BINARY=$reverie keep sweep .venv/bin/python tests/python/bare_models_test.py "$out/robots/gymnasium_robotics" ;;
    pixels)
      take pixels bench pixels --task dm_control/cheetah-run --seconds 5 ;;
    app) # the window on a display of its own, drawn in software where there is no graphics card
      for task in cartpole-swingup cheetah-run; do
        on_display take "ui-$task" bench ui --task dm_control/$task --seconds 60
      done
      [ ! -e "$out/models/cartpole-swingup-0/config.json" ] || on_display take ui-model bench ui \
        --task dm_control/cartpole-swingup --model "$out/models/cartpole-swingup-0" --seconds 60
      take scrub bench scrub --task dm_control/cheetah-run ;;
    vision) # models of pictures: scripts/vision.sh for every scene, and what it does not measure
      for scene in two-rooms two-rooms-moving-door reacher pusher blocks-and-balls; do
        bash scripts/vision.sh $scene --seeds 0,1,2 --out "$out/vision/$scene" > "$out/vision-$scene.txt"
      done
      # The same encoder and predictor, from repainting pixels: as many updates, and as much time.
      for steps in 2300 400; do
        twin=$out/vision/two-rooms-repainting-$steps
        mkdir -p "$twin"
        [ -e "$twin/set" ] || ln -s ../two-rooms/set "$twin/set"
        cp "$out"/vision/two-rooms/{collect,data,random,straight,ceiling}.json "$twin"
        bash scripts/vision.sh two-rooms --out "$twin" --steps $steps -- --set objective=reconstruction > "$out/vision-two-rooms-repainting-$steps.txt"
      done
      bash scripts/vision.sh two-rooms --encoder random --out "$out/vision/two-rooms-frozen" > "$out/vision-two-rooms-frozen.txt"
      moving=$out/vision/two-rooms-moving-door
      take collapse train --model jepa --data "$moving/set" --steps 300 --set inverse=0.1 --out "$out/collapsed" --overwrite
      take probe probe --model "$moving/model-0" --data "$moving/set" --steps 500
      take plan-pictures bench plan --model jepa --task two-rooms
      keep memory-pictures python3 scripts/peak_memory.py --binary "$reverie" --pictures ;;
    latent) # the latent model: scripts/benchmark.sh, and what it does not measure
      bash scripts/benchmark.sh --out "$out/latent" > "$out/latent.txt"
      bash scripts/benchmark.sh --out "$out/latent" --tasks cartpole-swingup-positions >> "$out/latent.txt"
      .venv/bin/python scripts/known_reward.py "$out/latent" > "$out/latent-known-reward.txt"
      for task in cup-catch finger-spin cartpole-swingup cartpole-swingup-positions; do
        take "latent-held-out-$task" evaluate dm_control/$task --model "$out/latent/$task-0" --action-repeat 2 --episodes 6 \
          --seed 2000 --threads 1 --out "$out/latent-held-out-$task" --overwrite
        take "latent-compare-$task" compare --model "$out/latent/$task-0" --data "$out/latent-held-out-$task" \
          --windows 200 --horizons 1,5,10,25 --threads 1
      done ;;
    soak)
      on_display take soak bench soak --seconds 1800 ;;
    *) printf 'measure.sh: no row "%s" (rows: learn reacher simulator compare pictures data pixels app soak vision latent)\n' "$row" >&2; exit 2 ;;
  esac
done
