#!/usr/bin/env python3
"""Peak memory of a run and of one ten times as long: of `reverie collect`, or, with --pictures, of training a model of
pictures on a dataset and on one ten times as large. Prints one JSON object."""

import argparse
import json
import os
import shutil
import sys
import tempfile


def peak_mb(command):
    child = os.fork()
    if child == 0:
        os.execvp(command[0], command)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"peak_memory.py: error: {command[1]} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss / 1024


def collecting(binary, task, steps, folder):
    return peak_mb([binary, "collect", task, "--out", f"{folder}/{steps}", "--steps", str(steps), "--policy", "random", "--json"])


def training(binary, task, frames, updates, threads, folder):
    data = f"{folder}/{frames}"
    peak_mb([binary, "collect", task, "--out", data, "--steps", str(frames), "--policy", "explore", "--pixels", "64",
             "--hide", "floor", "--workers", threads, "--json"])
    return peak_mb([binary, "train", "--model", "jepa", "--data", data, "--out", f"{folder}/model-{frames}", "--steps",
                    str(updates), "--threads", threads, "--json"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default="build/release/reverie")
    parser.add_argument("--task", help="(cartpole-swingup; with --pictures two-rooms)")
    parser.add_argument("--pictures", action="store_true")
    parser.add_argument("--steps", type=int, help="control steps of the short run (100000; with --pictures 20000)")
    parser.add_argument("--updates", type=int, default=500, help="with --pictures: of each training")
    parser.add_argument("--threads", default=str(len(os.sched_getaffinity(0))), help="with --pictures (all)")
    arguments = parser.parse_args()
    task = arguments.task or ("two-rooms" if arguments.pictures else "cartpole-swingup")
    few = arguments.steps or (20_000 if arguments.pictures else 100_000)
    folder = tempfile.mkdtemp(prefix="reverie-memory-")
    # The runs' own answers go to stderr.
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        steps = [few, 10 * few]
        if arguments.pictures:
            peaks = [training(arguments.binary, task, count, arguments.updates, arguments.threads, folder) for count in steps]
        else:
            peaks = [collecting(arguments.binary, task, count, folder) for count in steps]
    finally:
        shutil.rmtree(folder)
    with os.fdopen(answer, "w") as out:
        print(json.dumps({"task": task, "steps": steps, "peak_mb": peaks, "ratio": peaks[1] / peaks[0]}), file=out)


if __name__ == "__main__":
    main()
