#!/usr/bin/env python3
"""Frames that `collect --pixels` records, as Minari and h5py read them, beside what MuJoCo's Python renderer draws of
the recorded states; and `data --picture`.

Needs REVERIE_BINARY and an EGL driver, without which it is skipped.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import warnings

os.environ["MUJOCO_GL"] = os.environ["PYOPENGL_PLATFORM"] = "egl"

import h5py  # noqa: E402
import matplotlib.image  # noqa: E402
import minari  # noqa: E402
import mujoco  # noqa: E402
import numpy as np  # noqa: E402

BINARY = os.environ["REVERIE_BINARY"]
STATE = mujoco.mjtState.mjSTATE_INTEGRATION

# A pole before a wall whose upper half is red. One camera follows the pole; names are awkward on purpose.
SCENE = """
<mujoco>
  <visual><global offwidth="32" offheight="32"/></visual>
  <asset><texture type="skybox" builtin="gradient" rgb1="0.2 0.4 0.8" rgb2="0 0 0.1" width="32" height="32"/></asset>
  <worldbody>
    <light pos="0 -3 3" dir="0 1 -1"/>
    <camera name="eye/left 1" pos="0 -3 0.5" xyaxes="1 0 0 0 0 1"/>
    <camera name="Tür" pos="0.5 -2 1.5" mode="targetbody" target="pole"/>
    <geom name="upper" type="box" size="4 0.1 1" pos="0 1 1.5" rgba="1 0 0 1"/>
    <geom name="lower" type="box" size="4 0.1 1" pos="0 1 -0.5" rgba="0 1 0 1"/>
    <body name="pole" pos="0 0 0.5">
      <joint name="slide" type="slide" axis="1 0 0" damping="1"/><joint name="hinge" axis="0 1 0"/>
      <geom name="rod" type="capsule" size="0.06" fromto="0 0 0 0 0 0.5" rgba="0.2 0.3 1 1"/>
    </body>
  </worldbody>
  <actuator><motor joint="slide" gear="10" ctrlrange="-1 1"/></actuator>
