#include "sim/violation.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "sim/compiled_task_impl.h"
#include "sim/error.h"

namespace reverie {
namespace {

constexpr const char* kSize = "size";  // the first variable

struct Step {
  ResetStep::Kind kind;
  std::string where;
  std::vector<FieldElement> targets;  // kSet
  StateFormula formula;
  bool reads_derived = false;
};

std::string NumberText(double value) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), value);
  return {text, end};
}

/// The geoms of a body, or one of that name. @throws TaskError.
void AddGeoms(const mjModel* model, const std::string& name, const std::string& where, std::vector<int>& geoms) {
  if (const int body = mj_name2id(model, mjOBJ_BODY, name.c_str()); body >= 0) {
    for (int g = 0; g < model->body_geomnum[body]; ++g) geoms.push_back(model->body_geomadr[body] + g);
    return;
  }
  if (const int geom = mj_name2id(model, mjOBJ_GEOM, name.c_str()); geom >= 0) {
    geoms.push_back(geom);
    return;
  }
  std::vector<std::string> known;
  for (const mjtObj type : {mjOBJ_BODY, mjOBJ_GEOM}) {
    const int count = static_cast<int>(type == mjOBJ_BODY ? model->nbody : model->ngeom);
    for (int i = 0; i < count; ++i) {
      const char* other = mj_id2name(model, type, i);
      if (other != nullptr && std::find(known.begin(), known.end(), other) == known.end()) known.emplace_back(other);
    }
  }
  throw TaskError(where + ": no body or geom '" + name + "'" + DidYouMean(name, known));
}

}  // namespace

struct Violation::Impl {
  std::string name;
  bool control = false;
  double window_s = 0.0, size = 0.0;
  StateFormula when, shows;
  std::vector<Step> steps;
  std::vector<int> untouchable;  // geoms
  size_t variables = 1;
  bool sets_model = false;

  static std::unique_ptr<Impl> Compile(const CompiledTask& task, const ViolationSpec& spec, double size);
};

std::unique_ptr<Violation::Impl> Violation::Impl::Compile(const CompiledTask& task, const ViolationSpec& spec, double size) {
  const TaskSpec& of = task.spec();
  const std::string where =
      "task " + (of.task_file.empty() ? of.name : of.task_file.string()) + ", key \"violations." + spec.name;
  const Scene& scene = task.scene();
  auto impl = std::make_unique<Impl>();
  impl->name = spec.sizes.empty() ? spec.name : spec.name + ":" + NumberText(size);
  impl->control = spec.control;
  impl->window_s = spec.window_s;
  impl->size = size;
  std::vector<std::string> variables = {kSize};
  const auto parse = [&](const std::string& text, const std::string& key, bool random) {
    StateFormula formula = ParseStateFormula(scene, text, where + key + "\"", random, variables);
    return formula;
  };
  const auto parse_one = [&](const std::string& text, const std::string& key, bool random) {
    StateFormula formula = parse(text, key, random);
    if (formula.formula.size() != 1) {
      throw TaskError(where + key + "\": expected a formula of one number, \"" + text + "\" yields " +
                      std::to_string(formula.formula.size()));
    }
    return formula;
  };
  if (!spec.when.empty()) impl->when = parse_one(spec.when, ".when", false);
  for (size_t i = 0; i < spec.steps.size(); ++i) {
    const ResetStep& given = spec.steps[i];
    const std::string key = ".do[" + std::to_string(i) + "]";
    Step step;
    step.kind = given.kind;
    step.where = where + key + "\": formula \"" + given.formula + "\"";
    if (given.kind == ResetStep::Kind::kSet) {
      step.targets = ParseStateTarget(scene, given.target, where + key + "\"");
      step.formula = parse(given.formula, key, true);
      const size_t yields = step.formula.formula.size();
      if (yields != 1 && yields != step.targets.size()) {
        throw TaskError(step.where + ": '" + given.target + "' has " + std::to_string(step.targets.size()) +
                        " elements, the formula yields " + std::to_string(yields));
      }
      for (const FieldElement& target : step.targets) impl->sets_model |= target.OfModel();
    } else {
      step.formula = parse_one(given.formula, key, true);
      if (given.kind == ResetStep::Kind::kLet) variables.push_back(given.target);
    }
    step.reads_derived = ReadsDerived(step.formula);
    impl->steps.push_back(std::move(step));
  }
  impl->variables = variables.size();
  for (const std::string& name : spec.pass_through) AddGeoms(task.model(), name, where + ".pass_through\"", impl->untouchable);
  if (!spec.shows.empty()) impl->shows = parse_one(spec.shows, ".shows", false);
  return impl;
}

