// Features of every frame of datasets, computed once by a frozen encoder and kept on the disk beside each dataset, in
// DATASET/features-KEY-CAMERA/part-00000.safetensors and so on: a part is whole or not there. No Torch; one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "sim/dataset.h"
#include "sim/frame_windows.h"
#include "worldmodel/frozen_encoder.h"

namespace reverie {

struct EncoderFeaturesReport {
  int64_t computed = 0, kept = 0;     // frames
  double wall_s = 0;
  std::vector<std::string> damaged;   // why parts were computed again that were there
};

class EncoderFeatures : public FrameFeatures {
 public:
  /// Computes what is not there, or is of other frames. @param datasets  outlive this.
  /// @param progress  with frames done of all; may be null.
  /// @return  null where `stop` ended it: what is computed by then is kept.
  /// @throws DatasetError for frames that cannot be read; Error where the features cannot be written (a full disk).
  static std::shared_ptr<const EncoderFeatures> Of(const std::vector<DatasetReader>& datasets, const FrameStream& stream,
                                                   const FrozenEncoder& encoder, EncoderFeaturesReport& report,
                                                   const std::function<void(int64_t, int64_t)>& progress, std::stop_token stop);
  ~EncoderFeatures() override;

  int64_t frame_bytes() const override;
  void Read(int64_t dataset, int64_t episode, int64_t first, int64_t count, std::span<uint8_t> bytes) const override;

  /// The folder in that of the dataset. A camera's name is spelled as in the dataset.
  static std::filesystem::path FolderIn(const std::filesystem::path& dataset, const FrameStream& stream,
                                        const FrozenEncoder& encoder);

 private:
  struct Impl;
  explicit EncoderFeatures(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
