// `bench ui` and `bench soak`: the desktop app measured, and tried by a hand that does anything. Need a display.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace reverie::cli {

struct BenchUiOptions {
  std::string task = "cartpole-swingup", model;
  double seconds = 30;
  uint64_t seed = 0;
  int width = 1280, height = 800;
  bool learn = true;
};

/// Frame times with planner and learner running, how many frames pass until a key acts, and whether the physics
/// keeps real time. @throws DeviceError without a display.
nlohmann::ordered_json BenchUi(const BenchUiOptions& options);

/// Random valid input for so many seconds, and what the memory did meanwhile.
nlohmann::ordered_json BenchSoak(const BenchUiOptions& options);

}  // namespace reverie::cli
