// What the sources of Latent share. Internal: needs Torch.
#pragma once

#include <map>
#include <utility>

#include <torch/torch.h>

#include "worldmodel/captured.h"
#include "worldmodel/latent.h"
#include "worldmodel/latent_network.h"
#include "worldmodel/model_files.h"

namespace reverie {

struct Latent::Impl {
  Impl(std::shared_ptr<const CompiledTask> given_task, const LatentOptions& given_options, const std::string& device_name,
       uint64_t given_seed);

  const std::shared_ptr<const CompiledTask> task;
  const LatentOptions options;
  const torch::Device device;
  const uint64_t seed;
  const int channels, actions;
  const double discount;
  std::vector<int64_t> plain_channels, angle_channels;  // channel indices; an angle enters as cosine and sine
  torch::Tensor plain_index, angle_index;               // the same
  int features = 0;                                     // plain channels, cosines, sines
  torch::Tensor encoded;                                // indices of the features of the observation; signals are not seen

  const int64_t seen;                                   // numbers that Seen gives of a row
  Network encoder, recall, dynamics, reward, values, policy, decoder, target;
  // One after the other: encoder, recall, dynamics, reward, values, policy, decoder.
  ParameterStore parameters, target_parameters;
  struct Part {
    int64_t first = 0, count = 0;
  };
  Part encoder_part, rest_part, values_part, policy_part, decoder_part;  // rest: recall, dynamics, reward, values

  int64_t updates = 0;
  torch::Tensor feature_mean, feature_scale;   // (features) float32
  torch::Tensor step_scale;                    // (observed features) deviation of their normalised changes
  torch::Tensor channel_scale, change_scale;   // (channels) standard deviations, of channels and of their changes
  // (4) float64 on the CPU: transitions that the normalisation was fitted to; what rewards are divided by; running range
  // of the values, by which the policy's loss divides them; 1 once a reward that is not zero was seen.
  torch::Tensor scalars;
  double& FittedOn() { return scalars.data_ptr<double>()[0]; }
  double& RewardScale() { return scalars.data_ptr<double>()[1]; }
  double& ValueScale() { return scalars.data_ptr<double>()[2]; }
  Calibration calibration;

  /// Inputs of the reward head (H, N, latent + nu), and latents (H, N, latent).
  struct Played {
    torch::Tensor inputs, latents;
  };
  // Memory that imagining uses again.
  struct {
    Scratch encoder, dynamics, reward, values, policy, decoder;
    Played played;
  } scratch;

  /// What a planner asks for again and again: the rewards of N sequences over H steps, and values after them.
  struct Appraisal {
    explicit Appraisal(const torch::Device& device) : captured(device) {}
    Captured captured;
    torch::Tensor start, actions;   // (1, latent), (N, H, nu)
    torch::Tensor rewards, values;  // (H, N), (N), over the scale of rewards
    Played played;
  };
  std::map<std::pair<int, int>, Appraisal> appraisals;  // by N and H
  /// @param actions  (N, H, nu).
  const Appraisal& Appraise(const torch::Tensor& start, const torch::Tensor& actions);
  /// Of what was played, over the scale of rewards: (H, N), and (N).
  torch::Tensor Rewards(const Played& played);
  torch::Tensor Values(const Played& played);

  /// What weights.safetensors holds, and what a resumed run needs.
  NamedTensors Weights() const;
  NamedTensors TrainingTensors() const;
  /// After parameters were written to from outside.
  void RefreshAll();

  /// (rows, channels) to (rows, features), SI units.
  torch::Tensor Features(const torch::Tensor& channel_values) const;
  /// Of normalised features those of the observation, clipped.
  torch::Tensor Observed(const torch::Tensor& normalized) const;
  /// What encoder and memory are given of rows that follow one another: what is observed and, for a model that remembers,
  /// how it has changed since the row before, over the deviation of such changes, and the action that was taken there. A
  /// memory would have to keep an observation to a thousandth to know a velocity from two, and a change alone tells the
  /// velocity in the middle of a step.
  /// @param done  (rows, nu) the action taken at each. @param runs  rows before which nothing was observed.
  torch::Tensor Seen(const torch::Tensor& normalized, const torch::Tensor& done, const std::vector<int64_t>& runs) const;
  torch::Tensor Normalized(const torch::Tensor& feature_values) const;
  /// Normalised features to channels in SI units.
  torch::Tensor ToChannels(const torch::Tensor& normalized_features) const;
  /// What the decoder's heads say of latents and the actions that follow, (M, rows, ...) in SI units.
  struct Heads {
    torch::Tensor channels, variance;         // of what is measured now
    torch::Tensor change, change_variance;    // of how it changes in the next step
  };
  /// @param rows  (rows, latent + nu).
  Heads Decode(const torch::Tensor& rows);
  /// Takes what is known of channels one step on: adds the change, and corrects the sum by what is decoded of the step
  /// after, each weighted by the variance that it states. So near predictions build on what was measured, and far ones
  /// on what the latent says. Source: Kalman 1960, of each channel on its own.
  /// @param channels, variance  (M, rows, channels): of now, then of the step after.
  void Advance(torch::Tensor& channels, torch::Tensor& variance, const Heads& now, const Heads& after) const;

  /// Plays actions in the latent. @param action_rows  (N, H, nu).
  /// @param played  overwritten.
  void Play(const torch::Tensor& start, const torch::Tensor& action_rows, Played& played);
  torch::Tensor Encode(const Belief& belief);   // (1, latent)

  bool remembers() const { return options.memory > 0; }
  /// What is remembered after a step, of what was before, what the encoder saw, and the action that was taken.
  /// @param memory  (rows, memory width). Source: Cho et al. 2014, the gated recurrent unit, in the form of one product.
  torch::Tensor Recall(const torch::Tensor& memory, const torch::Tensor& observed, const torch::Tensor& action) const;
  /// What is remembered at rows of a replay, made of up to options.memory steps before each in the same run.
  /// @param rows, first  (n) of each its row and the first row of its run.
  /// @param observed, done  as all rows of the replay have them.
  torch::Tensor RecallRows(const torch::Tensor& rows, const torch::Tensor& first, const torch::Tensor& observed,
                           const torch::Tensor& done) const;

  struct Decoding {
    torch::Tensor heads;     // (decoders, H, N, channels) SI units: what each head expects
    torch::Tensor channels;  // (H, N, channels): what they expect together
    torch::Tensor variance;  // (H, N, channels) that they state
  };
  Decoding DecodePlayed(const Belief& belief, const Played& played);
  /// The parts of the decoder's output: normalised features, their log-variance by channel, normalised change and its.
  struct Output {
    torch::Tensor features, log_variance, change, change_log_variance;
  };
  Output Split(const torch::Tensor& output) const;
  /// Angles among channel differences into (-pi, pi].
  void WrapAngles(torch::Tensor& difference) const;
};

/// The policy's log-deviation from what its network says, between -10 and 2.
inline torch::Tensor PolicyLogDeviation(const torch::Tensor& raw) { return 6.0 * raw.tanh() - 4.0; }

}  // namespace reverie
