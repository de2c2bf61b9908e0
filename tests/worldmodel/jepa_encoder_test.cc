// A model of pictures that sees with a frozen encoder: what its predictions may depend on, and what of it is kept where.
// That the encoder's features equal those of the transformers library is tested in tests/python/frozen_encoder_test.py.
#include <torch/torch.h>
#undef CHECK  // Torch's logging has one of its own

#include <doctest/doctest.h>

#include "sim/error.h"
#include "tests/worldmodel/encoder_fixture.h"
#include "tests/worldmodel/task_fixture.h"
#include "worldmodel/jepa.h"
#include "worldmodel/jepa_frozen.h"

using namespace reverie;
using namespace reverie::testing;

namespace {

constexpr int kSide = 16;
constexpr int64_t kWidth = 4 * 24;  // tokens, channels
constexpr const char* kKeys = R"json("time_limit_s": 2, "observation": {"place": "qpos"}, "reward": "-abs(place)")json";

JepaOptions SmallOptions(const std::filesystem::path& encoder, int context = 4) {
  JepaOptions options;
  options.SetEncoder(encoder.string());
  options.predictor_width = 24;
  options.heads = 2;
  options.frame_skip = 2;
  options.context = context;
  options.warm_up = 1;
  return options;
}

std::unique_ptr<JepaFrozen> Network(const std::filesystem::path& folder, int context) {
  WriteEncoder(folder, 1);
  const auto encoder = std::make_shared<const FrozenEncoder>(EncoderIdentity::Of(folder), kSide, kSide, 1, "cpu");
  auto network = std::make_unique<JepaFrozen>(SmallOptions(folder, context), JepaSizes{kSide, kSide, 0, 2}, encoder,
                                              torch::Device("cpu"), at::make_generator<at::CPUGeneratorImpl>(3));
  // It would begin with no change at all.
  torch::NoGradGuard no_grad;
  network->values.normal_(0.0, 0.3, at::make_generator<at::CPUGeneratorImpl>(5));
  return network;
}

torch::Tensor Noise(at::IntArrayRef shape, uint64_t seed) {
  return torch::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed), torch::kFloat32);
}

double Greatest(const torch::Tensor& difference) { return difference.abs().max().item<double>(); }

FrameWindowBatch Batch(int64_t windows, int64_t transitions) {
  FrameWindowBatch batch;
  batch.windows = windows;
  batch.pictures = transitions + 1;
  Random random(2);
  batch.pixels.resize(static_cast<size_t>(windows * (transitions + 1) * kSide * kSide * 3));
  for (uint8_t& value : batch.pixels) value = static_cast<uint8_t>(random.Uniform(0, 256));
  batch.actions.resize(static_cast<size_t>(windows * transitions * 2));
  for (float& value : batch.actions) value = static_cast<float>(random.Normal());
  return batch;
}

std::string Refusal(const auto& act) {
  try {
    act();
  } catch (const Error& error) {
    const std::string text = error.what();
    CHECK(text.find('\n') == std::string::npos);
    return text;
  }
  return "(no error)";
}

}  // namespace

TEST_CASE("a prediction depends on its picture, its action and those before, and on nothing later") {
  torch::NoGradGuard no_grad;
  const std::unique_ptr<JepaFrozen> network = Network(TemporaryFolder("causal"), 4);
  const torch::Tensor latents = Noise({3, 4, kWidth}, 1), actions = Noise({3, 4, 2}, 2);
  const torch::Tensor plain = network->PredictAll(latents, actions, nullptr);
  for (int64_t changed = 0; changed < 4; ++changed) {
    for (const bool action : {false, true}) {
      torch::Tensor other_latents = latents.clone(), other_actions = actions.clone();
      (action ? other_actions : other_latents).select(1, changed) += 1.0;
      if (!action) other_latents.select(1, changed).narrow(1, 0, 24) *= -1.0;  // one token most of all
      const torch::Tensor difference = network->PredictAll(other_latents, other_actions, nullptr) - plain;
      for (int64_t t = 0; t < 4; ++t) {
        // Every token of a prediction is reached, not only the one that was changed.
        for (int64_t token = 0; token < 4; ++token) {
          const double most = Greatest(difference.select(1, t).narrow(1, token * 24, 24));
          if (t < changed) CHECK(most == 0.0);
          else CHECK(most > 1e-3);
        }
      }
    }
  }
}

