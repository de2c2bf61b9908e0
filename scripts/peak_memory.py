"""Peak memory of `reverie collect` for a run and for one ten times as long. Prints one JSON object."""

import argparse
import json
import os
import shutil
import sys
import tempfile


def peak_mb(binary, task, steps, folder):
    child = os.fork()
    if child == 0:
        os.execvp(binary, [binary, "collect", task, "--out", f"{folder}/{steps}", "--steps", str(steps), "--policy",
                           "random", "--json"])
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"peak_memory.py: error: collect ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default="build/release/reverie")
    parser.add_argument("--task", default="cartpole-swingup")
    parser.add_argument("--steps", type=int, default=100_000, help="control steps of the short run")
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="reverie-memory-")
    # The runs' own answers go to stderr.
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        steps = [arguments.steps, 10 * arguments.steps]
        peaks = [peak_mb(arguments.binary, arguments.task, count, folder) for count in steps]
    finally:
        shutil.rmtree(folder)
    with os.fdopen(answer, "w") as out:
        print(json.dumps({"task": arguments.task, "steps": steps, "peak_mb": peaks, "ratio": peaks[1] / peaks[0]}),
              file=out)


if __name__ == "__main__":
    main()
