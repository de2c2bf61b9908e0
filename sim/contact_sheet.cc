#include "sim/contact_sheet.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "sim/environment.h"
#include "sim/error.h"
#include "sim/frame_recorder.h"
#include "sim/renderer.h"
#include "sim/replay.h"

namespace reverie {
namespace {

/// At most `most` of 0 to `last`, both included, evenly spaced.
std::vector<int64_t> Spaced(int64_t last, int most) {
  const int64_t count = std::min<int64_t>(last + 1, most);
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < count; ++i) chosen.push_back(count == 1 ? 0 : i * last / (count - 1));
  return chosen;
}

/// Draws recorded states.
class StateDrawer {
 public:
  StateDrawer(const DatasetReader& dataset, const ContactSheetOptions& options)
      : task_(TaskOfDataset(dataset)),
        model_(mj_copyModel(nullptr, task_->model())),
        data_(mj_makeData(task_->model())),
        renderer_(task_->model(), options.width, options.height, RenderQuality::kFull) {
    if (!model_ || !data_) throw SceneError(task_->scene().origin() + ": not enough memory for a simulation of it");
    FrameSettings settings;
    settings.width = settings.height = 1;
    camera_ = CompleteFrames(settings, *task_).cameras.front();
  }
  const std::string& camera() const { return camera_; }
  void Draw(const Episode& episode, int64_t step, std::span<uint8_t> rgb) {
    const auto size = static_cast<size_t>(task_->state_size());
    if (task_->parameter_size() > 0) task_->SetParameters(model_.get(), data_.get(), episode.model_parameters);
    task_->SetState(model_.get(), data_.get(),
                    std::span(episode.integration_state).subspan(static_cast<size_t>(step) * size, size));
    renderer_.Render(model_.get(), data_.get(), RendererCamera(model_.get(), camera_), rgb);
  }

 private:
  std::shared_ptr<const CompiledTask> task_;
  ModelPtr model_;
  DataPtr data_;
  Renderer renderer_;
  std::string camera_;
};

}  // namespace

ContactSheet MakeContactSheet(const DatasetReader& dataset, const ContactSheetOptions& options) {
  const DatasetInfo& info = dataset.info();
  ContactSheet sheet;
  sheet.recorded = !info.frames.empty();
  sheet.width = sheet.recorded ? info.frames.width : options.width;
  sheet.height = sheet.recorded ? info.frames.height : options.height;
  if (dataset.episodes() == 0) return sheet;
  std::unique_ptr<StateDrawer> drawer;
  if (!sheet.recorded) drawer = std::make_unique<StateDrawer>(dataset, options);
  sheet.camera = drawer ? drawer->camera() : info.frames.cameras.front();

  const std::vector<int64_t> episodes = Spaced(dataset.episodes() - 1, options.most_episodes);
  sheet.frames = Picture(options.most_frames * sheet.width, static_cast<int>(episodes.size()) * sheet.height);
  sheet.frames.Fill(0, 0, sheet.frames.width, sheet.frames.height, {255, 255, 255});
  std::vector<uint8_t> rgb(static_cast<size_t>(sheet.width) * static_cast<size_t>(sheet.height) * 3);
  for (const int64_t k : episodes) {
    const Episode episode = dataset.Read(k);
    ContactSheet::Row row{k, episode.Return(), Spaced(episode.steps, options.most_frames), {}};
    for (size_t i = 0; i < row.steps.size(); ++i) {
      const int64_t step = row.steps[i];
      row.times_s.push_back(episode.time[static_cast<size_t>(step)] - episode.time.front());
      if (drawer) {
        drawer->Draw(episode, step, rgb);
      } else {
        rgb = dataset.ReadFrames(k, StreamsOf(info.frames).front(), step, 1);
      }
      sheet.frames.Paste(rgb, static_cast<int>(i) * sheet.width, static_cast<int>(sheet.rows.size()) * sheet.height,
                         sheet.width, sheet.height);
    }
    sheet.rows.push_back(std::move(row));
  }
  return sheet;
}

}  // namespace reverie
