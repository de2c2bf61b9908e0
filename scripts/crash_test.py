"""Kills `reverie collect` at random moments, resumes it, and compares what is then on disk with an uninterrupted run.

Prints one JSON object: how many runs were killed, how many of them came to the same bytes, and the names of the files
that differ where one did not.
"""

import argparse
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time


def contents(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default="build/release/reverie")
    parser.add_argument("--task", default="dm_control/cheetah-run")
    parser.add_argument("--episodes", type=int, default=400)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--kills-a-run", type=int, default=2, help="the resumed run is killed again, this often in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("options", nargs="*", help="further options of collect, behind --")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)

    with tempfile.TemporaryDirectory(prefix="reverie-crash-") as scratch:
        scratch = pathlib.Path(scratch)

        def start(folder, *more):
            return subprocess.Popen(
                [arguments.binary, "collect", arguments.task, "--out", folder, "--episodes", str(arguments.episodes),
                 "--seed", str(arguments.seed), *arguments.options, *more],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

        def finish(process):
            error = process.communicate()[1]
            if process.returncode != 0:
                sys.exit(f"crash_test.py: error: collect ended with {process.returncode}: {error.strip()}")

        whole = scratch / "whole" / "run"
        began = time.monotonic()
        finish(start(whole))
        wall_s = time.monotonic() - began
        expected = contents(whole)

        killed = equal = 0
        differing = []
        while killed < arguments.kills:
            folder = scratch / f"killed-{killed}" / "run"
            kills_here = 0
            for _ in range(arguments.kills_a_run):
                process = start(folder, *(["--resume"] if folder.exists() else []))
                try:
                    process.wait(rng.uniform(0, wall_s))
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    kills_here += 1
                process.communicate()
            if kills_here == 0:
                continue
            finish(start(folder, "--resume"))
            killed += kills_here
            found = contents(folder)
            if found == expected:
                equal += kills_here
            else:
                differing.append(sorted(name for name in expected.keys() | found.keys()
                                        if expected.get(name) != found.get(name)))
            for file in sorted(folder.rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
            if sys.stderr.isatty():
                print(f"\rkilled {killed} times", end="", file=sys.stderr)
        print(json.dumps({"task": arguments.task, "episodes": arguments.episodes, "uninterrupted_s": round(wall_s, 2),
                          "bytes": sum(map(len, expected.values())), "kills": killed, "equal": equal,
                          "differing": differing}))
        sys.exit(0 if equal == killed else 1)


if __name__ == "__main__":
    main()
