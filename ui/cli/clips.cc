#include "ui/cli/clips.h"

#include <deque>

#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/video_reader.h"
#include "ui/cli/command.h"
#include "worldmodel/safetensors.h"

namespace reverie::cli {
namespace {

namespace fs = std::filesystem;

/// `pixel_values` of a safetensors file.
class Frames : public ClipSource {
 public:
  explicit Frames(const fs::path& file) : reader_(file) {
    const auto found = reader_.tensors().find(kName);
    if (found == reader_.tensors().end()) {
      throw CheckpointError(file.string() + ": expected a tensor '" + kName + "', found " +
                            (reader_.tensors().empty() ? "none" : "'" + reader_.tensors().begin()->first + "'"));
    }
    const TensorType& type = found->second;
    if (type.dtype != "F32" || type.shape.size() != 5 || type.shape[2] != 3 || type.elements() == 0) {
      throw CheckpointError(file.string() + ": " + kName + ": expected F32 (clips, frames, 3, height, width), found " +
                            type.text());
    }
    shape_ = {type.shape[0], type.shape[1], type.shape[3], type.shape[4]};
  }

  void Read(std::span<float> pixels) override {
    reader_.Read(kName, offset_, std::as_writable_bytes(pixels));
    offset_ += pixels.size_bytes();
  }

 private:
  static constexpr char kName[] = "pixel_values";
  SafetensorsReader reader_;
  uint64_t offset_ = 0;
};

/// Pictures of one size, in sequences: a film is one, each episode of a dataset another.
class PictureSource {
 public:
  virtual ~PictureSource() = default;
  virtual int64_t width() const = 0;  // pixels
  virtual int64_t height() const = 0;
  /// Frames of each sequence.
  virtual std::vector<int64_t> lengths() const = 0;
  /// Called for frames that only ever lie further on. @param rgb  (height, width, 3), first row on top
  virtual void Read(int64_t sequence, int64_t frame, std::span<uint8_t> rgb) = 0;
};

class Film : public PictureSource {
 public:
  /// What a film says of its length need not be true, so that its frames are counted.
  explicit Film(const fs::path& file) : reader_(file) {
    VideoReader counted(file);
    for (; counted.Skip(); ++frames_) {
      if (InterruptToken().stop_requested()) throw InterruptedError("no file was left");
    }
    if (frames_ == 0) throw Error("video '" + file.string() + "': holds no frames");
  }

  int64_t width() const override { return reader_.width(); }
  int64_t height() const override { return reader_.height(); }
  std::vector<int64_t> lengths() const override { return {frames_}; }
  void Read(int64_t, int64_t frame, std::span<uint8_t> rgb) override {
    bool there = true;
    for (; there && next_ < frame; ++next_) there = reader_.Skip();
    if (!there || !reader_.Read(rgb)) throw Error("the film became shorter while it was read");
    ++next_;
  }

 private:
  VideoReader reader_;
  int64_t frames_ = 0, next_ = 0;
};

/// Windows of pictures, preprocessed; frames that windows share are preprocessed once.
class Windows : public ClipSource {
 public:
  Windows(std::unique_ptr<PictureSource> pictures, const VJepa2Preprocessing& how, int64_t frames, int64_t stride)
      : pictures_(std::move(pictures)), how_(how) {
    const std::vector<int64_t> lengths = pictures_->lengths();
    if (lengths.size() == 1) frames = std::min(frames, lengths.front());
    for (size_t sequence = 0; sequence < lengths.size(); ++sequence) {
      const int64_t last = lengths[sequence] - frames;
      if (last < 0) {
        throw Error("episode " + std::to_string(sequence) + " has " + std::to_string(lengths[sequence]) +
                    " frames, fewer than a window of " + std::to_string(frames) + "; give a smaller --window");
      }
      for (int64_t start = 0; start < last; start += stride) starts_.push_back(start);
      starts_.push_back(last);
      sequences_.resize(starts_.size(), static_cast<int64_t>(sequence));
    }
    shape_ = {static_cast<int64_t>(starts_.size()), frames, how.crop_height, how.crop_width};
    rgb_.resize(static_cast<size_t>(pictures_->width() * pictures_->height() * 3));
  }

  void Read(std::span<float> pixels) override {
    const size_t window = next_++;
    const auto frame_size = static_cast<size_t>(3 * shape_.height * shape_.width);
    if (window > 0 && sequences_.at(window) != sequences_[window - 1]) held_.clear();
    if (held_.empty()) first_ = starts_.at(window);
    for (; first_ < starts_[window] && !held_.empty(); ++first_) held_.pop_front();
    first_ = starts_[window];
    while (static_cast<int64_t>(held_.size()) < shape_.frames) {
      pictures_->Read(sequences_[window], first_ + static_cast<int64_t>(held_.size()), rgb_);
      Preprocess(rgb_, pictures_->height(), pictures_->width(), how_, held_.emplace_back(frame_size));
    }
    for (size_t i = 0; i < held_.size(); ++i) {
      std::copy(held_[i].begin(), held_[i].end(), pixels.subspan(i * frame_size, frame_size).begin());
    }
  }

 private:
  std::unique_ptr<PictureSource> pictures_;
  VJepa2Preprocessing how_;
  std::vector<int64_t> sequences_;       // of each window
  std::vector<uint8_t> rgb_;
  std::deque<std::vector<float>> held_;  // preprocessed frames from first_ on
  int64_t first_ = 0;
  size_t next_ = 0;
};

}  // namespace

std::unique_ptr<ClipSource> OpenClips(const fs::path& data, const fs::path& encoder, const VJepa2Config& model,
                                      const WindowOptions& options) {
  if (!fs::exists(data)) throw Error(data.string() + ": no such file or folder");
  if (fs::is_directory(data)) {
    const DatasetReader dataset(data);
    throw DatasetError(data.string() + ": encode needs pictures; its observations are numbers (" +
                       std::to_string(dataset.info().observation_size) +
                       " a step): film an episode with 'reverie replay --video' and encode that");
  }
  if (data.extension() == ".safetensors") {
    if (options.frames > 0 || options.stride > 0) {
      throw UsageError("--window and --stride go with a film; a safetensors file holds its windows");
    }
    return std::make_unique<Frames>(data);
  }
  const VJepa2Preprocessing how = ReadVJepa2Preprocessing(encoder, model.crop_size);
  const int64_t window = options.frames > 0 ? options.frames : model.frames_per_clip;
  return std::make_unique<Windows>(std::make_unique<Film>(data), how, window,
                                   options.stride > 0 ? options.stride : window);
}

}  // namespace reverie::cli
