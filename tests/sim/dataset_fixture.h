// Small datasets of made-up episodes, and folders as maps from file name to bytes, for the tests of datasets.
#pragma once

#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "sim/dataset.h"
#include "sim/files.h"

namespace reverie::dataset_fixture {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("reverie dataset " + std::to_string(getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::vector<std::string> Labels(const std::string& name, int64_t count) {
  std::vector<std::string> labels;
  for (int64_t i = 0; i < count; ++i) labels.push_back(name + "[" + std::to_string(i) + "]");
  return labels;
}

inline DatasetInfo MakeInfo() {
  DatasetInfo info;
  info.task_name = "made-up";
  info.task_json = R"({"reward": "1", "action_repeat": 2, "observation": {"all": ["qpos", "qvel"]}})";
  info.scene_mjb = std::string("not a model\0but bytes", 21);
  info.mujoco_version = "3.17.0";
  info.seed = 18446744073709551557ULL;
  info.policy = "random";
  info.control_timestep_s = 0.1;
  info.action_repeat = 2;
  info.observation_size = 3;
  info.signal_size = 2;
  info.action_size = 2;
  info.state_size = 37;
  info.qpos_size = 2;
  info.qvel_size = 1;
  info.observation_labels = Labels("all", 3);
  info.signal_labels = Labels("signal", 2);
  info.action_labels = {"left \"motor\"", "m\xc3\xb6tor"};
  info.parameter_labels = Labels("geom_pos(target)", 2);
  return info;
}

/// Doubles that a careless path would change: negative zero, denormals, infinities, NaN, numbers of 17
/// digits.
inline std::vector<double> Awkward(int64_t size, int64_t salt) {
  static const double kValues[] = {0.0,
                                   -0.0,
                                   0.1,
                                   -1.0 / 3.0,
                                   5e-324,
                                   -2.2250738585072014e-308,
                                   1.7976931348623157e308,
                                   std::numeric_limits<double>::infinity(),
                                   std::nan("0x123"),
                                   123456789.123456789};
  std::vector<double> values(static_cast<size_t>(size));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] =
        kValues[(i + static_cast<size_t>(salt)) % std::size(kValues)] * (i % 3 == 2 ? 1.0 : 1.0 + 1e-9 * i);
  }
  return values;
}

/// Most of the integration state is zero, as in real scenes: columns 10 to 33.
inline std::vector<double> SparseState(int64_t rows, int64_t columns, int64_t salt) {
  std::vector<double> values = Awkward(rows * columns, salt);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 10; i < columns - 3; ++i) values[static_cast<size_t>(row * columns + i)] = 0.0;
  }
  return values;
}

/// Pictures by two cameras whose names HDF5 would take for something else.
inline DatasetInfo MakeInfoWithFrames() {
  DatasetInfo info = MakeInfo();
  info.frames = {5, 3, {"robot/eye 1", "t\xc3\xbcr"}, "fast", true, true};
  return info;
}

/// Frame `t` of a stream as made-up elements.
inline std::vector<uint8_t> MakeFrame(const FrameStream& stream, int64_t episode, int64_t t) {
  std::vector<uint8_t> bytes(static_cast<size_t>(stream.frame_bytes()));
  for (size_t i = 0; i < bytes.size() / static_cast<size_t>(stream.element_bytes()); ++i) {
    const auto value = static_cast<int64_t>(i % 17) * (t + 1) + episode + static_cast<int64_t>(stream.camera.size());
    const auto distance = static_cast<float>(value) / 7;
    const auto id = static_cast<int32_t>(value - 1);
    if (stream.kind == FrameKind::kPixels) bytes[i] = static_cast<uint8_t>(value * 31);
    if (stream.kind == FrameKind::kDepth) std::memcpy(&bytes[i * 4], &distance, 4);
    if (stream.kind == FrameKind::kSegmentation) std::memcpy(&bytes[i * 4], &id, 4);
  }
  return bytes;
}

inline std::vector<FrameSequence> MakeFrames(const DatasetInfo& info, int64_t episode, int64_t rows) {
  std::vector<FrameSequence> frames;
  FramePacker packer;
  for (const FrameStream& stream : StreamsOf(info.frames)) {
    FrameSequence& sequence = frames.emplace_back();
    for (int64_t t = 0; t < rows; ++t) sequence.Add(packer.Pack(MakeFrame(stream, episode, t), stream.element_bytes()));
  }
  return frames;
}

inline Episode MakeEpisode(const DatasetInfo& info, int64_t index, int64_t steps) {
  const int64_t rows = steps + 1;
  Episode episode;
  episode.index = index;
  episode.seed = 0xfedcba9876543210ULL + static_cast<uint64_t>(index);
  episode.steps = steps;
  episode.observations = Awkward(rows * info.observation_size, index);
  episode.signals = Awkward(rows * info.signal_size, index + 1);
  episode.actions = Awkward(steps * info.action_size, index + 2);
  episode.rewards = Awkward(steps, index + 3);
  episode.integration_state = SparseState(rows, info.state_size, index + 4);
  episode.qpos = Awkward(rows * info.qpos_size, index + 5);
  episode.qvel = Awkward(rows * info.qvel_size, index + 6);
  episode.time = Awkward(rows, index + 7);
  for (int64_t i = 0; i < rows; ++i) episode.success.push_back((i + index) % 2 ? 1.0 : 0.0);
  episode.model_parameters = Awkward(static_cast<int64_t>(info.parameter_labels.size()), index + 8);
  episode.terminated = index % 3 == 1;
  episode.truncated = index % 3 == 2;
  episode.frames = MakeFrames(info, index, rows);
  if (index % 3 == 2) episode.diverged = "hinge \xc3\xa4";
  return episode;
}

inline bool SameBits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

/// Every file below a folder with its bytes.
inline std::map<std::string, std::string> Contents(const std::filesystem::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    contents[name] = entry.is_directory() ? "(folder)" : ReadFile(entry.path());
  }
  return contents;
}

/// Names of the files that differ between two folders, for a message that can be read.
inline std::string Differences(const std::filesystem::path& a, const std::filesystem::path& b) {
  const auto contents_a = Contents(a), contents_b = Contents(b);
  std::string text;
  for (const auto& [name, bytes] : contents_a) {
    const auto other = contents_b.find(name);
    if (other == contents_b.end())
      text += name + " only in the first; ";
    else if (other->second != bytes)
      text += name + " differs; ";
  }
  for (const auto& [name, bytes] : contents_b) {
    if (!contents_a.contains(name)) text += name + " only in the second; ";
  }
  return text;
}

/// Lengths of the episodes of a made-up run.
inline int64_t Steps(int64_t index) {
  return 1 + (index * 7) % 11;
}

/// Appends up to episode `end`, committing after every `commit_every`-th of the run, and finishes.
inline void WriteRun(const std::filesystem::path& folder, const DatasetInfo& info, int64_t end,
                     int64_t commit_every, bool resume = false) {
  DatasetWriter writer(folder, info, resume);
  for (int64_t id = writer.committed(); id < end; ++id) {
    const int64_t index = info.first_episode + id;
    writer.Append(MakeEpisode(info, index, Steps(index)));
    if ((id + 1) % commit_every == 0) writer.Commit();
  }
  writer.Finish();
}

template <class Action>
std::string MessageOf(Action&& action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "(no error)";
}

inline bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// One line that names what it is about.
inline bool IsOneLine(const std::string& text) {
  return !text.empty() && text.find('\n') == std::string::npos;
}

}  // namespace reverie::dataset_fixture
