#include "sim/episode_frames.h"

#include <algorithm>
#include <span>
#include <string>

#include "sim/error.h"
#include "sim/hdf5_episode.h"

namespace reverie {
namespace {

constexpr char kObservations[] = "observations", kState[] = "state";

std::string Called(const FrameStream& stream) { return std::string(stream.group()) + "/" + stream.name(); }

/// Where a stream stands among those of a dataset. @throws DatasetError with what there is where it is none of them.
size_t IndexOf(const FrameStream& stream, const DatasetInfo& info, const std::string& where) {
  const std::vector<FrameStream> streams = StreamsOf(info.frames);
  if (const auto found = std::find(streams.begin(), streams.end(), stream); found != streams.end())
    return static_cast<size_t>(found - streams.begin());
  const auto size = [](int width, int height) { return " of " + std::to_string(width) + " x " + std::to_string(height); };
  std::vector<std::string> names;
  for (const FrameStream& each : streams) names.push_back(Called(each));
  throw DatasetError(where + "/" + kObservations + ": expected frames '" + Called(stream) + "'" +
                     size(stream.width, stream.height) + ", found " +
                     (names.empty() ? "a dataset without frames"
                                    : Join(names) + size(info.frames.width, info.frames.height)));
}

void CheckRange(int64_t first, int64_t count, int64_t rows, const std::string& where) {
  if (first >= 0 && count >= 0 && first <= rows - count) return;
  throw ShapeError(where + ": expected frames from 0 to " + std::to_string(rows - 1) + ", found " +
                   std::to_string(count) + " from " + std::to_string(first));
}

}  // namespace

void CheckFrameCounts(const Episode& episode, const DatasetInfo& info) {
  const std::vector<FrameStream> streams = StreamsOf(info.frames);
  if (episode.frames.size() != streams.size()) {
    throw ShapeError("episode frames: expected " + std::to_string(streams.size()) + " streams, found " +
                     std::to_string(episode.frames.size()));
  }
  for (size_t i = 0; i < streams.size(); ++i) {
    if (episode.frames[i].size() == episode.steps + 1) continue;
    throw ShapeError("episode frames '" + Called(streams[i]) + "': expected " + std::to_string(episode.steps + 1) +
                     ", one for every state, found " + std::to_string(episode.frames[i].size()));
  }
}

void WriteObservations(Hdf5Group& group, const Episode& episode, const DatasetInfo& info) {
  const int64_t rows = episode.steps + 1;
  if (info.frames.empty()) {
    group.WriteDoubles(kObservations, {rows, info.observation_size}, episode.observations);
    return;
  }
  Hdf5Group observations = group.CreateGroup(kObservations);
  observations.WriteDoubles(kState, {rows, info.observation_size}, episode.observations);
  WriteFrames(observations, episode, info);
}

std::vector<double> ReadObservations(const Hdf5Group& group, int64_t rows, const DatasetInfo& info) {
  if (info.frames.empty()) return group.ReadDoubles(kObservations, {rows, info.observation_size});
  return group.OpenGroup(kObservations).ReadDoubles(kState, {rows, info.observation_size});
}

void WriteFrames(Hdf5Group& group, const Episode& episode, const DatasetInfo& info) {
  const std::vector<FrameStream> streams = StreamsOf(info.frames);
  for (size_t i = 0; i < streams.size(); ++i) {
    Hdf5Group kind = group.Has(streams[i].group()) ? group.OpenGroup(streams[i].group())
                                                   : group.CreateGroup(streams[i].group());
    kind.WriteFrames(streams[i], episode.frames[i]);
  }
}

std::vector<FrameSequence> ReadFrames(const Hdf5Group& group, int64_t steps, const DatasetInfo& info) {
  std::vector<FrameSequence> frames;
  for (const FrameStream& stream : StreamsOf(info.frames))
    frames.push_back(group.OpenGroup(stream.group()).ReadFrames(stream, steps + 1));
  return frames;
}

void ReadEpisodeFrames(const Hdf5Group& root, int64_t id, const DatasetInfo& info, Episode& episode) {
  episode.frames.clear();
  if (info.frames.empty()) return;
  episode.frames = ReadFrames(root.OpenGroup(EpisodeName(id)).OpenGroup(kObservations), episode.steps, info);
}

std::vector<uint8_t> ReadFrameRows(const Hdf5Group& root, int64_t id, const DatasetInfo& info,
                                   const FrameStream& stream, int64_t first, int64_t count) {
  const Hdf5Group episode = root.OpenGroup(EpisodeName(id));
  IndexOf(stream, info, episode.where());
  const Hdf5Group group = episode.OpenGroup(kObservations).OpenGroup(stream.group());
  const int64_t rows = ReadEpisodeSteps(root, id) + 1;
  CheckRange(first, count, rows, group.where() + "/" + stream.name());
  std::vector<uint8_t> values(static_cast<size_t>(count * stream.frame_bytes()));
  group.ReadFrameRows(stream, rows, first, count, values);
  return values;
}

std::vector<uint8_t> UnpackFrames(const Episode& episode, const DatasetInfo& info, const FrameStream& stream,
                                  int64_t first, int64_t count, const std::string& where) {
  const FrameSequence& frames = episode.frames[IndexOf(stream, info, where)];
  const std::string called = where + "/" + kObservations + "/" + Called(stream);
  CheckRange(first, count, frames.size(), called);
  const auto bytes = static_cast<size_t>(stream.frame_bytes());
  std::vector<uint8_t> values(static_cast<size_t>(count) * bytes);
  for (int64_t i = 0; i < count; ++i) {
    UnpackFrame(frames[first + i], stream.element_bytes(), std::span(values).subspan(static_cast<size_t>(i) * bytes, bytes),
                called);
  }
  return values;
}

}  // namespace reverie
