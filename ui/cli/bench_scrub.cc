#include "ui/cli/bench_scrub.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <vector>

#include "sim/environment.h"
#include "sim/random.h"

namespace reverie::cli {
namespace {

constexpr int kSteps = 10000, kSeeks = 500;

bool LeadsOn(Environment& environment, const BranchView& branch, int64_t row) {
  if (!branch.info->parameters.empty()) environment.SetParameters(branch.info->parameters);
  environment.RestoreState(branch.State(row), static_cast<int>(row));
  environment.Step(branch.Action(row + 1));
  return std::ranges::equal(environment.SaveState(), branch.State(row + 1));
}

}  // namespace

nlohmann::ordered_json BenchScrub(std::shared_ptr<const CompiledTask> task, uint64_t seed, int threads) {
  SessionOptions options;
  options.seed = seed;
  options.threads = threads;
  options.actor = Actor::kSmooth;
  options.pace = Pace::kLockStep;
  options.at_end = AtEnd::kGoOn;
  Session session(task, options);
  session.StepControl(kSteps);
  session.Wait();
  while (session.Snapshot()->now.row < kSteps) session.Wait();

  Environment environment(task);
  Random random(seed);
  std::vector<double> milliseconds;
  int64_t exact = 0;
  for (int i = 0; i < kSeeks; ++i) {
    const TimelinePlace place{0, static_cast<int64_t>(random.Uniform(0, kSteps - 1))};
    const auto began = std::chrono::steady_clock::now();
    session.Seek(place);
    session.Wait();
    const std::shared_ptr<const SessionSnapshot> now = session.Snapshot();
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count());
    const BranchView& branch = *now->timeline.Find(place.branch);
    exact += now->now == place && std::ranges::equal(now->state, branch.State(place.row)) &&
             LeadsOn(environment, branch, place.row);
  }
  std::ranges::sort(milliseconds);
  const std::shared_ptr<const SessionSnapshot> end = session.Snapshot();
  return {{"task", task->spec().name},
          {"control_steps", kSteps},
          {"seeks", kSeeks},
          {"exact", exact},
          {"ms_p50", milliseconds[milliseconds.size() / 2]},
          {"ms_max", milliseconds.back()},
          {"timeline_mb", static_cast<double>(end->timeline.bytes) / 1048576}};
}

}  // namespace reverie::cli
