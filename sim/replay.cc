#include "sim/replay.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <span>
#include <utility>

#include <mujoco/mujoco.h>

#include "sim/error.h"
#include "sim/hdf5_episode.h"

namespace reverie {
namespace {

std::string Number(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return std::string(text.data(), end);
}

// Name of an element of mjSTATE_INTEGRATION, whose components follow one another in the order of their bits.
std::string StateComponent(const mjModel* model, int64_t element) {
  static constexpr std::pair<int, const char*> kNames[] = {{mjSTATE_TIME, "time"},
                                                           {mjSTATE_QPOS, "qpos"},
                                                           {mjSTATE_QVEL, "qvel"},
                                                           {mjSTATE_ACT, "act"},
                                                           {mjSTATE_HISTORY, "history"},
                                                           {mjSTATE_WARMSTART, "qacc_warmstart"},
                                                           {mjSTATE_CTRL, "ctrl"},
                                                           {mjSTATE_QFRC_APPLIED, "qfrc_applied"},
                                                           {mjSTATE_XFRC_APPLIED, "xfrc_applied"},
                                                           {mjSTATE_EQ_ACTIVE, "eq_active"},
                                                           {mjSTATE_MOCAP_POS, "mocap_pos"},
                                                           {mjSTATE_MOCAP_QUAT, "mocap_quat"},
                                                           {mjSTATE_USERDATA, "userdata"},
                                                           {mjSTATE_PLUGIN, "plugin_state"}};
  for (const auto& [bit, name] : kNames) {
    const int64_t size = mj_stateSize(model, bit);
    if (element < size) return std::string(name) + "[" + std::to_string(element) + "]";
    element -= size;
  }
  return "unknown";
}

// The sizes that CheckEpisode asks for, without the copy of the scene that DescribeDataset makes.
DatasetInfo Sizes(const CompiledTask& task) {
  DatasetInfo info;
  info.observation_size = task.observation_size();
  info.signal_size = task.signal_size();
  info.action_size = task.action_size();
  info.state_size = task.state_size();
  info.qpos_size = task.model()->nq;
  info.qvel_size = task.model()->nv;
  info.parameter_labels.resize(static_cast<size_t>(task.parameter_size()));
  return info;
}

class Comparison {
 public:
  Comparison(const CompiledTask& task, const Episode& episode, ReplayResult& result)
      : task_(task), episode_(episode), result_(result) {}

  void BeginRow(int64_t step) {
    step_ = step;
    differs_ = false;
  }
  void EndRow() { result_.mismatches += differs_; }

  /// Compares a replayed row with its row of a recorded array; `label(i)` names element i.
  template <class Label>
  void Row(const char* array, const std::vector<double>& recorded, int64_t row,
           std::span<const double> replayed, Label&& label) {
    const double* expected = recorded.data() + static_cast<size_t>(row) * replayed.size();
    for (size_t i = 0; i < replayed.size(); ++i) {
      if (std::bit_cast<uint64_t>(expected[i]) == std::bit_cast<uint64_t>(replayed[i])) continue;
      differs_ = true;
      if (result_.first) continue;
      const auto element = static_cast<int64_t>(i);
      result_.first =
          ReplayMismatch{episode_.index, step_, array, element, label(element), expected[i], replayed[i]};
    }
  }

  void State(const mjModel* model, const mjData* data) {
    state_.resize(static_cast<size_t>(task_.state_size()));
    mj_getState(model, data, state_.data(), mjSTATE_INTEGRATION);
    Row("integration_state", episode_.integration_state, step_, state_,
        [&](int64_t i) { return StateComponent(model, i); });
    const auto index = [](int64_t i) { return std::to_string(i); };
    Row("qpos", episode_.qpos, step_, {data->qpos, static_cast<size_t>(model->nq)}, index);
    Row("qvel", episode_.qvel, step_, {data->qvel, static_cast<size_t>(model->nv)},
        [&](int64_t i) { return task_.scene().DofLabel(static_cast<int>(i)); });
    Row("time", episode_.time, step_, {&data->time, 1}, [](int64_t) { return "time"; });
  }

