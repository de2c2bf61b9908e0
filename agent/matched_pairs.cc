#include "agent/matched_pairs.h"

#include <algorithm>
#include <span>
#include <vector>

#include "sim/collect.h"
#include "sim/error.h"
#include "sim/random.h"

namespace reverie {
namespace {

// Apart from the seeds of collected, learned and evaluated episodes.
constexpr uint64_t kEpisodeStream = 0x7477696e73, kViolationStream = 0x76696f6c6174;
constexpr int kEpisodes = 50, kMoments = 20;  // tried for a pair; moments of one episode
constexpr size_t kKept = 4;                   // episodes: those of a pair, for one violation after the other

uint64_t SeedOfName(const std::string& name) {
  uint64_t seed = 0;
  for (const char c : name) seed = HashSeed(seed, static_cast<unsigned char>(c));
  return seed;
}

}  // namespace

Twins::Twins(std::shared_ptr<const CompiledTask> task, PolicySource policy)
    : task_(std::move(task)),
      policy_(std::move(policy)),
      model_(mj_copyModel(nullptr, task_->model())),
      data_(mj_makeData(task_->model())) {
  if (!model_ || !data_) throw SceneError(task_->scene().origin() + ": not enough memory for a simulation of it");
}

std::shared_ptr<const Episode> Twins::EpisodeOf(uint64_t seed) {
  for (const auto& [of, episode] : kept_) {
    if (of == seed) return episode;
  }
  auto played = std::make_shared<Episode>();
  mj_copyModel(model_.get(), task_->model());
  PlayEpisode(*task_, model_.get(), data_.get(), policy_, 0, seed, {}, *played);
  if (kept_.size() >= kKept) kept_.erase(kept_.begin());
  kept_.emplace_back(seed, std::move(played));
  return kept_.back().second;
}

void Twins::Restore(const Episode& episode, int step) {
  const auto size = static_cast<size_t>(task_->state_size());
  task_->SetState(model_.get(), data_.get(),
                  std::span(episode.integration_state).subspan(static_cast<size_t>(step) * size, size));
}

bool Twins::Visit(const MatchedPair& pair, const Violation* violation, int first, int last, const Visitor& visit) {
  Violation::Variables unused;
  return Play(pair, violation, first, last, visit, unused);
}

bool Twins::Play(const MatchedPair& pair, const Violation* violation, int first, int last, const Visitor& visit,
                 Violation::Variables& variables) {
  const Episode& episode = *pair.possible;
  mj_copyModel(model_.get(), task_->model());
  if (task_->parameter_size() > 0) task_->SetParameters(model_.get(), data_.get(), episode.model_parameters);
  const int recorded = violation == nullptr ? last : std::min(last, pair.moment - 1);
  for (int step = first; step <= recorded; ++step) {
    Restore(episode, step);
    visit(step, model_.get(), data_.get());
  }
  if (recorded == last) return true;
  Restore(episode, pair.moment);
  Random random(pair.seed);
  if (!violation->Happen(*task_, model_.get(), data_.get(), random, variables)) return false;
  const auto nu = static_cast<size_t>(task_->action_size());
  std::vector<double> channels(static_cast<size_t>(task_->channel_size()));
  for (int step = pair.moment; step <= last; ++step) {
    if (step > pair.moment) {
      const auto action = std::span(episode.actions).subspan(static_cast<size_t>(step - 1) * nu, nu);
      if (task_->Step(model_.get(), data_.get(), action, channels).diverged_dof >= 0) return false;
    }
    if (step >= first) visit(step, model_.get(), data_.get());
  }
  return true;
}

MatchedPair Twins::Draw(const Violation& violation, uint64_t seed, int64_t pair, int earliest, int window) {
  const uint64_t run = HashSeed(seed ^ kEpisodeStream, static_cast<uint64_t>(pair));
  const uint64_t own = HashSeed(run ^ kViolationStream, SeedOfName(violation.name()));
  for (int tried = 0; tried < kEpisodes; ++tried) {
    MatchedPair drawn;
    drawn.pair = pair;
    drawn.possible = EpisodeOf(HashSeed(run, static_cast<uint64_t>(tried)));
    std::vector<int> moments;
    const int last = static_cast<int>(drawn.possible->steps) - window + 1;
    if (last >= earliest) {
      Visit(drawn, nullptr, earliest, last, [&](int step, const mjModel* model, mjData* data) {
        if (violation.MayHappen(model, data)) moments.push_back(step);
      });
    }
    Random random(HashSeed(own, static_cast<uint64_t>(tried)));
    for (int i = 0; i < kMoments && !moments.empty(); ++i) {
      drawn.moment = moments[static_cast<size_t>(random.Index(static_cast<int64_t>(moments.size())))];
      drawn.seed = HashSeed(own, static_cast<uint64_t>(kEpisodes + tried * kMoments + i));
      bool shows = !violation.has_to_show();
      Violation::Variables variables;
      const auto look = [&](int, const mjModel* model, const mjData* data) {
        shows = shows || violation.Shows(model, data, variables);
      };
      if (Play(drawn, &violation, drawn.moment, drawn.moment + window - 1, look, variables) && shows) return drawn;
    }
  }
  throw TaskError("task " + task_->spec().name + ", violation '" + violation.name() + "': expected moments at which it may "
                  "happen and show itself within " + std::to_string(window) + " control steps, found none in " +
                  std::to_string(kEpisodes) + " episodes");
}

}  // namespace reverie
