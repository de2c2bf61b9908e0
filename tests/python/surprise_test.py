#!/usr/bin/env python3
"""`reverie surprise` on the command line, in a scene with nothing to control: recorded episodes scored in every format,
twins in the same bits whatever the threads, their picture, and what is refused. Needs REVERIE_BINARY and an EGL driver."""

import csv
import json
import shutil
import struct
import unittest

import numpy as np
from command_line import CommandLineTest
from pixels_test import gl_is_missing
from safetensors.numpy import load_file

SMALL = [word for setting in ("latent=16", "channels=4", "encoder_width=32", "predictor_width=32", "directions=16",
                              "batch=8", "frames=1", "frame_skip=3") for word in ("--set", setting)]
SCENE = "blocks-and-balls"


@unittest.skipIf(gl_is_missing(), "no EGL driver")
class SurpriseTest(CommandLineTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_command("collect", SCENE, "--out", "set", "--episodes", 4, "--seed", 3, "--workers", 2, "--pixels", 24)
        cls.run_command("collect", SCENE, "--out", "none", "--episodes", 1)
        cls.run_command("collect", SCENE, "--out", "larger", "--episodes", 1, "--pixels", 32)
        cls.run_command("collect", SCENE, "--out", "hidden", "--episodes", 1, "--pixels", 24, "--hide", "drop")
        cls.trained = cls.answer("train", "--model", "jepa", "--data", "set", "--out", "model", "--steps", 200, "--threads",
                                 1, *SMALL)

    def test_a_scene_without_actuators_is_learned(self):
        self.assertEqual((self.trained["updates"], self.trained["inverse"]), (200, 0))
        weights = load_file(self.root / "model/weights.safetensors")
        self.assertEqual(weights["normalization.action_scale"].shape, (0,))
        self.assertEqual([word for word in self.trained["warnings"] if "actions" in word], [])

    def test_datasets_of_before_and_after_a_violation_was_thought_of_go_together(self):
        shutil.copytree(self.root / "set", self.root / "before")
        task = json.loads((self.root / "before/data/task.json").read_text())
        self.assertIn("teleport", task.pop("violations"))
        (self.root / "before/data/task.json").write_text(json.dumps(task))
        both = self.answer("train", "--model", "jepa", "--data", "set", "before", "--out", "both", "--steps", 2, *SMALL)
        self.assertEqual(both["frames"], 2 * self.trained["frames"])

    def test_every_frame_of_a_dataset_is_scored_alike_in_every_format(self):
        surprise = ("surprise", "--model", "model", "--data", "set", "--threads", 1)
        report = self.answer(*surprise, "--out", "scores.json", "--top", 5)
        self.run_command(*surprise, "--out", "scores.csv")
        self.run_command(*surprise, "--out", "scores.safetensors")
        frames = 4 * 51
        self.assertEqual((report["episodes"], report["frames"], report["judged"]), (4, frames, frames - 4 * 3))
        tensors = load_file(self.root / "scores.safetensors")
        with open(self.root / "scores.csv", encoding="ascii") as file:
            rows = list(csv.DictReader(file))
        episodes = json.loads((self.root / "scores.json").read_text())["scores"]
        self.assertEqual((len(rows), [len(episode["surprise"]) for episode in episodes]), (frames, [51] * 4))
        for key in ("surprise", "error", "expected"):
            values = tensors[key]
            self.assertEqual(values.shape, (frames,))
            judged = tensors["step"] >= 3
            self.assertTrue((np.isfinite(values) == judged).all())
            np.testing.assert_array_equal(values[judged], np.float32([row[key] for row in rows if row[key]]))
            flat = [value for episode in episodes for value in episode[key]]
            np.testing.assert_array_equal(values, np.float32([np.nan if value is None else value for value in flat]))
        judged = np.sort(tensors["surprise"][tensors["step"] >= 3])
        self.assertAlmostEqual(report["median"], float(np.quantile(judged, 0.5, method="nearest")), 6)
        self.assertAlmostEqual(report["p99"], float(np.quantile(judged, 0.99, method="nearest")), 6)
        moments = report["moments"]
        self.assertEqual(len(moments), 5)
        self.assertEqual(np.float32(moments[0]["surprise"]), judged[-1])
        self.assertEqual([moment["surprise"] for moment in moments], sorted((m["surprise"] for m in moments), reverse=True))
        for moment in moments:
            row = rows[moment["episode"] * 51 + moment["step"]]
            self.assertEqual((row["episode"], row["step"]), (str(moment["episode"]), str(moment["step"])))
            self.assertAlmostEqual(float(row["time_s"]), 0.05 * moment["step"], 5)
        places = [(moment["episode"], moment["step"]) for moment in moments]
        self.assertTrue(all(a == b or a[0] != b[0] or abs(a[1] - b[1]) > 3 for a in places for b in places))
        self.assertIn("frames of 4 episodes judged", self.run_command(*surprise).stdout)

    def test_twins_of_every_violation(self):
        surprise = ("surprise", SCENE, "--model", "model", "--pairs", 4)
        report = self.answer(*surprise, "--threads", 2, "--picture", "twins.png")
        names = [result["violation"] for result in report["violations"]]
        self.assertEqual(names[:4], ["teleport:0.05", "teleport:0.1", "teleport:0.2", "teleport:0.4"])
        self.assertEqual([result["violation"] for result in report["violations"] if result["control"]], ["dimmer", "light"])
        for result in report["violations"]:
            possible = np.array([pair["possible"] for pair in result["pairs"]])
            impossible = np.array([pair["impossible"] for pair in result["pairs"]])
            difference = impossible[:, None] - possible[None, :]
            self.assertAlmostEqual(result["auroc"], float(np.mean((difference > 0) + 0.5 * (difference == 0))), 9)
            told = impossible - possible
            self.assertAlmostEqual(result["pairs_told"], float(np.mean((told > 0) + 0.5 * (told == 0))), 9)
            if result["violation"].startswith(("teleport", "light")):  # seen at once
                self.assertTrue((possible != impossible).all(), result["violation"])
        header = (self.root / "twins.png").read_bytes()[:24]
        width, height = struct.unpack(">II", header[16:24])
        self.assertEqual(header[:8], b"\x89PNG\r\n\x1a\n")
        self.assertTrue(width > 12 * 64 and height > len(names) * 2 * 64, (width, height))

        report.pop("picture")
        self.assertEqual(report, self.answer(*surprise, "--threads", 1))
        # A violation's pairs do not depend on which others are asked for.
        alone = self.answer(*surprise, "--violations", "falls-up,mass:20", "--threads", 1)
        self.assertEqual(alone["violations"], [result for result in report["violations"]
                                               if result["violation"] in ("falls-up", "mass:20")])
        other = self.answer(*surprise, "--violations", "falls-up", "--seed", 1)
        self.assertNotEqual(other["violations"][0]["pairs"], alone["violations"][0]["pairs"])
        table = self.run_command(*surprise, "--violations", "teleport:0.3,dimmer").stdout
        self.assertIn("teleport:0.3", table)
        self.assertIn("control", table)

    def test_what_is_refused(self):
        self.refused("surprise", "--model", "model", holds="either TASK", code=2)
        self.refused("surprise", SCENE, "--model", "model", "--data", "set", holds="either TASK", code=2)
        self.refused("surprise", "--model", "model", "--data", "set", "--pairs", 3, holds="go with TASK", code=2)
        self.refused("surprise", SCENE, "--model", "model", "--out", "x.csv", holds="go with --data", code=2)
        self.refused("surprise", "--model", "model", "--data", "set", "--out", "x.txt", holds=".json, .csv or .safetensors", code=2)
        self.refused("surprise", "--model", "model", "--data", "none", holds="found a dataset without any")
        self.refused("surprise", "--model", "model", "--data", "larger", holds="expected pictures as the model sees them, 24 x 24, found 32")
        self.refused("surprise", "--model", "model", "--data", "hidden", holds="found without drop")
        self.refused("surprise", "--model", "none", "--data", "set", holds="none")
        self.refused("surprise", SCENE, "--model", "model", "--violations", "telport", holds="did you mean 'teleport'?")
        self.refused("surprise", "pendulum-swingup", "--model", "model", holds='has no "violations"')
        self.refused("surprise", "two-rooms", "--model", "model", holds="model")
        (self.root / "there.png").write_bytes(b"")
        self.refused("surprise", SCENE, "--model", "model", "--picture", "there.png", holds="the file exists")


if __name__ == "__main__":
    unittest.main()
