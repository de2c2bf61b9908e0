"""Prints README's "Measured" table from the answers that scripts/measure.sh keeps under out/measured/.

A row whose answers are not all there yet is left out.
"""

import argparse
import json
import pathlib
import statistics
import sys


def of_seeds(folder, name):
    """What is there of name-SEED.json, in the order of seeds."""
    files = sorted(folder.glob(name + "-*.json"), key=lambda file: int(file.stem.rsplit("-", 1)[1]))
    return [json.loads(file.read_text()) for file in files]


def print_vision(folder, row):
    """Rows of what scripts/vision.sh keeps in folder/vision."""
    def percent(runs, key):
        return ", ".join(f"{100 * run[key]:.0f}" for run in runs) + "%"

    scenes = ["two-rooms", "two-rooms-moving-door", "reacher", "pusher", "two-rooms-frozen"]
    scenes += sorted(path.name for path in folder.glob("vision/*-repainting-*"))
    for scene in scenes:
        of_scene = folder / "vision" / scene
        goals, trained = of_seeds(of_scene, "goals"), of_seeds(of_scene, "train")
        if not goals:
            continue
        figure = f"reached at the end **{percent(goals, 'success_end')}**, at any time {percent(goals, 'success_any')}"
        if "success_end_across" in goals[0]:
            figure += f"; in the other room {percent(goals, 'success_end_across')}, {percent(goals, 'success_any_across')}"
        for name, who in (("random", "random actions"), ("straight", "a straight line"), ("ceiling", "the simulator")):
            if (of_scene / f"{name}.json").exists():
                figure += f"; {who} {percent([json.loads((of_scene / f'{name}.json').read_text())], 'success_end')}"
        figure += f"; {trained[0]['updates']:,} updates in " + ", ".join(f"{run['wall_s']:.0f}" for run in trained) + " s"
        row(f"goals given as pictures in {scene}, {goals[0]['pairs']} fresh pairs, seeds 0 to {len(goals) - 1}",
            f"scripts/vision.sh {scene}", "", figure)
    for scene in ("two-rooms", "two-rooms-moving-door", "blocks-and-balls"):
        told = of_seeds(folder / "vision" / scene, "twins")
        if not told:
            continue
        runs = [{result["violation"]: result for result in run["violations"]} for run in told]
        names = sorted(runs[0], key=lambda name: runs[0][name]["control"])
        row(f"possible and impossible twins of {scene}, area under the ROC curve, seeds 0 to {len(told) - 1}",
            f"scripts/vision.sh {scene}", "",
            "; ".join(f"{name}{' (control)' * runs[0][name]['control']} " + ", ".join(f"{run[name]['auroc']:.3f}" for run in runs)
                      for name in names))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default="out/measured", type=pathlib.Path)
    folder = parser.parse_args().folder
    if not folder.is_dir():
        sys.exit(f"measured_table.py: error: {folder}: no such folder; run scripts/measure.sh first")

    def answers(*names):
        files = [folder / f"{name}.json" for name in names]
        return [json.loads(file.read_text()) for file in files] if all(file.exists() for file in files) else None

    def row(what, command, repeat, figure):
        print(f"| {what} | `{command}` | {repeat} | {figure} |")

    def each(values):
        return ", ".join(f"{value:.0f}" for value in values)

    print("| what | command | action repeat | figure |\n|---|---|---|---|")
    for task, steps, other in (("cartpole-swingup", 12000, "839"), ("pendulum-swingup", 15000, "724")):
        runs = answers(*(f"learn-{task}-{seed}" for seed in range(3)))
        if not runs:
            continue
        returns = [run["return_last3"] for run in runs]
        walls = [run["wall_s"] for run in runs]
        row(f"return of the last 3 episodes after {steps:,} env steps, seeds 0, 1, 2",
            f"learn dm_control/{task} --env-steps {steps}", runs[0]["action_repeat"],
            f"**{statistics.median(returns):.0f}** ({each(returns)}); {each(walls)} s; TD-MPC2 {other} after 100,000")
        early = [[e for e in run["episodes"] if e["env_steps"] <= 8000][-3:] for run in runs]
        if task == "cartpole-swingup":
            means = [statistics.mean(e["return"] for e in run) for run in early]
            row("the same after 8,000 env steps of those runs", f"learn dm_control/{task} --env-steps {steps}",
                runs[0]["action_repeat"],
                f"**{statistics.median(means):.0f}** ({each(means)}); {each(run[-1]['wall_s'] for run in early)} s")
    for task, other in (("reacher-easy", "937"), ("reacher-hard", "414")):
        runs = answers(*(f"evaluate-{task}-{seed}" for seed in range(3)))
        learned = answers(*(f"learn-{task}-{seed}" for seed in range(3)))
        if runs and learned:
            returns = [run["mean_return"] for run in runs]
            row("mean of 10 episodes after learning for 30,000 env steps, seeds 0, 1, 2",
                f"learn dm_control/{task} --env-steps 30000`, `evaluate", runs[0]["action_repeat"],
                f"**{statistics.median(returns):.0f}** ({each(returns)}); learning {each(r['wall_s'] for r in learned)} s; "
                f"TD-MPC2 {other} after 100,000")
    for task in ("cartpole-swingup", "walker-walk", "cheetah-run", "cup-catch"):
        run = answers(f"simulator-{task}")
        if run:
            row("mean of 3 episodes, planning in the simulator", f"evaluate dm_control/{task} --model simulator",
                run[0]["action_repeat"],
                f"**{run[0]['mean_return']:.0f}** ({each(run[0]['returns'])}); {run[0]['plans_per_s']:.0f} plans/s")
    for name, what in (("ui-cartpole-swingup", "planning in the simulator"), ("ui-cheetah-run", "planning in the simulator"),
                       ("ui-model", "planning in a learned model")):
        run = answers(name)
        if run:
            ui = run[0]
            row(f"the window at {ui['width']} x {ui['height']}, {ui['gl'].split(' ')[0]}, {what}, learning beside it",
                f"bench ui --task {ui['task']}", "",
                f"frames of **{ui['frame_ms_p50']:.0f} ms** (median), **{ui['frame_ms_p99']:.0f} ms** (99th percentile); "
                f"a key acts after {ui['key_to_effect_frames_max']:.0f} frame{'s' * (ui['key_to_effect_frames_max'] != 1)} "
                f"at most ({ui['key_presses']} presses); "
                f"physics at {ui['realtime_factor']:.2f} of real time")
    scrub = answers("scrub")
    if scrub:
        row(f"going to {scrub[0]['seeks']} of {scrub[0]['control_steps']:,} steps of the past",
            f"bench scrub --task dm_control/{scrub[0]['task'].split('/')[-1]}", "",
            f"**{scrub[0]['exact']}** exact; {scrub[0]['ms_p50']:.2f} ms (median), **{scrub[0]['ms_max']:.1f} ms** at most")
    for task, scene in (("cartpole-swingup", "dm_control/cartpole-swingup"), ("cheetah-run", "dm_control/cheetah-run"),
                        ("humanoid", "humanoid.xml")):  # dm_control's
        run = answers(f"collect-{task}")
        if run:
            row(f"collecting {task} to disk, beside a bare `mj_step` loop on as many threads",
                f"bench collect --task {scene} --action-repeat 2 --seconds 4",
                run[0]["action_repeat"],
                f"**{run[0]['ratio']:.2f}** of it: {run[0]['collect_steps_per_s']:,.0f} env steps/s, bare "
                f"{run[0]['bare_steps_per_s']:,.0f}")
    gymnasium = answers("gymnasium")
    if gymnasium:
        row("collecting to disk beside Gymnasium's AsyncVectorEnv in memory, its half cheetah, two workers each",
            "scripts/bench_gymnasium.py", 1,
            f"**{gymnasium[0]['ratio']:.1f}** times its rate: {gymnasium[0]['reverie_env_steps_per_s']:,.0f} env steps/s, "
            f"Gymnasium {gymnasium[0]['gymnasium_env_steps_per_s']:,.0f}")
    for name, what in (("kills", "cheetah-run"), ("kills-pixels", "two-rooms with frames")):
        run = answers(name)
        if run:
            row(f"`kill -9` at a random moment of collecting {run[0]['episodes']} episodes of {what}, then `--resume`",
                "scripts/crash_test.py", "",
                f"**{run[0]['equal']}** of {run[0]['kills']} came to the same bytes")
    memory = answers("memory-cartpole-swingup", "memory-cheetah-run")
    if memory:
        row("peak memory of collecting 100,000 and 1,000,000 control steps", "scripts/peak_memory.py", "",
            "; ".join(f"{run['task'].split('/')[-1]} {run['peak_mb'][0]:.0f} and **{run['peak_mb'][1]:.0f}** MB"
                      for run in memory))
    sweep_file = folder / "sweep.json"  # text, whose last line is JSON
    if sweep_file.exists():
        sweep = json.loads(sweep_file.read_text().splitlines()[-1])
        row("every MJCF file of dm_control's suite, Gymnasium and Gymnasium-Robotics: 1,000 steps that replay to the bit, or "
            "one line that says why not", "tests/python/bare_models_test.py", "",
            f"**{sweep['recorded']}** recorded, {sweep['refused']} refused (parts of other files), {sweep['wrong']} wrong")
    pixels = answers("pixels")
    if pixels:
        frames = pixels[0]["frames"]
        row(f"collecting frames of {frames['width']} x {frames['height']} to disk, {pixels[0]['gl'].split(' ')[0]}",
            f"bench pixels --task {pixels[0]['task']}", pixels[0]["action_repeat"],
            f"**{pixels[0]['frames_per_s_per_core']:,.0f}** frames a second of a core's time, physics and compression "
            f"({pixels[0]['bytes_per_frame'] / 1000:.1f} kB a frame) included; {pixels[0]['frames_per_s']:,.0f} frames/s on "
            f"{pixels[0]['threads']} threads")
    soak = answers("soak")
    if soak:
        row(f"{soak[0]['seconds'] / 60:.0f} minutes of random input over three tasks", "bench soak --seconds 1800", "",
            f"{soak[0]['inputs']:,} inputs, {soak[0]['actions']:,} commands, {soak[0]['task_switches']} tasks opened; memory by "
            f"quarter {', '.join(f'{mb:.0f}' for mb in soak[0]['resident_mb_by_quarter'])} MB")
    print_vision(folder, row)
    collapse = answers("collapse")
    if collapse:
        row("collapse with the door drawn for each episode", "train --model jepa --steps 300 --set inverse=0.1", "",
            f"{len(collapse[0]['warnings'])} warnings; {collapse[0]['within_episode']:.2f} of the latents' variance lies within "
            "episodes")
    probe = answers("probe")
    if probe:
        def shares(values):
            return ", ".join(f"{100 * value:.0f}%" for value in values)

        told = {quantity["quantity"]: quantity for quantity in probe[0]["quantities"]}
        row("read from pictures of the moving door by an MLP, seed 0: R-squared", "probe --steps 500", "",
            "; ".join(f"{name} **{told[name]['r2_mlp']:.3f}** seen, {told[name]['r2_mlp_imagined'][-1]:.3f} imagined; 90% intervals "
                      f"held {shares(told[name]['coverage90'])}" for name in ("position[0]", "position[1]", "door")) +
            "; those of latents " + shares(horizon["latent_coverage90"] for horizon in probe[0]["horizons"]))
    plan = answers("plan-pictures")
    if plan:
        row("a plan to a goal's picture: 128 sequences, 6 iterations, 12 predictions", "bench plan --model jepa --task two-rooms",
            "", f"**{plan[0]['plan_ms']:.1f} ms**")
    pictures_memory = answers("memory-pictures")
    if pictures_memory:
        run = pictures_memory[0]
        row(f"peak memory of training on {run['steps'][0]:,} and on {run['steps'][1]:,} frames",
            "scripts/peak_memory.py --pictures", "", f"{run['peak_mb'][0]:,.0f} and **{run['peak_mb'][1]:,.0f}** MB")
    compared = answers(*(f"compare-{seed}" for seed in range(3)))
    if compared:
        runs = [{h["h"]: h for h in run["horizons"]} for run in compared]

        def three(h, key, form="{:.3f}"):
            return ", ".join(form.format(run[h][key]) for run in runs)

        for h in (1, 5, 10, 25):
            row(f"nRMSE at horizon {h}, 200 held-out windows of cartpole-swingup, seeds 0, 1, 2", "compare",
                compared[0]["action_repeat"],
                f"**{three(h, 'nrmse')}**; persistence {three(h, 'nrmse_persistence')}; linear "
                f"{three(h, 'nrmse_linear')}; 90% intervals held {three(h, 'coverage90', '{:.0%}')}")
        better = all(h["nrmse"] < min(h["nrmse_persistence"], h["nrmse_linear"]) for run in runs for h in run.values())
        row("below both baselines at every horizon from 1 to 25, all three seeds", "compare",
            compared[0]["action_repeat"], "yes" if better else "no")


if __name__ == "__main__":
    main()
