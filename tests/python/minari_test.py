"""A dataset that Reverie wrote, read with the tools that people use: Minari, h5py and MuJoCo in Python.

Usage: minari_test.py [DATASET [EXPECTED]]. Without arguments the program named by REVERIE_BINARY collects
some first. EXPECTED is a folder with the episodes' arrays as raw little-endian doubles,
`episode_0.observations.f64`, to be compared bit for bit.
"""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import gymnasium
import h5py
import minari
import mujoco
import numpy as np
from minari.data_collector.episode_buffer import EpisodeBuffer

STATE = mujoco.mjtState.mjSTATE_INTEGRATION
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print(f"FAILED: {what}")


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@contextlib.contextmanager
def minari_root(folder):
    old = os.environ.get("MINARI_DATASETS_PATH")
    os.environ["MINARI_DATASETS_PATH"] = str(folder)
    yield
    del os.environ["MINARI_DATASETS_PATH"]
    if old is not None:
        os.environ["MINARI_DATASETS_PATH"] = old


def load(folder):
    with minari_root(folder.parent), warnings.catch_warnings():
        warnings.simplefilter("error")
        return minari.load_dataset(folder.name)


def check_metadata(folder, dataset):
    text = (folder / "data" / "metadata.json").read_text(encoding="utf-8")
    metadata = json.loads(text, parse_constant=lambda word: check(False, f"{word} is no JSON"))
    for key in ("total_episodes", "total_steps", "data_format", "dataset_id", "minari_version",
                "observation_space", "action_space", "author", "author_email", "algorithm_name",
                "code_permalink", "description", "dataset_size", "requirements", "jpeg_encoding", "reverie"):
        check(key in metadata, f"metadata.json has '{key}'")
    check(dataset.id == metadata["dataset_id"], "Minari knows the dataset by its id")
    spec = dataset.spec
    check(spec.total_episodes == metadata["total_episodes"] and spec.total_steps == metadata["total_steps"],
          "Minari's specification counts what the metadata counts")
    check(isinstance(spec.version, int), "the id has a version")
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != "metadata.json"]
    size = sum(file.stat().st_size for file in files)
    check(abs(metadata["dataset_size"] - size / 1e6) <= 0.1, "dataset_size is the size in MB")
    return metadata["reverie"]


def check_spaces(dataset, reverie):
    observations, actions = dataset.observation_space, dataset.action_space
    check(observations == gymnasium.spaces.Box(-np.inf, np.inf, (reverie["observation_size"],), np.float64),
          "the observation space is the unbounded box")
    check(actions == gymnasium.spaces.Box(-1.0, 1.0, (reverie["action_size"],), np.float64),
          "the action space is the unit box")


def check_integrity(dataset):
    """Minari's rules for a dataset: ids, lengths, step totals, membership in the spaces, types."""
    steps = 0
    metadatas = list(dataset.storage.get_episode_metadata(range(dataset.total_episodes)))
    for index, episode in enumerate(dataset):
        length = len(episode)
        steps += length
        name = f"episode {index}"
        check(episode.id == index and metadatas[index]["id"] == index, f"{name}: ids are contiguous")
        check(metadatas[index]["total_steps"] == length, f"{name}: total_steps is its length")
        check(isinstance(metadatas[index]["seed"], int) and metadatas[index]["seed"] >= 0,
              f"{name}: the seed is one that Gymnasium accepts")
        check(episode.observations.shape == (length + 1, *dataset.observation_space.shape),
              f"{name}: T+1 observations")
        check(episode.actions.shape == (length, *dataset.action_space.shape), f"{name}: T actions")
        check(all(row in dataset.observation_space for row in episode.observations),
              f"{name}: observations in space")
        check(all(row in dataset.action_space for row in episode.actions), f"{name}: actions in space")
        rewards = episode.rewards
        check(rewards.shape == (length,) and rewards.dtype == np.float64, f"{name}: T rewards")
        for key in ("terminations", "truncations"):
            flags = getattr(episode, key)
            check(flags.shape == (length,) and flags.dtype == np.bool_, f"{name}: T {key}, numpy's bool")
            check(not flags[:-1].any(), f"{name}: no {key} before the last step")
        for key in ("integration_state", "qpos", "qvel", "time"):
            check(key in episode.infos, f"{name}: infos has {key}")
        for key, values in episode.infos.items():
            check(len(values) == length + 1, f"{name}: infos/{key} has T+1 rows")
        check(f"total_steps={length}" in repr(episode), f"{name}: repr works")
    check(steps == dataset.total_steps, "the steps add up to total_steps")
    return steps


