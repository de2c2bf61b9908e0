"""The scenes and task files of this repository: they compile, name what exists, move as mechanics says, and play."""

import importlib.util
import json
import math
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import h5py
import mujoco
import numpy as np

SCENES = pathlib.Path(__file__).resolve().parents[2] / "scenes"
BINARY = os.environ.get("REVERIE_BINARY")
OWN_TASKS = ["blocks", "blocks-and-balls", "cartpole-swingup", "hopper-hop", "pendulum-swingup", "pusher", "reacher", "two-rooms",
             "two-rooms-moving-door"]
SUITE_TASKS = ["acrobot-swingup", "cartpole-balance", "cartpole-swingup", "cartpole-swingup-positions", "cheetah-run", "cup-catch",
               "finger-spin", "hopper-stand", "pendulum-swingup", "reacher-easy", "reacher-hard", "walker-stand", "walker-walk"]
GRAVITY = 9.81
mujoco.set_mju_user_warning(lambda message: None)  # else it writes MUJOCO_LOG.TXT where it runs


def load(name):
    model = mujoco.MjModel.from_xml_path(str(SCENES / name))
    return model, mujoco.MjData(model)


def task_files():
    return sorted(SCENES.rglob("*.json"))


def scene_file(task_file, spec):
    scene = spec["scene"]
    if scene.startswith("dm_control:"):
        package = importlib.util.find_spec("dm_control").submodule_search_locations[0]
        return pathlib.Path(package) / "suite" / scene.removeprefix("dm_control:")
    return task_file.parent / scene


def step(model, data, control, seconds):
    data.ctrl[:] = control
    for _ in range(round(seconds / model.opt.timestep)):
        mujoco.mj_step(model, data)


class Files(unittest.TestCase):
    def test_all_tasks_are_there(self):
        names = [str(file.relative_to(SCENES).with_suffix("")) for file in task_files()]
        self.assertEqual(sorted(names), sorted(OWN_TASKS + [f"dm_control/{task}" for task in SUITE_TASKS]))

    def test_every_scene_compiles_and_has_a_camera_and_a_light(self):
        files = [file for file in sorted(SCENES.rglob("*.xml")) if file.parent.name != "include"]
        self.assertGreaterEqual(len(files), 7)
        for file in files:
            with self.subTest(file.name):
                model = mujoco.MjModel.from_xml_path(str(file))
                self.assertGreaterEqual(model.ncam, 1)
                self.assertGreaterEqual(model.nlight, 1)
                self.assertTrue(all(model.actuator_ctrllimited))

    def test_tasks_name_scenes_and_cameras_that_exist(self):
        for file in task_files():
            with self.subTest(file.name):
                spec = json.loads(file.read_text())
                model = mujoco.MjModel.from_xml_path(str(scene_file(file, spec)))
                self.assertGreaterEqual(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, spec["camera"]), 0)
                steps = spec["control_timestep_s"] / model.opt.timestep
                self.assertAlmostEqual(steps, round(steps), places=9)
                env_steps = spec["time_limit_s"] / spec["control_timestep_s"]
                self.assertAlmostEqual(env_steps / spec["action_repeat"], round(env_steps / spec["action_repeat"]), 9)


class Pendulum(unittest.TestCase):
    LENGTH, BOB, BOB_RADIUS, ROD, ROD_RADIUS = 0.5, 0.5, 0.075, 0.1, 0.016
    MOMENT = GRAVITY * (BOB * LENGTH + ROD * LENGTH / 2)  # of gravity at 90 degrees, N m

    def inertia(self):
        """About the hinge: a solid ball at the end, and a capsule (a cylinder and two half balls) of one density."""
        r, h = self.ROD_RADIUS, self.LENGTH
        cylinder, ball = math.pi * r * r * h, 4 / 3 * math.pi * r**3
        mc, mb = (self.ROD * part / (cylinder + ball) for part in (cylinder, ball))
        about_middle = mc * (h * h / 12 + r * r / 4) + mb * (0.4 * r * r + h * h / 4 + 3 / 8 * h * r)
        rod = about_middle + self.ROD * (h / 2) ** 2
        return rod + self.BOB * (0.4 * self.BOB_RADIUS**2 + self.LENGTH**2)

    def test_small_swings_have_the_period_of_a_damped_physical_pendulum(self):
        model, data = load("pendulum-swingup.xml")
        data.qpos[0] = 0.02
        crossings, before = [], data.qpos[0]
        while len(crossings) < 9:
            mujoco.mj_step(model, data)
            if before > 0 >= data.qpos[0]:  # interpolated linearly: the curve is straight there
                crossings.append(data.time - model.opt.timestep * data.qpos[0] / (data.qpos[0] - before))
            before = data.qpos[0]
        period = (crossings[-1] - crossings[0]) / (len(crossings) - 1)
        frequency2 = self.MOMENT / self.inertia() - (model.dof_damping[0] / (2 * self.inertia())) ** 2
        self.assertAlmostEqual(period, 2 * math.pi / math.sqrt(frequency2), delta=2e-4 * period)

    def test_the_motor_cannot_lift_the_bob_in_one_go(self):
        model, data = load("pendulum-swingup.xml")
        torque = 0.8
        highest = 0.0
        data.ctrl[0] = 1.0
        for _ in range(500):
            mujoco.mj_step(model, data)
            highest = max(highest, abs(data.qpos[0]))
        # Without friction the work of the motor would lift it to the angle where torque * angle is the height's energy.
        angle = 1.0
        for _ in range(50):
            angle -= (torque * angle - self.MOMENT * (1 - math.cos(angle))) / (torque - self.MOMENT * math.sin(angle))
        self.assertLess(highest, angle)
        self.assertGreater(highest, 0.9 * angle)
        self.assertLess(angle, math.pi / 2)


