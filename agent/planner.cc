#include "agent/planner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include "agent/coloured_noise.h"
#include "sim/error.h"

namespace reverie {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

double MillisecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

struct Planner::Impl {
  Impl(PlannerOptions planner_options, int planner_action_size)
      : options(planner_options),
        action_size(planner_action_size),
        size(static_cast<size_t>(options.horizon) * action_size),
        noise(options.horizon, options.noise_exponent) {}

  const PlannerOptions options;
  const int action_size;
  const size_t size;  // of one sequence, H * nu
  const ColouredNoise noise;
  Random random{0};

  bool warm = false;                  // `mean` and `kept` come from the control step before
  std::vector<float> mean;            // (H, nu)
  std::vector<float> deviation;       // (H, nu)
  std::vector<float> kept;            // (kept elites, H, nu)
  std::vector<float> proposed;        // (proposals, H, nu) by the model's policy
  std::vector<float> candidates;      // (N, H, nu)
  std::vector<double> scores;         // (N)
  std::vector<int> order;             // candidates, best first; those whose score is not finite are left out
  std::vector<double> weights;        // of order's first candidates
  Imagination imagination;

  bool icem() const { return options.kind == PlannerKind::kIcem; }
  float* Candidate(int i) { return candidates.data() + static_cast<size_t>(i) * size; }

  /// Moves a sequence one control step on; its last action is held.
  void Shift(float* sequence) const {
    std::copy(sequence + action_size, sequence + size, sequence);
  }

  int Population(int iteration) const {
    if (!icem()) return options.sequences;
    const double shrunk = std::ceil(options.sequences * std::pow(options.population_decay, -iteration));
    return std::min(options.sequences, std::max(static_cast<int>(shrunk), 2 * options.elites));
  }

  void Sample(int population, bool first_iteration, bool last_iteration) {
    candidates.resize(static_cast<size_t>(population) * size);
    int first = 0;
    const auto take = [&](const std::vector<float>& sequences) {
      const int count = std::min(population - first, static_cast<int>(sequences.size() / size));
      std::copy_n(sequences.data(), static_cast<size_t>(count) * size, Candidate(first));
      first += count;
    };
    if (icem()) {
      take(kept);
      if (last_iteration) take(mean);
    }
    // Of icem's the best are kept; the others weigh all that they try anew.
    if (first_iteration || !icem()) take(proposed);
    for (int i = first; i < population; ++i) {
      float* sequence = Candidate(i);
      for (int j = 0; j < action_size; ++j) noise.Sample(random, sequence + j, action_size);
      for (size_t e = 0; e < size; ++e) {
        sequence[e] = std::clamp(mean[e] + deviation[e] * sequence[e], -1.0f, 1.0f);
      }
    }
  }

  void Score(int population, double model_discount) {
    const int horizon = options.horizon;
    const bool valued = !imagination.values.empty();
    const double discount = options.discount * (valued ? model_discount : 1.0);
    scores.resize(population);
    order.clear();
    for (int i = 0; i < population; ++i) {
      double score = 0.0, weight = 1.0;
      for (int t = 0; t < horizon; ++t, weight *= discount) {
        const size_t at = static_cast<size_t>(i) * horizon + t;
        double value = imagination.rewards[at];
        if (options.uncertainty != 0.0) value += options.uncertainty * imagination.uncertainty[at];
        score += weight * value;
      }
      if (valued) score += weight * imagination.values[i];
      scores[i] = score;
      if (std::isfinite(score)) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return scores[a] > scores[b]; });
  }

  /// Weights of the best candidates, summing to 1: equal for the elites, or for mppi a softmax over all.
  void Weigh() {
    if (options.kind != PlannerKind::kMppi) {
      const size_t count = std::min<size_t>(order.size(), options.elites);
      weights.assign(count, 1.0 / static_cast<double>(count));
      return;
    }
    // The unit of temperature is the deviation of the better half: a few sequences that fall over or diverge
    // would otherwise stretch it until all the others weigh the same.
    const size_t half = (order.size() + 1) / 2;
    double average = 0.0, variance = 0.0;
    for (size_t i = 0; i < half; ++i) average += scores[order[i]] / static_cast<double>(half);
    for (size_t i = 0; i < half; ++i) {
      variance += (scores[order[i]] - average) * (scores[order[i]] - average) / static_cast<double>(half);
    }
    const double unit = std::max(options.temperature * std::sqrt(variance), 1e-12);
    weights.resize(order.size());
    double total = 0.0;
    for (size_t i = 0; i < weights.size(); ++i) {
      weights[i] = std::exp((scores[order[i]] - scores[order[0]]) / unit);
      total += weights[i];
    }
    for (double& weight : weights) weight /= total;
  }

  /// Moves mean and deviation towards the weighted candidates.
  void Update() {
    const double momentum = options.momentum;
    for (size_t e = 0; e < size; ++e) {
      double average = 0.0, variance = 0.0;
      for (size_t i = 0; i < weights.size(); ++i) average += weights[i] * Candidate(order[i])[e];
      for (size_t i = 0; i < weights.size(); ++i) {
        const double difference = Candidate(order[i])[e] - average;
        variance += weights[i] * difference * difference;
      }
      mean[e] = static_cast<float>(momentum * mean[e] + (1.0 - momentum) * average);
      const double wanted = momentum * deviation[e] + (1.0 - momentum) * std::sqrt(variance);
      deviation[e] = static_cast<float>(std::max(wanted, options.minimum_deviation));
    }
  }

