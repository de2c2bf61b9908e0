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
  std::optional<EpisodeLogWriter> log;
  std::optional<Hdf5File> main;  // what will be main_data.hdf5, while it holds all that was appended
  int64_t committed = 0, committed_steps = 0, pending = 0, pending_steps = 0;
  bool finished = false;  // main_data.hdf5 and metadata.json hold all that is committed

  Impl(fs::path folder_in, DatasetInfo info_in)
      : folder(std::move(folder_in)), paths(folder), info(std::move(info_in)), lock(Lock(folder)) {}
  ~Impl() { AbandonMain(); }

  void Start();
  void Resume();
  void Reopen();
  void WriteToMain(const Episode& episode);
  void AbandonMain() noexcept;
  void FinishMain();
  void CommitLog();
  void CountPending();
  void RemoveLeftovers();
};

void DatasetWriter::Impl::Start() {
  CreateFolder(paths.data);
  WriteFileAtomically(paths.task, info.task_json);
  WriteFileAtomically(paths.scene, info.scene_mjb);
  WriteFileAtomically(paths.run, InfoToJson(info).dump(1) + "\n");
  log.emplace(paths.log, 0);
  main.emplace(Hdf5File::Create(PartialPath(paths.main)));
}

void DatasetWriter::Impl::Resume() {
  CheckSameRun(LoadInfo(paths), folder.string(), info, "this run",
               "; --resume goes on only with the same run: give its options, or another --out");
  const DatasetReader reader(folder);
  finished = reader.finished();
  committed = reader.episodes();
  committed_steps = reader.steps();
  if (finished) {
    RemoveLeftovers();
    return;
  }
  RemoveFile(paths.main);
  RemoveFile(paths.metadata);
  const CommittedEpisodes found(paths, info);
  // One that is damaged is found here and not at the end of the night.
  for (int64_t id = found.in_hdf5(); id < found.episodes(); ++id) found.Read(id);
  if (found.in_hdf5() == 0) RemoveFile(paths.extended);  // superseded by the log, if it is there
  if (found.log()) {
    log.emplace(*found.log(), found.log()->episodes());
  } else {
    log.emplace(paths.log, found.in_hdf5());
  }
  if (committed == 0) main.emplace(Hdf5File::Create(PartialPath(paths.main)));
}

// A finished dataset becomes an unfinished one that is being extended. Interrupted at any point it is still one of the
// two.
void DatasetWriter::Impl::Reopen() {
  if (!finished) return;
  WriteFileAtomically(paths.run, InfoToJson(info).dump(1) + "\n");
  if (committed > 0) {
    CommitFile(paths.main, paths.extended);
  } else {
    RemoveFile(paths.main);
  }
  RemoveFile(paths.metadata);
  log.emplace(paths.log, committed);
  finished = false;
}

// What HDF5 cannot write (a full disk) is written from the log when the dataset is finished.
void DatasetWriter::Impl::WriteToMain(const Episode& episode) {
  if (!main) return;
  try {
    WriteEpisode(main->root(), committed + pending, episode, info);
  } catch (const Error&) {
    AbandonMain();
  }
}

void DatasetWriter::Impl::AbandonMain() noexcept {
  if (!main) return;
  const fs::path partial = PartialPath(paths.main);
  std::error_code ignored;
  // HDF5 may keep a file open that it could not write: what it takes on the disk must go all the same.
  fs::resize_file(partial, 0, ignored);
  main.reset();
  fs::resize_file(partial, 0, ignored);
  fs::remove(partial, ignored);
}

void DatasetWriter::Impl::CommitLog() {
  try {
    log->Commit();
  } catch (const Error&) {
    if (!main) throw;
    AbandonMain();  // makes room
    log->Commit();
  }
}

void DatasetWriter::Impl::CountPending() {
  committed += std::exchange(pending, 0);
  committed_steps += std::exchange(pending_steps, 0);
}

void DatasetWriter::Impl::FinishMain() {
  if (!main) {
    const CommittedEpisodes found(paths, info);
    main.emplace(Hdf5File::Create(PartialPath(paths.main)));
    for (int64_t id = 0; id < committed; ++id) WriteEpisode(main->root(), id, found.ReadWithFrames(id), info);
  }
  main->Close();
  CommitFile(PartialPath(paths.main), paths.main);
  main.reset();
}

void DatasetWriter::Impl::RemoveLeftovers() {
  for (const fs::path& file : {paths.run, paths.log, paths.extended}) RemoveFile(file);
  for (const fs::path& whole : {paths.run, paths.main, paths.metadata, paths.log}) RemoveFile(PartialPath(whole));
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
  impl.AbandonMain();
  const CommittedEpisodes found(impl.paths, impl.info);
  if (episodes >= found.in_hdf5()) {
    if (found.log()) impl.log.emplace(*found.log(), episodes - found.in_hdf5());
  } else {
    // The log that holds them all is whole before the file goes that holds their beginning and more.
    impl.log.emplace(impl.paths.log, 0);
    for (int64_t id = 0; id < episodes; ++id) impl.log->Append(found.ReadWithFrames(id));
    impl.log->Commit();
    RemoveFile(impl.paths.extended);
  }
  for (int64_t id = episodes; id < impl.committed; ++id) impl.committed_steps -= found.Steps(id);
  impl.committed = episodes;
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
  impl.Reopen();
  impl.WriteToMain(episode);
  ++impl.pending;
  impl.pending_steps += episode.steps;
  impl.log->Append(episode);
}

void DatasetWriter::Commit() {
  Impl& impl = *impl_;
  if (impl.pending == 0) return;
  impl.CommitLog();
  impl.CountPending();
}

void DatasetWriter::Finish() {
  Impl& impl = *impl_;
  if (impl.finished && impl.pending == 0) return;
  bool whole = false;
  if (impl.main) {
    // It holds everything, and is flushed to the disk as it is: no need to make the log safe before.
    try {
      impl.FinishMain();
      whole = true;
    } catch (const Error&) {
      impl.AbandonMain();
    }
  }
  if (whole) {
    impl.CountPending();
  } else {
    Commit();
    try {
      impl.FinishMain();
    } catch (const Error& error) {
      impl.AbandonMain();
      throw DatasetError(std::string(error.what()) + "; the " + std::to_string(impl.committed) +
                         " episodes are safe in " + impl.paths.log.string() + ": make room and --resume");
    }
  }
  const uint64_t bytes =
      fs::file_size(impl.paths.main) + impl.info.task_json.size() + impl.info.scene_mjb.size();
  WriteFileAtomically(impl.paths.metadata, MetadataText(impl.info, MinariId(impl.folder), impl.committed,
                                                        impl.committed_steps, bytes));
  impl.finished = true;
  impl.log.reset();
  impl.RemoveLeftovers();
}

}  // namespace reverie
