// Planners on a double integrator whose best plan is known: a point mass pushed to the origin, quadratic cost.
#include "agent/planner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <thread>

#include <doctest/doctest.h>

#include "sim/error.h"

using namespace reverie;

namespace {

constexpr int kHorizon = 15;
// With 0.1 s steps, v += 0.4 u, p += 0.1 v and the cost p^2 + 0.1 v^2 + 0.2 u^2 after each step, 15 steps from
// p = 0.5 at rest: numpy.linalg.solve on the normal equations gives this return, with |u| <= 0.87, and u_0.
constexpr double kBestReturn = -1.1859446223847299;
constexpr double kBestFirstAction = -0.865;
constexpr double kRestReturn = -3.75;  // doing nothing

struct Point {
  double position, velocity;
  double Push(double u) {
    velocity += 0.4 * u;
    position += 0.1 * velocity;
    return -(position * position + 0.1 * velocity * velocity + 0.2 * u * u);
  }
};

double ReturnOf(Point point, const float* actions, int horizon) {
  double sum = 0.0;
  for (int t = 0; t < horizon; ++t) sum += point.Push(actions[t]);
  return sum;
}

/// The double integrator as a world model that remembers what it was asked. A test may replace its rewards.
class PointModel : public WorldModel {
 public:
  const CompiledTask& task() const override { throw Error("a point on paper has no task"); }
  std::string name() const override { return "point"; }
  void Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
               const ImagineOptions& options, Imagination& result) override {
    populations.push_back(sequences);
    asked_for_uncertainty = asked_for_uncertainty || options.uncertainty;
    for (float action : actions) greatest_action = std::max(greatest_action, std::abs(action));
    result.sequences = sequences;
    result.horizon = horizon;
    result.rewards.assign(actions.size(), 0.0f);
    result.uncertainty.assign(options.uncertainty ? actions.size() : 0, 0.0f);
    double best = -std::numeric_limits<double>::infinity();
    for (int i = 0; i < sequences; ++i) {
      Point point = {belief.channels[0], belief.channels[1]};
      double sum = 0.0;
      for (int t = 0; t < horizon; ++t) {
        const size_t at = static_cast<size_t>(i) * horizon + t;
        const double value = reward ? reward(&actions[static_cast<size_t>(i) * horizon], t) : point.Push(actions[at]);
        result.rewards[at] = static_cast<float>(value);
        if (options.uncertainty) result.uncertainty[at] = std::abs(actions[at]);
        sum += result.rewards[at];
      }
      best = std::max(best, sum);
    }
    best_of_call.push_back(best);
    if (pause_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
  }

  std::function<double(const float* sequence, int t)> reward;  // instead of the point's
  int pause_ms = 0;
  std::vector<int> populations;
  std::vector<double> best_of_call;
  float greatest_action = 0.0f;
  bool asked_for_uncertainty = false;
};

/// The point with a policy that always pushes alike; of several sequences all but the first are of no use.
class PointModelWithPolicy : public PointModel {
 public:
  bool has_policy() const override { return true; }
  void Propose(const Belief&, int sequences, int horizon, uint64_t, std::vector<float>& actions) override {
    actions.assign(static_cast<size_t>(sequences) * static_cast<size_t>(horizon), -1.0f);
    std::fill_n(actions.begin(), horizon, 0.4f);
  }
};

Belief At(double position, double velocity) {
  return {.channels = {position, velocity}, .integration_state = {}, .parameters = {}};
}

PlannerOptions Options(PlannerKind kind) {
  PlannerOptions options;
  options.kind = kind;
  options.horizon = kHorizon;
  options.sequences = 200;
  options.iterations = 8;
  options.elites = 20;
  options.noise_exponent = 1.0;
  options.minimum_deviation = 0.02;
  return options;
}

Plan PlanOnce(const PlannerOptions& options, PointModel& model, uint64_t seed,
              const Belief& belief = At(0.5, 0.0)) {
  Planner planner(options, 1);
  planner.Reset(seed);
  return planner.MakePlan(model, belief);
}

constexpr PlannerKind kAll[] = {PlannerKind::kIcem, PlannerKind::kMppi, PlannerKind::kCem,
                                PlannerKind::kShooting};

}  // namespace