class Cartpole(unittest.TestCase):
    def test_a_push_on_the_hanging_pole_accelerates_as_the_equations_of_motion_say(self):
        model, data = load("cartpole-swingup.xml")
        data.qpos[1] = math.pi
        data.ctrl[0] = 1.0
        mujoco.mj_forward(model, data)
        # The cart 1 kg; the pole a capsule of 0.12 kg, radius 26 mm and a ball of 0.03 kg, radius 50 mm, at 0.9 m.
        r, h, cap, cap_radius, mass = 0.026, 0.9, 0.03, 0.05, 0.12
        cylinder, ball = math.pi * r * r * h, 4 / 3 * math.pi * r**3
        mc, mb = (mass * part / (cylinder + ball) for part in (cylinder, ball))
        about_middle = mc * (h * h / 12 + r * r / 4) + mb * (0.4 * r * r + h * h / 4 + 3 / 8 * h * r)
        inertia = about_middle + mass * (h / 2) ** 2 + cap * (0.4 * cap_radius**2 + h * h)
        moment = mass * h / 2 + cap * h
        expected = 10.0 / (1.0 + mass + cap - moment**2 / inertia)
        self.assertAlmostEqual(data.qacc[0], expected, delta=1e-6)


class Reacher(unittest.TestCase):
    def test_the_finger_is_where_two_links_of_20_cm_end(self):
        model, data = load("reacher.xml")
        for first, second in ((0.3, 1.1), (-2.0, -2.4), (2.9, 0.2)):
            data.qpos[:] = first, second
            mujoco.mj_forward(model, data)
            expected = [0.2 * math.cos(first) + 0.2 * math.cos(first + second),
                        0.2 * math.sin(first) + 0.2 * math.sin(first + second)]
            np.testing.assert_allclose(data.site("finger").xpos[:2], expected, atol=1e-12)

    def test_every_target_is_within_reach(self):
        model, _ = load("reacher.xml")
        folded = model.joint("elbow").range[1]
        draws = json.loads((SCENES / "reacher.json").read_text())["reset"][1]["let"]["radius"]
        low, high = map(float, re.fullmatch(r"uniform\((.*), (.*)\)", draws).groups())
        self.assertLess(2 * 0.2 * math.cos(folded / 2), low)
        self.assertLess(high, 2 * 0.2)


class TwoRooms(unittest.TestCase):
    def test_the_point_takes_the_commanded_velocity(self):
        model, data = load("two-rooms.xml")
        data.qpos[:] = -0.4, -0.4
        step(model, data, (0.3, 0.6), 0.5)
        np.testing.assert_allclose(data.qvel, (0.3, 0.6), rtol=1e-3)

    def test_it_slides_along_the_wall_and_does_not_enter_it(self):
        model, data = load("two-rooms.xml")
        data.qpos[:] = -0.1, -0.4
        step(model, data, (0.6, 0.3), 0.5)
        self.assertAlmostEqual(data.qpos[0], -0.02 - 0.035, delta=0.002)
        self.assertAlmostEqual(data.qvel[1], 0.3, delta=0.001)

    def test_the_door_lets_it_through_and_moves_with_the_mocap_bodies(self):
        model, data = load("two-rooms.xml")
        for door in (0.15, -0.3, 0.3):
            for start, passes in ((door, True), (door + 0.12, False), (door - 0.12, False)):
                mujoco.mj_resetData(model, data)
                data.mocap_pos[model.body("wall_south").mocapid[0], 1] = door - 0.1
                data.mocap_pos[model.body("wall_north").mocapid[0], 1] = door + 0.1
                data.qpos[:] = -0.3, start
                step(model, data, (0.6, 0.0), 1.0)
                self.assertEqual(data.qpos[0] > 0.1, passes, f"door {door}, start {start}: {data.qpos}")

    def test_nothing_leaves_the_arena(self):
        model, data = load("two-rooms.xml")
        for direction in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
            mujoco.mj_resetData(model, data)
            data.qpos[:] = 0.3 * direction[0], 0.3 * direction[1]
            step(model, data, 0.6 * np.array(direction), 2.0)
            np.testing.assert_allclose(np.abs(data.qpos), 0.5 - 0.035, atol=0.002)


