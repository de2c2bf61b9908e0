#!/usr/bin/env python3
"""A model of pictures from collecting to goals, on the command line: every form of a goal, --hide, training stopped and
resumed, and what is refused. Needs REVERIE_BINARY and an EGL driver."""

import json
import os
import shutil
import signal
import struct
import subprocess
import time
import unittest
import zlib

import h5py
import numpy as np
from command_line import BINARY, CommandLineTest
from desktop_test import HAS_APP, Display
from pixels_test import gl_is_missing
from safetensors.numpy import load_file

SMALL = [word for setting in ("latent=16", "channels=4", "encoder_width=32", "predictor_width=32", "directions=16",
                              "batch=8") for word in ("--set", setting)]
PLAN = [word for setting in ("sequences=16", "iterations=2", "elites=4", "horizon=9")
        for word in ("--set", "planner." + setting)]


def write_png(path, pixels):
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@unittest.skipIf(gl_is_missing(), "no EGL driver")
class VisionTest(CommandLineTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, options in (("set", ("--hide", "goal")), ("shown", ())):
            cls.run_command("collect", "two-rooms", "--out", name, "--episodes", 4, "--policy", "explore", "--seed", 3,
                            "--workers", 2, "--pixels", 24, "--camera", "top", *options)
        cls.run_command("collect", "two-rooms", "--out", "none", "--episodes", 2)
        cls.run_command("collect", "two-rooms", "--out", "larger", "--episodes", 2, "--pixels", 32, "--hide", "goal")
        cls.trained = cls.answer("train", "--model", "jepa", "--data", "set", "--out", "model", "--steps", 12, "--threads",
                                 1, *SMALL)

    def frames(self, name):
        with h5py.File(self.root / name / "data/main_data.hdf5") as file:
            return file["episode_0/observations/pixels/top"][:]

    def test_what_is_hidden_is_in_no_picture_and_the_dataset_says_so(self):
        hidden, shown = self.frames("set").astype(int), self.frames("shown").astype(int)
        self.assertEqual(hidden.shape, shown.shape)
        differ = np.abs(hidden - shown).max(axis=(0, 3)) > 20
        # The marker of one place, a tenth of the arena across.
        self.assertTrue(0 < differ.sum() < 24 * 24 / 20, differ.sum())
        metadata = json.loads((self.root / "set/data/metadata.json").read_text())
        self.assertEqual(metadata["reverie"]["frames"]["hide"], ["goal"])
        self.assertNotIn("hide", json.loads((self.root / "shown/data/metadata.json").read_text())["reverie"]["frames"])
        self.assertIn("without goal", self.run_command("data", "set").stdout)
        self.refused("collect", "two-rooms", "--out", "x", "--episodes", 1, "--pixels", 24, "--hide", "gaol", holds="'goal'")
        self.refused("collect", "two-rooms", "--out", "x", "--episodes", 1, "--hide", "goal", holds="--hide needs --pixels",
                     code=2)

    def test_data_counts_contacts_and_crossings(self):
        contacts = self.answer("data", "set")["contacts"]
        self.assertEqual(contacts["episodes"], 4)
        self.assertGreater(contacts["contacts_per_episode"], 0)
        self.assertIn("crossings_per_episode", contacts)
        self.assertIn("crossings an episode", self.run_command("data", "set").stdout)

    def test_training_leaves_a_model_and_a_log(self):
        self.assertEqual(self.trained["updates"], 12)
        config = json.loads((self.root / "model/config.json").read_text())
        self.assertEqual((config["model"], config["frames"]["hide"], config["frames"]["width"]), ("jepa", ["goal"], 24))
        weights = load_file(self.root / "model/weights.safetensors")
        self.assertEqual(weights["project.weight"].shape, (16, 32))
        lines = [json.loads(line) for line in (self.root / "model/log.jsonl").read_text().splitlines()]
        self.assertEqual(lines[-1]["updates"], 12)
        for key in ("effective_rank", "least_deviation", "within_episode", "prediction_ratio", "inverse_ratio"):
            self.assertTrue(np.isfinite(lines[-1][key]), key)

    def test_training_that_is_interrupted_goes_on_to_the_same_weights(self):
        train = ("train", "--model", "jepa", "--data", "set", "--steps", 400, "--threads", 1, *SMALL)
        self.run_command(*train, "--out", "whole")
        process = subprocess.Popen([BINARY, *map(str, train), "--out", "parts"], cwd=self.root, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while b"update" not in process.stderr.readline():  # the first report
            self.assertLess(time.monotonic(), deadline)
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=60)[1].decode()
        if process.returncode != 0:  # a fast machine may have come to its end
            self.assertEqual(process.returncode, 130, error)
            self.assertIn("--resume goes on", error)
            self.run_command(*train, "--out", "parts", "--resume")
        self.assertEqual((self.root / "whole/weights.safetensors").read_bytes(),
                         (self.root / "parts/weights.safetensors").read_bytes())

    def test_goals_drawn_from_an_episode_and_of_a_file(self):
        evaluate = ("evaluate", "two-rooms", "--model", "model", *PLAN)
        drawn = self.answer(*evaluate, "--goal", "random", "--episodes", 5, "--threads", 2)
        self.assertEqual((drawn["pairs"], drawn["across"], len(drawn["outcomes"])), (5, 3, 5))
        for key in ("success_any", "success_end", "success_any_across", "success_end_across"):
            self.assertTrue(0 <= drawn[key] <= 1, key)
        one_thread = self.answer(*evaluate, "--goal", "random", "--episodes", 5, "--threads", 1)
        self.assertEqual(drawn["outcomes"], one_thread["outcomes"])

        episode = self.answer(*evaluate, "--goal", "1:30", "--episodes", 2)
        self.assertEqual(episode["pairs"], 2)
        self.assertGreater(episode["plans_per_s"], 0)

        write_png(self.root / "goal.png", self.frames("set")[40].repeat(2, axis=0).repeat(2, axis=1))
        file = self.run_command(*evaluate, "--goal", "goal.png", "--episodes", 1, "--json")
        self.assertIn("48 x 48 pixels, resized to the 24 x 24", file.stderr)
        self.assertNotIn("shows something else", file.stderr)
        report = json.loads(file.stdout)
        self.assertNotIn("success_end", report)
        self.assertLessEqual(report["outcomes"][0]["least_energy"], report["outcomes"][0]["first_energy"])

    def test_floors_and_ceiling(self):
        for model in ("random", "straight"):
            report = self.answer("evaluate", "two-rooms", "--model", model, "--goal", "random", "--episodes", 10, "--threads", 2)
            self.assertEqual((report["pairs"], report["across"]), (10, 6))
        self.assertGreater(report["success_end"], 0.1)
        ceiling = self.answer("evaluate", "two-rooms", "--model", "simulator", "--goal", "random", "--episodes", 2, "--threads",
                              2, *PLAN)
        self.assertEqual(ceiling["pairs"], 2)
        text = self.run_command("evaluate", "two-rooms", "--model", "straight", "--goal", "random", "--episodes", 5).stdout
        self.assertIn("in another region", text)

    @unittest.skipUnless(HAS_APP, "this build has no desktop app")
    def test_the_window_plans_to_a_goal_once_there_is_one(self):
        display = Display()
        self.addCleanup(display.close)
        environment = dict(os.environ, DISPLAY=display.name, XDG_CONFIG_HOME=str(self.root / "config"),
                           XDG_DATA_HOME=str(self.root / "data"))
        done = subprocess.run([BINARY, "two-rooms", "--model", "model", "--lock-step", "--paused", "--do",
                               "speed=0,step:3,goal.set,view.show.goal,step:6,wait:0.5", "--run-for", "0", "--save", "played", "--size", "640x480",
                               "--screenshot", "goal.png"], env=environment, cwd=self.root, capture_output=True, text=True,
                              timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        with h5py.File(self.root / "played/data/main_data.hdf5") as file:
            actions = file["episode_0/actions"][:]
        self.assertEqual(len(actions), 6)
        self.assertFalse(actions[:3].any(), "without a goal nothing is done")
        self.assertTrue(actions[3:].any(axis=1).all())

    def test_probing_tells_what_latents_tell_and_draws_what_is_imagined(self):
        shutil.copytree(self.root / "model", self.root / "probed")
        weights = (self.root / "probed/weights.safetensors").read_bytes()
        probe = ("probe", "--model", "probed", "--data", "set", "--threads", 1, "--horizons", "1,3")
        first = self.run_command(*probe, "--steps", 30, "--channels", "position,velocity", "--out", "figures", "--json")
        self.assertIn("coverage is not measured", first.stderr)  # one of four episodes is held out
        report = json.loads(first.stdout)
        self.assertTrue(report["fitted"])
        self.assertEqual([horizon["h"] for horizon in report["horizons"]], [1, 3])
        self.assertEqual([quantity["quantity"] for quantity in report["quantities"]],
                         ["position[0]", "position[1]", "velocity[0]", "velocity[1]"])
        for key in ("r2_linear", "r2_mlp"):
            self.assertTrue(np.isfinite(report["quantities"][0][key]))
            self.assertEqual(len(report["quantities"][0][key + "_imagined"]), 2)
        self.assertEqual(weights, (self.root / "probed/weights.safetensors").read_bytes())
        self.assertEqual(load_file(self.root / "probed/probes.safetensors")["linear"].shape, (17, 4))
        self.assertEqual(json.loads((self.root / "probed/probes.json").read_text())["quantities"], report["quantities"])
        width, height = struct.unpack(">II", (self.root / "figures/filmstrip.png").read_bytes()[16:24])
        self.assertGreater(width, 4 * 24)
        self.assertGreater(height, 3 * 24)
        self.assertGreater((self.root / "figures/worst.mp4").stat().st_size, 0)

        again = json.loads(self.run_command(*probe, "--json").stdout)
        self.assertFalse(again["fitted"])
        self.assertEqual(again["quantities"][0]["r2_mlp_imagined"], report["quantities"][0]["r2_mlp_imagined"])
        self.assertIn("velocity[1]", self.run_command(*probe).stdout)

        self.refused(*probe, "--channels", "position", holds="--overwrite", code=2)
        self.refused(*probe, "--overwrite", "--channels", "positon", holds="'positon'; did you mean 'position'")
        self.refused(*probe, "--out", "figures", holds="figures")
        self.refused(*probe, "--out", "probed", "--overwrite", holds="probed")
        self.refused("probe", "--model", "probed", "--data", "larger", holds="24 x 24 pixels, which the model sees, found 32 x 32")
        self.refused("probe", "--model", "probed", "--data", "none", holds="found a dataset without any")
        compare = ("compare", "--data", "set", "--windows", 20, "--horizons", "3,6")
        self.refused(*compare, "--model", "model", holds="reverie probe --model model")
        self.refused(*compare, "--model", "probed", holds="found none of 'goal[0]'")
        self.run_command(*probe, "--steps", 30, "--overwrite")
        compared = json.loads(self.run_command(*compare, "--model", "probed", "--out", "compared", "--json").stdout)
        self.assertEqual([row["h"] for row in compared["horizons"]], [3, 6])
        for row in compared["horizons"]:
            self.assertTrue(0 < row["nrmse"] < 10)
            self.assertIsNone(row["nrmse_linear"])  # no linear model was fitted to channels
        # Two rows, what was seen and what was drawn, and how they differ: a picture for each prediction and the first.
        width, height = struct.unpack(">II", (self.root / "compared/filmstrip.png").read_bytes()[16:24])
        self.assertGreater(width, 3 * 24)
        for film in ("worst.mp4", "imagined.mp4"):
            self.assertGreater((self.root / "compared" / film).stat().st_size, 0)
        weights = (self.root / "probed/weights.safetensors").read_bytes()
        bytes_of = bytearray(weights)
        bytes_of[-1] ^= 1
        (self.root / "probed/weights.safetensors").write_bytes(bytes_of)
        self.refused(*probe, holds="fitted on other weights")

    def test_what_is_refused(self):
        train = ("train", "--model", "jepa", "--steps", 2, "--out", "refused", *SMALL)
        self.refused(*train, "--data", "none", holds="found a dataset without any")
        self.refused(*train, "--data", "set", "larger", "--overwrite", holds="frames.height differs: set has 24, larger has 32")
        self.refused(*train, "--data", "set", "--camera", "tip", "--overwrite", holds="by camera 'tip', found those of top")
        self.refused("train", "--data", "set", "--out", "refused", "--camera", "top", holds="--model jepa", code=2)
        shutil.copytree(self.root / "set", self.root / "damaged")
        with h5py.File(self.root / "damaged/data/main_data.hdf5", "r+") as file:
            for k in range(4):
                array = file[f"episode_{k}/observations/pixels/top"]
                for t in range(20, len(array)):
                    array.id.write_direct_chunk((t, 0, 0, 0), b"no frame")
        self.refused(*train, "--data", "damaged", "--overwrite", holds="inflated")

        evaluate = ("evaluate", "two-rooms", "--episodes", 1)
        self.refused(*evaluate, "--model", "model", holds="--goal FILE.png")
        self.refused(*evaluate, "--model", "model", "--goal", "missing.png", holds="missing.png")
        self.refused(*evaluate, "--model", "model", "--goal", "9:0", holds="from 0 to 3, found 9")
        self.refused(*evaluate, "--model", "model", "--goal", "1:999", holds="from 0 to 200, found 999")
        self.refused(*evaluate, "--model", "random", "--goal", "1:2", holds="needs --data", code=2)
        self.refused(*evaluate, "--model", "straight", holds="go with --goal", code=2)
        self.refused("evaluate", "reacher", "--model", "random", "--goal", "random", holds="has no \"goal\"")
        self.refused("evaluate", "two-rooms-moving-door", "--model", "model", "--goal", "random", holds="\"observation\"")


if __name__ == "__main__":
    unittest.main()
