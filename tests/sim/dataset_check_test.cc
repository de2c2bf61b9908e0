#include "sim/dataset_check.h"

#include <doctest/doctest.h>

#include "sim/collect.h"
#include "sim/dataset_metadata.h"
#include "sim/dataset_space.h"
#include "sim/error.h"
#include "sim/hdf5_episode.h"
#include "sim/policy.h"
#include "tests/sim/cart.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::dataset_fixture;
namespace fs = std::filesystem;

namespace {

using Item = std::function<void(Hdf5Group&)>;
/// What is written in place of an attribute ("@id") or array ("infos/qpos") of an episode.
using Edits = std::map<std::string, Item>;

/// A dataset of three episodes, of 4, 5 and 6 steps in a cart's task, and ways to spoil it.
class Recorded {
 public:
  Recorded() {
    const auto task = task_fixture::Compile(folder_, task_fixture::kCart, task_fixture::CartTask(R"json(,
      "signals": {"height": "xpos(cart).z"}, "success": "position[0] > 0",
      "reset": [{"set": "geom_size(box).x", "to": "uniform(0.05, 0.1)"}])json"));
    info_ = DescribeDataset(*task, 7, "smooth");
    CollectOptions options;
    options.episodes = 3;
    options.seed = 7;
    Collect(task, SmoothPolicy(*task), options, [&](Episode&& episode) {
      CutEpisode(episode, 4 + episode.index);
      episodes_.push_back(std::move(episode));
    });
    WriteAs(info_);
  }

  fs::path run() const { return folder_ / "run"; }
  fs::path data(const std::string& name) const { return run() / "data" / name; }
  const DatasetInfo& info() const { return info_; }
  const std::vector<Episode>& episodes() const { return episodes_; }
  DatasetCheck Check() const { return CheckDataset(run()); }

  void WriteAs(const DatasetInfo& info) {
    fs::remove_all(run());
    DatasetWriter writer(run(), info, false);
    for (const Episode& episode : episodes_) writer.Append(episode);
    writer.Finish();
  }

  /// Checks that the dataset is found at fault with a line that ends so.
  void CheckFault(const std::string& expected) const {
    const std::string message = MessageOf([&] { Check(); });
    CAPTURE(message);
    CAPTURE(expected);
    CHECK(IsOneLine(message));
    CHECK(message.starts_with(run().string()));
    CHECK(message.ends_with(expected));
    CHECK_THROWS_AS(Check(), DatasetError);
  }

  /// Writes all episodes anew, with some of the middle one's parts replaced.
  void Rewrite(const Edits& edits) const {
    Hdf5File file = Hdf5File::Create(data("main_data.hdf5"));
    for (int64_t k = 0; k < 3; ++k) WriteEdited(file.root(), k, k == 1 ? edits : Edits{});
    file.Close();
  }

  /// Writes all episodes anew, with the middle one's values changed.
  void RewriteValues(const std::function<void(Episode&)>& change) const {
    Hdf5File file = Hdf5File::Create(data("main_data.hdf5"));
    for (int64_t k = 0; k < 3; ++k) {
      Episode episode = episodes_[static_cast<size_t>(k)];
      if (k == 1) change(episode);
      WriteEpisode(file.root(), k, episode, info_);
    }
    file.Close();
  }

  void EditMetadata(const std::function<void(nlohmann::json&)>& edit) const {
    nlohmann::json metadata = nlohmann::json::parse(ReadFile(data("metadata.json")));
    edit(metadata);
    WriteFileAtomically(data("metadata.json"), metadata.dump());
  }

 private:
  void WriteEdited(Hdf5Group& root, int64_t k, const Edits& edits) const {
    const Episode& e = episodes_[static_cast<size_t>(k)];
    const int64_t rows = e.steps + 1;
    const auto write = [&](Hdf5Group& group, const std::string& name, const Item& item) {
      const auto edit = edits.find(name);
      (edit == edits.end() ? item : edit->second)(group);
    };
    const auto doubles = [&](Hdf5Group& group, const std::string& path, Hdf5Shape shape,
                             const std::vector<double>& values) {
      const std::string name = fs::path(path).filename().string();
      write(group, path, [&](Hdf5Group& in) { in.WriteDoubles(name, shape, values); });
    };
    const auto flags = [&](Hdf5Group& group, const std::string& name, bool last) {
      std::vector<int8_t> values(static_cast<size_t>(e.steps), 0);
      values.back() = last;
      write(group, name, [&](Hdf5Group& in) { in.WriteBools(name, values); });
    };
    Hdf5Group group = root.CreateGroup(EpisodeName(k));
    write(group, "@id", [&](Hdf5Group& in) { in.SetInteger("id", k); });
    write(group, "@total_steps", [&](Hdf5Group& in) { in.SetInteger("total_steps", e.steps); });
    write(group, "@seed", [&](Hdf5Group& in) { in.SetUnsigned("seed", e.seed); });
    write(group, "@more", [](Hdf5Group&) {});
    write(group, "@model_parameters", [&](Hdf5Group& in) { in.SetDoubles("model_parameters", e.model_parameters); });
    doubles(group, "observations", {rows, info_.observation_size}, e.observations);
    doubles(group, "actions", {e.steps, info_.action_size}, e.actions);
    doubles(group, "rewards", {e.steps}, e.rewards);
    flags(group, "terminations", e.terminated);
    flags(group, "truncations", e.truncated);
    write(group, "infos", [&](Hdf5Group& in) {
      Hdf5Group infos = in.CreateGroup("infos");
      doubles(infos, "infos/integration_state", {rows, info_.state_size}, e.integration_state);
      doubles(infos, "infos/qpos", {rows, info_.qpos_size}, e.qpos);
      doubles(infos, "infos/qvel", {rows, info_.qvel_size}, e.qvel);
      doubles(infos, "infos/time", {rows}, e.time);
      doubles(infos, "infos/signals", {rows, info_.signal_size}, e.signals);
      write(infos, "infos/success", [&](Hdf5Group& at) {
        at.WriteBools("success", std::vector<int8_t>(e.success.begin(), e.success.end()));
      });
      write(infos, "infos/more", [](Hdf5Group&) {});
    });
  }

  TemporaryFolder folder_;
  DatasetInfo info_;
  std::vector<Episode> episodes_;
};

}  // namespace

TEST_CASE("A sound dataset passes, written by the writer or by hand, with infos of other tools besides") {
  const Recorded recorded;
  const auto before = Contents(recorded.run());
  const DatasetCheck check = recorded.Check();
  CHECK(check.finished);
  CHECK_FALSE(check.interrupted);
  CHECK(check.episodes == 3);
  CHECK(check.steps == 4 + 5 + 6);
  CHECK(Contents(recorded.run()) == before);
  recorded.Rewrite({{"infos/more", [](Hdf5Group& infos) {
                       Hdf5Group more = infos.CreateGroup("contacts");
                       more.WriteDoubles("force", {6}, std::vector<double>(6, 2.0));
                     }}});
  CHECK(recorded.Check().episodes == 3);
  recorded.RewriteValues([](Episode& episode) { episode.diverged = "hinge"; });
  CHECK(recorded.Check().episodes == 3);
}

TEST_CASE("Whatever part of an episode is wrong is named, with what was expected and found") {
  const Recorded recorded;
  const std::string file = recorded.data("main_data.hdf5").string();
  struct Case {
    std::string item;
    Item write;
    std::string message;
  };
  const auto nothing = [](Hdf5Group&) {};
  const std::vector<double> numbers(100, 0.5);
  const auto first = [&](size_t count) { return std::span(numbers).first(count); };
  const std::vector<Case> cases = {
      {"@id", nothing, " attribute 'id': expected an integer, found nothing"},
      {"@id", [](Hdf5Group& g) { g.SetInteger("id", 2); }, " attribute 'id': expected 1, found 2"},
      {"@id", [](Hdf5Group& g) { g.SetString("id", "1"); }, " attribute 'id': expected an integer, found text"},
      {"@total_steps", nothing, " attribute 'total_steps': expected an integer, found nothing"},
      {"@total_steps", [](Hdf5Group& g) { g.SetInteger("total_steps", -1); },
       " attribute 'total_steps': expected 0 or more, found -1"},
      {"@total_steps", [](Hdf5Group& g) { g.SetInteger("total_steps", 4); },
       "/observations: expected an array of (5, 5), found (6, 5)"},
      {"@seed", nothing, " attribute 'seed': expected an integer, found nothing"},
      {"@seed", [](Hdf5Group& g) { g.SetInteger("seed", -3); }, " attribute 'seed': expected 0 or more, found -3"},
      {"@seed", [](Hdf5Group& g) { g.SetBool("seed", true); }, " attribute 'seed': expected an integer, found bool"},
      {"@more", [](Hdf5Group& g) { g.SetString("diverged", ""); },
       " attribute 'diverged': expected a degree of freedom, found an empty text"},
      {"@more", [](Hdf5Group& g) { g.SetInteger("terminated", 1); },
       " attribute 'terminated': expected bool, found int64"},
      {"@model_parameters", nothing, " attribute 'model_parameters': expected it, found none"},
      {"@model_parameters", [](Hdf5Group& g) { g.SetDoubles("model_parameters", std::vector<double>{1, 2}); },
       " attribute 'model_parameters': expected 1 values, found 2"},
      {"@model_parameters",
       [](Hdf5Group& g) { g.SetDoubles("model_parameters", std::vector<double>{std::nan("")}); },
       " attribute 'model_parameters': expected finite numbers, found nan"},
      {"observations", nothing, "/observations: expected an array of float64, found nothing of that name"},
      {"observations", [](Hdf5Group& g) { g.CreateGroup("observations"); },
       "/observations: expected an array of float64, found group"},
      {"observations", [](Hdf5Group& g) { g.WriteBools("observations", std::vector<int8_t>(6)); },
       "/observations: expected an array of float64, found bool"},
      {"observations", [&](Hdf5Group& g) { g.WriteDoubles("observations", {5, 5}, first(25)); },
       "/observations: expected an array of (6, 5), found (5, 5)"},
      {"actions", [&](Hdf5Group& g) { g.WriteDoubles("actions", {6, 1}, first(6)); },
       "/actions: expected an array of (5, 1), found (6, 1)"},
      {"actions", [&](Hdf5Group& g) { g.WriteDoubles("actions", {5}, first(5)); },
       "/actions: expected an array of (5, 1), found (5)"},
      {"rewards", [&](Hdf5Group& g) { g.WriteDoubles("rewards", {4}, first(4)); },
       "/rewards: expected an array of (5), found (4)"},
      {"terminations", [&](Hdf5Group& g) { g.WriteDoubles("terminations", {5}, first(5)); },
       "/terminations: expected an array of bool, found float64"},
      {"terminations", [](Hdf5Group& g) { g.WriteBools("terminations", std::vector<int8_t>{0, 1, 0, 0, 1}); },
       "/terminations: expected none but the last to be true, found step 1 of 5 to be"},
      {"truncations", [](Hdf5Group& g) { g.WriteBools("truncations", std::vector<int8_t>{0, 0, 0, 1, 0}); },
       "/truncations: expected none but the last to be true, found step 3 of 5 to be"},
      {"truncations", [](Hdf5Group& g) { g.WriteBools("truncations", std::vector<int8_t>(4)); },
       "/truncations: expected an array of (5), found (4)"},
      {"infos", nothing, "/infos: expected a group, found nothing"},
      {"infos/integration_state", nothing,
       "/infos/integration_state: expected an array of float64, found nothing of that name"},
      {"infos/qpos", [&](Hdf5Group& g) { g.WriteDoubles("qpos", {6, 4}, first(24)); },
       "/infos/qpos: expected an array of (6, 3), found (6, 4)"},
      {"infos/qvel", nothing, "/infos/qvel: expected an array of float64, found nothing of that name"},
      {"infos/signals", [&](Hdf5Group& g) { g.WriteDoubles("signals", {5, 1}, first(5)); },
       "/infos/signals: expected an array of (6, 1), found (5, 1)"},
      {"infos/success", [&](Hdf5Group& g) { g.WriteDoubles("success", {6}, first(6)); },
       "/infos/success: expected an array of bool, found float64"},
      {"infos/more", [&](Hdf5Group& g) { g.CreateGroup("contacts").WriteDoubles("force", {5}, first(5)); },
       "/infos/contacts/force: expected 6 rows, one more than steps, found 5"},
  };
  for (const Case& each : cases) {
    recorded.Rewrite({{each.item, each.write}});
    recorded.CheckFault(file + ": episode_1" + each.message);
  }
  recorded.Rewrite({});
  CHECK(recorded.Check().episodes == 3);
}

TEST_CASE("Numbers that are none, lie outside their space or belong to another state are named") {
  const Recorded recorded;
  const std::string episode = recorded.data("main_data.hdf5").string() + ": episode_1/";
  const Episode& middle = recorded.episodes()[1];
  recorded.RewriteValues([](Episode& e) { e.observations[5 * 3 + 1] = std::nan(""); });
  recorded.CheckFault(episode + "observations: expected finite numbers, found nan at step 3, element 1 (position[1])");
  recorded.RewriteValues([](Episode& e) { e.rewards[2] = -std::numeric_limits<double>::infinity(); });
  recorded.CheckFault(episode + "rewards: expected finite numbers, found -inf at step 2");
  recorded.RewriteValues([](Episode& e) { e.signals[4] = std::nan(""); });
  recorded.CheckFault(episode + "infos/signals: expected finite numbers, found nan at step 4, element 0 (height)");
  recorded.RewriteValues([](Episode& e) { e.actions[4] = 1.25; });
  recorded.CheckFault(episode + "actions: expected numbers in their space, here from -1 to 1, found 1.25 at step 4, "
                                "element 0 (push)");
  recorded.RewriteValues([](Episode& e) { e.qvel[3 * 5 + 2] = 8.5; });
  recorded.CheckFault(episode + "infos/qvel: expected what integration_state holds, here " +
                      NumberText(middle.qvel[17]) + ", found 8.5 at step 5, element 2");
  recorded.RewriteValues([](Episode& e) { e.time[1] = 0.5; });
  recorded.CheckFault(episode + "infos/time: expected what integration_state holds, here " +
                      NumberText(middle.time[1]) + ", found 0.5 at step 1");
  // The state itself, where qpos is right: time, then the positions.
  const auto columns = static_cast<size_t>(recorded.info().state_size);
  recorded.RewriteValues([&](Episode& e) { e.integration_state[2 * columns + 1] = 9.5; });
  recorded.CheckFault(episode + "infos/qpos: expected what integration_state holds, here 9.5, found " +
                      NumberText(middle.qpos[6]) + " at step 2, element 0");
}

TEST_CASE("Metadata that Minari refuses, or that disagrees with the file, is named") {
  const Recorded recorded;
  const std::string file = recorded.data("metadata.json").string(), whole = ReadFile(file);
  const auto fault = [&](const std::function<void(nlohmann::json&)>& edit, const std::string& message) {
    recorded.EditMetadata(edit);
    recorded.CheckFault(message);
    WriteFileAtomically(file, whole);
  };
  const auto set = [&](const char* key, const nlohmann::json& value, const std::string& message) {
    fault([&](nlohmann::json& metadata) { metadata[key] = value; }, file + message);
  };
  set("total_steps", 14, ": key 'total_steps': expected the sum of the episodes' steps, 15, found 14");
  set("data_format", "arrow", ": key 'data_format': expected \"hdf5\", found \"arrow\"");
  set("minari_version", "0.6.0",
      ": key 'minari_version': expected a version that Minari 0.5.4 reads, as \"0.5.4\", found \"0.6.0\"");
  set("dataset_id", "walker", ": key 'dataset_id': expected letters, digits, '-', '_' and '/' that end in a version, "
                              "as \"walker-v0\", found \"walker\"");
  set("action_space", 3, ": key 'action_space': expected a space as Minari writes it, found 3");
  set("action_space", R"({"type": "Discrete", "n": 2})",
      ": key 'action_space': 'type': expected \"Box\", found \"Discrete\"");
  set("action_space", R"({"type": "Box", "dtype": "float32", "shape": [1], "low": [-1], "high": [1]})",
      ": key 'action_space': 'dtype': expected \"float64\", found \"float32\"");
  set("action_space", R"({"type": "Box", "dtype": "float64", "shape": [2], "low": [-1, -1], "high": [1, 1]})",
      ": key 'action_space': 'shape': expected [1], found [2]");
  set("action_space", R"({"type": "Box", "dtype": "float64", "shape": [1], "low": [null], "high": [1]})",
      ": key 'action_space': 'low': expected 1 numbers, found null among them");
  set("action_space", R"({"type": "Box", "dtype": "float64", "shape": [1], "low": [2], "high": [1]})",
      ": key 'action_space': 'low': expected at most 'high', found 2 above 1 at element 0");
  fault(
      [](nlohmann::json& metadata) {
        metadata["observation_space"] = R"({"type": "Box", "dtype": "float64", "shape": [5],)"
                                        R"("low": [-Infinity, -Infinity, -Infinity, -Infinity, -Infinity],)"
                                        R"("high": [-1e9, Infinity, Infinity, Infinity, Infinity]})";
      },
      recorded.data("main_data.hdf5").string() +
          ": episode_0/observations: expected numbers in their space, here from -inf to -1e+09, found " +
          NumberText(recorded.episodes()[0].observations[0]) + " at step 0, element 0 (position[0])");
  fault([](nlohmann::json& metadata) { metadata.erase("observation_space"); },
        file + ": key 'observation_space': expected a space as Minari writes it, found nothing");
  fault([](nlohmann::json& metadata) { metadata.erase("dataset_id"); }, "as \"walker-v0\", found nothing");
  fault([](nlohmann::json& metadata) { metadata["reverie"]["observation_labels"].erase(0); },
        file + " 'reverie': key 'observation_labels': expected 5, as many as 'observation_size' says, found 4");
  fault([](nlohmann::json& metadata) { metadata["total_episodes"] = 4; },
        "main_data.hdf5: expected the 4 episodes that metadata.json counts, found 3");
  WriteFileAtomically(file, "{\"total_");
  CHECK(Contains(MessageOf([&] { recorded.Check(); }), file + ": expected JSON, found 8 bytes that are none"));
}

TEST_CASE("A scene or task that is missing or belongs to another dataset is named") {
  Recorded recorded;
  const std::string metadata = recorded.data("metadata.json").string() + " 'reverie': key ";
  const auto as = [&](const std::function<void(DatasetInfo&)>& change, const std::string& message) {
    recorded.EditMetadata([&](nlohmann::json& json) {
      DatasetInfo info = recorded.info();
      change(info);
      json["reverie"] = InfoToJson(info);
    });
    recorded.CheckFault(message);
  };
  const auto is = [](int64_t size) { return std::to_string(size) + ", as scene.mjb and task.json have it, found "; };
  const DatasetInfo& info = recorded.info();
  as([](DatasetInfo& i) { ++i.state_size; },
     metadata + "'state_size': expected " + is(info.state_size) + std::to_string(info.state_size + 1));
  as([](DatasetInfo& i) { ++i.qpos_size; }, metadata + "'qpos_size': expected " + is(3) + "4");
  as([](DatasetInfo& i) { i.qvel_size = 2; }, metadata + "'qvel_size': expected " + is(3) + "2");
  as([](DatasetInfo& i) { i.action_labels[0] = "pull"; },
     metadata + "'action_labels[0]': expected \"push\", as scene.mjb and task.json have it, found \"pull\"");
  as([](DatasetInfo& i) { i.parameter_labels.clear(); },
     metadata + "'parameter_labels': expected [\"geom_size(box).x\"], as scene.mjb and task.json have it, found []");

  recorded.WriteAs(info);
  const std::string scene = ReadFile(recorded.data("scene.mjb")), task = ReadFile(recorded.data("task.json"));
  WriteFileAtomically(recorded.data("scene.mjb"), scene.substr(0, scene.size() / 2));
  CHECK(Contains(MessageOf([&] { recorded.Check(); }), recorded.data("scene.mjb").string()));
  CHECK_THROWS_AS(recorded.Check(), DatasetError);
  RemoveFile(recorded.data("scene.mjb"));
  CHECK(Contains(MessageOf([&] { recorded.Check(); }), recorded.data("scene.mjb").string()));
  WriteFileAtomically(recorded.data("scene.mjb"), scene);
  RemoveFile(recorded.data("task.json"));
  CHECK(Contains(MessageOf([&] { recorded.Check(); }), recorded.data("task.json").string()));
  WriteFileAtomically(recorded.data("task.json"), "{\"observation\": {\"x\": \"qpos(nobody)\"}}");
  CHECK(Contains(MessageOf([&] { recorded.Check(); }), recorded.data("task.json").string()));
  CHECK_THROWS_AS(recorded.Check(), DatasetError);
  WriteFileAtomically(recorded.data("task.json"), task);
  CHECK(recorded.Check().episodes == 3);
}

TEST_CASE("Episodes that do not follow on one another are named") {
  const Recorded recorded;
  Hdf5File file = Hdf5File::Create(recorded.data("main_data.hdf5"));
  for (const int64_t k : {0, 1, 3})
    WriteEpisode(file.root(), k, recorded.episodes()[static_cast<size_t>(std::min<int64_t>(k, 2))], recorded.info());
  file.Close();
  recorded.CheckFault(": episode_2: expected a group, found nothing of that name");
}

TEST_CASE("Of an unfinished dataset the committed episodes are checked") {
  const Recorded recorded;
  const TemporaryFolder folder;
  const auto write = [&](const fs::path& run, double last_action) {
    DatasetWriter writer(run, recorded.info(), false);
    for (Episode episode : recorded.episodes()) {
      if (episode.index == 1) episode.actions[0] = last_action;
      if (episode.index == 2) writer.Commit();
      writer.Append(episode);
    }
  };
  write(folder / "run", 0.5);
  const DatasetCheck check = CheckDataset(folder / "run");
  CHECK_FALSE(check.finished);
  CHECK(check.episodes == 2);
  CHECK(check.steps == 4 + 5);
  write(folder / "wrong", -2);
  CHECK(MessageOf([&] { CheckDataset(folder / "wrong"); }) ==
        (folder / "wrong/data/episodes.log").string() +
            ": episode_1/actions: expected numbers in their space, here from -1 to 1, found -2 at step 0, element 0 "
            "(push)");
}

TEST_CASE("A check tells how far it is and can be stopped") {
  const Recorded recorded;
  std::stop_source stop;
  std::vector<std::pair<int64_t, int64_t>> progress;
  const DatasetCheck check = CheckDataset(
      recorded.run(),
      [&](int64_t done, int64_t of) {
        progress.emplace_back(done, of);
        if (done == 2) stop.request_stop();
      },
      stop.get_token());
  CHECK(check.interrupted);
  CHECK(check.episodes == 2);
  CHECK(progress == std::vector<std::pair<int64_t, int64_t>>{{1, 3}, {2, 3}});
}

TEST_CASE("Ids and versions are Minari's") {
  for (const char* id : {"walker-v0", "mujoco/walker-v12", "a_b-c-v3", "l\xc3\xa4ufer-v1"}) CHECK(IsMinariId(id));
  for (const char* id : {"", "walker", "walker-v", "-v1", "walker-v1a", "wal ker-v1", "/walker-v1", "a.b-v1"})
    CHECK_FALSE(IsMinariId(id));
  CHECK(MinariReads("0.4.3"));
  CHECK_FALSE(MinariReads("0.6.0"));
  CHECK_FALSE(MinariReads("0.5"));
}
