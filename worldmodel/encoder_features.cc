#include "worldmodel/encoder_features.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>

#include "sim/error.h"
#include "sim/files.h"
#include "sim/fingerprint.h"
#include "worldmodel/safetensors.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

// A part holds whole episodes, and is closed when it has so many frames or bytes: so much work is lost by a kill.
constexpr int64_t kPartFrames = 1024, kPartBytes = int64_t{32} << 20;
constexpr int64_t kFramesAtOnce = 64;
constexpr int64_t kReadAtOnce = int64_t{1} << 22;  // bytes
constexpr size_t kMostOpen = 64;                   // files
constexpr const char *kFeatures = "features", *kDigest = "digest";

struct Part {
  int64_t first = 0, episodes = 0, frames = 0;
  fs::path file;
};

struct Place {
  int32_t part = 0;
  int64_t frame = 0;  // in it
};

struct PartsOfDataset {
  std::vector<Part> parts;
  std::vector<Place> places;  // of episodes
};

PartsOfDataset Divide(const DatasetReader& dataset, const fs::path& folder, int64_t frame_bytes) {
  PartsOfDataset divided;
  for (int64_t k = 0; k < dataset.episodes(); ++k) {
    if (divided.parts.empty() || divided.parts.back().frames >= kPartFrames ||
        divided.parts.back().frames * frame_bytes >= kPartBytes) {
      char name[64];
      std::snprintf(name, sizeof(name), "part-%05zu.safetensors", divided.parts.size());
      divided.parts.push_back({k, 0, 0, folder / name});
    }
    Part& part = divided.parts.back();
    divided.places.push_back({static_cast<int32_t>(divided.parts.size() - 1), part.frames});
    ++part.episodes;
    part.frames += dataset.ReadSummary(k).steps + 1;
  }
  return divided;
}

}  // namespace

struct EncoderFeatures::Impl {
  const std::vector<DatasetReader>& datasets;
  const FrameStream stream;
  const FrozenEncoder* encoder;  // while it computes
  const int64_t frame_bytes, tokens, channels;
  std::vector<PartsOfDataset> divided = {};
  mutable std::map<std::pair<int64_t, int32_t>, SafetensorsReader> open = {};

  std::map<std::string, TensorType> Tensors(const Part& part) const {
    return {{kFeatures, {"F16", {part.frames, tokens, channels}}}, {kDigest, {"U8", {32}}}};
  }

  /// What the features are of: the encoder and the frames, as they lie compressed on the disk.
  std::string SourceOf(const DatasetReader& dataset, const Part& part) const {
    Fingerprint fingerprint;
    fingerprint.Add(encoder->fingerprint());
    const std::vector<FrameStream> streams = StreamsOf(dataset.info().frames);
    const auto which = static_cast<size_t>(std::find(streams.begin(), streams.end(), stream) - streams.begin());
    for (int64_t k = part.first; k < part.first + part.episodes; ++k) {
      const Episode episode = dataset.ReadWithFrames(k);
      const FrameSequence& frames = episode.frames.at(which);
      for (int64_t t = 0; t < frames.size(); ++t) fingerprint.Add(std::as_bytes(frames[t]));
    }
    return fingerprint.Text();
  }

  static std::string DigestOf(const SafetensorsReader& file, int64_t bytes) {
    Fingerprint fingerprint;
    std::vector<std::byte> buffer(static_cast<size_t>(std::min(bytes, kReadAtOnce)));
    for (int64_t at = 0; at < bytes; at += kReadAtOnce) {
      const std::span<std::byte> some = std::span(buffer).first(static_cast<size_t>(std::min(kReadAtOnce, bytes - at)));
      file.Read(kFeatures, static_cast<uint64_t>(at), some);
      fingerprint.Add(some);
    }
    return fingerprint.Text();
  }

  /// Whether a part is there, whole and of `source`. @param damaged  is told why one that is there does not do.
  bool Holds(const Part& part, const std::string& source, std::vector<std::string>& damaged) const {
    std::error_code ignored;
    if (!fs::exists(part.file, ignored)) return false;
    try {
      const SafetensorsReader file(part.file);
      const auto found = file.metadata().find("source");
      if (found == file.metadata().end() || found->second != source) return false;  // of what the dataset was before
      for (const auto& [name, type] : Tensors(part)) {
        const auto tensor = file.tensors().find(name);
        if (tensor == file.tensors().end() || tensor->second.text() != type.text()) {
          throw CheckpointError(part.file.string() + ": expected the tensor '" + name + "', " + type.text());
        }
      }
      std::string digest(32, ' ');
      file.Read(kDigest, 0, std::as_writable_bytes(std::span(digest)));
      if (digest == DigestOf(file, part.frames * frame_bytes)) return true;
      throw CheckpointError(part.file.string() + ": its values are not those that were written");
    } catch (const CheckpointError& error) {
      damaged.emplace_back(error.what());
      return false;
    }
  }

