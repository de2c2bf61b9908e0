// Imagines for people to look at, from a picture of the session. One thread at a time; it writes nothing but the
// timeline's judgements (surprise, predicted rewards, returns of plans) and what it shows.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/imagination_thread.h"
#include "sim/pose_fit.h"
#include "worldmodel/picture_model.h"

namespace reverie {

class Imaginer {
 public:
  Imaginer(std::shared_ptr<const CompiledTask> task, std::unique_ptr<WorldModel> model, std::string name);
  ~Imaginer();

  /// Looks at what is new in `input`. @return whether shown() has changed.
  bool Look(const ImaginationThread::Input& input, std::stop_token stop);
  const Imagined& shown() const { return shown_; }
  const std::string& name() const { return name_; }
  /// Takes over what an older checkpoint of the model showed and found usual.
  void GoOnFrom(const Imaginer& before);

 private:
  using Input = ImaginationThread::Input;
  bool simulates() const { return name_ == "simulator"; }
  bool LookAtPictures(const Input& input, std::stop_token stop);
  bool JudgePictures(const Input& input, std::stop_token stop);
  void CompareFilm(const Input& input);
  void ImaginePlan(const PlanAnswer& answer, const ImaginationOptions& options);
  void Compare(const Input& input);
  bool JudgeSteps(const Input& input, std::stop_token stop);
  /// The first row that is still to be judged; all up to input.now then count as judged.
  int64_t FirstToJudge(const Input& input);
  void KeepSurprise(const BranchView& branch, int64_t row, float surprise);
  void FindThreshold();
  void MarkParting(const TimelineView& timeline, std::optional<TimelinePlace> parting);
  /// Poses behind predicted channels, or the simulated ones where the model is the simulator.
  /// @param poses  (H, nq) appended. @param path  (H + 1, 3) appended: where `body` is.
  void FollowChannels(const Belief& belief, std::span<const float> channels, int steps, int body,
                      std::vector<double>* poses, std::vector<float>* path);
  void FollowActions(const Belief& belief, std::span<const float> actions, int steps, int body,
                     std::vector<double>* poses, std::vector<float>* path);

  const std::shared_ptr<const CompiledTask> task_;
  const std::unique_ptr<WorldModel> model_;
  PictureModel* const pictures_;           // the model, where it is one
  std::unique_ptr<WorldModel> simulator_;  // for the planning gap; null where the model is the simulator
  const std::string name_;
  const std::vector<double> reading_error_;  // of the channels, by a model of pictures; empty: they are known
  PoseFit fit_;
  Environment environment_;
  Imagined shown_;
  Imagination imagination_;
  uint64_t plan_serial_ = 0;
  ImaginationOptions plan_options_;
  TimelinePlace compared_now_, judged_to_;
  ImaginationOptions compared_options_;
  std::optional<TimelinePlace> parting_;  // marked
  std::deque<float> surprises_;  // the last ones, for what is usual
};

/// Whether what is drawn of a plan, or of a comparison, is to be the same.
bool SamePlanOptions(const ImaginationOptions& a, const ImaginationOptions& b);
bool SameComparison(const ImaginationOptions& a, const ImaginationOptions& b);

/// The belief at a place of the timeline. @param memory  control steps of the past beside it.
Belief BeliefAt(const TimelineView& timeline, TimelinePlace place, int memory);

/// The body whose path says most: the root of what moves freely, else the end of the longest chain. 0: none.
int DefaultTracedBody(const mjModel* model);

}  // namespace reverie
