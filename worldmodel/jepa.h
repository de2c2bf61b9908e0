// A joint-embedding world model of pictures: an encoder turns a picture into a latent, and a predictor says which latent
// comes after some control steps of given actions. Nothing is painted again: both learn together from predicting, kept
// from collapse by a regulariser of the latents' distribution and by having to tell which actions lie between two. To
// compare, the same two can be made to learn from painting pictures again (objective "reconstruction"). Or the encoder is
// a published V-JEPA 2 that is not trained, and the latent all tokens of a picture.
// An instance belongs to one thread at a time while it learns; what is const may be called from several.
// Sources: LeCun 2022, "A Path Towards Autonomous Machine Intelligence"; Sobal et al. 2025, "Learning from Reward-Free
// Offline Data" (PLDM); Assran et al. 2025, V-JEPA 2; Balestriero and LeCun 2025, "LeJEPA"; Bardes et al. 2022, "VICReg".
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/environment.h"
#include "sim/frame_windows.h"
#include "worldmodel/collapse_monitor.h"

namespace reverie {

struct JepaOptions {
  std::string size = "tiny";         // "tiny" (a CPU), "base" (a GPU): sets the next five, which may then be set singly
  int latent = 128;                  // D
  int channels = 16;                 // of the first convolution; the others have 2, 4 and 4 times as many
  int encoder_width = 256;
  int predictor_width = 256;
  int predictor_layers = 2;
  std::string encoder;               // folder of a V-JEPA 2 that it sees with, frozen; then `latent` follows from it, and
  int heads = 2;                     // of the predictor's attention, to
  int context = 2;                   // pictures, its own predictions among them, at a time; `rollout` is one, from the first
                                     // picture, beside predicting from all; what makes or shapes latents has no effect
  std::string stem = "patches";      // the first layer: 4 x 4 by steps of 4; "convolution": 5 x 5 by steps of 2, twice the
                                     // work in all
  int frames = 1;                    // seen at once, 1 to 3: consecutive states
  std::string proprioception;        // channels of the observation seen beside the picture, separated by commas
  int frame_skip = 3;                // control steps of one prediction
  int rollout = 4;                   // predictions made of predictions, from every frame of a window
  int window = 4;                    // predictions from the first frame of a window to the last
  int batch = 64;                    // windows
  double learning_rate = 1e-3;
  double weight_decay = 1e-4;
  int warm_up = 100;                 // updates; then a cosine to 0 at `steps`
  double gradient_clip = 2.0;
  std::string objective = "joint-embedding";  // or "reconstruction": pictures are drawn again from latents, seen and
                                     // predicted, and nothing else counts: no regulariser, no inverse dynamics
  std::string regulariser = "sigreg";  // or "vicreg"
  double sigreg = 0.09;              // weights of the losses beside the prediction's, which is 1
  int directions = 256;              // of sigreg
  double deviation = 16.0;           // vicreg: of the hinge on standard deviations, of covariances,
  double covariance = 8.0;
  double time_similarity = 1.0;      // and of the distance between consecutive latents
  double inverse = 10.0;             // of telling the actions between two latents
  double cache_mb = 512.0;           // of frames kept in memory while training

  /// Sets the widths that go with a size's name, and with an encoder where there is one.
  void SetSize(const std::string& name);
  /// Chooses a frozen encoder, and what goes with one.
  void SetEncoder(const std::string& folder);
  nlohmann::ordered_json ToJson() const;
  /// Sets the options that `json` names. @throws Error for an unknown key or a value of another kind.
  void Update(const nlohmann::json& json, const std::string& where);
};

/// Pictures to encode, as FrameWindowBatch has them.
struct JepaPictures {
  int64_t count = 0;
  std::span<const uint8_t> pixels;         // (count, height, width, frames, 3)
  std::span<const float> proprioception;   // (count, elements), SI units; empty: as on average
};

class FrozenEncoder;

class Jepa {
 public:
  /// What one update came to. For "reconstruction" the prediction's is that of pixels, being -1 to 1.
  struct Losses {
    double total = 0, prediction = 0, regulariser = 0, inverse = 0, spread_nll = 0;
  };

  /// @param frames  the pictures it sees: one camera. @param device  as ResolveDevice gives it.
  /// @throws Error for channels of proprioception that the task lacks; CheckpointError for an encoder that cannot be read.
  Jepa(std::shared_ptr<const CompiledTask> task, JepaOptions options, FrameSettings frames, const std::string& device,
       uint64_t seed);
  ~Jepa();

