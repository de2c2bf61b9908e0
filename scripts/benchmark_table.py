#!/usr/bin/env python3
"""Prints the table of what scripts/benchmark.sh has finished so far, beside published results, and draws its curves.

    benchmark_table.py DIR [--plots]

Returns are means of ten new episodes without exploration noise; several seeds are shown as median (each).
"""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import plot_style as style  # noqa: E402

# Mean of three seeds after 100,000 env steps: results/ of the TD-MPC2 repository (Hansen et al. 2024), whose files
# also hold the other two.
PUBLISHED = {
    "cartpole-balance": {"TD-MPC2": 998, "SAC": 999, "DreamerV3": 913},
    "cartpole-swingup": {"TD-MPC2": 839, "SAC": 835, "DreamerV3": 677},
    "pendulum-swingup": {"TD-MPC2": 724, "SAC": 96, "DreamerV3": 699},
    "reacher-easy": {"TD-MPC2": 937, "SAC": 540, "DreamerV3": 872},
    "reacher-hard": {"TD-MPC2": 414, "SAC": 161, "DreamerV3": 813},
    "cheetah-run": {"TD-MPC2": 519, "SAC": 310, "DreamerV3": 336},
    "walker-stand": {"TD-MPC2": 981, "SAC": 341, "DreamerV3": 885},
    "walker-walk": {"TD-MPC2": 962, "SAC": 708, "DreamerV3": 630},
    "finger-spin": {"TD-MPC2": 948, "SAC": 762, "DreamerV3": 328},
    "cup-catch": {"TD-MPC2": 981, "SAC": 958, "DreamerV3": 870},
    "hopper-stand": {"TD-MPC2": 28, "SAC": 2, "DreamerV3": 150},
    "acrobot-swingup": {"TD-MPC2": 179, "SAC": 8, "DreamerV3": 101},
}


def finished(folder):
    """{task: {mark: {seed: (mean return, wall seconds of learning)}}}"""
    table = collections.defaultdict(lambda: collections.defaultdict(dict))
    for path in sorted(folder.glob("*.json")):
        name = re.fullmatch(r"(.+)-(\d+)-(\d+)\.json", path.name)
        if not name:
            continue
        learned = style.read_json(str(path.with_name(path.stem + "-learn.json")))
        played = style.read_json(str(path))
        table[name[1]][int(name[3])][int(name[2])] = (played["mean_return"], learned["wall_s"])
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--plots", action="store_true", help="draw DIR/TASK.png from the runs' logs")
    args = parser.parse_args()
    if not args.folder.is_dir():
        raise style.InputError(f"{args.folder}: no such folder; run scripts/benchmark.sh first")
    table = finished(args.folder)
    if not table:
        raise style.InputError(f"{args.folder}: no run is finished; scripts/benchmark.sh makes them")
    marks = sorted({mark for runs in table.values() for mark in runs})
    others = ("TD-MPC2", "SAC", "DreamerV3")
    print("| task | " + " | ".join(f"after {mark:,}" for mark in marks) + " | " +
          " | ".join(f"{name}, 100,000" for name in others) + " | learning took |")
    print("|---" * (2 + len(marks) + len(others)) + "|")
    for task in sorted(table):
        cells = [task]
        for mark in marks:
            returns = [value for _, (value, _) in sorted(table[task].get(mark, {}).items())]
            each = f" ({', '.join(f'{value:.0f}' for value in returns)})" if len(returns) > 1 else ""
            cells.append(f"**{np.median(returns):.0f}**{each}" if returns else "")
        cells += [str(PUBLISHED.get(task, {}).get(name, "")) for name in others]
        walls = [wall for _, wall in table[task][max(table[task])].values()]
        cells.append(f"{np.median(walls) / 60:.0f} min")
        print("| " + " | ".join(cells) + " |")
    if not args.plots:
        return
    for task, runs in table.items():
        seeds = sorted({seed for of_mark in runs.values() for seed in of_mark})
        references = [f"--reference={name} after 100,000 env steps={value}" for name, value in PUBLISHED.get(task, {}).items()]
        subprocess.run([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "plot_learning.py"),
                        *(str(args.folder / f"{task}-{seed}") for seed in seeds), "--out", str(args.folder / f"{task}.png"),
                        *references, "--size", "1500x900"], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    style.run(main)
