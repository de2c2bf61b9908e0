"""The plotting scripts draw what their input says in the size asked for; bad input is refused in one line."""

import contextlib
import importlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import matplotlib.image
import numpy as np

SOURCE = os.environ.get("REVERIE_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
)
BLUE, GREEN, VERMILION = (0, 114, 178), (0, 158, 115), (213, 94, 0)


def near(picture, colour):
    return np.abs(picture.astype(int) - colour).max(axis=2) < 12


class PlotTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def write(self, text, *parts):
        os.makedirs(os.path.dirname(self.path(*parts)), exist_ok=True)
        with open(self.path(*parts), "w", encoding="utf-8") as file:
            file.write(text)

    def call_script(self, script, *arguments):
        """Exit status, stdout and stderr, in this process, which loads matplotlib once."""
        sys.path.insert(0, os.path.join(SOURCE, "scripts"))
        main = importlib.import_module(script.removesuffix(".py")).main
        run = importlib.import_module("plot_style").run
        sys.path.pop(0)
        out, err, code = io.StringIO(), io.StringIO(), 0
        argv = mock.patch.object(sys, "argv", [script, *arguments])
        with argv, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                run(main)
            except SystemExit as end:
                code = end.code
        return code, out.getvalue(), err.getvalue()

    def start_script(self, script, *arguments, **environment):
        """Exit status, stdout and stderr, in a process of its own."""
        done = subprocess.run(
            [sys.executable, os.path.join(SOURCE, "scripts", script), *arguments],
            capture_output=True,
            text=True,
            cwd=self.root,
            env={**os.environ, "MPLCONFIGDIR": self.path("mpl"), **environment},
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def draw(self, script, *arguments, name="out.png"):
        """The picture as (height, width, 3) bytes."""
        self.assertEqual(self.call_script(script, *arguments, "--out", self.path(name)), (0, "", ""))
        picture = matplotlib.image.imread(self.path(name))
        return np.rint(picture[:, :, :3] * 255).astype(np.uint8)

    def refuse(self, script, *arguments):
        """The one error line."""
        code, out, err = self.call_script(script, *arguments, "--out", self.path("refused.png"))
        self.assertEqual((code, out, err.count("\n")), (1, "", 1), err)
        self.assertTrue(err.startswith(f"{script}: error: "), err)
        self.assertFalse([name for name in os.listdir(self.root) if name.startswith("refused")])
        return err[len(f"{script}: error: ") : -1]

    def bytes_of(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()


class LearningTest(PlotTest):
    script = "plot_learning.py"

    def write_run(self, name, returns, rmse=True, task="pendulum-swingup", tail=""):
        lines = [{"type": "start", "seed": 0}]
        for k, value in enumerate(returns):
            line = {
                "type": "episode",
                "episode": k,
                "env_steps": 1000 * (k + 1),
                "return": value,
                "wall_s": 5.0 * k,
            }
            line["model_rmse"] = 0.5 / (k + 1) if rmse and k > 0 else None
            lines.append(line)
        self.write("".join(json.dumps(line) + "\n" for line in lines) + tail, name, "log.jsonl")
        self.write(json.dumps({"task": task}), name, "config.json")
        return self.path(name)

    def test_one_run_rises_from_left_to_right(self):
        run = self.write_run("run", [0, 10, 200, 500, 800])
        picture = self.draw(self.script, run)
        self.assertEqual(picture.shape, (1100, 1600, 3))
        rows, columns = np.nonzero(near(picture, BLUE))
        self.assertGreater(rows.size, 1000)
        self.assertGreater(columns.max() - columns.min(), 900)  # four of five episodes' width
        left, right = rows[columns < columns.min() + 20].mean(), rows[columns > columns.max() - 20].mean()
        self.assertGreater(left - right, 400)
        self.assertGreater(near(picture, GREEN).sum(), 500)  # the panel of the model error
        self.assertEqual(near(picture, VERMILION).sum(), 0)

    def test_a_reference_lies_where_its_value_is(self):
        run = self.write_run("run", [100, 100, 100], rmse=False)
        picture = self.draw(self.script, run, "--reference", "as good as a=b=100", "--size", "800x600")
        self.assertEqual(picture.shape, (600, 800, 3))
        line = np.argmax(near(picture, VERMILION).sum(axis=1))
        curve = np.argmax(near(picture, BLUE).sum(axis=1))
        self.assertLessEqual(abs(int(line) - int(curve)), 2)
        self.assertEqual(near(picture, GREEN).sum(), 0)

    def test_several_runs_have_their_median_in_their_range(self):
        runs = [self.write_run(f"run{i}", [i * 100.0] * 4) for i in (0, 1, 4)]
        picture = self.draw(self.script, *runs)
        upper = picture[:750]
        band = np.nonzero(near(upper, (209, 229, 240)).any(axis=1))[0]
        median = np.argmax(near(upper, BLUE).sum(axis=1))
        share = (band.max() - median) / (band.max() - band.min())
        self.assertAlmostEqual(share, 0.25, delta=0.02)  # 100 of 0 to 400

    def test_the_same_bytes_whatever_the_settings_and_the_place(self):
        runs = [self.write_run(f"run{i}", [0, 50 + i, 700 + i]) for i in range(2)]
        self.draw(self.script, *runs, name="a.png")
        self.write("axes.facecolor: red\n", "matplotlibrc")
        options = {"LC_ALL": "de_DE.UTF-8", "MPLBACKEND": "svg"}
        done = self.start_script(self.script, "run0", "run1", "--out", "b.png", **options)
        self.assertEqual(done, (0, "", ""))
        self.assertEqual(self.bytes_of("a.png"), self.bytes_of("b.png"))

    def test_a_line_that_a_killed_run_left_unfinished_is_no_error(self):
        whole = self.write_run("whole", [1, 2, 3])
        torn = self.write_run("torn", [1, 2, 3], tail='{"type": "episode", "env_st')
        self.draw(self.script, whole, name="whole.png")
        self.draw(self.script, torn, name="torn.png")
        self.assertEqual(self.bytes_of("whole.png"), self.bytes_of("torn.png"))

    def test_bad_input_is_named(self):
        run = self.write_run("run", [1, 2])
        log = self.path("bad", "log.jsonl")
        self.assertEqual(
            self.refuse(self.script, self.path("none")), f"{self.path('none')}: No such file or directory"
        )
        self.write('{"type": "start"}\n', "bad", "log.jsonl")
        self.assertIn(f"{log}: no line of type 'episode'", self.refuse(self.script, self.path("bad")))
        self.write('{"type": "episode", "env_steps": 1}\n', "bad", "log.jsonl")
        self.assertEqual(
            self.refuse(self.script, self.path("bad")), f"{log}, line 1: an episode without the key 'return'"
        )
        self.write('{"type": "episode", "env_steps": 1, "return": "much"}\n', "bad", "log.jsonl")
        self.assertEqual(
            self.refuse(self.script, self.path("bad")),
            f"{log}, line 1, return: expected a number, found a string",
        )
        self.write('{"type": "episode", "env_steps": 1, "return": 1}\n{"typ\n', "bad", "log.jsonl")
        self.assertIn(f"{log}, line 2: not JSON", self.refuse(self.script, run, self.path("bad")))
        other = self.write_run("other", [1], task="reacher")
        self.assertEqual(
            self.refuse(self.script, run, other),
            "runs of different tasks (pendulum-swingup, reacher); expected runs of one task",
        )
        nowhere = self.path("no", "such.png")
        line = f"plot_learning.py: error: {nowhere}: cannot be written: No such file or directory\n"
        self.assertEqual(self.start_script(self.script, run, "--out", nowhere), (1, "", line))

    def test_wrong_usage_ends_with_2(self):
        run = self.write_run("run", [1, 2])
        for extra in (["--reference", "839"], ["--size", "1x1"], ["--colour", "red"]):
            self.assertEqual(self.call_script(self.script, run, "--out", "x.png", *extra)[0], 2)


class CompareTest(PlotTest):
    script = "plot_compare.py"
    steps = 20

    def report(self):
        return {
            "windows": 200,
            "channels": ["x"],
            "horizons": [
                {
                    "h": h,
                    "nrmse": 0.01 * h,
                    "nrmse_persistence": 0.2 * h,
                    "nrmse_linear": 0.05 * h,
                    "nll": -1.0,
                    "coverage50": 0.5,
                    "coverage90": 0.85,
                    "per_channel": {"nrmse": [0.01 * h]},
                }
                for h in (1, 5, 10, 20)
            ],
        }

    def example(self, channels=2, parts=None):
        wave = [math.sin(0.3 * t) for t in range(self.steps + 1)]
        return {
            "label": "episode 1, step 20",
            "control_step_s": 0.05,
            "channels": [f"channel_{i}" for i in range(channels)],
            "real": [wave] * channels,
            "predicted": [[v + 0.01 * t for t, v in enumerate(wave)]] * channels,
            "low90": [[v - 0.02 * t for t, v in enumerate(wave)]] * channels,
            "high90": [[v + 0.04 * t for t, v in enumerate(wave)]] * channels,
            "parts_at": [parts] * channels,
        }

    def write_folder(self, name="compare", report=None, example=None):
        self.write(json.dumps(report or self.report()), name, "compare.json")
        self.write(json.dumps(example or self.example()), name, "example.json")
        return self.path(name)

    def test_a_picture_of_the_stated_size_with_every_part(self):
        picture = self.draw(self.script, self.write_folder())
        self.assertEqual(picture.shape, (1300, 2200, 3))
        for colour in (BLUE, GREEN, (230, 159, 0), (204, 121, 167), (204, 227, 240)):
            self.assertGreater(near(picture, colour).sum(), 200, colour)
        self.assertEqual(
            self.draw(self.script, self.path("compare"), "--size", "1001x701").shape, (701, 1001, 3)
        )

    def test_parting_is_marked_at_its_step(self):
        self.write_folder("together", example=self.example(1))
        together = self.draw(self.script, self.path("together"))
        ends = []
        for step in (5, 10, 15):
            folder = self.write_folder(f"parts{step}", example=self.example(1, step))
            picture = self.draw(self.script, folder)
            rows, columns = np.nonzero(near(picture, VERMILION)[200:1200, 800:])
            self.assertGreater(rows.size, 500)
            ends.append(float(np.median(columns)))
        self.assertAlmostEqual(ends[1], (ends[0] + ends[2]) / 2, delta=2)
        self.assertEqual(near(together, VERMILION)[200:1200, 800:].sum(), 0)

    def test_more_than_twelve_channels_draw_twelve_panels_and_say_so(self):
        twelve = self.draw(self.script, self.write_folder("twelve", example=self.example(12)))
        many = self.draw(self.script, self.write_folder("many", example=self.example(30)))
        np.testing.assert_array_equal(twelve[100:], many[100:])
        self.assertTrue((twelve[:100] != many[:100]).any())

    def test_null_figures_are_gaps(self):
        report, example = self.report(), self.example()
        report["horizons"][0].update(coverage50=None, nrmse=None)
        example["predicted"][0][3] = None
        example["high90"][0] = [None] * (self.steps + 1)
        picture = self.draw(self.script, self.write_folder(report=report, example=example))
        self.assertGreater(near(picture, BLUE).sum(), 200)

    def test_the_same_bytes_twice(self):
        folder = self.write_folder(example=self.example(5, 7))
        self.draw(self.script, folder, name="a.png")
        self.draw(self.script, folder, name="b.png")
        self.assertEqual(self.bytes_of("a.png"), self.bytes_of("b.png"))

    def test_bad_input_is_named(self):
        report_path, example_path = self.path("c", "compare.json"), self.path("c", "example.json")

        def refused(report=None, example=None):
            return self.refuse(self.script, self.write_folder("c", report, example))

        self.assertEqual(
            self.refuse(self.script, self.path("none")),
            f"{self.path('none', 'compare.json')}: No such file or directory",
        )
        report = self.report()
        del report["horizons"][2]["nrmse_linear"]
        self.assertEqual(refused(report), f"{report_path}, horizons[2]: the key 'nrmse_linear' is missing")
        report = self.report()
        report["horizons"] = []
        self.assertEqual(refused(report), f"{report_path}, horizons: expected at least one, found none")
        report["windows"] = "many"
        self.assertEqual(refused(report), f"{report_path}, windows: expected a number, found a string")
        example = self.example(2)
        example["low90"] = example["low90"][:1]
        self.assertEqual(
            refused(example=example), f"{example_path}, low90: expected 2 rows, one per channel, found 1"
        )
        example = self.example(2)
        example["predicted"] = [example["predicted"][0], [1.0, 2.0]]
        self.assertEqual(
            refused(example=example), f"{example_path}, predicted[1]: expected 21 values, found 2"
        )
        example = self.example(2)
        example["control_step_s"] = 0
        self.assertEqual(
            refused(example=example), f"{example_path}, control_step_s: expected more than 0, found 0"
        )
        self.write_folder("c")
        self.write("[1, 2]", "c", "example.json")
        self.assertEqual(
            self.refuse(self.script, self.path("c")),
            f"{example_path}: expected a JSON object, found an array",
        )
        self.write('{"channels": [', "c", "example.json")
        self.assertIn(f"{example_path}: not JSON: ", self.refuse(self.script, self.path("c")))


class DatasetTest(PlotTest):
    script = "plot_dataset.py"

    def write_dataset(self, channels=3, **keys):
        histogram = {"low": -1.0, "high": 3.0, "counts": [1, 0, 4, 2]}
        dataset = {"title": "made-up", "subtitle": "some episodes", "returns": histogram,
                   "lengths": {"low": 7, "high": 7, "counts": [0, 0, 5, 0]},
                   "observations": [{**histogram, "label": f"position[{i}]"} for i in range(channels)],
                   "signals": [{"low": 0, "high": 0, "counts": [], "label": "nothing finite"}],
                   "actions": [{**histogram, "label": "möglich"}], **keys}
        self.write(json.dumps(dataset), "sheet", "dataset.json")
        return self.path("sheet")

    def test_frames_stand_in_rows_above_the_histograms(self):
        frames = np.zeros((2 * 30, 3 * 40, 3), np.uint8)
        frames[:30, :40] = (255, 0, 0)
        frames[30:, 80:] = (0, 255, 0)
        rows = [{"episode": k, "return": 1.5, "steps": [0, 4, 8], "times_s": [0, 0.4, 0.8]} for k in (0, 9)]
        folder = self.write_dataset(frames={"width": 40, "height": 30, "rows": rows})
        matplotlib.image.imsave(os.path.join(folder, "frames.png"), frames)
        picture = self.draw(self.script, folder)
        self.assertEqual(picture.shape[1], 1600)
        red, green = near(picture, (255, 0, 0)), near(picture, (0, 255, 0))
        self.assertLess(np.argwhere(red)[:, 0].max(), np.argwhere(green)[:, 0].min())
        self.assertLess(np.argwhere(red)[:, 1].max(), np.argwhere(green)[:, 1].min())
        bars = np.argwhere(near(picture, BLUE))
        self.assertGreater(bars[:, 0].min(), np.argwhere(green)[:, 0].max())

    def test_without_frames_histograms_stand_alone_and_many_channels_are_bounded(self):
        few = self.draw(self.script, self.write_dataset(note="no frames"))
        many = self.draw(self.script, self.write_dataset(channels=500), name="many.png")
        self.assertGreater(near(few, BLUE).sum(), 100)
        self.assertGreater(near(many, BLUE).sum(), 4 * near(few, BLUE).sum())
        self.assertLess(many.shape[0], 1000)

    def test_bad_input_is_one_line(self):
        self.assertIn("no such file", self.refuse(self.script, self.path("nothing")).lower())
        folder = self.write_dataset(returns=3)
        self.assertIn("returns: expected an object, found a number", self.refuse(self.script, folder))
        folder = self.write_dataset(lengths={"low": 0, "high": 1, "counts": [None]})
        self.assertIn("counts: expected a number, found null", self.refuse(self.script, folder))


if __name__ == "__main__":
    unittest.main()
