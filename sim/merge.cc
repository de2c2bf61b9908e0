#include "sim/merge.h"

#include <algorithm>
#include <map>
#include <system_error>
#include <utility>

#include "sim/dataset.h"
#include "sim/error.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr size_t kCommitBytes = size_t{64} << 20;

struct Input {
  DatasetReader dataset;
  std::string name;
};

// Policies may differ between datasets of a set-up; their indices, joined, would not say which is meant.
void RefuseOtherIndices(const Input& a, const Input& b) {
  const auto policies = [](const Input& input) {
    const std::vector<std::string>& names = input.dataset.info().policies;
    return names.empty() ? "none, as one policy acts alone" : "[" + Join(names) + "]";
  };
  if (a.dataset.info().policies == b.dataset.info().policies) return;
  throw DatasetError("policies differ: " + a.name + " has " + policies(a) + ", " + b.name + " has " + policies(b) +
                     ": an index in infos/policy would not mean the same in both");
}

bool SameRun(const DatasetInfo& a, const DatasetInfo& b) {
  return a.merged_runs == 0 && b.merged_runs == 0 && a.seed == b.seed && a.policy == b.policy &&
         a.task_name == b.task_name;
}

// An episode is known by its seed and who acted in it. Twice the same would count double in training.
void RefuseDuplicates(const std::vector<Input>& inputs) {
  std::map<std::pair<std::string, uint64_t>, std::string> seen;
  for (const Input& input : inputs) {
    for (int64_t k = 0; k < input.dataset.episodes(); ++k) {
      const std::string here = "episode " + std::to_string(k) + " of " + input.name;
      const auto key = std::pair(input.dataset.info().policy, input.dataset.ReadSeed(k));
      const auto [at, is_new] = seen.emplace(key, here);
      if (!is_new) {
        throw DatasetError("expected different episodes, found " + at->second + " and " + here +
                           " with seed " + std::to_string(key.second) + " and policy " + key.first +
                           ": they are the same");
      }
    }
  }
}

// What keeps shards from being one run, if anything: an episode between two of them that no input holds.
std::string Gap(const std::vector<Input>& inputs) {
  int64_t next = inputs.front().dataset.info().first_episode;
  for (const Input& input : inputs) {
    const int64_t first = input.dataset.info().first_episode;
    if (first != next) {
      return "episodes " + std::to_string(next) + " to " + std::to_string(first - 1) +
             " of the run are in none of the inputs (before " + input.name + "); what is there was joined";
    }
    next = first + input.dataset.episodes();
  }
  return "";
}

DatasetInfo MergedInfo(const std::vector<Input>& inputs, bool one_run) {
  DatasetInfo info = inputs.front().dataset.info();
  if (one_run) return info;
  info.first_episode = 0;
  info.merged_runs = 0;
  std::vector<std::string> policies;
  for (const Input& input : inputs) {
    const DatasetInfo& other = input.dataset.info();
    info.merged_runs += std::max<int64_t>(1, other.merged_runs);
    if (std::find(policies.begin(), policies.end(), other.policy) == policies.end())
      policies.push_back(other.policy);
  }
  info.policy = Join(policies);
  return info;
}

}  // namespace

MergeResult MergeDatasets(const std::vector<fs::path>& paths, const fs::path& out,
                          const std::function<void()>& prepare) {
  if (paths.empty()) throw DatasetError("expected datasets to merge, found none");
  std::vector<Input> inputs;
  for (const fs::path& path : paths) {
    std::error_code code;
    if (fs::equivalent(path, out, code)) {
      throw DatasetError(out.string() + ": expected another folder for the output, found one of the inputs");
    }
    inputs.push_back({DatasetReader(path), path.string()});
    const Input& first = inputs.front();
    CheckSameSetup(first.dataset.info(), first.name, inputs.back().dataset.info(), inputs.back().name);
    CheckSameFrames(first.dataset.info(), first.name, inputs.back().dataset.info(), inputs.back().name);
    RefuseOtherIndices(first, inputs.back());
  }
  RefuseDuplicates(inputs);

  MergeResult result;
  const bool same_run = std::all_of(inputs.begin(), inputs.end(), [&](const Input& input) {
    return SameRun(inputs.front().dataset.info(), input.dataset.info());
  });
  if (same_run) {
    std::stable_sort(inputs.begin(), inputs.end(), [](const Input& a, const Input& b) {
      return a.dataset.info().first_episode < b.dataset.info().first_episode;
    });
    result.note = Gap(inputs);
  }
  result.one_run = same_run && result.note.empty();

  if (prepare) prepare();
  DatasetWriter writer(out, MergedInfo(inputs, result.one_run), false);
  const int64_t first_index = result.one_run ? inputs.front().dataset.info().first_episode : 0;
  size_t uncommitted = 0;
  for (const Input& input : inputs) {
    for (int64_t k = 0; k < input.dataset.episodes(); ++k) {
      Episode episode = input.dataset.ReadWithFrames(k);
      episode.index = first_index + result.episodes++;
      result.steps += episode.steps;
      uncommitted += episode.bytes();
      writer.Append(episode);
      if (uncommitted > kCommitBytes) {
        writer.Commit();
        uncommitted = 0;
      }
    }
  }
  writer.Finish();
  return result;
}

}  // namespace reverie
