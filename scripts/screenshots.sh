#!/usr/bin/env bash
# Makes README's pictures of the desktop app, on a display of its own (Xvfb): assets/app-*.png. Learns the model that
# they show first, and plays episodes with it; both stay in out/screenshots/ and are used again. The model of pictures is
# the one of scripts/vision.sh two-rooms-moving-door.
#
#   scripts/screenshots.sh [PICTURE...]     pictures: imagine compare branch inspect learn data see (default: all)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
reverie=$(realpath -- "${REVERIE_BINARY:-build/release/reverie}")
work=out/screenshots
task=cartpole-swingup

pictures=${*:-imagine compare branch inspect learn data see}
if [ "$pictures" != see ] && [ ! -e $work/played/data/main_data.hdf5 ]; then
  "$reverie" learn $task --out $work/model --env-steps 12000 --seed 0 --resume
  "$reverie" evaluate $task --model $work/model --episodes 6 --seed 100 --out $work/played --overwrite
fi

# The app writes its settings below the home folder; pictures are of the app as it is at first.
settings=$(mktemp -d)
trap 'rm -rf "$settings" "$settings-played"' EXIT

shoot() { # name, height in pixels, then what the app is to be told
  local name=$1 height=$2
  shift 2
  rm -rf "${settings:?}"/*
  XDG_CONFIG_HOME=$settings xvfb-run -a -s "-screen 0 1280x${height}x24 -noreset" \
    "$reverie" "$@" --size 1280x$height --scale 1 --lock-step --run-for 0 --screenshot "assets/app-$name.png"
  printf '%s\n' "assets/app-$name.png"
}

for picture in $pictures; do
  case $picture in
    imagine) # the plan as ghosts, candidates as traces, the ensemble's members as a fan
      shoot imagine 800 $task --model $work/model --seed 2 \
        --do "step:26,view.show.imagination,wait:2" ;;
    compare) # a prediction frozen a second ago, beside what happened since
      shoot compare 800 $task --model $work/model --seed 4 \
        --do "actor=smooth,step:40,time.freeze,step:75,view.show.predicted-and-real,wait:2" ;;
    branch) # going back, acting otherwise, both futures kept
      shoot branch 800 dm_control/cheetah-run --seed 1 \
        --do "step:120,seek:60,actor=smooth,step:110,seek:60,actor=random,step:100,view.show.reward,wait:2" ;;
    inspect) # a body's facts, contacts and their forces
      shoot inspect 800 blocks --seed 1 \
        --do "theme=light,step:60,view.show.scene,scene.show.contacts,scene.show.contact_forces,body=ball,wait:2" ;;
    learn) # what was learned, and how
      shoot learn 800 $task --model $work/model --seed 1 \
        --do "step:60,view.show.learning,wait:3,learning.compare,wait:2" ;;
    data) # a recorded episode, and a model's prediction on it; the picture names the folder
      cp -r $work/played "$settings-played"
      shoot data 1160 "$settings-played" --model $work/model \
        --do "wait:3,time.pause,time.reset,view.panel.timeline,data.next_episode,wait:2,data.predict,wait:3" ;;
    see) # what a model of pictures imagines on its way to a goal
      seen=out/vision/two-rooms-moving-door
      [ -e $seen/model-0/config.json ] || REVERIE_BINARY=$reverie bash scripts/vision.sh two-rooms-moving-door
      [ -e $seen/model-0/probes.safetensors ] || "$reverie" probe --model $seen/model-0 --data $seen/set --steps 500
      shoot see 900 two-rooms-moving-door --model $seen/model-0 \
        --do "speed=0,view.show.goal,step:1,goal.set,time.next_episode,step:14,wait:3" ;;
    *) echo "screenshots: there is no picture '$picture': imagine compare branch inspect learn data see" >&2; exit 2 ;;
  esac
done
