#!/usr/bin/env python3
"""The desktop app as a person meets it: under Xvfb, with real keys and a real mouse (xdotool), and looked at through
its own screenshots and what it saves.

Needs REVERIE_BINARY, Xvfb and xdotool. A build without the app (REVERIE_DESKTOP=OFF) skips this file.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import h5py
import matplotlib.image
import numpy

BINARY = os.environ["REVERIE_BINARY"]
HAS_APP = "--screenshot" in subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
WIDTH, HEIGHT = 1280, 800


class Display:
    """An X server of its own, without a window manager."""

    def __init__(self):
        read, write = os.pipe()
        self.server = subprocess.Popen(
            # Without -noreset it begins anew, and turns away who comes then, whenever its last window has closed.
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-noreset"],
            pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as stream:
            self.name = ":" + stream.readline().strip()

    def close(self):
        self.server.terminate()
        self.server.wait()


@unittest.skipUnless(HAS_APP, "this build has no desktop app")
class DesktopTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.display = Display()

    @classmethod
    def tearDownClass(cls):
        cls.display.close()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="reverie wörk ")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.environment = dict(os.environ, DISPLAY=self.display.name, XDG_CONFIG_HOME=self.path("config"),
                                XDG_DATA_HOME=self.path("data"))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def start(self, *arguments):
        return subprocess.Popen([BINARY, *arguments], env=self.environment, cwd=self.folder, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def run_app(self, *arguments, expect=0, timeout=300):
        done = subprocess.run([BINARY, *arguments], env=self.environment, cwd=self.folder, capture_output=True,
                              text=True, timeout=timeout)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done

    def picture(self, *arguments, name="shot.png"):
        """What the window showed at the end, (height, width, 3), 0 to 255."""
        self.run_app(*arguments, "--size", f"{WIDTH}x{HEIGHT}", "--scale", "1", "--screenshot", self.path(name))
        pixels = matplotlib.image.imread(self.path(name))
        self.assertEqual(pixels.shape[:2], (HEIGHT, WIDTH))
        return (pixels[..., :3] * 255).astype(int)

    def window(self, process):
        """Waits for the process' window and gives it the keyboard; its X identifier."""
        for _ in range(300):
            found = subprocess.run(["xdotool", "search", "--onlyvisible", "--pid", str(process.pid)],
                                   env=self.environment, capture_output=True, text=True).stdout.split()
            if not found:
                found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "Reverie$"],
                                       env=self.environment, capture_output=True, text=True).stdout.split()
            titles = [subprocess.run(["xdotool", "getwindowname", window], env=self.environment, capture_output=True,
                                     text=True).stdout.strip() for window in found]
            for window, title in zip(found, titles):
                if title.endswith(" - Reverie"):
                    subprocess.run(["xdotool", "windowfocus", "--sync", window], env=self.environment, check=True)
                    return window
            if process.poll() is not None:
                self.fail(f"the app ended early, with {process.returncode}: {process.stderr.read()}")
            time.sleep(0.1)
        self.fail("no window of the app appeared")

    def hand(self, *command):
        subprocess.run(["xdotool", *map(str, command)], env=self.environment, check=True)
        time.sleep(0.4)

    def end(self, process):
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)

    def episodes(self, name):
        with h5py.File(self.path(name, "data", "main_data.hdf5")) as file:
            return [numpy.array(file[f"episode_{k}/infos/integration_state"]) for k in range(len(file))]

    # What must be visible.

    def test_scene_ghosts_and_plots_are_drawn(self):
        still = ["cartpole-swingup", "--seed", "1", "--lock-step", "--do", "step:20,wait:2"]
        with_overlays = self.picture(*still, "--run-for", "2", name="with.png")
        ghosts_off = self.picture(*still[:-1], still[-1] + ",imagination.ghosts", "--run-for", "2", name="without.png")
        middle = (slice(120, 560), slice(360, 900))
        # The scene: many colours in the middle, where a bare panel would have one.
        self.assertGreater(len(numpy.unique(with_overlays[middle].reshape(-1, 3), axis=0)), 200)
        # The ghosts: the same moment without them differs, and there alone.
        differs = numpy.abs(with_overlays[middle] - ghosts_off[middle]).max(axis=-1) > 12
        self.assertGreater(differs.sum(), 200)
        self.assertLess(differs.mean(), 0.5)

    def test_panels_can_be_shown_and_plots_are_drawn_in_them(self):
        plots = self.picture("cartpole-swingup", "--seed", "1", "--lock-step", "--do",
                             "view.show.reward,step:30,wait:1", "--run-for", "1")
        right = plots[100:700, 960:].reshape(-1, 3)
        colourful = (right.max(axis=1) - right.min(axis=1)) > 60
        self.assertGreater(colourful.sum(), 300, "curves have colours, empty panels have none")

    def test_both_themes_are_legible(self):
        for theme, low, high in [("dark", 0, 90), ("light", 170, 255)]:
            pixels = self.picture("--do", f"theme={theme},wait:0.5", "--run-for", "1")
            self.assertTrue(low <= numpy.median(pixels) <= high, theme)

    # A person's keys and mouse.

    def test_keys_step_and_the_window_closes_by_its_menu_key(self):
        # Nothing is planned: keys come in their order however slow the machine, and so do the steps that they ask for.
        app = self.start("cartpole-swingup", "--seed", "1", "--lock-step", "--paused", "--do", "actor=person", "--save",
                         self.path("played"))
        self.window(app)
        time.sleep(1)
        for _ in range(5):
            self.hand("key", "Right")
        time.sleep(2)
        self.hand("key", "ctrl+q")
        self.end(app)
        self.assertEqual([len(states) for states in self.episodes("played")], [6])

    def test_the_palette_runs_what_is_typed(self):
        # Nothing is planned: keys come in their order however slow the machine, and so do the steps that they ask for.
        app = self.start("cartpole-swingup", "--seed", "1", "--lock-step", "--paused", "--do", "actor=person", "--save",
                         self.path("played"))
        self.window(app)
        time.sleep(1)
        for _ in range(3):
            self.hand("key", "ctrl+p")
            self.hand("type", "one control step")
            self.hand("key", "Return")
        time.sleep(2)
        self.hand("key", "ctrl+q")
        self.end(app)
        self.assertEqual([len(states) for states in self.episodes("played")], [4])

    def test_space_plays_and_pauses(self):
        app = self.start("pendulum-swingup", "--seed", "1", "--paused", "--save", self.path("played"))
        self.window(app)
        time.sleep(1)
        self.hand("key", "space")
        time.sleep(2)
        self.hand("key", "space")
        time.sleep(1)
        self.hand("key", "ctrl+q")
        self.end(app)
        steps = sum(len(states) - 1 for states in self.episodes("played"))
        self.assertGreater(steps, 20)

    # The same as headless.

    def test_lock_step_equals_the_command_line_to_the_bit(self):
        subprocess.run([BINARY, "collect", "cartpole-swingup", "--policy", "planner", "--model", "simulator",
                        "--episodes", "1", "--seed", "3", "--action-repeat", "1", "--out", self.path("headless")],
                       check=True, capture_output=True, cwd=self.folder)
        self.run_app("cartpole-swingup", "--seed", "3", "--action-repeat", "1", "--lock-step", "--do",
                     "speed=0,step:1000", "--run-for", "0", "--save", self.path("app"), timeout=600)
        headless, app = self.episodes("headless")[0], self.episodes("app")[0]
        self.assertEqual(headless.shape, app.shape)
        self.assertEqual(len(headless), 1001)
        self.assertEqual(headless.tobytes(), app.tobytes())

    def test_what_was_played_and_branched_replays_to_the_bit(self):
        self.run_app("cartpole-swingup", "--seed", "2", "--lock-step", "--do",
                     "speed=0,step:40,seek:15,actor=smooth,step:60", "--run-for", "0",
                     "--save", self.path("played"))
        verified = json.loads(subprocess.run([BINARY, "replay", "--data", self.path("played"), "--verify", "--json"],
                                             check=True, capture_output=True, text=True).stdout)
        self.assertEqual(verified["mismatches"], 0)
        self.assertGreaterEqual(verified["episodes"], 2)

    # What goes wrong.

    def test_no_display_is_one_line(self):
        environment = {key: value for key, value in self.environment.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
        done = subprocess.run([BINARY, "cartpole-swingup"], env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertIn("display", done.stderr)

    def test_words_that_are_nothing_are_refused_with_near_ones(self):
        done = subprocess.run([BINARY, "cartpole-swingupp"], env=self.environment, capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("cartpole-swingup", done.stderr)

    def test_a_broken_file_is_told_and_the_app_lives(self):
        broken = self.path("bro%ken +näme.xml")
        with open(broken, "w", encoding="utf-8") as file:
            file.write("<mujoco><worldbody><geom type='nothing'/></worldbody></mujoco>")
        done = self.run_app(broken, "--run-for", "1", expect=1)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertIn("nothing", done.stderr)

    def test_interrupted_it_closes_cleanly(self):
        app = self.start("cartpole-swingup", "--do", "learning.start")
        self.window(app)
        time.sleep(3)
        app.send_signal(signal.SIGINT)
        app.communicate(timeout=60)
        self.assertEqual(app.returncode, 130)


if __name__ == "__main__":
    unittest.main(verbosity=2)
