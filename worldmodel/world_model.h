// The interface that planners speak to: given where the world is and what would be done, say what would happen.
// The simulator implements it as every learned model does. An instance belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/environment.h"

namespace reverie {

/// Where imagination starts.
struct Belief {
  std::vector<double> channels;           // (nchannels) observation then signals
  std::vector<double> integration_state;  // (nstate), for models that simulate
  std::vector<double> parameters;         // (nparameters), what this episode's reset drew into the model
  std::vector<double> past;               // (P, nchannels + nu), what was measured and then done in the steps before,
                                          // oldest first, for models with a memory; short where the episode began
  std::vector<double> past_states = {};   // (P, nstate), where that was measured, for models that see pictures of it

  std::vector<double> goal = {};          // (nstate) a state that looks as it should, for models that plan to pictures;
                                          // empty: none

  static Belief Of(const Environment& environment);
  /// Step `step` of a recorded episode. @param memory  steps of the past, at most.
  static Belief Of(const CompiledTask& task, const Episode& episode, int64_t step, int memory);
};

/// What a model expects of N action sequences over H control steps. Row-major; SI units.
struct Imagination {
  int sequences = 0, horizon = 0, channel_size = 0;
  std::vector<float> rewards;      // (N, H) the task's planning reward of one control step
  std::vector<float> uncertainty;  // (N, H) disagreement between members, in standard deviations of the channels
  std::vector<float> channels;     // (N, H, nchannels) expectation; empty unless asked for
  std::vector<float> spread;       // (N, H, nchannels) standard deviation; empty unless asked for
  std::vector<float> values;       // (N) what is still to be earned after the last step, discounted to it; empty unless
                                   // asked for and known
  int members = 0;                 // M; 0 unless asked for
  std::vector<float> member_channels;  // (M, N, H, nchannels) what each member expects; empty unless asked for
};

struct ImagineOptions {
  bool channels = false;     // fill channels and spread
  bool uncertainty = false;  // fill uncertainty (a learned model may need more members for it)
  bool members = false;      // fill member_channels; changes nothing else
  bool values = false;       // fill values, where the model has learned any
};

class WorldModel {
 public:
  virtual ~WorldModel() = default;

  virtual const CompiledTask& task() const = 0;
  /// "simulator", "ensemble".
  virtual std::string name() const = 0;

  /// Standard deviation of each channel in what the model learned from, (nchannels), SI units; empty: unknown.
  virtual std::vector<double> channel_scale() const { return {}; }

  /// Imagines `actions` from `belief`.
  /// @param actions  (N, H, nu) row-major, normalised to [-1, 1].
  /// @throws ShapeError if actions.size() != sequences * horizon * nu.
  virtual void Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
                       const ImagineOptions& options, Imagination& result) = 0;

  /// Imagines with at most so many threads from now on, where it is imagined on the thread that calls this. What it
  /// imagines stays the same.
  virtual void SetThreads(int) {}

  /// By how much a reward is worth less for each control step that it comes later, in Imagination::values.
  virtual double discount() const { return 1.0; }

  /// How many control steps of the past it looks at beside the present.
  virtual int memory() const { return 0; }

  /// Whether rewards say how near it comes to Belief::goal, drawn; it is a PictureModel then.
  virtual bool plans_to_pictures() const { return false; }

  /// Whether it has learned a policy of its own.
  virtual bool has_policy() const { return false; }

  /// Action sequences that this policy would play from `belief`: the first is what it prefers, the others are drawn.
  /// @param actions  (N, H, nu) filled; left empty where the model has no policy.
  virtual void Propose(const Belief& belief, int sequences, int horizon, uint64_t seed, std::vector<float>& actions) {
    (void)belief, (void)sequences, (void)horizon, (void)seed;
    actions.clear();
  }
};

}  // namespace reverie
