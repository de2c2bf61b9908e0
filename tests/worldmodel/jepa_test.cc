// The parts of a joint-embedding model against what is computed by hand, and small trainings on pictures drawn by hand:
// a bright square where the task's only coordinate is.
#include <torch/torch.h>
#undef CHECK  // Torch's logging has one of its own

#include <cmath>

#include <doctest/doctest.h>

#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/files.h"
#include "tests/worldmodel/task_fixture.h"
#include "worldmodel/collapse_monitor.h"
#include "worldmodel/jepa.h"
#include "worldmodel/jepa_goal.h"
#include "worldmodel/jepa_losses.h"

using namespace reverie;
using namespace reverie::testing;

namespace {

std::span<const float> Rows(const torch::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

// The statistic as its formula has it, with Torch's general gradient.
torch::Tensor PlainSigReg(const torch::Tensor& latents, const torch::Tensor& directions) {
  const torch::Tensor t = torch::linspace(0, 3, 17, torch::kFloat64).to(latents.dtype());
  torch::Tensor weight = torch::full({17}, 2.0 * 3.0 / 16.0, latents.options());
  weight[0] = weight[16] = 3.0 / 16.0;
  const torch::Tensor gaussian = (-0.5 * t.square()).exp();
  const torch::Tensor angle = torch::matmul(latents, directions).unsqueeze(-1) * t;
  const torch::Tensor real = angle.cos().mean(1) - gaussian, imaginary = angle.sin().mean(1);
  return ((real.square() + imaginary.square()) * gaussian * weight).sum(-1).mean() * static_cast<double>(latents.size(1));
}

constexpr const char* kSliderKeys =
    R"json("time_limit_s": 2, "observation": {"place": "qpos", "speed": "qvel"},
       "reset": [{"set": "qpos", "to": "uniform(-0.5, 0.5)"}],
       "goal": {"distance": "place", "within": 0.05}, "reward": "-abs(place)")json";

// A rail on which the motor holds a velocity: where it goes can be told from one picture.
constexpr const char* kGlider = R"(<mujoco>
  <option timestep="0.05" gravity="0 0 0" integrator="implicitfast"/>
  <worldbody><body>
    <joint name="rail" type="slide" axis="1 0 0" limited="true" range="-1 1"/>
    <geom size="0.1" mass="1"/>
  </body></worldbody>
  <actuator><velocity joint="rail" kv="50" ctrlrange="-1 1" ctrllimited="true"/></actuator>
</mujoco>)";

constexpr int kSide = 16;

std::vector<uint8_t> PictureOf(double place) {
  std::vector<uint8_t> pixels(static_cast<size_t>(kSide * kSide * 3), 20);
  for (int row = 6; row < 10; ++row) {
    for (int column = 0; column < kSide; ++column) {
      const double at = (column + 0.5) / kSide * 2.4 - 1.2;
      const double bright = std::max(0.0, 1.0 - std::abs(at - place) / 0.25);
      pixels[static_cast<size_t>((row * kSide + column) * 3)] = static_cast<uint8_t>(20 + 230 * bright);
    }
  }
  return pixels;
}

void WriteDataset(const std::filesystem::path& folder, const std::shared_ptr<const CompiledTask>& task, int64_t episodes) {
  DatasetInfo info = DescribeDataset(*task, 3, "smooth");
  info.frames = {kSide, kSide, {"free"}};
  DatasetWriter writer(folder, info, false);
  FramePacker packer;
  for (Episode& episode : Play(task, episodes, 3)) {
    FrameSequence& sequence = episode.frames.emplace_back();
    for (int64_t t = 0; t <= episode.steps; ++t) sequence.Add(packer.Pack(PictureOf(episode.qpos[static_cast<size_t>(t)]), 1));
    writer.Append(episode);
  }
  writer.Finish();
}

JepaOptions SmallOptions() {
  JepaOptions options;
  options.latent = 16;
  options.channels = 4;
  options.encoder_width = options.predictor_width = 32;
  options.directions = 32;
  options.batch = 16;
  options.frame_skip = 2;
  options.warm_up = 10;
  return options;
}

}  // namespace

