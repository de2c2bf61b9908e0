#!/usr/bin/env python3
"""`collect`, `data` and `merge` under what happens to runs that are left alone: kills, full and read-only disks, two
processes on one folder, damaged and foreign files, very many and very long episodes.

Needs REVERIE_BINARY. Disks are small tmpfs mounts, which only root may make; without them those tests are skipped.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import h5py
import minari
import numpy as np

BINARY = os.environ["REVERIE_BINARY"]

CART = """
<mujoco>
  <option timestep="0.02"/>
  <worldbody>
    <body name="wägelchen 1">
      <joint name="slider ü" type="slide" axis="1 0 0" damping="1"/>
      <geom type="box" size="0.1 0.1 0.1" mass="1"/>
    </body>
  </worldbody>
  <actuator><motor name="motor a/b" joint="slider ü" ctrlrange="-1 1"/></actuator>
</mujoco>
"""


def contents(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in pathlib.Path(folder).rglob("*")
            if file.is_file()}


class FaultsTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="reverie faults ü "))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "cart.xml").write_text(CART, encoding="utf-8")
        self.task(time_limit_s=2)

    def task(self, **keys):
        (self.folder / "cart.json").write_text(json.dumps({
            "scene": "cart.xml", "control_timestep_s": 0.02,
            "observation": {"position": "qpos", "velocity": "qvel"},
            "reset": [{"set": "qpos", "to": "uniform(-1, 1)"}], "reward": "-abs(position)", **keys}))

    def start(self, *command):
        return subprocess.Popen([BINARY, *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, cwd=self.folder)

    def run_command(self, *command, expect=0):
        process = self.start(*command)
        out, error = process.communicate(timeout=300)
        self.assertEqual(process.returncode, expect, f"{command}: {error}")
        return out, error

    def collect(self, out, *options, expect=0, seed=3):
        return self.run_command("collect", "cart.json", "--out", out, "--seed", seed, "--policy", "smooth", *options,
                                expect=expect)

    def fails(self, *command, names):
        """One clear line, which names what it is about."""
        _, error = self.run_command(*command, expect=1)
        lines = error.strip().splitlines()
        self.assertEqual(len(lines), 1, error)
        self.assertTrue(lines[0].startswith("reverie: error: "), error)
        for name in names:
            self.assertIn(name, lines[0])
        return lines[0]

    @contextlib.contextmanager
    def disk(self, options):
        place = self.folder / "disk"
        place.mkdir(exist_ok=True)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("no tmpfs can be mounted here")
        try:
            yield place
        finally:
            subprocess.run(["umount", "-l", place], check=True)

    def test_a_second_process_on_a_folder_is_refused(self):
        first = self.start("collect", "cart.json", "--out", "out", "--steps", 10**9, "--policy", "smooth")
        try:
            while not (self.folder / "out/data/run.json").exists():
                self.assertIsNone(first.poll(), "collect ended at once")
                time.sleep(0.01)
            for mode in ("--resume", "--overwrite"):
                self.fails("collect", "cart.json", "--out", "out", "--steps", 10**9, "--policy", "smooth", mode,
                           names=["out", "in use"])
            self.assertIsNone(first.poll())
        finally:
            first.send_signal(signal.SIGTERM)
            first.communicate(timeout=60)
        self.assertEqual(first.returncode, 130)
        # What it had when it was told to end is there, and can be gone on with.
        before = json.loads(self.run_command("data", "out", "--json")[0])["episodes"]
        self.collect("out", "--episodes", before + 3, "--resume", seed=0)
        self.assertEqual(json.loads(self.run_command("data", "out", "--json")[0])["episodes"], before + 3)

    def test_killed_runs_resume_to_the_same_bytes(self):
        self.collect("whole/run", "--episodes", 2000)
        killed = 0
        for delay in (0.02, 0.1, 0.2):
            process = self.start("collect", "cart.json", "--out", f"killed-{delay}/run", "--seed", 3, "--policy", "smooth",
                                 "--episodes", 2000)
            time.sleep(delay)
            process.kill()
            process.communicate()
            killed += process.returncode == -signal.SIGKILL
            self.collect(f"killed-{delay}/run", "--episodes", 2000, "--resume")
            self.assertEqual(contents(self.folder / f"killed-{delay}"), contents(self.folder / "whole"))
        self.assertGreater(killed, 0, "every run ended before it was killed")

    def test_a_full_disk_loses_nothing(self):
        self.collect("whole/run", "--episodes", 400)
        with self.disk("size=2m") as disk:
            self.fails("collect", "cart.json", "--out", disk / "run", "--seed", 3, "--policy", "smooth", "--episodes", 400,
                       names=[str(disk), "No space left on device"])
            subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
            self.collect(disk / "run", "--episodes", 400, "--resume")
            self.assertEqual(contents(disk), contents(self.folder / "whole"))

    def test_a_read_only_disk_is_told_at_once(self):
        with self.disk("size=4m") as disk:
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
            self.fails("collect", "cart.json", "--out", disk / "run", "--episodes", 2, names=[str(disk), "Read-only"])

    def test_ten_thousand_tiny_episodes(self):
        self.task(time_limit_s=0.04)
        self.collect("tiny", "--episodes", 10000)
        self.run_command("data", "tiny", "--check")
        with h5py.File(self.folder / "tiny/data/main_data.hdf5") as file:
            self.assertEqual(len(file), 10000)
            self.assertEqual(file["episode_9999/actions"].shape, (2, 1))

    def test_a_very_long_episode(self):
        self.task(time_limit_s=0.02 * 200_000)
        self.collect("long", "--episodes", 1)
        os.environ["MINARI_DATASETS_PATH"] = str(self.folder)
        episode = minari.load_dataset("long")[0]
        self.assertEqual(len(episode.rewards), 200_000)
        self.assertTrue(np.isfinite(episode.observations).all())
        self.assertEqual((episode.terminations.any(), list(np.flatnonzero(episode.truncations))), (False, [199_999]))

    def test_damaged_and_foreign_files_are_one_line(self):
        self.collect("good", "--episodes", 3)
        main = self.folder / "good/data/main_data.hdf5"
        whole = main.read_bytes()

        def data_says(change, names):
            main.write_bytes(change(bytearray(whole)))
            self.fails("data", "good", "--check", names=[str(main.relative_to(self.folder)), *names])

        data_says(lambda b: b[: len(b) // 2], ["whole HDF5 file", "truncated"])
        data_says(lambda b: b"PK\x03\x04" + b[4:], ["expected an HDF5 file"])
        newer = bytearray(whole)
        newer[8] = 99  # the version of HDF5's superblock
        data_says(lambda b: bytes(newer), ["expected a whole HDF5 file"])
        with h5py.File(main, "w") as file:
            file["something"] = 1.0
        self.fails("data", "good", names=["main_data.hdf5", "expected the 3 episodes that metadata.json counts"])
        main.write_bytes(whole)
        self.run_command("data", "good", "--check")

    def test_only_what_is_alike_is_joined_and_gone_on_with(self):
        self.collect("a", "--episodes", 2)
        before = contents(self.folder / "a")
        self.task(time_limit_s=2, reward="-2 * abs(position)")
        self.fails("collect", "cart.json", "--out", "a", "--episodes", 4, "--seed", 3, "--policy", "smooth", "--resume",
                   names=["task.reward differs", "-abs(position)", "-2 * abs(position)"])
        self.collect("b", "--episodes", 2, seed=4)
        self.fails("merge", "a", "b", "--out", "joined", names=["task.reward differs"])
        self.task(time_limit_s=2)
        (self.folder / "cart.xml").write_text(CART.replace('mass="1"', 'mass="2"'), encoding="utf-8")
        self.fails("collect", "cart.json", "--out", "a", "--episodes", 4, "--seed", 3, "--policy", "smooth", "--resume",
                   names=["scene differs"])
        self.collect("c", "--episodes", 2, "--action-repeat", 2)
        self.fails("merge", "a", "c", "--out", "joined", names=["differs"])
        self.collect("kept", "--episodes", 1)
        kept = contents(self.folder / "kept")
        self.fails("merge", "a", "c", "--out", "kept", "--overwrite", names=["differs"])
        self.assertEqual(contents(self.folder / "kept"), kept)
        self.assertEqual(contents(self.folder / "a"), before)
        self.assertFalse((self.folder / "joined").exists())


if __name__ == "__main__":
    unittest.main()