  /// Reads config.json and weights.safetensors. @param encoder  where its frozen encoder is now; empty: where it was.
  /// @throws CheckpointError: missing or misshapen tensor, another task, another encoder.
  static std::unique_ptr<Jepa> Load(const std::filesystem::path& folder, std::shared_ptr<const CompiledTask> task,
                                    const std::string& device, const std::filesystem::path& encoder = {});

  const CompiledTask& task() const;
  std::shared_ptr<const CompiledTask> task_ptr() const;
  const JepaOptions& options() const;
  /// The frozen one; null: it has its own.
  const FrozenEncoder* encoder() const;
  /// Size, camera, quality and what is hidden of the pictures it sees.
  const FrameSettings& frames() const;
  /// The windows that it learns from, in the dataset's terms.
  static FrameWindowOptions Windows(const CompiledTask& task, const JepaOptions& options, const std::string& camera);
  /// Elements of the observation that it sees beside the picture.
  const std::vector<int>& proprioception() const;

  /// Sets the scales of actions and proprioception, once, before the first update.
  void FitScales(const FrameWindows& windows);
  /// One gradient step. @param batch  with features where it has an encoder(). @param steps  in all, for the schedule.
  /// @throws Error if the loss is not finite; nothing is changed then.
  Losses Update(const FrameWindowBatch& batch, int64_t steps);
  int64_t updates() const;
  /// Looks at how the latents of held-out windows are spread. @param batch  (episodes, per_episode) windows.
  CollapseReport Watch(const FrameWindowBatch& batch, int64_t episodes) const;
  /// Remembers latents of the data, by which a picture of something else is told.
  void Remember(const FrameWindowBatch& batch, const FrameWindowBatch& held_out);

  /// @param latents  (count, D)
  void Encode(const JepaPictures& pictures, std::span<float> latents) const;
  /// The same of what EncoderFeatures kept of pictures, (count, D) in half precision.
  void ReadFeatures(std::span<const uint8_t> features, std::span<float> latents) const;
  /// Predicts open-loop. @param start  (D), or (sequences, D). @param actions  (sequences, calls, frame_skip, nu).
  /// @param latents    (sequences, calls, D)
  /// @param deviation  (sequences, calls, D) what the model expects to be wrong by, or (sequences, calls), the root mean
  /// square over D of it; may be empty.
  void Rollout(std::span<const float> start, std::span<const float> actions, int64_t sequences, int64_t calls,
               std::span<float> latents, std::span<float> deviation = {}) const;
  /// Distance to `goal` (D) after each prediction. @param distances  (sequences, calls), of latents of unit variance.
  void Distances(std::span<const float> start, std::span<const float> goal, std::span<const float> actions,
                 int64_t sequences, int64_t calls, std::span<float> distances) const;
  /// Distance of two latents (D), as Distances has it: root mean square; of a frozen encoder's, mean absolute difference.
  double Distance(std::span<const float> a, std::span<const float> b) const;
  /// How unexpected latents are, given those of frame_skip control steps before and the actions in between.
  /// @param before    (count, D), and so `after`. @param actions  (count, frame_skip, nu).
  /// @param error     (count) root mean square over D of what `after` is beside what was predicted.
  /// @param expected  (count) the same of what the model expects to be wrong by.
  /// @param surprise  (count) the same of the first over the second, dimension by dimension: about 1 as a rule.
  /// @throws ShapeError.
  void Surprise(std::span<const float> before, std::span<const float> actions, std::span<const float> after, int64_t count,
                std::span<float> error, std::span<float> expected, std::span<float> surprise) const;
  /// How far a latent lies from all that were remembered, over how far held-out ones lie at most: above 1 it shows
  /// something that the data do not. 0 where nothing was remembered.
  double Strangeness(std::span<const float> latent) const;

  /// Writes config.json and weights.safetensors. @param more  further keys of config.json.
  void Save(const std::filesystem::path& folder, const nlohmann::ordered_json& more = {}) const;
  /// Everything a resumed run needs in one file.
  void SaveTrainingState(const std::filesystem::path& file, const nlohmann::json& extra) const;
  /// Returns `extra`. @throws CheckpointError.
  nlohmann::json LoadTrainingState(const std::filesystem::path& file);

  struct Impl;

 private:
  explicit Jepa(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
