#!/usr/bin/env bash
# From a bare clone to an agent that learned: sets up, builds, learns to swing up a cart's pole from nothing,
# evaluates it, and shows where its predictions part from what happened. Results in out/demo/.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for option in "$@"; do
  case $option in
    -h | --help) echo "usage: scripts/demo.sh [--torch DIR] [--skip-packages]"; exit 0 ;;
  esac
done
started=$SECONDS
bash "$root/scripts/setup.sh" --build "$@"
cd "$root"

task=cartpole-swingup
out=out/demo
reverie=build/release/reverie
python=.venv/bin/python
mkdir -p "$out"

step() { printf '\n== %s\n   %s\n' "$1" "${*:2}" >&2; }
run() { # title, file for the JSON, command...
  local title=$1 json=$2
  shift 2
  step "$title" "$reverie $*"
  "$reverie" "$@" --json >"$json.partial"
  mv "$json.partial" "$json"
}

run "Learning $task: collect, train, plan, repeat" "$out/learn.json" \
  learn $task --out $out/model --model ensemble --env-steps 12000 --seed 0 --overwrite
run "Evaluating it on five new episodes, kept for what follows" "$out/evaluate.json" \
  evaluate $task --model $out/model --episodes 5 --seed 100 --out $out/held-out --overwrite
run "Replaying those episodes in the simulator, bit for bit" "$out/verify.json" \
  replay --data $out/held-out --verify
run "Comparing predictions with what happened" "$out/compare.json" \
  compare --model $out/model --data $out/held-out --out $out/compare --overwrite
run "Filming an episode" "$out/film.json" \
  replay --data $out/held-out --episode 0 --video $out/episode.mp4 --overwrite
step "Drawing the figures" "scripts/plot_learning.py, scripts/plot_compare.py"
$python scripts/plot_learning.py $out/model --out $out/learning_curve.png
$python scripts/plot_compare.py $out/compare --out $out/predicted_vs_real.png

DEMO_SECONDS=$((SECONDS - started)) $python - $out <<'PYTHON'
import json, os, platform, sys

out = sys.argv[1]
parts = {}
for name in ("learn", "evaluate", "verify", "compare"):
    path = os.path.join(out, name + ".json")
    with open(path, encoding="utf-8") as file:
        parts[name] = json.load(file)
    os.remove(path)
os.remove(os.path.join(out, "film.json"))
parts["verify"].pop("each", None)
with open("/proc/cpuinfo", encoding="utf-8") as file:
    names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
processor = names[0] if names else platform.machine()
machine = {"processor": processor, "processors": len(os.sched_getaffinity(0)), "system": platform.platform()}
report = {"machine": machine, "wall_s": int(os.environ["DEMO_SECONDS"]), **parts}
with open(os.path.join(out, "report.json.partial"), "w", encoding="utf-8") as file:
    json.dump(report, file, indent=2)
    file.write("\n")
os.rename(os.path.join(out, "report.json.partial"), os.path.join(out, "report.json"))

learn, evaluate, compare, verify = (parts[name] for name in ("learn", "evaluate", "compare", "verify"))
print(f"""
Done in {report['wall_s']} s on {processor}, {machine['processors']} processors.

  Learned {learn['task']} in {learn['env_steps']} env steps and {learn['wall_s']:.0f} s:
    mean return of the last 3 episodes {learn['return_last3']:.0f} of at most 1000
    {learn['plan_ms']:.1f} ms a plan, {learn['update_ms']:.1f} ms an update
  Evaluated on {len(evaluate['returns'])} new episodes: mean return {evaluate['mean_return']:.0f}
  Replayed them: {verify['steps']} control steps, {verify['mismatches']} differences in any bit
  Predicted {compare['windows']} windows of them; error in deviations of the channels:""")
print("    horizon   model  linear  persistence  90% interval holds")
for row in compare["horizons"]:
    print(f"    {row['h']:7d}  {row['nrmse']:6.3f}  {row['nrmse_linear']:6.3f}  "
          f"{row['nrmse_persistence']:11.3f}  {row['coverage90']:18.0%}")
print(f"""
  {out}/learning_curve.png      return and model error while it learned
  {out}/predicted_vs_real.png   predictions beside what happened, with their uncertainty
  {out}/episode.mp4             an episode of the agent
  {out}/report.json             all figures
  {out}/model, {out}/held-out   the model (safetensors) and the episodes (a Minari dataset)

Next:
  build/release/reverie tasks
  build/release/reverie learn dm_control/pendulum-swingup --env-steps 15000 --out out/pendulum
  build/release/reverie evaluate dm_control/cup-catch --model simulator --planner icem --episodes 1
  build/release/reverie collect your-model.xml --policy smooth --episodes 100 --out out/your-data""")
PYTHON
