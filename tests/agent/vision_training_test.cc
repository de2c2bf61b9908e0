// Training on pictures as a run: stopped and resumed, and refused where the data cannot be learned from.
#include "agent/vision_training.h"

#include <doctest/doctest.h>

#include "sim/collect.h"
#include "sim/error.h"
#include "sim/files.h"
#include "tests/worldmodel/encoder_fixture.h"
#include "tests/worldmodel/task_fixture.h"

using namespace reverie;
using namespace reverie::testing;

namespace {

constexpr const char* kKeys = R"json("time_limit_s": 1.5, "observation": {"place": "qpos", "speed": "qvel"},
                                 "reset": [{"set": "qpos", "to": "uniform(-0.5, 0.5)"}], "reward": "-abs(place)")json";

enum class Pictures { kGood, kBlack, kNone, kDamaged };

struct Set {
  std::filesystem::path folder;
  std::shared_ptr<const CompiledTask> task = MakeTask(kSlider, kKeys);

  Set(const std::string& name, Pictures pictures, int64_t episodes = 8, int side = 16) : folder(TemporaryFolder(name) / "set") {
    DatasetInfo info = DescribeDataset(*task, 3, "smooth");
    if (pictures != Pictures::kNone) info.frames = {side, side, {"eye"}};
    DatasetWriter writer(folder, info, false);
    FramePacker packer;
    for (Episode& episode : Play(task, episodes, 3)) {
      FrameSequence frames;
      for (int64_t t = 0; t <= episode.steps; ++t) {
        std::vector<uint8_t> frame(static_cast<size_t>(side * side * 3), 0);
        if (pictures != Pictures::kBlack) {
          const double place = std::clamp(episode.qpos[static_cast<size_t>(t)], -0.9, 0.9);
          frame[static_cast<size_t>((place + 1.0) / 2.0 * side) * 3] = 255;
        }
        // Episode 2 cannot be inflated from its fourth frame on.
        if (pictures == Pictures::kDamaged && episode.index == 2 && t > 3) frames.Add(std::vector<uint8_t>(9, 7));
        else frames.Add(packer.Pack(frame, 1));
      }
      if (pictures != Pictures::kNone) episode.frames.push_back(std::move(frames));
      writer.Append(episode);
    }
    writer.Finish();
  }
};

VisionTrainingOptions Options(const std::vector<const Set*>& sets) {
  VisionTrainingOptions options;
  options.model.latent = 8;
  options.model.channels = 2;
  options.model.encoder_width = options.model.predictor_width = 16;
  options.model.directions = 8;
  options.model.batch = 4;
  options.steps = 130;
  for (const Set* set : sets) options.names.push_back(set->folder.string());
  return options;
}

std::vector<DatasetReader> Open(const std::vector<const Set*>& sets) {
  std::vector<DatasetReader> datasets;
  for (const Set* set : sets) datasets.emplace_back(set->folder);
  return datasets;
}

std::string Refused(const std::vector<const Set*>& sets, VisionTrainingOptions options) {
  try {
    TrainVision(sets.front()->task, Open(sets), options, "cpu", TemporaryFolder("vision_refused"), false, nullptr, {});
  } catch (const Error& error) {
    const std::string text = error.what();
    CHECK(text.find('\n') == std::string::npos);
    return text;
  }
  return "(no error)";
}

}  // namespace

TEST_CASE("a run that was stopped and resumed comes to the same weights, whatever is kept in memory") {
  const Set set("vision_resume", Pictures::kGood);
  VisionTrainingOptions options = Options({&set});
  const std::filesystem::path whole = TemporaryFolder("vision_whole"), parts = TemporaryFolder("vision_parts");
  int reports = 0;
  const VisionTrainingResult result =
      TrainVision(set.task, Open({&set}), options, "cpu", whole, false, [&](const VisionReport&) { ++reports; }, {});
  CHECK(result.last.updates == options.steps);
  CHECK(reports == 2);
  CHECK_FALSE(result.interrupted);

  std::stop_source stop;
  options.model.cache_mb = 0.02;  // some of the frames
  const VisionTrainingResult stopped =
      TrainVision(set.task, Open({&set}), options, "cpu", parts, false, [&](const VisionReport&) { stop.request_stop(); },
                  stop.get_token());
  CHECK(stopped.interrupted);
  CHECK(stopped.last.updates == 100);
  {  // as if it were of a run from before an option existed
    Jepa model(set.task, options.model, Open({&set}).front().info().frames, "cpu", 0);
    nlohmann::json extra = model.LoadTrainingState(parts / "optimizer.pt");
    REQUIRE(extra.at("vision").at("model").erase("objective") == 1);
    model.SaveTrainingState(parts / "optimizer.pt", extra);
  }
  TrainVision(set.task, Open({&set}), options, "cpu", parts, true, nullptr, {});
  CHECK(ReadFile(whole / "weights.safetensors") == ReadFile(parts / "weights.safetensors"));

  options.seed = 1;
  CHECK_THROWS_WITH_AS(TrainVision(set.task, Open({&set}), options, "cpu", parts, true, nullptr, {}),
                       doctest::Contains("\"seed\": this run has 1, the one to resume had 0"), CheckpointError);
}

