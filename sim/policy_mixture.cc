#include "sim/policy_mixture.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "sim/error.h"
#include "sim/random.h"

namespace reverie {
namespace {

// Purposes of the numbers drawn from a policy's seed beside the policy's own.
constexpr uint64_t kChoiceStream = 2001, kEpsilonStream = 2002;

std::string Number(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

std::optional<double> ParseNumber(std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool IsWeight(double weight) { return std::isfinite(weight) && weight > 0.0; }

class ChosenPolicy : public Policy {
 public:
  ChosenPolicy(std::unique_ptr<Policy> policy, int actor) : policy_(std::move(policy)), actor_(actor) {}

  void Act(const PolicyInput& input, std::span<double> action) override { policy_->Act(input, action); }
  int Actor() const override { return actor_; }

 private:
  std::unique_ptr<Policy> policy_;
  int actor_;
};

class ExploringPolicy : public Policy {
 public:
  ExploringPolicy(std::unique_ptr<Policy> policy, double epsilon, int own_index, uint64_t seed)
      : policy_(std::move(policy)), epsilon_(epsilon), own_index_(own_index), random_(seed) {}

  void Act(const PolicyInput& input, std::span<double> action) override {
    policy_->Act(input, action);
    exploring_ = random_.Uniform() < epsilon_;
    if (!exploring_) return;
    for (double& element : action) element = random_.Uniform(-1.0, 1.0);
  }
  int Actor() const override { return exploring_ ? own_index_ : policy_->Actor(); }

 private:
  std::unique_ptr<Policy> policy_;
  double epsilon_;
  int own_index_;
  Random random_;
  bool exploring_ = false;
};

}  // namespace

std::vector<PolicyShare> ParsePolicyMixture(const std::string& text, const std::vector<std::string>& known) {
  std::vector<PolicyShare> shares;
  std::set<std::string> seen;
  const bool several = text.find(',') != std::string::npos;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    begin = end + 1;
    const size_t colon = part.find(':');
    PolicyShare share{part.substr(0, colon)};
    if (std::find(known.begin(), known.end(), share.name) == known.end()) {
      throw Error("policy '" + share.name + "': expected " + Join(known) + DidYouMean(share.name, known));
    }
    if (!seen.insert(share.name).second) {
      throw Error("policy '" + text + "': expected every policy once, found '" + share.name + "' again");
    }
    if (colon != std::string::npos || several) {
      const std::string weight = colon == std::string::npos ? "" : part.substr(colon + 1);
      const std::optional<double> value = ParseNumber(weight);
      if (!value || !IsWeight(*value)) {
        throw Error("policy '" + text + "': expected a weight above 0 for " + share.name + ", as in " +
                    share.name + ":0.5, found " + (weight.empty() ? "none" : "'" + weight + "'"));
      }
      share.weight = *value;
    }
    shares.push_back(share);
  }
  return shares;
}

PolicySource PolicyMixture(const std::vector<WeightedPolicy>& policies) {
  if (policies.empty()) throw Error("policy mixture: expected policies, found none");
  PolicySource mixture{"mixture(", true, nullptr};
  double total = 0.0;
  for (const WeightedPolicy& part : policies) {
    const std::string& name = part.policy.name;
    if (!IsWeight(part.weight)) {
      throw Error("policy mixture: expected a weight above 0 for " + name + ", found " + Number(part.weight));
    }
    if (std::find(mixture.actors.begin(), mixture.actors.end(), name) != mixture.actors.end()) {
      throw Error("policy mixture: expected every policy once, found " + name + " again");
    }
    total += part.weight;
    mixture.name += (mixture.actors.empty() ? "" : ", ") + name + ":" + Number(part.weight);
    mixture.parallel &= part.policy.parallel;
    mixture.actors.push_back(name);
  }
  if (policies.size() == 1) return policies.front().policy;
  mixture.name += ")";
  mixture.make = [policies, total](uint64_t seed) -> std::unique_ptr<Policy> {
    double rest = Random(HashSeed(seed, kChoiceStream)).Uniform() * total;
    size_t chosen = 0;
    while (chosen + 1 < policies.size() && rest >= policies[chosen].weight) rest -= policies[chosen++].weight;
    return std::make_unique<ChosenPolicy>(policies[chosen].policy.make(seed), static_cast<int>(chosen));
  };
  return mixture;
}

PolicySource EpsilonPolicy(PolicySource policy, double epsilon) {
  if (!(epsilon > 0.0 && epsilon <= 1.0)) {
    throw Error("epsilon: expected a probability above 0, at most 1, found " + Number(epsilon));
  }
  PolicySource exploring{"epsilon(" + Number(epsilon) + ", " + policy.name + ")", policy.parallel, nullptr,
                         policy.actors};
  if (exploring.actors.empty()) exploring.actors.push_back(policy.name);
  const int own_index = static_cast<int>(exploring.actors.size());
  exploring.actors.push_back("epsilon");
  exploring.make = [policy = std::move(policy), epsilon, own_index](uint64_t seed) {
    return std::make_unique<ExploringPolicy>(policy.make(seed), epsilon, own_index, HashSeed(seed, kEpsilonStream));
  };
  return exploring;
}

}  // namespace reverie