  void KeepElites() {
    const size_t elites = std::min<size_t>(order.size(), options.elites);
    const size_t wanted = static_cast<size_t>(std::ceil(options.kept_elites * options.elites));
    const size_t count = std::min(elites, wanted);
    kept.resize(count * size);
    for (size_t i = 0; i < count; ++i) std::copy_n(Candidate(order[i]), size, kept.data() + i * size);
  }

  void Start(int passed_steps) {
    if (warm) {
      for (int step = 0; step < std::min(passed_steps, options.horizon); ++step) {
        Shift(mean.data());
        for (size_t at = 0; at < kept.size(); at += size) Shift(kept.data() + at);
      }
    } else {
      mean.assign(size, 0.0f);
      kept.clear();
    }
    warm = true;
    deviation.assign(size, static_cast<float>(options.initial_deviation));
  }

  /// What the model's own policy prefers to do, as a population of one.
  Plan FollowPolicy(WorldModel& model, const Belief& belief) {
    const auto start = std::chrono::steady_clock::now();
    if (!model.has_policy()) {
      throw Error("planner 'policy': model '" + model.name() + "' has learned no policy of its own; choose a model that " +
                  "was learned with --model latent, or another planner");
    }
    model.Propose(belief, 1, options.horizon, 0, candidates);
    model.Imagine(belief, candidates, 1, options.horizon, {.uncertainty = options.uncertainty != 0.0, .values = true},
                  imagination);
    Score(1, model.discount());
    Plan plan;
    plan.actions = candidates;
    plan.deviation.assign(static_cast<size_t>(action_size), static_cast<float>(options.minimum_deviation));
    plan.planned_return = static_cast<float>(scores[0]);
    plan.imagined_steps = options.horizon;
    plan.plan_ms = MillisecondsSince(start);
    return plan;
  }

  Plan MakePlan(WorldModel& model, const Belief& belief, int passed_steps, std::stop_token stop) {
    const auto start = std::chrono::steady_clock::now();
    Plan plan;
    if (size == 0) return plan;
    if (options.kind == PlannerKind::kPolicy) return FollowPolicy(model, belief);
    Start(passed_steps);
    plan.actions = mean;
    double best = kNever, longest_ms = 0.0;
    const ImagineOptions imagine = {.channels = false, .uncertainty = options.uncertainty != 0.0, .values = true};
    proposed.clear();
    if (options.policy_sequences > 0) {
      const uint64_t seed = static_cast<uint64_t>(random.Index(int64_t{1} << 62));
      model.Propose(belief, options.policy_sequences, options.horizon, seed, proposed);
    }
    for (int iteration = 0; iteration < options.iterations; ++iteration) {
      if (stop.stop_requested()) break;
      const double started_ms = MillisecondsSince(start);
      // An iteration that would end past the budget is not begun.
      if (options.budget_ms > 0.0 && iteration > 0 && started_ms + longest_ms > options.budget_ms) break;
      const int population = Population(iteration);
      Sample(population, iteration == 0, iteration + 1 == options.iterations);
      model.Imagine(belief, candidates, population, options.horizon, imagine, imagination);
      plan.imagined_steps += population * options.horizon;
      Score(population, model.discount());
      if (!order.empty()) {
        if (scores[order[0]] > best) {
          best = scores[order[0]];
          plan.actions.assign(Candidate(order[0]), Candidate(order[0]) + size);
        }
        if (options.kind != PlannerKind::kShooting) {
          Weigh();
          Update();
        }
        if (icem()) KeepElites();
      }
      longest_ms = std::max(longest_ms, MillisecondsSince(start) - started_ms);
    }
    const bool averages = options.kind == PlannerKind::kCem || options.kind == PlannerKind::kMppi;
    if (averages) {
      plan.actions = mean;
      best = order.empty() ? kNever : 0.0;
      const size_t count = std::min(weights.size(), order.size());
      for (size_t i = 0; i < count; ++i) best += weights[i] * scores[order[i]];
    }
    plan.deviation.assign(deviation.begin(), deviation.begin() + action_size);
    plan.planned_return = static_cast<float>(best);
    plan.plan_ms = MillisecondsSince(start);
    return plan;
  }
};

Planner::Planner(PlannerOptions options, int action_size) {
  options.Check("planner");
  impl_ = std::make_unique<Impl>(options, action_size);
}

Planner::~Planner() = default;

const PlannerOptions& Planner::options() const { return impl_->options; }

void Planner::Reset(uint64_t seed) {
  impl_->random = Random(seed);
  impl_->warm = false;
}

Plan Planner::MakePlan(WorldModel& model, const Belief& belief, int passed_steps, std::stop_token stop) {
  return impl_->MakePlan(model, belief, passed_steps, stop);
}

Planner::Candidates Planner::LastCandidates(int most) const {
  const Impl& impl = *impl_;
  Candidates candidates;
  const int all = static_cast<int>(impl.order.size());
  candidates.count = std::min(all, std::max(0, most));
  if (impl.size == 0) candidates.count = 0;
  // At least half of those shown are the best; the rest is spread over the others.
  const int best = std::min(candidates.count, std::max(candidates.count / 2, 1));
  for (int i = 0; i < candidates.count; ++i) {
    const int rank = i < best || candidates.count == all
                         ? i
                         : best + (i - best) * (all - best) / std::max(1, candidates.count - best);
    const int at = impl.order[static_cast<size_t>(rank)];
    if (rank < impl.options.elites) candidates.elites = i + 1;
    const float* actions = impl.candidates.data() + static_cast<size_t>(at) * impl.size;
    candidates.actions.insert(candidates.actions.end(), actions, actions + impl.size);
    candidates.scores.push_back(static_cast<float>(impl.scores[static_cast<size_t>(at)]));
  }
  return candidates;
}

}  // namespace reverie
