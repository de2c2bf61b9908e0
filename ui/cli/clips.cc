#include "ui/cli/clips.h"

#include <algorithm>
#include <deque>

#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/frames.h"
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
  /// Numbers of the sequences as the user counts them; empty where there is but one.
  virtual std::vector<int64_t> numbers() const { return {}; }
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

class Episodes : public PictureSource {
 public:
  Episodes(const fs::path& folder, const WindowOptions& options) : dataset_(folder) {
    const std::string name = folder.string();
    std::vector<std::string> cameras;
    for (const FrameStream& stream : StreamsOf(dataset_.info().frames)) {
      if (stream.kind != FrameKind::kPixels) continue;
      if (cameras.empty() || stream.camera == options.camera) stream_ = stream;
      cameras.push_back(stream.camera);
    }
    if (cameras.empty()) {
      throw DatasetError(name + ": encode needs pictures; this dataset was collected without --pixels");
    }
    if (!options.camera.empty() && stream_.camera != options.camera) {
      throw DatasetError(name + ": has no pictures of camera '" + options.camera + "'; it has those of " +
                         Join(cameras) + DidYouMean(options.camera, cameras));
    }
    if (options.episode >= dataset_.episodes()) {
      throw DatasetError(name + ": --episode " + std::to_string(options.episode) + ": it holds episodes 0 to " +
                         std::to_string(dataset_.episodes() - 1));
    }
    const int64_t end = options.episode < 0 ? dataset_.episodes() : options.episode + 1;
    for (int64_t k = std::max<int64_t>(0, options.episode); k < end; ++k) numbers_.push_back(k);
    if (numbers_.empty()) throw DatasetError(name + ": holds no episodes");
  }

  int64_t width() const override { return stream_.width; }
  int64_t height() const override { return stream_.height; }
  std::vector<int64_t> lengths() const override {
    std::vector<int64_t> lengths;
    for (int64_t k : numbers_) lengths.push_back(dataset_.ReadSummary(k).steps + 1);
    return lengths;
  }
  std::vector<int64_t> numbers() const override { return numbers_; }
  void Read(int64_t sequence, int64_t frame, std::span<uint8_t> rgb) override {
    const std::vector<uint8_t> read =
        dataset_.ReadFrames(numbers_.at(static_cast<size_t>(sequence)), stream_, frame, 1);
    std::copy(read.begin(), read.end(), rgb.begin());
  }

 private:
  DatasetReader dataset_;
  FrameStream stream_;
  std::vector<int64_t> numbers_;  // the episodes that were asked for
};

/// Windows of pictures, preprocessed; frames that windows share are preprocessed once.
class Windows : public ClipSource {
 public:
  Windows(std::unique_ptr<PictureSource> pictures, const VJepa2Preprocessing& how, int64_t frames, int64_t stride)
      : pictures_(std::move(pictures)), how_(how) {
    const std::vector<int64_t> lengths = pictures_->lengths(), numbers = pictures_->numbers();
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
      if (!numbers.empty()) episodes_.resize(starts_.size(), numbers[sequence]);
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
  const bool folder = fs::is_directory(data);
  if (!folder && (options.episode >= 0 || !options.camera.empty())) {
    throw UsageError("--episode and --camera go with a dataset");
  }
  if (!folder && data.extension() == ".safetensors") {
    if (options.frames > 0 || options.stride > 0) {
      throw UsageError("--window and --stride go with a film or a dataset; a safetensors file holds its windows");
    }
    return std::make_unique<Frames>(data);
  }
  const VJepa2Preprocessing how = ReadVJepa2Preprocessing(encoder, model.crop_size);
  const int64_t window = options.frames > 0 ? options.frames : model.frames_per_clip;
  const int64_t stride = options.stride > 0 ? options.stride : window;
  std::unique_ptr<PictureSource> pictures;
  if (folder) {
    pictures = std::make_unique<Episodes>(data, options);
  } else {
    pictures = std::make_unique<Film>(data);
  }
  return std::make_unique<Windows>(std::move(pictures), how, window, stride);
}

}  // namespace reverie::cli
