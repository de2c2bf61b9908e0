#include "agent/planner_policy.h"

#include <algorithm>
#include <filesystem>

#include "worldmodel/model_config.h"

namespace reverie {
namespace {

class PlanningPolicy : public Policy {
 public:
  PlanningPolicy(WorldModel& model, const PlannerOptions& options, PlanningStatistics* statistics, double exploration,
                 uint64_t seed)
      : model_(model),
        planner_(options, model.task().action_size()),
        statistics_(statistics),
        exploration_(exploration),
        random_(HashSeed(seed, 0x6578706c6f7265)) {
    planner_.Reset(seed);
  }

  void Act(const PolicyInput& input, std::span<double> action) override {
    const CompiledTask& task = model_.task();
    Remember(input.last_action);
    belief_.channels.assign(input.channels.begin(), input.channels.end());
    belief_.integration_state.resize(static_cast<size_t>(task.state_size()));
    mj_getState(input.model, input.data, belief_.integration_state.data(), mjSTATE_INTEGRATION);
    belief_.parameters.resize(static_cast<size_t>(task.parameter_size()));
    task.GetParameters(input.model, belief_.parameters);
    const Plan plan = planner_.MakePlan(model_, belief_);
    for (size_t i = 0; i < action.size(); ++i) {
      const double noise = exploration_ > 0.0 ? exploration_ * plan.deviation[i] * random_.Normal() : 0.0;
      action[i] = std::clamp(plan.actions[i] + noise, -1.0, 1.0);
    }
    if (!statistics_) return;
    ++statistics_->plans;
    statistics_->imagined_steps += plan.imagined_steps;
    statistics_->plan_ms += plan.plan_ms;
  }

 private:
  /// Adds the step before to the past that the model looks at.
  void Remember(std::span<const double> done) {
    if (model_.memory() == 0 || done.empty()) return;
    std::vector<double>& past = belief_.past;
    past.insert(past.end(), belief_.channels.begin(), belief_.channels.end());
    past.insert(past.end(), done.begin(), done.end());
    const size_t most = static_cast<size_t>(model_.memory()) * (belief_.channels.size() + done.size());
    if (past.size() > most) past.erase(past.begin(), past.end() - static_cast<std::ptrdiff_t>(most));
  }

  WorldModel& model_;
  Planner planner_;
  PlanningStatistics* statistics_;
  const double exploration_;
  Random random_;
  Belief belief_;
};

}  // namespace

PlannerOptions PlannerOptionsFor(const TaskSpec& spec) {
  PlannerOptions options;
  options.Update(spec.planner, "task " + spec.name + ", key \"planner\"");
  return options;
}

PlannerOptions PlannerOptionsForKind(const TaskSpec& spec, const std::string& kind) {
  PlannerOptions options;
  if (kind == "jepa") {
    options.horizon = 36;
    options.sequences = 128;
    options.iterations = 6;
    options.elites = 12;
    options.initial_deviation = 1.0;
    if (spec.goal.contains("planner")) {
      options.Update(spec.goal.at("planner"), "task " + spec.name + ", key \"goal.planner\"");
    }
    return options;
  }
  if (kind != "latent") return PlannerOptionsFor(spec);
  options.kind = PlannerKind::kMppi;
  options.horizon = 3;
  options.sequences = 128;
  options.iterations = 4;
  options.elites = 24;
  options.policy_sequences = 12;
  options.noise_exponent = 0.0;
  options.initial_deviation = 2.0;
  options.momentum = 0.0;
  return options;
}

PlannerOptions PlannerOptionsFor(const TaskSpec& spec, const std::string& model) {
  if (model == "simulator") return PlannerOptionsFor(spec);
  // A folder without a model is refused where the model is opened.
  std::error_code ignored;
  const std::filesystem::path file = std::filesystem::path(model) / "config.json";
  const nlohmann::json config = std::filesystem::exists(file, ignored) ? ReadModelConfig(model) : nlohmann::json::object();
  const std::string kind = KindOfModel(config);
  PlannerOptions options = PlannerOptionsForKind(spec, kind);
  const auto update = [&](const nlohmann::json& learning, const std::string& where) {
    if (learning.is_object() && learning.contains("planner")) options.Update(learning.at("planner"), where);
  };
  const nlohmann::json of_task = LearningOfKind(spec, kind);
  update(of_task, "task " + spec.name + ", key \"learning\"");
  if (config.contains(kLearningKey)) update(config.at(kLearningKey), "model " + file.string() + ", key \"learning\"");
  return options;
}

PolicySource PlannerPolicy(WorldModel& model, const PlannerOptions& options, PlanningStatistics* statistics,
                           double exploration) {
  const bool plans = options.kind != PlannerKind::kPolicy;
  return {.name = plans ? "planner(" + PlannerName(options.kind) + ", " + model.name() + ")" : "policy(" + model.name() + ")",
          .parallel = false,
          .make = [&model, options, statistics, exploration](uint64_t seed) {
            return std::make_unique<PlanningPolicy>(model, options, statistics, exploration, seed);
          }};
}

}  // namespace reverie
