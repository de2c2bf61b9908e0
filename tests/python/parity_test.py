"""Episodes of the twelve control-suite tasks that `reverie collect` recorded, played again in dm_control itself.

From the recorded first state (and the recorded model parameters) the same actions are applied there; rewards and
observations of 500 control steps must agree within 1e-8. Two episodes a task: the first, and the one of the highest
return, because most random episodes of the sparse tasks never see a reward. Then the starts: how observations of
first states are distributed, here and in dm_control.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import h5py
import mujoco
import numpy as np

os.environ.setdefault("MUJOCO_GL", "disabled")
from absl import logging  # noqa: E402
from dm_control import suite  # noqa: E402

logging.set_verbosity(logging.ERROR)

BINARY = os.environ["REVERIE_BINARY"]
SCENES = pathlib.Path(__file__).resolve().parents[2] / "scenes"
TOLERANCE = 1e-8
CONTROL_STEPS = 500
ACTION_REPEAT = 2
EPISODES = 40
STARTS = 400
# Kolmogorov-Smirnov distance of two samples of 400; were they alike, one channel in 80,000 would exceed it.
LARGEST_DISTANCE = 0.2

TASKS = {
    "acrobot-swingup": ("acrobot", "swingup"),
    "cartpole-balance": ("cartpole", "balance"),
    "cartpole-swingup": ("cartpole", "swingup"),
    "cheetah-run": ("cheetah", "run"),
    "cup-catch": ("ball_in_cup", "catch"),
    "finger-spin": ("finger", "spin"),
    "hopper-stand": ("hopper", "stand"),
    "pendulum-swingup": ("pendulum", "swingup"),
    "reacher-easy": ("reacher", "easy"),
    "reacher-hard": ("reacher", "hard"),
    "walker-stand": ("walker", "stand"),
    "walker-walk": ("walker", "walk"),
}
STATE = mujoco.mjtState.mjSTATE_INTEGRATION
COMPONENTS = {"x": 0, "y": 1, "z": 2}


def collect(task, folder, policy):
    command = [BINARY, "collect", f"dm_control/{task}", "--out", folder, "--episodes", str(EPISODES), "--policy",
               policy, "--seed", "7", "--action-repeat", str(ACTION_REPEAT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    data = os.path.join(folder, "data")
    with open(os.path.join(data, "metadata.json")) as file:
        metadata = json.load(file)
    return h5py.File(os.path.join(data, "main_data.hdf5"), "r"), metadata["reverie"]


def set_parameters(model, labels, values):
    """Labels as "geom_pos(target).x" or "dof_damping(hinge)"."""
    for label, value in zip(labels, values):
        field, name, component = re.fullmatch(r"(\w+)\((\w+)\)(?:\.([xyz]))?", label).groups()
        kind = mujoco.mjtObj.mjOBJ_JOINT if field.startswith("dof_") else mujoco.mjtObj.mjOBJ_GEOM
        index = mujoco.mj_name2id(model, kind, name)
        assert index >= 0, label
        row = model.jnt_dofadr[index] if field.startswith("dof_") else index
        array = getattr(model, field)
        array[(row, COMPONENTS[component]) if component else row] = value


def flatten(observation):
    return np.concatenate([np.ravel(value) for value in observation.values()])


def play_in_dm_control(environment, episode, labels):
    """Returns observations (T+1, n) and rewards (T) of the recorded actions."""
    environment.reset()
    physics = environment.physics
    model, data = physics.model.ptr, physics.data.ptr
    set_parameters(model, labels, episode.attrs.get("model_parameters", []))
    start = episode["infos/integration_state"][0]
    mujoco.mj_setState(model, data, start, STATE)
    physics.after_reset()
    mujoco.mj_setState(model, data, start, STATE)  # after_reset moved the warm start
    observations = [flatten(environment.task.get_observation(physics))]
    rewards = []
    for action in episode["actions"][:]:
        reward = 0.0
        for _ in range(ACTION_REPEAT):
            step = environment.step(action)
            reward += step.reward
        observations.append(flatten(step.observation))
        rewards.append(reward)
    return np.array(observations), np.array(rewards)


def compare(task, policy):
    """Returns a table row and what is wrong, if anything."""
    with tempfile.TemporaryDirectory() as scratch:
        file, info = collect(task, os.path.join(scratch, "data"), policy)
        with file:
            returns = [file[f"episode_{k}/rewards"][:].sum() for k in range(EPISODES)]
            observation_error = reward_error = 0.0
            steps = 0
            for k in sorted({0, int(np.argmax(returns))}):
                episode = file[f"episode_{k}"]
                observations, rewards = play_in_dm_control(suite.load(*TASKS[task]), episode, info["parameter_labels"])
                if episode["observations"].shape != observations.shape:
                    return None, f"{task}: shape {episode['observations'].shape}, dm_control has {observations.shape}"
                steps = len(rewards)
                if steps != CONTROL_STEPS:
                    return None, f"{task}: {steps} control steps, expected {CONTROL_STEPS}"
                observation_error = max(observation_error, np.abs(episode["observations"][:] - observations).max())
                reward_error = max(reward_error, np.abs(episode["rewards"][:] - rewards).max())
            row = (task, policy, steps, observation_error, reward_error, max(returns))
            wrong = None
            if not (observation_error <= TOLERANCE and reward_error <= TOLERANCE):
                wrong = f"{task}: differs from dm_control by more than {TOLERANCE}"
            return row, wrong


def largest_distance(ours, theirs):
    """The largest Kolmogorov-Smirnov distance over channels, and its channel."""
    distances = []
    for a, b in zip(ours.T, theirs.T):
        points = np.sort(np.concatenate([a, b]))
        below = [np.searchsorted(np.sort(x), points + 1e-9, side="right") / len(x) for x in (a, b)]
        distances.append(np.abs(below[0] - below[1]).max())
    return max(distances), int(np.argmax(distances))


def compare_starts(task):
    spec = json.loads((SCENES / "dm_control" / f"{task}.json").read_text())
    spec["time_limit_s"] = spec["control_timestep_s"]  # episodes of one step: only their starts matter here
    spec["action_repeat"] = 1
    with tempfile.TemporaryDirectory() as scratch:
        file = pathlib.Path(scratch, "starts.json")
        file.write_text(json.dumps(spec))
        out = os.path.join(scratch, "data")
        subprocess.run([BINARY, "collect", file, "--out", out, "--episodes", str(STARTS), "--seed", "11"], check=True,
                       stdout=subprocess.DEVNULL)
        with h5py.File(os.path.join(out, "data", "main_data.hdf5"), "r") as dataset:
            ours = np.array([dataset[f"episode_{k}/observations"][0] for k in range(STARTS)])
    environment = suite.load(*TASKS[task], task_kwargs={"random": 11})
    theirs = np.array([flatten(environment.reset().observation) for _ in range(STARTS)])
    return largest_distance(ours, theirs)


def main():
    print(f"{'task':18} {'policy':7} {'steps':>5} {'observation':>12} {'reward':>10} {'best return':>12}")
    problems = []
    for task in sys.argv[1:] or TASKS:
        best = 0.0
        for policy in ("random", "smooth"):
            row, wrong = compare(task, policy)
            if row:
                print("{:18} {:7} {:5d} {:12.2e} {:10.2e} {:12.2f}".format(*row), flush=True)
                best = max(best, row[-1])
            if wrong:
                problems.append(wrong)
        if best == 0.0:
            problems.append(f"{task}: no episode saw a reward, so rewards were not compared")
    print(f"\n{'task':18} largest distance of starts over channels")
    for task in sys.argv[1:] or TASKS:
        distance, channel = compare_starts(task)
        print(f"{task:18} {distance:.3f} (observation {channel})", flush=True)
        if not distance < LARGEST_DISTANCE:
            problems.append(f"{task}: starts are distributed otherwise, observation {channel}: {distance:.3f}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
