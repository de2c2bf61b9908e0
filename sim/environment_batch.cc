#include "sim/environment_batch.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <numeric>
#include <string>

#include <mujoco/mjbatch.h>
#include <mujoco/mujoco.h>

#include "sim/error.h"

namespace reverie {
namespace {

struct BatchDeleter {
  void operator()(mjBatch* batch) const { mjb_deleteBatch(batch); }
};
using BatchPtr = std::unique_ptr<mjBatch, BatchDeleter>;

void CheckSize(const char* what, size_t found, size_t expected) {
  if (found == expected) return;
  throw ShapeError(std::string("batch of environments: ") + what + ": expected " + std::to_string(expected) +
                   " values, found " + std::to_string(found));
}

}  // namespace

struct EnvironmentBatch::Impl {
  /// What a call does with one simulation; `k` counts the environments it was called for.
  using Work = std::function<void(mjModel* model, mjData* data, int environment, size_t k)>;

  /// One call of mjb_apply.
  struct Call {
    Impl* impl;
    const Work* work;
    std::vector<size_t> place;               // k of each environment
    std::vector<std::exception_ptr> errors;  // of each environment
  };

  std::shared_ptr<const CompiledTask> task;
  int count = 0;
  std::vector<ModelPtr> own_models;  // only where resets draw into the model
  std::vector<const mjModel*> models;
  BatchPtr batch;  // after what it points into
  std::vector<int> all;
  std::vector<double> channels;
  std::vector<int> control_steps, diverged_dof;
  BatchStep step;

