// Small tasks for tests of models, compiled from text, and episodes played in them.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "sim/collect.h"
#include "sim/environment.h"

namespace reverie::testing {

// A pendulum on a motor: smooth dynamics, one angle.
inline constexpr const char* kPendulum = R"(<mujoco>
  <option timestep="0.02"/>
  <worldbody>
    <body name="pole" pos="0 0 1">
      <joint name="hinge" axis="0 1 0" damping="0.1"/>
      <geom type="sphere" pos="0 0 -0.5" size="0.05" mass="1"/>
    </body>
  </worldbody>
  <actuator><motor name="torque" joint="hinge" gear="2" ctrlrange="-1 1" ctrllimited="true"/></actuator>
</mujoco>)";

// A mass on a rail, pushed: after one step of Euler's method everything is linear in state and action.
inline constexpr const char* kSlider = R"(<mujoco>
  <option timestep="0.05" gravity="0 0 0"/>
  <worldbody>
    <body name="mass">
      <joint name="rail" type="slide" axis="1 0 0"/>
      <geom size="0.1" mass="2"/>
    </body>
  </worldbody>
  <actuator><motor name="push" joint="rail" gear="4" ctrlrange="-1 1" ctrllimited="true"/></actuator>
</mujoco>)";

inline std::filesystem::path TemporaryFolder(const std::string& name) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("reverie_test_" + name + "_" + std::to_string(getpid()));
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

inline std::shared_ptr<const CompiledTask> MakeTask(const std::string& mjcf, const std::string& keys) {
  const std::filesystem::path folder = TemporaryFolder("task");
  std::ofstream(folder / "scene.xml") << mjcf;
  std::ofstream(folder / "task.json") << "{\"scene\": \"scene.xml\", " << keys << "}";
  return CompiledTask::Compile(LoadTask((folder / "task.json").string()));
}

inline std::vector<Episode> Play(std::shared_ptr<const CompiledTask> task, int64_t episodes, uint64_t seed) {
  std::vector<Episode> played;
  CollectOptions options;
  options.episodes = episodes;
  options.seed = seed;
  Collect(task, SmoothPolicy(*task), options, [&](Episode&& episode) { played.push_back(std::move(episode)); });
  return played;
}

inline constexpr const char* kPendulumKeys =
    R"json("time_limit_s": 4, "action_repeat": 2, "observation": {"angle": "qpos", "velocity": "qvel"}, "angles": ["angle"],
       "reset": [{"set": "qpos", "to": "uniform(-pi, pi)"}, {"set": "qvel", "to": "uniform(-2, 2)"}],
       "reward": "tolerance(cos(angle), 0.95, 1, 1) * (1 - 0.1*action[0]^2)")json";

}  // namespace reverie::testing
