#include "sim/episode_log.h"

#include <bit>
#include <cstring>
#include <limits>
#include <span>
#include <system_error>
#include <utility>

#include <zlib.h>

#include "sim/error.h"
#include "sim/hdf5_episode.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little);

constexpr char kSignature[8] = {'R', 'v', 'e', 'p', 'l', 'o', 'g', '1'};
constexpr size_t kWriteBytes = size_t{1} << 20;

struct CommitMark {
  uint64_t commits;  // counted from 1; 0: none
  uint64_t bytes;    // of the file, that are safe
  uint32_t own_checksum;
  uint32_t unused;
};

// Two marks, written in turn: one that is torn leaves the other.
struct FileHead {
  char signature[8];
  int64_t first;
  CommitMark marks[2];
};
static_assert(sizeof(FileHead) == 64);

struct RecordHead {
  uint64_t size;  // of the content behind this head
  int64_t steps;
  uint64_t seed;
  uint32_t checksum;      // of the content
  uint32_t own_checksum;  // of this head up to here
};
static_assert(sizeof(RecordHead) == 32);

uint32_t Checksum(const void* bytes, size_t size) {
  return static_cast<uint32_t>(crc32_z(0, static_cast<const Bytef*>(bytes), size));
}

template <class Head>
uint32_t OwnChecksum(const Head& head) {
  return Checksum(&head, offsetof(Head, own_checksum));
}

