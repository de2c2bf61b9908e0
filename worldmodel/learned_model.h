// What learned world models have in common beside imagining: they learn from a replay buffer, are judged by episodes
// that they have not learned from, and are kept on disk. An instance belongs to one thread at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "worldmodel/calibration.h"
#include "worldmodel/replay_buffer.h"
#include "worldmodel/world_model.h"

namespace reverie {

class LearnedModel : public WorldModel {
 public:
  void SetThreads(int threads) override;

  struct TrainResult {
    double loss = 0;       // what the kind minimises, mean over the last tenth of the updates, normalised units
    double update_ms = 0;  // per update, time spent in go_on left out
    bool interrupted = false;
  };
  /// Refits the normalisation to `data` where the kind does so and takes `updates` gradient steps on it.
  /// @param go_on  asked before each with the number of those done; it may block. False interrupts: weights,
  ///               optimiser and normalisation are then as before the call.
  /// @throws Error if the loss stops being finite; all of these are then as before, too.
  virtual TrainResult Train(const ReplayBuffer& data, int updates, uint64_t seed,
                            const std::function<bool(int)>& go_on = nullptr) = 0;
  /// Gradient steps taken so far.
  virtual int64_t updates() const = 0;

  /// Floating-point operations of one imagined control step of one sequence, and of one gradient step: those of
  /// the matrix products, a backward pass counted as two forward ones.
  virtual double OperationsPerImaginedStep() const = 0;
  virtual double OperationsPerUpdate() const = 0;

  /// Negative log-likelihood (normalised units) and error of one-step predictions on data it was not shown, and
  /// the k-step errors that calibration is fitted to.
  struct Judgement {
    double nll = 0, nrmse = 0;  // nrmse: of the change, over its standard deviation
    bool interrupted = false;
  };
  /// @param go_on  asked now and then; false interrupts: calibration is then as before.
  virtual Judgement Judge(const Episode& episode, const std::function<bool()>& go_on = nullptr) = 0;
  virtual Calibration& calibration() = 0;

  /// Writes config.json and weights.safetensors.
  /// @param more  further keys of config.json.
  virtual void Save(const std::filesystem::path& folder, const nlohmann::ordered_json& more = {}) const = 0;
  /// Everything a resumed run needs (weights, optimiser, normalisation, calibration) in one file.
  virtual void SaveTrainingState(const std::filesystem::path& file, const nlohmann::json& extra) const = 0;
  /// Returns `extra`. @throws CheckpointError.
  virtual nlohmann::json LoadTrainingState(const std::filesystem::path& file) = 0;

 protected:
  /// Imagines windows of `episode` with its own actions and fits calibration() to how wrong they were.
  /// @return  false if `go_on` interrupted it; calibration is then as before.
  bool Calibrate(const Episode& episode, const std::function<bool()>& go_on);
};

}  // namespace reverie
