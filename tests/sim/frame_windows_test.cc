// Windows of frames against the frames that a dataset was written with.
#include "sim/frame_windows.h"

#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "tests/sim/dataset_fixture.h"

using namespace reverie;
using namespace reverie::dataset_fixture;

namespace {

struct Sets {
  TemporaryFolder folder;
  DatasetInfo info = MakeInfoWithFrames();
  std::vector<DatasetReader> readers;
  std::vector<std::string> names = {"a", "b"};

  Sets() {
    WriteRun(folder / "a", info, 12, 4);
    info.first_episode = 12;
    WriteRun(folder / "b", info, 7, 4);
    for (const std::string& name : names) readers.emplace_back(folder / name);
  }
};

FrameWindowOptions Options(int64_t cache_bytes) {
  FrameWindowOptions options;
  options.stack = 2;
  options.frame_skip = 2;
  options.transitions = 2;
  options.cache_bytes = cache_bytes;
  options.camera = "t\xc3\xbcr";
  return options;
}

// The batch that a window should give, from what the fixture made.
void CheckWindow(const Sets& sets, const FrameWindow& window, const FrameWindowBatch& batch, int64_t w,
                 const FrameStream& stream) {
  const int64_t index = window.dataset == 0 ? window.episode : 12 + window.episode;
  const int64_t frame = stream.frame_bytes();
  for (int64_t p = 0; p < 3; ++p) {
    for (int64_t s = 0; s < 2; ++s) {
      const std::vector<uint8_t> expected = MakeFrame(stream, index, window.first + 2 * p - 1 + s);
      bool same = true;
      for (int64_t i = 0; i < frame; ++i) {
        const int64_t at = ((w * 3 + p) * frame / 3 + i / 3) * 6 + s * 3 + i % 3;
        same &= batch.pixels[static_cast<size_t>(at)] == expected[static_cast<size_t>(i)];
      }
      CHECK(same);
    }
  }
  const std::vector<double> actions = MakeEpisode(sets.info, index, Steps(index)).actions;
  for (int64_t i = 0; i < 8; ++i) {
    const auto expected = static_cast<float>(actions[static_cast<size_t>(window.first * 2 + i)]);
    const float found = batch.actions[static_cast<size_t>(w * 8 + i)];
    CHECK((found == expected || (std::isnan(found) && std::isnan(expected))));
  }
}

}  // namespace

TEST_CASE("windows hold the frames and actions of the datasets, however few are kept in memory") {
  const Sets sets;
  for (const int64_t cache : {int64_t{0}, int64_t{45 * 20}, int64_t{1} << 20}) {
    FrameWindows windows(sets.readers, sets.names, Options(cache));
    CHECK(windows.stream().camera == "t\xc3\xbcr");
    CHECK(windows.held_out_episodes() >= 1);
    const std::vector<FrameWindow> drawn = windows.Draw(7, 40);
    CHECK(drawn.size() == 40);
    bool second_set = false;
    FrameWindowBatch batch;
    windows.Read(drawn, batch);
    CHECK(batch.windows == 40);
    CHECK(batch.pictures == 3);
    for (int64_t w = 0; w < 40; ++w) {
      const FrameWindow& window = drawn[static_cast<size_t>(w)];
      second_set |= window.dataset == 1;
      CHECK(window.first >= 1);
      CHECK(window.first + 4 <= Steps((window.dataset == 0 ? 0 : 12) + window.episode));
      CheckWindow(sets, window, batch, w, windows.stream());
    }
    CHECK(second_set);
    // From the seed alone, and each with its own.
    const std::vector<FrameWindow> again = windows.Draw(7, 40), other = windows.Draw(8, 40);
    const auto same = [&](const std::vector<FrameWindow>& list) {
      return std::equal(drawn.begin(), drawn.end(), list.begin(), [](const FrameWindow& a, const FrameWindow& b) {
        return a.dataset == b.dataset && a.episode == b.episode && a.first == b.first;
      });
    };
    CHECK(same(again));
    CHECK_FALSE(same(other));
  }
}

TEST_CASE("held-out episodes are not drawn from") {
  const Sets sets;
  FrameWindows windows(sets.readers, sets.names, Options(0));
  const std::vector<FrameWindow> held_out = windows.Spread(100, 3);
  CHECK(static_cast<int64_t>(held_out.size()) == 3 * windows.held_out_episodes());
  for (const FrameWindow& window : windows.Draw(1, 500)) {
    for (const FrameWindow& held : held_out) {
      CHECK((window.dataset != held.dataset || window.episode != held.episode));
    }
  }
}

TEST_CASE("a reader ahead gives the same batches, and passes on what it could not read") {
  const Sets sets;
  FrameWindows windows(sets.readers, sets.names, Options(0)), other(sets.readers, sets.names, Options(0));
  {
    FrameWindowReader reader(windows, 3, 10, [&](int64_t k) { return windows.Draw(static_cast<uint64_t>(k), 5); });
    for (int64_t k = 3; k < 10; ++k) {
      FrameWindowBatch expected, batch = reader.Next();
      other.Read(other.Draw(static_cast<uint64_t>(k), 5), expected);
      CHECK(batch.pixels == expected.pixels);
      reader.Recycle(std::move(batch));
    }
  }
  FrameWindowReader failing(windows, 0, 10, [&](int64_t k) -> std::vector<FrameWindow> {
    if (k == 2) throw DatasetError("no such window");
    return windows.Draw(0, 1);
  });
  failing.Next();
  failing.Next();
  CHECK_THROWS_WITH_AS(failing.Next(), "no such window", DatasetError);
}
