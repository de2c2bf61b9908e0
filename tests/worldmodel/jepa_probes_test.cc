// Probes of latents on latents that are made up: what they tell is known.
#include <torch/torch.h>
#undef CHECK  // Torch's logging has one of its own

#include <cmath>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/files.h"
#include "tests/worldmodel/task_fixture.h"
#include "worldmodel/jepa_probes.h"

using namespace reverie;
using namespace reverie::testing;

namespace {

constexpr int kSide = 16, kLatent = 4, kRows = 64;
constexpr int64_t kSteps = 300;

JepaOptions Small() {
  JepaOptions options;
  options.latent = kLatent;
  options.channels = 4;
  options.encoder_width = options.predictor_width = 32;
  return options;
}

std::shared_ptr<const CompiledTask> Pendulum() {
  return MakeTask(kPendulum, R"json("time_limit_s": 1, "observation": {"angle": "qpos", "velocity": "qvel"},
                                    "angles": ["angle"], "reward": "angle")json");
}

struct Made {
  std::vector<float> latents, values;  // values: 3 + 2 z0 - z1; 0.5 z2^2
  std::vector<uint8_t> pixels;         // the left half as bright as z3, the right half dark

  explicit Made(int64_t seed) {
    torch::manual_seed(seed);
    const torch::Tensor z = torch::randn({kRows, kLatent}), bright = torch::sigmoid(z.select(1, 3));
    latents.assign(z.data_ptr<float>(), z.data_ptr<float>() + z.numel());
    for (int i = 0; i < kRows; ++i) {
      const float* row = latents.data() + i * kLatent;
      values.push_back(3.0f + 2.0f * row[0] - row[1]);
      values.push_back(0.5f * row[2] * row[2]);
      const auto left = static_cast<uint8_t>(std::lround(255.0f * bright[i].item<float>()));
      for (int y = 0; y < kSide; ++y) {
        for (int x = 0; x < kSide * 3; ++x) pixels.push_back(x < kSide * 3 / 2 ? left : 0);
      }
    }
  }
};

double Explained(const std::vector<float>& real, const std::vector<float>& read, size_t q) {
  double mean = 0, total = 0, error = 0;
  for (size_t i = q; i < real.size(); i += 2) mean += real[i] / kRows;
  for (size_t i = q; i < real.size(); i += 2) {
    total += std::pow(real[i] - mean, 2);
    error += std::pow(real[i] - read[i], 2);
  }
  return 1.0 - error / total;
}

}  // namespace

