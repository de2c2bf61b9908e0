#!/usr/bin/env python3
"""Steps a second of Gymnasium's HalfCheetah-v5 in its own AsyncVectorEnv, and of `reverie collect` on the same MJCF.

    .venv/bin/python scripts/bench_gymnasium.py [--workers 2] [--seconds 10] [--json]

Both step half_cheetah.xml of the installed Gymnasium with random actions, 5 simulation steps of 0.01 s in each env step.
Gymnasium's transitions are thrown away; Reverie's are a dataset on disk when its clock stops. They run in turn, three
times, and medians count.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import gymnasium
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
TASK = {
    "description": "Gymnasium's half cheetah",
    "scene": "gymnasium:half_cheetah.xml",
    "control_timestep_s": 0.05,
    "time_limit_s": 50,
    "observation": {"position": "qpos", "velocity": "qvel"},
    "reward": "velocity[0] - 0.1 * sum(action^2)",
}


def gymnasium_rate(workers, seconds):
    envs = gymnasium.vector.AsyncVectorEnv([lambda: gymnasium.make("HalfCheetah-v5")] * workers)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    actions = [envs.action_space.sample() for _ in range(100)]
    for action in actions[:20]:
        envs.step(action)
    steps, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for action in actions:
            envs.step(action)
        steps += len(actions) * workers
    taken = time.perf_counter() - began
    envs.close()
    return steps / taken


def reverie_rate(binary, workers, seconds, last_rate):
    with tempfile.TemporaryDirectory() as folder:
        task = pathlib.Path(folder) / "half_cheetah.json"
        task.write_text(json.dumps(TASK), encoding="utf-8")
        steps = max(20000, int(seconds * last_rate) // 1000 * 1000)
        began = time.perf_counter()
        subprocess.run([binary, "collect", str(task), "--policy", "random", "--steps", str(steps), "--workers", str(workers),
                        "--out", str(pathlib.Path(folder) / "data"), "--json"], check=True, capture_output=True)
        return steps / (time.perf_counter() - began)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    binary = os.path.abspath(os.environ.get("REVERIE_BINARY", ROOT / "build/release/reverie"))
    if not os.access(binary, os.X_OK):
        sys.exit(f"bench_gymnasium: no program at {binary}: build it (scripts/setup.sh --build) or set REVERIE_BINARY")
    theirs, ours = [], []
    os.chdir(tempfile.mkdtemp())  # where MuJoCo writes its log
    for _ in range(3):
        theirs.append(gymnasium_rate(options.workers, options.seconds))
        ours.append(reverie_rate(binary, options.workers, options.seconds, ours[-1] if ours else 20000))
    report = {
        "workers": options.workers,
        "gymnasium": gymnasium.__version__,
        "gymnasium_env_steps_per_s": statistics.median(theirs),
        "reverie_env_steps_per_s": statistics.median(ours),
        "ratio": float(np.median(np.array(ours) / np.array(theirs))),
    }
    if options.json:
        print(json.dumps(report))
        return
    print(f"{options.workers} workers, HalfCheetah-v5 of Gymnasium {report['gymnasium']}, random actions")
    print(f"  Gymnasium, AsyncVectorEnv, in memory   {report['gymnasium_env_steps_per_s']:10,.0f} env steps/s")
    print(f"  reverie collect, to a dataset on disk  {report['reverie_env_steps_per_s']:10,.0f} env steps/s")
    print(f"  ratio {report['ratio']:.1f}")


if __name__ == "__main__":
    main()
