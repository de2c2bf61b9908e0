#include "sim/frame_windows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "sim/error.h"
#include "sim/random.h"

namespace reverie {
namespace {

constexpr int64_t kHeldOutEvery = 10;     // as training on channels does it
constexpr int64_t kLookedAt = 32;         // frames of each dataset
constexpr int64_t kCacheBlockFrames = 256;

struct EpisodeEntry {
  int32_t dataset = 0, episode = 0;
  int64_t steps = 0;
  int64_t first_frame = 0;          // among all frames
  int64_t windows = 0;              // of it
  bool held_out = false;
  std::vector<float> actions;       // (steps, nu)
  std::vector<float> proprioception;  // (steps + 1, elements)
};

/// Frames in memory, by their number among all. What is kept once stays: windows are drawn evenly, so that no other
/// choice would be met more often.
class FrameCache {
 public:
  FrameCache(int64_t frames, int64_t frame_bytes, int64_t most_bytes)
      : slots_(static_cast<size_t>(frames), -1), frame_bytes_(frame_bytes), room_(most_bytes / frame_bytes) {}

  const uint8_t* Find(int64_t frame) const {
    const int32_t slot = slots_[static_cast<size_t>(frame)];
    return slot < 0 ? nullptr : At(slot);
  }
  int64_t room() const { return room_ - used_; }
  void Keep(int64_t frame, const uint8_t* pixels) {
    if (room() <= 0 || slots_[static_cast<size_t>(frame)] >= 0) return;
    if (used_ % kCacheBlockFrames == 0) {
      blocks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(static_cast<size_t>(kCacheBlockFrames * frame_bytes_)));
    }
    const auto slot = static_cast<int32_t>(used_++);
    slots_[static_cast<size_t>(frame)] = slot;
    std::memcpy(At(slot), pixels, static_cast<size_t>(frame_bytes_));
  }

 private:
  uint8_t* At(int32_t slot) const {
    return blocks_[static_cast<size_t>(slot / kCacheBlockFrames)].get() + (slot % kCacheBlockFrames) * frame_bytes_;
  }

  std::vector<int32_t> slots_;
  std::vector<std::unique_ptr<uint8_t[]>> blocks_;
  int64_t frame_bytes_, room_, used_ = 0;
};

FrameStream StreamIn(const DatasetInfo& info, const std::string& name, const std::string& camera) {
  if (info.frames.empty()) {
    throw DatasetError(name + ": expected pictures of the states, found a dataset without any; 'reverie collect --pixels "
                       "64' records them");
  }
  for (const FrameStream& stream : StreamsOf(info.frames)) {
    if (stream.kind == FrameKind::kPixels && (camera.empty() || stream.camera == camera)) return stream;
  }
  throw DatasetError(name + ": expected pictures by camera '" + camera + "', found those of " + Join(info.frames.cameras) +
                     DidYouMean(camera, info.frames.cameras));
}

}  // namespace

struct FrameWindows::Impl {
  const std::vector<DatasetReader>& datasets;
  const std::vector<std::string> names;
  const FrameWindowOptions options;
  FrameStream stream;
  int64_t action_size = 0;
  std::vector<EpisodeEntry> episodes;
  std::vector<size_t> learned, held_out;    // indices into episodes, in order
  std::vector<int64_t> window_ends;         // of the learned episodes: windows in them and all before
  std::vector<size_t> by_dataset;           // first episode of each dataset
  int64_t frames = 0, looked_at = 0, blank = 0;
  std::unique_ptr<FrameCache> cache;
  std::shared_ptr<const FrameFeatures> features;

  int64_t FrameBytes() const { return features ? features->frame_bytes() : stream.frame_bytes(); }
  void MakeCache() { cache = std::make_unique<FrameCache>(frames, FrameBytes(), options.cache_bytes); }
  int64_t Span() const { return int64_t{options.frame_skip} * options.transitions; }
  int64_t Earliest() const { return options.stack - 1; }

  const EpisodeEntry& EntryOf(const FrameWindow& window) const {
    return episodes[by_dataset[static_cast<size_t>(window.dataset)] + static_cast<size_t>(window.episode)];
  }

