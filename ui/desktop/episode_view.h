// One recorded episode: its channels, actions and rewards over time, a cursor that plays it in the scene, and what
// a model would have predicted from there. Window's thread only; models are opened and asked in jobs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ui/desktop/app.h"
#include "ui/desktop/channel_chooser.h"
#include "ui/desktop/recorded_episode.h"
#include "ui/desktop/side_work.h"

namespace reverie::desktop {

class EpisodeView {
 public:
  /// Shows an episode; null: none. The cursor goes to its start, the prediction is forgotten.
  void Show(std::shared_ptr<const BrowsedDataset> dataset, std::shared_ptr<const RecordedEpisode> episode);
  /// Each frame, also where the panel is hidden: playing goes on.
  void Update(App& app);
  void Draw(App& app);
  /// Plays it in the scene from the cursor, or stops that. No episode: nothing happens.
  void TogglePlaying();
  /// Imagines from the cursor on, in a job, in the model chosen, else in the one that the agent plans in.
  void Predict(App& app);

  const RecordedEpisode* episode() const { return episode_.get(); }
  const EpisodePrediction* prediction() const { return prediction_.get(); }
  int64_t cursor() const { return cursor_; }
  bool playing() const { return playing_; }
  bool in_scene() const { return in_scene_; }
  /// Why its states cannot be shown in the open task, one line; empty: they can.
  const std::string& misfit() const { return misfit_; }

 private:
  void CheckFit(App& app);
  void ShowInScene(App& app);
  void DrawTransport(App& app);
  void DrawScene(App& app);
  void DrawPredicting(App& app);
  void DrawChannels();
  void DrawChannel(size_t channel);
  void DrawRest();
  void SetCursor(int64_t step);
  void Clicked(std::optional<float> time_s);
  bool Fits() const { return checked_ && misfit_.empty(); }
  std::string Name() const;

  std::shared_ptr<const BrowsedDataset> dataset_;
  std::shared_ptr<const RecordedEpisode> episode_;
  int64_t cursor_ = 0;
  bool playing_ = false, in_scene_ = false, showing_ = false;
  double played_s_ = 0, speed_ = 1, at_s_ = -1;

  SideWork fitting_, predicting_;
  std::shared_ptr<const CompiledTask> fitted_to_;      // the open task that was looked at
  std::shared_ptr<const BrowsedDataset> fitted_for_;
  bool checked_ = false;
  std::string misfit_;

  std::string ModelFor(const App& app) const;
  std::string chosen_model_;  // empty: the one that the agent plans in
  int horizon_ = 50;
  float tolerance_ = 0.25f;
  std::shared_ptr<const EpisodePrediction> prediction_;
  ChannelChooser chooser_{4};
};

}  // namespace reverie::desktop
