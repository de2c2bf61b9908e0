// Whether a model of pictures is surprised by what must not happen: scores of impossible episodes beside those of
// their possible twins. Several threads; what comes out does not depend on how many. Needs a GL driver.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/frame_judge.h"
#include "agent/matched_pairs.h"

namespace reverie {

struct PairSurprise {
  int64_t pair = 0;
  uint64_t episode_seed = 0;
  int moment = 0;                        // control step of the first state that is not as it should be
  double possible = 0, impossible = 0;   // the greatest surprise within the window
};

struct ViolationSurprise {
  std::string violation;
  bool control = false;
  int window = 0;                        // control steps
  std::vector<PairSurprise> pairs;

  /// Chance that an impossible episode surprises more than a possible one, any of them.
  double Auroc() const;
  /// Share of the pairs in which the impossible twin surprises more than its own possible one, equal ones counting half.
  double PairsTold() const;
};

struct SurpriseEvaluation {
  std::vector<ViolationSurprise> violations;  // as given
  bool interrupted = false;
};

/// States from the moment on in which a violation is looked for: as long as it can be seen, and as far as the judge looks
/// ahead at least.
int WindowOf(const Violation& violation, const FrameJudge& judge);

/// @param judge   also says the task. @param policy  acts in the episodes.
/// @param workers  threads, each with a renderer and one thread of Torch's.
/// @param done    with the number of twins scored so far, one call at a time; may be null.
/// @throws TaskError as Twins::Draw; DeviceError where pictures cannot be drawn.
SurpriseEvaluation EvaluateSurprise(const FrameJudge& judge, const std::vector<Violation>& violations, const PolicySource& policy,
                                    int64_t pairs, uint64_t seed, int workers, const std::function<void(int64_t)>& done,
                                    std::stop_token stop);

/// Both twins of a pair as they are seen, for a while before the moment and after it.
struct TwinFilm {
  std::string violation;
  bool control = false;
  int first = 0, moment = 0;             // control steps: of the first frame, of the violation
  int width = 0, height = 0;             // pixels
  std::vector<std::vector<uint8_t>> possible, impossible;  // frames, (height, width, 3)
  std::vector<float> possible_surprise, impossible_surprise;  // of each frame; NaN: not judged
};

/// @param before, after  control steps beside the moment, fewer where the episode has no more.
TwinFilm FilmTwins(const FrameJudge& judge, const Violation& violation, const PolicySource& policy, int64_t pair, uint64_t seed,
                   int before, int after);

}  // namespace reverie
