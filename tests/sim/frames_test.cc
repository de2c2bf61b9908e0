// Frames on disk: what is read back is compared with what was made up, inflated by HDF5's own filters.
#include "sim/frames.h"

#include <doctest/doctest.h>

#include <cstring>

#include "sim/dataset.h"
#include "sim/dataset_space.h"
#include "sim/error.h"
#include "sim/merge.h"
#include "tests/sim/dataset_fixture.h"

using namespace reverie;
using namespace reverie::dataset_fixture;

TEST_CASE("A camera's name becomes one that HDF5 and JSON take, and no two become the same") {
  const auto name = [](const std::string& camera) { return FrameStream{FrameKind::kPixels, camera, 1, 1}.name(); };
  CHECK(name("front") == "front");
  CHECK(name("T\xc3\xbcr links") == "T\xc3\xbcr links");
  CHECK(name("robot/eye") == "robot%2Feye");
  CHECK(name("robot%2Feye") == "robot%252Feye");
  CHECK(name(".") == "%2E");
  CHECK(name("v1.5") == "v1.5");
  CHECK(name("a\nb") == "a%0Ab");
}

TEST_CASE("Frames come back as they were drawn, a slice at a time or packed") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfoWithFrames();
  WriteRun(folder / "run", info, 3, 2);
  const DatasetReader reader(folder / "run");
  REQUIRE(reader.info().frames == info.frames);
  REQUIRE(StreamsOf(info.frames).size() == 6);
  for (int64_t k = 0; k < 3; ++k) {
    const int64_t rows = Steps(k) + 1;
    for (const FrameStream& stream : StreamsOf(info.frames)) {
      CAPTURE(k);
      CAPTURE(stream.group());
      for (int64_t first = 0; first < rows; ++first) {
        std::vector<uint8_t> expected;
        for (int64_t t = first; t < rows; ++t) {
          const std::vector<uint8_t> frame = MakeFrame(stream, k, t);
          expected.insert(expected.end(), frame.begin(), frame.end());
        }
        CHECK(reader.ReadFrames(k, stream, first, rows - first) == expected);
      }
      CHECK(reader.ReadFrames(k, stream, rows, 0).empty());
      CHECK(Contains(MessageOf([&] { reader.ReadFrames(k, stream, 1, rows); }), "expected frames from 0 to"));
    }
    CHECK(reader.Read(k).frames.empty());
    CHECK(reader.ReadWithFrames(k).frames == MakeEpisode(info, k, Steps(k)).frames);
    CHECK(SameBits(reader.Read(k).observations, MakeEpisode(info, k, Steps(k)).observations));
  }
}

TEST_CASE("Frames of a run that is not finished are read like those of one that is") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfoWithFrames();
  DatasetWriter writer(folder / "run", info, false);
  for (int64_t k = 0; k < 2; ++k) writer.Append(MakeEpisode(info, k, Steps(k)));
  writer.Commit();
  const DatasetReader reader(folder / "run");
  REQUIRE_FALSE(reader.finished());
  REQUIRE(reader.episodes() == 2);
  for (const FrameStream& stream : StreamsOf(info.frames)) {
    CHECK(reader.ReadFrames(1, stream, Steps(1), 1) == MakeFrame(stream, 1, Steps(1)));
    CHECK(Contains(MessageOf([&] { reader.ReadFrames(1, stream, Steps(1), 2); }), "expected frames from 0 to"));
  }
  CHECK(reader.Read(1).frames.empty());
  CHECK(reader.ReadTransitions(1).frames.empty());
  CHECK(reader.ReadWithFrames(1).frames == MakeEpisode(info, 1, Steps(1)).frames);
}

TEST_CASE("Packed frames are inflated to what they were, and damaged ones are refused") {
  for (const FrameStream& stream : StreamsOf(MakeInfoWithFrames().frames)) {
    FramePacker packer;
    const std::vector<uint8_t> frame = MakeFrame(stream, 3, 2);
    const auto span = packer.Pack(frame, stream.element_bytes());
    std::vector<uint8_t> packed(span.begin(), span.end()), found(frame.size());
    UnpackFrame(packed, stream.element_bytes(), found, "here");
    CHECK(found == frame);
    packed[packed.size() / 2] ^= 0x55;
    const std::string message = MessageOf([&] { UnpackFrame(packed, stream.element_bytes(), found, "here"); });
    CHECK(Contains(message, "here: expected a deflated frame of"));
  }
}

