#!/usr/bin/env python3
"""`collect --shard auto` as launchers start it (ranks of mpirun, tasks as Slurm's variables describe them), and
mixtures of policies as Minari and h5py read them.

Needs REVERIE_BINARY; Open MPI's mpirun (Debian: openmpi-bin), without which its test is skipped.
"""

import filecmp
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import h5py
import minari
import numpy as np

BINARY = os.environ["REVERIE_BINARY"]
MPIRUN = shutil.which("mpirun")
EPISODES = 7
LAUNCHERS = ("OMPI_", "PMI_", "PMIX_", "SLURM_", "RANK", "WORLD_SIZE", "JOB_COMPLETION")

CART = """
<mujoco>
  <worldbody>
    <body>
      <joint name="slider" type="slide" axis="1 0 0" damping="1"/>
      <geom type="box" size="0.1 0.1 0.1" mass="1"/>
    </body>
  </worldbody>
  <actuator><motor joint="slider" ctrlrange="-1 1"/></actuator>
</mujoco>
"""

TASK = {
    "scene": "cart.xml",
    "control_timestep_s": 0.02,
    "time_limit_s": 1,
    "observation": {"position": "qpos", "velocity": "qvel"},
    "reset": [{"set": "qpos(slider)", "to": "uniform(-1, 1)"}],
    "reward": "-abs(position)",
}


class CartTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="reverie cluster ü ")
        self.addCleanup(shutil.rmtree, self.folder)
        with open(self.path("cart.xml"), "w", encoding="utf-8") as file:
            file.write(CART)
        with open(self.path("cart.json"), "w", encoding="utf-8") as file:
            json.dump(TASK, file)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_command(self, command, expect=0, **variables):
        # This test may itself run in a job of a cluster.
        env = {name: value for name, value in os.environ.items() if not name.startswith(LAUNCHERS)}
        done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              cwd=self.folder, timeout=300, env={**env, **variables})
        self.assertEqual(done.returncode, expect, f"{command}: {done.stderr}")
        return done

    def collect(self, out, *options, launcher=(), expect=0, episodes=EPISODES, **variables):
        return self.run_command([*launcher, BINARY, "collect", "cart.json", "--out", out, "--episodes", episodes,
                                 "--policy", "smooth:2,random:1", "--epsilon", 0.1, "--seed", 3, "--workers", 1,
                                 "--json", *options], expect, **variables)


class ShardAutoTest(CartTest):
    def assert_merge_is_the_run(self, out, shards):
        folders = sorted(os.listdir(self.path(out)))
        self.assertEqual(folders, sorted(f"shard-{i}-of-{shards}" for i in range(1, shards + 1)))
        self.run_command(["sh", "-c", f'"{BINARY}" merge {out}/shard-* --out {out}/all'])
        self.collect("single")
        self.assertTrue(filecmp.cmp(self.path("single/data/main_data.hdf5"),
                                    self.path(f"{out}/all/data/main_data.hdf5"), shallow=False))

    @unittest.skipUnless(MPIRUN, "mpirun is missing; Debian: apt-get install openmpi-bin")
    def test_ranks_of_mpirun_merge_into_the_single_run(self):
        version = subprocess.run([MPIRUN, "--version"], capture_output=True, text=True, check=True).stdout
        if "Open MPI" not in version:
            self.skipTest(f"mpirun is not Open MPI's but: {version.splitlines()[0]}")
        launcher = [MPIRUN, "--oversubscribe", "-n", "3"]
        as_root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}  # containers often are
        done = self.collect("sets", "--shard", "auto", launcher=launcher, **as_root)
        for rank in range(3):
            self.assertIn(f"shard {rank + 1} of 3 by Open MPI (OMPI_COMM_WORLD_RANK={rank}, OMPI_COMM_WORLD_SIZE=3)",
                          done.stderr)
        self.assert_merge_is_the_run("sets", 3)

        done = self.collect("few", "--shard", "auto", launcher=launcher, expect=2, episodes=2, **as_root)
        self.assertIn("fewer --episodes than shards: expected 3 or more, found 2", done.stderr)
        self.assertFalse(os.path.exists(self.path("few")))

    def test_tasks_of_a_slurm_array_merge_into_the_single_run(self):
        for task in (8, 4, 6):
            report = json.loads(self.collect("sets", "--shard", "auto", SLURM_ARRAY_TASK_ID=str(task),
                                             SLURM_ARRAY_TASK_MIN="4", SLURM_ARRAY_TASK_MAX="8",
                                             SLURM_ARRAY_TASK_STEP="2", SLURM_ARRAY_TASK_COUNT="3").stdout)
            self.assertEqual(report["out"], f"sets/shard-{task // 2 - 1}-of-3")
        self.assert_merge_is_the_run("sets", 3)

    def test_without_a_launcher_one_line_says_so(self):
        for variables, says in (({}, "expected a rank in OMPI_COMM_WORLD_RANK"),
                                ({"RANK": "1"}, "WORLD_SIZE: expected"),
                                ({"PMI_RANK": "2", "PMI_SIZE": "2"}, "PMI_RANK: expected")):
            done = self.collect("o", "--shard", "auto", expect=2, **variables)
            self.assertEqual((done.stdout, len(done.stderr.splitlines())), ("", 1), done.stderr)
            self.assertIn(says, done.stderr)
        self.assertFalse(os.path.exists(self.path("o")))


