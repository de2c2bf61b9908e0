#include "sim/goal.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "sim/error.h"

namespace reverie {
namespace {

using nlohmann::json;

constexpr double kPaths = 2.0;  // the budget, in shortest paths

/// First element and count of every channel, from labels like "position[1]".
std::map<std::string, std::vector<int>> ChannelsOf(const CompiledTask& task) {
  std::vector<std::string> labels = task.ObservationLabels();
  for (const std::string& label : task.SignalLabels()) labels.push_back(label);
  std::map<std::string, std::vector<int>> channels;
  for (size_t i = 0; i < labels.size(); ++i) {
    channels[labels[i].substr(0, labels[i].find('['))].push_back(static_cast<int>(i));
  }
  return channels;
}

class GoalParser {
 public:
  explicit GoalParser(const CompiledTask& task)
      : where_("task " + (task.spec().task_file.empty() ? task.spec().name : task.spec().task_file.string()) +
               ", key \"goal"),
        goal_(task.spec().goal),
        channels_(ChannelsOf(task)) {
    const std::vector<std::string> known = {"distance", "within", "region", "waypoint", "speed",
                                            "budget_s", "hold",   "hide",   "planner"};
    for (const auto& [key, value] : goal_.items()) {
      if (std::find(known.begin(), known.end(), key) == known.end())
        throw TaskError(where_ + "\": unknown key \"" + key + "\"" + DidYouMean(key, known));
    }
  }

  /// A formula or a list of them. @return  none where the key is not there.
  std::vector<Formula> Formulas(const char* key) const {
    std::vector<Formula> formulas;
    if (!goal_.contains(key)) return formulas;
    const json& value = goal_.at(key);
    const json list = value.is_array() ? value : json::array({value});
    for (const json& text : list) {
      if (!text.is_string() || text.get<std::string>().empty()) Fail(key, "a formula, or a list of them");
      formulas.push_back(Parse(key, text.get<std::string>()));
    }
    return formulas;
  }
  double Positive(const char* key) const {
    if (!goal_.at(key).is_number() || !(goal_.at(key).get<double>() > 0.0)) Fail(key, "a number above 0");
    return goal_.at(key).get<double>();
  }
  std::vector<std::string> Names(const char* key) const {
    std::vector<std::string> names;
    if (!goal_.contains(key)) return names;
    if (!goal_.at(key).is_array()) Fail(key, "a list of names");
    for (const json& name : goal_.at(key)) {
      if (!name.is_string()) Fail(key, "a list of names");
      names.push_back(name.get<std::string>());
    }
    return names;
  }
  bool Has(const char* key) const { return goal_.contains(key); }
  [[noreturn]] void Fail(const char* key, const std::string& expected) const {
    throw TaskError(where_ + "." + key + "\": expected " + expected + ", found " +
                    (goal_.contains(key) ? goal_.at(key).dump() : "nothing"));
  }

 private:
  Formula Parse(const char* key, const std::string& text) const {
    std::vector<std::string> known;
    for (const auto& [name, elements] : channels_) known.push_back(name);
    const auto resolve = [&](const Formula::Reference& reference) -> std::optional<std::vector<int>> {
      const auto found = channels_.find(reference.name);
      if (found == channels_.end() || reference.argument) return std::nullopt;
      if (reference.component.empty()) return found->second;
      const size_t axis = std::string("xyz").find(reference.component);
      if (reference.component.size() != 1 || axis >= found->second.size()) return std::nullopt;
      return std::vector<int>{found->second[axis]};
    };
    try {
      return Formula::Parse(text, resolve, known);
    } catch (const FormulaError& error) {
      throw TaskError(where_ + "." + key + "\": " + error.what() + " (it is over observation and signals)");
    }
  }

  std::string where_;
  const json& goal_;
  std::map<std::string, std::vector<int>> channels_;
};

size_t SizeOf(const std::vector<Formula>& formulas) {
  size_t size = 0;
  for (const Formula& formula : formulas) size += formula.size();
  return size;
}

double Norm(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

}  // namespace

GoalMeasure::GoalMeasure(const CompiledTask& task)
    : control_step_s_(task.env_step_s() * task.spec().action_repeat), time_limit_(task.steps_per_episode()) {
  if (!Has(task)) {
    throw TaskError("task " + task.spec().name +
                    ": has no \"goal\", so it is not known when a goal is reached; the task file says it as in "
                    "\"goal\": {\"distance\": \"position\", \"within\": 0.05}");
  }
  const GoalParser parser(task);
  distance_ = parser.Formulas("distance");
  if (distance_.empty()) parser.Fail("distance", "channels whose distance counts");
  if (!parser.Has("within")) parser.Fail("within", "the distance at which a goal is reached");
  within_ = parser.Positive("within");
  const std::vector<Formula> region = parser.Formulas("region");
  if (!region.empty()) {
    if (region.size() != 1 || region.front().size() != 1) parser.Fail("region", "a formula of one number");
    region_ = region.front();
  }
  waypoint_ = parser.Formulas("waypoint");
  if (!waypoint_.empty() && (region_.empty() || SizeOf(waypoint_) != SizeOf(distance_))) {
    parser.Fail("waypoint", "as many numbers as \"distance\" (" + std::to_string(SizeOf(distance_)) +
                                "), and a \"region\" to be passed through");
  }
  if (parser.Has("speed")) speed_ = parser.Positive("speed");
  if (parser.Has("budget_s")) {
    if (speed_ > 0.0) parser.Fail("budget_s", "either this or \"speed\"");
    time_limit_ = std::max(1, static_cast<int>(std::lround(parser.Positive("budget_s") / control_step_s_)));
  }
  if (parser.Has("hold")) {
    const double hold = parser.Positive("hold");
    if (hold != std::floor(hold) || hold > time_limit_) {
      parser.Fail("hold", "a whole number of control steps, at most the " + std::to_string(time_limit_) + " that there are");
    }
    hold_ = static_cast<int>(hold);
  }
  hide_ = parser.Names("hide");
}

std::vector<double> GoalMeasure::Place(const std::vector<Formula>& formulas, std::span<const double> channels) const {
  std::vector<double> place(SizeOf(formulas)), scratch;
  size_t at = 0;
  for (const Formula& formula : formulas) {
    formula.Evaluate(DoubleArithmetic{}, [&](int i) { return channels[static_cast<size_t>(i)]; }, scratch,
                     std::span<double>(place).subspan(at, formula.size()));
    at += formula.size();
  }
  return place;
}

double GoalMeasure::Distance(std::span<const double> from, std::span<const double> to) const {
  return Norm(Place(distance_, from), Place(distance_, to));
}

double GoalMeasure::Region(std::span<const double> channels) const {
  if (region_.empty()) return 0.0;
  std::vector<double> scratch;
  return region_.EvaluateScalar([&](int i) { return channels[static_cast<size_t>(i)]; }, scratch);
}

double GoalMeasure::PathLength(std::span<const double> from, std::span<const double> to) const {
  if (waypoint_.empty() || Region(from) == Region(to)) return Distance(from, to);
  const std::vector<double> by = Place(waypoint_, from);
  return Norm(Place(distance_, from), by) + Norm(by, Place(distance_, to));
}

int GoalMeasure::Budget(std::span<const double> from, std::span<const double> to) const {
  if (speed_ <= 0.0) return time_limit_;
  return std::max(1, static_cast<int>(std::ceil(kPaths * PathLength(from, to) / (speed_ * control_step_s_))));
}

}  // namespace reverie
