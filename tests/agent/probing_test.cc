// Probing a small model that has learned a little of where something bright is on a rail.
#include "agent/probing.h"

#include <doctest/doctest.h>

#include "sim/collect.h"
#include "sim/error.h"
#include "tests/worldmodel/task_fixture.h"

using namespace reverie;
using namespace reverie::testing;

namespace {

constexpr int kSide = 16;
// A motor holds a velocity: where the mass goes can be told from where it is and the action.
constexpr const char* kGlider = R"(<mujoco>
  <option timestep="0.05" gravity="0 0 0" integrator="implicitfast"/>
  <worldbody><body>
    <joint name="rail" type="slide" axis="1 0 0" limited="true" range="-1 1"/>
    <geom size="0.1" mass="1"/>
  </body></worldbody>
  <actuator><velocity joint="rail" kv="50" ctrlrange="-1 1" ctrllimited="true"/></actuator>
</mujoco>)";
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
        const double at = (i % kSide + 0.5) / kSide * 2.4 - 1.2, place = episode.qpos[static_cast<size_t>(t)];
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
  const auto task = MakeTask(kGlider, kKeys);
  WriteDataset(root / "set", task, 100);
  std::vector<DatasetReader> datasets;
  datasets.emplace_back(root / "set");
  JepaOptions small;
  small.latent = 8;
  small.channels = 8;
  small.encoder_width = small.predictor_width = 64;
  small.frame_skip = 2;
  small.directions = 32;
  small.batch = 16;
  small.warm_up = 10;
  Jepa model(task, small, datasets.front().info().frames, "cpu", 1);
  {
    FrameWindows learned(datasets, {"set"}, Jepa::Windows(*task, small, ""));
    model.FitScales(learned);
    constexpr int64_t kUpdates = 150;
    for (int64_t u = 0; u < kUpdates; ++u) {
      FrameWindowBatch batch;
      learned.Read(learned.Draw(static_cast<uint64_t>(u), small.batch), batch);
      model.Update(batch, kUpdates);
    }
  }
  ProbingOptions options;
  options.steps = 700;
  options.horizons = {1, 4};
  FrameWindows windows(datasets, {"set"}, ProbingWindows(model, options, ""));
  const std::unique_ptr<JepaProbes> probes = FitProbes(model, windows, options, "cpu", nullptr, {});
  REQUIRE(probes);
  const ProbingReport report = MeasureProbes(model, *probes, windows, options, true, nullptr, {});
  CHECK(report.episodes == 10);
  REQUIRE(report.quantities.size() == 3);
  const ProbingReport::Quantity& place = report.quantities[0];
  CHECK(place.label == "place");
  CHECK(place.linear > 0.8);
  CHECK(place.mlp > 0.9);
  CHECK(place.mlp_imagined[1] > 0.5);
  CHECK(report.quantities[1].mlp < 0.5);           // no single picture shows a speed
  CHECK(std::isnan(report.quantities[2].mlp));     // what never varies is not explained
  CHECK(report.psnr_db > 20.0);
  for (size_t k = 0; k < 2; ++k) {
    CHECK(report.horizons[k].coverage90 > 0.8);
    CHECK(report.horizons[k].coverage90 < 0.98);
    CHECK(place.coverage90[k] > 0.75);
  }

  const ImaginedWindow window = ImagineWindow(model, *probes, windows, report.typical);
  CHECK(window.pictures == 5);
  CHECK(window.real.size() == 5u * kSide * kSide * 3);
  CHECK(window.drawn.size() == window.real.size());

  // Measured again by the factors they have, only coverage is another.
  const ProbingReport kept = MeasureProbes(model, *probes, windows, options, false, nullptr, {});
  CHECK(kept.quantities[0].mlp == place.mlp);
  CHECK(kept.horizons[0].coverage90 > 0.8);

  options.steps = 10;
  const auto figures = [&](uint64_t seed) {
    options.seed = seed;
    const std::unique_ptr<JepaProbes> few = FitProbes(model, windows, options, "cpu", nullptr, {});
    return MeasureProbes(model, *few, windows, options, true, nullptr, {}).ToJson().dump();
  };
  const std::string once = figures(1);
  CHECK(figures(1) == once);
  CHECK(figures(2) != once);

  std::stop_source stop;
  stop.request_stop();
  CHECK(FitProbes(model, windows, options, "cpu", nullptr, stop.get_token()) == nullptr);
  CHECK(MeasureProbes(model, *probes, windows, options, false, nullptr, stop.get_token()).windows == 0);
}