TEST_CASE("the effective rank of a known covariance") {
  // Two rows on each axis: the covariance is diagonal with 1, 1, 4 in proportion.
  const torch::Tensor rows = torch::tensor({{1.0f, 0.0f, 0.0f}, {-1.0f, 0.0f, 0.0f}, {0.0f, 1.0f, 0.0f},
                                            {0.0f, -1.0f, 0.0f}, {0.0f, 0.0f, 2.0f}, {0.0f, 0.0f, -2.0f}});
  const double entropy = -2.0 / 6.0 * std::log(1.0 / 6.0) - 4.0 / 6.0 * std::log(4.0 / 6.0);
  CHECK(EffectiveRank(Rows(rows), 6, 3) == doctest::Approx(std::exp(entropy)).epsilon(1e-6));
  const std::vector<double> deviations = Deviations(Rows(rows), 6, 3);
  CHECK(deviations[0] == doctest::Approx(std::sqrt(1.0 / 3.0)));
  CHECK(deviations[2] == doctest::Approx(std::sqrt(4.0 / 3.0)));
  // All on one line; all at one point.
  const torch::Tensor line = torch::arange(5, torch::kFloat32).unsqueeze(1) * torch::tensor({{1.0f, -2.0f, 3.0f}});
  CHECK(EffectiveRank(Rows(line.contiguous()), 5, 3) == doctest::Approx(1.0).epsilon(1e-6));
  CHECK(EffectiveRank(Rows(torch::full({4, 3}, 7.0f)), 4, 3) == 0.0);
}

TEST_CASE("how much of the variance lies within episodes") {
  // Two episodes around -1 and 1, each with a deviation of 1 along another axis: half and half.
  const torch::Tensor half = torch::tensor({{-1.0f, 1.0f}, {-1.0f, -1.0f}, {1.0f, 1.0f}, {1.0f, -1.0f}});
  CHECK(WithinEpisodeShare(Rows(half), 2, 2, 2) == doctest::Approx(0.5));
  const torch::Tensor none = torch::tensor({{-1.0f}, {-1.0f}, {1.0f}, {1.0f}});
  CHECK(WithinEpisodeShare(Rows(none), 2, 2, 1) == 0.0);
  const torch::Tensor all = torch::tensor({{-1.0f}, {1.0f}, {-1.0f}, {1.0f}});
  CHECK(WithinEpisodeShare(Rows(all), 2, 2, 1) == doctest::Approx(1.0));
}

TEST_CASE("each kind of collapse is named, and not before it can be told") {
  CollapseReport sound{.effective_rank = 20, .least_deviation = 0.8, .mean_deviation = 1, .within_episode = 0.5,
                       .prediction_ratio = 0.1, .inverse_ratio = 0.3, .warnings = {}};
  CHECK(CollapseWarnings(sound, 128, 1000).empty());
  const auto only = [&](auto&& change, const char* says) {
    CollapseReport report = sound;
    change(report);
    const std::vector<std::string> warnings = CollapseWarnings(report, 128, 300);
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].find(says) != std::string::npos);
    CHECK(CollapseWarnings(report, 128, 100).empty());
  };
  only([](CollapseReport& r) { r.mean_deviation = 0.001; }, "to a point");
  only([](CollapseReport& r) { r.effective_rank = 1.5; }, "few directions");
  only([](CollapseReport& r) { r.within_episode = 0.01; }, "tell episodes apart");
  only([](CollapseReport& r) { r.inverse_ratio = 0.99; }, "which actions");
}

TEST_CASE("SIGReg is its formula, and so is its gradient") {
  torch::manual_seed(1);
  torch::Tensor latents = torch::randn({3, 40, 6}) * 1.3 + 0.2, same = latents.clone();
  latents.requires_grad_(true);
  same.requires_grad_(true);
  torch::Generator generator = at::make_generator<at::CPUGeneratorImpl>(4);
  const torch::Tensor directions = RandomDirections(6, 50, generator);
  CHECK((directions.norm(2, 0) - 1.0).abs().max().item<double>() < 1e-6);
  const torch::Tensor ours = SigReg(latents, directions), plain = PlainSigReg(same, directions);
  CHECK(ours.item<double>() == doctest::Approx(plain.item<double>()).epsilon(1e-4));
  (3.0 * ours).backward();
  (3.0 * plain).backward();
  CHECK((latents.grad() - same.grad()).abs().max().item<double>() < 1e-4 * same.grad().abs().max().item<double>());
}

TEST_CASE("SIGReg of a Gaussian and of a collapsed batch are known in closed form") {
  const auto sum = [](auto&& term) {
    double total = 0.0;
    for (int j = 0; j <= 16; ++j) {
      const double t = 3.0 * j / 16.0, gaussian = std::exp(-0.5 * t * t);
      total += (j == 0 || j == 16 ? 1.0 : 2.0) * 3.0 / 16.0 * gaussian * term(gaussian);
    }
    return total;
  };
  torch::Generator generator = at::make_generator<at::CPUGeneratorImpl>(5);
  const torch::Tensor directions = RandomDirections(8, 64, generator);
  // Each sample's characteristic function has variance 1 - |phi|^2, and N times the mean's is that.
  const double expected = sum([](double g) { return 1.0 - g * g; });
  torch::manual_seed(2);
  CHECK(SigReg(torch::randn({400, 64, 8}), directions).item<double>() == doctest::Approx(expected).epsilon(0.03));
  // All at 0: the empirical one is 1 everywhere.
  const double collapsed = sum([](double g) { return (1.0 - g) * (1.0 - g); });
  CHECK(SigReg(torch::zeros({2, 64, 8}), directions).item<double>() == doctest::Approx(64 * collapsed).epsilon(1e-4));
}

