#include "sim/shard.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "sim/error.h"

namespace reverie {
namespace {

// More than any cluster has, and small enough that products of two stay whole.
constexpr int64_t kMost = 1'000'000'000;

struct Ranks {
  const char* name;
  const char* rank;
  const char* size;
};

constexpr Ranks kSlurmStep = {"Slurm step", "SLURM_PROCID", "SLURM_NTASKS"};
constexpr std::array<Ranks, 4> kLaunchers = {
    Ranks{"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
    Ranks{"PMI", "PMI_RANK", "PMI_SIZE"},
    Ranks{"torchrun", "RANK", "WORLD_SIZE"},
    kSlurmStep,
};
constexpr char kArrayTask[] = "SLURM_ARRAY_TASK_ID";
constexpr char kCompletionIndex[] = "JOB_COMPLETION_INDEX", kCompletions[] = "JOB_COMPLETIONS";

std::optional<int64_t> WholeNumber(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

[[noreturn]] void Refuse(const std::string& what, const std::string& expected, const std::string& found) {
  throw Error("--shard auto: " + what + ": expected " + expected + ", found " + found);
}

class Reader {
 public:
  explicit Reader(const EnvironmentLookup& lookup) : lookup_(lookup) {}

  bool Has(const std::string& name) const { return lookup_(name).has_value(); }

  /// The value of `name`, which `partner` being set asks for.
  int64_t Number(const std::string& name, int64_t least, int64_t most, const std::string& partner) const {
    const std::optional<std::string> text = lookup_(name);
    const std::string expected =
        most == kMost ? "a whole number, " + std::to_string(least) + " or more"
                      : "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    if (!text) Refuse(name, expected + ", since " + partner + " is set", "nothing; give --shard I/N instead");
    const std::optional<int64_t> value = WholeNumber(*text);
    if (!value || *value < least || *value > most) Refuse(name, expected, "'" + *text + "'");
    return *value;
  }

  Shard Pair(const std::string& launcher, const char* rank, const char* size) const {
    const int64_t count = Number(size, 1, kMost, rank);
    const int64_t index = Number(rank, 0, count - 1, size);
    return {index + 1, count,
            launcher + " (" + rank + "=" + std::to_string(index) + ", " + size + "=" + std::to_string(count) + ")"};
  }

  Shard Array() const {
    const int64_t first = Number("SLURM_ARRAY_TASK_MIN", 0, kMost, kArrayTask);
    const int64_t last = Number("SLURM_ARRAY_TASK_MAX", first, kMost, kArrayTask);
    const int64_t step = Has("SLURM_ARRAY_TASK_STEP") ? Number("SLURM_ARRAY_TASK_STEP", 1, kMost, kArrayTask) : 1;
    const int64_t task = Number(kArrayTask, first, last, "SLURM_ARRAY_TASK_MIN");
    const int64_t count = (last - first) / step + 1;
    const std::string range = std::to_string(first) + " to " + std::to_string(last) + " in steps of " +
                              std::to_string(step);
    if ((task - first) % step != 0) Refuse(kArrayTask, "a number of the array " + range, std::to_string(task));
    if (Has("SLURM_ARRAY_TASK_COUNT") &&
        Number("SLURM_ARRAY_TASK_COUNT", 1, kMost, kArrayTask) != count) {
      Refuse("SLURM_ARRAY_TASK_COUNT", std::to_string(count) + ", the tasks of an array without gaps, " + range,
             *lookup_("SLURM_ARRAY_TASK_COUNT") + "; give --shard I/N instead");
    }
    return {(task - first) / step + 1, count,
            "Slurm array (" + std::string(kArrayTask) + "=" + std::to_string(task) + " of " + range + ")"};
  }

  /// The batch script of a job, which Slurm runs once, with the size of the job and as rank 0.
  bool InBatchScript() const {
    return Has("SLURM_JOB_ID") && !Has("SLURM_STEP_ID") && lookup_(kSlurmStep.rank) == "0" &&
           lookup_(kSlurmStep.size) != "1";
  }

 private:
  const EnvironmentLookup& lookup_;
};

std::string Known() {
  std::string text;
  for (const Ranks& launcher : kLaunchers) text += std::string(launcher.rank) + ", ";
  return text + kArrayTask + " or " + kCompletionIndex;
}

}  // namespace

std::optional<std::string> EnvironmentVariable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

Shard ParseShard(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash != std::string::npos) {
    const std::optional<int64_t> index = WholeNumber(std::string_view(text).substr(0, slash));
    const std::optional<int64_t> count = WholeNumber(std::string_view(text).substr(slash + 1));
    if (index && count && *index >= 1 && *index <= *count && *count <= kMost) return {*index, *count, ""};
  }
  throw Error("--shard: expected auto, or I/N with I from 1 to N, found '" + text + "'");
}

Shard ShardFromEnvironment(const EnvironmentLookup& lookup) {
  const Reader environment(lookup);
  const bool in_array = environment.Has(kArrayTask);
  std::optional<Shard> rank;
  for (const Ranks& launcher : kLaunchers) {
    if (!environment.Has(launcher.rank)) continue;
    if (std::string_view(launcher.rank) == kSlurmStep.rank && environment.InBatchScript()) {
      if (in_array || environment.Has(kCompletionIndex)) break;
      Refuse(kSlurmStep.rank, "a task that srun started, or a Slurm array (sbatch --array=1-N)",
             "the batch script itself; put srun before the command");
    }
    rank = environment.Pair(launcher.name, launcher.rank, launcher.size);
    break;
  }
  if (in_array) {
    const Shard outer = environment.Array();
    if (!rank || rank->count == 1) return outer;
    return {(outer.index - 1) * rank->count + rank->index, outer.count * rank->count,
            outer.origin + " and " + rank->origin};
  }
  if (rank) return *rank;
  if (environment.Has(kCompletionIndex)) {
    if (!environment.Has(kCompletions)) {
      Refuse(kCompletions, "the job's completions, since JOB_COMPLETION_INDEX is set",
             "nothing; set it in the job's manifest, as Kubernetes does not");
    }
    return environment.Pair("Kubernetes", kCompletionIndex, kCompletions);
  }
  for (const Ranks& launcher : kLaunchers) {
    if (environment.Has(launcher.size)) environment.Pair(launcher.name, launcher.rank, launcher.size);
  }
  if (environment.Has(kCompletions)) environment.Pair("Kubernetes", kCompletionIndex, kCompletions);
  Refuse("environment", "a rank in " + Known(), "none; give --shard I/N instead");
}

ShardEpisodes EpisodesOfShard(const Shard& shard, int64_t episodes) {
  if (episodes < shard.count) {
    throw Error("--shard " + std::to_string(shard.index) + "/" + std::to_string(shard.count) +
                ": fewer --episodes than shards: expected " + std::to_string(shard.count) + " or more, found " +
                std::to_string(episodes));
  }
  // episodes * shards / shard.count, whose product could overflow.
  const int64_t whole = episodes / shard.count, rest = episodes % shard.count;
  const auto up_to = [&](int64_t shards) { return whole * shards + rest * shards / shard.count; };
  const int64_t first = up_to(shard.index - 1);
  return {first, up_to(shard.index) - first};
}

std::filesystem::path ShardFolder(const std::filesystem::path& folder, const Shard& shard) {
  return folder / ("shard-" + std::to_string(shard.index) + "-of-" + std::to_string(shard.count));
}

}  // namespace reverie
