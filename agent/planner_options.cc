#include <limits>
#include <type_traits>

#include "agent/planner.h"
#include "sim/error.h"

namespace reverie {
namespace {

struct NamedKind {
  PlannerKind kind;
  const char* name;
};
constexpr NamedKind kKinds[] = {{PlannerKind::kIcem, "icem"},
                                {PlannerKind::kMppi, "mppi"},
                                {PlannerKind::kCem, "cem"},
                                {PlannerKind::kShooting, "shooting"},
                                {PlannerKind::kPolicy, "policy"}};
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Calls visit(name, option, least, greatest) for every numeric option, in the order of the documentation.
template <class Options, class Visit>
void VisitOptions(Options& options, Visit visit) {
  visit("horizon", options.horizon, 1, 1000);
  visit("sequences", options.sequences, 2, 1000000);
  visit("iterations", options.iterations, 1, 1000);
  visit("elites", options.elites, 1, 1000000);
  visit("noise_exponent", options.noise_exponent, 0.0, 10.0);
  visit("initial_deviation", options.initial_deviation, 0.0, kInfinity);
  visit("minimum_deviation", options.minimum_deviation, 0.0, kInfinity);
  visit("momentum", options.momentum, 0.0, 1.0);
  visit("population_decay", options.population_decay, 1.0, kInfinity);
  visit("kept_elites", options.kept_elites, 0.0, 1.0);
  visit("temperature", options.temperature, 1e-6, kInfinity);
  visit("discount", options.discount, 0.0, 1.0);
  visit("policy_sequences", options.policy_sequences, 0, 1000000);
  visit("uncertainty", options.uncertainty, -kInfinity, kInfinity);
  visit("budget_ms", options.budget_ms, 0.0, kInfinity);
}

std::string Text(double value) { return nlohmann::json(value).dump(); }
std::string Text(int value) { return std::to_string(value); }

}  // namespace

PlannerKind ParsePlannerKind(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [kind, kind_name] : kKinds) {
    if (name == kind_name) return kind;
    names.emplace_back(kind_name);
  }
  throw Error("planner: expected one of " + Join(names) + ", found '" + name + "'" + DidYouMean(name, names));
}

std::string PlannerName(PlannerKind kind) {
  for (const auto& [known, name] : kKinds) {
    if (known == kind) return name;
  }
  return "icem";
}

nlohmann::ordered_json PlannerOptions::ToJson() const {
  nlohmann::ordered_json json;
  json["kind"] = PlannerName(kind);
  VisitOptions(*this, [&](const char* name, auto value, auto, auto) { json[name] = value; });
  return json;
}

void PlannerOptions::Update(const nlohmann::json& json, const std::string& where) {
  if (!json.is_object()) throw Error(where + ": expected an object of planner options, found " + json.dump());
  std::vector<std::string> known = {"kind"};
  VisitOptions(*this, [&](const char* name, auto&, auto, auto) { known.emplace_back(name); });
  for (const auto& [key, value] : json.items()) {
    bool found = key == "kind";
    if (found) {
      if (!value.is_string()) {
        throw Error(where + ": key 'kind': expected a planner's name, found " + value.dump());
      }
      kind = ParsePlannerKind(value.get<std::string>());
    }
    VisitOptions(*this, [&](const char* name, auto& option, auto, auto) {
      if (key != name) return;
      found = true;
      using Option = std::remove_reference_t<decltype(option)>;
      const bool fits = std::is_same_v<Option, int> ? value.is_number_integer() : value.is_number();
      if (!fits) {
        const char* wanted = std::is_same_v<Option, int> ? "a whole number" : "a number";
        throw Error(where + ": key '" + key + "': expected " + wanted + ", found " + value.dump());
      }
      option = value.get<Option>();
    });
    if (!found) throw Error(where + ": unknown planner option '" + key + "'" + DidYouMean(key, known));
  }
  Check(where);
}

void PlannerOptions::Check(const std::string& where) const {
  VisitOptions(*this, [&](const char* name, auto value, auto least, auto greatest) {
    if (value >= least && value <= greatest) return;
    const std::string range = static_cast<double>(greatest) == kInfinity
                                  ? "at least " + Text(least)
                                  : "from " + Text(least) + " to " + Text(greatest);
    throw Error(where + ": option '" + name + "': expected " + range + ", found " + Text(value));
  });
  if (elites > sequences) {
    throw Error(where + ": option 'elites': expected at most the number of sequences, " + Text(sequences) +
                ", found " + Text(elites));
  }
  if (policy_sequences > sequences) {
    throw Error(where + ": option 'policy_sequences': expected at most the number of sequences, " + Text(sequences) +
                ", found " + Text(policy_sequences));
  }
}

}  // namespace reverie