TEST_CASE("step by step it predicts what it does all at once, however many pictures it sees") {
  torch::NoGradGuard no_grad;
  const torch::Tensor latents = Noise({3, 5, kWidth}, 1), actions = Noise({3, 5, 2}, 2);
  for (const int context : {1, 2, 4, 9}) {
    CAPTURE(context);
    const std::unique_ptr<JepaFrozen> network = Network(TemporaryFolder("stepwise"), context);
    torch::Tensor of_all;
    const torch::Tensor all = network->PredictAll(latents, actions, &of_all);
    JepaRollout rollout;
    for (int64_t t = 0; t < 5; ++t) {
      rollout.latent = latents.select(1, t);  // as if it had been predicted
      torch::Tensor log_variance;
      CHECK(Greatest(network->Predict(rollout, actions.select(1, t), &log_variance) - all.select(1, t)) < 1e-4);
      CHECK(Greatest(log_variance - of_all.select(1, t)) < 1e-4);
    }
    // Two layers that each look back context - 1 pictures.
    torch::Tensor other = latents.clone();
    other.select(1, 0) *= -1.0;
    const torch::Tensor difference = network->PredictAll(other, actions, nullptr) - all;
    for (int64_t t = 1; t < 5; ++t) {
      if (t > 2 * (context - 1)) CHECK(Greatest(difference.select(1, t)) == 0.0);
      else CHECK(Greatest(difference.select(1, t)) > 1e-4);
    }
  }
}

