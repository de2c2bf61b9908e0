#include <algorithm>

#include "agent/surprise_evaluation.h"
#include "sim/gl_context.h"
#include "sim/policy.h"
#include "sim/video.h"
#include "ui/cli/surprise.h"
#include "ui/cli/surprise_picture.h"
#include "worldmodel/device.h"

namespace reverie::cli {
namespace {

constexpr int64_t kPairs = 100;
// Of a picture, beside the moment; twice the window after it where that is more.
constexpr int kBefore = 8, kAfter = 15;  // control steps

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0.0 : values[values.size() / 2];
}

nlohmann::ordered_json JsonOf(const ViolationSurprise& result, double control_step_s) {
  nlohmann::ordered_json json = {{"violation", result.violation},
                                 {"control", result.control},
                                 {"auroc", result.Auroc()},
                                 {"pairs_told", result.PairsTold()},
                                 {"window_s", result.window * control_step_s}};
  nlohmann::ordered_json& pairs = json["pairs"] = nlohmann::ordered_json::array();
  for (const PairSurprise& pair : result.pairs) {
    pairs.push_back({{"episode_seed", pair.episode_seed},
                     {"step", pair.moment},
                     {"possible", pair.possible},
                     {"impossible", pair.impossible}});
  }
  return json;
}

void PrintTable(const std::vector<ViolationSurprise>& results, double control_step_s) {
  size_t width = 9;
  for (const ViolationSurprise& result : results) width = std::max(width, result.violation.size());
  const auto padded = [&](const std::string& text) { return text + std::string(width - text.size(), ' '); };
  Print(padded("violation") + "   AUROC  pairs told  possible  impossible  window");
  for (const bool control : {false, true}) {
    for (const ViolationSurprise& result : results) {
      if (result.control != control) continue;
      std::vector<double> possible, impossible;
      for (const PairSurprise& pair : result.pairs) {
        possible.push_back(pair.possible);
        impossible.push_back(pair.impossible);
      }
      Print(padded(result.violation) + Format("  %6.4f  %9.0f%%  %8.2f  %10.2f  %4.2f s%s", result.Auroc(),
                                              100.0 * result.PairsTold(), Median(possible), Median(impossible),
                                              result.window * control_step_s, control ? "  control" : ""));
    }
  }
}

}  // namespace

int RunSurpriseOfTwins(const SurpriseOptions& options) {
  CheckNotThere(options.picture, "--picture", options.common);
  DrawOnCallingThread();
  const std::shared_ptr<const CompiledTask> task = OpenTask(options.task, options.common);
  const std::vector<Violation> violations =
      Violation::Choose(*task, options.violations.empty() ? "all" : options.violations);
  SetTorchThreads(1);
  const std::unique_ptr<FrameJudge> judge = OpenJudge(options, task, nullptr);
  const PolicySource policy = NoisePolicy(options.policy.empty() ? "explore" : options.policy, *task);
  const int64_t pairs = options.pairs > 0 ? options.pairs : kPairs;
  SurpriseEvaluation evaluation;
  {
    Progress progress("surprise", pairs * static_cast<int64_t>(violations.size()), "twins");
    evaluation = EvaluateSurprise(*judge, violations, policy, pairs, options.common.seed, options.common.Threads(),
                                  [&](int64_t scored) { progress.Update(scored); }, InterruptToken());
  }
  if (evaluation.interrupted) return Interrupted("nothing was written");
  if (!options.picture.empty()) {
    std::vector<TwinFilm> films;
    for (size_t v = 0; v < violations.size(); ++v) {
      const int after = std::max(kAfter, 2 * evaluation.violations[v].window);
      films.push_back(FilmTwins(*judge, violations[v], policy, 0, options.common.seed, kBefore, after));
    }
    const Picture picture = DrawTwins(films);
    WritePng(options.picture, picture.width, picture.height, picture.rgb);
  }
  const double control_step_s = task->env_step_s() * task->spec().action_repeat;
  if (options.common.json) {
    nlohmann::ordered_json report = {{"task", task->spec().name}, {"model", NameOf(options)}, {"seed", options.common.seed},
                                     {"policy", policy.name},     {"pairs", pairs},         {"control_step_s", control_step_s},
                                     {"frame_skip", judge->ahead()}};
    nlohmann::ordered_json& results = report["violations"] = nlohmann::ordered_json::array();
    for (const ViolationSurprise& result : evaluation.violations) results.push_back(JsonOf(result, control_step_s));
    if (!options.picture.empty()) report["picture"] = options.picture;
    PrintJson(report);
    return kDone;
  }
  PrintTable(evaluation.violations, control_step_s);
  Print(Format("%s: %lld pairs a violation; possible, impossible: median surprise within the window", task->spec().name.c_str(),
               static_cast<long long>(pairs)) +
        (options.picture.empty() ? "" : "; the picture is " + options.picture));
  return kDone;
}

}  // namespace reverie::cli