TEST_CASE("VICReg's hinge and covariance are known for made batches") {
  // Deviations 2 and 0.5 (of a sample), not correlated.
  const double a = 2.0 * std::sqrt(3.0) / 2.0, b = 0.5 * std::sqrt(3.0) / 2.0;
  const torch::Tensor apart = torch::tensor({a, b, a, -b, -a, b, -a, -b}).to(torch::kFloat32).view({1, 4, 2});
  auto [hinge, covariance] = VicReg(apart);
  CHECK(hinge.item<double>() == doctest::Approx(0.25).epsilon(1e-3));  // of 0 and 0.5
  CHECK(covariance.item<double>() == doctest::Approx(0.0));
  // The same twice: each covariance is the variance, 4; two of them over two dimensions.
  const torch::Tensor twice = torch::tensor({a, a, a, a, -a, -a, -a, -a}).to(torch::kFloat32).view({1, 4, 2});
  CHECK(VicReg(twice).second.item<double>() == doctest::Approx(16.0).epsilon(1e-4));
}

TEST_CASE("a model that learns from pictures predicts, plans and comes back from disk") {
  const std::filesystem::path root = TemporaryFolder("jepa");
  const auto task = MakeTask(kGlider, kSliderKeys);
  WriteDataset(root / "set", task, 12);
  std::vector<DatasetReader> datasets;
  datasets.emplace_back(root / "set");
  const JepaOptions options = SmallOptions();
  FrameWindows windows(datasets, {"set"}, Jepa::Windows(*task, options, ""));
  FrameSettings frames = datasets.front().info().frames;
  Jepa model(task, options, frames, "cpu", 1);
  model.FitScales(windows);
  const std::vector<FrameWindow> watched = windows.Spread(4, 8);
  const int64_t episodes = static_cast<int64_t>(watched.size()) / 8;
  FrameWindowBatch batch, held_out;
  windows.Read(watched, held_out);
  constexpr int64_t kSteps = 250;
  double first = 0, last = 0;
  for (int64_t u = 0; u < kSteps; ++u) {
    windows.Read(windows.Draw(static_cast<uint64_t>(u), options.batch), batch);
    const Jepa::Losses losses = model.Update(batch, kSteps);
    if (u == 0) first = losses.inverse;
    last = losses.inverse;
  }
  CHECK(model.updates() == kSteps);
  CHECK(last < 0.5 * first);
  const CollapseReport report = model.Watch(held_out, episodes);
  CHECK(report.prediction_ratio < 0.8);
  CHECK(report.within_episode > 0.1);
  CHECK(report.warnings.empty());

  // Encoded one by one or together, before or after it was on disk.
  std::vector<uint8_t> pixels;
  for (const double place : {-0.6, 0.0, 0.6}) {
    const std::vector<uint8_t> picture = PictureOf(place);
    pixels.insert(pixels.end(), picture.begin(), picture.end());
  }
  std::vector<float> latents(3 * 16), single(16), again(3 * 16);
  model.Encode({3, pixels, {}}, latents);
  model.Encode({1, std::span<const uint8_t>(pixels).first(pixels.size() / 3), {}}, single);
  for (int i = 0; i < 16; ++i) CHECK(single[i] == doctest::Approx(latents[i]).epsilon(1e-4));
  windows.Read(windows.Draw(99, 16), batch);
  model.Remember(batch, held_out);
  model.Save(root / "model");
  const std::unique_ptr<Jepa> loaded = Jepa::Load(root / "model", task, "cpu");
  loaded->Encode({3, pixels, {}}, again);
  CHECK(latents == again);
  CHECK(loaded->updates() == kSteps);
  CHECK(loaded->frames() == frames);
  CHECK(model.Strangeness(single) < 1.5);
  const std::vector<uint8_t> strange(static_cast<size_t>(kSide * kSide * 3), 255);
  model.Encode({1, strange, {}}, single);
  CHECK(model.Strangeness(single) > 1.5);
  CHECK(loaded->Strangeness(single) == model.Strangeness(single));

  // Going right from the left is nearer to what is on the right than going left.
  JepaGoal goal(*loaded);
  goal.SetStart({latents.begin(), latents.begin() + 16});
  goal.SetGoal({latents.begin() + 32, latents.end()});
  constexpr int kHorizon = 13;  // one step more than whole predictions
  std::vector<float> actions(2 * kHorizon, 1.0f);
  std::fill_n(actions.begin(), kHorizon, -1.0f);
  Imagination imagined;
  goal.Imagine({}, actions, 2, kHorizon, {}, imagined);
  REQUIRE(imagined.rewards.size() == 2 * kHorizon);
  CHECK(imagined.rewards[0] == 0.0f);
  CHECK(imagined.rewards[1] < 0.0f);
  CHECK(imagined.rewards[12] == 0.0f);
  CHECK(imagined.rewards[kHorizon + 11] > imagined.rewards[11]);
  // What distances are of is what Rollout predicts.
  std::vector<float> predicted(6 * 16), deviation(6);
  loaded->Rollout(std::span<const float>(latents).first(16), std::span<const float>(actions).subspan(kHorizon, 12), 1, 6,
                  predicted, deviation);
  double sum = 0.0;
  for (int i = 0; i < 16; ++i) sum += std::pow(predicted[5 * 16 + i] - latents[32 + i], 2);
  CHECK(imagined.rewards[kHorizon + 11] == doctest::Approx(-std::sqrt(sum / 16)).epsilon(1e-4));
  CHECK(deviation[0] > 0.0f);
  CHECK(deviation[5] > deviation[0]);
}

