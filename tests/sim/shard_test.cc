// Shares of a run as launchers tell them. The Slurm arrays are those of Slurm's own documentation (job_array.html,
// sbatch(1)).
#include "sim/shard.h"

#include <map>
#include <set>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "tests/sim/dataset_fixture.h"

using namespace reverie;
using namespace reverie::dataset_fixture;

namespace {

using Variables = std::map<std::string, std::string>;

Shard Read(const Variables& variables) {
  return ShardFromEnvironment([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string Short(const Variables& variables) {
  const Shard shard = Read(variables);
  CHECK(shard.origin != "");
  return std::to_string(shard.index) + "/" + std::to_string(shard.count);
}

Variables Array(const std::string& task, const std::string& min, const std::string& max, const std::string& step,
                const std::string& count) {
  return {{"SLURM_JOB_ID", "36"},
          {"SLURM_ARRAY_JOB_ID", "36"},
          {"SLURM_ARRAY_TASK_ID", task},
          {"SLURM_ARRAY_TASK_MIN", min},
          {"SLURM_ARRAY_TASK_MAX", max},
          {"SLURM_ARRAY_TASK_STEP", step},
          {"SLURM_ARRAY_TASK_COUNT", count},
          {"SLURM_PROCID", "0"}};  // as in every batch script
}

Variables With(Variables variables, const Variables& more) {
  for (const auto& [name, value] : more) variables[name] = value;
  return variables;
}

}  // namespace

TEST_CASE("every launcher's rank and size become a shard") {
  CHECK(Short({{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "3"}}) == "3/3");
  CHECK(Short({{"PMI_RANK", "0"}, {"PMI_SIZE", "4"}}) == "1/4");
  CHECK(Short({{"RANK", "5"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"}, {"LOCAL_WORLD_SIZE", "4"}}) == "6/8");
  CHECK(Short({{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}}) == "2/2");
  CHECK(Short({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "2"}, {"SLURM_JOB_ID", "9"}, {"SLURM_STEP_ID", "0"}}) == "1/2");
  CHECK(Short({{"JOB_COMPLETION_INDEX", "6"}, {"JOB_COMPLETIONS", "7"}}) == "7/7");
}

TEST_CASE("the tasks of a Slurm array are numbered from its first, in its steps") {
  CHECK(Short(Array("1", "1", "3", "1", "3")) == "1/3");
  CHECK(Short(Array("3", "1", "3", "1", "3")) == "3/3");
  CHECK(Short(Array("0", "0", "31", "1", "32")) == "1/32");
  CHECK(Short(Array("5", "1", "7", "2", "4")) == "3/4");    // --array=1-7:2 is 1,3,5,7
  CHECK(Short(Array("8", "0", "12", "4", "4")) == "3/4");   // --array=0-15:4 is 0,4,8,12
  CHECK(Short(Array("12", "0", "15", "4", "4")) == "4/4");  // and where the range ends past the last task
  Variables old = Array("2", "0", "3", "1", "4");
  old.erase("SLURM_ARRAY_TASK_STEP");
  old.erase("SLURM_ARRAY_TASK_COUNT");
  CHECK(Short(old) == "3/4");

  CHECK(MessageOf([] { Read(Array("5", "1", "7", "1", "3")); }) ==  // --array=1,5,7
        "--shard auto: SLURM_ARRAY_TASK_COUNT: expected 7, the tasks of an array without gaps, 1 to 7 in steps of 1, "
        "found 3; give --shard I/N instead");
  CHECK(Contains(MessageOf([] { Read(Array("4", "1", "7", "2", "4")); }),
                 "SLURM_ARRAY_TASK_ID: expected a number of the array 1 to 7 in steps of 2, found 4"));
  CHECK(Contains(MessageOf([] { Read(Array("8", "1", "7", "1", "7")); }), "from 1 to 7, found '8'"));
  CHECK(Contains(MessageOf([] { Read(Array("0", "3", "1", "1", "1")); }), "SLURM_ARRAY_TASK_MAX"));
  CHECK(Contains(MessageOf([] { Read(Array("1", "1", "3", "0", "3")); }), "SLURM_ARRAY_TASK_STEP"));
  CHECK(Contains(MessageOf([] { Read({{"SLURM_ARRAY_TASK_ID", "1"}, {"SLURM_ARRAY_TASK_MIN", "1"}}); }),
                 "SLURM_ARRAY_TASK_MAX: expected a whole number, 1 or more, since SLURM_ARRAY_TASK_ID is set, found "
                 "nothing"));
}

TEST_CASE("the innermost launcher decides, and ranks in the tasks of an array are shares of all of them") {
  const Variables mpi = {{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}};
  // mpirun in a batch script: the script's own SLURM_PROCID is 0 in every rank.
  CHECK(Short(With(mpi, {{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_JOB_ID", "9"}})) == "2/4");
  CHECK(Short(With(mpi, {{"PMI_RANK", "0"}, {"PMI_SIZE", "9"}, {"RANK", "7"}, {"WORLD_SIZE", "9"}})) == "2/4");
  CHECK(Short({{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}, {"RANK", "0"}, {"WORLD_SIZE", "9"}}) == "4/4");
  CHECK(Short({{"RANK", "3"}, {"WORLD_SIZE", "4"}, {"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}}) == "4/4");
  // torchrun over the pods of an indexed job: its ranks are those of all pods.
  CHECK(Short({{"RANK", "3"}, {"WORLD_SIZE", "4"}, {"JOB_COMPLETION_INDEX", "1"}}) == "4/4");
  // A size that another program left behind.
  CHECK(Short(With(mpi, {{"WORLD_SIZE", "2"}})) == "2/4");

  std::set<std::string> shares;
  for (int task = 0; task < 3; ++task) {
    for (int rank = 0; rank < 4; ++rank) {
      Variables both = With(Array(std::to_string(task), "0", "2", "1", "3"),
                            {{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", std::to_string(rank)}, {"SLURM_NTASKS", "4"}});
      const Shard shard = Read(both);
      CHECK(shard.index == task * 4 + rank + 1);
      shares.insert(Short(both));
    }
  }
  CHECK(shares.size() == 12);
  CHECK(*shares.begin() == "1/12");
  // The batch script of an array's task is one process, however many tasks the job could start.
  CHECK(Short(With(Array("2", "0", "2", "1", "3"), {{"SLURM_NTASKS", "4"}})) == "3/3");
}

TEST_CASE("nothing, half of it, and numbers that make no sense are refused in one line") {
  const auto refuses = [](const Variables& variables, const std::string& says) {
    const std::string message = MessageOf([&] { Read(variables); });
    CAPTURE(message);
    CHECK(IsOneLine(message));
    CHECK(message.starts_with("--shard auto: "));
    CHECK(Contains(message, says));
  };
  refuses({}, "expected a rank in OMPI_COMM_WORLD_RANK, PMI_RANK, RANK, SLURM_PROCID, SLURM_ARRAY_TASK_ID or "
              "JOB_COMPLETION_INDEX, found none; give --shard I/N instead");
  refuses({{"RANK", "1"}}, "WORLD_SIZE: expected a whole number, 1 or more, since RANK is set, found nothing");
  refuses({{"WORLD_SIZE", "4"}}, "RANK: expected a whole number from 0 to 3, since WORLD_SIZE is set, found nothing");
  refuses({{"SLURM_NTASKS", "4"}}, "SLURM_PROCID");
  refuses({{"OMPI_COMM_WORLD_SIZE", "4"}}, "OMPI_COMM_WORLD_RANK");
  refuses({{"JOB_COMPLETION_INDEX", "1"}}, "JOB_COMPLETIONS: expected the job's completions");
  refuses({{"JOB_COMPLETIONS", "3"}}, "JOB_COMPLETION_INDEX");
  refuses({{"PMI_RANK", "4"}, {"PMI_SIZE", "4"}}, "PMI_RANK: expected a whole number from 0 to 3, found '4'");
  refuses({{"PMI_RANK", "-1"}, {"PMI_SIZE", "4"}}, "found '-1'");
  refuses({{"PMI_RANK", "0"}, {"PMI_SIZE", "0"}}, "PMI_SIZE: expected a whole number, 1 or more, found '0'");
  refuses({{"PMI_RANK", ""}, {"PMI_SIZE", "4"}}, "found ''");
  refuses({{"PMI_RANK", "0"}, {"PMI_SIZE", "4(x2)"}}, "found '4(x2)'");
  refuses({{"PMI_RANK", "0"}, {"PMI_SIZE", "99999999999999999999"}}, "found '99999999999999999999'");
  refuses({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_JOB_ID", "9"}}, "put srun before the command");
}

TEST_CASE("a shard that is given is I/N with I from 1 to N") {
  const Shard shard = ParseShard("3/4");
  CHECK(shard.index == 3);
  CHECK(shard.count == 4);
  CHECK(ShardFolder("out", shard) == std::filesystem::path("out/shard-3-of-4"));
  const char* const wrong[] = {"",    "3",  "0/4", "5/4",   "-1/4", "1/0",      "1/4/2",
                               "a/4", "1/", "/4",  "1.5/4", "1 /4", "automatic"};
  for (const std::string text : wrong) {
    CHECK(MessageOf([&] { ParseShard(text); }) ==
          "--shard: expected auto, or I/N with I from 1 to N, found '" + text + "'");
  }
}

TEST_CASE("shards hold every episode once, in order, and as many as one another") {
  for (const int64_t episodes : {7L, 12L, 1000L, 9'000'000'000'000'000'000L}) {
    for (const int64_t count : {1L, 3L, 7L}) {
      int64_t next = 0;
      for (int64_t index = 1; index <= count; ++index) {
        const ShardEpisodes range = EpisodesOfShard({index, count, ""}, episodes);
        CHECK(range.first == next);
        CHECK(range.count >= episodes / count);
        CHECK(range.count <= episodes / count + 1);
        next += range.count;
      }
      CHECK(next == episodes);
    }
  }
  for (int64_t index = 1; index <= 3; ++index) {
    CHECK_THROWS_WITH_AS(EpisodesOfShard({index, 3, ""}, 2), doctest::Contains("expected 3 or more, found 2"), Error);
  }
}