  void ReadEpisodes() {
    for (size_t d = 0; d < datasets.size(); ++d) {
      by_dataset.push_back(episodes.size());
      for (int64_t k = 0; k < datasets[d].episodes(); ++k) {
        const Episode read = datasets[d].ReadTransitions(k);
        EpisodeEntry entry;
        entry.dataset = static_cast<int32_t>(d);
        entry.episode = static_cast<int32_t>(k);
        entry.steps = read.steps;
        entry.first_frame = frames;
        entry.windows = std::max<int64_t>(0, read.steps - Span() - Earliest() + 1);
        entry.actions.assign(read.actions.begin(), read.actions.end());
        const int64_t width = datasets[d].info().observation_size;
        for (int64_t t = 0; t <= read.steps && !options.proprioception.empty(); ++t) {
          for (const int element : options.proprioception) {
            entry.proprioception.push_back(static_cast<float>(read.observations[static_cast<size_t>(t * width + element)]));
          }
        }
        frames += read.steps + 1;
        episodes.push_back(std::move(entry));
      }
    }
  }

  void Divide() {
    std::vector<size_t> usable;
    int64_t longest = 0;
    for (size_t i = 0; i < episodes.size(); ++i) {
      longest = std::max(longest, episodes[i].steps);
      if (episodes[i].windows > 0) usable.push_back(i);
    }
    if (usable.empty()) {
      throw DatasetError(names.front() + ": a window to learn from takes " + std::to_string(Span() + Earliest()) +
                         " control steps in a row (transitions " + std::to_string(options.transitions) + ", frame_skip " +
                         std::to_string(options.frame_skip) + "), found episodes of at most " + std::to_string(longest));
    }
    const int64_t count = static_cast<int64_t>(usable.size());
    for (int64_t i = 0; i < count; ++i) {
      const bool last_of_few = count <= kHeldOutEvery / 2 && count > 1 && i + 1 == count;
      const bool held = (i % kHeldOutEvery == kHeldOutEvery / 2 && count > kHeldOutEvery / 2) || last_of_few;
      (held ? held_out : learned).push_back(usable[static_cast<size_t>(i)]);
      if (held) episodes[usable[static_cast<size_t>(i)]].held_out = true;
    }
    int64_t windows = 0;
    for (const size_t i : learned) window_ends.push_back(windows += episodes[i].windows);
  }

  /// Looks at frames spread over each dataset: a camera that sees nothing is better known before than after.
  void LookAtFrames() {
    for (size_t d = 0; d < datasets.size(); ++d) {
      const int64_t count = datasets[d].episodes();
      std::vector<uint8_t> first;
      bool differ = false;
      int64_t here = 0;
      for (int64_t i = 0; i < kLookedAt && count > 0; ++i) {
        const int64_t k = i * count / kLookedAt;
        const EpisodeEntry& entry = episodes[by_dataset[d] + static_cast<size_t>(k)];
        const int64_t t = (i * 7919) % (entry.steps + 1);
        const std::vector<uint8_t> frame = datasets[d].ReadFrames(k, stream, t, 1);
        const auto [low, high] = std::minmax_element(frame.begin(), frame.end());
        ++here;
        ++looked_at;
        blank += *low == *high;
        if (first.empty()) first = frame;
        else differ |= frame != first;
      }
      if (here > 0 && !differ) {
        const auto [low, high] = std::minmax_element(first.begin(), first.end());
        throw DatasetError(names[d] + ": expected pictures that differ, found the same in all " + std::to_string(here) +
                           " looked at" + (*high == 0 ? ", all black" : *low == *high ? ", of one colour" : "") +
                           "; does camera '" + stream.camera + "' see what moves?");
      }
    }
  }

  std::vector<uint8_t> ReadFrames(const EpisodeEntry& entry, int64_t first, int64_t count) const {
    if (!features) return datasets[static_cast<size_t>(entry.dataset)].ReadFrames(entry.episode, stream, first, count);
    std::vector<uint8_t> bytes(static_cast<size_t>(count * features->frame_bytes()));
    features->Read(entry.dataset, entry.episode, first, count, bytes);
    return bytes;
  }