TEST_CASE("iCEM, MPPI and CEM find 98% of what can be gained in a linear-quadratic problem") {
  for (PlannerKind kind : {PlannerKind::kIcem, PlannerKind::kMppi, PlannerKind::kCem}) {
    for (uint64_t seed : {1, 2, 3}) {
      CAPTURE(PlannerName(kind));
      CAPTURE(seed);
      PointModel model;
      const Plan plan = PlanOnce(Options(kind), model, seed);
      REQUIRE(plan.actions.size() == kHorizon);
      const double achieved = ReturnOf({0.5, 0.0}, plan.actions.data(), kHorizon);
      CHECK(achieved <= kBestReturn + 1e-6);
      CHECK(achieved >= kRestReturn + 0.98 * (kBestReturn - kRestReturn));
      CHECK(std::abs(plan.actions[0] - kBestFirstAction) < 0.3);
    }
  }
}

TEST_CASE("Random shooting helps, but less than iCEM with as many sequences") {
  PointModel model;
  const Plan shooting = PlanOnce(Options(PlannerKind::kShooting), model, 4);
  const Plan icem = PlanOnce(Options(PlannerKind::kIcem), model, 4);
  const double by_shooting = ReturnOf({0.5, 0.0}, shooting.actions.data(), kHorizon);
  CHECK(by_shooting > 0.5 * kRestReturn);
  CHECK(by_shooting < ReturnOf({0.5, 0.0}, icem.actions.data(), kHorizon));
}

TEST_CASE("The planner that plays a model's policy plays what it prefers, and says what that yields") {
  PointModelWithPolicy model;
  PlannerOptions options = Options(PlannerKind::kPolicy);
  Planner planner(options, 1);
  planner.Reset(5);
  const Plan plan = planner.MakePlan(model, At(0.5, 0.0));
  CHECK(plan.actions == std::vector<float>(kHorizon, 0.4f));
  CHECK(plan.planned_return == doctest::Approx(ReturnOf({0.5, 0.0}, plan.actions.data(), kHorizon)));
  CHECK(plan.imagined_steps == kHorizon);
  const Planner::Candidates shown = planner.LastCandidates(10);
  CHECK(shown.count == 1);
  CHECK(shown.actions == plan.actions);
}

TEST_CASE("A model without a policy is named where its policy is to be played") {
  PointModel model;
  CHECK_THROWS_WITH_AS(PlanOnce(Options(PlannerKind::kPolicy), model, 1),
                       "planner 'policy': model 'point' has learned no policy of its own; choose a model that was learned "
                       "with --model latent, or another planner",
                       Error);
}

TEST_CASE("What the model's policy proposes is among the sequences tried") {
  for (const PlannerKind kind : {PlannerKind::kIcem, PlannerKind::kMppi, PlannerKind::kCem, PlannerKind::kShooting}) {
    CAPTURE(PlannerName(kind));
    PointModelWithPolicy model;
    // Only the policy's own sequence earns anything, and no draw hits on it.
    model.reward = [](const float* sequence, int) { return std::abs(sequence[0] - 0.4f) < 1e-6f ? 1.0 : 0.0; };
    PlannerOptions options = Options(kind);
    options.policy_sequences = 3;
    options.iterations = 1;
    Planner planner(options, 1);
    planner.Reset(3);
    planner.MakePlan(model, At(0.5, 0.0));
    CHECK(planner.LastCandidates(1).scores == std::vector<float>{kHorizon});
    CHECK(planner.LastCandidates(1).actions == std::vector<float>(kHorizon, 0.4f));
  }
}

TEST_CASE("The planned return is what the plan's own actions yield") {
  for (PlannerKind kind : {PlannerKind::kIcem, PlannerKind::kShooting}) {
    PointModel model;
    const Plan plan = PlanOnce(Options(kind), model, 5);
    const double achieved = ReturnOf({0.5, 0.0}, plan.actions.data(), kHorizon);
    CHECK(plan.planned_return == doctest::Approx(achieved).epsilon(1e-5));
    CHECK(plan.imagined_steps ==
          kHorizon * std::accumulate(model.populations.begin(), model.populations.end(), 0));
  }
}

