#!/usr/bin/env python3
"""Scenes as people have them, through the program: without names, spread over folders, with state of every kind.

Needs REVERIE_BINARY. What was collected is verified by `reverie replay --verify`, and stepped again by MuJoCo in
Python from the first state with the recorded actions.
"""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

import h5py
import mujoco
import numpy as np

BINARY = os.environ["REVERIE_BINARY"]
mujoco.set_mju_user_warning(lambda message: None)  # else it writes MUJOCO_LOG.TXT where it runs

# A mocap body, a muscle, actuators with state and with delay, sensors with delay and at intervals, tendons, all
# kinds of equality, keyframes, free bodies and a ball joint; hardly a name.
MENAGERIE = """
<mujoco>
  <option timestep="0.005" integrator="{integrator}"><flag sleep="{sleep}"/></option>
  <worldbody>
    <geom type="plane" size="3 3 0.1"/>
    <body name="hand" mocap="true" pos="0 0 1.5"><geom size="0.03" contype="0" conaffinity="0"/></body>
    <body name="hung" pos="0.1 0 1.4"><freejoint/><geom type="box" size="0.1 0.05 0.05"/></body>
    <body name="egg" pos="0.4 0.3 0.2"><freejoint/><geom type="ellipsoid" size="0.1 0.07 0.05"/></body>
    <body name="marble" pos="0.4 0.3 0.4"><freejoint/><geom size="0.05"/></body>
    <body pos="-0.6 0 0.7">
      <joint type="ball" damping="0.05"/>
      <geom type="capsule" size="0.04" fromto="0 0 0 0.3 0 0"/>
      <site name="a" pos="0 0 0.06"/>
      <body pos="0.35 0 0">
        <joint name="elbow" axis="0 1 0" range="-120 120" armature="0.01"/>
        <geom type="capsule" size="0.03" fromto="0 0 0 0.3 0 0"/>
        <site name="b" pos="0.15 0 0.05"/>
      </body>
    </body>
    <body pos="0 -1 0.5"><joint name="left" type="slide" damping="0.5"/><geom size="0.05"/></body>
    <body pos="0 -1.3 0.5"><joint name="right" type="slide" frictionloss="0.1"/><geom size="0.05"/></body>
  </worldbody>
  <equality>
    <weld body1="hung" body2="hand" relpose="0 0 -0.1 1 0 0 0" solref="0.1 1"/>
    <joint joint1="left" joint2="right" polycoef="0 -1 0 0 0"/>
    <connect active="false" body1="egg" body2="marble" anchor="0 0 0"/>
  </equality>
  <tendon>
    <spatial name="cord" stiffness="5" damping="0.1" range="0 0.35"><site site="a"/><site site="b"/></spatial>
    <fixed name="pair"><joint joint="left" coef="1"/><joint joint="right" coef="-1"/></fixed>
  </tendon>
  <actuator>
    <muscle tendon="cord" ctrlrange="0 1"/>
    <general joint="elbow" dyntype="filterexact" dynprm="0.05" gainprm="3" ctrlrange="-1 1"/>
    <intvelocity joint="left" kp="20" actrange="-0.4 0.4"/>
    <motor joint="elbow" delay="0.02" nsample="5" ctrlrange="-2 3"/>
    <position tendon="pair" kp="5" delay="0.0125" nsample="4" interp="linear"/>
  </actuator>
  <sensor>
    <jointpos joint="elbow" delay="0.03" nsample="8"/>
    <jointvel joint="elbow" interval="0.02 0" nsample="2"/>
    <framepos objtype="body" objname="egg" delay="0.0175" nsample="6" interp="linear"/>
    <accelerometer site="b"/>
  </sensor>
  <keyframe><key name="thrown" time="1.5" qvel="0 0 0 0 0 0  0 0 2 1 0 0  0 0 0 0 0 0  0 0 0  0.5  0 0"/></keyframe>
</mujoco>
"""

TASK = {
    "scene": "menagerie.xml",
    "control_timestep_s": 0.01,
    "action_repeat": 2,
    "time_limit_s": 2,
    "observation": {"qpos": "qpos", "qvel": "qvel", "measured": "sensordata", "act": "act"},
    "signals": {"egg": "xmat(egg)", "cord": "ten_length(cord)"},
    "reset": [{"keyframe": "thrown"}, {"set": "mocap_pos(hand).x", "to": "uniform(-0.1, 0.1)"},
              {"set": "dof_damping(left)", "to": "uniform(0.1, 1)"},
              {"set": "body_mass(marble)", "to": "uniform(0.1, 1)"}, {"settle": 7}],
    "reward": "tolerance(qpos[2], 0.3, inf, 0.2) + 0.01*dot(action, action)",
}

