#include "sim/replay.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/renderer.h"
#include "sim/video.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"

namespace reverie::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string data, video, camera;
  int64_t episode = -1;  // -1: all; for a film the first
  int width = 640, height = 480;
  bool verify = false;
};

std::string Ending(const Episode& episode) {
  if (!episode.diverged.empty()) return "diverged (" + episode.diverged + ")";
  return episode.terminated ? "terminated" : "truncated";
}

nlohmann::ordered_json Summary(int64_t k, const Episode& episode) {
  return {{"episode", k},
          {"seed", episode.seed},
          {"steps", episode.steps},
          {"return", episode.Return()},
          {"ending", Ending(episode)}};
}

/// Film of what was recorded, at the speed at which it happened, at most 60 frames a second.
int64_t Film(const CompiledTask& task, const Episode& episode, const Options& options) {
  ModelPtr own_model;
  if (task.parameter_size() > 0) own_model.reset(mj_copyModel(nullptr, task.model()));
  const DataPtr data(mj_makeData(task.model()));
  if (!data) throw SceneError(task.scene().origin() + ": not enough memory for a simulation of it");
  if (own_model) task.SetParameters(own_model.get(), data.get(), episode.model_parameters);
  const mjModel* model = own_model ? own_model.get() : task.model();

  const double control_step_s = task.env_step_s() * task.spec().action_repeat;
  const int64_t stride = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(1.0 / (60.0 * control_step_s))));
  Renderer renderer(model, options.width, options.height, RenderQuality::kFull);
  VideoWriter video(options.video, options.width, options.height,
                    1.0 / (control_step_s * static_cast<double>(stride)));
  std::vector<uint8_t> rgb(static_cast<size_t>(options.width) * static_cast<size_t>(options.height) * 3);
  const std::string camera = options.camera.empty() ? task.spec().camera : options.camera;
  const auto state_size = static_cast<size_t>(task.state_size());
  Progress progress("film", episode.steps + 1, "control steps");
  int64_t frames = 0;
  for (int64_t t = 0; t <= episode.steps; t += stride, ++frames) {
    if (InterruptToken().stop_requested()) return -1;
    task.SetState(
        model, data.get(),
        std::span(episode.integration_state).subspan(static_cast<size_t>(t) * state_size, state_size));
    renderer.Render(model, data.get(), camera, rgb);
    video.Add(rgb);
    progress.Update(t);
  }
  video.Finish();
  return frames;
}

int RunReplay(const Options& options) {
  if (options.width % 2 != 0 || options.height % 2 != 0)
    throw UsageError("--width and --height must be even");
  const DatasetReader dataset(options.data);
  if (options.episode >= dataset.episodes()) {
    throw DatasetError(options.data + ": --episode " + std::to_string(options.episode) +
                       ": it holds episodes 0 to " + std::to_string(dataset.episodes() - 1));
  }
  if (!options.video.empty() && !options.common.overwrite && std::filesystem::exists(options.video)) {
    throw Error(options.video + ": the file exists; give another --video, or --overwrite to replace it");
  }
  const std::shared_ptr<const CompiledTask> task = TaskOfDataset(dataset);
  nlohmann::ordered_json report;
  report["task"] = dataset.info().task_name;
  report["policy"] = dataset.info().policy;
  report["finished"] = dataset.finished();

  const int64_t first = std::max<int64_t>(0, options.episode);
  const int64_t end = options.episode >= 0 ? options.episode + 1 : dataset.episodes();
  int64_t steps = 0, mismatches = 0, done = 0;
  std::string first_mismatch;
  nlohmann::ordered_json episodes = nlohmann::ordered_json::array();
  {
    Progress progress(options.verify ? "verify" : "read", end - first, "episodes");
    for (int64_t k = first; k < end && !InterruptToken().stop_requested(); ++k, ++done) {
      const Episode episode = dataset.Read(k);
      steps += episode.steps;
      episodes.push_back(Summary(k, episode));
      if (options.verify) {
        const ReplayResult result = VerifyEpisode(*task, episode);
        mismatches += result.mismatches;
        if (result.first && first_mismatch.empty()) first_mismatch = result.first->Text();
      }
      progress.Update(k - first + 1);
    }
  }
  if (done < end - first) return Interrupted(std::to_string(done) + " episodes were looked at");

  report["episodes"] = done;
  report["steps"] = steps;
  if (options.verify) report["mismatches"] = mismatches;
  report["each"] = episodes;
  int64_t frames = 0;
  if (!options.video.empty()) {
    frames = Film(*task, dataset.Read(first), options);
    if (frames < 0) return Interrupted("no film was left");
    report["video"] = options.video;
    report["frames"] = frames;
  }
  if (options.common.json) {
    PrintJson(report);
  } else {
    if (!options.verify && options.video.empty()) {
      Print("episode  control steps     return  ending");
      for (const auto& each : episodes) {
        Print(Format("%7lld  %13lld  %9.2f  %s", each["episode"].get<long long>(),
                     each["steps"].get<long long>(), each["return"].get<double>(),
                     each["ending"].get<std::string>().c_str()));
      }
    }
    if (options.verify && mismatches == 0) {
      Print(Format("%s: %lld episodes, %lld control steps played again, every bit as recorded",
                   options.data.c_str(), static_cast<long long>(done), static_cast<long long>(steps)));
    }
    if (frames > 0) {
      Print(Format("%s: episode %lld in %lld frames", options.video.c_str(), static_cast<long long>(first),
                   static_cast<long long>(frames)));
    }
  }
  if (mismatches > 0) {
    throw DatasetError(options.data + ": " + std::to_string(mismatches) + " of " +
                       std::to_string(steps + done) +
                       " rows differ from what the simulator computes; first: " + first_mismatch);
  }
  return kDone;
}

}  // namespace

void AddReplay(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(app, "replay", "List, verify or film the episodes of a dataset");
  command.add_option("--data", options->data, "Folder of the dataset")->required();
  command.add_option("--episode", options->episode, "Only this one, from 0 (all; for a film the first)")
      ->check(CLI::NonNegativeNumber);
  command.add_flag("--verify", options->verify, "Simulate again and compare every bit");
  command.add_option("--video", options->video, "Film of the episode, an MP4 file");
  command.add_option("--camera", options->camera, "Camera of the film (the task's)");
  command.add_option("--width", options->width, "Of the film, in pixels (640)")->check(CLI::Range(16, 8192));
  command.add_option("--height", options->height, "Of the film, in pixels (480)")
      ->check(CLI::Range(16, 8192));
  AddCommonOptions(command, options->common, kOverwrite);
  SetBody(command, [options] { return RunReplay(*options); });
}

}  // namespace reverie::cli
