#include "sim/dataset.h"

#include <clocale>
#include <cstdlib>
#include <locale>

#include <doctest/doctest.h>

#include "sim/collect.h"
#include "sim/error.h"
#include "sim/locations.h"
#include "sim/policy.h"
#include "tests/sim/dataset_fixture.h"

using namespace reverie;
using namespace reverie::dataset_fixture;
namespace fs = std::filesystem;

namespace {

void CheckSameEpisode(const Episode& a, const Episode& b) {
  CHECK(a.index == b.index);
  CHECK(a.seed == b.seed);
  CHECK(a.steps == b.steps);
  CHECK(SameBits(a.observations, b.observations));
  CHECK(SameBits(a.signals, b.signals));
  CHECK(SameBits(a.actions, b.actions));
  CHECK(SameBits(a.rewards, b.rewards));
  CHECK(SameBits(a.integration_state, b.integration_state));
  CHECK(SameBits(a.qpos, b.qpos));
  CHECK(SameBits(a.qvel, b.qvel));
  CHECK(SameBits(a.time, b.time));
  CHECK(SameBits(a.success, b.success));
  CHECK(SameBits(a.model_parameters, b.model_parameters));
  CHECK(a.terminated == b.terminated);
  CHECK(a.truncated == b.truncated);
  CHECK(a.diverged == b.diverged);
}

void CheckSameInfo(const DatasetInfo& a, const DatasetInfo& b) {
  CHECK(a.task_name == b.task_name);
  CHECK(a.task_json == b.task_json);
  CHECK(a.scene_mjb == b.scene_mjb);
  CHECK(a.mujoco_version == b.mujoco_version);
  CHECK(a.seed == b.seed);
  CHECK(a.policy == b.policy);
  CHECK(a.control_timestep_s == b.control_timestep_s);
  CHECK(a.action_repeat == b.action_repeat);
  CHECK(a.observation_size == b.observation_size);
  CHECK(a.signal_size == b.signal_size);
  CHECK(a.action_size == b.action_size);
  CHECK(a.state_size == b.state_size);
  CHECK(a.qpos_size == b.qpos_size);
  CHECK(a.qvel_size == b.qvel_size);
  CHECK(a.observation_labels == b.observation_labels);
  CHECK(a.signal_labels == b.signal_labels);
  CHECK(a.action_labels == b.action_labels);
  CHECK(a.parameter_labels == b.parameter_labels);
  CHECK(a.first_episode == b.first_episode);
  CHECK(a.merged_runs == b.merged_runs);
}

// A scene without actuators, joints, signals, success or drawn parameters.
DatasetInfo BareInfo() {
  DatasetInfo info = MakeInfo();
  info.signal_size = info.action_size = info.qpos_size = info.qvel_size = 0;
  info.signal_labels.clear();
  info.action_labels.clear();
  info.parameter_labels.clear();
  return info;
}

nlohmann::json Metadata(const fs::path& folder) {
  return nlohmann::json::parse(ReadFile(folder / "data/metadata.json"));
}

void EditMetadata(const fs::path& folder, const std::function<void(nlohmann::json&)>& edit) {
  nlohmann::json metadata = Metadata(folder);
  edit(metadata);
  WriteFileAtomically(folder / "data/metadata.json", metadata.dump());
}

std::string OpeningError(const fs::path& folder) {
  const std::string message = MessageOf([&] {
    const DatasetReader reader(folder);
    for (int64_t k = 0; k < reader.episodes(); ++k) reader.Read(k);
  });
  CAPTURE(message);
  CHECK(IsOneLine(message));
  CHECK(Contains(message, folder.string()));
  CHECK_THROWS_AS(
      [&] {
        const DatasetReader reader(folder);
        for (int64_t k = 0; k < reader.episodes(); ++k) reader.Read(k);
      }(),
      DatasetError);
  return message;
}

void WriteRaw(const fs::path& folder, const std::string& array, int64_t k,
              const std::vector<double>& values) {
  fs::create_directories(folder);
  const std::string bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
  WriteFileAtomically(folder / ("episode_" + std::to_string(k) + "." + array + ".f64"), bytes);
}

/// Writes three smooth episodes of a task and what they hold as plain numbers.
void WriteForPython(const std::string& task_name, const fs::path& run, const fs::path& expected) {
  const auto task = CompiledTask::Compile(LoadTask(task_name));
  DatasetWriter writer(run, DescribeDataset(*task, 3, "smooth"), false);
  CollectOptions options;
  options.episodes = 3;
  options.seed = 3;
  Collect(task, SmoothPolicy(*task), options, [&](Episode&& episode) {
    CutEpisode(episode, 40 + 20 * episode.index);
    WriteRaw(expected, "observations", episode.index, episode.observations);
    WriteRaw(expected, "actions", episode.index, episode.actions);
    WriteRaw(expected, "rewards", episode.index, episode.rewards);
    WriteRaw(expected, "integration_state", episode.index, episode.integration_state);
    WriteRaw(expected, "success", episode.index, episode.success);
    if (episode.success.empty())
      fs::remove(expected / ("episode_" + std::to_string(episode.index) + ".success.f64"));
    writer.Append(episode);
  });
  writer.Finish();
}

struct CommaNumbers : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

}  // namespace

