// What of V-JEPA 2 has an answer that is known without the reference: predictions do not depend on the order in which
// tokens are named, clips do not see each other, short clips are repeated. That all values equal those of the
// transformers library is tested in tests/python/encode_test.py.
#include "worldmodel/vjepa2.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/files.h"
#include "sim/random.h"
#include "tests/worldmodel/task_fixture.h"
#include "worldmodel/safetensors.h"
#include "worldmodel/vjepa2_preprocess.h"

using namespace reverie;

namespace {

constexpr char kConfig[] =
    R"({"model_type": "vjepa2", "crop_size": 8, "patch_size": 4, "frames_per_clip": 4, "hidden_size": 24,
        "num_attention_heads": 2, "num_hidden_layers": 1, "mlp_ratio": 2, "pred_hidden_size": 12,
        "pred_num_attention_heads": 1, "pred_num_hidden_layers": 1, "pred_mlp_ratio": 2})";
constexpr int64_t kSize = 24, kTokens = 8;
constexpr ClipShape kClip{1, 4, 8, 8};

void WriteWeights(const std::filesystem::path& folder, const TensorShapes& shapes) {
  Random random(1);
  Safetensors content;
  for (const auto& [name, shape] : shapes) {
    TensorBytes& tensor = content.tensors[name];
    tensor.dtype = "F32";
    tensor.shape = shape;
    const auto count = static_cast<size_t>(TensorType{"F32", shape}.elements());
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(0.3 * random.Normal());
    tensor.bytes.assign(reinterpret_cast<const char*>(values.data()), count * sizeof(float));
  }
  WriteSafetensors(folder / "model.safetensors", content);
}

std::unique_ptr<VJepa2> Example() {
  const std::filesystem::path folder = testing::TemporaryFolder("vjepa2");
  WriteFileAtomically(folder / "config.json", kConfig);
  WriteWeights(folder, VJepa2Tensors(ReadVJepa2Config(folder), true));
  VJepa2Options options;
  options.predictor = true;
  return VJepa2::Load(folder, options);
}

std::vector<float> Noise(int64_t count, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.Normal());
  return values;
}

std::vector<float> Encode(VJepa2& model, const std::vector<float>& pixels, const ClipShape& shape) {
  std::vector<float> features(static_cast<size_t>(shape.clips * model.Tokens(shape) * kSize));
  model.Encode(pixels, shape, features);
  return features;
}

void CheckNear(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  float worst = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(a[i]));
  }
  CHECK(largest > 0.1f);
  CHECK(worst <= 1e-5f * largest);
}

}  // namespace

TEST_CASE("vjepa2: clips of one call do not see each other") {
  const auto model = Example();
  const std::vector<float> first = Noise(kClip.pixels(), 2), second = Noise(kClip.pixels(), 3);
  std::vector<float> both = first;
  both.insert(both.end(), second.begin(), second.end());
  ClipShape two = kClip;
  two.clips = 2;
  std::vector<float> expected = Encode(*model, first, kClip);
  const std::vector<float> more = Encode(*model, second, kClip);
  expected.insert(expected.end(), more.begin(), more.end());
  CheckNear(Encode(*model, both, two), expected);
}

TEST_CASE("vjepa2: a picture alone is a tubelet of itself, and frames that fill no tubelet are left out") {
  const auto model = Example();
  const std::vector<float> picture = Noise(3 * 8 * 8, 2);
  std::vector<float> twice = picture;
  twice.insert(twice.end(), picture.begin(), picture.end());
  CheckNear(Encode(*model, picture, {1, 1, 8, 8}), Encode(*model, twice, {1, 2, 8, 8}));
  std::vector<float> three = twice;
  three.insert(three.end(), 3 * 8 * 8, 7.0f);
  CheckNear(Encode(*model, three, {1, 3, 8, 8}), Encode(*model, twice, {1, 2, 8, 8}));
}