  mjModel* own_model(int environment) {
    return own_models.empty() ? nullptr : own_models[static_cast<size_t>(environment)].get();
  }
  std::span<double> row(int environment) {
    const auto size = static_cast<size_t>(task->channel_size());
    return std::span<double>(channels).subspan(static_cast<size_t>(environment) * size, size);
  }
  void Check(std::span<const int> environments) const;
  void Apply(std::span<const int> environments, const Work& work);
  static void ApplyOne(const mjModel* model, mjData* data, int environment, void* argument);
};

void EnvironmentBatch::Impl::Check(std::span<const int> environments) const {
  std::vector<bool> seen(static_cast<size_t>(count), false);
  for (const int environment : environments) {
    if (environment < 0 || environment >= count || seen[static_cast<size_t>(environment)]) {
      throw ShapeError("batch of environments: expected different numbers from 0 to " +
                       std::to_string(count - 1) + ", found " + std::to_string(environment));
    }
    seen[static_cast<size_t>(environment)] = true;
  }
}

void EnvironmentBatch::Impl::ApplyOne(const mjModel* model, mjData* data, int environment, void* argument) {
  Call& call = *static_cast<Call*>(argument);
  const auto i = static_cast<size_t>(environment);
  try {
    // CompiledTask writes to the model only where it draws parameters, and then the model is the
    // environment's own.
    mjModel* own = call.impl->own_model(environment);
    (*call.work)(own ? own : const_cast<mjModel*>(model), data, environment, call.place[i]);
  } catch (...) {  // must not cross MuJoCo's thread pool
    call.errors[i] = std::current_exception();
  }
}

void EnvironmentBatch::Impl::Apply(std::span<const int> environments, const Work& work) {
  if (environments.empty()) return;
  Call call{this, &work, std::vector<size_t>(static_cast<size_t>(count)),
            std::vector<std::exception_ptr>(static_cast<size_t>(count))};
  for (size_t k = 0; k < environments.size(); ++k) call.place[static_cast<size_t>(environments[k])] = k;
  mjb_apply(batch.get(), environments.data(), static_cast<int>(environments.size()), ApplyOne, &call,
            /*save=*/1);
  for (const int environment : environments) {
    if (call.errors[static_cast<size_t>(environment)]) {
      std::rethrow_exception(call.errors[static_cast<size_t>(environment)]);
    }
    if (mjb_status(batch.get())[environment] != 0) {
      throw SceneError(task->scene().origin() + ": environment " + std::to_string(environment) +
                       ": MuJoCo: " + mjb_error(batch.get(), environment));
    }
  }
}

EnvironmentBatch::EnvironmentBatch(std::shared_ptr<const CompiledTask> task, int count, int threads)
    : impl_(std::make_unique<Impl>()) {
  Impl& self = *impl_;
  if (count < 1 || threads < 1) {
    throw ShapeError("batch of environments: expected at least 1 environment and 1 thread, found " +
                     std::to_string(count) + " and " + std::to_string(threads));
  }
  self.task = std::move(task);
  self.count = count;
  const auto n = static_cast<size_t>(count);
  // One mjData for each simulation, not each thread: what MuJoCo derives from a state need not be computed
  // again.
  mjBatchConfig config;
  mjb_defaultConfig(&config);
  config.nthread = threads;
  config.persistent = 1;
  char message[512] = "";
  self.batch.reset(mjb_makeBatch(self.task->model(), count, &config, message, sizeof(message)));
  if (!self.batch) {
    throw SceneError(self.task->scene().origin() + ": MuJoCo cannot simulate it in a batch: " + message);
  }
  if (self.task->parameter_size() > 0) {
    for (size_t i = 0; i < n; ++i) {
      self.own_models.emplace_back(mj_copyModel(nullptr, self.task->model()));
      if (!self.own_models.back())
        throw SceneError(self.task->scene().origin() + ": not enough memory for its copies");
      self.models.push_back(self.own_models.back().get());
    }
    mjb_setModels(self.batch.get(), self.models.data());
  }
  self.all.resize(n);
  std::iota(self.all.begin(), self.all.end(), 0);
  self.channels.resize(n * static_cast<size_t>(self.task->channel_size()));
  self.control_steps.assign(n, 0);
  self.diverged_dof.assign(n, -1);
  self.step = {std::vector<double>(n), std::vector<uint8_t>(n), std::vector<uint8_t>(n),
               std::vector<int>(n, -1)};
  Reset(std::vector<uint64_t>(n, 0));
}

EnvironmentBatch::~EnvironmentBatch() = default;

const CompiledTask& EnvironmentBatch::task() const {
  return *impl_->task;
}
int EnvironmentBatch::size() const {
  return impl_->count;
}
std::span<const double> EnvironmentBatch::channels() const {
  return impl_->channels;
}

std::span<const double> EnvironmentBatch::channels(int environment) const {
  impl_->Check(std::span<const int>(&environment, 1));
  return impl_->row(environment);
}

int EnvironmentBatch::control_step(int environment) const {
  return impl_->control_steps.at(static_cast<size_t>(environment));
}

void EnvironmentBatch::Reset(std::span<const uint64_t> seeds) {
  Reset(impl_->all, seeds);
}

void EnvironmentBatch::Reset(std::span<const int> environments, std::span<const uint64_t> seeds) {
  Impl& self = *impl_;
  self.Check(environments);
  CheckSize("seeds", seeds.size(), environments.size());
  self.Apply(environments, [&](mjModel* model, mjData* data, int environment, size_t k) {
    Random random(seeds[k]);
    self.task->Reset(model, data, random);
    self.control_steps[static_cast<size_t>(environment)] = 0;
    self.diverged_dof[static_cast<size_t>(environment)] = -1;
    self.task->Observe(model, data, self.row(environment));
  });
}

const BatchStep& EnvironmentBatch::Step(std::span<const double> actions) {
  Impl& self = *impl_;
  const auto action_size = static_cast<size_t>(self.task->action_size());
  CheckSize("actions", actions.size(), static_cast<size_t>(self.count) * action_size);
  self.Apply(self.all, [&](mjModel* model, mjData* data, int environment, size_t k) {
    StepResult result;
    result.diverged_dof = self.diverged_dof[k];
    if (result.diverged_dof < 0) {
      result =
          self.task->Step(model, data, actions.subspan(k * action_size, action_size), self.row(environment));
      self.diverged_dof[k] = result.diverged_dof;
    }
    ++self.control_steps[k];
    const bool over = result.diverged_dof >= 0 || self.control_steps[k] >= self.task->steps_per_episode();
    self.step.rewards[k] = result.reward;
    self.step.terminated[k] = result.terminated;
    self.step.truncated[k] = result.truncated || (over && !result.terminated);
    self.step.diverged_dof[k] = result.diverged_dof;
  });
  return self.step;
}

std::vector<double> EnvironmentBatch::SaveState() const {
  const mjtNum* rows = mjb_state(impl_->batch.get());
  const size_t size = static_cast<size_t>(impl_->count) * static_cast<size_t>(impl_->task->state_size());
  return std::vector<double>(rows, rows + size);
}

void EnvironmentBatch::RestoreState(std::span<const int> environments, std::span<const double> states,
                                    std::span<const int> control_steps) {
  Impl& self = *impl_;
  self.Check(environments);
  const auto state_size = static_cast<size_t>(self.task->state_size());
  CheckSize("integration states", states.size(), environments.size() * state_size);
  CheckSize("control steps", control_steps.size(), environments.size());
  self.Apply(environments, [&](mjModel* model, mjData* data, int environment, size_t k) {
    self.task->SetState(model, data, states.subspan(k * state_size, state_size));
    self.control_steps[static_cast<size_t>(environment)] = control_steps[k];
    self.diverged_dof[static_cast<size_t>(environment)] = -1;
    self.task->Observe(model, data, self.row(environment));
  });
}

std::vector<double> EnvironmentBatch::parameters() const {
  const auto size = static_cast<size_t>(impl_->task->parameter_size());
  std::vector<double> values(static_cast<size_t>(impl_->count) * size);
  for (size_t i = 0; i < impl_->own_models.size(); ++i) {
    impl_->task->GetParameters(impl_->own_models[i].get(), std::span<double>(values).subspan(i * size, size));
  }
  return values;
}

void EnvironmentBatch::SetParameters(std::span<const int> environments, std::span<const double> parameters) {
  Impl& self = *impl_;
  self.Check(environments);
  const auto size = static_cast<size_t>(self.task->parameter_size());
  CheckSize("model parameters", parameters.size(), environments.size() * size);
  if (size == 0) return;
  self.Apply(environments, [&](mjModel* model, mjData* data, int, size_t k) {
    self.task->SetParameters(model, data, parameters.subspan(k * size, size));
  });
}

}  // namespace reverie
