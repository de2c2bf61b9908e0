#include "ui/cli/bench_ui.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <vector>

#include <GLFW/glfw3.h>
#include <imgui.h>
#include <unistd.h>

#include "sim/error.h"
#include "ui/cli/command.h"
#include "ui/cli/desktop.h"
#include "ui/desktop/application.h"
#include "ui/desktop/monkey.h"
#include "worldmodel/simulator_model.h"

namespace reverie::cli {
namespace {

using Clock = std::chrono::steady_clock;

double Since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

double Quantile(std::vector<float> values, double share) {
  if (values.empty()) return std::nan("");
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// Where what the app writes meanwhile goes; the program works there while this lives.
class WorkingFolder {
 public:
  WorkingFolder()
      : before_(std::filesystem::current_path()),
        path_(std::filesystem::temp_directory_path() / ("reverie-bench-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
    std::filesystem::current_path(path_);
  }
  ~WorkingFolder() {
    std::error_code ignored;
    std::filesystem::current_path(before_, ignored);
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path before_, path_;
};

std::string Absolute(const std::string& name) {
  std::error_code ignored;
  return std::filesystem::exists(name, ignored) ? std::filesystem::absolute(name).string() : name;
}

double ResidentMegabytes() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1048576;
}

desktop::ApplicationOptions Start(const BenchUiOptions& options, const WorkingFolder& folder) {
  desktop::ApplicationOptions run;
  run.task = options.task;
  run.model = options.model;
  run.session.seed = options.seed;
  run.session.playing = true;
  run.width = options.width;
  run.height = options.height;
  run.scale = 1;
  run.run_for_s = options.seconds;
  run.settings_file = folder.path() / "settings.json";
  run.learned = LearnedModelsHere();
  run.stop = InterruptToken();
  return run;
}

/// Presses F, which freezes the prediction made now, once a second, and counts frames until the session's snapshot
/// says so.
class KeyProbe {
 public:
  void Act(desktop::App& app) {
    if (!app.now || app.opening) return;
    ++frame_;
    ImGuiIO& io = ImGui::GetIO();
    const std::optional<TimelinePlace> frozen = app.now->imagination.frozen;
    if (pressed_at_ >= 0) {
      io.KeysDown[GLFW_KEY_F] = false;
      // This frame's snapshot has not been taken: what is seen is what the frame before showed.
      if (frozen != before_ || frame_ - pressed_at_ > kMostFrames) {
        frames_.push_back(static_cast<float>(frame_ - 1 - pressed_at_));
        pressed_at_ = -1;
      }
    } else if (Since(last_) > 1.0 && !io.WantTextInput) {
      before_ = frozen;
      pressed_at_ = frame_;
      last_ = Clock::now();
      io.KeysDown[GLFW_KEY_F] = true;
    }
  }
  const std::vector<float>& frames() const { return frames_; }

 private:
  static constexpr int64_t kMostFrames = 100;  // a key that does nothing counts as so many
  int64_t frame_ = 0, pressed_at_ = -1;
  std::optional<TimelinePlace> before_;
  Clock::time_point last_ = Clock::now();
  std::vector<float> frames_;
};

}  // namespace

nlohmann::ordered_json BenchUi(const BenchUiOptions& given) {
  BenchUiOptions options = given;
  options.task = Absolute(options.task);
  if (!options.model.empty()) options.model = Absolute(options.model);
  const WorkingFolder folder;
  desktop::ApplicationOptions run = Start(options, folder);
  const bool learns = options.learn && run.learned.learn;
  if (learns) run.script = {"learning.start"};
  KeyProbe probe;
  double played_s = 0, simulated_s = 0;
  std::optional<Clock::time_point> began;
  uint64_t learned_episodes = 0;
  bool learning = false;
  std::optional<TimelinePlace> last;
  double last_wall = 0;
  run.pilot = [&](desktop::App& app) {
    probe.Act(app);
    learned_episodes = app.learning_curve.size();
    learning = learning || (app.learning && !app.learning->status().finished);
    if (!app.now || !app.now->playing) return;
    if (!began) began = Clock::now();
    // Within an episode; between two the clock of the simulation starts anew.
    if (last && last->branch == app.now->now.branch) {
      simulated_s += static_cast<double>(app.now->now.row - last->row) * app.now->timeline.control_step_s;
      played_s += Since(*began) - last_wall;
    }
    last = app.now->now;
    last_wall = Since(*began);
  };
  const desktop::ApplicationReport report = desktop::RunApplication(std::move(run));
  if (!report.failure.empty()) throw Error(report.failure);
  return {{"task", options.task},
          {"seconds", options.seconds},
          {"width", options.width},
          {"height", options.height},
          {"gl", report.gl},
          {"processors", AvailableThreads()},
          {"learning", learning},
          {"learned_episodes", learned_episodes},
          {"frames", report.frame_ms.size()},
          {"frame_ms_p50", Quantile(report.frame_ms, 0.5)},
          {"frame_ms_p99", Quantile(report.frame_ms, 0.99)},
          {"interval_ms_p50", Quantile(report.interval_ms, 0.5)},
          {"interval_ms_p99", Quantile(report.interval_ms, 0.99)},
          {"key_presses", probe.frames().size()},
          {"key_to_effect_frames_p50", Quantile(probe.frames(), 0.5)},
          {"key_to_effect_frames_max", Quantile(probe.frames(), 1.0)},
          {"realtime_factor", played_s > 0 ? simulated_s / played_s : 0}};
}

nlohmann::ordered_json BenchSoak(const BenchUiOptions& given) {
  BenchUiOptions options = given;
  options.task = Absolute(options.task);
  const WorkingFolder folder;
  desktop::ApplicationOptions run = Start(options, folder);
  if (options.learn && run.learned.learn) run.script = {"learning.start"};
  run.session.memory_bytes = int64_t{16} << 20;  // so that its bound is reached, and kept, within minutes
  desktop::Monkey monkey(options.seed, {"cartpole-swingup", "reacher-easy", "pendulum-swingup"});
  const Clock::time_point began = Clock::now();
  std::vector<double> megabytes;  // one a second
  int64_t errors = 0, frames = 0;
  run.pilot = [&](desktop::App& app) {
    ++frames;
    const double now_s = Since(began);
    monkey.Act(app, now_s);
    if (now_s > static_cast<double>(megabytes.size())) megabytes.push_back(ResidentMegabytes());
    errors = std::count_if(app.messages.lines().begin(), app.messages.lines().end(),
                           [](const desktop::Messages::Line& line) { return line.error; });
  };
  const desktop::ApplicationReport report = desktop::RunApplication(std::move(run));
  // The mean of each quarter: it has to stop growing.
  nlohmann::ordered_json quarters = nlohmann::ordered_json::array();
  const size_t quarter = std::max<size_t>(1, megabytes.size() / 4);
  for (size_t i = 0; i < 4 && (i + 1) * quarter <= megabytes.size(); ++i) {
    double sum = 0;
    for (size_t k = i * quarter; k < (i + 1) * quarter; ++k) sum += megabytes[k];
    quarters.push_back(std::round(sum / static_cast<double>(quarter) * 10) / 10);
  }
  return {{"seconds", Since(began)},
          {"seed", options.seed},
          {"frames", frames},
          {"inputs", monkey.inputs()},
          {"actions", monkey.actions()},
          {"task_switches", monkey.switches()},
          {"error_messages", errors},
          {"resident_mb_by_quarter", quarters},
          {"resident_mb_max", megabytes.empty() ? 0 : *std::max_element(megabytes.begin(), megabytes.end())},
          {"frame_ms_p50", Quantile(report.frame_ms, 0.5)},
          {"frame_ms_p99", Quantile(report.frame_ms, 0.99)},
          {"interrupted", report.interrupted}};
}

}  // namespace reverie::cli