  /// Frames `first` to `first` + `count` - 1 as the encoder sees them, each with those before it that it is seen with.
  std::vector<uint8_t> Pictures(const DatasetReader& dataset, int64_t episode, int64_t first, int64_t count,
                                int64_t frames) const {
    const int64_t before = std::min(first, frames - 1), bytes = stream.frame_bytes();
    std::vector<uint8_t> read = dataset.ReadFrames(episode, stream, first - before, count + before);
    if (frames == 1) return read;
    std::vector<uint8_t> pictures(static_cast<size_t>(count * frames * bytes));
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t s = 0; s < frames; ++s) {
        const uint8_t* from = read.data() + std::max<int64_t>(0, before + i - (frames - 1) + s) * bytes;
        uint8_t* to = pictures.data() + i * frames * bytes;
        for (int64_t p = 0; p < bytes; ++p) to[(p / 3 * frames + s) * 3 + p % 3] = from[p];
      }
    }
    return pictures;
  }

  /// @return  false where `stop` ended it.
  bool Compute(const DatasetReader& dataset, const Part& part, const std::string& source,
               const std::function<void(int64_t)>& done, const std::stop_token& stop) const {
    SafetensorsWriter file(part.file,
                           {{"encoder", encoder->identity().fingerprint},
                            {"camera", stream.camera},
                            {"first_episode", std::to_string(part.first)},
                            {"episodes", std::to_string(part.episodes)},
                            {"source", source}},
                           Tensors(part));
    Fingerprint digest;
    std::vector<uint16_t> features;
    for (int64_t k = part.first; k < part.first + part.episodes; ++k) {
      const int64_t frames = dataset.ReadSummary(k).steps + 1;
      for (int64_t first = 0; first < frames; first += kFramesAtOnce) {
        if (stop.stop_requested()) return false;
        const int64_t count = std::min(kFramesAtOnce, frames - first);
        features.resize(static_cast<size_t>(count * tokens * channels));
        encoder->EncodeHalf(Pictures(dataset, k, first, count, encoder->frames()), count, features);
        file.Append(kFeatures, std::as_bytes(std::span(features)));
        digest.Add(std::as_bytes(std::span(features)));
        done(count);
      }
    }
    const std::string text = digest.Text();
    file.Append(kDigest, std::as_bytes(std::span(text)));
    file.Finish();
    return true;
  }
};

EncoderFeatures::EncoderFeatures(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EncoderFeatures::~EncoderFeatures() = default;

fs::path EncoderFeatures::FolderIn(const fs::path& dataset, const FrameStream& stream, const FrozenEncoder& encoder) {
  return dataset / ("features-" + encoder.fingerprint().substr(0, 12) + "-" + stream.name());
}

std::shared_ptr<const EncoderFeatures> EncoderFeatures::Of(const std::vector<DatasetReader>& datasets,
                                                           const FrameStream& stream, const FrozenEncoder& encoder,
                                                           EncoderFeaturesReport& report,
                                                           const std::function<void(int64_t, int64_t)>& progress,
                                                           std::stop_token stop) {
  const auto began = std::chrono::steady_clock::now();
  const int64_t frame_bytes = encoder.size() * static_cast<int64_t>(sizeof(uint16_t));
  auto impl = std::make_unique<Impl>(
      Impl{datasets, stream, &encoder, frame_bytes, encoder.tokens(), encoder.channels()});
  int64_t all = 0, done = 0;
  for (const DatasetReader& dataset : datasets) {
    impl->divided.push_back(Divide(dataset, FolderIn(dataset.folder(), stream, encoder), frame_bytes));
    all += dataset.steps() + dataset.episodes();
  }
  const auto advance = [&](int64_t frames) {
    done += frames;
    if (progress) progress(done, all);
  };
  for (size_t d = 0; d < datasets.size(); ++d) {
    std::optional<FolderLock> lock;
    for (const Part& part : impl->divided[d].parts) {
      if (stop.stop_requested()) return nullptr;
      const std::string source = impl->SourceOf(datasets[d], part);
      if (impl->Holds(part, source, report.damaged)) {
        report.kept += part.frames;
        advance(part.frames);
        continue;
      }
      if (!lock) {
        std::error_code failed;
        fs::create_directories(part.file.parent_path(), failed);
        if (failed) throw Error(part.file.parent_path().string() + ": features cannot be kept there: " + failed.message());
        lock.emplace(part.file.parent_path());
      }
      if (!impl->Compute(datasets[d], part, source, advance, stop)) return nullptr;
      report.computed += part.frames;
    }
  }
  report.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  impl->encoder = nullptr;
  return std::shared_ptr<const EncoderFeatures>(new EncoderFeatures(std::move(impl)));
}

int64_t EncoderFeatures::frame_bytes() const { return impl_->frame_bytes; }

void EncoderFeatures::Read(int64_t dataset, int64_t episode, int64_t first, int64_t count, std::span<uint8_t> bytes) const {
  Impl& impl = *impl_;
  const PartsOfDataset& divided = impl.divided.at(static_cast<size_t>(dataset));
  const Place& place = divided.places.at(static_cast<size_t>(episode));
  if (static_cast<int64_t>(bytes.size()) != count * impl.frame_bytes) {
    throw ShapeError("features of " + std::to_string(bytes.size()) + " bytes: expected " + std::to_string(count) + " x " +
                     std::to_string(impl.frame_bytes));
  }
  const auto key = std::pair{dataset, place.part};
  auto found = impl.open.find(key);
  if (found == impl.open.end()) {
    if (impl.open.size() >= kMostOpen) impl.open.clear();
    found = impl.open.emplace(key, SafetensorsReader(divided.parts[static_cast<size_t>(place.part)].file)).first;
  }
  found->second.Read(kFeatures, static_cast<uint64_t>((place.frame + first) * impl.frame_bytes), std::as_writable_bytes(bytes));
}

}  // namespace reverie