TEST_CASE("Episodes and the description come back from disk bit for bit") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  WriteRun(folder / "run", info, 5, 2);
  const DatasetReader reader(folder / "run");
  CheckSameInfo(reader.info(), info);
  CHECK(reader.finished());
  REQUIRE(reader.episodes() == 5);
  int64_t steps = 0;
  for (int64_t k = 0; k < 5; ++k) {
    CheckSameEpisode(reader.Read(k), MakeEpisode(info, k, Steps(k)));
    CHECK(reader.ReadSeed(k) == MakeEpisode(info, k, 1).seed);
    steps += Steps(k);
  }
  CHECK(reader.steps() == steps);
  CHECK_THROWS_AS(reader.Read(5), DatasetError);
  CHECK_THROWS_AS(reader.Read(-1), DatasetError);
}

TEST_CASE("A scene without actuators or joints, and episodes without steps, can be recorded") {
  const TemporaryFolder folder;
  const DatasetInfo info = BareInfo();
  Episode still = MakeEpisode(info, 0, 0);
  still.success.clear();
  still.truncated = true;
  still.diverged = "free.x";
  Episode moving = MakeEpisode(info, 1, 4);
  moving.success.clear();
  {
    DatasetWriter writer(folder / "run", info, false);
    writer.Append(still);
    writer.Append(moving);
    writer.Finish();
  }
  const DatasetReader reader(folder / "run");
  CheckSameEpisode(reader.Read(0), still);
  CheckSameEpisode(reader.Read(1), moving);
  CHECK(reader.steps() == 4);
}