</mujoco>
"""
TASK = {
    "scene": "pole.xml",
    "control_timestep_s": 0.02,
    "time_limit_s": 0.5,
    "observation": {"position": "qpos", "velocity": "qvel"},
    "reset": [{"set": "qpos(hinge)", "to": "uniform(-3, 3)"}],
}
CAMERAS = {"eye/left 1": "eye%2Fleft 1", "Tür": "Tür"}


def gl_is_missing():
    try:
        mujoco.Renderer(mujoco.MjModel.from_xml_string("<mujoco/>"), 8, 8).close()
        return False
    except Exception:  # whatever PyOpenGL raises
        return True


@unittest.skipIf(gl_is_missing(), "no EGL driver")
class PixelsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="reverie pixels ü "))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        os.environ["MINARI_DATASETS_PATH"] = str(cls.root)
        (cls.root / "pole.xml").write_text(SCENE, encoding="utf-8")
        (cls.root / "pole.json").write_text(json.dumps(TASK), encoding="utf-8")
        cls.collect("fast-v0", "--pixels", "64x48", "--camera", "eye/left 1", "--camera", "Tür", "--depth",
                    "--segmentation")
        cls.collect("full-v0", "--pixels", "40", "--camera", "Tür", "--quality", "full")

    @classmethod
    def run_command(cls, *arguments):
        return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=300, cwd=cls.root)

    @classmethod
    def collect(cls, name, *options):
        done = cls.run_command("collect", "pole.json", "--out", name, "--episodes", 3, "--policy", "smooth", "--seed", 5,
                               "--workers", 2, "--json", *options)
        if done.returncode:
            raise AssertionError(done.stderr)
        return json.loads(done.stdout)

    def load(self, name):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return minari.load_dataset(name)

    def test_minari_reads_a_dict_whose_space_contains_every_observation(self):
        dataset = self.load("fast-v0")
        space = dataset.observation_space
        self.assertEqual(set(space), {"state", "pixels", "depth", "segmentation"})
        for group, dtype, shape in (("pixels", np.uint8, (48, 64, 3)), ("depth", np.float32, (48, 64)),
                                    ("segmentation", np.int32, (48, 64, 2))):
            self.assertEqual(set(space[group]), set(CAMERAS.values()))
            for camera in CAMERAS.values():
                self.assertEqual((space[group][camera].dtype, space[group][camera].shape), (dtype, shape))
        episodes = dataset.sample_episodes(3)
        self.assertEqual(sorted(episode.id for episode in episodes), [0, 1, 2])
        for episode in episodes:
            observations = episode.observations
            self.assertEqual(len(observations["state"]), len(episode) + 1)
            for group in ("pixels", "depth", "segmentation"):
                for camera in CAMERAS.values():
                    self.assertEqual(len(observations[group][camera]), len(episode) + 1)
            for t in range(len(episode) + 1):
                row = {key: value[t] if key == "state" else {camera: frames[t] for camera, frames in value.items()}
                       for key, value in observations.items()}
                self.assertTrue(space.contains(row), f"row {t} of episode {episode.id}")
        self.assertIn(str(episodes[0].id), repr(episodes[0]))

    def assert_drawn(self, name, full=False, size=(64, 48)):
        """Every frame beside what MuJoCo's Python renderer draws of the recorded state."""
        model = mujoco.MjModel.from_binary_path(str(self.root / name / "data" / "scene.mjb"))
        model.vis.global_.offwidth, model.vis.global_.offheight = size
        if not full:
            model.vis.quality.offsamples = model.vis.quality.shadowsize = 0
        data = mujoco.MjData(model)
        worst = 0
        with mujoco.Renderer(model, size[1], size[0]) as renderer:
            if not full:
                renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
                renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
            for episode in self.load(name):
                for camera, key in CAMERAS.items():
                    if key not in episode.observations["pixels"]:
                        continue
                    for t, state in enumerate(episode.infos["integration_state"]):
                        mujoco.mj_setState(model, data, state, STATE)
                        mujoco.mj_forward(model, data)
                        renderer.update_scene(data, camera)
                        where = f"episode {episode.id}, camera {camera}, state {t}"
                        difference = np.abs(renderer.render().astype(int) - episode.observations["pixels"][key][t])
                        worst = max(worst, difference.max())
                        self.assertLessEqual(difference.max(), 2, where)
                        if "depth" in episode.observations:
                            renderer.enable_depth_rendering()
                            depth = renderer.render()
                            renderer.disable_depth_rendering()
                            np.testing.assert_allclose(episode.observations["depth"][key][t], depth, rtol=1e-5,
                                                       err_msg=where)
                            renderer.enable_segmentation_rendering()
                            segmentation = renderer.render()
                            renderer.disable_segmentation_rendering()
                            np.testing.assert_array_equal(episode.observations["segmentation"][key][t], segmentation,
                                                          err_msg=where)
        return worst

    def test_frames_are_what_mujoco_draws_of_the_recorded_states(self):
        self.assert_drawn("fast-v0")

    def test_full_quality_has_multisampling_and_shadows(self):
        self.assert_drawn("full-v0", full=True, size=(40, 40))

    def test_first_row_is_on_top_and_frames_move(self):
        episode = self.load("fast-v0")[0]
        pixels = episode.observations["pixels"]["eye%2Fleft 1"]
        red, green = pixels[..., 0].astype(int), pixels[..., 1].astype(int)
        self.assertTrue((red[:, :16, :8] > green[:, :16, :8] + 50).all())
        self.assertTrue((green[:, 32:, :8] > red[:, 32:, :8] + 50).all())
        self.assertGreater(len({frame.tobytes() for frame in pixels}), len(pixels) // 2)

    def test_h5py_sees_a_deflated_chunk_for_each_frame(self):
        with h5py.File(self.root / "fast-v0/data/main_data.hdf5") as file:
            observations = file["episode_0/observations"]
            self.assertEqual(observations["state"].dtype, np.float64)
            for group, shuffled in (("pixels", False), ("depth", True), ("segmentation", True)):
                array = observations[group]["Tür"]
                self.assertEqual(array.chunks, (1, *array.shape[1:]))
                self.assertEqual((array.compression, array.shuffle), ("gzip", shuffled))
                self.assertEqual(array[3].shape, array.shape[1:])

    def test_data_check_finds_nothing_wrong_and_a_damaged_frame(self):
        for name in ("fast-v0", "full-v0"):
            done = self.run_command("data", name, "--check", "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
        shutil.copytree(self.root / "fast-v0", self.root / "damaged-v0")
        path = self.root / "damaged-v0/data/main_data.hdf5"
        with h5py.File(path) as file:
            chunk = file["episode_1/observations/pixels/Tür"].id.get_chunk_info(7)
        with open(path, "r+b") as file:
            file.seek(chunk.byte_offset + chunk.size // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 0xFF]))
        done = self.run_command("data", "damaged-v0", "--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("episode_1/observations/pixels/Tür: expected frames", done.stderr)

    def test_replay_verifies_and_merge_keeps_frames(self):
        done = self.run_command("replay", "--data", "fast-v0", "--verify", "--json")
        self.assertEqual(json.loads(done.stdout)["mismatches"], 0, done.stderr)
        for i in (1, 2):
            self.collect(f"part-{i}", "--pixels", "64x48", "--camera", "eye/left 1", "--camera", "Tür", "--depth",
                         "--segmentation", "--shard", f"{i}/2")
        done = self.run_command("merge", "part-1", "part-2", "--out", "merged/fast-v0")
        self.assertEqual(done.returncode, 0, done.stderr)
        for file in ("main_data.hdf5", "metadata.json"):
            self.assertEqual((self.root / "fast-v0/data" / file).read_bytes(),
                             (self.root / "merged/fast-v0/data" / file).read_bytes(), file)
        done = self.run_command("merge", "part-1", "full-v0", "--out", "mixed")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r'frames\.cameras\[0\] differs: part-1 has "eye/left 1", full-v0 has "Tür"')

    def test_wrong_options_are_one_line_and_nothing_is_created(self):
        for options, code, expected in (
            (("--camera", "Tür"), 2, "--camera needs --pixels"),
            (("--depth",), 2, "--depth needs --pixels"),
            (("--pixels", "0"), 2, "--pixels 0: expected a size from 1 to 1024"),
            (("--pixels=-64",), 2, "--pixels -64: expected a size"),
            (("--pixels", "64x"), 2, "--pixels 64x: expected a size"),
            (("--pixels", "100000"), 2, "--pixels 100000: expected a size from 1 to 1024"),
            (("--pixels", "64", "--quality", "best"), 2, "quality"),
            (("--pixels", "64", "--camera", "Tuer"), 1, "no camera 'Tuer'; did you mean 'Tür'?"),
            (("--pixels", "64", "--camera", "Tür", "--camera", "Tür"), 1, "found it twice"),
        ):
            done = self.run_command("collect", "pole.json", "--out", "refused", "--episodes", 1, *options)
            self.assertEqual(done.returncode, code, f"{options}: {done.stderr}")
            self.assertIn(expected, done.stderr)
            self.assertFalse((self.root / "refused").exists())

    def test_without_a_driver_one_line_says_so_before_anything_is_created(self):
        nowhere = {**os.environ, "__EGL_VENDOR_LIBRARY_FILENAMES": str(self.root / "none.json")}
        done = subprocess.run([BINARY, "collect", "pole.json", "--out", "refused", "--episodes", "1", "--pixels", "64"],
                              capture_output=True, text=True, timeout=300, cwd=self.root, env=nowhere)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Areverie: error: cannot draw: .*install libegl1 and libgl1-mesa-dri.*\n\Z")
        self.assertFalse((self.root / "refused").exists())

    def test_going_on_with_other_pictures_is_refused_with_both_values(self):
        done = self.run_command("collect", "pole.json", "--out", "full-v0", "--episodes", 5, "--policy", "smooth",
                                "--seed", 5, "--resume", "--pixels", "40", "--camera", "Tür")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r'frames\.quality differs: full-v0 has "full", this run has "fast"')

    def test_data_draws_a_picture_with_recorded_frames_and_with_frames_drawn_anew(self):
        self.collect("bare-v0")
        for name in ("fast-v0", "bare-v0"):
            picture = self.root / f"{name}.png"
            done = self.run_command("data", name, "--picture", picture, "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout)["picture"], str(picture))
            pixels = matplotlib.image.imread(picture)[..., :3]
            # The wall, in every one of three rows of six frames.
            red = (pixels[..., 0] > 0.4) & (pixels[..., 1] < 0.25) & (pixels[..., 2] < 0.25)
            self.assertGreater(red.mean(), 0.02)
            done = self.run_command("data", name, "--picture", picture)
            self.assertEqual(done.returncode, 1)
            self.assertIn("the file exists", done.stderr)


if __name__ == "__main__":
    unittest.main()
