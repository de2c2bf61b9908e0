"""`reverie data`: its figures beside NumPy's over what Minari loads, and `--check` on what h5py has spoiled.

Needs REVERIE_BINARY.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import h5py
import minari
import numpy as np

BINARY = os.environ["REVERIE_BINARY"]


def reverie(*arguments):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=300)


class DataTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="reverie data ü "))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        os.environ["MINARI_DATASETS_PATH"] = str(cls.root)
        # The second stops in the middle of an episode, so that lengths differ.
        for task, name, steps in (("pendulum-swingup", "pendulum-v0", 700), ("dm_control/cup-catch", "cup-v0", 1200)):
            subprocess.run([BINARY, "collect", task, "--out", cls.root / name, "--steps", str(steps), "--policy",
                            "smooth", "--seed", "3"], check=True, stdout=subprocess.DEVNULL)

    def report(self, name):
        done = reverie("data", self.root / name, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def assert_spread(self, spread, values):
        expected = dict(zip(("min", "q25", "median", "q75", "max"), np.quantile(values, [0, 0.25, 0.5, 0.75, 1])))
        expected["mean"] = np.mean(values)
        for key, value in expected.items():
            self.assertAlmostEqual(spread[key], value, delta=1e-9 * max(1, abs(value)), msg=key)

    def assert_coverage(self, coverage, arrays):
        values = np.concatenate(arrays)
        self.assertEqual(coverage["rows"], len(values))
        self.assertEqual(coverage["quantiles_from_one_row_in"], 1)
        self.assertEqual(len(coverage["channels"]), values.shape[1])
        for channel, column in zip(coverage["channels"], values.T):
            self.assertEqual(channel["min"], column.min())
            self.assertEqual(channel["max"], column.max())
            for key, share in (("p1", 0.01), ("median", 0.5), ("p99", 0.99)):
                self.assertAlmostEqual(channel[key], np.quantile(column, share), delta=1e-12, msg=channel["label"])
            self.assertAlmostEqual(channel["mean"], column.mean(), delta=1e-9)
            self.assertAlmostEqual(channel["std"], column.std(), delta=1e-9)
            self.assertEqual(channel["not_finite"], 0)
            if "at_limit" in channel:
                self.assertAlmostEqual(channel["at_limit"], (np.abs(column) >= 1).mean(), delta=1e-12)

    def test_figures_are_numpys(self):
        for name in ("pendulum-v0", "cup-v0"):
            with self.subTest(name):
                report = self.report(name)
                dataset = minari.load_dataset(name)
                episodes = list(dataset)
                metadata = json.loads((self.root / name / "data/metadata.json").read_text())["reverie"]
                self.assertEqual(report["task"], metadata["task_name"])
                self.assertEqual(report["policy"], "smooth")
                self.assertEqual(report["episodes"], dataset.total_episodes)
                self.assertEqual(report["steps"], dataset.total_steps)
                self.assertEqual(report["env_steps"], dataset.total_steps * metadata["action_repeat"])
                self.assert_spread(report["returns"], [episode.rewards.sum() for episode in episodes])
                self.assert_spread(report["lengths"], [len(episode) for episode in episodes])
                self.assertEqual(report["terminated"], sum(episode.terminations[-1] for episode in episodes))
                self.assertEqual(report["truncated"], sum(episode.truncations[-1] for episode in episodes))
                self.assertGreater(report["truncated"], 0)
                successes = [episode.infos["success"] for episode in episodes if "success" in episode.infos]
                self.assertEqual(report["success"], {"episodes": len(successes),
                                                     "any": sum(bool(each.any()) for each in successes),
                                                     "end": sum(bool(each[-1]) for each in successes)})
                self.assertEqual(report["quarantined"], 0)
                self.assert_coverage(report["observations"], [episode.observations for episode in episodes])
                self.assert_coverage(report["actions"], [episode.actions for episode in episodes])
                if metadata["signal_size"]:
                    self.assert_coverage(report["signals"], [episode.infos["signals"] for episode in episodes])
                self.assertEqual([channel["label"] for channel in report["observations"]["channels"]],
                                 metadata["observation_labels"])
                files = [file for file in (self.root / name / "data").rglob("*") if file.is_file()]
                self.assertEqual(report["disk_bytes"], sum(file.stat().st_size for file in files))

    def test_the_text_says_the_same(self):
        report = self.report("cup-v0")
        text = reverie("data", self.root / "cup-v0").stdout
        for line in (f"control steps  {report['steps']}", f"episodes       {report['episodes']}",
                     f"policy         {report['policy']}", f"task           {report['task']}"):
            self.assertIn(line, text.splitlines())
        for channel in report["observations"]["channels"] + report["actions"]["channels"]:
            row = next(line for line in text.splitlines() if line.startswith(f"  {channel['label']} "))
            self.assertEqual(row.split()[-6 if "at_limit" not in channel else -7], f"{channel['min']:.4g}")

    def test_quarantined_episodes_are_listed(self):
        copy = self.root / "diverged-v0"
        shutil.copytree(self.root / "cup-v0", copy)
        with h5py.File(copy / "data/main_data.hdf5", "a") as file:
            for name in ("episode_0", "episode_2"):
                file[name].attrs["diverged"] = "hinge ä"
        report = self.report("diverged-v0")
        self.assertEqual(report["quarantined"], 2)
        self.assertEqual(report["diverged"], {"episodes": [0, 2], "degrees_of_freedom": {"hinge ä": 2}})
        self.assertIn("diverged       2 quarantined, by degree of freedom: hinge ä 2; episodes 0, 2\n",
                      reverie("data", copy).stdout)

    def test_sound_datasets_pass(self):
        for name in ("pendulum-v0", "cup-v0"):
            done = reverie("data", self.root / name, "--check", "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            dataset = minari.load_dataset(name)
            self.assertEqual(json.loads(done.stdout), {"data": str(self.root / name), "finished": True, "sound": True,
                                                       "episodes": dataset.total_episodes,
                                                       "steps": dataset.total_steps})

    def test_what_h5py_spoiled_is_named(self):
        def as_type(key, dtype):
            def spoil(episode):
                values = episode[key][()].astype(dtype)
                del episode[key]
                episode[key] = values
            return spoil

        def attribute(name, value):
            return lambda episode: episode.attrs.__setitem__(name, value)

        def value(key, place, number):
            return lambda episode: episode[key].__setitem__(place, number)

        cases = (
            (as_type("observations", np.float32), "/observations: expected an array of float64, found float32"),
            (as_type("terminations", np.uint8), "/terminations: expected an array of bool, found uint8"),
            (as_type("rewards", ">i2"), "/rewards: expected an array of float64, found int16"),
            (value("truncations", 1, True), "/truncations: expected none but the last to be true, found step 1 of "),
            (value("actions", (2, 0), -1.5), "/actions: expected numbers in their space, here from -1 to 1, "
                                             "found -1.5 at step 2, element 0 "),
            (value("infos/time", 3, np.inf), "/infos/time: expected finite numbers, found inf at step 3"),
            (attribute("id", 5), " attribute 'id': expected 1, found 5"),
            (attribute("seed", -1), " attribute 'seed': expected 0 or more, found -1"),
            (attribute("total_steps", 1.5), " attribute 'total_steps': expected an integer, found float64"),
            (lambda episode: episode.__delitem__("infos"), "/infos: expected a group, found nothing"),
            (lambda episode: episode["infos"].create_dataset("mine", data=[1, 2]),
             "/infos/mine: expected "),
        )
        for number, (spoil, message) in enumerate(cases):
            with self.subTest(message):
                copy = self.root / f"spoiled-v{number}"
                shutil.copytree(self.root / "cup-v0", copy)
                file = copy / "data/main_data.hdf5"
                with h5py.File(file, "a") as opened:
                    spoil(opened["episode_1"])
                done = reverie("data", copy, "--check", "--json")
                self.assertEqual(done.returncode, 1)
                self.assertEqual(done.stdout, "")
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertTrue(done.stderr.startswith(f"reverie: error: {file}: episode_1{message}"), done.stderr)

    def test_wrong_usage_and_missing_data(self):
        self.assertEqual(reverie("data").returncode, 2)
        for options in ((), ("--check",)):
            done = reverie("data", self.root / "nothing", *options)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stdout, "")
            self.assertIn("there is no such folder", done.stderr)


if __name__ == "__main__":
    unittest.main()
