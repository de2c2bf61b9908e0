// Planners that sample action sequences, let a world model imagine them, and keep the best.
// Deterministic for a seed unless a time budget is set. An instance belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "worldmodel/world_model.h"

namespace reverie {

/// kPolicy plans nothing: it plays what the model's own policy prefers.
enum class PlannerKind { kIcem, kMppi, kCem, kShooting, kPolicy };

/// "icem", "mppi", "cem", "shooting", "policy". @throws Error listing the kinds.
PlannerKind ParsePlannerKind(const std::string& name);
std::string PlannerName(PlannerKind kind);

struct PlannerOptions {
  PlannerKind kind = PlannerKind::kIcem;
  int horizon = 20;               // control steps
  int sequences = 100;            // in the first iteration
  int iterations = 3;
  int elites = 10;
  double noise_exponent = 2.0;    // power spectrum f^-exponent of the sampling noise over time; 0: white
  double initial_deviation = 0.6;
  double minimum_deviation = 0.05;
  double momentum = 0.1;          // of mean and deviation between iterations
  double population_decay = 1.25; // icem: sequences shrink by it each iteration, not below twice the elites
  double kept_elites = 0.3;       // icem: share of elites that enter the next iteration, and shifted the next plan
  double temperature = 0.5;       // mppi: of the softmax over returns scaled to unit deviation
  double discount = 1.0;
  int policy_sequences = 0;       // of the sequences, how many the model's own policy proposes, where it has one
  double uncertainty = 0.0;       // added to the return per unit of model disagreement: < 0 avoids, > 0 seeks
  double budget_ms = 0.0;         // stop refining after this long; 0: never (and then deterministic)

  nlohmann::ordered_json ToJson() const;
  /// Sets the options that `json` names, as ToJson writes them, and leaves the others.
  /// @param where  the file and key it came from, for messages.
  /// @throws Error naming the option, what was expected and what was found.
  void Update(const nlohmann::json& json, const std::string& where);
  /// @throws Error naming the first option out of its range.
  void Check(const std::string& where) const;
};

struct Plan {
  std::vector<float> actions;  // (H, nu); the first row is to be applied. Empty where there is no actuator.
  std::vector<float> deviation;  // (nu) that the first action was last drawn with
  float planned_return = 0;    // score of `actions`; cem, mppi: mean over the sequences that were averaged
  int imagined_steps = 0;      // control steps that the model imagined for it
  double plan_ms = 0;
};

class Planner {
 public:
  /// @throws Error naming the option that is out of its range.
  Planner(PlannerOptions options, int action_size);
  ~Planner();

  const PlannerOptions& options() const;
  /// Forgets the warm start; from here plans depend on `seed` and what they are asked alone.
  void Reset(uint64_t seed);
  /// Plans from `belief`, starting from the last plan shifted by one control step. A sequence's score is the
  /// sum of discount^t (reward + uncertainty coefficient * uncertainty), and what the model expects to earn after the
  /// last step where it has learned that (the discount is then the model's too); one that is not finite is never chosen.
  /// Sources: icem: Pinneri et al. 2020, "Sample-efficient Cross-Entropy Method for Real-time Planning";
  /// mppi: Williams et al. 2017, "Information Theoretic MPC for Model-Based Reinforcement Learning";
  /// its policy's proposals and value: Hansen et al. 2022, "Temporal Difference Learning for Model Predictive Control";
  /// cem: Rubinstein 1999, as used by Chua et al. 2018 (PETS); shooting: Nagabandi et al. 2018.
  /// @param passed_steps  control steps since the plan before: by so many the warm start is shifted.
  /// @param stop          ends it after the iteration under way; what was found so far is the plan.
  /// @throws Error from the kind that plays a model's policy, where the model has learned none.
  Plan MakePlan(WorldModel& model, const Belief& belief, int passed_steps = 1, std::stop_token stop = {});

  /// The sequences of the last iteration of the last plan, for showing: those whose score is finite, best first.
  struct Candidates {
    int count = 0, elites = 0;   // the first `elites` are those that the next distribution was fitted to
    std::vector<float> actions;  // (count, H, nu)
    std::vector<float> scores;   // (count)
  };
  /// @param most  how many at most: the best, and of the others every n-th.
  Candidates LastCandidates(int most) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