TEST_CASE("Long episodes and many drawn parameters come back too") {
  const TemporaryFolder folder;
  DatasetInfo info = MakeInfo();
  info.parameter_labels = Labels("body_mass", 9000);  // past what an HDF5 attribute holds
  const Episode episode = MakeEpisode(info, 0, 40'000);
  {
    DatasetWriter writer(folder / "run", info, false);
    writer.Append(episode);
    writer.Finish();
  }
  CheckSameEpisode(DatasetReader(folder / "run").Read(0), episode);
}

TEST_CASE("A dataset without episodes is a dataset") {
  const TemporaryFolder folder;
  DatasetWriter(folder / "run", MakeInfo(), false).Finish();
  CHECK(DatasetReader(folder / "run").episodes() == 0);
}

TEST_CASE("How often a run commits does not show in its bytes") {
  const TemporaryFolder folder;
  WriteRun(folder / "a/run", MakeInfo(), 9, 1);
  WriteRun(folder / "b/run", MakeInfo(), 9, 100);
  CHECK(Differences(folder / "a/run", folder / "b/run") == "");
  CHECK(Contents(folder / "a/run").size() == 5);  // data, its four files, nothing left over
}

TEST_CASE("The metadata has Minari's keys, with infinity as Python's JSON writes it") {
  const TemporaryFolder folder;
  WriteRun(folder / "pendulum run.1", MakeInfo(), 3, 1);
  const nlohmann::json metadata = Metadata(folder / "pendulum run.1");
  CHECK(metadata["total_episodes"] == 3);
  CHECK(metadata["total_steps"] == Steps(0) + Steps(1) + Steps(2));
  CHECK(metadata["data_format"] == "hdf5");
  CHECK(metadata["minari_version"] == "0.5.4");
  CHECK(metadata["dataset_id"] == "pendulum_run_1-v0");
  CHECK(metadata["observation_space"] ==
        R"({"type": "Box", "dtype": "float64", "shape": [3], "low": [-Infinity, -Infinity, -Infinity], )"
        R"("high": [Infinity, Infinity, Infinity]})");
  CHECK(metadata["action_space"] ==
        R"({"type": "Box", "dtype": "float64", "shape": [2], "low": [-1.0, -1.0], "high": [1.0, 1.0]})");
  CHECK(metadata["requirements"] == nlohmann::json::array({"mujoco==3.17.0"}));
  CHECK(metadata["author"].is_array());
  CHECK(metadata["dataset_size"].is_number());
}

TEST_CASE("The dataset id is the folder's name where Minari allows it") {
  const TemporaryFolder folder;
  for (const auto& [name, id] :
       std::vector<std::pair<std::string, std::string>>{{"pendulum-v3", "pendulum-v3"},
                                                        {"pendulum-v", "pendulum-v-v0"},
                                                        {"-v1", "-v1-v0"},
                                                        {"a.b-v12", "a_b-v12"}}) {
    CAPTURE(name);
    WriteRun(folder / name, MakeInfo(), 1, 1);
    CHECK(Metadata(folder / name)["dataset_id"] == id);
  }
}

TEST_CASE("Numbers do not depend on the locale") {
  const TemporaryFolder folder;
  WriteRun(folder / "a/run", MakeInfo(), 2, 1);
  const std::locale old = std::locale::global(std::locale(std::locale::classic(), new CommaNumbers));
  const bool comma = std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr;
  WriteRun(folder / "b/run", MakeInfo(), 2, 1);
  const double timestep = DatasetReader(folder / "b/run").info().control_timestep_s;
  std::setlocale(LC_ALL, "C");
  std::locale::global(old);
  MESSAGE("the C library's comma locale was ", std::string(comma ? "there" : "not installed"));
  CHECK(timestep == 0.1);
  CHECK(Differences(folder / "a/run", folder / "b/run") == "");
}

TEST_CASE("Arrays of the wrong size and episodes out of order are refused, and what was committed stays") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  DatasetWriter writer(folder / "run", info, false);
  writer.Append(MakeEpisode(info, 0, 3));
  Episode wrong = MakeEpisode(info, 1, 3);
  wrong.actions.pop_back();
  CHECK_THROWS_WITH_AS(writer.Append(wrong), "episode array 'actions': expected 3 x 2 = 6 values, found 5",
                       ShapeError);
  CHECK_THROWS_AS(writer.Append(MakeEpisode(info, 2, 3)), DatasetError);
  writer.Append(MakeEpisode(info, 1, 3));
  writer.Finish();
  CHECK(DatasetReader(folder / "run").episodes() == 2);
}

TEST_CASE("An interrupted dataset can be read as far as it was committed, and resumed to the same bytes") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  WriteRun(folder / "whole/run", info, 7, 3);
  {
    DatasetWriter writer(folder / "run", info, false);
    for (int64_t k = 0; k < 5; ++k) {
      writer.Append(MakeEpisode(info, k, Steps(k)));
      if (k % 2) writer.Commit();
    }
    CHECK(writer.committed() == 4);
  }
  {
    const DatasetReader reader(folder / "run");
    CheckSameInfo(reader.info(), info);
    CHECK_FALSE(reader.finished());
    REQUIRE(reader.episodes() == 4);
    CHECK(reader.steps() == Steps(0) + Steps(1) + Steps(2) + Steps(3));
    for (const int64_t k : {3, 0, 2, 1}) CheckSameEpisode(reader.Read(k), MakeEpisode(info, k, Steps(k)));
  }
  WriteRun(folder / "run", info, 7, 3, true);
  CHECK(Differences(folder / "whole/run", folder / "run") == "");
}

