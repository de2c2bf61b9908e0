#include "sim/dataset.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "sim/dataset_files.h"
#include "sim/dataset_metadata.h"
#include "sim/error.h"
#include "sim/files.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

// The two numbers that metadata.json counts.
std::pair<int64_t, int64_t> CountsOf(const DatasetPaths& paths) {
  const std::string text = paths.metadata.string();
  const nlohmann::json metadata = ParseJson(ReadFile(paths.metadata), text);
  const auto count = [&](const char* key) {
    if (!metadata.contains(key) || !metadata[key].is_number_unsigned()) {
      throw DatasetError(text + ": key '" + key + "': expected a whole number, 0 or more, found " +
                         (metadata.contains(key) ? metadata[key].dump() : "nothing"));
    }
    return metadata[key].get<int64_t>();
  };
  return {count("total_episodes"), count("total_steps")};
}

}  // namespace

struct DatasetReader::Impl {
  fs::path folder;
  DatasetInfo info;
  std::optional<CommittedEpisodes> committed;
  int64_t episodes = 0, steps = 0;
  bool finished = false;

  const CommittedEpisodes& Having(int64_t k) const {
    if (k < 0 || k >= episodes) {
      throw DatasetError(folder.string() + ": expected an episode from 0 to " + std::to_string(episodes - 1) +
                         ", found " + std::to_string(k));
    }
    return *committed;
  }
};

DatasetReader::DatasetReader(fs::path folder) : impl_(std::make_unique<Impl>()) {
  Impl& impl = *impl_;
  impl.folder = std::move(folder);
  const DatasetPaths paths(impl.folder);
  impl.info = LoadInfo(paths);
  impl.finished = paths.Finished();
  if (impl.finished) std::tie(impl.episodes, impl.steps) = CountsOf(paths);
  impl.committed.emplace(paths, impl.info);
  if (impl.finished) {
    if (impl.committed->episodes() != impl.episodes) {
      throw DatasetError(paths.main.string() + ": expected the " + std::to_string(impl.episodes) +
                         " episodes that metadata.json counts, found " + std::to_string(impl.committed->episodes()));
    }
    return;
  }
  impl.episodes = impl.committed->episodes();
  for (int64_t k = 0; k < impl.episodes; ++k) impl.steps += impl.committed->Steps(k);
}

DatasetReader::~DatasetReader() = default;
DatasetReader::DatasetReader(DatasetReader&&) noexcept = default;
DatasetReader& DatasetReader::operator=(DatasetReader&&) noexcept = default;

const DatasetInfo& DatasetReader::info() const {
  return impl_->info;
}
const fs::path& DatasetReader::folder() const {
  return impl_->folder;
}
int64_t DatasetReader::episodes() const {
  return impl_->episodes;
}
int64_t DatasetReader::steps() const {
  return impl_->steps;
}
bool DatasetReader::finished() const {
  return impl_->finished;
}

Episode DatasetReader::Read(int64_t k) const { return impl_->Having(k).Read(k); }

Episode DatasetReader::ReadWithFrames(int64_t k) const { return impl_->Having(k).ReadWithFrames(k); }

std::vector<uint8_t> DatasetReader::ReadFrames(int64_t k, const FrameStream& stream, int64_t first,
                                               int64_t count) const {
  return impl_->Having(k).ReadFrames(k, stream, first, count);
}

Episode DatasetReader::ReadTransitions(int64_t k) const { return impl_->Having(k).ReadTransitions(k); }

uint64_t DatasetReader::ReadSeed(int64_t k) const { return impl_->Having(k).Seed(k); }

EpisodeSummary DatasetReader::ReadSummary(int64_t k) const { return impl_->Having(k).ReadSummary(k); }

EpisodeSummary Summarise(const Episode& episode) {
  EpisodeSummary summary;
  summary.index = episode.index;
  summary.seed = episode.seed;
  summary.steps = episode.steps;
  summary.episode_return = episode.Return();
  summary.has_success = !episode.success.empty();
  if (summary.has_success) {
    summary.success_any = std::any_of(episode.success.begin(), episode.success.end(), [](double s) { return s != 0; });
    summary.success_end = episode.success.back() != 0;
  }
  summary.terminated = episode.terminated;
  summary.truncated = episode.truncated;
  summary.diverged = episode.diverged;
  return summary;
}

}  // namespace reverie
