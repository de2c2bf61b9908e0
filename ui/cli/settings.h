// --set KEY=VALUE: any option of a planner, model or learning loop by its dotted name.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace reverie::cli {

void AddSettings(CLI::App& command, std::vector<std::string>& settings);

/// {"planner.horizon=20", "updates_per_step=3"} to {"planner": {"horizon": 20}, "updates_per_step": 3}.
/// @throws UsageError for one without '=' or with an empty key.
nlohmann::json ParseSettings(const std::vector<std::string>& settings);

}  // namespace reverie::cli
