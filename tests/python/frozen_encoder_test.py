#!/usr/bin/env python3
"""Training with a frozen encoder on the command line: its features against the transformers library's, what is kept beside
a dataset, goals, probes and surprise on such a model, and what is refused. Needs REVERIE_BINARY and an EGL driver."""

import json
import os
import shutil
import signal
import subprocess
import time
import unittest

import h5py
from command_line import BINARY, CommandLineTest
from transformers_reference import VJEPA2Config, VJEPA2Model, torch
from pixels_test import gl_is_missing
from safetensors.torch import load_file

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
SMALL = [word for setting in ("predictor_width=24", "heads=2", "batch=8") for word in ("--set", setting)]
PLAN = [word for setting in ("sequences=8", "iterations=2", "elites=2", "horizon=6")
        for word in ("--set", "planner." + setting)]
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def save_encoder(folder, seed, crop=32, patch=16, width=48):
    torch.manual_seed(seed)
    model = VJEPA2Model(VJEPA2Config(crop_size=crop, patch_size=patch, frames_per_clip=4, hidden_size=width,
                                     num_attention_heads=2, num_hidden_layers=2, pred_hidden_size=24, pred_num_attention_heads=2,
                                     pred_num_hidden_layers=1)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=parameter[0].numel() ** -0.5)
    model.save_pretrained(folder)
    return model


def features_of(model, frames, pictures=1):
    """(N, tokens, channels), normalised over each token; each frame alone, or with the one before it."""
    video = torch.from_numpy(frames).permute(0, 3, 1, 2)
    if video.shape[-1] != 32:
        video = torch.nn.functional.interpolate(video, size=(32, 32), mode="bilinear", antialias=True)
    video = (video / 255.0 - MEAN.view(3, 1, 1)) / DEVIATION.view(3, 1, 1)
    clips = video.unsqueeze(1) if pictures == 1 else torch.stack([torch.cat([video[:1], video[:-1]]), video], 1)
    with torch.no_grad():
        hidden = model(pixel_values_videos=clips, skip_predictor=True).last_hidden_state
    return torch.nn.functional.layer_norm(hidden, hidden.shape[-1:])