TEST_CASE("probes read what latents tell, in its own units, and come back from disk") {
  const auto task = Pendulum();
  Jepa model(task, Small(), {kSide, kSide, {"free"}}, "cpu", 1);
  const std::filesystem::path folder = TemporaryFolder("probes");
  model.Save(folder);
  using Of = ProbedQuantity::Of;
  // Mean and deviation as they are for a standard normal.
  JepaProbes probes(model, {{"sum", 0, Of::kValue, 3.0, std::sqrt(5.0)}, {"square", 1, Of::kValue, 0.5, std::sqrt(0.5)}}, "cpu", 2);
  JepaProbes::Losses first, last;
  for (int64_t u = 0; u < kSteps; ++u) {
    const Made made(u);
    last = probes.Update(made.latents, made.pixels, made.values, kSteps);
    if (u == 0) first = last;
  }
  probes.Solve();
  CHECK(last.quantities < 0.05 * first.quantities);
  CHECK(last.picture < 0.2 * first.picture);

  const Made fresh(9999);
  std::vector<float> read(fresh.values.size());
  probes.Read(JepaProbes::Kind::kLinear, fresh.latents, read);
  CHECK(Explained(fresh.values, read, 0) > 0.9999);
  CHECK(Explained(fresh.values, read, 1) < 0.2);  // a square is no linear function
  probes.Read(JepaProbes::Kind::kMlp, fresh.latents, read);
  CHECK(Explained(fresh.values, read, 0) > 0.99);
  CHECK(Explained(fresh.values, read, 1) > 0.9);

  // Errors of 0.3 and 0.4 in z0 and z1 make one of sqrt(4 * 0.09 + 0.16) in the sum.
  std::vector<float> deviations(fresh.latents.size(), 0.0f), spread(fresh.values.size()), none(fresh.values.size());
  probes.Spread(fresh.latents, deviations, none);
  for (size_t i = 0; i < kRows; ++i) {
    deviations[i * kLatent] = 0.3f;
    deviations[i * kLatent + 1] = 0.4f;
  }
  probes.Spread(fresh.latents, deviations, spread);
  double mean = 0;
  for (size_t i = 0; i < kRows; ++i) mean += std::sqrt(spread[2 * i] * spread[2 * i] - none[2 * i] * none[2 * i]) / kRows;
  CHECK(mean == doctest::Approx(std::sqrt(4 * 0.09 + 0.16)).epsilon(0.05));

  std::vector<uint8_t> drawn(fresh.pixels.size());
  probes.Draw(fresh.latents, drawn);
  double error = 0;
  for (size_t i = 0; i < drawn.size(); ++i) error += std::abs(drawn[i] - fresh.pixels[i]) / static_cast<double>(drawn.size());
  CHECK(error < 15.0);

  probes.quantity_calibration().Observe(1, {2.0, 2.0});
  CHECK_FALSE(JepaProbes::ExistIn(folder));
  probes.Save(folder);
  CHECK(JepaProbes::ExistIn(folder));
  const std::unique_ptr<JepaProbes> loaded = JepaProbes::Load(folder, model, "cpu");
  CHECK(loaded->quantities()[1].label == "square");
  std::vector<float> again(read.size());
  loaded->Read(JepaProbes::Kind::kMlp, fresh.latents, again);
  CHECK(again == read);
  std::vector<uint8_t> redrawn(drawn.size());
  loaded->Draw(fresh.latents, redrawn);
  CHECK(redrawn == drawn);

  // Of a model that learned on, or of a damaged file, nothing is read.
  Jepa(task, Small(), {kSide, kSide, {"free"}}, "cpu", 5).Save(folder);
  CHECK_THROWS_WITH_AS(JepaProbes::Load(folder, model, "cpu"), doctest::Contains("fitted on other weights"), CheckpointError);
  const std::string whole = ReadFile(folder / "probes.safetensors");
  WriteFileAtomically(folder / "probes.safetensors", whole.substr(0, whole.size() / 2));
  CHECK_THROWS_AS(JepaProbes::Load(folder, model, "cpu"), CheckpointError);
}

TEST_CASE("probes read what varies little around much that never changes, as a frozen encoder's tokens do") {
  const auto task = Pendulum();
  Jepa model(task, Small(), {kSide, kSide, {"free"}}, "cpu", 1);
  JepaProbes probes(model, {{"sum", 0, ProbedQuantity::Of::kValue, 3.0, std::sqrt(5.0)},
                            {"square", 1, ProbedQuantity::Of::kValue, 0.5, std::sqrt(0.5)}}, "cpu", 2);
  const auto around = [](Made made) {
    for (size_t i = 0; i < made.latents.size(); ++i) made.latents[i] = 4.0f * static_cast<float>(i % kLatent % 3) + 0.03f * made.latents[i];
    return made;
  };
  for (int64_t u = 0; u < kSteps; ++u) {
    const Made made = around(Made(u));
    probes.Update(made.latents, made.pixels, made.values, kSteps);
  }
  const Made fresh = around(Made(9999));
  std::vector<float> read(fresh.values.size());
  probes.Read(JepaProbes::Kind::kMlp, fresh.latents, read);
  CHECK(Explained(fresh.values, read, 0) > 0.99);
  CHECK(Explained(fresh.values, read, 1) > 0.9);
}

TEST_CASE("an angle is read as its cosine and its sine, and an unknown channel is refused") {
  const auto task = Pendulum();
  const std::vector<ProbedQuantity> all = QuantitiesOf(*task, {});
  REQUIRE(all.size() == 3);
  CHECK(all[0].label == "cos(angle)");
  CHECK(all[1].label == "sin(angle)");
  CHECK(all[2].label == "velocity");
  CHECK(all[0].Read(2.0) == doctest::Approx(-0.4161468));
  CHECK(all[1].Read(2.0) == doctest::Approx(0.9092974));
  CHECK(all[2].Read(2.0) == 2.0);
  CHECK(QuantitiesOf(*task, {"velocity"}).size() == 1);
  CHECK_THROWS_WITH_AS(QuantitiesOf(*task, {"velocty"}), doctest::Contains("'velocity'"), Error);
}
