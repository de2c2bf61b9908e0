#include "ui/cli/bench_vision.h"

#include <algorithm>
#include <chrono>

#include "agent/planner.h"
#include "agent/planner_policy.h"
#include "sim/random.h"
#include "ui/cli/settings.h"
#include "worldmodel/frozen_encoder.h"
#include "worldmodel/jepa_goal.h"

namespace reverie::cli {
namespace {

constexpr int kRepeats = 5;  // of which the median is told
constexpr int kPixels = 64;

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

FrameWindowBatch RandomWindows(const CompiledTask& task, const JepaOptions& options) {
  FrameWindowBatch batch;
  batch.windows = options.batch;
  batch.pictures = options.window + 1;
  Random random(0);
  batch.pixels.resize(static_cast<size_t>(batch.windows * batch.pictures) * kPixels * kPixels * 3 * options.frames);
  for (uint8_t& value : batch.pixels) value = static_cast<uint8_t>(random.Uniform(0.0, 256.0));
  batch.actions.resize(static_cast<size_t>(batch.windows) * options.window * options.frame_skip * task.action_size());
  for (float& value : batch.actions) value = static_cast<float>(random.Uniform(-1.0, 1.0));
  return batch;
}

/// Multiplications and additions of one call of the predictor for one sequence.
double OperationsPerCall(const Jepa& model) {
  const JepaOptions& options = model.options();
  const int action_size = model.task().action_size();
  const double width = options.predictor_width, latent = options.latent;
  if (const FrozenEncoder* encoder = model.encoder()) {  // attention, which takes little of it, not counted
    const double tokens = static_cast<double>(encoder->tokens());
    return 2.0 * ((tokens + 1) * options.predictor_layers * 8.0 * width * width + 2.0 * latent * width);
  }
  return 2.0 * width * ((latent + options.frame_skip * action_size) + (options.predictor_layers - 1) * width + latent);
}

nlohmann::ordered_json BenchTrain(Jepa& model, const BenchOptions& options) {
  FrameWindowBatch batch = RandomWindows(model.task(), model.options());
  if (const FrozenEncoder* encoder = model.encoder()) {  // in training they are on the disk
    const int64_t pictures = batch.windows * batch.pictures;
    batch.features.resize(static_cast<size_t>(pictures * encoder->size()) * sizeof(uint16_t));
    encoder->EncodeHalf(batch.pixels, pictures,
                        {reinterpret_cast<uint16_t*>(batch.features.data()), static_cast<size_t>(pictures * encoder->size())});
  }
  std::vector<double> rates;
  for (int repeat = 0; repeat <= kRepeats; ++repeat) {
    int updates = 0;
    double taken = 0.0;
    while (taken < options.seconds) {
      const auto began = std::chrono::steady_clock::now();
      model.Update(batch, int64_t{1} << 40);
      taken += std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
      ++updates;
    }
    if (repeat > 0) rates.push_back(updates / taken);  // the first warms up
  }
  return {{"updates_per_s", Median(rates)}, {"update_ms", 1000.0 / Median(rates)}};
}

nlohmann::ordered_json BenchPlan(const Jepa& model, const PlannerOptions& planning, const BenchOptions& options, double peak) {
  JepaGoal goal(model);
  Random random(0);
  const auto latent = [&] {
    std::vector<float> values(static_cast<size_t>(model.options().latent));
    for (float& value : values) value = static_cast<float>(random.Normal());
    return values;
  };
  goal.SetStart(latent());
  goal.SetGoal(latent());
  Planner planner(planning, model.task().action_size());
  planner.Reset(0);
  std::vector<double> plans;
  for (int repeat = 0; repeat <= kRepeats; ++repeat) {
    int count = 0;
    double taken = 0.0;
    while (taken < options.seconds) {
      taken += planner.MakePlan(goal, Belief(), 1).plan_ms / 1000.0;
      ++count;
    }
    if (repeat > 0) plans.push_back(count / taken);
  }
  const int calls = planning.horizon / model.options().frame_skip;
  const double operations = OperationsPerCall(model) * calls * planning.sequences *
                            planning.iterations;
  return {{"plans_per_s", Median(plans)},
          {"plan_ms", 1000.0 / Median(plans)},
          {"predictor_calls", calls},
          {"share_of_peak", operations * Median(plans) / peak},
          {"planner", planning.ToJson()}};
}

}  // namespace

nlohmann::ordered_json BenchVision(std::shared_ptr<const CompiledTask> task, const BenchOptions& options,
                                   const std::string& device, double peak) {
  nlohmann::json settings = ParseSettings(options.settings);
  PlannerOptions planning = PlannerOptionsForKind(task->spec(), "jepa");
  if (settings.contains("planner")) planning.Update(settings.at("planner"), "--set planner");
  settings.erase("planner");
  JepaOptions chosen;
  chosen.Update(settings, "--set");
  FrameSettings frames;
  frames.width = frames.height = kPixels;
  frames.cameras = {""};
  Jepa model(task, chosen, frames, device, 0);
  nlohmann::ordered_json report =
      options.what == "train" ? BenchTrain(model, options) : BenchPlan(model, planning, options, peak);
  report["model"] = model.options().ToJson();
  return report;
}

}  // namespace reverie::cli
