// Twins: an episode, and the same one with a violation in it. Start, actions and all that is seen are the same up to the
// moment of the violation. Deterministic for a seed; an instance belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/environment.h"
#include "sim/episode.h"
#include "sim/policy.h"
#include "sim/violation.h"

namespace reverie {

struct MatchedPair {
  int64_t pair = 0;
  std::shared_ptr<const Episode> possible;
  int moment = 0;           // the first state that is not as it should be
  uint64_t seed = 0;        // of what the violation draws
};

class Twins {
 public:
  /// @param policy  acts in both.
  Twins(std::shared_ptr<const CompiledTask> task, PolicySource policy);

  /// Draws pair `pair` of a run. The possible twin is an episode of the run's own, the same one for every violation as
  /// far as that may happen in it; the moment is one of those at which it may.
  /// @param earliest  control steps before the moment, at least. @param window  states from the moment on, at least, in
  /// which a violation that has to show itself does.
  /// @throws TaskError where it may not happen in any of the episodes that were tried.
  MatchedPair Draw(const Violation& violation, uint64_t seed, int64_t pair, int earliest, int window);

  using Visitor = std::function<void(int step, const mjModel* model, mjData* data)>;
  /// Visits states `first` to `last` in order, the impossible twin's where `violation` is given. Derived quantities are
  /// current.
  /// @return  false where the simulation diverged before `last`, which Draw excludes within the window.
  bool Visit(const MatchedPair& pair, const Violation* violation, int first, int last, const Visitor& visit);

 private:
  bool Play(const MatchedPair& pair, const Violation* violation, int first, int last, const Visitor& visit,
            Violation::Variables& variables);
  std::shared_ptr<const Episode> EpisodeOf(uint64_t seed);
  void Restore(const Episode& episode, int step);

  std::shared_ptr<const CompiledTask> task_;
  PolicySource policy_;
  ModelPtr model_;  // as the episode has it, then with what a violation made of it
  DataPtr data_;
  std::vector<std::pair<uint64_t, std::shared_ptr<const Episode>>> kept_;
};

}  // namespace reverie
