// A joint-embedding model as a session plans in it: where the belief is and what its goal looks like is drawn, encoded,
// and compared. Where probes were fitted to it ("reverie probe"), what it imagines is read as channels and drawn. Needs
// LibTorch and a GL driver. An instance belongs to one thread.
#pragma once

#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "agent/jepa_eye.h"
#include "worldmodel/jepa_goal.h"
#include "worldmodel/jepa_probes.h"
#include "worldmodel/picture_model.h"

namespace reverie {

class SeeingModel : public PictureModel {
 public:
  /// @param probes  fitted to the model; null: none. @throws DeviceError where pictures cannot be drawn.
  explicit SeeingModel(std::unique_ptr<const Jepa> model, std::unique_ptr<const JepaProbes> probes = nullptr);

  /// The model in a folder, with the probes beside it where they are of its weights.
  /// @throws CheckpointError; DeviceError.
  static std::unique_ptr<SeeingModel> Load(const std::filesystem::path& folder, std::shared_ptr<const CompiledTask> task,
                                           const std::string& device);

  const CompiledTask& task() const override { return model_->task(); }
  std::string name() const override { return "jepa"; }
  void SetThreads(int threads) override;
  /// As JepaGoal, between the belief and its goal; all rewards are 0 where it has none. Channels as the probes' MLP reads
  /// them; between predictions they go straight; what no probe reads stays, and so does its spread of 0.
  void Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
               const ImagineOptions& options, Imagination& result) override;
  std::shared_ptr<const Seen> See(const Belief& belief, std::span<const float> plan) override;
  bool reads_channels() const override { return probes_ != nullptr; }
  /// Labels of the channels that no probe reads.
  std::vector<std::string> UnreadChannels() const;
  std::vector<double> reading_error() const override;
  std::vector<double> channel_scale() const override;
  std::shared_ptr<const ImaginedFilm> Film(std::span<const Belief> lived, std::span<const float> actions) override;
  int memory() const override { return model_->options().frames - 1; }
  int surprise_steps() const override { return model_->options().frame_skip; }
  double Surprise(const Belief& before, std::span<const float> actions, const Belief& after) override;

 private:
  void Follow(const Belief& belief);
  /// Of the last states that were looked at some are kept. @param parameters  of the episode.
  const JepaEye::Pixels& Picture(std::span<const double> state, const std::vector<double>& parameters);
  /// The latent of what is seen there, with the pictures before; where there are none, it looked the same.
  std::vector<float> LatentAt(const Belief& belief);
  void ReadChannels(const Belief& belief, std::span<const float> actions, Imagination& result);

  const std::unique_ptr<const Jepa> model_;
  const std::unique_ptr<const JepaProbes> probes_;
  JepaEye eye_;
  JepaGoal goal_;
  Environment posed_;
  Belief followed_;
  JepaEye::Pixels wanted_;
  struct Kept {
    std::vector<double> state, parameters;
    JepaEye::Pixels picture;
  };
  std::deque<Kept> kept_;  // the newest first
};

}  // namespace reverie
