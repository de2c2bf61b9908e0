#include "worldmodel/linear_model.h"

#include <cmath>
#include <cstring>
#include <numbers>

#include <torch/torch.h>

#include "sim/error.h"
#include "worldmodel/safetensors.h"

namespace reverie {

struct LinearModel::Impl {
  std::shared_ptr<const CompiledTask> task;
  int channels = 0, actions = 0;
  // Channels' change in one control step = weight^T (features, action, 1), SI units, row-major
  // (features + nu + 1, channels).
  std::vector<double> weight;

  void AppendFeatures(const double* values, std::vector<double>& row) const {
    for (int c = 0; c < channels; ++c) {
      if (task->angles()[static_cast<size_t>(c)]) {
        row.push_back(std::cos(values[c]));
        row.push_back(std::sin(values[c]));
      } else {
        row.push_back(values[c]);
      }
    }
  }
  int64_t Inputs() const {
    int64_t count = actions + 1;
    for (int c = 0; c < channels; ++c) count += task->angles()[static_cast<size_t>(c)] ? 2 : 1;
    return count;
  }
};

LinearModel::LinearModel(std::shared_ptr<const CompiledTask> task) : impl_(std::make_unique<Impl>()) {
  impl_->task = std::move(task);
  impl_->channels = impl_->task->channel_size();
  impl_->actions = impl_->task->action_size();
  impl_->weight.assign(static_cast<size_t>(impl_->Inputs() * impl_->channels), 0.0);
}

LinearModel::~LinearModel() = default;

const CompiledTask& LinearModel::task() const { return *impl_->task; }

void LinearModel::Fit(const ReplayBuffer& data, double ridge) {
  Impl& impl = *impl_;
  const int64_t count = data.transitions(), inputs = impl.Inputs();
  if (count == 0) return;
  std::vector<double> rows, changes;
  for (int64_t i = 0; i < count; ++i) {
    const double* now = data.channels().data() + i * impl.channels;
    const double* next = data.next_channels().data() + i * impl.channels;
    impl.AppendFeatures(now, rows);
    const double* action = data.actions().data() + i * impl.actions;
    rows.insert(rows.end(), action, action + impl.actions);
    rows.push_back(1.0);
    for (int c = 0; c < impl.channels; ++c) {
      const double change = next[c] - now[c];
      changes.push_back(impl.task->angles()[static_cast<size_t>(c)] ? std::remainder(change, 2.0 * std::numbers::pi) : change);
    }
  }
  const torch::Tensor x = torch::from_blob(rows.data(), {count, inputs}, torch::kFloat64);
  const torch::Tensor y = torch::from_blob(changes.data(), {count, impl.channels}, torch::kFloat64);
  torch::Tensor scale = x.std(0, false);
  scale = torch::where(scale > 1e-9, scale, torch::ones_like(scale));
  const torch::Tensor scaled = x / scale;
  torch::Tensor penalty = torch::full({inputs}, ridge * static_cast<double>(count), torch::kFloat64);
  penalty[inputs - 1] = 1e-9 * static_cast<double>(count);  // the intercept is not shrunk
  const torch::Tensor solution =
      torch::linalg_solve(torch::matmul(scaled.t(), scaled) + torch::diag(penalty), torch::matmul(scaled.t(), y));
  const torch::Tensor weight = (solution / scale.unsqueeze(1)).contiguous();
  impl.weight.assign(weight.data_ptr<double>(), weight.data_ptr<double>() + weight.numel());
}

void LinearModel::Save(const std::filesystem::path& folder) const {
  Safetensors content;
  content.metadata = {{"model", "linear"}};
  content.tensors["weight"] = {"F64", {impl_->Inputs(), impl_->channels},
                               std::string(reinterpret_cast<const char*>(impl_->weight.data()),
                                           impl_->weight.size() * sizeof(double))};
  WriteSafetensors(folder / "baseline.safetensors", content);
}

std::unique_ptr<LinearModel> LinearModel::Load(const std::filesystem::path& folder,
                                               std::shared_ptr<const CompiledTask> task) {
  auto model = std::make_unique<LinearModel>(std::move(task));
  const std::filesystem::path file = folder / "baseline.safetensors";
  const Safetensors content = ReadSafetensors(file);
  const auto found = content.tensors.find("weight");
  const std::vector<int64_t> shape = {model->impl_->Inputs(), model->impl_->channels};
  if (found == content.tensors.end() || found->second.dtype != "F64" || found->second.shape != shape) {
    throw CheckpointError("baseline " + file.string() + ": expected a tensor 'weight' of F64 (" +
                          std::to_string(shape[0]) + ", " + std::to_string(shape[1]) + ")" +
                          (found == content.tensors.end() ? ", found none" : ", found another size or type"));
  }
  std::memcpy(model->impl_->weight.data(), found->second.bytes.data(), found->second.bytes.size());
  return model;
}

void LinearModel::Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
                          const ImagineOptions& options, Imagination& result) {
  const Impl& impl = *impl_;
  const size_t nc = static_cast<size_t>(impl.channels), nu = static_cast<size_t>(impl.actions);
  const size_t steps = static_cast<size_t>(sequences) * static_cast<size_t>(horizon);
  if (actions.size() != steps * nu) {
    throw ShapeError("imagined actions: expected " + std::to_string(steps * nu) + " values, found " +
                     std::to_string(actions.size()));
  }
  result.sequences = sequences;
  result.horizon = horizon;
  result.channel_size = impl.channels;
  result.rewards.assign(steps, 0.0f);
  result.uncertainty.assign(steps, 0.0f);
  const bool with_channels = options.channels || options.members;
  result.channels.assign(with_channels ? steps * nc : 0, 0.0f);
  result.spread.assign(options.channels ? steps * nc : 0, 0.0f);
  result.values.clear();
  result.members = options.members ? 1 : 0;
  result.member_channels.clear();
  std::vector<double> state, row;
  for (size_t n = 0; n < static_cast<size_t>(sequences) && with_channels; ++n) {
    state = belief.channels;
    for (size_t h = 0; h < static_cast<size_t>(horizon); ++h) {
      const size_t step = n * static_cast<size_t>(horizon) + h;
      row.clear();
      impl.AppendFeatures(state.data(), row);
      for (size_t u = 0; u < nu; ++u) row.push_back(actions[step * nu + u]);
      row.push_back(1.0);
      for (size_t c = 0; c < nc; ++c) {
        for (size_t i = 0; i < row.size(); ++i) state[c] += row[i] * impl.weight[i * nc + c];
        result.channels[step * nc + c] = static_cast<float>(state[c]);
      }
    }
  }
  if (options.members) result.member_channels = result.channels;
  if (!options.channels) result.channels.clear();
}

}  // namespace reverie