TEST_CASE("In closed loop a small budget is enough, because each plan starts from the last") {
  PlannerOptions options = Options(PlannerKind::kIcem);
  options.sequences = 40;
  options.elites = 8;
  options.iterations = 2;
  double warm = 0.0, cold = 0.0;
  for (uint64_t seed : {1, 2, 3}) {
    for (double* sum : {&warm, &cold}) {
      PointModel model;
      Planner planner(options, 1);
      planner.Reset(seed);
      Point point = {0.5, 0.0};
      for (int t = 0; t < 30; ++t) {
        if (sum == &cold) planner.Reset(HashSeed(seed, t));
        *sum += point.Push(planner.MakePlan(model, At(point.position, point.velocity)).actions[0]);
      }
    }
  }
  // At rest for 30 steps: -7.5; the best regulator: -1.19, nearly all of it in the first 15 steps.
  const double gain = (warm / 3 + 7.5) / (kBestReturn + 7.5);
  CHECK(gain > 0.93);
  CHECK(gain < 1.0);
  CHECK(warm > cold);
}

TEST_CASE("A plan depends on the seed and on nothing else") {
  for (PlannerKind kind : kAll) {
    CAPTURE(PlannerName(kind));
    PointModel model;
    Planner first(Options(kind), 1), second(Options(kind), 1);
    first.Reset(7);
    second.Reset(8);
    std::vector<std::vector<float>> plans;
    for (int t = 0; t < 3; ++t) plans.push_back(first.MakePlan(model, At(0.5 - 0.1 * t, 0.0)).actions);
    CHECK(second.MakePlan(model, At(0.5, 0.0)).actions != plans[0]);
    second.Reset(7);
    for (int t = 0; t < 3; ++t) CHECK(second.MakePlan(model, At(0.5 - 0.1 * t, 0.0)).actions == plans[t]);
  }
}

TEST_CASE("Actions stay in [-1, 1] and reach the bound where the best plan lies there") {
  for (PlannerKind kind : {PlannerKind::kIcem, PlannerKind::kMppi, PlannerKind::kCem}) {
    CAPTURE(PlannerName(kind));
    PointModel model;
    const Plan plan = PlanOnce(Options(kind), model, 9, At(100.0, 0.0));
    CHECK(model.greatest_action == 1.0f);
    for (float action : plan.actions) CHECK(std::abs(action) <= 1.0f);
    CHECK(plan.actions[0] < -0.9f);
  }
}

TEST_CASE("A sequence for which the model gives no number is never chosen") {
  for (PlannerKind kind : kAll) {
    CAPTURE(PlannerName(kind));
    PointModel model;
    // Half of all sequences would score best, were they numbers.
    model.reward = [](const float* sequence, int) {
      return sequence[0] > 0.0f ? std::numeric_limits<double>::quiet_NaN() : -static_cast<double>(sequence[1]);
    };
    const Plan plan = PlanOnce(Options(kind), model, 10);
    CHECK(plan.actions[0] <= 0.0f);
    CHECK(plan.actions[1] < -0.5f);
    CHECK(std::isfinite(plan.planned_return));

    model.reward = [](const float*, int) { return std::numeric_limits<double>::quiet_NaN(); };
    for (float action : PlanOnce(Options(kind), model, 10).actions) CHECK(action == 0.0f);
  }
}

TEST_CASE("A budget ends the refinement between iterations, after one at least") {
  PlannerOptions options = Options(PlannerKind::kCem);
  options.iterations = 1000;
  options.budget_ms = 50.0;
  PointModel model;
  model.pause_ms = 20;  // so that no more than two fit
  PlanOnce(options, model, 11);
  CHECK(model.populations.size() >= 1);
  CHECK(model.populations.size() <= 2);

  model.populations.clear();
  options.budget_ms = 1e-6;
  CHECK(ReturnOf({0.5, 0.0}, PlanOnce(options, model, 11).actions.data(), kHorizon) > kRestReturn);
  CHECK(model.populations.size() == 1);
}