TEST_CASE("vjepa2: a prediction depends on where tokens are, not on the order in which they are named") {
  const auto model = Example();
  const std::vector<float> features = Encode(*model, Noise(kClip.pixels(), 2), kClip);
  const std::vector<int64_t> context = {0, 2, 3}, reversed = {3, 2, 0}, target = {5, 6}, swapped = {6, 5};
  const auto rows = [&](const std::vector<float>& from, const std::vector<int64_t>& which) {
    std::vector<float> chosen;
    for (int64_t row : which) chosen.insert(chosen.end(), from.begin() + row * kSize, from.begin() + (row + 1) * kSize);
    return chosen;
  };
  std::vector<float> a(2 * kSize), b(2 * kSize), c(2 * kSize);
  model->Predict(rows(features, context), 1, context, target, a);
  model->Predict(rows(features, reversed), 1, reversed, swapped, b);
  CheckNear(a, rows(b, {1, 0}));
  // Elsewhere in time and space it is another one.
  model->Predict(rows(features, context), 1, context, std::vector<int64_t>{7, 4}, c);
  CHECK(a != c);
}

TEST_CASE("vjepa2: surprise is greater where the future's features are others than those that come") {
  const auto model = Example();
  const std::vector<float> pixels = Noise(kClip.pixels(), 2);
  std::vector<float> features = Encode(*model, pixels, kClip);
  std::vector<float> predicted(kTokens / 2 * kSize);
  std::vector<int64_t> context(kTokens / 2), target(kTokens / 2);
  std::iota(context.begin(), context.end(), 0);
  std::iota(target.begin(), target.end(), kTokens / 2);
  const std::vector<float> first_half(pixels.begin(), pixels.begin() + kClip.pixels() / 2);
  model->Predict(Encode(*model, first_half, {1, 2, 8, 8}), 1, context, target, predicted);
  std::vector<float> as_found(1), opposite(1);
  model->Surprise(pixels, kClip, features, 2, as_found);
  // Features that are what was predicted, but the other way round, are as surprising as can be.
  for (size_t i = 0; i < predicted.size(); ++i) features[kTokens / 2 * kSize + i] = -predicted[i];
  model->Surprise(pixels, kClip, features, 2, opposite);
  CHECK(opposite[0] > as_found[0]);
  CHECK_THROWS_AS(model->Surprise(pixels, kClip, features, 4, as_found), ShapeError);
  CHECK_THROWS_AS(model->Surprise(pixels, kClip, features, 3, as_found), ShapeError);
}

TEST_CASE("vjepa2: wrong sizes are refused") {
  const auto model = Example();
  std::vector<float> pixels(static_cast<size_t>(kClip.pixels())), features(kTokens * kSize);
  CHECK_THROWS_AS(model->Encode(std::span(pixels).first(5), kClip, features), ShapeError);
  CHECK_THROWS_AS(model->Encode(pixels, kClip, std::span(features).first(5)), ShapeError);
  CHECK_THROWS_AS(model->Tokens({1, 4, 3, 8}), ShapeError);
  CHECK(model->Tokens({1, 5, 11, 9}) == 2 * 2 * 2);
}

TEST_CASE("vjepa2: a picture of one colour stays one colour, and is what mean and deviation make of it") {
  VJepa2Preprocessing how;
  how.crop_height = how.crop_width = 32;
  CHECK(how.short_side() == 36);
  const std::vector<std::pair<int, int>> sizes = {{100, 60}, {36, 90}, {20, 20}};
  for (const auto& [height, width] : sizes) {
    const std::vector<uint8_t> rgb(static_cast<size_t>(height) * static_cast<size_t>(width) * 3, 51);
    std::vector<float> pixels(3 * 32 * 32);
    Preprocess(rgb, height, width, how, pixels);
    for (size_t c = 0; c < 3; ++c) {
      const float expected = (0.2f - how.mean[c]) / how.deviation[c];
      for (size_t i = 0; i < 32 * 32; ++i) REQUIRE(pixels[c * 32 * 32 + i] == doctest::Approx(expected).epsilon(1e-5));
    }
  }
}