@unittest.skipIf(gl_is_missing(), "no EGL driver")
class FrozenEncoderTest(CommandLineTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_command("collect", "two-rooms", "--out", "set", "--episodes", 3, "--policy", "explore", "--seed", 3,
                        "--pixels", 24, "--camera", "top", "--hide", "goal")
        cls.encoder = save_encoder(cls.root / "eyes", 1)
        cls.trained = cls.train("model")

    @classmethod
    def train(cls, out, *options, data="set", encoder="eyes"):
        return cls.answer("train", "--model", "jepa", "--data", data, "--encoder", encoder, "--out", out, "--steps", 12,
                          "--threads", 1, *SMALL, *options)

    def parts(self, dataset="set"):
        return sorted((self.root / dataset).glob("features-*-top/part-*.safetensors"))

    def frames(self):
        with h5py.File(self.root / "set/data/main_data.hdf5") as file:
            return [file[f"episode_{k}/observations/pixels/top"][:] for k in range(3)]

    def test_features_beside_the_dataset_are_those_of_the_reference(self):
        frames = self.frames()
        self.assertEqual(self.trained["features"]["computed"], sum(map(len, frames)))
        kept = self.parts()
        self.assertEqual(len(kept), 1)
        found = load_file(kept[0])["features"]
        expected = torch.cat([features_of(self.encoder, of_episode) for of_episode in frames])
        self.assertEqual(found.shape, expected.shape)
        self.assertEqual(found.dtype, torch.float16)
        self.assertLess((found.float() - expected).abs().max().item(), 4e-3)
        self.assertGreater(expected.std(0).mean().item(), 0.01)  # frames differ
        again = self.train("again")
        self.assertEqual(again["features"]["computed"], 0)
        self.assertEqual((self.root / "again/weights.safetensors").read_bytes(),
                         (self.root / "model/weights.safetensors").read_bytes())

    def test_two_frames_fill_a_tubelet(self):
        shutil.copytree(self.root / "set/data", self.root / "pairs/data")
        self.train("pair model", "--set", "frames=2", data="pairs")
        expected = torch.cat([features_of(self.encoder, of_episode, 2) for of_episode in self.frames()])
        found = load_file(self.parts("pairs")[0])["features"].float()
        self.assertLess((found - expected).abs().max().item(), 4e-3)

    def test_it_reaches_for_goals_is_probed_and_surprised(self):
        goals = self.answer("evaluate", "two-rooms", "--model", "model", "--goal", "random", "--episodes", 2, "--threads", 1,
                            "--replan", 6, *PLAN)
        self.assertEqual(len(goals["outcomes"]), 2)
        probed = self.answer("probe", "--model", "model", "--data", "set", "--steps", 5, "--horizons", "1,2", "--threads", 1)
        self.assertIn("quantities", probed)
        of_data = self.answer("surprise", "--model", "model", "--data", "set", "--threads", 1)
        self.assertGreater(of_data["max"], of_data["median"])
        twins = self.answer("surprise", "two-rooms", "--model", "model", "--violations", "vanish", "--pairs", 2,
                            "--threads", 1)
        self.assertEqual(twins["violations"][0]["violation"], "vanish")

        # Latents of as many tokens as the published encoders have, too many numbers for the linear probe's equations.
        save_encoder(self.root / "many tokens", 2, crop=128, patch=8, width=72)
        self.train("large", "--set", "frame_skip=1", encoder="many tokens")
        probe = ("probe", "--model", "large", "--data", "set", "--horizons", 1, "--threads", 1)
        fitted, again = self.answer(*probe, "--steps", 40), self.answer(*probe)
        self.assertEqual((fitted["fitted"], again["fitted"]), (True, False))
        for name in ("quantities", "psnr_db"):
            strip = lambda value: json.loads(json.dumps(value), object_hook=lambda d: {k: v for k, v in d.items() if k != "coverage90"})
            self.assertEqual(strip(fitted[name]), strip(again[name]))
        self.assertGreater(max(fitted["quantities"][0]["r2_mlp"], fitted["quantities"][1]["r2_mlp"]), 0.2)

        # The encoder moves: the model says so, and is told where.
        shutil.copytree(self.root / "eyes", self.root / "moved eyes")
        (self.root / "eyes").rename(self.root / "gone")
        try:
            self.refused("surprise", "--model", "model", "--data", "set", holds="no such folder")
            moved = self.answer("surprise", "--model", "model", "--data", "set", "--threads", 1, "--encoder", "moved eyes")
            self.assertEqual(moved["moments"], of_data["moments"])
        finally:
            (self.root / "gone").rename(self.root / "eyes")

    def test_the_published_surprise_is_that_of_encode(self):
        self.run_command("encode", "--encoder", "eyes", "--data", "set", "--window", 4, "--stride", 1, "--surprise", 2,
                         "--out", "windows.safetensors", "--threads", 1)
        windows = load_file(self.root / "windows.safetensors")
        report = self.answer("surprise", "--encoder", "eyes", "--data", "set", "--window", 4, "--out", "scores.safetensors",
                             "--threads", 1)
        scores = load_file(self.root / "scores.safetensors")
        judged = {(int(e), int(s)): float(v) for e, s, v in zip(scores["episode"], scores["step"], scores["surprise"])}
        self.assertEqual(report["judged"], len(windows["surprise"]))
        for episode, start, surprise in zip(windows["window_episode"], windows["window_start"], windows["surprise"]):
            self.assertAlmostEqual(judged[int(episode), int(start) + 3], float(surprise), places=4)
        twins = [self.answer("surprise", "two-rooms", "--encoder", "eyes", "--pixels", 24, "--window", 4, "--stride", 2,
                             "--violations", "vanish", "--pairs", 2, "--threads", threads) for threads in (1, 2)]
        self.assertEqual(twins[0]["violations"], twins[1]["violations"])
        pair = twins[0]["violations"][0]["pairs"][0]
        self.assertNotEqual(pair["possible"], pair["impossible"])
        self.refused("surprise", "--data", "set", holds="--encoder alone", code=2)
        self.refused("surprise", "--data", "set", "--model", "model", "--window", 4, holds="knows what it sees", code=2)
        self.refused("surprise", "--data", "set", "--encoder", "eyes", "--window", 5, holds="tubelet")

    def test_what_cannot_be_is_refused_in_one_line(self):
        common = ("train", "--model", "jepa", "--data", "set", "--out", "refused")
        self.refused(*common, "--encoder", "nowhere", holds="expected a folder with config.json and model.safetensors")
        self.refused(*common, "--encoder", "set", holds="config.json")
        self.refused(*common, "--encoder", "eyes", "--set", "frames=3", holds="sees 1 or 2 at once, found 3")
        self.refused("train", "--data", "set", "--out", "refused", "--encoder", "eyes", holds="--model jepa", code=2)
        self.refused("surprise", "--model", "model", "--data", "set", "--encoder", "set", holds="set: expected config.json")
        save_encoder(self.root / "others", 2)
        self.refused("train", "--model", "jepa", "--data", "set", "--encoder", "others", "--out", "model", "--steps", 12,
                     "--threads", 1, *SMALL, "--resume", holds='"encoder": this run has')
        self.refused("surprise", "--model", "model", "--data", "set", "--encoder", "others",
                     holds="found one with fingerprint")
        self.run_command("collect", "two-rooms", "--out", "none", "--episodes", 1)
        self.refused("train", "--model", "jepa", "--data", "none", "--encoder", "eyes", "--out", "refused",
                     holds="found a dataset without any")
        self.assertFalse((self.root / "refused/config.json").exists())

    def test_a_killed_run_leaves_no_half_of_a_file_and_goes_on(self):
        self.run_command("collect", "two-rooms", "--out", "long", "--episodes", 8, "--policy", "smooth", "--seed", 5,
                         "--pixels", 24, "--camera", "top", "--hide", "floor")
        command = [BINARY, "train", "--model", "jepa", "--data", "long", "--encoder", "eyes", "--out", "killed",
                   "--steps", "12", "--threads", "1", *map(str, SMALL), "--json"]
        running = subprocess.Popen(command, cwd=self.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not self.parts("long") and running.poll() is None:
            time.sleep(0.002)
        running.send_signal(signal.SIGKILL)
        running.wait()
        kept = self.parts("long")
        self.assertGreaterEqual(len(kept), 1)
        before = {path: path.read_bytes() for path in kept}
        again = subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=300, check=True)
        done = json.loads(again.stdout)
        self.assertGreater(done["features"]["kept"], 0)
        for path, content in before.items():
            self.assertEqual(path.read_bytes(), content)
        self.assertFalse(list((self.root / "long").rglob("*.partial")))


if __name__ == "__main__":
    unittest.main()
