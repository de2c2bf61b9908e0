// Who says how unexpected each picture of an episode is: a model of pictures that knows the actions, or a published
// predictor that only looks. What is const may be called from several threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/frame_surprise.h"
#include "worldmodel/vjepa2.h"
#include "worldmodel/vjepa2_preprocess.h"

namespace reverie {

class FrameJudge {
 public:
  virtual ~FrameJudge() = default;

  virtual std::shared_ptr<const CompiledTask> task() const = 0;
  /// The pictures it looks at, of one camera.
  virtual const FrameSettings& frames() const = 0;
  /// Elements of the observation that it feels.
  virtual std::vector<int> proprioception() const { return {}; }
  /// The first frame of consecutive ones that it judges.
  virtual int64_t first_judged() const = 0;
  /// Control steps that it looks ahead: what happens is seen by then.
  virtual int ahead() const = 0;
  /// As SurpriseOfFrames.
  virtual FrameSurprise Judge(int64_t frames, std::span<const uint8_t> pixels, std::span<const float> actions,
                              std::span<const float> proprioception) const = 0;
};

class JepaJudge : public FrameJudge {
 public:
  explicit JepaJudge(std::unique_ptr<const Jepa> model) : model_(std::move(model)) {}

  std::shared_ptr<const CompiledTask> task() const override { return model_->task_ptr(); }
  const FrameSettings& frames() const override { return model_->frames(); }
  std::vector<int> proprioception() const override { return model_->proprioception(); }
  int64_t first_judged() const override { return FirstJudged(*model_); }
  int ahead() const override { return model_->options().frame_skip; }
  FrameSurprise Judge(int64_t frames, std::span<const uint8_t> pixels, std::span<const float> actions,
                      std::span<const float> proprioception) const override {
    return SurpriseOfFrames(*model_, frames, pixels, actions, proprioception);
  }

 private:
  const std::unique_ptr<const Jepa> model_;
};

struct VJepa2JudgeOptions {
  int64_t window = 0;   // frames seen at once; 0: 16, or as many as the model's clips have where those are fewer
  int64_t context = 0;  // of them, from which the others are predicted; 0: half
  int64_t stride = 1;   // control steps from one of them to the next
};

/// V-JEPA 2 with its masked predictor: a picture's surprise is the error of the future tokens of the window that ends
/// with it (VJepa2::Surprise). What it expects is not known: the expected error is 1 throughout.
/// Source: Garrido et al. 2025, Intuitive physics understanding emerges from self-supervised pretraining.
class VJepa2Judge : public FrameJudge {
 public:
  /// @throws CheckpointError as VJepa2::Load; Error for a window or a context that the model's tubelets do not divide.
  VJepa2Judge(const std::filesystem::path& encoder, std::shared_ptr<const CompiledTask> task, FrameSettings frames,
              VJepa2JudgeOptions options, const std::string& device);

  const VJepa2JudgeOptions& options() const { return options_; }
  std::shared_ptr<const CompiledTask> task() const override { return task_; }
  const FrameSettings& frames() const override { return frames_; }
  int64_t first_judged() const override { return (options_.window - 1) * options_.stride; }
  int ahead() const override { return static_cast<int>((options_.window - options_.context) * options_.stride); }
  FrameSurprise Judge(int64_t frames, std::span<const uint8_t> pixels, std::span<const float> actions,
                      std::span<const float> proprioception) const override;

 private:
  const std::shared_ptr<const CompiledTask> task_;
  const FrameSettings frames_;
  VJepa2JudgeOptions options_;
  VJepa2Preprocessing preprocessing_;
  std::unique_ptr<VJepa2> model_;
};

}  // namespace reverie
