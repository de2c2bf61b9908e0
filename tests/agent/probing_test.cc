// Probing an encoder that has not learned: even that tells where something bright is.
#include "agent/probing.h"

#include <doctest/doctest.h>

#include "sim/collect.h"
#include "sim/error.h"
#include "tests/worldmodel/task_fixture.h"

using namespace reverie;
using namespace reverie::testing;

namespace {

constexpr int kSide = 16;
constexpr const char* kKeys = R"json("time_limit_s": 1.5, "observation": {"place": "qpos", "speed": "qvel", "goal": "0.25"},
                                 "reset": [{"set": "qpos", "to": "uniform(-0.5, 0.5)"}], "reward": "-abs(place)")json";

void WriteDataset(const std::filesystem::path& folder, const std::shared_ptr<const CompiledTask>& task, int64_t episodes) {
  DatasetInfo info = DescribeDataset(*task, 3, "smooth");
  info.frames = {kSide, kSide, {"eye"}};
  DatasetWriter writer(folder, info, false);
  FramePacker packer;
  for (Episode& episode : Play(task, episodes, 3)) {
    FrameSequence& frames = episode.frames.emplace_back();
    for (int64_t t = 0; t <= episode.steps; ++t) {
      std::vector<uint8_t> frame(static_cast<size_t>(kSide * kSide * 3), 20);
      for (int i = 0; i < kSide * kSide; ++i) {
        const double at = (i % kSide + 0.5) / kSide * 3.0 - 1.5, place = episode.qpos[static_cast<size_t>(t)];
        frame[static_cast<size_t>(3 * i)] = static_cast<uint8_t>(20 + 230 * std::max(0.0, 1.0 - std::abs(at - place) / 0.5));
      }
      frames.Add(packer.Pack(frame, 1));
    }
    writer.Append(episode);
  }
  writer.Finish();
}

}  // namespace

TEST_CASE("probing measures what is read on held-out episodes, and intervals that hold what happened") {
  const std::filesystem::path root = TemporaryFolder("probing");
  const auto task = MakeTask(kSlider, kKeys);
  WriteDataset(root / "set", task, 60);
  std::vector<DatasetReader> datasets;
  datasets.emplace_back(root / "set");
  JepaOptions small;
  small.latent = 8;
  small.channels = 4;
  small.encoder_width = small.predictor_width = 32;
  small.frame_skip = 2;
  const Jepa model(task, small, datasets.front().info().frames, "cpu", 1);
  ProbingOptions options;
  options.steps = 300;
  options.horizons = {1, 4};
  FrameWindows windows(datasets, {"set"}, ProbingWindows(model, options, ""));
  const auto fit = [&] { return FitProbes(model, windows, options, "cpu", nullptr, {}); };
  const std::unique_ptr<JepaProbes> probes = fit();
  REQUIRE(probes);
  const ProbingReport report = MeasureProbes(model, *probes, windows, options, true, nullptr, {});
  CHECK(report.episodes == 6);
  REQUIRE(report.quantities.size() == 3);
  const ProbingReport::Quantity& place = report.quantities[0];
  CHECK(place.label == "place");
  CHECK(place.linear > 0.8);
  CHECK(place.mlp > 0.95);
  CHECK(place.mlp_imagined[1] < place.mlp);        // it has not learned to predict
  CHECK(report.quantities[1].mlp < 0.5);           // no single picture shows a speed
  CHECK(std::isnan(report.quantities[2].mlp));     // what never varies is not explained
  CHECK(report.psnr_db > 20.0);
  for (size_t k = 0; k < 2; ++k) {
    CHECK(report.horizons[k].coverage90 > 0.8);
    CHECK(report.horizons[k].coverage90 < 0.98);
    CHECK(place.coverage90[k] > 0.75);
  }
  // The untrained predictor's own intervals are wrong by far.
  CHECK(std::abs(report.horizons[0].uncalibrated90 - 0.9) > std::abs(report.horizons[0].coverage90 - 0.9));

  const ImaginedWindow window = ImagineWindow(model, *probes, windows, report.typical);
  CHECK(window.pictures == 5);
  CHECK(window.real.size() == 5u * kSide * kSide * 3);
  CHECK(window.drawn.size() == window.real.size());

  // The same seed, the same probes; measured again by the factors they have, other figures of coverage alone.
  const std::unique_ptr<JepaProbes> again = fit();
  const ProbingReport same = MeasureProbes(model, *again, windows, options, true, nullptr, {});
  CHECK(same.ToJson().dump() == report.ToJson().dump());
  const ProbingReport kept = MeasureProbes(model, *again, windows, options, false, nullptr, {});
  CHECK(kept.quantities[0].mlp == place.mlp);

  std::stop_source stop;
  stop.request_stop();
  CHECK(FitProbes(model, windows, options, "cpu", nullptr, stop.get_token()) == nullptr);
  CHECK(MeasureProbes(model, *probes, windows, options, false, nullptr, stop.get_token()).windows == 0);
}
