#include "ui/learned_models.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>

#include "agent/learning_loop.h"
#include "agent/planner_policy.h"
#include "agent/seeing_model.h"
#include "sim/error.h"
#include "sim/files.h"
#include "worldmodel/device.h"
#include "worldmodel/model_config.h"
#include "worldmodel/model_options.h"
#include "worldmodel/simulator_model.h"

namespace reverie::desktop {
namespace {

// Who works beside one another where nobody shares the processors out: the planner, the imagination, the learner.
constexpr int kTorchUsers = 3;

void Learn(const LearnedModels::LearnRequest& request, int torch_threads, JobContext& job,
           const std::function<void(const EpisodeReport&)>& report) {
  std::string kind = request.kind;
  if (request.resume) kind = KindOfModel(ReadModelConfig(request.folder));
  LearningOptions options = LearningOptions::For(request.task->spec(), kind);
  options.seed = request.seed;
  std::error_code ignored;
  if (request.resume) {
    options.UpdateFrom(request.folder);
  } else if (std::filesystem::exists(request.folder / kModelMarker, ignored)) {
    throw Error(request.folder.string() + ": holds a model already; go on with it, or choose another folder");
  } else {
    PrepareOutputFolder(request.folder, false, kModelMarker);
  }
  options.env_steps = request.env_steps;
  SetTorchThreads(torch_threads);
  LearningLoop loop(request.task, options, ResolveDevice("auto"), request.folder, request.resume);
  std::string last_return;
  const auto tick = [&](const LearningProgress& now) {
    std::string note = last_return;
    if (now.phase == LearningProgress::Phase::kLearning) {
      if (!note.empty()) note += ", ";
      note += "learning, update " + std::to_string(now.updates) + " of " + std::to_string(now.updates_of);
    }
    job.Report(now.env_steps, request.env_steps, note);
    job.GoOn();  // once cancelled the loop's stop token says so
  };
  const auto on_episode = [&](const EpisodeReport& line) {
    char text[64];
    std::snprintf(text, sizeof(text), "last return %.1f", line.episode_return);
    last_return = text;
    job.Report(line.env_steps, request.env_steps, last_return);
    if (report) report(line);
  };
  loop.Run(on_episode, tick, job.stop());
}

}  // namespace

LearnedModels MakeLearnedModels(int threads) {
  const int share = std::max(1, (threads > 0 ? threads : AvailableThreads()) / kTorchUsers);
  LearnedModels models;
  models.open = [share](const std::string& folder, std::shared_ptr<const CompiledTask> task)
      -> std::unique_ptr<WorldModel> {
    SetTorchThreads(share);
    if (KindOfModel(ReadModelConfig(folder)) == "jepa") {
      return SeeingModel::Load(folder, std::move(task), ResolveDevice("auto"));
    }
    return LoadLearnedModel(folder, std::move(task), ResolveDevice("auto"));
  };
  models.planner_options = [](const TaskSpec& task, const std::string& model) {
    return PlannerOptionsFor(task, model);
  };
  models.kinds = ModelOptions::Kinds();
  models.learn = [share](const LearnedModels::LearnRequest& request, JobContext& job,
                         const std::function<void(const EpisodeReport&)>& report) {
    Learn(request, request.threads > 0 ? request.threads : share, job, report);
  };
  return models;
}

}  // namespace reverie::desktop
