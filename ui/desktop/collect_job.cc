#include "ui/desktop/collect_job.h"

#include <algorithm>
#include <utility>

#include "agent/planner_policy.h"
#include "sim/dataset.h"
#include "sim/error.h"
#include "ui/desktop/output_folders.h"
#include "worldmodel/simulator_model.h"

namespace reverie::desktop {

namespace {

using Policy = CollectRequest::Policy;

PolicySource OpenPolicy(const CollectRequest& request, int workers, const LearnedModels& learned,
                        std::unique_ptr<WorldModel>& model) {
  const CompiledTask& task = *request.task;
  if (request.policy == Policy::kRandom) return RandomPolicy(task);
  if (request.policy == Policy::kSmooth) return SmoothPolicy(task);
  if (task.action_size() == 0) throw Error("task " + task.spec().name + ": has no actuators, so there is nothing to plan");
  PlannerOptions options = PlannerOptionsFor(task.spec());
  if (request.policy == Policy::kPlanner) {
    model = std::make_unique<SimulatorModel>(request.task, workers);
  } else {
    if (!learned.open) throw Error("this build has no LibTorch, so only the simulator can be planned in");
    model = learned.open(request.model, request.task);
    model->SetThreads(workers);
    if (learned.planner_options) options = learned.planner_options(task.spec(), request.model);
    if (request.policy == Policy::kLearned) options.kind = PlannerKind::kPolicy;
  }
  return PlannerPolicy(*model, options, nullptr);
}

}  // namespace

const char* PolicyName(Policy policy) {
  switch (policy) {
    case Policy::kRandom: return "random";
    case Policy::kSmooth: return "smooth";
    case Policy::kPlanner: return "planner in the simulator";
    case Policy::kModel: return "planner in the agent's model";
    case Policy::kLearned: return "policy of the agent's model";
  }
  return "";
}

std::shared_ptr<Job> StartCollecting(const CollectRequest& request, const LearnedModels& learned,
                                     std::shared_ptr<CollectOutcome> outcome) {
  auto work = [request, learned, outcome = std::move(outcome)](JobContext& job) {
    ThreadBudget::Share share;
    if (request.threads) share = request.threads->Take(request.workers, job.stop());
    const int workers = request.threads ? share.threads() : request.workers;
    outcome->SetWorkers(workers);
    CollectDatasetOptions options;
    options.run.episodes = request.episodes;
    options.run.steps = request.steps;
    options.run.workers = workers;
    options.run.seed = request.seed;
    options.resume = request.resume;
    options.finish_when_stopped = true;
    std::unique_ptr<WorldModel> model;  // outlives the policy
    const PolicySource policy = OpenPolicy(request, workers, learned, model);
    if (request.folder.empty()) {
      options.folder = MakeFreshFolder("data", request.task->spec().name);
    } else {
      options.folder = std::filesystem::absolute(request.folder).lexically_normal();
      if (!request.resume) PrepareChosenFolder(options.folder, kDatasetMarker);
    }
    outcome->SetFolder(options.folder);
    const auto tell = [&](int64_t episodes, int64_t steps) {
      CollectDatasetResult so_far = outcome->result();
      so_far.episodes = episodes;
      so_far.steps = steps;
      outcome->SetResult(so_far);
      const bool by_episodes = request.episodes > 0;
      job.Report(by_episodes ? episodes : steps, by_episodes ? request.episodes : request.steps,
                 by_episodes ? std::to_string(steps) + " control steps" : std::to_string(episodes) + " episodes");
      job.GoOn();
    };
    const auto begin = [&](int64_t episodes, int64_t steps) {
      CollectDatasetResult so_far;
      so_far.resumed_at = episodes;
      outcome->SetResult(so_far);
      tell(episodes, steps);
    };
    outcome->SetResult(CollectDataset(request.task, policy, options, begin, tell, job.stop()));
  };
  return std::make_shared<Job>("Collecting " + request.task->spec().name, request.episodes > 0 ? "episodes" : "control steps",
                               std::move(work));
}

}  // namespace reverie::desktop
