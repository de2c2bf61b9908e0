// Collecting into a folder: what is there after a run, a stopped run and a resumed one, against the same run made
// in one piece.
#include "sim/collect_dataset.h"

#include <doctest/doctest.h>

#include "sim/dataset.h"
#include "sim/error.h"
#include "tests/sim/cart.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;
using namespace reverie::dataset_fixture;

namespace {

std::shared_ptr<const CompiledTask> Cart(const TemporaryFolder& folder) {
  return Compile(folder, kCart,
                 CartTask(R"json(, "time_limit_s": 0.2, "control_timestep_s": 0.02, "reward": "1 + position[0]",
                             "success": "time > 0.1", "signals": {"time": "time"},
                             "reset": [{"set": "qpos(slider)", "to": "uniform(-1, 1)"}])json"));
}

CollectDatasetOptions Run(const std::filesystem::path& folder, int64_t episodes) {
  CollectDatasetOptions options;
  options.run.episodes = episodes;
  options.run.seed = 7;
  options.folder = folder;
  return options;
}

}  // namespace

TEST_CASE("a stopped run, resumed, ends in the bytes of one that was not stopped") {
  const TemporaryFolder folder;
  const auto task = Cart(folder);
  const PolicySource policy = SmoothPolicy(*task);
  const CollectDatasetResult whole = CollectDataset(task, policy, Run(folder / "whole/run", 40), {}, {}, {});
  CHECK(whole.episodes == 40);
  CHECK(whole.steps == 400);
  CHECK_FALSE(whole.interrupted);

  for (const bool finish : {false, true}) {
    CAPTURE(finish);
    CollectDatasetOptions options = Run(folder / ("stopped " + std::to_string(finish)) / "run", 40);
    options.finish_when_stopped = finish;
    std::stop_source stop;
    const auto stop_after_two = [&](int64_t episodes, int64_t) {
      if (episodes == 2) stop.request_stop();
    };
    const CollectDatasetResult stopped = CollectDataset(task, policy, options, {}, stop_after_two, stop.get_token());
    CHECK(stopped.interrupted);
    CHECK(stopped.episodes >= 2);  // and those that were finished by then
    CHECK(stopped.episodes < 40);
    const DatasetReader part(options.folder);
    CHECK(part.episodes() == stopped.episodes);
    CHECK(part.finished() == finish);

    options.resume = true;
    int64_t began_at = -1;
    const CollectDatasetResult resumed =
        CollectDataset(task, policy, options, [&](int64_t episodes, int64_t) { began_at = episodes; }, {}, {});
    CHECK(began_at == resumed.resumed_at);
    CHECK(resumed.episodes == 40);
    CHECK(resumed.steps == 400);
    CHECK(Differences(folder / "whole/run", options.folder) == "");
  }
}

TEST_CASE("a run stopped before its first episode ended leaves no dataset that claims to be one") {
  const TemporaryFolder folder;
  const auto task = Cart(folder);
  std::stop_source stop;
  stop.request_stop();
  CollectDatasetOptions options = Run(folder / "data", 5);
  options.finish_when_stopped = true;
  const CollectDatasetResult result = CollectDataset(task, SmoothPolicy(*task), options, {}, {}, stop.get_token());
  CHECK(result.interrupted);
  CHECK(result.episodes == 0);
  CHECK_FALSE(DatasetReader(options.folder).finished());
}

TEST_CASE("a summary says what the episode itself says") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  WriteRun(folder / "made up", info, 7, 3);
  const auto task = Cart(folder);
  CollectDataset(task, SmoothPolicy(*task), Run(folder / "cart", 3), {}, {}, {});
  for (const char* name : {"made up", "cart"}) {
    const DatasetReader reader(folder / name);
    for (int64_t k = 0; k < reader.episodes(); ++k) {
      const Episode episode = reader.Read(k);
      const EpisodeSummary summary = reader.ReadSummary(k);
      CHECK(summary.index == episode.index);
      CHECK(summary.seed == episode.seed);
      CHECK(summary.steps == episode.steps);
      CHECK(SameBits({summary.episode_return}, {episode.Return()}));
      CHECK(summary.has_success == !episode.success.empty());
      bool any = false;
      for (const double success : episode.success) any |= success != 0.0;
      CHECK(summary.success_any == any);
      CHECK(summary.success_end == (!episode.success.empty() && episode.success.back() != 0.0));
      CHECK(summary.terminated == episode.terminated);
      CHECK(summary.truncated == episode.truncated);
      CHECK(summary.diverged == episode.diverged);
    }
    CHECK_THROWS_AS(reader.ReadSummary(reader.episodes()), DatasetError);
  }
}