TEST_CASE("A finished dataset can be resumed: to no more, and to more episodes") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  WriteRun(folder / "whole/run", info, 8, 3);
  WriteRun(folder / "run", info, 5, 3);
  WriteRun(folder / "same/run", info, 5, 3);
  WriteRun(folder / "run", info, 5, 3, true);
  CHECK(Differences(folder / "same/run", folder / "run") == "");
  WriteRun(folder / "run", info, 8, 3, true);
  CHECK(Differences(folder / "whole/run", folder / "run") == "");
}

TEST_CASE("Episodes behind a checkpoint can be dropped, in the middle of a part and of a finished dataset") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  for (const int64_t kept : {0, 1, 3, 4, 6}) {
    CAPTURE(kept);
    const std::string name = std::to_string(kept);
    WriteRun(folder / "whole" / name, info, kept, 3);
    for (const bool finished : {false, true}) {
      const fs::path run = folder / (finished ? "finished" : "open") / name;
      {
        DatasetWriter writer(run, info, false);
        for (int64_t k = 0; k < 6; ++k) {
          writer.Append(MakeEpisode(info, k, Steps(k)));
          if (k % 3 == 2) writer.Commit();
        }
        if (finished) writer.Finish();
        writer.KeepFirst(kept);
        CHECK(writer.committed() == kept);
        CHECK(writer.committed_steps() == DatasetReader(run).steps());
        writer.Finish();
        CHECK_THROWS_AS(writer.KeepFirst(kept + 1), DatasetError);
      }
      CHECK(Differences(folder / "whole" / name, run) == "");
    }
  }
}

TEST_CASE("Another run's folder is refused with the field and both values") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  WriteRun(folder / "run", info, 2, 1);
  const auto resume = [&](const std::function<void(DatasetInfo&)>& change) {
    DatasetInfo other = info;
    change(other);
    const std::string message = MessageOf([&] { DatasetWriter(folder / "run", other, true); });
    CHECK(IsOneLine(message));
    return message;
  };
  CHECK(Contains(resume([](DatasetInfo& other) { other.seed = 4; }),
                 "seed differs: " + (folder / "run").string() + " has 18446744073709551557, this run has 4"));
  CHECK(Contains(resume([](DatasetInfo& other) { other.policy = "smooth"; }),
                 "has \"random\", this run has \"smooth\""));
  CHECK(Contains(resume([](DatasetInfo& other) { other.observation_labels[1] = "x"; }),
                 "observation_labels[1] differs"));
  CHECK(Contains(resume([](DatasetInfo& other) { other.scene_mjb += "!"; }), "scene differs"));
  CHECK(Contains(resume([](DatasetInfo& other) { other.first_episode = 2; }), "first_episode differs"));
  CHECK(Contains(resume([](DatasetInfo& other) {
                   other.task_json =
                       R"({"reward": "2", "action_repeat": 2, "observation": {"all": ["qpos", "qvel"]}})";
                 }),
                 "task.reward differs: "));
  CHECK(resume([](DatasetInfo&) {}) == "(no error)");
}

TEST_CASE("A folder with a dataset in it is neither overwritten nor gone on with unasked") {
  const TemporaryFolder folder;
  WriteRun(folder / "run", MakeInfo(), 2, 1);
  const auto before = Contents(folder / "run");
  CHECK(Contains(MessageOf([&] { DatasetWriter(folder / "run", MakeInfo(), false); }), "--resume"));
  CHECK(Contents(folder / "run") == before);
}