Violation::Violation(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Violation::~Violation() = default;
Violation::Violation(Violation&&) noexcept = default;

const std::string& Violation::name() const { return impl_->name; }
bool Violation::control() const { return impl_->control; }
double Violation::window_s() const { return impl_->window_s; }
bool Violation::has_to_show() const { return !impl_->shows.formula.empty(); }

std::vector<Violation> Violation::Choose(const CompiledTask& task, const std::string& text) {
  const std::vector<ViolationSpec>& known = task.spec().violations;
  if (known.empty()) {
    throw TaskError("task " + task.spec().name + ": has no \"violations\"; its file says what must not happen in its scene, "
                    "as scenes/two-rooms.json does");
  }
  std::vector<Violation> chosen;
  const auto add = [&](const ViolationSpec& spec, double size) {
    chosen.push_back(Violation(Impl::Compile(task, spec, size)));
  };
  const auto add_all = [&](const ViolationSpec& spec) {
    if (spec.sizes.empty()) add(spec, 0.0);
    for (const double size : spec.sizes) add(spec, size);
  };
  if (text == "all") {
    for (const ViolationSpec& spec : known) add_all(spec);
    return chosen;
  }
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    begin = end + 1;
    const size_t colon = word.find(':');
    const std::string name = word.substr(0, colon);
    const auto found = std::find_if(known.begin(), known.end(), [&](const ViolationSpec& spec) { return spec.name == name; });
    if (found == known.end()) {
      std::vector<std::string> names;
      for (const ViolationSpec& spec : known) names.push_back(spec.name);
      const std::string near = DidYouMean(name, names);
      throw TaskError("task " + task.spec().name + ": no violation '" + name + "'" +
                      (near.empty() ? "; it has " + Join(names, 30) : near));
    }
    if (colon == std::string::npos) {
      add_all(*found);
      continue;
    }
    double size = 0.0;
    const char* last = word.data() + word.size();
    const auto [at, error] = std::from_chars(word.data() + colon + 1, last, size);
    if (error != std::errc() || at != last || !(size > 0.0) || !std::isfinite(size)) {
      throw TaskError("violation '" + word + "': expected a size above 0 behind the colon, as in " + name + ":0.1");
    }
    if (found->sizes.empty()) throw TaskError("violation '" + word + "': " + name + " has no sizes to choose from");
    add(*found, size);
  }
  return chosen;
}

bool Violation::MayHappen(const mjModel* model, const mjData* data) const {
  if (impl_->when.formula.empty()) return true;
  double holds = 0.0;
  impl_->when.Evaluate(model, data, {impl_->size}, nullptr, std::span<double>(&holds, 1));
  return holds != 0.0;
}

bool Violation::Happen(const CompiledTask& task, mjModel* model, mjData* data, Random& random, Variables& variables) const {
  const Impl& impl = *impl_;
  variables = {impl.size};
  bool stale = false;
  for (const Step& step : impl.steps) {
    if (step.reads_derived && stale) {
      if (impl.sets_model) UpdateModelConstants(model, data);
      mj_forward(model, data);
      stale = false;
    }
    std::vector<double> values(step.kind == ResetStep::Kind::kSet ? step.targets.size() : 1);
    if (step.formula.formula.size() == values.size()) {
      step.formula.Evaluate(model, data, variables, &random, values);
    } else {
      for (double& value : values) step.formula.Evaluate(model, data, variables, &random, std::span<double>(&value, 1));
    }
    for (const double value : values) {
      if (std::isnan(value)) throw TaskError(step.where + ": yields no number (NaN)");
    }
    switch (step.kind) {
      case ResetStep::Kind::kSet:
        for (size_t i = 0; i < values.size(); ++i) step.targets[i].Write(model, data, values[i]);
        stale = true;
        break;
      case ResetStep::Kind::kLet:
        variables.push_back(values[0]);
        break;
      default:
        if (values[0] == 0.0) return false;
        break;
    }
  }
  for (const int geom : impl.untouchable) model->geom_contype[geom] = model->geom_conaffinity[geom] = 0;
  if (impl.sets_model) UpdateModelConstants(model, data);
  std::vector<double> state(static_cast<size_t>(task.state_size()));
  mj_getState(model, data, state.data(), mjSTATE_INTEGRATION);
  task.SetState(model, data, state);
  return true;
}

bool Violation::Shows(const mjModel* model, const mjData* data, const Variables& variables) const {
  double holds = 0.0;
  impl_->shows.Evaluate(model, data, variables, nullptr, std::span<double>(&holds, 1));
  return holds != 0.0;
}

}  // namespace reverie
