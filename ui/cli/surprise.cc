#include "ui/cli/surprise.h"

#include <algorithm>
#include <filesystem>

#include "sim/error.h"
#include "sim/frame_recorder.h"
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
  if (options.model.empty() && options.encoder.empty()) {
    throw UsageError("expected --model, or --encoder alone: a V-JEPA 2 with its predictor");
  }
  const bool looks = options.published.window > 0 || options.published.context > 0 || options.published.stride > 1 ||
                     options.pixels > 0 || !options.camera.empty() || !options.hide.empty();
  if (!options.model.empty() && looks) {
    throw UsageError("--window, --context, --stride, --pixels, --camera and --hide go with --encoder alone: a model of pictures "
                     "knows what it sees");
  }
  if (!options.data.empty() && (options.pixels > 0 || !options.hide.empty())) {
    throw UsageError("--pixels and --hide go with TASK: a dataset is scored as it was recorded");
  }
  return options.data.empty() ? RunSurpriseOfTwins(options) : RunSurpriseOfData(options);
}

}  // namespace

std::unique_ptr<FrameJudge> OpenJudge(const SurpriseOptions& options, std::shared_ptr<const CompiledTask> task,
                                      const DatasetInfo* recorded) {
  const std::string device = ResolveDevice(options.common.device);
  if (options.model.empty()) {
    FrameSettings frames;
    if (recorded != nullptr) {
      const std::vector<std::string>& cameras = recorded->frames.cameras;
      if (cameras.empty()) throw DatasetError(options.data + ": expected pictures of the states, found a dataset without any");
      frames = recorded->frames;
      frames.cameras = {options.camera.empty() ? cameras.front() : options.camera};
      frames.depth = frames.segmentation = false;
      if (std::find(cameras.begin(), cameras.end(), frames.cameras.front()) == cameras.end()) {
        throw DatasetError(options.data + ": expected pictures by camera '" + options.camera + "', found those of " +
                           Join(cameras) + DidYouMean(options.camera, cameras));
      }
    } else {
      frames.width = frames.height =
          options.pixels > 0 ? options.pixels : static_cast<int>(ReadVJepa2Config(options.encoder).crop_size);
      if (!options.camera.empty()) frames.cameras = {options.camera};
      frames.hide = options.hide;
      frames = CompleteFrames(frames, *task);
    }
    return std::make_unique<VJepa2Judge>(options.encoder, std::move(task), frames, options.published, device);
  }
  const std::string kind = KindOfModel(ReadModelConfig(options.model));
  if (kind != "jepa") {
    throw CheckpointError("model " + options.model + ": expected one trained by --model jepa, which is surprised by pictures, "
                          "found a model of kind " + kind);
  }
  return std::make_unique<JepaJudge>(Jepa::Load(options.model, std::move(task), device, options.encoder));
}

void CheckNotThere(const std::string& file, const char* option, const CommonOptions& common) {
  if (file.empty() || common.overwrite || !std::filesystem::exists(file)) return;
  throw Error(file + ": the file exists; give another " + option + ", or --overwrite to replace it");
}

void AddSurprise(CLI::App& app) {
  auto options = std::make_shared<SurpriseOptions>();
  CLI::App& command = AddCommand(app, "surprise", "How unexpected what is seen is to a model of pictures");
  AddTaskArgument(command, options->task)->required(false);
  command.add_option("--model", options->model, "Folder of a model trained by --model jepa");
  command.add_option("--encoder", options->encoder,
                     "Alone: folder of a V-JEPA 2, whose error on the future tokens of a sliding window is scored. With --model: where the "
                     "frozen encoder is that it was trained with (where it was)");
  command.add_option("--window", options->published.window, "With --encoder alone: frames seen at once (16, or the model's clips)")
      ->check(CLI::PositiveNumber);
  command.add_option("--context", options->published.context, "Of them, from which the others are predicted (half)")
      ->check(CLI::PositiveNumber);
  command.add_option("--stride", options->published.stride, "Control steps from one of them to the next (1)")
      ->check(CLI::PositiveNumber);
  command.add_option("--pixels", options->pixels, "With TASK and --encoder alone: size of the pictures (as it sees them)")
      ->check(CLI::Range(1, kMostFramePixels));
  command.add_option("--camera", options->camera, "Whose pictures it sees (the dataset's first, the task's)");
  command.add_option("--hide", options->hide, "With TASK: a body, geom or site that pictures leave out; again for several")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
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
