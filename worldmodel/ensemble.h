// A probabilistic ensemble: several networks, each predicting mean and variance of how every channel changes in
// one control step. Disagreement between them is what the model does not know.
// Source: Chua et al. 2018, "Deep Reinforcement Learning in a Handful of Trials" (PETS).
// An instance belongs to one thread at a time. Channels are in SI units outside, normalised inside.
#pragma once

#include "worldmodel/learned_model.h"

namespace reverie {

struct EnsembleOptions {
  int members = 5;
  int layers = 3;
  int width = 128;
  double learning_rate = 2e-3;
  double weight_decay = 1e-5;
  int batch = 256;
  // Weight of a sample's loss is its predicted variance to this power: 0 is the plain likelihood, which gives up
  // on rare, abrupt events (a cart at the end of its rail); 1 fits the mean as least squares would.
  // Source: Seitzer et al. 2022, "On the Pitfalls of Heteroscedastic Uncertainty Estimation" (beta-NLL).
  double variance_weighting = 0.5;
  double bootstrap = 0.25;      // share of the transitions of which members see different resamples; 0: all see all
  int planning_members = 2;     // how many members judge each action sequence of a planner
  int drawn_members = 5;        // how many draw predictions with their spread
  int noise_samples = 4;        // draws of the members' own noise for each, then; 0: what they expect, without noise

  nlohmann::ordered_json ToJson() const;
  /// Sets the options that `json` names. @throws Error for an unknown key or a value of another kind.
  void Update(const nlohmann::json& json, const std::string& where);
};

class Ensemble : public LearnedModel {
 public:
  /// @param device  as ResolveDevice gives it.
  Ensemble(std::shared_ptr<const CompiledTask> task, EnsembleOptions options, const std::string& device,
           uint64_t seed);
  ~Ensemble() override;

  /// Reads config.json and weights.safetensors. @throws CheckpointError: missing or misshapen tensor, another task.
  static std::unique_ptr<Ensemble> Load(const std::filesystem::path& folder, std::shared_ptr<const CompiledTask> task,
                                        const std::string& device);

  const CompiledTask& task() const override;
  std::string name() const override { return "ensemble"; }
  std::vector<double> channel_scale() const override;
  const EnsembleOptions& options() const;

  void Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
               const ImagineOptions& options, Imagination& result) override;

  TrainResult Train(const ReplayBuffer& data, int updates, uint64_t seed,
                    const std::function<bool(int)>& go_on = nullptr) override;
  int64_t updates() const override;

  double OperationsPerImaginedStep() const override;
  double OperationsPerUpdate() const override;

  Judgement Judge(const Episode& episode, const std::function<bool()>& go_on = nullptr) override;
  Calibration& calibration() override;

  void Save(const std::filesystem::path& folder, const nlohmann::ordered_json& more = {}) const override;
  void SaveTrainingState(const std::filesystem::path& file, const nlohmann::json& extra) const override;
  nlohmann::json LoadTrainingState(const std::filesystem::path& file) override;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