TEST_CASE("many sequences are rolled out as each alone, and distances are of what is predicted") {
  const std::filesystem::path root = TemporaryFolder("rolled");
  WriteEncoder(root / "eyes", 1);
  const auto task = MakeTask(kSlider, kKeys);
  Jepa model(task, SmallOptions(root / "eyes"), {kSide, kSide, {"free"}}, "cpu", 1);
  REQUIRE(model.options().latent == kWidth);
  const FrameWindowBatch batch = Batch(8, 4);
  double first = 0, last = 0;
  for (int64_t u = 0; u < 30; ++u) {
    const Jepa::Losses losses = model.Update(batch, 30);
    CHECK(losses.regulariser == 0.0);
    if (u == 0) first = losses.prediction;
    last = losses.prediction;
  }
  CHECK(last < 0.97 * first);  // of noise it can only learn by heart
  constexpr int64_t kSequences = 3, kCalls = 6;
  std::vector<float> latents(2 * kWidth), actions(kSequences * kCalls * 2);
  model.Encode({2, std::span(batch.pixels).first(2 * kSide * kSide * 3), {}}, latents);
  Random random(4);
  for (float& value : actions) value = static_cast<float>(random.Normal());
  const std::span<const float> start = std::span(latents).first(kWidth), goal = std::span(latents).last(kWidth);
  std::vector<float> all(kSequences * kCalls * kWidth), deviation(all.size()), distances(kSequences * kCalls);
  model.Rollout(start, actions, kSequences, kCalls, all, deviation);
  model.Distances(start, goal, actions, kSequences, kCalls, distances);
  for (int64_t n = 0; n < kSequences; ++n) {
    std::vector<float> one(kCalls * kWidth);
    model.Rollout(start, std::span(actions).subspan(static_cast<size_t>(n * kCalls * 2), kCalls * 2), 1, kCalls, one);
    for (int64_t k = 0; k < kCalls; ++k) {
      double sum = 0;
      for (int64_t i = 0; i < kWidth; ++i) {
        const auto at = static_cast<size_t>((n * kCalls + k) * kWidth + i);
        CHECK(one[static_cast<size_t>(k * kWidth + i)] == doctest::Approx(all[at]).epsilon(1e-4));
        if (k > 0) CHECK(deviation[at] > deviation[at - kWidth]);
        sum += std::abs(all[at] - goal[static_cast<size_t>(i)]);
      }
      CHECK(distances[static_cast<size_t>(n * kCalls + k)] == doctest::Approx(sum / kWidth).epsilon(1e-4));
    }
  }
  // Tokens are normalised, seen or predicted.
  for (const auto& from : {std::span<const float>(latents), std::span<const float>(all)}) {
    double sum = 0, squares = 0;
    for (const float value : from.first(24)) {
      sum += value;
      squares += value * value;
    }
    CHECK(sum / 24 == doctest::Approx(0.0).epsilon(1e-3));
    CHECK(squares / 24 == doctest::Approx(1.0).epsilon(1e-3));
  }

  // On disk it is the same, wherever the encoder lies, unless that is another one.
  model.Save(root / "model");
  const auto encode = [&](const Jepa& with) {
    std::vector<float> seen(2 * kWidth);
    with.Encode({2, std::span(batch.pixels).first(2 * kSide * kSide * 3), {}}, seen);
    std::vector<float> ahead(kCalls * kWidth);
    with.Rollout(std::span(seen).first(kWidth), std::span(actions).first(kCalls * 2), 1, kCalls, ahead);
    seen.insert(seen.end(), ahead.begin(), ahead.end());
    return seen;
  };
  const auto load = [&](const std::filesystem::path& encoder) { return Jepa::Load(root / "model", task, "cpu", encoder); };
  const std::vector<float> before = encode(model);
  CHECK(encode(*load("")) == before);
  std::filesystem::rename(root / "eyes", root / "moved");
  CHECK(Refusal([&] { load(""); }).find("found no such folder; put it back, or") != std::string::npos);
  const auto moved = load(root / "moved");
  CHECK(encode(*moved) == before);
  moved->Save(root / "again");  // which says where it is now
  CHECK(encode(*Jepa::Load(root / "again", task, "cpu")) == before);
  WriteEncoder(root / "moved", 2);
  CHECK(Refusal([&] { Jepa::Load(root / "again", task, "cpu"); }).find("found one with fingerprint") != std::string::npos);
}

TEST_CASE("what does not go with a frozen encoder is refused in one line") {
  const std::filesystem::path root = TemporaryFolder("frozen_refused");
  WriteEncoder(root / "eyes", 1);
  const auto task = MakeTask(kSlider, kKeys);
  const auto refused = [&](auto&& change, const char* folder) {
    return Refusal([&] {
      JepaOptions options = SmallOptions(root / folder);
      change(options);
      Jepa(task, options, {kSide, kSide, {"free"}}, "cpu", 0);
    });
  };
  const auto holds = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  const auto nothing = [](JepaOptions&) {};
  CHECK(holds(refused(nothing, "none"), "expected a folder with config.json and model.safetensors"));
  CHECK(holds(refused([](JepaOptions& o) { o.proprioception = "place"; }, "eyes"), "\"proprioception\""));
  CHECK(holds(refused([](JepaOptions& o) { o.objective = "reconstruction"; }, "eyes"), "\"objective\""));
  CHECK(holds(refused([](JepaOptions& o) { o.frames = 3; }, "eyes"), "sees 1 or 2 at once, found 3"));
  CHECK(holds(refused([](JepaOptions& o) { o.Update({{"heads", 5}}, "--set"); }, "eyes"), "multiple of the 5 \"heads\""));
  WriteFileAtomically(root / "eyes" / "config.json", R"({"model_type": "clip"})");
  CHECK(holds(refused(nothing, "eyes"), "clip"));
}
