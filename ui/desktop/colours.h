// What each colour means, everywhere in the app: scene, plots, timeline. Chosen to be told apart on dark and
// light backgrounds, and by people who do not see red and green apart (blue, orange and lightness carry it).
#pragma once

#include <imgui.h>

namespace reverie::desktop::colours {

inline const ImVec4 kReal = {0.22f, 0.62f, 0.86f, 1};        // what MuJoCo did
inline const ImVec4 kPredicted = {0.95f, 0.45f, 0.20f, 1};   // what a model said before it happened
inline const ImVec4 kPlan = {0.20f, 0.75f, 0.62f, 1};        // the plan, its near end
inline const ImVec4 kPlanFar = {0.52f, 0.40f, 0.90f, 1};     // its far end: time runs from one to the other
inline const ImVec4 kElite = {0.98f, 0.80f, 0.22f, 1};       // the best rollouts
inline const ImVec4 kCandidate = {0.58f, 0.60f, 0.64f, 1};   // the other rollouts
inline const ImVec4 kMember = {0.86f, 0.46f, 0.78f, 1};      // members of an ensemble: their fan is the doubt
inline const ImVec4 kSurprise = {0.93f, 0.27f, 0.42f, 1};    // unlikely to the model
inline const ImVec4 kOtherBranch = {0.45f, 0.70f, 0.38f, 1};  // what happened on other branches
inline const ImVec4 kError = {0.86f, 0.24f, 0.20f, 1};       // divergence, failures

/// From a to b; share 0 is a, 1 is b.
inline ImVec4 Mix(ImVec4 a, ImVec4 b, float share) {
  return {a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share, a.z + (b.z - a.z) * share,
          a.w + (b.w - a.w) * share};
}
inline ImVec4 WithAlpha(ImVec4 colour, float alpha) { return {colour.x, colour.y, colour.z, alpha}; }

}  // namespace reverie::desktop::colours
