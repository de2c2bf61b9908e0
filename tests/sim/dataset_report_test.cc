#include "sim/dataset_report.h"

#include <cmath>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "tests/sim/dataset_fixture.h"

using namespace reverie;
using namespace reverie::dataset_fixture;
namespace fs = std::filesystem;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Episode PlainEpisode(const DatasetInfo& info, int64_t index, int64_t steps) {
  const auto rows = static_cast<size_t>(steps + 1);
  Episode episode;
  episode.index = index;
  episode.seed = static_cast<uint64_t>(index);
  episode.steps = steps;
  episode.observations.resize(rows * static_cast<size_t>(info.observation_size));
  episode.signals.resize(rows * static_cast<size_t>(info.signal_size));
  episode.actions.resize(static_cast<size_t>(steps * info.action_size));
  episode.rewards.resize(static_cast<size_t>(steps));
  episode.integration_state.resize(rows * static_cast<size_t>(info.state_size));
  episode.qpos.resize(rows * static_cast<size_t>(info.qpos_size));
  episode.qvel.resize(rows * static_cast<size_t>(info.qvel_size));
  episode.time.resize(rows);
  episode.model_parameters.resize(info.parameter_labels.size());
  return episode;
}

/// Four episodes of 2, 4, 1 and 3 steps: 14 rows of observations, 10 of actions.
std::vector<Episode> FourEpisodes(const DatasetInfo& info) {
  const int64_t steps[] = {2, 4, 1, 3};
  const double returns[] = {1, -2, 10, 4};
  std::vector<Episode> episodes;
  int row = 0, step = 0;
  for (int64_t k = 0; k < 4; ++k) {
    Episode& episode = episodes.emplace_back(PlainEpisode(info, k, steps[k]));
    for (size_t t = 0; t <= static_cast<size_t>(steps[k]); ++t, ++row) {
      episode.observations[3 * t] = row;
      episode.observations[3 * t + 1] = row == 6 ? kNan : 5;
      episode.observations[3 * t + 2] = 1e9 + (row % 2 ? 1 : -1);
      episode.signals[2 * t] = -row;
    }
    for (size_t t = 0; t < static_cast<size_t>(steps[k]); ++t, ++step)
      episode.actions[2 * t] = step < 3 ? -1 : step == 3 ? 1 : 0.5;
    episode.rewards.back() = returns[k] + 1;
    episode.rewards.front() += -1;
  }
  episodes[0].terminated = true;
  for (const size_t k : {1, 2, 3}) episodes[k].truncated = true;
  episodes[1].success = {0, 1, 0, 0, 0};
  episodes[2].success = {0, 1};
  episodes[3].success = {0, 0, 0, 0};
  episodes[2].diverged = "hinge";
  episodes[3].diverged = "hinge";
  return episodes;
}

void WriteEpisodes(const fs::path& folder, const DatasetInfo& info, const std::vector<Episode>& episodes) {
  DatasetWriter writer(folder, info, false);
  for (const Episode& episode : episodes) writer.Append(episode);
  writer.Finish();
}

void CheckFourEpisodes(const DatasetReport& report) {
  CHECK(report.episodes == 4);
  CHECK(report.control_steps == 10);
  CHECK(report.env_steps == 20);  // action repeat 2
  // numpy.quantile([1, -2, 10, 4], [0, .25, .5, .75, 1]) and of the lengths
  CHECK(report.returns.min == -2);
  CHECK(report.returns.quarter == doctest::Approx(0.25));
  CHECK(report.returns.median == doctest::Approx(2.5));
  CHECK(report.returns.three_quarters == doctest::Approx(5.5));
  CHECK(report.returns.max == 10);
  CHECK(report.returns.mean == doctest::Approx(3.25));
  CHECK(report.lengths.min == 1);
  CHECK(report.lengths.quarter == doctest::Approx(1.75));
  CHECK(report.lengths.median == doctest::Approx(2.5));
  CHECK(report.lengths.three_quarters == doctest::Approx(3.25));
  CHECK(report.lengths.max == 4);
  CHECK(report.lengths.mean == doctest::Approx(2.5));
  CHECK(report.terminated == 1);
  CHECK(report.truncated == 3);
  CHECK(report.with_success == 3);
  CHECK(report.success_any == 2);
  CHECK(report.success_end == 1);
  CHECK(report.diverged == std::vector<int64_t>{2, 3});
  CHECK(report.diverged_at == std::map<std::string, int64_t>{{"hinge", 2}});

  REQUIRE(report.observations.channels.size() == 3);
  CHECK(report.observations.rows == 14);
  CHECK(report.observations.sampled_every == 1);
  const ChannelCoverage& ramp = report.observations.channels[0];
  CHECK(ramp.label == "all[0]");
  CHECK(ramp.min == 0);
  CHECK(ramp.percent_1 == doctest::Approx(0.13));
  CHECK(ramp.median == doctest::Approx(6.5));
  CHECK(ramp.percent_99 == doctest::Approx(12.87));
  CHECK(ramp.max == 13);
  CHECK(ramp.mean == doctest::Approx(6.5));
  CHECK(ramp.deviation == doctest::Approx(std::sqrt(195.0 / 12)));
  CHECK(ramp.not_finite == 0);
  const ChannelCoverage& constant = report.observations.channels[1];
  CHECK(constant.not_finite == 1);
  CHECK(constant.min == 5);
  CHECK(constant.percent_99 == 5);
  CHECK(constant.max == 5);
  CHECK(constant.deviation == 0);
  // A sum of squares would lose it beside 1e18.
  CHECK(report.observations.channels[2].deviation == doctest::Approx(1));

  REQUIRE(report.signals.channels.size() == 2);
  CHECK(report.signals.channels[0].min == -13);
  REQUIRE(report.actions.channels.size() == 2);
  CHECK(report.actions.rows == 10);
  const ChannelCoverage& action = report.actions.channels[0];
  CHECK(action.label == "left \"motor\"");
  CHECK(action.min == -1);
  CHECK(action.max == 1);
  CHECK(action.median == doctest::Approx(0.5));
  CHECK(action.at_limit == doctest::Approx(0.4));
  CHECK(report.actions.channels[1].at_limit == 0);
}

}  // namespace

