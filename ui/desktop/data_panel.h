// Data: collecting a batch of episodes, saving the session's, browsing any dataset. Window's thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "ui/desktop/collect_job.h"
#include "ui/desktop/dataset_browser.h"
#include "ui/desktop/job_line.h"
#include "ui/desktop/panel.h"

namespace reverie::desktop {

class DataPanel : public Panel {
 public:
  const char* title() const override { return "Data"; }
  void Draw(App& app) override;
  void Update(App& app) override;
  void AddActions(App& app) override;

  DatasetBrowser& browser() { return browser_; }

 private:
  void DrawCollect(App& app);
  void DrawCollectSettings(App& app);
  void DrawCollected(App& app);
  void DrawSave(App& app);
  void Collect(App& app, bool resume);
  void AskToSave(App& app);
  void Save(App& app, const std::filesystem::path& folder);
  bool Collecting() const { return collecting_ && !collecting_->status().finished; }

  CollectRequest::Policy policy_ = CollectRequest::Policy::kRandom;
  bool by_episodes_ = true;
  int64_t episodes_ = 100, steps_ = 10000;
  uint64_t seed_ = 0;
  int workers_ = 0;                                   // 0: as many as there are
  std::string folder_;
  std::shared_ptr<Job> collecting_;                   // the last one
  std::shared_ptr<CollectOutcome> outcome_;
  CollectRequest collected_;                          // what it was asked for
  JobRate rate_;

  std::shared_ptr<Job> saving_;                       // the last one
  std::filesystem::path saved_to_;
  DatasetBrowser browser_;
};

}  // namespace reverie::desktop
