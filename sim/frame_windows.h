// Windows of frames and the actions between them, cut out of datasets with pictures and read from the disk as they are
// wanted: memory holds a bounded number of frames, however many there are. FrameWindows belongs to one thread at a
// time; FrameWindowReader reads ahead on a thread of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "sim/dataset.h"

namespace reverie {

struct FrameWindowOptions {
  std::string camera;     // "": the first of the first dataset
  int stack = 1;          // frames of consecutive states that are seen as one picture
  int frame_skip = 3;     // control steps from one picture of a window to the next
  int transitions = 4;    // of a window, which has one picture more
  int64_t cache_bytes = int64_t{512} << 20;  // of frames kept in memory, as drawn
  std::vector<int> proprioception;           // elements of the observation that come with each picture
};

/// What is learned from in place of pixels: numbers that were computed of every frame beforehand. Not thread-safe.
class FrameFeatures {
 public:
  virtual ~FrameFeatures() = default;
  /// Of one frame.
  virtual int64_t frame_bytes() const = 0;
  /// Reads those of frames `first` to `first` + `count` - 1. @param bytes  (count, frame_bytes).
  /// @throws Error naming the file that cannot be read.
  virtual void Read(int64_t dataset, int64_t episode, int64_t first, int64_t count, std::span<uint8_t> bytes) const = 0;
};

/// The dataset's episode, and the control step of the first picture.
struct FrameWindow {
  int32_t dataset = 0, episode = 0;
  int32_t first = 0;
};

struct FrameWindowBatch {
  int64_t windows = 0, pictures = 0;  // pictures: of a window, transitions + 1
  std::vector<uint8_t> pixels;        // (windows, pictures, height, width, stack, 3): the oldest of a stack first
  std::vector<uint8_t> features;      // (windows, pictures, frame_bytes) where those are read, and then no pixels
  std::vector<float> actions;         // (windows, transitions, frame_skip, nu)
  std::vector<float> proprioception;  // (windows, pictures, elements)
};

class FrameWindows {
 public:
  /// Reads the actions of all episodes and looks at some frames of each dataset.
  /// @param datasets  outlive this. @param names  of them, for messages.
  /// @throws DatasetError: no pictures, none by the camera, other pictures than the first dataset has, episodes too
  /// short for a window, pictures that all show the same (the camera sees nothing).
  FrameWindows(const std::vector<DatasetReader>& datasets, std::vector<std::string> names, FrameWindowOptions options);
  ~FrameWindows();

  /// Reads features in place of pixels from now on.
  void UseFeatures(std::shared_ptr<const FrameFeatures> features);

  const FrameWindowOptions& options() const;
  const FrameStream& stream() const;
  /// Frames, windows and episodes that may be learned from; one in ten episodes is held out, which those leave out.
  int64_t frames() const;
  int64_t windows() const;
  int64_t held_out_episodes() const;
  /// Of the frames that were looked at, how many are of a single colour.
  int64_t blank() const;
  int64_t looked_at() const;

  /// Draws windows, each as likely as any other, from `seed` alone.
  std::vector<FrameWindow> Draw(uint64_t seed, int64_t count) const;
  /// Windows spread evenly over up to so many held-out episodes (all the others where nothing can be held out).
  /// @return  (episodes, per_episode) row-major; fewer episodes where there are fewer.
  std::vector<FrameWindow> Spread(int64_t episodes, int64_t per_episode) const;
  /// @throws DatasetError naming the file and the frame that cannot be read.
  void Read(std::span<const FrameWindow> windows, FrameWindowBatch& batch);
  /// Mean and standard deviation of every action element and of every element of proprioception.
  void Moments(std::vector<double>& action_scale, std::vector<double>& mean, std::vector<double>& scale) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Reads batches ahead of the one who asks, in order.
class FrameWindowReader {
 public:
  /// @param windows  used by the reader's thread alone while this lives. @param draw  the windows of batch k.
  /// @param ahead    how many batches may wait.
  FrameWindowReader(FrameWindows& windows, int64_t first, int64_t end,
                    std::function<std::vector<FrameWindow>(int64_t)> draw, size_t ahead = 3);
  ~FrameWindowReader();

  /// The next batch. @throws what reading it threw.
  FrameWindowBatch Next();
  /// Gives a batch's memory back for another.
  void Recycle(FrameWindowBatch&& batch);

 private:
  void Run(const std::stop_token& stop);

  FrameWindows& windows_;
  const int64_t first_, end_;
  const std::function<std::vector<FrameWindow>(int64_t)> draw_;
  const size_t ahead_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<FrameWindowBatch> ready_, spare_;
  std::exception_ptr error_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace reverie
