// A scene with state of every kind that MuJoCo has, and a task in it, for tests of what saves, restores and
// repeats.
#pragma once

#include <string>

namespace reverie::task_fixture {

// State of every kind that MuJoCo has, much of it without names.
inline constexpr char kMenagerie[] = R"(
<mujoco>
  <size nuserdata="2"/>
  <option timestep="0.005"/>
  <default><geom condim="6" friction="1 0.01 0.001"/></default>
  <worldbody>
    <geom type="plane" size="3 3 0.1"/>
    <body name="hand" mocap="true" pos="0 0 1.5"><geom size="0.03" contype="0" conaffinity="0"/></body>
    <body name="hung" pos="0.1 0 1.4"><freejoint/><geom type="box" size="0.1 0.05 0.05"/></body>
    <body name="egg" pos="0.4 0.3 0.2"><freejoint/><geom type="ellipsoid" size="0.1 0.07 0.05"/></body>
    <body name="marble" pos="0.4 0.3 0.4"><freejoint/><geom size="0.05"/></body>
    <body name="arm" pos="-0.6 0 0.7">
      <joint type="ball" damping="0.05"/>
      <geom type="capsule" size="0.04" fromto="0 0 0 0.3 0 0"/>
      <site name="a" pos="0 0 0.06"/>
      <body name="forearm" pos="0.35 0 0">
        <joint name="elbow" axis="0 1 0" range="-120 120" limited="true" armature="0.01"/>
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
    <spatial name="cord" stiffness="5" damping="0.1" range="0 0.35" limited="true">
      <site site="a"/><site site="b"/>
    </spatial>
    <fixed name="pair"><joint joint="left" coef="1"/><joint joint="right" coef="-1"/></fixed>
  </tendon>
  <actuator>
    <muscle tendon="cord" ctrlrange="0 1"/>
    <general joint="elbow" dyntype="filterexact" dynprm="0.05" gainprm="3" ctrlrange="-1 1"/>
    <intvelocity joint="left" kp="20" actrange="-0.4 0.4"/>
    <motor joint="elbow" delay="0.02" nsample="5" ctrlrange="-2 3"/>
    <position tendon="pair" kp="5" delay="0.0125" nsample="4" interp="linear" ctrlrange="-0.2 0.2"/>
  </actuator>
  <sensor>
    <jointpos joint="elbow" delay="0.03" nsample="8"/>
    <jointvel joint="elbow" interval="0.02 0" nsample="2"/>
    <framepos objtype="body" objname="egg" delay="0.0175" nsample="6" interp="linear"/>
    <tendonpos tendon="cord"/>
    <framelinvel objtype="body" objname="marble"/>
  </sensor>
  <keyframe>
    <key name="thrown" time="1.5" mpos="0.1 0 1.4"
      qvel="0 0 0 0 0 0  0 0 2 1 0 0  0 0 0 0 0 0  0 0 0  0.5  0 0"/>
  </keyframe>
</mujoco>)";

inline std::string WithOption(const std::string& attributes, const std::string& flags = "") {
  std::string scene = kMenagerie;
  const std::string option = "<option timestep=\"0.005\"/>";
  return scene.replace(scene.find(option), option.size(),
                       "<option timestep=\"0.005\" " + attributes + "><flag " + flags + "/></option>");
}

inline constexpr char kMenagerieTask[] = R"json({
  "scene": "scene.xml", "control_timestep_s": 0.01, "action_repeat": 2, "time_limit_s": 2,
  "observation": {"qpos": "qpos", "qvel": "qvel", "measured": "sensordata", "act": "act", "egg": "xmat(egg)"},
  "signals": {"hand": "mocap_pos(hand)", "time": "time"},
  "reset": [{"keyframe": "thrown"}, {"set": "mocap_pos(hand).x", "to": "uniform(-0.1, 0.1)"},
            {"set": "act(actuator_2)", "to": "uniform(-0.1, 0.1)"},
            {"set": "userdata", "to": "uniform(1, 2)"},
            {"set": "xfrc_applied(marble)[0]", "to": "normal(0, 0.05)"}],
  "reward": "tolerance(qpos[2], 0.3, inf, 0.2) + 0.01*dot(action, action)"
})json";

}  // namespace reverie::task_fixture
