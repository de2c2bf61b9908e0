#include "sim/policy.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/error.h"
#include "sim/explore_policy.h"
#include "sim/random.h"

namespace reverie {
namespace {

class UniformPolicy : public Policy {
 public:
  explicit UniformPolicy(uint64_t seed) : random_(seed) {}

  void Act(const PolicyInput&, std::span<double> action) override {
    for (double& element : action) element = random_.Uniform(-1.0, 1.0);
  }

 private:
  Random random_;
};

class AutoregressivePolicy : public Policy {
 public:
  AutoregressivePolicy(uint64_t seed, int action_size, double control_step_s)
      : random_(seed), memory_(action_size), deviation_(action_size), value_(action_size) {
    for (int i = 0; i < action_size; ++i) {
      const double correlation_s = LogUniform(0.05, 1.0);
      memory_[i] = std::exp(-control_step_s / correlation_s);
      deviation_[i] = LogUniform(0.3, 1.5);
      value_[i] = random_.Normal();
    }
  }

  void Act(const PolicyInput&, std::span<double> action) override {
    for (size_t i = 0; i < value_.size(); ++i) {
      action[i] = std::clamp(deviation_[i] * value_[i], -1.0, 1.0);
      // The innovation keeps the process at unit variance from its first step on.
      value_[i] = memory_[i] * value_[i] + std::sqrt(1.0 - memory_[i] * memory_[i]) * random_.Normal();
    }
  }

 private:
  double LogUniform(double low, double high) { return low * std::pow(high / low, random_.Uniform()); }

  Random random_;
  std::vector<double> memory_, deviation_, value_;
};

}  // namespace

PolicySource RandomPolicy(const CompiledTask&) {
  return {"random", true, [](uint64_t seed) { return std::make_unique<UniformPolicy>(seed); }};
}

PolicySource SmoothPolicy(const CompiledTask& task) {
  const int action_size = task.action_size();
  const double control_step_s = task.env_step_s() * task.spec().action_repeat;
  return {"smooth", true, [=](uint64_t seed) {
            return std::make_unique<AutoregressivePolicy>(seed, action_size, control_step_s);
          }};
}

PolicySource NoisePolicy(const std::string& name, const CompiledTask& task) {
  if (name == "random") return RandomPolicy(task);
  if (name == "smooth") return SmoothPolicy(task);
  if (name == "explore") return ExplorePolicy(task);
  const std::vector<std::string> known = {"random", "smooth", "explore"};
  throw Error("policy '" + name + "': expected " + Join(known) + DidYouMean(name, known));
}

}  // namespace reverie
