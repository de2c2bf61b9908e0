#include <algorithm>
#include <optional>
#include <system_error>

#include "sim/dataset.h"
#include "sim/dataset_files.h"
#include "sim/dataset_metadata.h"
#include "sim/error.h"
#include "sim/files.h"
#include "sim/hdf5_episode.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

// Parts are built in memory: the disk sees nothing but whole files, and a full disk never leaves HDF5 with
// data that it cannot flush.
Hdf5File NewPart(const DatasetPaths& paths) {
  return Hdf5File::CreateInMemory(paths.parts / "part-in-memory");
}

// Read and written rather than copied by HDF5: where its copy puts things depends on where they lay, and the
// same episodes shall give the same bytes. Reading also checks every checksum before a part is deleted.
void CopyEpisodes(const DatasetPart& part, int64_t last, const DatasetInfo& info, Hdf5File& to) {
  const Hdf5File from = Hdf5File::Open(part.path);
  for (int64_t id = part.first; id <= last; ++id)
    WriteEpisode(to.root(), id, ReadEpisode(from.root(), id, info), info);
}

void CreateFolder(const fs::path& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) throw DatasetError(folder.string() + ": the folder cannot be created: " + code.message());
}

std::unique_ptr<FolderLock> Lock(const fs::path& folder) {
  CreateFolder(folder);
  try {
    return std::make_unique<FolderLock>(folder);
  } catch (const Error& error) {
    throw DatasetError(error.what());
  }
}

}  // namespace

struct DatasetWriter::Impl {
  fs::path folder;
  DatasetPaths paths;
  DatasetInfo info;
  std::unique_ptr<FolderLock> lock;
  std::optional<Hdf5File> part;  // appended, not committed
  int64_t committed = 0, committed_steps = 0, pending = 0, pending_steps = 0;
  bool finished = false;  // main_data.hdf5 and metadata.json hold all that is committed

  Impl(fs::path folder_in, DatasetInfo info_in)
      : folder(std::move(folder_in)), paths(folder), info(std::move(info_in)), lock(Lock(folder)) {}

  void Start();
  void Resume();
  void Reopen();
  void Truncate(const DatasetPart& part, int64_t last);
  void CountSteps();
  void Join();
  void RemoveLeftovers();
};

void DatasetWriter::Impl::Start() {
  CreateFolder(paths.parts);
  WriteFileAtomically(paths.task, info.task_json);
  WriteFileAtomically(paths.scene, info.scene_mjb);
  WriteFileAtomically(paths.run, InfoToJson(info).dump(1) + "\n");
}

void DatasetWriter::Impl::Resume() {
  CheckSameRun(LoadInfo(paths), folder.string(), info, "this run",
               "; --resume goes on only with the same run: give its options, or another --out");
  finished = paths.Finished();
  if (finished) {
    const DatasetReader reader(folder);
    committed = reader.episodes();
    committed_steps = reader.steps();
    RemoveLeftovers();
    return;
  }
  CreateFolder(paths.parts);
  const DatasetParts parts = FindParts(paths);
  for (const fs::path& superseded : parts.superseded) RemoveFile(superseded);
  RemoveFile(paths.main);
  RemoveFile(paths.metadata);
  committed = parts.episodes();
  CountSteps();
}

// Opens every part, so that one that is not whole is found here and not at the end of the night.
void DatasetWriter::Impl::CountSteps() {
  committed_steps = 0;
  const DatasetParts found = FindParts(paths);
  for (const DatasetPart& part_file : found.chain) {
    const Hdf5File file = Hdf5File::Open(part_file.path);
    for (int64_t id = part_file.first; id <= part_file.last; ++id)
      committed_steps += ReadEpisodeSteps(file.root(), id);
  }
}

// A finished dataset becomes an unfinished one whose single part is all it holds. Interrupted at any point it
// is still one of the two.
void DatasetWriter::Impl::Reopen() {
  if (!finished) return;
  CreateFolder(paths.parts);
  WriteFileAtomically(paths.run, InfoToJson(info).dump(1) + "\n");
  if (committed > 0) {
    CommitFile(paths.main, paths.Part(0, committed - 1));
  } else {
    RemoveFile(paths.main);
  }
  RemoveFile(paths.metadata);
  finished = false;
}

// Keeps a part's episodes up to `last`. The shorter part exists before the longer one goes; with both there,
// the longer counts.
void DatasetWriter::Impl::Truncate(const DatasetPart& long_part, int64_t last) {
  Hdf5File kept = NewPart(paths);
  CopyEpisodes(long_part, last, info, kept);
  WriteFileAtomically(paths.Part(long_part.first, last), kept.Image());
}