class MixtureTest(CartTest):
    def test_who_acted_can_be_read_with_minari_and_h5py(self):
        self.collect("sets/mixed-v0", episodes=40)
        os.environ["MINARI_DATASETS_PATH"] = self.path("sets")
        self.addCleanup(os.environ.pop, "MINARI_DATASETS_PATH")
        dataset = minari.load_dataset("mixed-v0")
        metadata = dataset.storage.metadata
        self.assertEqual(metadata["reverie"]["policies"], ["smooth", "random", "epsilon"])
        self.assertEqual(metadata["algorithm_name"], "epsilon(0.1, mixture(smooth:2, random:1))")
        self.assertIn("0 smooth, 1 random, 2 epsilon, -1 none", metadata["description"])
        acted = []
        with h5py.File(self.path("sets/mixed-v0/data/main_data.hdf5")) as file:
            for episode in dataset:
                policy = episode.infos["policy"]
                self.assertEqual((policy.dtype, policy.shape, policy[-1]), (np.int8, (51,), -1))
                np.testing.assert_array_equal(policy, file[f"episode_{episode.id}/infos/policy"][:])
                self.assertEqual(len(set(policy[:-1]) - {2}), 1)
                acted.append(policy[:-1])
        acted = np.concatenate(acted)
        self.assertEqual(set(acted), {0, 1, 2})
        # 2000 steps, 40 episodes: four standard deviations.
        self.assertLess(abs((acted == 2).mean() - 0.1), 4 * np.sqrt(0.1 * 0.9 / 2000))
        self.assertLess(abs((acted == 0).mean() / 0.9 - 2 / 3), 4 * np.sqrt(2 / 9 / 40))
        verified = self.run_command([BINARY, "replay", "--data", "sets/mixed-v0", "--verify", "--json"])
        self.assertEqual(json.loads(verified.stdout)["mismatches"], 0)

        self.run_command([BINARY, "collect", "cart.json", "--out", "plain", "--episodes", 1, "--policy", "smooth"])
        with h5py.File(self.path("plain/data/main_data.hdf5")) as file:
            self.assertNotIn("policy", file["episode_0/infos"])
        with open(self.path("plain/data/metadata.json"), encoding="utf-8") as file:
            self.assertNotIn("policies", json.load(file)["reverie"])

    def test_a_planner_mixes_with_noise(self):
        done = self.run_command([BINARY, "collect", "cart.json", "--out", "o", "--episodes", 6, "--policy",
                                 "smooth:0.5,planner:0.5", "--set", "planner.horizon=3",
                                 "--set", "planner.sequences=20", "--json"])
        self.assertEqual(json.loads(done.stdout)["policy"], "mixture(smooth:0.5, planner(icem, simulator):0.5)")
        with h5py.File(self.path("o/data/main_data.hdf5")) as file:
            self.assertEqual({int(episode["infos/policy"][0]) for episode in file.values()}, {0, 1})

    def test_wrong_mixtures_are_refused_in_one_line(self):
        for options, says in (
                (["--policy", "smoth:0.7,planner:0.3"], "policy 'smoth': expected random, smooth, explore, planner, model; "
                                                        "did you mean 'smooth'?"),
                (["--policy", "smooth:0,planner:0.3"], "expected a weight above 0 for smooth"),
                (["--policy", "smooth:1,smooth:2"], "found 'smooth' again"),
                (["--policy", "smooth:1,model:2"], "--policy model needs --model"),
                (["--epsilon", "1.5"], "--epsilon: expected a probability from 0 to 1"),
                (["--epsilon", "nan"], "--epsilon: expected a probability from 0 to 1")):
            with self.subTest(options=options):
                done = self.run_command([BINARY, "collect", "cart.json", "--out", "o", "--episodes", 1, *options],
                                        expect=2)
                self.assertEqual((done.stdout, len(done.stderr.splitlines())), ("", 1), done.stderr)
                self.assertIn(says, done.stderr)
        self.assertFalse(os.path.exists(self.path("o")))


if __name__ == "__main__":
    unittest.main()
