#include "sim/merge.h"

#include <doctest/doctest.h>

#include "sim/dataset.h"
#include "sim/error.h"
#include "tests/sim/dataset_fixture.h"

using namespace reverie;
using namespace reverie::dataset_fixture;
namespace fs = std::filesystem;

TEST_CASE("Shards merge into what the whole run writes, in any order given") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  WriteRun(folder / "whole/run", info, 7, 2);
  DatasetInfo shard = info;
  WriteRun(folder / "first", shard, 2, 1);
  shard.first_episode = 2;
  WriteRun(folder / "second", shard, 3, 1);
  shard.first_episode = 5;
  WriteRun(folder / "third", shard, 2, 1);
  const auto before = Contents(folder / "second");
  const MergeResult result =
      MergeDatasets({folder / "third", folder / "first", folder / "second"}, folder / "run");
  CHECK(result.one_run);
  CHECK(result.note == "");
  CHECK(result.episodes == 7);
  CHECK(Differences(folder / "whole/run", folder / "run") == "");
  CHECK(Contents(folder / "second") == before);
  CHECK(DatasetReader(folder / "third").Read(0).index == 5);

  const MergeResult gap = MergeDatasets({folder / "third", folder / "first"}, folder / "gap");
  CHECK_FALSE(gap.one_run);
  CHECK(Contains(gap.note, "episodes 2 to 4 of the run are in none of the inputs"));
  CHECK(DatasetReader(folder / "gap").episodes() == 4);
  CHECK(SameBits(DatasetReader(folder / "gap").Read(2).rewards, MakeEpisode(info, 5, Steps(5)).rewards));
}

TEST_CASE("Runs of one set-up merge in the order given, an interrupted one gives what it committed") {
  const TemporaryFolder folder;
  DatasetInfo info = MakeInfo();
  WriteRun(folder / "a", info, 2, 1);
  info.seed = 1;
  info.policy = "smooth";
  {
    DatasetWriter writer(folder / "b", info, false);
    for (int64_t k = 0; k < 3; ++k) {
      if (k == 2) writer.Commit();
      writer.Append(MakeEpisode(info, k, Steps(k + 3)));
    }
  }
  const MergeResult result = MergeDatasets({folder / "b", folder / "a"}, folder / "run");
  CHECK(result.episodes == 4);
  CHECK_FALSE(result.one_run);
  const DatasetReader reader(folder / "run");
  REQUIRE(reader.episodes() == 4);
  CHECK(reader.info().merged_runs == 2);
  CHECK(reader.info().policy == "smooth, random");
  for (int64_t k = 0; k < 4; ++k) {
    const Episode source = DatasetReader(folder / (k < 2 ? "b" : "a")).Read(k % 2);
    const Episode merged = reader.Read(k);
    CHECK(merged.index == k);
    CHECK(merged.seed == source.seed);
    CHECK(SameBits(merged.integration_state, source.integration_state));
  }
  CHECK(Contains(MessageOf([&] { DatasetWriter(folder / "run", info, true); }), "policy differs"));
}

TEST_CASE("A merge refuses other set-ups and the same episodes twice, and then writes nothing") {
  const TemporaryFolder folder;
  DatasetInfo info = MakeInfo();
  WriteRun(folder / "a", info, 2, 1);
  info.control_timestep_s = 0.2;
  WriteRun(folder / "b", info, 2, 1);
  const auto other = MessageOf([&] { MergeDatasets({folder / "a", folder / "b"}, folder / "run"); });
  CHECK(other == "control_timestep_s differs: " + (folder / "a").string() + " has 0.1, " +
                     (folder / "b").string() + " has 0.2");
  const auto twice = MessageOf([&] { MergeDatasets({folder / "a", folder / "a"}, folder / "run"); });
  CHECK(Contains(twice, "found episode 0 of " + (folder / "a").string() + " and episode 0 of"));
  CHECK_FALSE(fs::exists(folder / "run"));
  CHECK(Contains(MessageOf([&] { MergeDatasets({folder / "a"}, folder / "a"); }), "found one of the inputs"));
  CHECK_THROWS_AS(MergeDatasets({}, folder / "run"), DatasetError);
}