  /// Pixels or features of frame t, in the cache or read into `buffer`.
  const uint8_t* Frame(const EpisodeEntry& entry, int64_t t, std::vector<uint8_t>& buffer) {
    const int64_t frame = entry.first_frame + t;
    if (const uint8_t* found = cache->Find(frame)) return found;
    const int64_t bytes = FrameBytes();
    if (cache->room() > entry.steps) {  // whole episodes are read faster than frames here and there
      const std::vector<uint8_t> all = ReadFrames(entry, 0, entry.steps + 1);
      for (int64_t i = 0; i <= entry.steps; ++i) cache->Keep(entry.first_frame + i, all.data() + i * bytes);
      return cache->Find(frame);
    }
    buffer = ReadFrames(entry, t, 1);
    cache->Keep(frame, buffer.data());
    return buffer.data();
  }
};

FrameWindows::FrameWindows(const std::vector<DatasetReader>& datasets, std::vector<std::string> names,
                           FrameWindowOptions options)
    : impl_(new Impl{datasets, std::move(names), std::move(options), {}, 0, {}, {}, {}, {}, {}, 0, 0, 0, nullptr, nullptr}) {
  Impl& impl = *impl_;
  impl.stream = StreamIn(datasets.front().info(), impl.names.front(), impl.options.camera);
  impl.action_size = datasets.front().info().action_size;
  for (size_t d = 1; d < datasets.size(); ++d) {
    StreamIn(datasets[d].info(), impl.names[d], impl.options.camera);
    CheckSameFrames(datasets.front().info(), impl.names.front(), datasets[d].info(), impl.names[d]);
  }
  impl.ReadEpisodes();
  impl.Divide();
  impl.LookAtFrames();
  impl.MakeCache();
}

FrameWindows::~FrameWindows() = default;

void FrameWindows::UseFeatures(std::shared_ptr<const FrameFeatures> features) {
  impl_->features = std::move(features);
  impl_->MakeCache();
}

const FrameWindowOptions& FrameWindows::options() const { return impl_->options; }
const FrameStream& FrameWindows::stream() const { return impl_->stream; }
int64_t FrameWindows::frames() const { return impl_->frames; }
int64_t FrameWindows::windows() const { return impl_->window_ends.back(); }
int64_t FrameWindows::held_out_episodes() const { return static_cast<int64_t>(impl_->held_out.size()); }
int64_t FrameWindows::blank() const { return impl_->blank; }
int64_t FrameWindows::looked_at() const { return impl_->looked_at; }

std::vector<FrameWindow> FrameWindows::Draw(uint64_t seed, int64_t count) const {
  const Impl& impl = *impl_;
  Random random(seed);
  std::vector<FrameWindow> drawn;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t at = random.Index(impl.window_ends.back());
    const auto end = std::upper_bound(impl.window_ends.begin(), impl.window_ends.end(), at);
    const EpisodeEntry& entry = impl.episodes[impl.learned[static_cast<size_t>(end - impl.window_ends.begin())]];
    drawn.push_back({entry.dataset, entry.episode, static_cast<int32_t>(impl.Earliest() + at - (*end - entry.windows))});
  }
  return drawn;
}

std::vector<FrameWindow> FrameWindows::Spread(int64_t episodes, int64_t per_episode) const {
  const Impl& impl = *impl_;
  const std::vector<size_t>& from = impl.held_out.empty() ? impl.learned : impl.held_out;
  const int64_t available = static_cast<int64_t>(from.size()), count = std::min(episodes, available);
  std::vector<FrameWindow> spread;
  for (int64_t i = 0; i < count; ++i) {
    const EpisodeEntry& entry = impl.episodes[from[static_cast<size_t>(i * available / count)]];
    for (int64_t j = 0; j < per_episode; ++j) {
      const int64_t at = per_episode == 1 ? 0 : j * (entry.windows - 1) / (per_episode - 1);
      spread.push_back({entry.dataset, entry.episode, static_cast<int32_t>(impl.Earliest() + at)});
    }
  }
  return spread;
}

