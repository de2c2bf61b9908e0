#include <algorithm>
#include <filesystem>
#include <optional>

#include "agent/offline_training.h"
#include "agent/vision_training.h"
#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/replay.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"
#include "ui/cli/settings.h"
#include "worldmodel/device.h"
#include "worldmodel/model_config.h"

namespace reverie::cli {
namespace {

struct Options {
  CommonOptions common;
  std::vector<std::string> data, settings;
  std::string out, model = "ensemble", camera, encoder;
  int64_t steps = 0;
};

constexpr int64_t kSteps = 10000, kVisionSteps = 1500;

std::string Lines(const VisionReport& line) {
  return Format("update %6lld  prediction %.4f  regulariser %.3f  inverse %.3f  rank %5.1f  within episodes %.2f  "
                "of no change %.3f  %6.1f ms/update",
                static_cast<long long>(line.updates), line.losses.prediction, line.losses.regulariser, line.losses.inverse,
                line.collapse.effective_rank, line.collapse.within_episode, line.collapse.prediction_ratio, line.update_ms);
}

int RunTrainVision(const Options& options, const std::vector<DatasetReader>& datasets,
                   const std::shared_ptr<const CompiledTask>& task) {
  VisionTrainingOptions training;
  if (!options.encoder.empty()) training.model.SetEncoder(options.encoder);
  const nlohmann::json learned = LearningOfKind(task->spec(), options.model);
  if (learned.contains("model")) training.model.Update(learned.at("model"), "task " + task->spec().name);
  training.model.Update(ParseSettings(options.settings), "--set");
  training.steps = options.steps > 0 ? options.steps : kVisionSteps;
  training.camera = options.camera;
  training.seed = options.common.seed;
  training.names = options.data;
  const std::string device = ResolveDevice(options.common.device);
  SetTorchThreads(options.common.Threads());
  PrepareOutput(options.out, options.common, kTrainingMarker);
  VisionTrainingResult result;
  std::vector<std::string> warned;
  {
    std::optional<Progress> progress;
    const auto begin_training = [&] {
      progress.reset();
      progress.emplace("train", training.steps, "updates");
    };
    if (training.model.encoder.empty()) begin_training();
    result = TrainVision(
        task, datasets, training, device, options.out, options.common.resume,
        [&](const VisionReport& line) {
          progress->Update(line.updates, Format("%.3f of no change", line.collapse.prediction_ratio));
          for (const std::string& warning : line.collapse.warnings) {
            Log(Format("reverie: warning: update %lld: ", static_cast<long long>(line.updates)) + warning);
            if (std::find(warned.begin(), warned.end(), warning) == warned.end()) warned.push_back(warning);
          }
          if (!options.common.json) Log(Lines(line));
        },
        InterruptToken(),
        [&](int64_t done, int64_t all) {
          if (!progress) progress.emplace("features", all, "frames");
          progress->Update(done);
          if (done == all) begin_training();
        });
  }
  for (const std::string& damaged : result.features_damaged) Log("reverie: warning: features computed again: " + damaged);
  if (result.blank > 0) {
    Log(Format("reverie: warning: %lld of %lld frames looked at are of a single colour", static_cast<long long>(result.blank),
               static_cast<long long>(result.looked_at)));
  }
  if (result.interrupted && result.last.updates == 0 && result.features_s == 0.0 && !training.model.encoder.empty()) {
    return Interrupted("features computed so far are kept; the same command goes on");
  }
  if (result.interrupted) {
    return Interrupted("the model after " + std::to_string(result.last.updates) + " updates is in " + options.out +
                       "; the same command with --resume goes on");
  }
  const CollapseReport& collapse = result.last.collapse;
  if (options.common.json) {
    nlohmann::ordered_json report = {{"task", task->spec().name},
                                     {"model", options.model},
                                     {"seed", training.seed},
                                     {"device", device},
                                     {"updates", result.last.updates},
                                     {"frames", result.frames},
                                     {"windows", result.windows},
                                     {"loss", result.last.losses.total},
                                     {"prediction", result.last.losses.prediction},
                                     {"inverse", result.last.losses.inverse},
                                     {"effective_rank", collapse.effective_rank},
                                     {"least_deviation", collapse.least_deviation},
                                     {"within_episode", collapse.within_episode},
                                     {"prediction_ratio", collapse.prediction_ratio},
                                     {"inverse_ratio", collapse.inverse_ratio},
                                     {"warnings", warned},
                                     {"update_ms", result.last.update_ms},
                                     {"wall_s", result.wall_s},
                                     {"out", options.out}};
    if (!training.model.encoder.empty()) {
      report["encoder"] = training.model.encoder;
      report["features"] = {{"computed", result.features_computed}, {"kept", result.features_kept}, {"wall_s", result.features_s}};
    }
    PrintJson(report);
  } else {
    Print(Format("%s: %lld updates on %lld frames, error %.3f of that of no change, %.1f s; model in %s",
                 task->spec().name.c_str(), static_cast<long long>(result.last.updates),
                 static_cast<long long>(result.frames), collapse.prediction_ratio, result.wall_s, options.out.c_str()));
  }
  return kDone;
}

int RunTrain(const Options& options) {
  std::vector<DatasetReader> datasets;
  for (const std::string& folder : options.data) {
    datasets.emplace_back(folder);
    CheckSameSetup(datasets.front().info(), options.data.front(), datasets.back().info(), folder);
  }
  const std::shared_ptr<const CompiledTask> task = TaskOfDataset(datasets.front());
  if (options.model == "jepa") return RunTrainVision(options, datasets, task);
  if (!options.camera.empty() || !options.encoder.empty()) {
    throw UsageError("--camera and --encoder go with --model jepa: the others learn from channels");
  }
  OfflineTrainingOptions training;
  training.model.kind = options.model;
  const nlohmann::json learned = LearningOfKind(task->spec(), options.model);
  if (learned.contains("model")) training.model.Update(learned.at("model"), "task " + task->spec().name);
  training.model.Update(ParseSettings(options.settings), "--set");
  training.steps = options.steps > 0 ? options.steps : kSteps;
  training.seed = options.common.seed;
  for (const std::string& folder : options.data) training.trained_on.push_back(std::filesystem::absolute(folder).string());
  const std::string device = ResolveDevice(options.common.device);
  SetTorchThreads(options.common.Threads());
  PrepareOutput(options.out, options.common, kTrainingMarker);
  std::vector<Episode> episodes;
  for (const DatasetReader& dataset : datasets) {
    for (int64_t k = 0; k < dataset.episodes(); ++k) episodes.push_back(dataset.Read(k));
  }
  OfflineTrainingResult result;
  {
    Progress progress("train", training.steps, "updates");
    result = TrainOffline(
        task, episodes, training, device, options.out, options.common.resume,
        [&](const TrainingReport& line) {
          progress.Update(line.updates, Format("held-out error %.4f", line.held_out_nrmse));
          if (!options.common.json) {
            Log(Format("update %7lld  loss %8.3f  held-out NLL %8.3f  error %.4f  %5.2f ms/update",
                       static_cast<long long>(line.updates), line.loss, line.held_out_nll,
                       line.held_out_nrmse, line.update_ms));
          }
        },
        InterruptToken());
  }
  if (result.interrupted) {
    return Interrupted("the model after " + std::to_string(result.last.updates) + " updates is in " +
                       options.out + "; the same command with --resume goes on");
  }
  if (options.common.json) {
    PrintJson({{"task", task->spec().name},
               {"model", options.model},
               {"seed", training.seed},
               {"device", device},
               {"updates", result.last.updates},
               {"transitions", result.transitions},
               {"left_out", result.left_out},
               {"loss", result.last.loss},
               {"held_out_nll", result.last.held_out_nll},
               {"held_out_nrmse", result.last.held_out_nrmse},
               {"update_ms", result.last.update_ms},
               {"wall_s", result.wall_s},
               {"out", options.out}});
  } else {
    Print(Format(
        "%s: one-step error %.4f on held-out episodes after %lld updates on %lld transitions, %.1f s; model "
        "in %s",
        task->spec().name.c_str(), result.last.held_out_nrmse, static_cast<long long>(result.last.updates),
        static_cast<long long>(result.transitions), result.wall_s, options.out.c_str()));
  }
  return kDone;
}

}  // namespace

void AddTrain(CLI::App& app) {
  auto options = std::make_shared<Options>();
  std::vector<std::string> kinds = ModelOptions::Kinds();
  kinds.push_back("jepa");
  CLI::App& command = AddCommand(app, "train", "Train a world model on recorded episodes");
  command.add_option("--data", options->data, "One dataset or several of one set-up")->required();
  command.add_option("--out", options->out, "Folder for the model and its log")->required();
  command.add_option("--model", options->model, "Kind of world model: ensemble and latent learn from channels, jepa from pictures")
      ->check(CLI::IsMember(kinds))
      ->capture_default_str();
  command.add_option("--steps", options->steps, Format("Gradient updates (%lld; jepa: %lld)", static_cast<long long>(kSteps),
                                                       static_cast<long long>(kVisionSteps)))
      ->check(CLI::PositiveNumber);
  command.add_option("--camera", options->camera, "jepa: whose pictures it learns from (the dataset's first)");
  command.add_option("--encoder", options->encoder,
                     "jepa: folder of a V-JEPA 2 (config.json, model.safetensors) that it sees with, frozen (an encoder of its own)");
  AddSettings(command, options->settings);
  AddCommonOptions(command, options->common, kSeed | kThreads | kDevice | kOverwrite | kResume);
  SetBody(command, [options] { return RunTrain(*options); });
}

}  // namespace reverie::cli