class Pusher(unittest.TestCase):
    def test_a_released_block_stops_as_dry_and_viscous_friction_say(self):
        model, data = load("pusher.xml")
        mass, dry, viscous, speed = 0.37, 0.4, 1.5, 0.5
        data.joint("hand_x").qpos[0] = -0.4
        data.joint("block_x").qvel[0] = speed
        step(model, data, 0.0, 1.0)
        # m v' = -dry - viscous v, until it stops.
        time = mass / viscous * math.log(1 + viscous * speed / dry)
        distance = mass / viscous * speed - dry / viscous * time
        self.assertAlmostEqual(data.joint("block_x").qpos[0], distance, delta=0.03 * distance)
        self.assertLess(abs(data.joint("block_x").qvel[0]), 1e-3)

    def test_the_hand_pushes_the_block_ahead_of_it(self):
        model, data = load("pusher.xml")
        data.joint("hand_x").qpos[0] = -0.3
        data.joint("hand_y").qpos[0] = -0.045
        step(model, data, (0.25, 0.0), 2.0)
        self.assertGreater(data.joint("block_x").qpos[0], 0.15)
        gap = data.joint("block_x").qpos[0] - data.joint("hand_x").qpos[0]
        self.assertGreater(gap, 0.1)  # the hand does not sink into the block


class Hopper(unittest.TestCase):
    def test_it_falls_freely_until_the_foot_lands(self):
        model, data = load("hopper-hop.xml")
        data.joint("z").qpos[0] = 0.15
        mujoco.mj_forward(model, data)
        clearance = data.geom("foot").xpos[2] - model.geom("foot").size[0]
        start = data.subtree_com[1][2]
        landing = math.sqrt(2 * clearance / GRAVITY)
        while data.time < 0.6 * landing:
            mujoco.mj_step(model, data)
        mujoco.mj_forward(model, data)
        self.assertEqual(data.ncon, 0)
        fallen = 0.5 * GRAVITY * data.time * (data.time + model.opt.timestep)  # of semi-implicit Euler, exactly
        self.assertAlmostEqual(start - data.subtree_com[1][2], fallen, delta=1e-5)


class Blocks(unittest.TestCase):
    def test_the_tower_stands_and_energy_is_only_lost(self):
        model, data = load("blocks.xml")
        self.assertEqual(model.nu, 0)
        model.opt.enableflags |= mujoco.mjtEnableBit.mjENBL_ENERGY
        start = {name: data.body(name).xpos.copy() for name in ("plank", "tile", "drum")}
        step(model, data, [], 2.0)
        mujoco.mj_forward(model, data)
        for name in start:
            self.assertLess(abs(data.body(name).xpos[2] - model.body(name).pos[2]), 0.005, name)
        data.joint("ball").qvel[:2] = -1.0, 4.0
        mujoco.mj_forward(model, data)
        most = sum(data.energy)
        step(model, data, [], 3.0)
        self.assertLess(sum(data.energy), most)


class BlocksAndBalls(unittest.TestCase):
    def setUp(self):
        self.model, self.data = load("blocks-and-balls.xml")
        for joint, place in (("ball_x", -1), ("ball_z", 0.2), ("block_x", 0.25), ("block_z", 0.18), ("drop_x", 1), ("drop_z", 0.15)):
            self.data.joint(joint).qpos = place

    def test_a_dropped_ball_keeps_three_quarters_of_its_speed(self):
        self.data.joint("drop_z").qpos = 1.15
        heights = []
        for _ in range(300):
            mujoco.mj_step(self.model, self.data)
            heights.append(self.data.joint("drop_z").qpos[0] - 0.15)
        landed = next(i for i, height in enumerate(heights) if height < 0)
        self.assertAlmostEqual(landed * self.model.opt.timestep, math.sqrt(2 / GRAVITY), delta=0.01)
        self.assertAlmostEqual(math.sqrt(max(heights[landed:])), 0.75, delta=0.04)  # speeds are as roots of heights

    def test_a_ball_rolls_on_at_its_speed_and_pushes_the_block(self):
        self.data.joint("ball_x").qvel, self.data.joint("ball_roll").qvel = 2, 2 / 0.2
        step(self.model, self.data, [], 0.4)
        self.assertAlmostEqual(self.data.joint("ball_x").qpos[0], -0.2, delta=0.01)
        self.assertAlmostEqual(self.data.joint("ball_x").qvel[0], 2, delta=0.02)
        step(self.model, self.data, [], 0.3)
        self.assertGreater(self.data.joint("block_x").qpos[0], 0.26)
        self.assertLess(self.data.joint("ball_x").qvel[0], 1.5)

    def seen(self, place):
        """What is in front of the ball's middle and of four points near its edge."""
        self.data.joint("ball_x").qpos = place
        mujoco.mj_forward(self.model, self.data)
        eye, ball = self.data.camera("front").xpos, self.data.body("ball").xpos
        names = set()
        for aside in ((0, 0), (0.18, 0), (-0.18, 0), (0, 0.18), (0, -0.18)):
            geom = np.array([-1], np.int32)
            mujoco.mj_ray(self.model, self.data, eye, ball + [aside[0], 0, aside[1]] - eye, None, 1, -1, geom, None)
            names.add(self.model.geom(geom[0]).name)
        return names

    def test_the_screen_hides_the_ball_and_touches_nothing(self):
        self.assertEqual(self.seen(-0.587), {"screen"})
        self.assertEqual(self.seen(-1.2), {"ball"})
        self.assertEqual((self.model.geom("screen").contype[0], self.model.geom("screen").conaffinity[0]), (0, 0))


