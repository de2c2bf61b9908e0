// Everything that happened in a session: control steps in branches. A row is written once and never changed,
// so that any thread may read it through a TimelineView while the simulation thread goes on writing.
// Rows of a branch count from 0, its first state. Only what is judged later (surprise, plans' returns) is
// filled in afterwards, as atomics. SI units.
//
// A row's state holds the forces (xfrc_applied) under which the step that led to it was made.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace reverie {

/// What may be worth jumping to; bits of a row.
enum TimelineEvent : uint32_t {
  kRewardEvent = 1u << 0,      // the reward or the success began to be had
  kContactEvent = 1u << 1,     // two bodies touched that did not before
  kDivergenceEvent = 1u << 2,  // the simulation blew up in the step after this row
  kSurpriseEvent = 1u << 3,    // the model thought this unlikely
  kPartingEvent = 1u << 4,     // a frozen prediction parts from reality here
  kEndEvent = 1u << 5,         // the episode ended (terminated, or the time limit)
  kEditEvent = 1u << 6,        // a person changed the state
  kModelEvent = 1u << 7,       // from here on another model is planned in
};

/// Numbers about a row that are known only later, by threads that the simulation does not wait for. NaN: not yet.
enum class Judged { kSurprise, kPredictedReward, kPlannedReturn, kReturnInModel, kReturnInSimulator, kPlanMs, kEnergy, kCount };
inline constexpr size_t kJudgedCount = static_cast<size_t>(Judged::kCount);

struct TimelineSizes {
  int state = 0, channels = 0, action = 0, reward_terms = 0;
};

/// Rows in a block of fixed size.
struct TimelineChunk {
  static constexpr int64_t kRows = 256;
  explicit TimelineChunk(const TimelineSizes& sizes);

  std::vector<double> states;    // (kRows, nstate), mjSTATE_INTEGRATION
  std::vector<double> channels;  // (kRows, nchannels)
  std::vector<double> actions;   // (kRows, nu), what led to this row; row 0: zeros
  std::vector<double> rewards;   // (kRows), of the step that led here
  std::vector<double> reward_terms;  // (kRows, nterms)
  std::array<std::atomic<float>, kRows * kJudgedCount> judged;
  std::array<std::atomic<uint32_t>, kRows> events;
  std::array<uint8_t, kRows> actors;  // Actor, who led to this row

  int64_t bytes() const;
};

/// How a branch came to be.
struct BranchInfo {
  int id = 0;
  int parent = -1;           // -1: it began with a reset
  int64_t parent_row = 0;    // row of the parent that row 0 continues
  int64_t first_step = 0;    // control steps of the episode before row 0
  bool edited = false;       // row 0 is not what the parent's row was: a person changed it
  uint64_t seed = 0;         // the episode's
  int64_t episode = -1;      // the run's index of the episode; -1: none (a seed given by hand, a state from elsewhere)
  std::vector<double> parameters;  // drawn into the model by the reset
  std::string label;         // "episode 3", "branch at 120"
};

/// A branch as it was when the snapshot was taken.
struct BranchView {
  std::shared_ptr<const BranchInfo> info;
  int64_t rows = 0;       // written
  int64_t first_row = 0;  // rows before were dropped to keep the memory bounded
  bool ended = false, diverged = false;
  std::vector<std::shared_ptr<TimelineChunk>> chunks;  // null: dropped

  bool Has(int64_t row) const { return row >= first_row && row < rows; }
  // All of a row that Has().
  std::span<const double> State(int64_t row) const;
  std::span<const double> Channels(int64_t row) const;
  std::span<const double> Action(int64_t row) const;       // that led to the row
  std::span<const double> RewardTerms(int64_t row) const;
  double Reward(int64_t row) const;
  float Get(Judged what, int64_t row) const;
  uint32_t Events(int64_t row) const;
  uint8_t ActorOf(int64_t row) const;

  // Written by the threads that judge; any time.
  void Set(Judged what, int64_t row, float value) const;
  void AddEvent(int64_t row, uint32_t event) const;
  void RemoveEvent(int64_t row, uint32_t event) const;
};

/// Where in a timeline.
struct TimelinePlace {
  int branch = -1;
  int64_t row = 0;
  bool operator==(const TimelinePlace&) const = default;
};

/// An immutable picture of the timeline. Copies share the rows.
struct TimelineView {
  TimelineSizes sizes;
  double control_step_s = 0;
  int64_t bytes = 0, bytes_limit = 0;
  int64_t dropped_rows = 0;
  std::vector<BranchView> branches;  // ascending id

  const BranchView* Find(int branch) const;
  /// The branches from the reset to `branch`, oldest first.
  std::vector<const BranchView*> Lineage(int branch) const;
  /// The place that is `step` control steps after the reset, on the way to the end of `branch`; row -1 of
  /// branch -1 where it is not kept.
  TimelinePlace AtStep(int branch, int64_t step) const;
  /// The same place where it was first lived through: of a branch's first row, unless a person changed it, the
  /// parent's row that it continues, as far as that is kept. That row says what led there.
  TimelinePlace Origin(TimelinePlace place) const;
  /// What was measured and then done in the steps before a place, as Belief::past: up to `steps` of them, back to the
  /// reset or to where a person changed the state.
  std::vector<double> Past(TimelinePlace place, int steps) const;
  /// The states that this was measured in, as Belief::past_states.
  std::vector<double> PastStates(TimelinePlace place, int steps) const;
  /// Control steps since the reset of a place.
  int64_t StepOf(TimelinePlace place) const;

 private:
  /// Where the actions of the steps before led, oldest first.
  std::vector<std::pair<const BranchView*, int64_t>> RowsBefore(TimelinePlace place, int steps) const;
};

/// The writer: one thread.
class Timeline {
 public:
  Timeline(TimelineSizes sizes, double control_step_s, int64_t bytes_limit);

  /// Starts a branch and writes its row 0.
  int Begin(BranchInfo info, std::span<const double> state, std::span<const double> channels);
  struct Row {
    std::span<const double> state, channels, action, reward_terms;
    double reward = 0;
    uint32_t events = 0;
    uint8_t actor = 0;
  };
  /// Appends a row to the branch. Returns its number.
  int64_t Append(int branch, const Row& row);
  void AddEvent(TimelinePlace place, uint32_t event);
  void End(int branch, bool diverged);
  /// Forgets a branch and those that grew from it, unless `keep` is among them.
  bool Remove(int branch, int keep);
  void Clear();

  const TimelineView& view() const { return view_; }

 private:
  void MakeRoom(int current);
  TimelineView view_;
  int next_id_ = 0;
};

}  // namespace reverie