template <class Value>
void PutValue(std::string& to, const Value& value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void PutText(std::string& to, const std::string& text) {
  PutValue(to, static_cast<uint64_t>(text.size()));
  to += text;
}

/// Columns that are +0.0 throughout, as most of a simulator's state is, are left out.
void PutRows(std::string& to, std::span<const double> values, size_t columns) {
  PutValue(to, static_cast<uint64_t>(values.size()));
  PutValue(to, static_cast<uint64_t>(columns));
  if (values.empty()) return;
  std::vector<uint64_t> bits(columns, 0);
  for (size_t row = 0; row < values.size(); row += columns) {
    for (size_t i = 0; i < columns; ++i) bits[i] |= std::bit_cast<uint64_t>(values[row + i]);
  }
  std::vector<std::pair<size_t, size_t>> kept;  // runs of columns: the first, and how many
  for (size_t i = 0; i < columns; ++i) {
    to += bits[i] ? '\1' : '\0';
    if (!bits[i]) continue;
    if (kept.empty() || kept.back().first + kept.back().second < i) kept.emplace_back(i, 0);
    ++kept.back().second;
  }
  if (kept.size() == 1 && kept[0].second == columns) {
    to.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    return;
  }
  for (size_t row = 0; row < values.size(); row += columns) {
    for (const auto& [first, count] : kept)
      to.append(reinterpret_cast<const char*>(&values[row + first]), count * sizeof(double));
  }
}

void PutFrames(std::string& to, const FrameSequence& frames) {
  PutValue(to, static_cast<uint64_t>(frames.size()));
  for (int64_t i = 0; i < frames.size(); ++i) {
    const std::span<const uint8_t> packed = frames[i];
    PutValue(to, static_cast<uint64_t>(packed.size()));
    to.append(reinterpret_cast<const char*>(packed.data()), packed.size());
  }
}

DatasetError Damaged(const std::string& where) {
  return DatasetError(where + ": expected an episode as it was written, found other bytes: the file is damaged");
}

/// Reads what Put... wrote. What does not fit is told by `where`.
class Content {
 public:
  Content(std::string_view bytes, std::string where) : rest_(bytes), where_(std::move(where)) {}

  template <class Value>
  Value Number() {
    Value value;
    std::memcpy(&value, Take(sizeof(value)).data(), sizeof(value));
    return value;
  }
  std::string Text() { return std::string(Take(Number<uint64_t>())); }
  std::vector<double> Rows() {
    const auto size = Number<uint64_t>(), columns = Number<uint64_t>();
    if (size == 0) return {};
    if (columns == 0 || size % columns != 0) Fail();
    const std::string_view kept = Take(columns);
    size_t width = 0;
    for (const char flag : kept) width += flag != 0;
    const size_t rows = size / columns;
    if (width > 0 && rows > rest_.size() / sizeof(double) / width) Fail();
    if (size > std::numeric_limits<uint32_t>::max() * uint64_t{64}) Fail();
    const std::string_view numbers = Take(rows * width * sizeof(double));
    std::vector<double> values(size, 0.0);
    if (width == columns) {
      std::memcpy(values.data(), numbers.data(), numbers.size());
      return values;
    }
    const char* from = numbers.data();
    for (size_t row = 0; row < size; row += columns) {
      for (size_t i = 0; i < columns; ++i) {
        if (kept[i] == 0) continue;
        std::memcpy(&values[row + i], from, sizeof(double));
        from += sizeof(double);
      }
    }
    return values;
  }
  FrameSequence Frames() {
    FrameSequence frames;
    for (auto left = Number<uint64_t>(); left > 0; --left) {
      const std::string_view packed = Take(Number<uint64_t>());
      frames.Add({reinterpret_cast<const uint8_t*>(packed.data()), packed.size()});
    }
    return frames;
  }
  bool empty() const { return rest_.empty(); }
  [[noreturn]] void Fail() const { throw Damaged(where_); }

 private:
  std::string_view Take(size_t size) {
    if (size > rest_.size()) Fail();
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view rest_;
  std::string where_;
};

size_t ColumnsOf(const std::vector<double>& values, int64_t rows) {
  return rows > 0 ? values.size() / static_cast<size_t>(rows) : 0;
}

void PutEpisode(std::string& to, const Episode& episode) {
  const int64_t steps = episode.steps, states = steps + 1;
  PutValue(to, episode.index);
  PutValue(to, static_cast<uint8_t>(episode.terminated));
  PutValue(to, static_cast<uint8_t>(episode.truncated));
  PutText(to, episode.diverged);
  PutRows(to, episode.observations, ColumnsOf(episode.observations, states));
  PutRows(to, episode.signals, ColumnsOf(episode.signals, states));
  PutRows(to, episode.actions, ColumnsOf(episode.actions, steps));
  PutRows(to, episode.rewards, 1);
  PutRows(to, episode.integration_state, ColumnsOf(episode.integration_state, states));
  PutRows(to, episode.qpos, ColumnsOf(episode.qpos, states));
  PutRows(to, episode.qvel, ColumnsOf(episode.qvel, states));
  PutRows(to, episode.time, 1);
  PutRows(to, episode.success, 1);
  PutRows(to, episode.model_parameters, 1);
  PutText(to, std::string(episode.actors.begin(), episode.actors.end()));
  for (const FrameSequence& sequence : episode.frames) PutFrames(to, sequence);
}

Episode TakeEpisode(Content& content, int64_t steps, uint64_t seed) {
  Episode episode;
  episode.steps = steps;
  episode.seed = seed;
  episode.index = content.Number<int64_t>();
  episode.terminated = content.Number<uint8_t>() != 0;
  episode.truncated = content.Number<uint8_t>() != 0;
  episode.diverged = content.Text();
  for (std::vector<double>* rows :
       {&episode.observations, &episode.signals, &episode.actions, &episode.rewards, &episode.integration_state,
        &episode.qpos, &episode.qvel, &episode.time, &episode.success, &episode.model_parameters}) {
    *rows = content.Rows();
  }
  const std::string actors = content.Text();
  episode.actors.assign(actors.begin(), actors.end());
  while (!content.empty()) episode.frames.push_back(content.Frames());
  return episode;
}

}  // namespace

EpisodeLogReader::EpisodeLogReader(const fs::path& path) : path_(path), file_(path, std::ios::binary) {
  if (!file_) {
    throw DatasetError(path.string() + ": cannot be read: " + std::generic_category().message(errno));
  }
  FileHead head{};
  if (!file_.read(reinterpret_cast<char*>(&head), sizeof(head)) ||
      std::memcmp(head.signature, kSignature, sizeof(kSignature)) != 0 || head.first < 0) {
    throw DatasetError(path.string() + ": expected the episodes of an unfinished dataset, found something else");
  }
  first_ = head.first;
  committed_bytes_ = sizeof(head);
  for (const CommitMark& mark : head.marks) {
    if (mark.own_checksum != OwnChecksum(mark) || mark.commits <= commits_) continue;
    commits_ = mark.commits;
    committed_bytes_ = mark.bytes;
  }
  std::error_code code;
  const uint64_t bytes = fs::file_size(path, code);
  if (bytes < committed_bytes_) {
    throw DatasetError(path.string() + ": expected " + std::to_string(committed_bytes_) + " bytes, found " +
                       std::to_string(bytes) + ": the file was cut short");
  }
  for (uint64_t at = sizeof(head); at < committed_bytes_;) {
    RecordHead record{};
    file_.seekg(static_cast<std::streamoff>(at));
    at += sizeof(record);
    if (!file_.read(reinterpret_cast<char*>(&record), sizeof(record)) ||
        record.own_checksum != OwnChecksum(record) || at > committed_bytes_ || record.size > committed_bytes_ - at) {
      throw Damaged(path.string() + ": " + EpisodeName(first_ + episodes()));
    }
    records_.push_back({at, record.size, record.checksum, record.steps, record.seed});
    at += record.size;
  }
}

uint64_t EpisodeLogReader::BytesOf(int64_t episodes) const {
  if (episodes == 0) return sizeof(FileHead);
  const Record& last = records_[static_cast<size_t>(episodes - 1)];
  return last.at + last.size;
}

Episode EpisodeLogReader::Read(int64_t id, const DatasetInfo& info) const {
  const Record& record = At(id);
  const std::string where = path_.string() + ": " + EpisodeName(id);
  std::string bytes(record.size, '\0');
  file_.clear();
  file_.seekg(static_cast<std::streamoff>(record.at));
  Content content(bytes, where);
  if (!file_.read(bytes.data(), static_cast<std::streamsize>(bytes.size())) ||
      Checksum(bytes.data(), bytes.size()) != record.checksum) {
    content.Fail();
  }
  Episode episode = TakeEpisode(content, record.steps, record.seed);
  try {
    CheckEpisode(episode, info);
  } catch (const ShapeError& error) {
    throw DatasetError(where + ": " + error.what());
  }
  CheckActors(episode.actors, info.policies.size(), where + "/infos");
  return episode;
}

EpisodeLogWriter::EpisodeLogWriter(const fs::path& path, int64_t first)
    : path_(path), file_(PartialPath(path), 0), in_place_(false) {
  FileHead head{};
  std::memcpy(head.signature, kSignature, sizeof(kSignature));
  head.first = first;
  PutValue(waiting_, head);
}

EpisodeLogWriter::EpisodeLogWriter(const EpisodeLogReader& log, int64_t kept)
    : path_(log.path()), file_(log.path(), log.BytesOf(log.episodes())), commits_(log.commits()), in_place_(true) {
  if (kept == log.episodes()) return;
  MarkCommitted(log.BytesOf(kept));
  file_.Resize(log.BytesOf(kept));
}

void EpisodeLogWriter::Append(const Episode& episode) {
  const size_t at = waiting_.size();
  RecordHead head{};
  PutValue(waiting_, head);
  PutEpisode(waiting_, episode);
  head.size = waiting_.size() - at - sizeof(head);
  head.checksum = Checksum(waiting_.data() + at + sizeof(head), head.size);
  head.steps = episode.steps;
  head.seed = episode.seed;
  head.own_checksum = OwnChecksum(head);
  std::memcpy(waiting_.data() + at, &head, sizeof(head));
  if (waiting_.size() >= kWriteBytes) Flush();
}

void EpisodeLogWriter::Flush() {
  file_.Append(waiting_);
  waiting_.clear();
}

// Only what is certain to be on the disk already: a mark that survives a power failure must not lie.
void EpisodeLogWriter::MarkCommitted(uint64_t bytes) {
  CommitMark mark{commits_ + 1, bytes, 0, 0};
  mark.own_checksum = OwnChecksum(mark);
  const size_t at = offsetof(FileHead, marks) + (mark.commits % 2) * sizeof(mark);
  file_.WriteAt(at, {reinterpret_cast<const char*>(&mark), sizeof(mark)});
  file_.Flush();
  ++commits_;
}

void EpisodeLogWriter::Commit() {
  Flush();
  file_.Flush();
  MarkCommitted(file_.size());
  if (in_place_) return;
  CommitFile(PartialPath(path_), path_);
  in_place_ = true;
}

}  // namespace reverie
