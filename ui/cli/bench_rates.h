// `bench simulation|collect|train|plan`: rates of this machine, medians of five, in turn. Needs LibTorch.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "ui/cli/command.h"

namespace reverie::cli {

struct BenchOptions {
  CommonOptions common;
  std::string what = "all", task = "cartpole-swingup";
  double seconds = 0;  // of each measurement; 0: what suits it
};

nlohmann::ordered_json BenchRates(const BenchOptions& options);

}  // namespace reverie::cli
