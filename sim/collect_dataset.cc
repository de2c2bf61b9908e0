#include "sim/collect_dataset.h"

#include <chrono>

#include "sim/dataset.h"
#include "sim/error.h"

namespace reverie {

CollectDatasetResult CollectDataset(const std::shared_ptr<const CompiledTask>& task, const PolicySource& policy,
                                    const CollectDatasetOptions& options,
                                    const std::function<void(int64_t episodes, int64_t steps)>& begun,
                                    const std::function<void(int64_t episodes, int64_t steps)>& kept,
                                    std::stop_token stop) {
  const CollectOptions& run = options.run;
  DatasetInfo info = DescribeDataset(*task, run.seed, policy.name);
  info.policies = policy.actors;
  info.first_episode = run.first_episode;
  info.frames = run.frames;
  DatasetWriter writer(options.folder, info, options.resume);
  if (options.resume) {
    const bool more = run.episodes > 0 ? writer.committed() < run.episodes : writer.committed_steps() < run.steps;
    // The last episode of a finished run may have been cut short by its limit of steps.
    if (more && writer.committed() > 0 && DatasetReader(options.folder).finished())
      writer.KeepFirst(writer.committed() - 1);
  }
  CollectDatasetResult result;
  result.resumed_at = result.episodes = writer.committed();
  result.steps = writer.committed_steps();
  if (begun) begun(result.episodes, result.steps);

  CollectOptions rest = run;
  rest.episodes = run.episodes > 0 ? run.episodes - result.episodes : 0;
  rest.steps = run.steps > 0 ? run.steps - result.steps : 0;
  rest.first_episode = run.first_episode + result.episodes;
  if (rest.episodes > 0 || rest.steps > 0) {
    // A killed run loses what was not committed: at most this long.
    constexpr std::chrono::seconds kCommitInterval(10);
    auto last_commit = std::chrono::steady_clock::now();
    const auto keep = [&](Episode&& episode) {
      ++result.episodes;
      result.steps += episode.steps;
      writer.Append(episode);
      if (const auto now = std::chrono::steady_clock::now(); now - last_commit > kCommitInterval) {
        writer.Commit();
        last_commit = std::chrono::steady_clock::now();
      }
      if (kept) kept(result.episodes, result.steps);
    };
    CollectResult collected;
    try {
      collected = Collect(task, policy, rest, keep, stop);
    } catch (...) {
      try {
        writer.Commit();
      } catch (const Error&) {  // the first error says more
      }
      throw;
    }
    result.quarantined = collected.quarantined;
    result.interrupted = collected.interrupted;
  }
  if (result.interrupted && !(options.finish_when_stopped && result.episodes > 0)) {
    writer.Commit();
  } else {
    writer.Finish();
  }
  return result;
}

}  // namespace reverie