TEST_CASE("Two writers never share a folder") {
  const TemporaryFolder folder;
  DatasetWriter writer(folder / "run", MakeInfo(), false);
  CHECK_THROWS_AS(DatasetWriter(folder / "run", MakeInfo(), true), DatasetError);
  CHECK(Contains(MessageOf([&] { DatasetWriter(folder / "run", MakeInfo(), true); }), "in use"));
}

TEST_CASE("A damaged or foreign dataset is one clear line") {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  const fs::path main = run / "data/main_data.hdf5";

  CHECK(Contains(OpeningError(folder / "none"), "there is no such folder"));
  fs::create_directories(folder / "empty");
  CHECK(Contains(OpeningError(folder / "empty"), "expected a dataset (a folder that holds data/)"));

  WriteRun(run, MakeInfo(), 3, 1);
  CHECK(Contains(OpeningError(run / "data"), "give the folder above"));
  const std::string whole = ReadFile(main), metadata = ReadFile(run / "data/metadata.json");

  SUBCASE("cut short") {
    WriteFileAtomically(main, whole.substr(0, whole.size() / 2));
    CHECK(Contains(OpeningError(run), "main_data.hdf5: expected a whole HDF5 file, found: truncated file"));
    WriteFileAtomically(main, "");
    CHECK(Contains(OpeningError(run), "expected an HDF5 file, found 0 bytes of something else"));
  }
  SUBCASE("no HDF5") {
    WriteFileAtomically(main, "PK\x03\x04 and so on");
    CHECK(Contains(OpeningError(run),
                   "main_data.hdf5: expected an HDF5 file, found 14 bytes of something else"));
  }
  SUBCASE("one bit of the data") {
    const Episode episode = MakeEpisode(MakeInfo(), 1, Steps(1));
    const std::string row(reinterpret_cast<const char*>(episode.observations.data()), 3 * sizeof(double));
    std::string damaged = whole;
    const size_t at = damaged.find(row);
    REQUIRE(at != std::string::npos);
    damaged[at + 9] ^= 1;
    WriteFileAtomically(main, damaged);
    const std::string message = OpeningError(run);
    CHECK(Contains(message, "main_data.hdf5: episode_"));
    CHECK(Contains(message, ": expected numbers, found: data error detected by Fletcher32 checksum"));
  }
  SUBCASE("gone") {
    fs::remove(main);
    CHECK(Contains(OpeningError(run), "found no main_data.hdf5"));
  }
  SUBCASE("the scene gone") {
    fs::remove(run / "data/scene.mjb");
    CHECK(Contains(OpeningError(run), "scene.mjb: cannot be read: No such file"));
  }
  SUBCASE("metadata cut short") {
    WriteFileAtomically(run / "data/metadata.json", metadata.substr(0, 100));
    CHECK(Contains(OpeningError(run), "metadata.json: expected JSON"));
  }
  SUBCASE("of another tool") {
    EditMetadata(run, [](nlohmann::json& json) { json.erase("reverie"); });
    CHECK(Contains(OpeningError(run),
                   "metadata.json: expected the key 'reverie', found none: another tool wrote"));
  }
  SUBCASE("a key of another type") {
    EditMetadata(run, [](nlohmann::json& json) { json["reverie"]["seed"] = "zero"; });
    CHECK(Contains(OpeningError(run), "key 'seed': expected a whole number, 0 or more, found \"zero\""));
  }
  SUBCASE("a key gone") {
    EditMetadata(run, [](nlohmann::json& json) { json["reverie"].erase("signal_labels"); });
    CHECK(Contains(OpeningError(run), "key 'signal_labels': expected a list of texts, found nothing"));
  }
  SUBCASE("of a later version") {
    EditMetadata(run, [](nlohmann::json& json) { json["reverie"]["format"] = 2; });
    CHECK(Contains(OpeningError(run), "key 'format': expected 1, found 2"));
  }
  SUBCASE("episodes missing") {
    EditMetadata(run, [](nlohmann::json& json) { json["total_episodes"] = 4; });
    CHECK(Contains(OpeningError(run), "expected the 4 episodes that metadata.json counts, found 3"));
  }
  SUBCASE("sizes that do not match") {
    EditMetadata(run, [](nlohmann::json& json) { json["reverie"]["observation_size"] = 5; });
    CHECK(Contains(OpeningError(run), "key 'observation_labels': expected 5, as many as 'observation_size' says, "
                                      "found 3"));
    EditMetadata(run, [](nlohmann::json& json) { json["reverie"]["observation_labels"] = Labels("all", 5); });
    CHECK(Contains(OpeningError(run), "episode_0/observations: expected an array of (2, 5), found (2, 3)"));
  }
}

