#include "sim/dataset.h"

#include <algorithm>
#include <optional>

#include "sim/dataset_files.h"
#include "sim/dataset_metadata.h"
#include "sim/error.h"
#include "sim/files.h"
#include "sim/hdf5_episode.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

struct OpenedPart {
  int64_t first = 0;
  Hdf5File file;
};

}  // namespace

struct DatasetReader::Impl {
  fs::path folder;
  DatasetInfo info;
  std::vector<DatasetPart> parts;            // one, the whole, where the dataset is finished
  mutable std::optional<OpenedPart> opened;  // the last one read from
  int64_t episodes = 0, steps = 0;
  bool finished = false;

  const Hdf5Group& RootOf(int64_t k) const {
    if (k < 0 || k >= episodes) {
      throw DatasetError(folder.string() + ": expected an episode from 0 to " + std::to_string(episodes - 1) +
                         ", found " + std::to_string(k));
    }
    const auto part =
        std::find_if(parts.begin(), parts.end(), [k](const DatasetPart& p) { return k <= p.last; });
    if (!opened || opened->first != part->first)
      opened.emplace(OpenedPart{part->first, Hdf5File::Open(part->path)});
    return opened->file.root();
  }

  void CheckCounts(const DatasetPaths& paths) {
    const std::string text = paths.metadata.string();
    const nlohmann::json metadata = ParseJson(ReadFile(paths.metadata), text);
    for (const auto& [key, value] :
         {std::pair{"total_episodes", &episodes}, std::pair{"total_steps", &steps}}) {
      if (!metadata.contains(key) || !metadata[key].is_number_unsigned()) {
        throw DatasetError(text + ": key '" + key + "': expected a whole number, 0 or more, found " +
                           (metadata.contains(key) ? metadata[key].dump() : "nothing"));
      }
      *value = metadata[key].get<int64_t>();
    }
    const Hdf5File file = Hdf5File::Open(paths.main);
    if (file.root().size() != episodes) {
      throw DatasetError(paths.main.string() + ": expected the " + std::to_string(episodes) +
                         " episodes that metadata.json counts, found " + std::to_string(file.root().size()));
    }
  }
};

DatasetReader::DatasetReader(fs::path folder) : impl_(std::make_unique<Impl>()) {
  Impl& impl = *impl_;
  impl.folder = std::move(folder);
  const DatasetPaths paths(impl.folder);
  impl.info = LoadInfo(paths);
  impl.finished = paths.Finished();
  if (impl.finished) {
    impl.CheckCounts(paths);
    if (impl.episodes > 0) impl.parts.push_back({0, impl.episodes - 1, paths.main});
    return;
  }
  DatasetParts parts = FindParts(paths);
  impl.episodes = parts.episodes();
  impl.parts = std::move(parts.chain);
  for (int64_t k = 0; k < impl.episodes; ++k) impl.steps += ReadEpisodeSteps(impl.RootOf(k), k);
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

Episode DatasetReader::Read(int64_t k) const {
  return ReadEpisode(impl_->RootOf(k), k, impl_->info);
}

Episode DatasetReader::ReadTransitions(int64_t k) const {
  return ReadEpisodeTransitions(impl_->RootOf(k), k, impl_->info);
}

uint64_t DatasetReader::ReadSeed(int64_t k) const {
  return ReadEpisodeSeed(impl_->RootOf(k), k);
}

EpisodeSummary DatasetReader::ReadSummary(int64_t k) const {
  return ReadEpisodeSummary(impl_->RootOf(k), k, impl_->info);
}

}  // namespace reverie
