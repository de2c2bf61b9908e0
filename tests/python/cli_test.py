#!/usr/bin/env python3
"""The command line as a contract: exit codes, one line per error, JSON alone on stdout, runs that resume.

Needs REVERIE_BINARY. Every test works in a folder of its own whose name holds a space and an umlaut.
"""

import filecmp
import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import h5py
import mujoco

BINARY = os.environ["REVERIE_BINARY"]

CART = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <body>
      <joint name="slider" type="slide" axis="1 0 0" range="-1 1" damping="1"/>
      <geom name="cart" type="box" size="0.1 0.1 0.1" mass="1"/>
      <body pos="0 0 0.1">
        <joint name="hinge" axis="0 1 0"/>
        <geom type="capsule" fromto="0 0 0 0 0 0.5" size="0.02" mass="0.1"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor name="push" joint="slider" gear="10" ctrlrange="-1 1"/></actuator>
</mujoco>
"""

TASK = {
    "scene": "cart.xml",
    "control_timestep_s": 0.02,
    "time_limit_s": 1,
    "observation": {"position": "qpos", "velocity": "qvel(hinge)"},
    "reset": [{"set": "qpos(hinge)", "to": "uniform(-1, 1)"}],
    "reward": "cos(position[1])",
}


def same_files(test, a, b):
    """Both folders hold the same files with the same bytes."""
    def names(folder):
        return sorted(os.path.relpath(os.path.join(path, name), folder)
                      for path, _, files in os.walk(folder) for name in files)

    test.assertEqual(names(a), names(b))
    test.assertTrue(names(a))
    for name in names(a):
        test.assertTrue(filecmp.cmp(os.path.join(a, name), os.path.join(b, name), shallow=False), name)


class CommandLineTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="reverie cli ü ")
        self.addCleanup(shutil.rmtree, self.folder)
        self.write("cart.xml", CART)
        self.write("cart.json", json.dumps(TASK))

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def task(self, name="changed.json", **changes):
        return self.write(name, json.dumps({**TASK, **changes}))

    def run_reverie(self, *arguments, expect=0, env=None, stdout=subprocess.PIPE):
        done = subprocess.run([BINARY, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=stdout,
                              stderr=subprocess.PIPE, text=True, cwd=self.folder, timeout=300,
                              env={**os.environ, **(env or {})})
        self.assertEqual(done.returncode, expect, f"{arguments}: {done.stderr}")
        return done

    def collect(self, task, out, *options, expect=0, env=None):
        return self.run_reverie("collect", task, "--out", out, "--json", *options, expect=expect, env=env)

    def assert_error(self, *arguments, says):
        """Exit code 1, nothing on stdout, and one line on stderr that says all of `says`."""
        done = self.run_reverie(*arguments, expect=1)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("reverie: error: "), done.stderr)
        for text in says:
            self.assertIn(text, lines[0])

    # Usage

    def test_wrong_usage_is_exit_code_2_and_help_is_0(self):
        one = ["collect", "cart.json", "--out", "o", "--episodes", "1"]
        for arguments, says in [
            (["colect"], "did you mean 'collect'?"),
            (["collect"], "TASK is required"),
            (["collect", "cart.json"], "--out is required"),
            (["collect", "cart.json", "--out", "o"], "either --episodes or --steps"),
            ([*one, "--steps", "1"], "--episodes"),
            (["collect", "cart.json", "--out", "o", "--episodes", "0"], "--episodes"),
            (["collect", "cart.json", "--out", "o", "--episodes", "many"], "--episodes"),
            ([*one, "--policy", "clever"], "--policy"),
            ([*one, "--resume", "--overwrite"], "--resume"),
            ([*one, "--shard", "3/2"], "--shard"),
            (["collect", "cart.json", "--out", "o", "--steps", "4", "--shard", "1/2"], "--shard needs"),
            ([*one, "--colour"], "--colour"),
            ([*one, "--policy", "planner", "--set", "horizon=3"], "planner.<option>"),
            (["replay", "--data", "o", "--width", "33"], "even"),
            (["replay", "--data", "o", "--width", "9"], "expected a number from 16 to 8192, found 9"),
            (["bench", "--seconds", "0"], "--seconds: expected a number above 0, found 0"),
            (["evaluate", "cart.json", "--model", "random", "--exploration", "-1"], "that is not negative, found -1"),
        ]:
            with self.subTest(arguments=arguments):
                done = self.run_reverie(*arguments, expect=2)
                self.assertEqual(done.stdout, "")
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(says, done.stderr)
        self.assertFalse(os.path.exists(self.path("o")))
        for arguments in (["--help"], ["collect", "--help"], ["--version"]):
            done = self.run_reverie(*arguments)
            self.assertEqual(done.stderr, "")
            self.assertIn("reverie", done.stdout)

    def test_without_a_display_the_desktop_app_says_so_in_one_line(self):
        env = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
        for arguments in ([], ["cart.json"], ["--run-for", "1"]):
            with self.subTest(arguments=arguments):
                done = self.run_reverie(*arguments, expect=1, env=env)
                self.assertEqual(done.stdout, "")
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn("no display", done.stderr)
                self.assertIn("subcommands work without one", done.stderr)

    def test_what_the_desktop_app_is_not_told_right_is_wrong_usage(self):
        for arguments, says in [
            (["cart.jsn"], "there is no command or task 'cart.jsn'"),
            (["cartpole-swingupp"], "did you mean 'cartpole-swingup'"),
            (["--seed", "3", "tasks"], "reverie tasks"),
            (["cart.json", "--size", "big"], "WIDTHxHEIGHT"),
            (["cart.json", "--size", "16000x16000"], "at most 8192 a side"),
            (["cart.json", "--scale", "100"], "--scale"),
            (["cart.json", "--run-for", "-1"], "--run-for"),
        ]:
            with self.subTest(arguments=arguments):
                done = self.run_reverie(*arguments, expect=2)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(says, done.stderr)

    # Bad input

    def test_scenes_that_cannot_be_loaded(self):
        self.write("broken.xml", "<mujoco><worldbody><geom sise='1'/></worldbody></mujoco>")
        self.write("unclosed.xml", "<mujoco><worldbody>")
        self.write("mesh.xml", "<mujoco><asset><mesh name='part' file='part.stl'/></asset>"
                               "<worldbody><geom type='mesh' mesh='part'/></worldbody></mujoco>")
        for scene, says in [
            ("nowhere.xml", ["nowhere.xml", "no such file"]),
            ("broken.xml", ["broken.xml", "unrecognized attribute: 'sise'", "line 1"]),
            ("unclosed.xml", ["unclosed.xml", "XML"]),
            ("mesh.xml", ["mesh.xml", "part.stl"]),
            (".", ["folder"]),
        ]:
            with self.subTest(scene=scene):
                self.assert_error("collect", scene, "--out", "o", "--episodes", "1", says=says)
        self.assertFalse(os.path.exists(self.path("o")))

    def test_an_mjb_of_another_mujoco_version_is_refused_with_both_versions(self):
        mujoco.mj_saveModel(mujoco.MjModel.from_xml_path(self.path("cart.xml")), self.path("cart.mjb"))
        self.collect("cart.mjb", "from mjb", "--steps", 10)
        with open(self.path("cart.mjb"), "r+b") as file:
            file.seek(12)  # the fourth integer of the header
            self.assertEqual(struct.unpack("i", file.read(4))[0], mujoco.mj_version())
            file.seek(12)
            file.write(struct.pack("i", 3003002))
        self.assert_error("collect", "cart.mjb", "--out", "o", "--episodes", "1",
                          says=["cart.mjb", "3.3.2", mujoco.mj_versionString()])

    def test_tasks_that_do_not_fit(self):
        cases = [
            (self.task("joint.json", observation={"angle": "qpos(hing)"}), ["joint.json", "hing", "'hinge'"]),
            (self.task("sensor.json", observation={"angle": "sensordata(gyro)"}), ["sensor.json", "gyro"]),
            (self.task("key.json", rewards="1"), ["key.json", "rewards", "'reward'"]),
            (self.task("formula.json", reward="cos(position[1]"), ["formula.json", "reward"]),
            (self.task("size.json", reward="position"), ["size.json", "reward", "one number"]),
            (self.task("scene.json", scene="carts.xml"), ["carts.xml"]),
            (self.task("step.json", control_timestep_s=0.015), ["step.json", "control_timestep_s", "0.015"]),
            (self.write("broken.json", "{"), ["broken.json"]),
            ("cartpole-swingupp", ["cartpole-swingupp", "'cartpole-swingup'"]),
            ("dm_control/walker-wlk", ["'dm_control/walker-walk'"]),
        ]
        for task, says in cases:
            with self.subTest(task=task):
                self.assert_error("collect", task, "--out", "o", "--episodes", "1", says=says)

    def test_a_control_step_of_many_simulation_steps_is_counted_exactly(self):
        # 0.29 / 0.01 is 28.999999999999996 in doubles, and 29 simulation steps.
        self.collect(self.task(control_timestep_s=0.29, time_limit_s=2.9), "o", "--episodes", 1)
        with h5py.File(self.path("o/data/main_data.hdf5")) as file:
            self.assertEqual(file["episode_0/rewards"].shape, (10,))
            self.assertAlmostEqual(file["episode_0/infos/time"][1], 0.29, places=12)

    def test_output_folders_are_not_overwritten(self):
        self.collect("cart.json", "o", "--episodes", 1)
        self.assert_error("collect", "cart.json", "--out", "o", "--episodes", "1",
                          says=["--overwrite", "--resume"])
        self.collect("cart.json", "o", "--episodes", 2, "--overwrite")
        os.mkdir(self.path("mine"))
        letter = self.write("mine/letter.txt", "dear")
        self.assert_error("collect", "cart.json", "--out", "mine", "--episodes", "1", "--overwrite",
                          says=["letter.txt"])
        self.assertTrue(os.path.exists(letter))
        self.assert_error("collect", "cart.json", "--out", "cart.xml", "--episodes", "1", says=["cart.xml"])
        # Another run is not gone on with.
        self.assert_error("collect", "cart.json", "--out", "o", "--episodes", "2", "--seed", "1", "--resume",
                          says=["seed"])

    def test_datasets_that_are_foreign_or_damaged(self):
        with self.subTest("missing"):
            self.assert_error("replay", "--data", "nothing", says=["nothing"])
        with self.subTest("another tool's"):
            os.makedirs(self.path("foreign/data"))
            with h5py.File(self.path("foreign/data/main_data.hdf5"), "w") as file:
                file["x"] = 1
            self.assert_error("replay", "--data", "foreign", says=["foreign"])
        with self.subTest("truncated"):
            self.collect("cart.json", "short", "--episodes", 3)
            os.truncate(self.path("short/data/main_data.hdf5"), 4000)
            self.assert_error("replay", "--data", "short", says=["main_data.hdf5"])
        with self.subTest("episode out of range"):
            self.collect("cart.json", "two", "--episodes", 2)
            self.assert_error("replay", "--data", "two", "--episode", "2", says=["episodes 0 to 1"])
        with self.subTest("another set-up"):
            self.collect(self.task(control_timestep_s=0.04), "other", "--episodes", 1)
            self.assert_error("merge", "two", "other", "--out", "o", says=["two", "other", "0.04"])

    def test_a_full_standard_output_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = self.run_reverie("doctor", "--json", expect=1, stdout=full)
        self.assertIn("reverie: error: cannot write to standard output", done.stderr)

    # What it does

    def test_json_is_alone_on_stdout_and_has_its_keys(self):
        report = json.loads(self.collect("cart.json", "o", "--steps", 120).stdout)
        self.assertEqual(report["task"], "cart")
        self.assertEqual((report["episodes"], report["env_steps"], report["quarantined"]), (3, 120, 0))
        self.assertGreater(report["wall_s"], 0)
        self.assertGreater(report["steps_per_s"], 0)
        report = json.loads(self.collect("cart.json", "r", "--steps", 10, "--action-repeat", 3).stdout)
        self.assertEqual((report["env_steps"], report["action_repeat"]), (30, 3))
        report = json.loads(self.run_reverie("replay", "--data", "o", "--verify", "--json").stdout)
        self.assertEqual((report["episodes"], report["steps"], report["mismatches"]), (3, 120, 0))
        tasks = json.loads(self.run_reverie("tasks", "--json").stdout)["tasks"]
        sizes = {task["name"]: (task.get("observation_size"), task.get("action_size")) for task in tasks}
        self.assertEqual(sizes["dm_control/cheetah-run"], (17, 6))
        self.assertEqual(sizes["dm_control/walker-walk"], (24, 6))
        report = json.loads(self.run_reverie("doctor", "--json").stdout)
        self.assertEqual(report["mujoco"], mujoco.mj_versionString())

    def test_a_recorded_bit_that_was_changed_is_found(self):
        self.collect("cart.json", "o", "--episodes", 2)
        with h5py.File(self.path("o/data/main_data.hdf5"), "r+") as file:
            rewards = file["episode_1/rewards"]
            rewards[7] = rewards[7] * (1 + 2**-52)
        done = self.run_reverie("replay", "--data", "o", "--verify", "--json", expect=1)
        self.assertEqual(json.loads(done.stdout)["mismatches"], 1)
        self.assertRegex(done.stderr, r"^reverie: error: o: 1 of \d+ rows differ.*episode 1.*rewards.*\n$")

    def test_workers_shards_and_locale_do_not_change_a_byte(self):
        german = {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"}
        options = ("--episodes", 9, "--policy", "smooth", "--seed", 5)
        self.collect("cart.json", "ds/one", *options, "--workers", 1, env=german)
        self.collect("cart.json", "ds/two", *options, "--workers", 2, env={"LC_ALL": "C"})
        for shard in ("1/2", "2/2"):
            self.collect("cart.json", "ds/" + shard.replace("/", "of"), *options, "--shard", shard)
        self.run_reverie("merge", "ds/2of2", "ds/1of2", "--out", "ds/merged")
        # Minari's dataset_id is the folder's name, so it is the rest that must be equal.
        for name in ("two", "merged"):
            with self.subTest(name):
                self.assertTrue(filecmp.cmp(self.path("ds/one/data/main_data.hdf5"),
                                            self.path(f"ds/{name}/data/main_data.hdf5"), shallow=False))

    def test_links_spaces_and_other_folders(self):
        os.makedirs(self.path("deep er/ß"))
        for name in ("cart.xml", "cart.json"):
            shutil.move(self.path(name), self.path("deep er/ß/" + name))
        os.symlink("deep er/ß/cart.json", self.path("link.json"))
        self.collect("link.json", "näher dran/o 1", "--episodes", 2)
        replay = self.run_reverie("replay", "--data", "näher dran/o 1", "--verify", "--json")
        report = json.loads(replay.stdout)
        self.assertEqual(report["mismatches"], 0)

    def test_a_film_is_an_mp4_of_every_control_step(self):
        self.collect("cart.json", "o", "--episodes", 1)
        film = self.run_reverie("replay", "--data", "o", "--video", "film.mp4", "--width", "64", "--height", "48",
                                "--json")
        report = json.loads(film.stdout)
        self.assertEqual(report["frames"], 51)
        with open(self.path("film.mp4"), "rb") as file:
            self.assertEqual(file.read(12)[4:8], b"ftyp")
        self.assert_error("replay", "--data", "o", "--video", "film.mp4", says=["film.mp4", "--overwrite"])
        self.assert_error("replay", "--data", "o", "--video", "b.mp4", "--camera", "side", says=["side"])
        self.assertFalse(os.path.exists(self.path("b.mp4")))

    # Interruption

    def interrupt(self, signal_number, after_s, out, *options):
        """Starts `collect`, sends the signal a while after its folder is there; exit code, stdout, stderr."""
        command = [BINARY, "collect", "cart.json", "--out", out, "--json", *map(str, options)]
        process = subprocess.Popen(command, cwd=self.folder, text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        while process.poll() is None and not os.path.exists(self.path(out + "/data/run.json")):
            time.sleep(0.01)
        time.sleep(after_s)
        process.send_signal(signal_number)
        stdout, stderr = process.communicate(timeout=120)
        return process.returncode, stdout, stderr

    def test_an_interrupted_run_keeps_its_episodes_and_resumes_to_the_same_bytes(self):
        episodes = 200000
        options = ("--episodes", episodes, "--seed", 3)
        for after_s in (0.3, 2, 10):  # a busy machine may not have finished an episode by then
            code, stdout, stderr = self.interrupt(signal.SIGINT, after_s, "a/run", *options)
            self.assertEqual(code, 130, stderr)
            if json.loads(stdout)["episodes"] > 0:
                break
            shutil.rmtree(self.path("a/run"))
        self.assertRegex(stderr, r"^reverie: interrupted: \d+ episodes are kept in a/run; .*--resume.*\n$")
        report = json.loads(stdout)
        self.assertTrue(report["interrupted"])
        self.assertGreater(report["episodes"], 0)
        self.assertLess(report["episodes"], episodes)
        kept = json.loads(self.run_reverie("replay", "--data", "a/run", "--verify", "--json").stdout)
        self.assertEqual((kept["episodes"], kept["mismatches"]), (report["episodes"], 0))

        # Killed outright, then resumed to a number of episodes that keeps this test short.
        code, _, _ = self.interrupt(signal.SIGKILL, 0.3, "a/run", *options, "--resume")
        self.assertEqual(code, -signal.SIGKILL)
        total = report["episodes"] + 20
        options = ("--episodes", total, "--seed", 3)
        resumed = json.loads(self.collect("cart.json", "a/run", *options, "--resume").stdout)
        self.assertGreaterEqual(resumed["resumed_at"], report["episodes"])
        self.collect("cart.json", "b/run", *options)
        same_files(self, self.path("a/run"), self.path("b/run"))

    def test_a_finished_run_goes_on_to_more_steps_as_if_asked_for_them_at_once(self):
        self.collect("cart.json", "a/run", "--steps", 70)
        self.collect("cart.json", "a/run", "--steps", 130, "--resume")
        self.collect("cart.json", "b/run", "--steps", 130)
        same_files(self, self.path("a/run"), self.path("b/run"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
