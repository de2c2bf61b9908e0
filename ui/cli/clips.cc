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

class Film : public ClipSource {
 public:
  Film(const fs::path& file, const VJepa2Preprocessing& how, int64_t window, int64_t stride)
      : how_(how), reader_(file), rgb_(static_cast<size_t>(reader_.width()) * static_cast<size_t>(reader_.height()) * 3) {
    const int64_t frames = Count(file);
    if (frames == 0) throw Error("video '" + file.string() + "': holds no frames");
    shape_ = {0, std::min(window, frames), how.crop_height, how.crop_width};
    for (int64_t start = 0; start + shape_.frames <= frames; start += stride) starts_.push_back(start);
    if (starts_.back() + shape_.frames < frames) starts_.push_back(frames - shape_.frames);
    shape_.clips = static_cast<int64_t>(starts_.size());
  }

  void Read(std::span<float> pixels) override {
    const int64_t start = starts_.at(static_cast<size_t>(next_++));
    const auto frame_size = static_cast<size_t>(3 * shape_.height * shape_.width);
    for (; first_ < start && !held_.empty(); ++first_) held_.pop_front();
    for (; first_ < start; ++first_) Expect(reader_.Skip());
    while (static_cast<int64_t>(held_.size()) < shape_.frames) {
      Expect(reader_.Read(rgb_));
      Preprocess(rgb_, reader_.height(), reader_.width(), how_, held_.emplace_back(frame_size));
    }
    for (size_t i = 0; i < held_.size(); ++i) {
      std::copy(held_[i].begin(), held_[i].end(), pixels.subspan(i * frame_size, frame_size).begin());
    }
  }

 private:
  /// What a film says of its length need not be true, so that its frames are counted.
  static int64_t Count(const fs::path& file) {
    VideoReader reader(file);
    int64_t frames = 0;
    for (; reader.Skip(); ++frames) {
      if (InterruptToken().stop_requested()) throw InterruptedError("no file was left");
    }
    return frames;
  }
  static void Expect(bool frame) {
    if (!frame) throw Error("the film became shorter while it was read");
  }

  VJepa2Preprocessing how_;
  VideoReader reader_;
  std::vector<uint8_t> rgb_;
  std::deque<std::vector<float>> held_;  // preprocessed frames from first_ on
  int64_t first_ = 0, next_ = 0;
};

}  // namespace

std::unique_ptr<ClipSource> OpenFrames(const fs::path& file) { return std::make_unique<Frames>(file); }

std::unique_ptr<ClipSource> OpenFilm(const fs::path& file, const VJepa2Preprocessing& how, const VJepa2Config& model,
                                     const WindowOptions& options) {
  const int64_t window = options.frames > 0 ? options.frames : model.frames_per_clip;
  return std::make_unique<Film>(file, how, window, options.stride > 0 ? options.stride : window);
}

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
    return OpenFrames(data);
  }
  return OpenFilm(data, ReadVJepa2Preprocessing(encoder, model.crop_size), model, options);
}

}  // namespace reverie::cli
