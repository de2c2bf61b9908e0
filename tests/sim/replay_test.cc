// Recorded episodes are played again from what is on disk alone; a recording that was changed is found out.
#include "sim/replay.h"

#include <bit>
#include <fstream>

#include <doctest/doctest.h>

#include "sim/collect.h"
#include "sim/error.h"
#include "sim/policy.h"
#include "sim/random.h"
#include "tests/sim/dataset_fixture.h"

using namespace reverie;
using namespace reverie::dataset_fixture;

namespace {

// State that is easily forgotten: activations, delayed controls and measurements, a mocap body, an equality,
// a ball and a free joint without names, a tendon, contacts.
constexpr char kEverything[] = R"(
<mujoco>
  <option timestep="0.005" integrator="implicitfast"/>
  <default><geom condim="6" friction="1 0.01 0.001"/></default>
  <worldbody>
    <geom type="plane" size="3 3 0.1"/>
    <body mocap="true" pos="0 0 1.5"><geom type="sphere" size="0.03" contype="0" conaffinity="0"/></body>
    <body name="hung" pos="0.1 0 1.4"><freejoint/><geom type="box" size="0.1 0.05 0.05"/></body>
    <body pos="0.4 0.3 0.2"><freejoint/><geom type="ellipsoid" size="0.1 0.07 0.05"/></body>
    <body pos="-0.6 0 0.7">
      <joint type="ball" damping="0.05"/>
      <geom type="capsule" size="0.04" fromto="0 0 0 0.3 0 0"/>
      <site name="a" pos="0 0 0.06"/>
      <body pos="0.35 0 0">
        <joint name="elbow" axis="0 1 0" range="-120 120" limited="true" armature="0.01"/>
        <geom type="capsule" size="0.03" fromto="0 0 0 0.3 0 0"/>
        <site name="b" pos="0.15 0 0.05"/>
      </body>
    </body>
  </worldbody>
  <equality><weld body1="hung" relpose="0 0 0 1 0 0 0" solref="0.1 1"/></equality>
  <tendon><spatial name="cord" stiffness="5" damping="0.1"><site site="a"/><site site="b"/></spatial></tendon>
  <actuator>
    <muscle tendon="cord" ctrlrange="0 1"/>
    <general joint="elbow" dyntype="filterexact" dynprm="0.05" gainprm="3" ctrlrange="-1 1"/>
    <motor joint="elbow" delay="0.02" nsample="5" ctrlrange="-2 3"/>
  </actuator>
  <sensor><jointpos joint="elbow" delay="0.03" nsample="8"/><tendonpos tendon="cord"/></sensor>
</mujoco>)";

std::filesystem::path WriteScene(const TemporaryFolder& folder, const std::string& text) {
  std::ofstream(folder / "scene.xml") << text;
  return folder / "scene.xml";
}

/// Plays episode `index` and returns it.
Episode Play(const CompiledTask& task, int64_t index) {
  ModelPtr own_model;
  if (task.parameter_size() > 0) own_model.reset(mj_copyModel(nullptr, task.model()));
  mjModel* model = own_model ? own_model.get() : const_cast<mjModel*>(task.model());
  const DataPtr data(mj_makeData(model));
  Episode episode;
  PlayEpisode(task, model, data.get(), SmoothPolicy(task), index, HashSeed(7, static_cast<uint64_t>(index)),
              {}, episode);
  return episode;
}

/// Through a dataset on disk and back: nothing of the first process's task is used again.
ReplayResult VerifyFromDisk(const CompiledTask& task, const std::vector<Episode>& episodes) {
  const TemporaryFolder folder;
  DatasetWriter writer(folder / "run", DescribeDataset(task, 7, "smooth"), false);
  for (const Episode& episode : episodes) writer.Append(episode);
  writer.Finish();
  const DatasetReader reader(folder / "run");
  const auto replayed_in = TaskOfDataset(reader);
  ReplayResult sum;
  for (int64_t k = 0; k < reader.episodes(); ++k) {
    const ReplayResult result = VerifyEpisode(*replayed_in, reader.Read(k));
    sum.steps += result.steps;
    sum.mismatches += result.mismatches;
    if (!sum.first) sum.first = result.first;
  }
  return sum;
}

double NextBit(double value) {
  return std::bit_cast<double>(std::bit_cast<uint64_t>(value) ^ 1);
}

}  // namespace

TEST_CASE("Every task's recorded episodes play again to the bit") {
  for (const std::string& name : ListTasks()) {
    CAPTURE(name);
    const auto task = CompiledTask::Compile(LoadTask(name));
    const std::vector<Episode> episodes{Play(*task, 0), Play(*task, 1)};
    const ReplayResult result = VerifyFromDisk(*task, episodes);
    CHECK(result.steps == episodes[0].steps + episodes[1].steps);
    CHECK(result.mismatches == 0);
    if (result.first) MESSAGE(name, ": ", result.first->Text());
  }
}

