// `bench simulation|collect|train|plan`: rates of this machine, medians of five, in turn. Needs LibTorch.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "ui/cli/command.h"

namespace reverie::cli {

struct BenchOptions {
  CommonOptions common;
  std::string what = "all", task = "cartpole-swingup";
  double seconds = 0;  // of each measurement; 0: what suits it
  std::string model = "ensemble";     // kind of learned model, of `train` and `plan`
  std::vector<std::string> settings;  // KEY=VALUE: its options; planner.KEY=VALUE: the planner's
};

nlohmann::ordered_json BenchRates(const BenchOptions& options);

}  // namespace reverie::cli
