// A latent world model with value and policy: an encoder of the observation, dynamics, reward and values that live in
// the latent alone, and a policy that maximises the values. Heads beside it, which do not shape the latent, decode
// it to channels with a spread, so that what it expects can be drawn and held against what happened.
// Source: Hansen et al. 2024, "TD-MPC2: Scalable, Robust World Models for Continuous Control".
// An instance belongs to one thread at a time. Channels and rewards are in SI units outside, normalised inside.
#pragma once

#include "worldmodel/learned_model.h"

namespace reverie {

struct LatentOptions {
  std::string size = "tiny";     // "tiny", "1M", "5M": sets the next four, which may then be set singly
  int latent = 64;               // elements, in groups of 8 that each sum to one
  int encoder_width = 128;
  int width = 192;               // of dynamics, reward, values and policy
  int values = 2;                // value heads
  int decoders = 3;              // heads that decode the latent to channels
  int decoder_width = 128;
  int memory = 0;                // past control steps that a recurrent belief is made of, for tasks whose observation
                                 // hides part of the state; 0: none
  int memory_width = 64;
  int horizon = 3;               // control steps of a training sequence
  int batch = 256;
  double learning_rate = 3e-4;   // the encoder's is 0.3 of it
  double consistency = 20.0;     // weights of the losses
  double reward = 0.1;
  double value = 0.1;
  double entropy = 1e-4;
  double rho = 0.5;              // weight of each step of a sequence relative to the one before
  double target_rate = 0.01;     // of the target values' moving average
  double gradient_clip = 20.0;
  std::string precision = "auto";            // of products inside: "float32", "bfloat16"; auto: what the processor has
  std::string planning_reward = "learned";   // or "formula": the task's own, on decoded channels

  /// Sets the widths that go with a size's name.
  void SetSize(const std::string& name);
  nlohmann::ordered_json ToJson() const;
  /// Sets the options that `json` names. @throws Error for an unknown key or a value of another kind.
  void Update(const nlohmann::json& json, const std::string& where);
};

class Latent : public LearnedModel {
 public:
  /// @param device  as ResolveDevice gives it.
  Latent(std::shared_ptr<const CompiledTask> task, LatentOptions options, const std::string& device, uint64_t seed);
  ~Latent() override;

  /// Reads config.json and weights.safetensors. @throws CheckpointError: missing or misshapen tensor, another task.
  static std::unique_ptr<Latent> Load(const std::filesystem::path& folder, std::shared_ptr<const CompiledTask> task,
                                      const std::string& device);

  const CompiledTask& task() const override;
  std::string name() const override { return "latent"; }
  std::vector<double> channel_scale() const override;
  double discount() const override;
  const LatentOptions& options() const;
  int memory() const override { return options().memory > 0 ? options().memory + 1 : 0; }
  bool has_policy() const override { return true; }

  /// Rewards are of the task's "reward": what the values and the policy have learned to earn.
  void Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
               const ImagineOptions& options, Imagination& result) override;
  void Propose(const Belief& belief, int sequences, int horizon, uint64_t seed, std::vector<float>& actions) override;

  /// The normalisation is refitted when the data have doubled.
  /// @throws DatasetError if no run of transitions is as long as a training sequence.
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
