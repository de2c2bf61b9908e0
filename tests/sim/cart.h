// A cart with a pole over a floor, and task files for it.
#pragma once

#include <string>

namespace reverie::task_fixture {

inline constexpr char kCart[] = R"(
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <camera name="side" pos="0 -3 1"/>
    <geom name="floor" type="plane" size="3 3 0.1" pos="0 0 -0.5"/>
    <body name="cart">
      <joint name="slider" type="slide" axis="1 0 0"/>
      <joint name="lift" type="slide" axis="0 0 1" range="-0.2 0.3" limited="true"/>
      <geom name="box" type="box" size="0.1 0.1 0.1" mass="1"/>
      <body name="pole"><joint name="hinge" axis="0 1 0"/>
        <geom name="rod" type="capsule" size="0.02" fromto="0 0 0 0 0 0.5"/></body>
      <site name="tip" pos="0 0 0.1"/>
    </body>
    <body name="target" mocap="true"><geom size="0.02" contype="0" conaffinity="0"/></body>
  </worldbody>
  <actuator><motor name="push" joint="slider" ctrlrange="-2 6"/></actuator>
  <sensor>
    <jointpos name="where" joint="slider"/><framepos name="tip_at" objtype="site" objname="tip"/>
  </sensor>
  <keyframe><key name="home" qpos="1 0.1 0.5" qvel="0.1 0.2 0.3"/><key qpos="2 0 0"/></keyframe>
</mujoco>)";

/// A task of the cart with `more` keys, which begin with a comma.
inline std::string CartTask(const std::string& more = "") {
  return R"json({"scene": "scene.xml",
    "observation": {"position": ["qpos(slider)", "qpos(hinge)"], "velocity": "qvel"})json" +
         more + "}";
}

}  // namespace reverie::task_fixture
