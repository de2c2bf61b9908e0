#include "ui/desktop/planner_fields.h"

#include <algorithm>
#include <cmath>

#include <imgui.h>

#include "ui/desktop/theme.h"

namespace reverie::desktop {
namespace {

constexpr PlannerKind kKinds[] = {PlannerKind::kIcem, PlannerKind::kMppi, PlannerKind::kCem, PlannerKind::kShooting,
                                  PlannerKind::kPolicy};

// Which kinds use an option, as bits.
constexpr unsigned Bit(PlannerKind kind) { return 1u << static_cast<unsigned>(kind); }
constexpr unsigned kIcem = Bit(PlannerKind::kIcem), kMppi = Bit(PlannerKind::kMppi), kCem = Bit(PlannerKind::kCem);
constexpr unsigned kAll = kIcem | kMppi | kCem | Bit(PlannerKind::kShooting);
constexpr unsigned kRefining = kIcem | kMppi | kCem;
constexpr unsigned kPolicy = Bit(PlannerKind::kPolicy);

struct WholeField {
  int PlannerOptions::*value;
  const char* label;
  int low, high;  // of the slider; what is typed may not leave them either
  bool log;
  unsigned kinds;
  bool basic;
  const char* help;
};
struct RealField {
  double PlannerOptions::*value;
  const char* label;
  float low, high;
  const char* format;
  bool log;
  unsigned kinds;
  bool basic;
  const char* help;
};

constexpr WholeField kWhole[] = {
    {&PlannerOptions::horizon, "Horizon", 1, 200, true, kAll | kPolicy, true,
     "How far plans reach, in control steps. Longer sees later rewards and costs as much more time."},
    {&PlannerOptions::sequences, "Sequences", 2, 5000, true, kAll, true,
     "Action sequences imagined in an iteration. More find better plans and cost as much more time."},
    {&PlannerOptions::iterations, "Iterations", 1, 30, false, kAll, true,
     "How often the sequences are drawn anew around the best. More refine the plan and cost as much more time."},
    {&PlannerOptions::elites, "Elites", 1, 1000, true, kIcem | kCem, true,
     "The best sequences, around which the next ones are drawn. At most the number of sequences."},
};
constexpr RealField kReal[] = {
    {&PlannerOptions::initial_deviation, "Exploration", 0, 2, "%.2f", false, kAll, true,
     "Standard deviation of the first sequences around the last plan. Actions range from -1 to 1."},
    {&PlannerOptions::temperature, "Temperature", 0.01f, 10, "%.2f", true, kMppi, true,
     "How much worse sequences count: near 0 only the best does, the larger the more all do alike. In standard "
     "deviations of the better half's returns."},
    {&PlannerOptions::noise_exponent, "Smoothness", 0, 4, "%.1f", false, kAll, false,
     "Power spectrum f^-x of the noise over time: 0 draws each step by itself, 2 draws slow movements."},
    {&PlannerOptions::minimum_deviation, "Least exploration", 0, 1, "%.3f", false, kRefining, false,
     "The standard deviation never shrinks below this, so that the search stays alive."},
    {&PlannerOptions::momentum, "Momentum", 0, 0.95f, "%.2f", false, kRefining, false,
     "Share of mean and deviation that is kept from the iteration before."},
    {&PlannerOptions::population_decay, "Shrinking", 1, 3, "%.2f", false, kIcem, false,
     "Each iteration draws so many times fewer sequences than the one before, though at least two for each elite."},
    {&PlannerOptions::kept_elites, "Kept elites", 0, 1, "%.2f", false, kIcem, false,
     "Share of the elites that enter the next iteration as they are, and the next plan shifted by a step."},
    {&PlannerOptions::discount, "Discount", 0.8f, 1, "%.3f", false, kAll, false,
     "A reward one control step later counts by this factor less."},
    {&PlannerOptions::uncertainty, "Uncertainty", -5, 5, "%.2f", false, kAll, false,
     "Added to the return for each unit that an ensemble's members disagree by, in standard deviations of the "
     "channels: below 0 avoids what the model does not know, above 0 seeks it. The simulator has none."},
    {&PlannerOptions::budget_ms, "Time budget", 0, 500, "%.0f ms", false, kAll, false,
     "No iteration is begun that would end later than this. 0: never, and only then plans are the same in each run."},
};

bool Used(unsigned kinds, PlannerKind kind) { return (kinds & Bit(kind)) != 0; }

bool EditWhole(const WholeField& field, PlannerOptions& options) {
  int high = field.high;
  if (field.value == &PlannerOptions::elites) high = std::max(1, std::min(high, options.sequences));
  const int flags = ImGuiSliderFlags_AlwaysClamp | (field.log ? ImGuiSliderFlags_Logarithmic : 0);
  const bool changed = ImGui::SliderInt(field.label, &(options.*field.value), field.low, high, "%d", flags);
  theme::Tooltip(field.help);
  return changed;
}

bool EditReal(const RealField& field, PlannerOptions& options) {
  float value = static_cast<float>(options.*field.value);
  const int flags = ImGuiSliderFlags_AlwaysClamp | (field.log ? ImGuiSliderFlags_Logarithmic : 0);
  const bool changed = ImGui::SliderFloat(field.label, &value, field.low, field.high, field.format, flags);
  theme::Tooltip(field.help);
  // Decimal, as it was shown: 0.1 rather than what a float makes of it.
  if (changed) options.*field.value = std::round(static_cast<double>(value) * 1e4) / 1e4;
  return changed;
}

bool EditFields(bool basic, PlannerOptions& options) {
  bool changed = false;
  for (const WholeField& field : kWhole) {
    if (field.basic == basic && Used(field.kinds, options.kind)) changed |= EditWhole(field, options);
  }
  for (const RealField& field : kReal) {
    if (field.basic == basic && Used(field.kinds, options.kind)) changed |= EditReal(field, options);
  }
  return changed;
}

}  // namespace

const char* PlannerKindHelp(PlannerKind kind) {
  switch (kind) {
    case PlannerKind::kIcem: return "Cross-entropy with smooth noise that keeps its best sequences; plays the best one.";
    case PlannerKind::kMppi: return "Averages all sequences, weighted by how good they are; plays the average.";
    case PlannerKind::kCem: return "Draws again and again around the elites; plays their average.";
    case PlannerKind::kShooting: return "Draws around the last plan without refining; plays the best one.";
    case PlannerKind::kPolicy: return "Plans nothing: plays what the model's own policy prefers, where it has learned one.";
  }
  return "";
}

bool EditPlannerOptions(PlannerOptions& options) {
  bool changed = false;
  ImGui::PushItemWidth(-9 * ImGui::GetFontSize());
  if (ImGui::BeginCombo("Kind", PlannerName(options.kind).c_str())) {
    for (const PlannerKind kind : kKinds) {
      if (ImGui::Selectable(PlannerName(kind).c_str(), kind == options.kind) && kind != options.kind) {
        options.kind = kind;
        changed = true;
      }
      theme::Tooltip(PlannerKindHelp(kind));
    }
    ImGui::EndCombo();
  }
  theme::Tooltip(PlannerKindHelp(options.kind));
  changed |= EditFields(true, options);
  if (ImGui::TreeNode("Advanced")) {
    changed |= EditFields(false, options);
    ImGui::TreePop();
  }
  ImGui::PopItemWidth();
  if (changed) options.elites = std::min(options.elites, options.sequences);
  return changed;
}

bool SameOptions(const PlannerOptions& a, const PlannerOptions& b) {
  if (a.kind != b.kind) return false;
  return std::all_of(std::begin(kWhole), std::end(kWhole), [&](const auto& f) { return a.*f.value == b.*f.value; }) &&
         std::all_of(std::begin(kReal), std::end(kReal), [&](const auto& f) { return a.*f.value == b.*f.value; });
}

int64_t ImaginedSteps(const PlannerOptions& options) {
  if (options.kind == PlannerKind::kPolicy) return options.horizon;
  int64_t sequences = 0;
  for (int i = 0; i < options.iterations; ++i) {
    if (options.kind != PlannerKind::kIcem) {
      sequences += options.sequences;
      continue;
    }
    const double shrunk = std::ceil(options.sequences * std::pow(options.population_decay, -i));
    sequences += std::min<int64_t>(options.sequences, std::max<int64_t>(std::llround(shrunk), 2 * options.elites));
  }
  return sequences * options.horizon;
}

std::optional<Relief> RelieveFor(const PlannerOptions& options, double plan_ms, double target_ms) {
  if (!(plan_ms > target_ms) || target_ms <= 0) return std::nullopt;
  const double wanted = static_cast<double>(ImaginedSteps(options)) * target_ms / plan_ms;
  const auto fits = [&](const PlannerOptions& tried) { return static_cast<double>(ImaginedSteps(tried)) <= wanted; };
  const auto text = [](int now, int before, const char* one, const char* many) {
    return std::to_string(now) + " " + (now == 1 ? one : many) + " instead of " + std::to_string(before);
  };
  // Refining twice is worth more than a large population; a population below a few elites finds nothing.
  PlannerOptions less = options;
  while (less.iterations > 2 && !fits(less)) --less.iterations;
  if (fits(less)) return Relief{less, text(less.iterations, options.iterations, "iteration", "iterations")};
  less = options;
  const int fewest = std::min(options.sequences, 24);
  while (less.sequences > fewest && !fits(less)) {
    less.sequences = std::max(fewest, less.sequences * 9 / 10);
    less.elites = std::min(less.elites, std::max(2, less.sequences / 4));
  }
  if (fits(less)) return Relief{less, text(less.sequences, options.sequences, "sequence", "sequences")};
  less = options;
  while (less.horizon > 5 && !fits(less)) --less.horizon;
  if (fits(less)) return Relief{less, "a horizon of " + text(less.horizon, options.horizon, "step", "steps")};
  return std::nullopt;
}

}  // namespace reverie::desktop