TEST_CASE("iCEM's population shrinks to twice the elites, and its best sequence is never lost") {
  PlannerOptions options = Options(PlannerKind::kIcem);
  options.sequences = 100;
  options.population_decay = 1.25;
  options.iterations = 6;
  PointModel model;
  PlanOnce(options, model, 12);
  // ceil(100 / 1.25^i), at least 2 * 20.
  CHECK(model.populations == std::vector<int>{100, 80, 64, 52, 41, 40});
  for (size_t i = 1; i < model.best_of_call.size(); ++i) {
    CHECK(model.best_of_call[i] >= model.best_of_call[i - 1]);
  }

  options.kind = PlannerKind::kCem;
  model.populations.clear();
  PlanOnce(options, model, 12);
  CHECK(model.populations == std::vector<int>(6, 100));
}

TEST_CASE("Uncertainty is asked for only with a coefficient, its sign avoids or seeks it") {
  PointModel model;
  model.reward = [](const float*, int) { return 0.0; };
  PlannerOptions options = Options(PlannerKind::kIcem);
  PlanOnce(options, model, 13);
  CHECK_FALSE(model.asked_for_uncertainty);

  const auto mean_magnitude = [&](double coefficient) {
    options.uncertainty = coefficient;
    double sum = 0.0;
    for (float action : PlanOnce(options, model, 13).actions) sum += std::abs(action) / kHorizon;
    return sum;
  };
  CHECK(mean_magnitude(-1.0) < 0.1);
  CHECK(mean_magnitude(1.0) > 0.8);
  CHECK(model.asked_for_uncertainty);
}

TEST_CASE("The discount weighs later rewards") {
  PointModel model;  // what is gained now is lost twice over one step later
  model.reward = [](const float* sequence, int t) {
    return t == 0 ? sequence[0] : t == 1 ? -2.0 * sequence[0] : 0.0;
  };
  PlannerOptions options = Options(PlannerKind::kIcem);
  CHECK(PlanOnce(options, model, 14).actions[0] < -0.9f);
  options.discount = 0.25;
  CHECK(PlanOnce(options, model, 14).actions[0] > 0.9f);
}

TEST_CASE("With nothing to actuate the plan is empty and the model is not asked") {
  for (PlannerKind kind : kAll) {
    PointModel model;
    Planner planner(Options(kind), 0);
    planner.Reset(1);
    const Plan plan = planner.MakePlan(model, At(0.0, 0.0));
    CHECK(plan.actions.empty());
    CHECK(plan.imagined_steps == 0);
    CHECK(model.populations.empty());
  }
}

TEST_CASE("Options are read from JSON, written back, and refused by name") {
  PlannerOptions options;
  options.Update(nlohmann::json::parse(R"({"kind": "mppi", "horizon": 12, "temperature": 0.25})"), "task.json");
  CHECK(options.kind == PlannerKind::kMppi);
  CHECK(options.horizon == 12);
  CHECK(options.temperature == 0.25);
  CHECK(options.sequences == PlannerOptions{}.sequences);
  PlannerOptions copy;
  copy.Update(nlohmann::json::parse(options.ToJson().dump()), "copy");
  CHECK(copy.ToJson() == options.ToJson());

  const auto message = [](const char* text) -> std::string {
    try {
      PlannerOptions().Update(nlohmann::json::parse(text), "task.json");
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK(message(R"({"horizn": 12})") == "task.json: unknown planner option 'horizn'; did you mean 'horizon'?");
  CHECK(message(R"({"horizon": 2.5})") == "task.json: key 'horizon': expected a whole number, found 2.5");
  CHECK(message(R"({"horizon": 0})") == "task.json: option 'horizon': expected from 1 to 1000, found 0");
  CHECK(message(R"({"elites": 200})") ==
        "task.json: option 'elites': expected at most the number of sequences, 100, found 200");
  CHECK(message(R"({"kind": "icm"})") ==
        "planner: expected one of icem, mppi, cem, shooting, policy, found 'icm'; did you mean 'icem' or 'cem'?");
}