void DatasetWriter::Impl::Join() {
  const DatasetParts parts = FindParts(paths);
  uint64_t bytes = 0;
  for (const DatasetPart& part_file : parts.chain) bytes += fs::file_size(part_file.path);
  std::error_code code;
  const fs::space_info space = fs::space(paths.data, code);
  if (!code && space.available < bytes) {
    throw DatasetError(paths.main.string() + ": expected room for " + std::to_string(bytes >> 20) +
                       " MB on the disk, found " + std::to_string(space.available >> 20) +
                       " MB; the episodes are safe in " + paths.parts.string() + ": make room and --resume");
  }
  const fs::path partial = PartialPath(paths.main);
  try {
    Hdf5File main = Hdf5File::Create(partial);
    for (const DatasetPart& part_file : parts.chain) CopyEpisodes(part_file, part_file.last, info, main);
    main.Close();
    CommitFile(partial, paths.main);
  } catch (const Error&) {
    // HDF5 may keep the file open: what it takes on the disk must go all the same.
    fs::resize_file(partial, 0, code);
    RemoveFile(partial);
    throw;
  }
}

void DatasetWriter::Impl::RemoveLeftovers() {
  std::error_code ignored;
  fs::remove_all(paths.parts, ignored);
  RemoveFile(paths.run);
  for (const fs::path& whole : {paths.run, paths.main, paths.metadata}) RemoveFile(PartialPath(whole));
}

DatasetWriter::DatasetWriter(fs::path folder, DatasetInfo info, bool resume)
    : impl_(std::make_unique<Impl>(std::move(folder), std::move(info))) {
  Impl& impl = *impl_;
  const bool begun = Exists(impl.paths.run) || impl.paths.Finished();
  if (begun && !resume) {
    throw DatasetError(impl.folder.string() +
                       ": expected no dataset, found one; --resume goes on with it, "
                       "--overwrite replaces it");
  }
  if (!begun && (Exists(impl.paths.main) || Exists(impl.paths.metadata))) {
    throw DatasetError(impl.paths.data.string() +
                       ": expected a dataset that Reverie began (run.json), found the rest "
                       "of another one; give another --out");
  }
  begun ? impl.Resume() : impl.Start();
}

DatasetWriter::~DatasetWriter() = default;

int64_t DatasetWriter::committed() const {
  return impl_->committed;
}
int64_t DatasetWriter::committed_steps() const {
  return impl_->committed_steps;
}

void DatasetWriter::KeepFirst(int64_t episodes) {
  Impl& impl = *impl_;
  if (impl.pending > 0)
    throw Error("DatasetWriter::KeepFirst: expected all episodes committed, found some that are not");
  if (episodes < 0 || episodes > impl.committed) {
    throw DatasetError(impl.folder.string() + ": expected at least " + std::to_string(episodes) +
                       " committed episodes, found " + std::to_string(impl.committed));
  }
  if (episodes == impl.committed) return;
  impl.Reopen();
  DatasetParts parts = FindParts(impl.paths);
  // From the last one back: whatever interrupts this, the parts left are a beginning of the run.
  std::reverse(parts.chain.begin(), parts.chain.end());
  for (const DatasetPart& part : parts.chain) {
    if (part.last < episodes) break;
    if (part.first < episodes) impl.Truncate(part, episodes - 1);
    RemoveFile(part.path);
  }
  impl.committed = episodes;
  impl.CountSteps();
}

void DatasetWriter::Append(const Episode& episode) {
  Impl& impl = *impl_;
  CheckEpisode(episode, impl.info);
  const int64_t id = impl.committed + impl.pending;
  if (episode.index != impl.info.first_episode + id) {
    throw DatasetError(impl.folder.string() + ": expected episode " +
                       std::to_string(impl.info.first_episode + id) + " of the run next, found " +
                       std::to_string(episode.index));
  }
  if (!impl.part) impl.part.emplace(NewPart(impl.paths));
  WriteEpisode(impl.part->root(), id, episode, impl.info);
  ++impl.pending;
  impl.pending_steps += episode.steps;
}

void DatasetWriter::Commit() {
  Impl& impl = *impl_;
  if (impl.pending == 0) return;
  impl.Reopen();
  WriteFileAtomically(impl.paths.Part(impl.committed, impl.committed + impl.pending - 1), impl.part->Image());
  impl.part.reset();
  impl.committed += std::exchange(impl.pending, 0);
  impl.committed_steps += std::exchange(impl.pending_steps, 0);
}

void DatasetWriter::Finish() {
  Commit();
  Impl& impl = *impl_;
  if (impl.finished) return;
  impl.Join();
  const uint64_t bytes =
      fs::file_size(impl.paths.main) + impl.info.task_json.size() + impl.info.scene_mjb.size();
  WriteFileAtomically(impl.paths.metadata, MetadataText(impl.info, MinariId(impl.folder), impl.committed,
                                                        impl.committed_steps, bytes));
  impl.finished = true;
  impl.RemoveLeftovers();
}

}  // namespace reverie