TEST_CASE("A stream that the dataset lacks is refused with what it has") {
  const TemporaryFolder folder;
  WriteRun(folder / "run", MakeInfoWithFrames(), 1, 1);
  const DatasetReader reader(folder / "run");
  FrameStream stream = StreamsOf(reader.info().frames).front();
  stream.camera = "behind";
  std::string message = MessageOf([&] { reader.ReadFrames(0, stream, 0, 1); });
  CHECK(Contains(message, "'pixels/behind'"));
  CHECK(Contains(message, "pixels/robot%2Feye 1"));
  WriteRun(folder / "bare", MakeInfo(), 1, 1);
  message = MessageOf([&] { DatasetReader(folder / "bare").ReadFrames(0, stream, 0, 1); });
  CHECK(Contains(message, "a dataset without frames"));
}

TEST_CASE("An episode without a frame for every state is refused") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfoWithFrames();
  DatasetWriter writer(folder / "run", info, false);
  Episode episode = MakeEpisode(info, 0, 4);
  episode.frames[2].Keep(4);
  CHECK(Contains(MessageOf([&] { writer.Append(episode); }),
                 "episode frames 'depth/robot%2Feye 1': expected 5, one for every state, found 4"));
  episode.frames.clear();
  CHECK(Contains(MessageOf([&] { writer.Append(episode); }), "expected 6 streams, found 0"));
}

TEST_CASE("Shards with frames merge to the bytes of the single run, and frames survive dropping episodes") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfoWithFrames();
  WriteRun(folder / "single/run", info, 5, 2);
  DatasetInfo second = info;
  second.first_episode = 2;
  WriteRun(folder / "a", info, 2, 1);
  WriteRun(folder / "b", second, 3, 100);
  MergeDatasets({folder / "b", folder / "a"}, folder / "run");
  CHECK(Differences(folder / "single/run", folder / "run") == "");
  {
    DatasetWriter writer(folder / "run", info, true);
    writer.KeepFirst(3);
  }
  WriteRun(folder / "run", info, 5, 1, true);
  CHECK(Differences(folder / "single/run", folder / "run") == "");
}

TEST_CASE("Datasets with other pictures are told apart, and the field is named with both values") {
  const DatasetInfo info = MakeInfoWithFrames();
  const auto difference = [&](const std::function<void(FrameSettings&)>& change) {
    DatasetInfo other = info;
    change(other.frames);
    CheckSameSetup(info, "A", other, "B");  // states are the same
    return MessageOf([&] { CheckSameFrames(info, "A", other, "B"); });
  };
  CHECK(difference([](FrameSettings&) {}) == "(no error)");
  CHECK(difference([](FrameSettings& f) { f.width = 6; }) == "frames.width differs: A has 5, B has 6");
  CHECK(difference([](FrameSettings& f) { f.quality = "full"; }) ==
        R"(frames.quality differs: A has "fast", B has "full")");
  CHECK(difference([](FrameSettings& f) { f.cameras[0] = "eye"; }) ==
        R"(frames.cameras[0] differs: A has "robot/eye 1", B has "eye")");
  CHECK(difference([](FrameSettings& f) { f.depth = false; }) == "frames.depth differs: A has true, B has false");
  CHECK(difference([](FrameSettings& f) { f = {}; }) ==
        "frames differs: A has 5 x 3 of robot/eye 1, t\xc3\xbcr, B has none");
}

TEST_CASE("The observation space states every bound, and another one is refused with what differs") {
  const DatasetInfo info = MakeInfoWithFrames();
  const std::string text = ObservationSpaceText(info.observation_size, info.frames);
  const auto parse = [&](const std::string& space) {
    return MessageOf([&] { ParseObservationSpace(space, info.observation_size, info.frames, "here"); });
  };
  CHECK(parse(text) == "(no error)");
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string other = text;
    return other.replace(other.find(from), from.size(), to);
  };
  CHECK(Contains(parse(replaced("255]", "254]")), "here: 'pixels': 'robot%2Feye 1': 'high': expected nothing but 255"));
  CHECK(Contains(parse(replaced("\"depth\"", "\"deep\"")), "here: 'subspaces': expected depth, pixels, segmentation, "
                                                           "state, found deep, pixels, segmentation, state"));
  CHECK(Contains(parse(replaced("int32", "int64")), R"('dtype': expected "int32", found "int64")"));
  CHECK(Contains(parse(replaced("[3, 5, 3]", "[5, 3, 3]")), "'shape': expected [3,5,3], found [5,3,3]"));
  CHECK(Contains(parse(ObservationSpaceText(info.observation_size, {})), R"('type': expected "Dict", found "Box")"));
}