void FrameWindows::Read(std::span<const FrameWindow> windows, FrameWindowBatch& batch) {
  Impl& impl = *impl_;
  const FrameWindowOptions& options = impl.options;
  const int64_t pictures = options.transitions + 1, stack = impl.features ? 1 : options.stack;
  const int64_t bytes = impl.FrameBytes();
  const int64_t actions = impl.Span() * impl.action_size, elements = static_cast<int64_t>(options.proprioception.size());
  batch.windows = static_cast<int64_t>(windows.size());
  batch.pictures = pictures;
  std::vector<uint8_t>& seen = impl.features ? batch.features : batch.pixels;
  seen.resize(static_cast<size_t>(batch.windows * pictures * stack * bytes));
  batch.actions.resize(static_cast<size_t>(batch.windows * actions));
  batch.proprioception.resize(static_cast<size_t>(batch.windows * pictures * elements));
  std::vector<uint8_t> buffer;
  for (int64_t w = 0; w < batch.windows; ++w) {
    const FrameWindow& window = windows[static_cast<size_t>(w)];
    const EpisodeEntry& entry = impl.EntryOf(window);
    for (int64_t p = 0; p < pictures; ++p) {
      const int64_t t = window.first + p * options.frame_skip;
      uint8_t* to = seen.data() + (w * pictures + p) * stack * bytes;
      for (int64_t s = 0; s < stack; ++s) {
        const uint8_t* from = impl.Frame(entry, t - stack + 1 + s, buffer);
        if (stack == 1) {
          std::memcpy(to, from, static_cast<size_t>(bytes));
          continue;
        }
        for (int64_t i = 0; i < bytes / 3; ++i) std::memcpy(to + (i * stack + s) * 3, from + i * 3, 3);
      }
      std::copy_n(entry.proprioception.data() + t * elements, elements,
                  batch.proprioception.data() + (w * pictures + p) * elements);
    }
    std::copy_n(entry.actions.data() + window.first * impl.action_size, actions, batch.actions.data() + w * actions);
  }
}

void FrameWindows::Moments(std::vector<double>& action_scale, std::vector<double>& mean, std::vector<double>& scale) const {
  const Impl& impl = *impl_;
  const auto moments = [&](int64_t width, auto&& values_of, std::vector<double>& means, std::vector<double>& deviations) {
    means.assign(static_cast<size_t>(width), 0.0);
    deviations.assign(static_cast<size_t>(width), 0.0);
    double rows = 0.0;
    for (const size_t i : impl.learned) {
      const std::vector<float>& values = values_of(impl.episodes[i]);
      rows += width > 0 ? static_cast<double>(values.size()) / static_cast<double>(width) : 0.0;
      for (size_t e = 0; e < values.size(); ++e) {
        means[e % static_cast<size_t>(width)] += values[e];
        deviations[e % static_cast<size_t>(width)] += static_cast<double>(values[e]) * values[e];
      }
    }
    for (size_t e = 0; e < means.size(); ++e) {
      means[e] /= rows;
      const double deviation = std::sqrt(std::max(0.0, deviations[e] / rows - means[e] * means[e]));
      deviations[e] = deviation > 1e-6 ? deviation : 1.0;  // what never changes has no scale
    }
  };
  std::vector<double> unused;
  moments(impl.action_size, [](const EpisodeEntry& e) -> const std::vector<float>& { return e.actions; }, unused, action_scale);
  moments(static_cast<int64_t>(impl.options.proprioception.size()),
          [](const EpisodeEntry& e) -> const std::vector<float>& { return e.proprioception; }, mean, scale);
}

FrameWindowReader::FrameWindowReader(FrameWindows& windows, int64_t first, int64_t end,
                                     std::function<std::vector<FrameWindow>(int64_t)> draw, size_t ahead)
    : windows_(windows), first_(first), end_(end), draw_(std::move(draw)), ahead_(ahead),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

FrameWindowReader::~FrameWindowReader() {
  thread_.request_stop();
  thread_.join();
}

void FrameWindowReader::Run(const std::stop_token& stop) {
  try {
    for (int64_t k = first_; k < end_; ++k) {
      FrameWindowBatch batch;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [this] { return ready_.size() < ahead_; })) return;
        if (!spare_.empty()) {
          batch = std::move(spare_.front());
          spare_.pop_front();
        }
      }
      windows_.Read(draw_(k), batch);
      const std::lock_guard lock(mutex_);
      ready_.push_back(std::move(batch));
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    error_ = std::current_exception();
    changed_.notify_all();
  }
}

FrameWindowBatch FrameWindowReader::Next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || error_; });
  if (ready_.empty()) std::rethrow_exception(error_);
  FrameWindowBatch batch = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  return batch;
}

void FrameWindowReader::Recycle(FrameWindowBatch&& batch) {
  const std::lock_guard lock(mutex_);
  spare_.push_back(std::move(batch));
}

}  // namespace reverie