TEST_CASE(
    "Muscles, delays, mocap, welds, tendons and free bodies are recorded, restored and replayed exactly") {
  const TemporaryFolder folder;
  const auto task = CompiledTask::Compile(LoadTask(WriteScene(folder, kEverything).string()));
  REQUIRE(task->model()->na > 0);
  REQUIRE(task->model()->nhistory > 0);
  REQUIRE(task->model()->nmocap > 0);
  const Episode episode = Play(*task, 0);
  REQUIRE(episode.steps > 100);
  const ReplayResult result = VerifyFromDisk(*task, {episode});
  CHECK(result.steps == episode.steps);
  CHECK(result.mismatches == 0);
  if (result.first) MESSAGE(result.first->Text());
}

TEST_CASE("An episode that diverged plays again up to its last sound state") {
  const TemporaryFolder folder;
  const auto file = WriteScene(folder, R"(
<mujoco>
  <option gravity="0 0 0"/>
  <worldbody>
    <body><joint name="slide" type="slide" stiffness="-40000"/><geom size="0.1" mass="1"/></body>
  </worldbody>
  <actuator><motor joint="slide" ctrlrange="-1 1"/></actuator>
</mujoco>)");
  const auto task = CompiledTask::Compile(LoadTask(file.string()));
  const Episode episode = Play(*task, 0);
  REQUIRE(episode.diverged == "slide");
  CHECK(VerifyFromDisk(*task, {episode}).mismatches == 0);
}

TEST_CASE("A single changed bit is found, with the step, the array and the component") {
  const auto task = CompiledTask::Compile(LoadTask("two-rooms-moving-door"));
  const Episode episode = Play(*task, 3);
  const auto state_size = static_cast<size_t>(task->state_size());
  REQUIRE(VerifyEpisode(*task, episode).mismatches == 0);

  SUBCASE("in a state") {
    Episode changed = episode;
    const size_t qvel_y = 1 + static_cast<size_t>(task->model()->nq) + 1;  // behind time, qpos and qvel[0]
    double& value = changed.integration_state[10 * state_size + qvel_y];
    const double recorded = value = NextBit(value);
    const ReplayResult result = VerifyEpisode(*task, changed);
    CHECK(result.mismatches == 1);
    REQUIRE(result.first.has_value());
    CHECK(result.first->episode == 3);
    CHECK(result.first->step == 10);
    CHECK(result.first->array == "integration_state");
    CHECK(result.first->element == static_cast<int64_t>(qvel_y));
    CHECK(result.first->component == "qvel[1]");
    CHECK(result.first->recorded == recorded);
    CHECK(result.first->replayed == NextBit(recorded));
    CHECK(Contains(result.first->Text(), "episode 3, step 10: integration_state[" + std::to_string(qvel_y) +
                                             "] (qvel[1]): recorded "));
  }
  SUBCASE("in a reward") {
    Episode changed = episode;
    changed.rewards[4] = NextBit(changed.rewards[4]);
    const ReplayResult result = VerifyEpisode(*task, changed);
    CHECK(result.mismatches == 1);
    REQUIRE(result.first.has_value());
    CHECK(result.first->array == "rewards");
    CHECK(result.first->step == 5);
  }
  SUBCASE("in an observation") {
    Episode changed = episode;
    changed.observations.back() = NextBit(changed.observations.back());
    const ReplayResult result = VerifyEpisode(*task, changed);
    CHECK(result.mismatches == 1);
    REQUIRE(result.first.has_value());
    CHECK(result.first->array == "observations");
    CHECK(result.first->component == task->ObservationLabels().back());
    CHECK(result.first->step == episode.steps);
  }
  SUBCASE("in an action") {
    Episode changed = episode;
    changed.actions[2 * 7] += changed.actions[2 * 7] > 0 ? -1e-3 : 1e-3;
    const ReplayResult result = VerifyEpisode(*task, changed);
    REQUIRE(result.first.has_value());
    CHECK(result.first->step == 8);
    CHECK(result.mismatches > 1);
  }
  SUBCASE("the termination") {
    Episode changed = episode;
    changed.terminated = !changed.terminated;
    const ReplayResult result = VerifyEpisode(*task, changed);
    CHECK(result.mismatches == 1);
    REQUIRE(result.first.has_value());
    CHECK(result.first->array == "terminations");
  }
}

