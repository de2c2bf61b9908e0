// Which share of a run a process plays: given, or told by what started it (Slurm, MPI, torchrun, Kubernetes).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace reverie {

/// The I-th of N shares of a run's episodes, counted from 1.
struct Shard {
  int64_t index = 1;   // I
  int64_t count = 1;   // N
  std::string origin;  // "Open MPI (OMPI_COMM_WORLD_RANK=2, OMPI_COMM_WORLD_SIZE=8)"; empty where it was given as I/N
};

/// Run-wide numbers of the episodes of a shard.
struct ShardEpisodes {
  int64_t first = 0, count = 0;
};

/// The value of an environment variable; nothing where it is not set.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;

/// That of this process.
std::optional<std::string> EnvironmentVariable(const std::string& name);

/// Reads "I/N". @throws Error unless 1 <= I <= N.
Shard ParseShard(const std::string& text);

/// Reads rank and size from the environment. Who starts single ranks is asked first, in this order:
///   1. Open MPI    OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE
///   2. PMI, MPICH  PMI_RANK, PMI_SIZE
///   3. torchrun    RANK, WORLD_SIZE
///   4. Slurm step  SLURM_PROCID, SLURM_NTASKS
///   5. Slurm array SLURM_ARRAY_TASK_ID, _MIN, _MAX, _STEP (else 1), _COUNT (else what the others say)
///   6. Kubernetes  JOB_COMPLETION_INDEX, and JOB_COMPLETIONS, which the job's manifest has to set
/// The first whose rank is set decides. A Slurm array whose tasks start ranks has both: array task a of A and rank r
/// of R are shard a*R + r + 1 of A*R. Slurm's batch script itself is no rank: it has SLURM_PROCID=0, whatever
/// SLURM_NTASKS says, and no SLURM_STEP_ID.
/// @throws Error where none is set, a rank without a size or a size without a rank, or numbers that make no sense.
Shard ShardFromEnvironment(const EnvironmentLookup& lookup);

/// The episodes of a shard of a run of `episodes`; shards follow on one another and differ by one at most.
/// @throws Error if there are fewer episodes than shards, in every shard: a launcher ends all ranks when one fails.
ShardEpisodes EpisodesOfShard(const Shard& shard, int64_t episodes);

/// `folder`/shard-I-of-N.
std::filesystem::path ShardFolder(const std::filesystem::path& folder, const Shard& shard);

}  // namespace reverie