@unittest.skipUnless(BINARY, "REVERIE_BINARY is not set")
class Play(unittest.TestCase):
    """Every task through the program itself."""

    def test_every_task_loads(self):
        result = subprocess.run([BINARY, "tasks", "--json"], capture_output=True, text=True, check=True)
        tasks = {task["name"]: task for task in json.loads(result.stdout)["tasks"]}
        self.assertEqual(sorted(tasks), sorted(OWN_TASKS + [f"dm_control/{task}" for task in SUITE_TASKS]))
        for name, task in tasks.items():
            with self.subTest(name):
                self.assertNotIn("error", task)

    def test_every_task_is_collected_and_replays_to_the_bit(self):
        for name in OWN_TASKS + [f"dm_control/{task}" for task in SUITE_TASKS]:
            with self.subTest(name), tempfile.TemporaryDirectory() as scratch:
                out = os.path.join(scratch, "data")
                subprocess.run([BINARY, "collect", name, "--out", out, "--episodes", "2", "--seed", "5", "--policy",
                                "smooth"], check=True, stdout=subprocess.DEVNULL)
                subprocess.run([BINARY, "replay", "--data", out, "--verify"], check=True, stdout=subprocess.DEVNULL)
                spec = json.loads((SCENES / f"{name}.json").read_text())
                with h5py.File(os.path.join(out, "data", "main_data.hdf5"), "r") as dataset:
                    rewards = np.concatenate([dataset[f"episode_{k}/rewards"][:] for k in range(2)])
                    self.assertTrue(np.isfinite(dataset["episode_0/observations"][:]).all())
                self.assertGreaterEqual(rewards.min(), 0.0)
                self.assertLessEqual(rewards.max(), spec["action_repeat"] + 1e-9)

    def test_two_rooms_start_anywhere_and_most_goals_are_across_the_wall(self):
        starts, goals, doors = self.first_observations("two-rooms-moving-door", 400)
        for points, limit in ((starts, 0.465), (goals, 0.455)):
            self.assertLess(np.abs(points).max(), limit)
            self.assertGreater(np.abs(points).max(), 0.4)
            self.assertGreater(np.abs(points[:, 0]).min(), 0.055)
        self.assertGreater(np.linalg.norm(starts - goals, axis=1).min(), 0.2)
        across = np.mean(starts[:, 0] * goals[:, 0] < 0)
        self.assertGreater(across, 0.5)
        self.assertLess(across, 0.75)
        self.assertLess(np.abs(doors).max(), 0.3)
        self.assertGreater(doors.std(), 0.15)  # uniform over 0.6: 0.173

    def first_observations(self, name, episodes):
        spec = json.loads((SCENES / f"{name}.json").read_text())
        spec["time_limit_s"] = spec["control_timestep_s"] * spec["action_repeat"]
        spec["scene"] = str(SCENES / spec["scene"])
        with tempfile.TemporaryDirectory() as scratch:
            file, out = os.path.join(scratch, "starts.json"), os.path.join(scratch, "data")
            pathlib.Path(file).write_text(json.dumps(spec))
            subprocess.run([BINARY, "collect", file, "--out", out, "--episodes", str(episodes)], check=True,
                           stdout=subprocess.DEVNULL)
            with h5py.File(os.path.join(out, "data", "main_data.hdf5"), "r") as dataset:
                first = np.array([dataset[f"episode_{k}/observations"][0] for k in range(episodes)])
        return first[:, 0:2], first[:, 4:6], first[:, 6]


if __name__ == "__main__":
    unittest.main()