  void Channels(std::span<const double> channels) {
    const auto observations = static_cast<size_t>(task_.observation_size());
    Row("observations", episode_.observations, step_, channels.first(observations),
        [&](int64_t i) { return task_.ObservationLabels()[static_cast<size_t>(i)]; });
    Row("signals", episode_.signals, step_, channels.subspan(observations),
        [&](int64_t i) { return task_.SignalLabels()[static_cast<size_t>(i)]; });
  }

 private:
  const CompiledTask& task_;
  const Episode& episode_;
  ReplayResult& result_;
  int64_t step_ = 0;
  bool differs_ = false;
  std::vector<double> state_;
};

}  // namespace

std::string ReplayMismatch::Text() const {
  return "episode " + std::to_string(episode) + ", step " + std::to_string(step) + ": " + array + "[" +
         std::to_string(element) + "] (" + component + "): recorded " + Number(recorded) + ", replayed " +
         Number(replayed);
}

// What a person's hands set before a step and the step leaves as it is: forces on bodies, poses of mocap bodies.
constexpr unsigned kHands = mjSTATE_XFRC_APPLIED | mjSTATE_MOCAP_POS | mjSTATE_MOCAP_QUAT;

ReplayResult VerifyEpisode(const CompiledTask& task, const Episode& episode) {
  CheckEpisode(episode, Sizes(task));
  ReplayResult result;
  ModelPtr own_model;
  if (task.parameter_size() > 0) own_model.reset(mj_copyModel(nullptr, task.model()));
  const mjModel* model = own_model ? own_model.get() : task.model();
  const DataPtr data(mj_makeData(model));
  if (!data) throw SceneError(task.scene().origin() + ": not enough memory for a simulation of it");
  if (own_model) task.SetParameters(own_model.get(), data.get(), episode.model_parameters);
  task.SetState(model, data.get(),
                std::span(episode.integration_state).first(static_cast<size_t>(task.state_size())));

  Comparison comparison(task, episode, result);
  std::vector<double> channels(static_cast<size_t>(task.channel_size()));
  task.Observe(model, data.get(), channels);
  comparison.BeginRow(0);
  comparison.State(model, data.get());
  comparison.Channels(channels);
  comparison.EndRow();

  const auto action_size = static_cast<size_t>(task.action_size());
  const auto state_size = static_cast<size_t>(task.state_size());
  std::vector<double> hands(static_cast<size_t>(mj_stateSize(model, kHands)));
  for (int64_t t = 0; t < episode.steps; ++t) {
    mj_extractState(model, episode.integration_state.data() + static_cast<size_t>(t + 1) * state_size,
                    mjSTATE_INTEGRATION, hands.data(), kHands);
    mj_setState(model, data.get(), hands.data(), kHands);
    const auto action = std::span(episode.actions).subspan(static_cast<size_t>(t) * action_size, action_size);
    const StepResult step = task.Step(model, data.get(), action, channels);
    comparison.BeginRow(t + 1);
    const double terminated = step.terminated,
                 recorded_terminated = t + 1 == episode.steps && episode.terminated;
    comparison.Row("terminations", {recorded_terminated}, 0, {&terminated, 1},
                   [](int64_t) { return "terminated"; });
    comparison.Row("rewards", episode.rewards, t, {&step.reward, 1}, [](int64_t) { return "reward"; });
    comparison.State(model, data.get());
    comparison.Channels(channels);
    comparison.EndRow();
    ++result.steps;
    if (step.diverged_dof >= 0) break;  // recorded as sound, so a difference was counted above
  }
  return result;
}

std::shared_ptr<const CompiledTask> TaskOfDataset(const DatasetReader& dataset) {
  const DatasetInfo& info = dataset.info();
  const std::filesystem::path data = dataset.folder() / "data";
  return CompiledTask::Compile(ParseTask(info.task_json, info.task_name, (data / "task.json").string()),
                               Scene::FromMjb(info.scene_mjb, (data / "scene.mjb").string()));
}

}  // namespace reverie