def check_use(folder, dataset):
    """Sampling, filtering, listing and appending, as Minari's users do."""
    count = dataset.total_episodes
    dataset.set_seed(0)
    sampled = dataset.sample_episodes(min(2, count))
    check(len(sampled) == min(2, count), "episodes can be sampled")
    check(all(len(episode) == len(dataset[int(episode.id)]) for episode in sampled), "and are whole")
    longer = dataset.filter_episodes(lambda episode: len(episode) > 0)
    check(longer.total_episodes == sum(len(episode) > 0 for episode in dataset), "episodes can be filtered")

    with tempfile.TemporaryDirectory() as root:
        copy = pathlib.Path(root) / dataset.id
        shutil.copytree(folder, copy)
        with minari_root(root):
            check(dataset.id in minari.list_local_datasets(), "Minari lists it in a folder of its id's name")
            extended = minari.load_dataset(dataset.id)
            source = dataset[0]
            extended.update_dataset_from_buffer([EpisodeBuffer(
                id=0, observations=source.observations, actions=source.actions, rewards=list(source.rewards),
                terminations=list(source.terminations), truncations=list(source.truncations),
                infos=source.infos)])
            grown = minari.load_dataset(dataset.id)[0]
        check(np.array_equal(grown.rewards[len(source):], source.rewards), "Minari can append to an episode")
        appended = grown.infos["qpos"][len(source) + 1:]
        check(np.array_equal(appended, source.infos["qpos"]), "and to its infos")


def check_states(folder, dataset):
    """MuJoCo in Python, given the kept model and states, has the recorded positions, velocities and times."""
    scene = folder / "data" / "scene.mjb"
    model = mujoco.MjModel.from_binary_path(str(scene))
    data = mujoco.MjData(model)
    rows = 0
    for episode in dataset:
        infos = episode.infos
        size = mujoco.mj_stateSize(model, STATE)
        check(infos["integration_state"].shape[1:] == (size,), "the whole state is there")
        for row, state in enumerate(infos["integration_state"]):
            mujoco.mj_setState(model, data, state, STATE)
            same = (same_bits(data.qpos, infos["qpos"][row]) and same_bits(data.qvel, infos["qvel"][row])
                    and same_bits(np.float64(data.time), infos["time"][row]))
            if not same:
                check(False, f"episode {episode.id}, row {row}: the state has the recorded qpos, qvel, time")
                break
            rows += 1
    return rows


def check_file(folder):
    """What h5py sees: types, and arrays that can grow."""
    with h5py.File(folder / "data" / "main_data.hdf5", "r") as file:
        for name, episode in file.items():
            for attribute in ("id", "total_steps"):
                check(episode.attrs[attribute].dtype == np.int64, f"{name}: attribute {attribute} is int64")
            members = []
            episode.visititems(lambda _, member: members.append(member))
            for array in members:
                if isinstance(array, h5py.Dataset):
                    grows = array.chunks is not None and array.maxshape[0] is None
                    check(grows, f"{array.name} is chunked and may grow")


def check_expected(dataset, expected):
    """Bit for bit what the writer was given."""
    compared = 0
    for file in sorted(expected.glob("*.f64")):
        name, key, _ = file.name.split(".")
        episode = dataset[int(name.removeprefix("episode_"))]
        values = episode.infos[key] if key in episode.infos else getattr(episode, key)
        stored = np.asarray(values, dtype="<f8").ravel()
        check(same_bits(stored, np.fromfile(file, dtype="<f8")), f"{file.name} is what was written")
        compared += stored.size
    check(compared > 0, f"{expected} has arrays to compare")
    return compared


def check_dataset(folder, expected):
    dataset = load(folder)
    reverie = check_metadata(folder, dataset)
    check_spaces(dataset, reverie)
    check_file(folder)
    steps = check_integrity(dataset)
    check_use(folder, dataset)
    rows = check_states(folder, dataset)
    text = f"{folder.name}: {dataset.total_episodes} episodes, {steps} steps, {rows} states in MuJoCo"
    if expected is not None:
        text += f", {check_expected(dataset, expected)} numbers bit for bit"
    print(text)


def main():
    if len(sys.argv) > 1:
        expected = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
        check_dataset(pathlib.Path(sys.argv[1]).resolve(), expected)
        return
    binary = os.environ["REVERIE_BINARY"]
    with tempfile.TemporaryDirectory() as root:
        for task, name in (("pendulum-swingup", "pendulum-random-v1"), ("two-rooms-moving-door", "rooms"),
                           ("dm_control/cheetah-run", "cheetah-v0")):
            folder = pathlib.Path(root) / name
            subprocess.run([binary, "collect", task, "--out", str(folder), "--episodes", "3", "--policy",
                            "random", "--seed", "0"], check=True, stdout=subprocess.DEVNULL)
            check_dataset(folder, None)
            replay = subprocess.run([binary, "replay", "--data", str(folder), "--verify", "--json"],
                                    check=True, capture_output=True, text=True)
            verified = json.loads(replay.stdout)
            check(verified["episodes"] == 3 and verified["mismatches"] == 0, f"{name} replays to the bit")


if __name__ == "__main__":
    main()
    if failures:
        sys.exit(f"{len(failures)} checks failed")
    print("all checks passed")
