#!/usr/bin/env python3
"""What the models of scripts/benchmark.sh earn when they plan with the reward that they learned, and with the task's own
formula on the channels that they decode: the same ten episodes both ways. Prints a table; what was played is not again.

    known_reward.py [DIR] [--threads N]
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def play(binary, folder, reward, task, seed, threads, kept):
    """Plays as benchmark.sh does, in a copy of the model that plans with `reward`."""
    if kept.exists():
        return json.loads(kept.read_text())
    with tempfile.TemporaryDirectory(prefix="reverie-reward-") as copy:
        config = json.loads((folder / "config.json").read_text())
        config["options"]["planning_reward"] = reward
        (pathlib.Path(copy) / "config.json").write_text(json.dumps(config))
        shutil.copy(folder / "weights.safetensors", copy)
        answer = subprocess.run([binary, "evaluate", f"dm_control/{task}", "--model", copy, "--episodes", "10", "--seed",
                                 str(1000 + seed), "--action-repeat", "2", "--threads", str(threads), "--json"],
                                stdout=subprocess.PIPE, check=True, text=True).stdout
    partial = kept.with_suffix(".partial")
    partial.write_text(answer)
    partial.replace(kept)
    return json.loads(answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", default="out/benchmark/latent", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    binary = os.environ.get("REVERIE_BINARY", ROOT / "build/release/reverie")
    models = [path for path in sorted(arguments.folder.glob("*-*/config.json"))
              if json.loads(path.read_text()).get("model") == "latent"]
    if not models:
        sys.exit(f"known_reward.py: error: {arguments.folder}: expected models of scripts/benchmark.sh, found none")
    print("| task | seed | updates | reward learned | formula | plans/s | with the formula |\n|---|---|---|---|---|---|---|")
    for path in models:
        task, seed = re.fullmatch(r"(.+)-(\d+)", path.parent.name).groups()
        updates = json.loads(path.read_text())["updates"]
        learned, formula = (play(binary, path.parent, reward, task, int(seed), arguments.threads,
                                 arguments.folder / f"{path.parent.name}-{reward}-of-{updates}.json")
                            for reward in ("learned", "formula"))
        print(f"| {task} | {seed} | {updates:,} | {learned['mean_return']:.0f} | {formula['mean_return']:.0f} | "
              f"{learned['plans_per_s']:.0f} | {formula['plans_per_s']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
