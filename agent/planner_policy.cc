#include "agent/planner_policy.h"

#include <algorithm>
#include <filesystem>

#include "worldmodel/model_config.h"

namespace reverie {
namespace {

class PlanningPolicy : public Policy {
 public:
  PlanningPolicy(WorldModel& model, const PlannerOptions& options, PlanningStatistics* statistics, uint64_t seed)
      : model_(model), planner_(options, model.task().action_size()), statistics_(statistics) {
    planner_.Reset(seed);
  }

  void Act(const PolicyInput& input, std::span<double> action) override {
    const CompiledTask& task = model_.task();
    belief_.channels.assign(input.channels.begin(), input.channels.end());
    belief_.integration_state.resize(static_cast<size_t>(task.state_size()));
    mj_getState(input.model, input.data, belief_.integration_state.data(), mjSTATE_INTEGRATION);
    belief_.parameters.resize(static_cast<size_t>(task.parameter_size()));
    task.GetParameters(input.model, belief_.parameters);
    const Plan plan = planner_.MakePlan(model_, belief_);
    std::copy_n(plan.actions.begin(), action.size(), action.begin());
    if (!statistics_) return;
    ++statistics_->plans;
    statistics_->imagined_steps += plan.imagined_steps;
    statistics_->plan_ms += plan.plan_ms;
  }

 private:
  WorldModel& model_;
  Planner planner_;
  PlanningStatistics* statistics_;
  Belief belief_;
};

}  // namespace

PlannerOptions PlannerOptionsFor(const TaskSpec& spec) {
  PlannerOptions options;
  options.Update(spec.planner, "task " + spec.name + ", key \"planner\"");
  return options;
}

PlannerOptions PlannerOptionsFor(const TaskSpec& spec, const std::string& model) {
  PlannerOptions options = PlannerOptionsFor(spec);
  if (model == "simulator") return options;
  const auto update = [&](const nlohmann::json& holder, const std::string& where) {
    const auto learning = holder.find(kLearningKey);
    if (learning == holder.end() || !learning->is_object() || !learning->contains("planner")) return;
    options.Update(learning->at("planner"), where + ", key \"learning\"");
  };
  update({{kLearningKey, spec.learning}}, "task " + spec.name);
  // A folder without a model is refused where the model is opened.
  std::error_code ignored;
  const std::filesystem::path config = std::filesystem::path(model) / "config.json";
  if (std::filesystem::exists(config, ignored)) update(ReadModelConfig(model), "model " + config.string());
  return options;
}

PolicySource PlannerPolicy(WorldModel& model, const PlannerOptions& options, PlanningStatistics* statistics) {
  return {.name = "planner(" + PlannerName(options.kind) + ", " + model.name() + ")",
          .parallel = false,
          .make = [&model, options, statistics](uint64_t seed) {
            return std::make_unique<PlanningPolicy>(model, options, statistics, seed);
          }};
}

}  // namespace reverie
