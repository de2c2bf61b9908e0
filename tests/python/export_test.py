#!/usr/bin/env python3
"""`reverie export` and scripts/export_lerobot.py, read with what people read these formats with: OGBench's own loader,
h5py as stable-worldmodel's HDF5Dataset and robomimic's documentation have it, Arrow and PyAV for LeRobot's.

Needs REVERIE_BINARY and REVERIE_SOURCE.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import av
import h5py
import numpy as np
import ogbench.utils
import pandas as pd
import pyarrow.parquet as pq

BINARY = os.environ["REVERIE_BINARY"]
SCRIPT = pathlib.Path(os.environ["REVERIE_SOURCE"]) / "scripts/export_lerobot.py"
SIZE = 64


class ExportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="reverie export ü "))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for name, more in (("state", []), ("seen", ["--pixels", str(SIZE)])):
            cls.run_command(BINARY, "collect", "two-rooms", "--out", cls.folder / name, "--steps", 130, "--policy",
                            "smooth", "--seed", 5, *more)
        cls.episodes = {name: cls.read(cls.folder / name) for name in ("state", "seen")}

    @classmethod
    def run_command(cls, *command, expect=0):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
        if done.returncode != expect:
            raise AssertionError(f"{command}: exit {done.returncode}: {done.stderr}")
        return done

    @staticmethod
    def read(folder):
        episodes = []
        with h5py.File(folder / "data/main_data.hdf5") as file:
            for k in range(len(file)):
                group = file[f"episode_{k}"]
                observations = group["observations"]
                frames = {}
                if isinstance(observations, h5py.Group):
                    frames = {camera: array[:] for camera, array in observations["pixels"].items()}
                    observations = observations["state"]
                episodes.append({"observations": observations[:], "actions": group["actions"][:],
                                 "rewards": group["rewards"][:], "frames": frames,
                                 "qpos": group["infos/qpos"][:], "state": group["infos/integration_state"][:]})
        return episodes

    def export(self, data, layout, *options):
        out = self.folder / f"{data}.{layout}.{len(options)}"
        self.run_command(BINARY, "export", "--data", self.folder / data, "--format", layout, "--out", out, *options)
        return out

    def camera(self):
        (camera,) = self.episodes["seen"][0]["frames"]
        return camera

    def test_ogbench(self):
        episodes = self.episodes["state"]
        file = self.export("state", "ogbench")
        loaded = ogbench.utils.load_dataset(file)
        for name, rows in (("observations", [e["observations"][:-1] for e in episodes]),
                           ("next_observations", [e["observations"][1:] for e in episodes]),
                           ("actions", [e["actions"] for e in episodes])):
            np.testing.assert_array_equal(loaded[name], np.concatenate(rows).astype(np.float32))
        np.testing.assert_array_equal(np.flatnonzero(loaded["terminals"]),
                                      np.cumsum([len(e["actions"]) for e in episodes]) - 1)
        with np.load(file) as arrays:
            np.testing.assert_array_equal(arrays["qpos"], np.concatenate([e["qpos"] for e in episodes]).astype(np.float32))
            self.assertEqual(arrays["terminals"].dtype, bool)

    def test_ogbench_of_what_a_camera_saw(self):
        file = self.export("seen", "ogbench", "--camera", self.camera())
        loaded = ogbench.utils.load_dataset(file, ob_dtype=np.uint8)
        seen = [e["frames"][self.camera()] for e in self.episodes["seen"]]
        self.assertEqual(loaded["observations"].dtype, np.uint8)
        np.testing.assert_array_equal(loaded["observations"], np.concatenate([f[:-1] for f in seen]))
        np.testing.assert_array_equal(loaded["next_observations"], np.concatenate([f[1:] for f in seen]))

    def test_stable_worldmodel(self):
        episodes = self.episodes["seen"]
        # As its HDF5Dataset opens it.
        with h5py.File(self.export("seen", "stable-worldmodel"), "r", swmr=True) as file:
            lengths, offsets = file["ep_len"][:], file["ep_offset"][:]
            self.assertEqual((lengths.dtype, offsets.dtype), (np.int32, np.int64))
            np.testing.assert_array_equal(lengths, [len(e["observations"]) for e in episodes])
            for episode, length, offset in zip(episodes, lengths, offsets):
                rows = slice(offset, offset + length)
                np.testing.assert_array_equal(file["observation"][rows], episode["observations"].astype(np.float32))
                np.testing.assert_array_equal(file["action"][rows][:-1], episode["actions"].astype(np.float32))
                self.assertTrue(np.isnan(file["action"][rows][-1]).all())
                np.testing.assert_array_equal(file["pixels"][rows], episode["frames"][self.camera()])
                np.testing.assert_array_equal(file["step_idx"][rows], np.arange(length))
            for name in set(file) - {"ep_len", "ep_offset"}:
                self.assertEqual(len(file[name]), lengths.sum(), name)

    def test_robomimic(self):
        episodes = self.episodes["seen"]
        with h5py.File(self.export("seen", "robomimic")) as file:
            data = file["data"]
            self.assertEqual(data.attrs["total"], sum(len(e["actions"]) for e in episodes))
            self.assertEqual(set(json.loads(data.attrs["env_args"])), {"env_name", "type", "env_kwargs"})
            self.assertEqual(set(data), {f"demo_{k}" for k in range(len(episodes))})
            for k, episode in enumerate(episodes):
                demo, steps = data[f"demo_{k}"], len(episode["actions"])
                self.assertEqual(demo.attrs["num_samples"], steps)
                np.testing.assert_array_equal(demo["actions"], episode["actions"])
                np.testing.assert_array_equal(demo["rewards"], episode["rewards"])
                np.testing.assert_array_equal(demo["states"], episode["state"][:-1])
                np.testing.assert_array_equal(demo["obs/state"], episode["observations"][:-1])
                np.testing.assert_array_equal(demo["next_obs/state"], episode["observations"][1:])
                np.testing.assert_array_equal(np.flatnonzero(demo["dones"]), [steps - 1])
                frames = episode["frames"][self.camera()]
                np.testing.assert_array_equal(demo[f"obs/{self.camera()}_image"], frames[:-1])
                np.testing.assert_array_equal(demo[f"next_obs/{self.camera()}_image"], frames[1:])

    def test_lerobot(self):
        episodes = self.episodes["seen"]
        out = self.folder / "lerobot"
        self.run_command(sys.executable, SCRIPT, self.folder / "seen", "--out", out, "--task", "go to the other room")
        info = json.loads((out / "meta/info.json").read_text())
        steps = [len(e["actions"]) for e in episodes]
        self.assertEqual((info["codebase_version"], info["total_episodes"], info["total_frames"]),
                         ("v3.0", len(episodes), sum(steps)))
        self.assertEqual(pd.read_parquet(out / "meta/tasks.parquet").loc["go to the other room"].task_index, 0)
        table = pq.read_table(out / info["data_path"].format(chunk_index=0, file_index=0)).to_pandas()
        np.testing.assert_array_equal(np.stack(table["observation.state"]),
                                      np.concatenate([e["observations"][:-1] for e in episodes]).astype(np.float32))
        np.testing.assert_array_equal(np.stack(table["action"]).reshape(sum(steps), -1),
                                      np.concatenate([e["actions"] for e in episodes]).astype(np.float32))
        np.testing.assert_array_equal(table["index"], np.arange(sum(steps)))
        np.testing.assert_allclose(np.diff(table["timestamp"][:steps[0]]), 1 / info["fps"], rtol=1e-4)
        listed = pq.read_table(out / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
        key = "observation.images." + self.camera()
        self.assertEqual(info["features"][key]["dtype"], "video")
        with av.open(out / info["video_path"].format(video_key=key, chunk_index=0, file_index=0)) as film:
            frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        self.assertEqual(len(frames), sum(steps))
        for row, episode in zip(listed, episodes, strict=True):
            self.assertEqual(row["dataset_to_index"] - row["dataset_from_index"], len(episode["actions"]))
            first = round(row[f"videos/{key}/from_timestamp"] * info["fps"])
            # A film is not the frames to the bit, but the nearest of the frames is the one that it shows.
            seen = np.concatenate([e["frames"][self.camera()][:1] for e in episodes]).astype(int)
            off = np.abs(seen - frames[first]).mean((1, 2, 3))
            self.assertEqual(np.argmin(off), row["episode_index"])
            self.assertLess(off.min(), 10)
        statistics = json.loads((out / "meta/stats.json").read_text())
        np.testing.assert_allclose(statistics["action"]["mean"], np.concatenate([e["actions"] for e in episodes]).mean(0),
                                   atol=1e-9)
        self.assertEqual(np.shape(statistics[key]["mean"]), (3, 1, 1))

    def test_wrong_use_is_one_line(self):
        for names, *options in ((["frames of camera 'nobody'"], "--format", "ogbench", "--camera", "nobody", "--out", "x.npz"),
                                (["found one", "--overwrite"], "--format", "robomimic", "--out", __file__),
                                (["found a folder"], "--format", "robomimic", "--out", self.folder),
                                (["nowhere"], "--format", "ogbench", "--out", "/nowhere/x.npz")):
            error = self.run_command(BINARY, "export", "--data", self.folder / "state", *options, expect=1).stderr
            self.assertTrue(error.startswith("reverie: error: ") and error.count("\n") == 1, error)
            for name in names:
                self.assertIn(name, error)
        self.run_command(BINARY, "export", "--data", self.folder / "state", "--format", "d4rl", "--out", "x", expect=2)
        done = self.run_command(sys.executable, SCRIPT, self.folder, "--out", self.folder / "none", expect=1)
        self.assertIn("expected a finished dataset", done.stderr)
        self.assertFalse((self.folder / "none").exists())


if __name__ == "__main__":
    unittest.main()