TEST_CASE("Drawn model parameters are put back before the episode plays again") {
  const TemporaryFolder folder;
  WriteScene(folder, R"(
<mujoco>
  <worldbody><body name="arm"><joint name="hinge" axis="0 1 0" damping="0.1"/>
    <geom name="bob" type="sphere" size="0.05" pos="0 0 -0.5" mass="1"/></body></worldbody>
  <actuator><motor joint="hinge" ctrlrange="-2 2"/></actuator>
</mujoco>)");
  std::ofstream(folder / "task.json") << R"json({
    "scene": "scene.xml", "control_timestep_s": 0.02, "time_limit_s": 2,
    "observation": {"angle": "qpos(hinge)"},
    "reset": [{"set": "dof_damping(hinge)", "to": "uniform(0.01, 1)"}, {"set": "qpos(hinge)", "to": "1"}],
    "reward": "cos(angle)"})json";
  const auto task = CompiledTask::Compile(LoadTask((folder / "task.json").string()));
  const std::vector<Episode> episodes{Play(*task, 0), Play(*task, 1)};
  REQUIRE(episodes[0].model_parameters != episodes[1].model_parameters);
  CHECK(VerifyFromDisk(*task, episodes).mismatches == 0);
  Episode changed = episodes[0];
  changed.model_parameters = episodes[1].model_parameters;
  CHECK(VerifyEpisode(*task, changed).mismatches > 10);
}

TEST_CASE("Whatever of a scene is drawn is recorded, acts, and is put back") {
  const TemporaryFolder folder;
  WriteScene(folder, R"(
<mujoco>
  <asset><material name="paint"/></asset>
  <worldbody>
    <geom name="floor" type="plane" size="2 2 0.1"/><camera name="side" pos="0 -3 1"/>
    <body name="arm" pos="0 0 1"><joint name="hinge" axis="0 1 0" damping="0.1"/>
      <geom name="bob" type="sphere" size="0.05" pos="0 0 -0.9" mass="1" material="paint"/></body>
    <body name="ball" pos="1 0 0.1"><freejoint name="free"/><geom name="skin" size="0.1"/></body>
  </worldbody>
  <actuator><motor name="motor" joint="hinge" ctrlrange="-2 2"/></actuator>
</mujoco>)");
  const std::vector<std::pair<std::string, std::string>> drawn{
      {"body_mass(ball)", "uniform(0.5, 2)"},    {"geom_friction(skin)[0]", "uniform(1.1, 3)"},
      {"gravity.z", "uniform(-12, -6)"},         {"dof_damping(hinge)", "uniform(0.01, 1)"},
      {"actuator_gainprm(motor)[0]", "uniform(0.5, 3)"}, {"geom_size(skin)[0]", "uniform(0.05, 0.15)"},
      {"geom_rgba(skin)", "uniform(0, 1)"},      {"mat_rgba(paint)", "uniform(0, 1)"},
      {"cam_pos(side).x", "uniform(-1, 1)"},     {"cam_quat(side)", "normal(0, 1)"},
      {"viscosity", "uniform(0, 0.1)"},          {"density", "uniform(0, 2)"}};
  for (const auto& [field, formula] : drawn) {
    CAPTURE(field);
    std::ofstream(folder / "task.json") << R"json({
      "scene": "scene.xml", "control_timestep_s": 0.02, "time_limit_s": 1, "observation": {"angle": "qpos(hinge)"},
      "reset": [{"set": ")json" << field << R"json(", "to": ")json" << formula
                                        << R"json("}, {"set": "qvel(free)[0]", "to": "3"}]})json";
    const auto task = CompiledTask::Compile(LoadTask((folder / "task.json").string()));
    REQUIRE(task->parameter_size() > 0);
    CHECK(task->ParameterLabels()[0].starts_with(field.substr(0, field.find('['))));
    const std::vector<Episode> episodes{Play(*task, 0), Play(*task, 1)};
    CHECK(episodes[0].model_parameters != episodes[1].model_parameters);
    CHECK(VerifyFromDisk(*task, episodes).mismatches == 0);
    const bool seen_only = field.find("rgba") != std::string::npos || field.starts_with("cam_");
    Episode changed = episodes[0];
    changed.model_parameters = episodes[1].model_parameters;
    CHECK((VerifyEpisode(*task, changed).mismatches == 0) == seen_only);
  }
}

TEST_CASE("An episode of another task is refused by its sizes") {
  const auto task = CompiledTask::Compile(LoadTask("pendulum-swingup"));
  const auto other = CompiledTask::Compile(LoadTask("reacher"));
  CHECK_THROWS_AS(VerifyEpisode(*other, Play(*task, 0)), ShapeError);
}