TEST_CASE("What was committed and is damaged is found when the run is resumed") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  const fs::path run = folder / "run", log = run / "data/episodes.log";
  {
    DatasetWriter writer(run, info, false);
    for (int64_t k = 0; k < 3; ++k) {
      writer.Append(MakeEpisode(info, k, Steps(k)));
      writer.Commit();
    }
  }
  const std::string whole = ReadFile(log);
  const auto resuming = [&](const std::string& bytes) {
    WriteFileAtomically(log, bytes);
    const std::string message = MessageOf([&] { DatasetWriter(run, info, true); });
    CHECK(IsOneLine(message));
    return message;
  };
  CHECK(Contains(resuming(whole.substr(0, whole.size() - 1)),
                 log.string() + ": expected " + std::to_string(whole.size()) + " bytes, found " +
                     std::to_string(whole.size() - 1) + ": the file was cut short"));
  CHECK(Contains(resuming("PK\x03\x04 and so on"), "expected the episodes of an unfinished dataset, found something else"));
  // Wherever a bit falls over, it is told or it was of no account.
  for (size_t at = 0; at < whole.size(); at += 7) {
    CAPTURE(at);
    std::string damaged = whole;
    damaged[at] ^= 4;
    const std::string message = resuming(damaged);
    if (message == "(no error)") {
      CHECK(at < 64);  // one of the two marks of what is committed
    } else {
      CHECK(Contains(message, log.string() + ": "));
    }
  }
  WriteFileAtomically(log, whole + "what a kill left");
  CHECK(DatasetWriter(run, info, true).committed() == 3);
  CHECK(ReadFile(log).size() == whole.size());
}

TEST_CASE("A dataset that was being extended and lost what it extends says so") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  WriteRun(folder / "run", info, 2, 1);
  {
    DatasetWriter writer(folder / "run", info, true);
    writer.Append(MakeEpisode(info, 2, Steps(2)));
    writer.Commit();
  }
  CHECK(DatasetReader(folder / "run").episodes() == 3);
  fs::remove(folder / "run/data/episodes.hdf5");
  const std::string message = OpeningError(folder / "run");
  CHECK(Contains(message, "episodes.log: expected it to begin with episode 0, found 2; put back"));
}

TEST_CASE("Minari, h5py and MuJoCo in Python read what was written") {
  const TemporaryFolder folder;
  WriteFileAtomically(
      folder / "still.xml",
      "<mujoco><worldbody><body><freejoint/><geom size=\"0.1\"/></body></worldbody></mujoco>");
  const std::vector<std::pair<std::string, std::string>> tasks{{"two-rooms-moving-door", "rooms-v2"},
                                                               {"hopper-hop", "a hopper"},
                                                               {(folder / "still.xml").string(), "still-v0"}};
  for (const auto& [task, name] : tasks) {
    CAPTURE(task);
    WriteForPython(task, folder / name, folder / ("expected " + name));
    const fs::path script = ScriptsFolder().parent_path() / "tests/python/minari_test.py";
    const std::string command = "\"" + PythonExecutable().string() + "\" \"" + script.string() + "\" \"" +
                                (folder / name).string() + "\" \"" +
                                (folder / ("expected " + name)).string() + "\"";
    CHECK(std::system(command.c_str()) == 0);
  }
}