TEST_CASE("data that cannot be learned from are refused in one line") {
  const Set good("vision_good", Pictures::kGood), none("vision_none", Pictures::kNone), black("vision_black", Pictures::kBlack),
      damaged("vision_damaged", Pictures::kDamaged), other("vision_other", Pictures::kGood, 3, 24);
  CHECK(Refused({&none}, Options({&none})).find("found a dataset without any; 'reverie collect --pixels") != std::string::npos);
  CHECK(Refused({&black}, Options({&black})).find("all black") != std::string::npos);
  CHECK(Refused({&damaged}, Options({&damaged})).find("inflated") != std::string::npos);
  CHECK(Refused({&good, &other}, Options({&good, &other})).find("frames.height differs") != std::string::npos);
  VisionTrainingOptions camera = Options({&good});
  camera.camera = "eya";
  CHECK(Refused({&good}, camera).find("by camera 'eya', found those of eye") != std::string::npos);
  VisionTrainingOptions longer = Options({&good});
  longer.model.frame_skip = 50;
  CHECK(Refused({&good}, longer).find("takes 200 control steps in a row") != std::string::npos);
}

TEST_CASE("a frozen encoder sees every frame once, and again only what has changed") {
  const Set set("vision_frozen", Pictures::kGood);
  const std::filesystem::path root = TemporaryFolder("vision_eyes"), whole = TemporaryFolder("vision_frozen_whole"),
                              parts = TemporaryFolder("vision_frozen_parts");
  WriteEncoder(root / "eyes", 1);
  VisionTrainingOptions options = Options({&set});
  options.model.SetEncoder((root / "eyes").string());
  options.model.predictor_width = 24;
  options.model.heads = 2;
  const auto train = [&](const std::filesystem::path& folder, bool resume, std::stop_source* stop = nullptr) {
    return TrainVision(set.task, Open({&set}), options, "cpu", folder, resume,
                       [&](const VisionReport&) { if (stop != nullptr) stop->request_stop(); },
                       stop != nullptr ? stop->get_token() : std::stop_token());
  };
  const VisionTrainingResult first = train(whole, false);
  CHECK(first.features_computed == first.frames);
  CHECK(first.features_kept == 0);
  CHECK(first.last.updates == options.steps);
  CHECK(first.last.collapse.warnings.empty());

  std::stop_source stop;
  options.model.cache_mb = 0.01;
  const VisionTrainingResult stopped = train(parts, false, &stop);
  CHECK(stopped.features_kept == first.frames);
  CHECK(stopped.features_computed == 0);
  CHECK(stopped.last.updates == 100);
  train(parts, true);
  CHECK(ReadFile(whole / "weights.safetensors") == ReadFile(parts / "weights.safetensors"));

  std::filesystem::path file;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(set.folder)) {
    if (entry.path().extension() == ".safetensors") file = entry.path();
  }
  REQUIRE(file.filename() == "part-00000.safetensors");
  const std::string good = ReadFile(file);
  const auto again = [&](const std::string& bytes, const char* why) {
    WriteFileAtomically(file, bytes);
    const VisionTrainingResult result = train(TemporaryFolder("vision_frozen_again"), false);
    CHECK(result.features_computed == result.frames);
    REQUIRE(result.features_damaged.size() == 1);
    CHECK(result.features_damaged[0].find(why) != std::string::npos);
    CHECK(ReadFile(file) == good);
  };
  options.steps = 1;
  std::string flipped = good;
  flipped[flipped.size() / 2] ^= 1;
  again(flipped, "not those that were written");
  again(good.substr(0, good.size() - 100), "truncated");

  options.steps = 130;
  WriteEncoder(root / "eyes", 2);  // other weights in the same place
  CHECK_THROWS_WITH_AS(train(parts, true), doctest::Contains("\"encoder\": this run has"), CheckpointError);
  options.steps = 1;
  CHECK(train(TemporaryFolder("vision_frozen_again"), false).features_computed == first.frames);
  CHECK(ReadFile(file) == good);
}
