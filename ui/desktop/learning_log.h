// Models on disk and what their logs say: found under the folders that runs write to, read, copied whole. Plain
// values; reads files, so for jobs and not the window's thread, apart from LearningCurve.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "agent/learning_loop.h"

namespace reverie::desktop {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

enum class LearningFigure { kReturn, kLoss, kModelError, kLikelihood, kCalibration, kPlanMs, kCount };
inline constexpr size_t kLearningFigures = static_cast<size_t>(LearningFigure::kCount);
/// With its unit: "return", "model error (deviations)".
const char* FigureName(LearningFigure figure);
/// One sentence on what it is and which way is better.
const char* FigureHelp(LearningFigure figure);

enum class LearningAxis { kEnvSteps, kUpdates, kMinutes, kCount };
const char* AxisName(LearningAxis axis);

/// How learning went, as series. NaN: not reported.
struct LearningCurve {
  std::array<std::vector<float>, static_cast<size_t>(LearningAxis::kCount)> x;
  std::array<std::vector<float>, kLearningFigures> y;

  void Add(const EpisodeReport& report, double calibration);
  /// A line of log.jsonl, of learning or of training on recorded data. @throws std::exception if it is neither.
  void Add(const nlohmann::json& line);
  size_t size() const { return x[0].size(); }
  const std::vector<float>& X(LearningAxis axis) const { return x[static_cast<size_t>(axis)]; }
  const std::vector<float>& Y(LearningFigure figure) const { return y[static_cast<size_t>(figure)]; }
  /// Whether there is anything to draw.
  bool Has(LearningAxis axis, LearningFigure figure) const;
};

struct KnownModel {
  std::filesystem::path folder;
  std::string name;          // the folder's, enough of it to tell it from the others
  std::string task, kind;    // config.json's
  int64_t updates = 0, env_steps = 0, episodes = 0;  // env steps, episodes: 0 where it was trained on recorded data
  double last_return = kUnknown;
  double calibration = kUnknown;
  bool resumable = false;    // learning can go on in it
  LearningCurve curve;
  std::vector<EpisodeReport> reports;
  std::string problem;       // one line; empty: sound
};

/// How much a model's spread is stretched to be honest, in the mean over channels at one step: 1 where it needs
/// no help, above where the model is too sure of itself. NaN where config.json does not say.
double CalibrationOf(const nlohmann::json& config);

/// Never throws for what is in the folder: that is its `problem`.
KnownModel ReadKnownModel(const std::filesystem::path& folder);

/// Folders of models at or below `root`, sorted; not deeper than runs write them, and not into links.
std::vector<std::filesystem::path> FindModelFolders(const std::filesystem::path& root, const std::stop_token& stop);

/// Names each model by as much of its path as tells it from the others.
void NameModels(std::vector<std::shared_ptr<KnownModel>>& models);

/// Copies a model with its log and the optimiser's state, without its episodes, to a folder that is not there yet or empty:
/// it appears whole or not at all. While a run writes to `from` it takes a moment between two checkpoints.
/// @param copied  bytes so far and in all; may be null.
/// @throws Error: nothing to copy, something in the way, the disk; Error "stopped" on stop.
void CopyModel(const std::filesystem::path& from, const std::filesystem::path& to, const std::stop_token& stop,
               const std::function<void(int64_t done, int64_t total)>& copied = {});

}  // namespace reverie::desktop
