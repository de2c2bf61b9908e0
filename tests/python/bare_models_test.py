"""`reverie collect` on every model of dm_control's suite and of Gymnasium's MuJoCo assets, as they are installed, and
on every MJCF file below folders that are given.

Each gives 1,000 control steps in a dataset that replays to the bit, or one clear error line and exit code 1.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import h5py
import mujoco
import numpy as np

BINARY = os.environ["REVERIE_BINARY"]
STEPS = 1000
mujoco.set_mju_user_warning(lambda message: None)  # else it writes MUJOCO_LOG.TXT where it runs


def models():
    for package, folder in (("dm_control", "suite"), ("gymnasium", "envs/mujoco/assets")):
        root = pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0]) / folder
        files = sorted(root.glob("*.xml"))
        if not files:
            raise SystemExit(f"no models in {root}")
        yield from ((package, file) for file in files)
    for folder in map(pathlib.Path, sys.argv[1:]):
        yield from ((folder.name, file) for file in sorted(folder.rglob("*.xml")))


def run(*arguments):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=300)


def python_compiles(file):
    try:
        return mujoco.MjModel.from_xml_path(str(file))
    except ValueError:
        return None


def check(file, folder):
    """Returns what happened and what is wrong, if anything."""
    model = python_compiles(file)
    result = run("collect", file, "--out", folder, "--steps", STEPS, "--policy", "random", "--seed", 3)
    if result.returncode != 0:
        lines = [line for line in result.stderr.splitlines() if line]
        clear = result.returncode == 1 and lines and lines[-1].startswith("reverie: error:") and file.name in lines[-1]
        if not clear:
            return "failed", f"exit {result.returncode}, {result.stderr.strip()!r}"
        if model is not None:
            return "error", f"MuJoCo in Python compiles it, but: {lines[-1]}"
        return lines[-1], None
    if model is None:
        return "recorded", "MuJoCo in Python cannot compile it, but episodes were recorded"
    steps = 0
    with h5py.File(os.path.join(folder, "data", "main_data.hdf5"), "r") as dataset:
        for k in range(len(dataset)):
            episode = dataset[f"episode_{k}"]
            steps += episode["actions"].shape[0]
            if episode["actions"].shape[1] != model.nu:
                return "recorded", f"{episode['actions'].shape[1]} actions, the model has {model.nu} controls"
            if episode["infos/qpos"].shape[1] != model.nq or episode["infos/qvel"].shape[1] != model.nv:
                return "recorded", "qpos or qvel has another size than the model"
            for name in ("observations", "actions", "rewards"):
                if not np.isfinite(episode[name][:]).all():
                    return "recorded", f"{name} of episode {k} are not finite"
        episodes = len(dataset)
    if steps != STEPS:
        return f"{steps} steps", f"expected {STEPS} steps, found {steps}"
    replay = run("replay", "--data", folder, "--verify")
    if replay.returncode != 0:
        return "recorded", f"replay --verify: {replay.stderr.strip() or replay.stdout.strip()}"
    return f"{steps} steps in {episodes} episodes, verified", None


def main():
    problems = []
    counts = {"recorded": 0, "refused": 0, "wrong": 0}
    with tempfile.TemporaryDirectory() as scratch:
        for index, (package, file) in enumerate(models()):
            what, wrong = check(file, os.path.join(scratch, str(index)))
            print(f"{package:18} {file.name:32} {what}", flush=True)
            if wrong:
                problems.append(f"{package} {file.name}: {wrong}")
            counts["wrong" if wrong else "recorded" if what.endswith("verified") else "refused"] += 1
    print(json.dumps(counts))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
