// Minari datasets on disk: HDF5 in data/main_data.hdf5, data/metadata.json, and beside them what a replay
// needs (the compiled scene, the task). One writer per folder; readers are independent. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/episode.h"

namespace reverie {

/// What every episode of a dataset has in common.
struct DatasetInfo {
  std::string task_name;          // "cartpole-swingup", "dm_control/cup-catch", or the model's file name
  std::string task_json;          // the task as played, complete; "{}" is never valid
  std::string scene_mjb;          // the compiled model, as mj_saveModel writes it
  std::string mujoco_version;     // "3.17.0"
  uint64_t seed = 0;              // the run's
  std::string policy;             // "random", "smooth", "planner(icem, simulator)", ...
  std::vector<std::string> policies;  // what infos/policy counts, from 0; empty where one policy acts alone
  double control_timestep_s = 0;  // of one env step
  int action_repeat = 1;          // env steps in one control step
  int64_t observation_size = 0, signal_size = 0, action_size = 0;
  int64_t state_size = 0, qpos_size = 0, qvel_size = 0;
  std::vector<std::string> observation_labels;  // one per element: "position[0]"
  std::vector<std::string> signal_labels;
  std::vector<std::string> action_labels;     // actuators, in order
  std::vector<std::string> parameter_labels;  // "geom_pos(target).x"
  FrameSettings frames;  // pictures of every state; empty: none
  // Index in the run of the first episode here: above 0 in a later shard.
  int64_t first_episode = 0;
  // How many runs the episodes come from that do not follow on one another; 0: they are of one run.
  int64_t merged_runs = 0;
};

/// The file, relative to a dataset's folder, by which PrepareOutputFolder knows one.
inline constexpr char kDatasetMarker[] = "data/task.json";

/// Writes a dataset: each episode at once into what Finish() makes data/main_data.hdf5, and, since HDF5 files do not
/// survive a kill, into data/episodes.log, from where a killed run goes on. It loses at most what was not committed,
/// and resumed gives the same bytes.
class DatasetWriter {
 public:
  /// Starts a dataset in `folder` (created; must hold none), or with `resume` goes on after the last
  /// committed episode of the same run, of a finished dataset too. @throws DatasetError if the folder is in
  /// use, or holds another run than `info` describes (the differing field and both values are named).
  DatasetWriter(std::filesystem::path folder, DatasetInfo info, bool resume);
  ~DatasetWriter();  // does not commit
  DatasetWriter(const DatasetWriter&) = delete;
  DatasetWriter& operator=(const DatasetWriter&) = delete;

  /// Number of episodes that are safe on disk, where a resumed run goes on.
  int64_t committed() const;
  /// Control steps in them.
  int64_t committed_steps() const;

  /// Drops the committed episodes after the first `episodes`: a checkpoint may be older than the data.
  /// @throws DatasetError if fewer are committed, Error if some are appended and not committed.
  void KeepFirst(int64_t episodes);

  /// Appends the next episode: its index is first_episode + committed() + those appended since.
  /// @throws ShapeError, DatasetError; Error where the disk is full, after which the episode waits for Commit.
  void Append(const Episode& episode);

  /// Makes everything appended so far safe on disk. After an error (a full disk) it may be called again.
  void Commit();

  /// Commits and makes the folder a Minari dataset. Where the run was resumed, main_data.hdf5 is written now.
  void Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What a list of episodes shows of one.
struct EpisodeSummary {
  int64_t index = 0;
  uint64_t seed = 0;
  int64_t steps = 0;
  double episode_return = 0;
  bool has_success = false, success_any = false, success_end = false;  // where the task defines it
  bool terminated = false, truncated = false;
  std::string diverged;
};

EpisodeSummary Summarise(const Episode& episode);

/// Reads a finished dataset, or the committed part of one that was interrupted.
class DatasetReader {
 public:
  /// `folder` is the dataset's (the one that holds data/). @throws DatasetError: missing, truncated, foreign.
  explicit DatasetReader(std::filesystem::path folder);
  ~DatasetReader();
  DatasetReader(DatasetReader&&) noexcept;
  DatasetReader& operator=(DatasetReader&&) noexcept;

  const DatasetInfo& info() const;
  const std::filesystem::path& folder() const;
  int64_t episodes() const;
  int64_t steps() const;
  /// Whether Finish() completed it.
  bool finished() const;
  /// Reads episode k but for its frames; its index is the run's. @throws DatasetError naming the dataset and the field.
  Episode Read(int64_t k) const;
  /// Episode k whole, with its frames as they are on disk: compressed. @throws DatasetError as Read does.
  Episode ReadWithFrames(int64_t k) const;
  /// Some frames of episode k as they were drawn, reading no others from the disk: frame t shows state t.
  /// @param stream  one of StreamsOf(info().frames).
  /// @return        (count, stream.frame_bytes()) elements as in memory: uint8, float or int32 by the stream's kind.
  /// @throws DatasetError as Read does, and where the dataset has no such stream; ShapeError for frames that the
  /// episode does not have.
  std::vector<uint8_t> ReadFrames(int64_t k, const FrameStream& stream, int64_t first, int64_t count) const;
  /// Episode k without the simulator's states: integration_state, qpos, qvel and time are left empty.
  /// @throws DatasetError as Read does.
  Episode ReadTransitions(int64_t k) const;
  /// Its seed alone.
  uint64_t ReadSeed(int64_t k) const;
  /// What it came to, without its states: a list of thousands is read in seconds. @throws DatasetError.
  EpisodeSummary ReadSummary(int64_t k) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Checks that two datasets describe the same set-up (scene, task, control step, actuators, sizes), whatever pictures
/// they have.
/// @throws DatasetError naming the first field that differs, and both values.
void CheckSameSetup(const DatasetInfo& a, const std::string& a_name, const DatasetInfo& b,
                    const std::string& b_name);

/// Checks that two datasets have the same pictures of their states (cameras, size, quality, kinds).
/// @throws DatasetError as CheckSameSetup does.
void CheckSameFrames(const DatasetInfo& a, const std::string& a_name, const DatasetInfo& b,
                     const std::string& b_name);

}  // namespace reverie
