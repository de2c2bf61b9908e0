#include "ui/cli/surprise.h"

#include <filesystem>

#include "sim/error.h"
#include "ui/cli/commands.h"
#include "worldmodel/device.h"
#include "worldmodel/model_config.h"

namespace reverie::cli {
namespace {

int RunSurprise(const SurpriseOptions& options) {
  if (options.task.empty() == options.data.empty()) {
    throw UsageError("expected either TASK, whose violations are played, or --data DATASET, whose episodes are scored");
  }
  const bool for_twins = !options.violations.empty() || !options.policy.empty() || !options.picture.empty() || options.pairs > 0;
  if (!options.data.empty() && for_twins) {
    throw UsageError("--violations, --pairs, --policy and --picture go with TASK: a dataset is scored as it was recorded");
  }
  if (!options.task.empty() && (!options.out.empty() || options.top > 0)) {
    throw UsageError("--out and --top go with --data; --json gives every score of the twins");
  }
  return options.data.empty() ? RunSurpriseOfTwins(options) : RunSurpriseOfData(options);
}

}  // namespace

std::unique_ptr<Jepa> OpenJepa(const SurpriseOptions& options, std::shared_ptr<const CompiledTask> task) {
  const std::string kind = KindOfModel(ReadModelConfig(options.model));
  if (kind != "jepa") {
    throw CheckpointError("model " + options.model + ": expected one trained by --model jepa, which is surprised by pictures, "
                          "found a model of kind " + kind);
  }
  return Jepa::Load(options.model, std::move(task), ResolveDevice(options.common.device), options.encoder);
}

void CheckNotThere(const std::string& file, const char* option, const CommonOptions& common) {
  if (file.empty() || common.overwrite || !std::filesystem::exists(file)) return;
  throw Error(file + ": the file exists; give another " + option + ", or --overwrite to replace it");
}

void AddSurprise(CLI::App& app) {
  auto options = std::make_shared<SurpriseOptions>();
  CLI::App& command = AddCommand(app, "surprise", "How unexpected what is seen is to a model of pictures");
  AddTaskArgument(command, options->task)->required(false);
  command.add_option("--model", options->model, "Folder of a model trained by --model jepa")->required();
  command.add_option("--encoder", options->encoder, "Where the frozen encoder is that the model was trained with (where it was)");
  command.add_option("--data", options->data, "A dataset with pictures: every frame of it is scored");
  command.add_option("--out", options->out, "With --data: file for the scores, .json, .csv or .safetensors");
  command.add_option("--top", options->top, "With --data: how many of the most surprising moments are told (10)")
      ->check(CLI::PositiveNumber);
  command.add_option("--violations", options->violations,
                     "With TASK: what is to happen that must not, as in teleport:0.1,vanish (all that the task has)");
  command.add_option("--pairs", options->pairs, "With TASK: possible and impossible twins of each violation (100)")
      ->check(CLI::PositiveNumber);
  command.add_option("--policy", options->policy, "With TASK: who acts in both twins (explore)")
      ->check(CLI::IsMember({"random", "smooth", "explore"}));
  command.add_option("--picture", options->picture, "With TASK: a PNG of one pair of each violation, with their scores");
  AddCommonOptions(command, options->common, kSeed | kThreads | kDevice | kOverwrite);
  SetBody(command, [options] { return RunSurprise(*options); });
}

}  // namespace reverie::cli
