// What must not happen in a scene, by a task file's "violations": edits of a model and a state at one moment, after
// which time goes on as ever. They act on copies that belong to the caller; nothing that is recorded passes here.
// Immutable.
//
//   "violations": {
//     "teleport": {
//       "sizes": [0.1, 0.2],                   each is a violation of its own, "teleport:0.1", its formulas' `size`
//       "when": "abs(qpos(x)) < 0.4",          moments at which it may happen; without it: any
//       "do": [{"let": {"angle": "uniform(0, 2*pi)"}},         steps as in "reset": all fields of the model and of the
//              {"set": "qpos(x)", "to": "qpos(x) + size*cos(angle)"},   state that a reset may set
//              {"until": "abs(qpos(x)) < 0.4"}],               else it is drawn again, perhaps at another moment
//       "pass_through": ["wall"],              bodies and geoms that touch nothing any more
//       "shows": "qpos(x)*side < 0",           has to come true within the window, else it is drawn again
//       "window_s": 0.5,                       for how long it can be seen; without it: one prediction
//       "control": true                        looks different, but forbidden it is not
//     }
//   }
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/environment.h"

namespace reverie {

class Violation {
 public:
  /// Those that a text names, "all" or "teleport:0.1,vanish": of a name alone every size that the task lists, of a
  /// name with a size that one, listed or not.
  /// @throws TaskError for a task without violations, for one that it lacks (near names suggested), for an entry whose
  /// formulas do not fit the scene.
  static std::vector<Violation> Choose(const CompiledTask& task, const std::string& text);
  ~Violation();
  Violation(Violation&&) noexcept;

  const std::string& name() const;  // "teleport:0.1"
  bool control() const;
  double window_s() const;          // 0: one prediction

  /// What its formulas let stand for, for the calls below.
  using Variables = std::vector<double>;

  /// @param data  derived quantities current, as in those below.
  bool MayHappen(const mjModel* model, const mjData* data) const;
  /// Makes it happen now. Derived quantities are current afterwards.
  /// @return  false where its "until" does not hold: model and data are then worth nothing.
  /// @throws TaskError for a formula that yields no number.
  bool Happen(const CompiledTask& task, mjModel* model, mjData* data, Random& random, Variables& variables) const;
  /// Whether it has to show itself, and whether it does in a state after it.
  bool has_to_show() const;
  bool Shows(const mjModel* model, const mjData* data, const Variables& variables) const;

 private:
  struct Impl;
  explicit Violation(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace reverie