TEST_CASE("the generative twin learns from painting pictures again, and from nothing else") {
  const std::filesystem::path root = TemporaryFolder("twin");
  const auto task = MakeTask(kGlider, kSliderKeys);
  WriteDataset(root / "set", task, 12);
  std::vector<DatasetReader> datasets;
  datasets.emplace_back(root / "set");
  JepaOptions options = SmallOptions();
  options.objective = "reconstruction";
  FrameWindows windows(datasets, {"set"}, Jepa::Windows(*task, options, ""));
  Jepa model(task, options, datasets.front().info().frames, "cpu", 1);
  model.FitScales(windows);
  FrameWindowBatch batch;
  constexpr int64_t kSteps = 400;
  double first = 0, last = 0;
  for (int64_t u = 0; u < kSteps; ++u) {
    windows.Read(windows.Draw(static_cast<uint64_t>(u), options.batch), batch);
    const Jepa::Losses losses = model.Update(batch, kSteps);
    CHECK(losses.regulariser == 0.0);
    CHECK(losses.inverse == 0.0);
    if (u == 0) first = losses.prediction;
    last = losses.prediction;
  }
  CHECK(last < 0.2 * first);
  const std::vector<FrameWindow> watched = windows.Spread(1, 8);
  windows.Read(watched, batch);
  CHECK(model.Watch(batch, 1).inverse_ratio == 0.0);

  // It is saved with what it paints with, and is no model of the other kind.
  model.Save(root / "model");
  std::vector<float> latents(3 * 16), again(3 * 16);
  std::vector<uint8_t> pixels;
  for (const double place : {-0.6, 0.0, 0.6}) {
    const std::vector<uint8_t> picture = PictureOf(place);
    pixels.insert(pixels.end(), picture.begin(), picture.end());
  }
  model.Encode({3, pixels, {}}, latents);
  const std::unique_ptr<Jepa> loaded = Jepa::Load(root / "model", task, "cpu");
  CHECK(loaded->options().objective == "reconstruction");
  loaded->Encode({3, pixels, {}}, again);
  CHECK(latents == again);
}

TEST_CASE("options of a joint-embedding model are refused with one line") {
  JepaOptions options;
  const auto refused = [&](const nlohmann::json& json) -> std::string {
    try {
      JepaOptions copy = options;
      copy.Update(json, "here");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refused({{"size", "tini"}}).find("'tiny'") != std::string::npos);
  CHECK(refused({{"objective", "reconstruct"}}).find("'reconstruction'") != std::string::npos);
  CHECK(refused({{"regulariser", "sig"}}).find("sigreg, vicreg") != std::string::npos);
  CHECK(refused({{"frames", 4}}).find("from 1 to 3, found 4") != std::string::npos);
  CHECK(refused({{"rollout", 9}}).find("from 1 to 4") != std::string::npos);
  CHECK(refused({{"latend", 9}}).find("latent") != std::string::npos);
  options.Update({{"size", "base"}, {"latent", 64}}, "here");
  CHECK(options.latent == 64);
  CHECK(options.encoder_width == 1024);
  CHECK_THROWS_AS(Jepa(MakeTask(kGlider, kSliderKeys), [] {
                    JepaOptions with = SmallOptions();
                    with.proprioception = "spede";
                    return with;
                  }(), {kSide, kSide, {"free"}}, "cpu", 0),
                  Error);
}
