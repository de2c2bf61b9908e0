#include "sim/dataset_files.h"

#include <system_error>

#include "sim/dataset_metadata.h"
#include "sim/episode_frames.h"
#include "sim/error.h"
#include "sim/files.h"
#include "sim/hdf5_episode.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json ReadJson(const fs::path& path) {
  return ParseJson(ReadFile(path), path.string());
}

}  // namespace

bool Exists(const fs::path& path) {
  std::error_code code;
  return fs::exists(path, code);
}

DatasetPaths::DatasetPaths(const fs::path& folder)
    : data(folder / "data"),
      main(data / "main_data.hdf5"),
      metadata(data / "metadata.json"),
      run(data / "run.json"),
      task(data / "task.json"),
      scene(data / "scene.mjb"),
      log(data / "episodes.log"),
      extended(data / "episodes.hdf5") {}

bool DatasetPaths::Finished() const {
  return Exists(main) && Exists(metadata);
}

CommittedEpisodes::CommittedEpisodes(const DatasetPaths& paths, const DatasetInfo& info) : info_(&info) {
  const bool finished = paths.Finished();
  const fs::path& hdf5 = finished ? paths.main : paths.extended;
  if (!finished && Exists(paths.log)) log_.emplace(paths.log);
  if (finished || Exists(hdf5)) {
    hdf5_.emplace(Hdf5File::Open(hdf5));
    in_hdf5_ = hdf5_->root().size();
    if (log_ && log_->first() < in_hdf5_) {  // was cut, and its beginning written anew
      hdf5_.reset();
      in_hdf5_ = 0;
    }
  }
  if (log_ && log_->first() != in_hdf5_) {
    throw DatasetError(paths.log.string() + ": expected it to begin with episode " + std::to_string(in_hdf5_) +
                       ", found " + std::to_string(log_->first()) + "; put back " + paths.extended.string() +
                       ", which holds those before");
  }
}

int64_t CommittedEpisodes::episodes() const { return in_hdf5_ + (log_ ? log_->episodes() : 0); }

int64_t CommittedEpisodes::Steps(int64_t id) const {
  return id < in_hdf5_ ? ReadEpisodeSteps(hdf5_->root(), id) : log_->Steps(id);
}

uint64_t CommittedEpisodes::Seed(int64_t id) const {
  return id < in_hdf5_ ? ReadEpisodeSeed(hdf5_->root(), id) : log_->Seed(id);
}

Episode CommittedEpisodes::Read(int64_t id) const {
  if (id < in_hdf5_) return ReadEpisode(hdf5_->root(), id, *info_);
  Episode episode = log_->Read(id, *info_);
  episode.frames.clear();
  return episode;
}

Episode CommittedEpisodes::ReadWithFrames(int64_t id) const {
  if (id >= in_hdf5_) return log_->Read(id, *info_);
  Episode episode = ReadEpisode(hdf5_->root(), id, *info_);
  ReadEpisodeFrames(hdf5_->root(), id, *info_, episode);
  return episode;
}

std::vector<uint8_t> CommittedEpisodes::ReadFrames(int64_t id, const FrameStream& stream, int64_t first,
                                                   int64_t count) const {
  if (id < in_hdf5_) return ReadFrameRows(hdf5_->root(), id, *info_, stream, first, count);
  return UnpackFrames(log_->Read(id, *info_), *info_, stream, first, count,
                      log_->path().string() + ": " + EpisodeName(id));
}

Episode CommittedEpisodes::ReadTransitions(int64_t id) const {
  if (id < in_hdf5_) return ReadEpisodeTransitions(hdf5_->root(), id, *info_);
  Episode episode = log_->Read(id, *info_);
  for (std::vector<double>* states : {&episode.integration_state, &episode.qpos, &episode.qvel, &episode.time}) {
    states->clear();
  }
  episode.frames.clear();
  return episode;
}

EpisodeSummary CommittedEpisodes::ReadSummary(int64_t id) const {
  return id < in_hdf5_ ? ReadEpisodeSummary(hdf5_->root(), id, *info_) : Summarise(log_->Read(id, *info_));
}

DatasetInfo LoadInfo(const DatasetPaths& paths) {
  const fs::path folder = paths.data.parent_path();
  std::error_code code;
  if (!fs::is_directory(paths.data, code)) {
    std::string what = Exists(folder) ? "found none in it" : "there is no such folder";
    if (Exists(folder / "main_data.hdf5")) what = "found main_data.hdf5 in it; give the folder above";
    throw DatasetError(folder.string() + ": expected a dataset (a folder that holds data/), " + what);
  }
  DatasetInfo info;
  try {
    if (paths.Finished()) {
      const json metadata = ReadJson(paths.metadata);
      if (!metadata.is_object() || !metadata.contains("reverie")) {
        throw DatasetError(
            paths.metadata.string() +
            ": expected the key 'reverie', found none: another tool wrote "
            "this dataset, and it lacks the scene and the simulator's states that Reverie needs");
      }
      info = InfoFromJson(metadata["reverie"], paths.metadata.string() + " 'reverie'");
    } else if (Exists(paths.run)) {
      info = InfoFromJson(ReadJson(paths.run), paths.run.string());
    } else {
      const char* lacking = Exists(paths.main) ? "metadata.json" : "main_data.hdf5";
      throw DatasetError(paths.data.string() + ": expected main_data.hdf5 and metadata.json, found no " +
                         lacking);
    }
    info.task_json = ReadFile(paths.task);
    info.scene_mjb = ReadFile(paths.scene);
  } catch (const DatasetError&) {
    throw;
  } catch (const Error& error) {
    throw DatasetError(error.what());
  }
  ParseJson(info.task_json, paths.task.string());
  return info;
}

}  // namespace reverie