TEST_CASE("A report has the figures of the episodes that were written") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  WriteEpisodes(folder / "run", info, FourEpisodes(info));
  std::vector<int64_t> progress;
  const auto report = ReportDataset(DatasetReader(folder / "run"), {},
                                    [&](int64_t done) { progress.push_back(done); });
  REQUIRE(report.has_value());
  CheckFourEpisodes(*report);
  CHECK(progress == std::vector<int64_t>{1, 2, 3, 4});
  uint64_t bytes = 0;
  for (const auto& [name, content] : Contents(folder / "run"))
    if (content != "(folder)") bytes += content.size();
  CHECK(report->disk_bytes == bytes);
}

TEST_CASE("An unfinished dataset is reported as far as it was committed") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  DatasetWriter writer(folder / "run", info, false);
  const std::vector<Episode> episodes = FourEpisodes(info);
  for (const Episode& episode : episodes) {
    writer.Append(episode);
    writer.Commit();
  }
  writer.Append(PlainEpisode(info, 4, 7));
  const DatasetReader reader(folder / "run");
  REQUIRE_FALSE(reader.finished());
  CheckFourEpisodes(ReportDataset(reader).value());
}

TEST_CASE("A sample for quantiles is bounded, said, and does not meet the same step of every episode") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  std::vector<Episode> episodes;
  for (int64_t k = 0; k < 100; ++k) {
    Episode& episode = episodes.emplace_back(PlainEpisode(info, k, 9));
    for (size_t t = 0; t < 10; ++t) episode.observations[3 * t] = static_cast<double>(t);
  }
  WriteEpisodes(folder / "run", info, episodes);
  const DatasetReader reader(folder / "run");
  const DatasetReport report = ReportDataset(reader, {.most_sampled_values = 300}).value();
  CHECK(report.observations.sampled_every == 10);
  CHECK(report.observations.rows == 1000);
  const ChannelCoverage& channel = report.observations.channels[0];
  CHECK(channel.min == 0);
  CHECK(channel.max == 9);
  CHECK(channel.mean == doctest::Approx(4.5));
  CHECK(channel.deviation == doctest::Approx(std::sqrt(99.0 / 12)));
  CHECK(channel.percent_1 < 1);
  CHECK(channel.median >= 4);
  CHECK(channel.median <= 5);
  CHECK(channel.percent_99 > 8);
  CHECK(ReportDataset(reader, {.most_sampled_values = 300})->observations.channels[0].median == channel.median);
}

TEST_CASE("A dataset without episodes has no figures, and none that are wrong") {
  const TemporaryFolder folder;
  WriteEpisodes(folder / "run", MakeInfo(), {});
  const DatasetReport report = ReportDataset(DatasetReader(folder / "run")).value();
  CHECK(report.episodes == 0);
  CHECK(std::isnan(report.returns.median));
  CHECK(std::isnan(report.returns.mean));
  REQUIRE(report.observations.channels.size() == 3);
  CHECK(std::isnan(report.observations.channels[0].min));
  CHECK(std::isnan(report.observations.channels[0].median));
  CHECK(std::isnan(report.actions.channels[0].at_limit));
}

TEST_CASE("A report can be stopped, and refuses metadata that miscounts the steps") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  WriteEpisodes(folder / "run", info, FourEpisodes(info));
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(ReportDataset(DatasetReader(folder / "run"), {}, nullptr, stop.get_token()).has_value());

  const fs::path file = folder / "run/data/metadata.json";
  nlohmann::json metadata = nlohmann::json::parse(ReadFile(file));
  for (const int wrong : {9, 11}) {
    metadata["total_steps"] = wrong;
    WriteFileAtomically(file, metadata.dump());
    const std::string message = MessageOf([&] { ReportDataset(DatasetReader(folder / "run")); });
    CAPTURE(message);
    CHECK(Contains(message, file.string() + ": key 'total_steps': expected the sum of the episodes' steps (10"));
    CHECK(Contains(message, "found " + std::to_string(wrong)));
  }
}