ROBOT = """<?xml version="1.0"?>
<robot name="arm">
  <!-- <mesh filename="package://gone/old.stl"/> -->
  <link name="base"/>
  <link name="upper">
    <inertial><mass value="1"/><inertia ixx="0.1" iyy="0.1" izz="0.1" ixy="0" ixz="0" iyz="0"/></inertial>
    <visual><geometry><mesh filename="package://arm description/visual/link.dae"/></geometry></visual>
    <collision><geometry><mesh filename="package://arm description/meshes/left/link.stl"/></geometry></collision>
    <collision><geometry><mesh filename="package://arm description/meshes/right/link.stl"/></geometry></collision>
  </link>
  <joint name="shoulder" type="continuous"><parent link="base"/><child link="upper"/><axis xyz="0 1 0"/></joint>
</robot>
"""


def tetrahedron(size):
    """Bytes of an STL file."""
    corners = size * np.vstack([np.zeros(3), np.eye(3)])
    faces = [(0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)]
    data = bytes(80) + struct.pack("<I", len(faces))
    for face in faces:
        data += struct.pack("<12fH", 0, 0, 0, *corners[list(face)].ravel(), 0)
    return data


class ScenesAsPeopleHaveThem(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="reverie scenes ü "))
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run_reverie(self, *arguments, cwd=None, **environment):
        return subprocess.run([BINARY, *map(str, arguments)], cwd=cwd or self.folder, capture_output=True, text=True,
                              timeout=300, env={**os.environ, **environment})

    def collect(self, scene, out, *arguments, cwd=None, **environment):
        """Collects, verifies, and returns the dataset's folder."""
        out = self.folder / out
        result = self.run_reverie("collect", scene, "--out", out, *arguments, cwd=cwd, **environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        replay = self.run_reverie("replay", "--data", out, "--verify", "--json")
        self.assertEqual(replay.returncode, 0, replay.stderr)
        verified = json.loads(replay.stdout)
        self.assertEqual(verified["mismatches"], 0)
        with h5py.File(out / "data" / "main_data.hdf5") as data:
            self.assertEqual(verified["episodes"], len(data))
            self.assertEqual(verified["steps"], sum(data[k]["actions"].shape[0] for k in data))
        return out

    def assert_error(self, scene, *says):
        result = self.run_reverie("collect", scene, "--out", self.folder / "never", "--steps", 10)
        self.assertEqual(result.returncode, 1)
        lines = result.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith("reverie: error: "), lines[0])
        for text in says:
            self.assertIn(str(text), lines[0])
        self.assertFalse((self.folder / "never").exists())

    def step_in_python(self, out, substeps, repeat, episode=0, parameters=lambda model, values: None):
        """Every state of an episode again, by MuJoCo in Python, to the bit."""
        model = mujoco.MjModel.from_binary_path(str(out / "data" / "scene.mjb"))
        spec = mujoco.mjtState.mjSTATE_INTEGRATION
        with h5py.File(out / "data" / "main_data.hdf5") as data:
            group = data[f"episode_{episode}"]
            states, actions = group["infos/integration_state"][:], group["actions"][:]
            if "model_parameters" in group.attrs:
                parameters(model, group.attrs["model_parameters"])
        self.assertEqual(states.shape[1], mujoco.mj_stateSize(model, spec))
        simulation = mujoco.MjData(model)
        mujoco.mj_setState(model, simulation, states[0], spec)
        mujoco.mj_forward(model, simulation)
        mujoco.mj_setState(model, simulation, states[0], spec)
        low, high = model.actuator_ctrlrange.T
        centre = np.where(model.actuator_ctrllimited, 0.5 * (low + high), 0.0)
        half = np.where(model.actuator_ctrllimited, 0.5 * (high - low), 1.0)
        state = np.empty(states.shape[1])
        for action, expected in zip(actions, states[1:]):
            simulation.ctrl[:] = centre + half * action
            for _ in range(repeat):
                remaining = substeps
                if model.opt.integrator != mujoco.mjtIntegrator.mjINT_RK4:
                    mujoco.mj_step2(model, simulation)
                    remaining -= 1
                for _ in range(remaining):
                    mujoco.mj_step(model, simulation)
                mujoco.mj_step1(model, simulation)
            mujoco.mj_getState(model, simulation, state, spec)
            np.testing.assert_array_equal(state, expected)
        return len(actions)

    def test_state_of_every_kind_is_recorded_and_replays_to_the_bit(self):
        def parameters(model, values):
            left = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, "left")
            marble = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, "marble")
            model.dof_damping[model.jnt_dofadr[left]], model.body_mass[marble] = values
            mujoco.mj_setConst(model, mujoco.MjData(model))

        for integrator, sleep in (("Euler", "enable"), ("implicitfast", "disable"), ("RK4", "disable")):
            with self.subTest(integrator):
                self.write("menagerie.xml", MENAGERIE.format(integrator=integrator, sleep=sleep))
                task = self.write("menagerie.json", json.dumps(TASK))
                out = self.collect(task, integrator, "--episodes", 3, "--policy", "smooth", "--seed", 4, "--workers", 2)
                for episode in range(3):
                    steps = self.step_in_python(out, substeps=2, repeat=2, episode=episode, parameters=parameters)
                    self.assertEqual(steps, 100)

    def test_a_bare_model_without_names_is_observed_and_acted_on(self):
        scene = self.write("menagerie.xml", MENAGERIE.format(integrator="Euler", sleep="disable"))
        out = self.collect(scene, "bare", "--steps", 150, "--policy", "random")
        self.assertEqual(self.step_in_python(out, substeps=4, repeat=1), 150)
        with h5py.File(out / "data" / "main_data.hdf5") as data:
            self.assertEqual(data["episode_0/actions"].shape, (150, 5))
            self.assertLessEqual(np.abs(data["episode_0/actions"]).max(), 1.0)
        named = json.loads((out / "data" / "metadata.json").read_text())
        self.assertIn("actuator_4", json.dumps(named))

    def test_includes_and_meshes_load_from_any_working_folder_and_through_links(self):
        self.write("robot/parts/meshes/part.stl", tetrahedron(0.1))
        self.write("robot/parts/assets.xml",
                   "<mujocoinclude><asset><mesh name='part' file='part.stl'/></asset></mujocoinclude>")
        self.write("robot/parts/body.xml", "<mujocoinclude><worldbody><body pos='0 0 1'><freejoint/>"
                                           "<geom type='mesh' mesh='part'/></body></worldbody></mujocoinclude>")
        self.write("robot/scene.xml", "<mujoco><compiler meshdir='parts/meshes'/><include file='parts/assets.xml'/>"
                                      "<include file='parts/body.xml'/></mujoco>")
        elsewhere = self.folder / "else where"
        elsewhere.mkdir()
        (elsewhere / "link.xml").symlink_to("../robot/scene.xml")
        self.collect("../robot/scene.xml", "relative", "--steps", 5, cwd=elsewhere)
        self.collect("link.xml", "link", "--steps", 5, cwd=elsewhere)
        (self.folder / "robot/parts/meshes/part.stl").unlink()
        self.assert_error(elsewhere / "link.xml", "link.xml", "part.stl")

    def test_a_urdf_with_packages_and_spaces_resolves_or_says_where_it_looked(self):
        urdf = self.write("ws/arm description/urdf/arm.urdf", ROBOT)
        self.write("ws/arm description/meshes/left/link.stl", tetrahedron(0.1))
        right = self.write("ws/arm description/meshes/right/link.stl", tetrahedron(0.3))
        out = self.collect(urdf, "urdf", "--steps", 5, cwd="/")
        model = mujoco.MjModel.from_binary_path(str(out / "data" / "scene.mjb"))
        self.assertEqual(model.nmesh, 2)
        # The largest distance of a vertex to the mesh's own frame is three times as much in the larger one.
        reach = [np.linalg.norm(model.mesh_vert[start:start + count], axis=1).max()
                 for start, count in zip(model.mesh_vertadr, model.mesh_vertnum)]
        self.assertAlmostEqual(max(reach) / min(reach), 3.0, places=4)
        right.unlink()
        self.assert_error(urdf, "arm.urdf", "package://arm description/meshes/right/link.stl", right, "ROS_PACKAGE_PATH")
        moved = self.write("elsewhere/arm.urdf", ROBOT)
        right.write_bytes(tetrahedron(0.3))
        self.collect(moved, "by path", "--steps", 5, ROS_PACKAGE_PATH=f"/nowhere:{self.folder}/ws")

    def test_a_control_timestep_that_does_not_fit_is_refused_with_the_nearest(self):
        self.write("menagerie.xml", MENAGERIE.format(integrator="Euler", sleep="disable"))
        task = self.write("menagerie.json", json.dumps({**TASK, "control_timestep_s": 0.013}))
        self.assert_error(task, "menagerie.json", "control_timestep_s", "0.013", "the nearest that fits is 0.015")

    def test_a_scene_with_nothing_to_move_is_collected_too(self):
        scene = self.write("still.xml", "<mujoco><worldbody><geom size='1'/></worldbody></mujoco>")
        out = self.collect(scene, "still", "--steps", 5)
        self.assertEqual(self.step_in_python(out, substeps=10, repeat=1), 5)


if __name__ == "__main__":
    unittest.main()
