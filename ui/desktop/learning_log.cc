#include "ui/desktop/learning_log.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <map>
#include <system_error>
#include <thread>
#include <utility>

#include "sim/error.h"
#include "sim/files.h"
#include "ui/desktop/file_dialog.h"
#include "worldmodel/model_config.h"

namespace reverie::desktop {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kDeepest = 4;           // out/measured/models/TASK-0
constexpr size_t kMostModels = 2000;
constexpr std::chrono::seconds kSettled(30);  // no checkpoint takes as long to write

// In the order in which a run writes them, so that a copy's times are in that order too.
constexpr const char* kFiles[] = {"optimizer.pt", "config.json", "weights.safetensors", "baseline.safetensors",
                                  "log.jsonl"};

double NumberIn(const json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number() ? found->get<double>() : kUnknown;
}

struct Stamp {
  fs::file_time_type time;
  uintmax_t bytes = 0;
  bool operator==(const Stamp&) const = default;
};
using Stamps = std::map<std::string, Stamp>;

Stamps StampsOf(const fs::path& folder) {
  Stamps stamps;
  for (const char* name : kFiles) {
    std::error_code error;
    const fs::path file = folder / name;
    const fs::file_time_type time = fs::last_write_time(file, error);
    if (error) continue;
    stamps[name] = {time, fs::file_size(file, error)};
  }
  return stamps;
}

/// A run writes the optimiser's state first and the log last: in between the model on disk is of two minds.
bool BetweenCheckpoints(const Stamps& stamps) {
  const auto first = stamps.find("optimizer.pt"), last = stamps.find("log.jsonl");
  if (first == stamps.end()) return false;
  if (last != stamps.end() && last->second.time >= first->second.time) return false;
  return fs::file_time_type::clock::now() - first->second.time < kSettled;
}

class StoppedError : public Error {
 public:
  using Error::Error;
};

void CopyFileTo(const fs::path& from, const fs::path& to, const std::stop_token& stop,
                const std::function<void(int64_t)>& more) {
  std::ifstream in(from, std::ios::binary);
  if (!in) throw Error(from.string() + ": cannot be read");
  {
    std::ofstream out(PartialPath(to), std::ios::binary | std::ios::trunc);
    std::vector<char> block(size_t{1} << 20);
    while (in) {
      if (stop.stop_requested()) throw StoppedError("stopped");
      in.read(block.data(), static_cast<std::streamsize>(block.size()));
      out.write(block.data(), in.gcount());
      if (more) more(in.gcount());
    }
    out.close();
    if (in.bad()) throw Error(from.string() + ": cannot be read whole");
    if (!out) throw Error(to.string() + ": cannot be written; is the disk full?");
  }
  CommitFile(PartialPath(to), to);
}

/// A folder that goes again unless it is kept.
class UnfinishedFolder {
 public:
  explicit UnfinishedFolder(fs::path path) : path_(std::move(path)) {
    std::error_code error;
    fs::remove_all(path_, error);
    fs::create_directories(path_, error);
    if (error) throw Error(path_.string() + ": cannot be made: " + error.message());
  }
  ~UnfinishedFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  UnfinishedFolder(const UnfinishedFolder&) = delete;
  UnfinishedFolder& operator=(const UnfinishedFolder&) = delete;
  void Keep() { path_.clear(); }

 private:
  fs::path path_;
};

}  // namespace

const char* FigureName(LearningFigure figure) {
  switch (figure) {
    case LearningFigure::kReturn: return "return";
    case LearningFigure::kLoss: return "loss";
    case LearningFigure::kModelError: return "model error (deviations)";
    case LearningFigure::kLikelihood: return "negative log-likelihood";
    case LearningFigure::kCalibration: return "calibration (factor)";
    case LearningFigure::kPlanMs: return "plan time (ms)";
    case LearningFigure::kCount: break;
  }
  return "";
}

const char* FigureHelp(LearningFigure figure) {
  switch (figure) {
    case LearningFigure::kReturn: return "Sum of rewards of each episode. Higher is better.";
    case LearningFigure::kLoss:
      return "Mean negative log-likelihood of the data it learns from, in normalised units. Lower is better.";
    case LearningFigure::kModelError:
      return "Error of one-step predictions on the episode, before learning from it, in standard deviations of the "
             "change. Lower is better.";
    case LearningFigure::kLikelihood:
      return "How unlikely the model thought what happened in the episode, before learning from it. Lower is better.";
    case LearningFigure::kCalibration:
      return "By how much the model's spread must be stretched to be honest, in the mean over channels at one step. "
             "1: needs no help. Above 1: too sure of itself. Below 1: too doubtful.";
    case LearningFigure::kPlanMs: return "Mean time of a plan in the episode.";
    case LearningFigure::kCount: break;
  }
  return "";
}

const char* AxisName(LearningAxis axis) {
  switch (axis) {
    case LearningAxis::kEnvSteps: return "env steps";
    case LearningAxis::kUpdates: return "updates";
    case LearningAxis::kMinutes: return "time (min)";
    case LearningAxis::kCount: break;
  }
  return "";
}

void LearningCurve::Add(const EpisodeReport& report, double calibration) {
  const double values[] = {report.episode_return,
                           report.updates > 0 ? report.loss : kUnknown,
                           report.judged ? report.model_nrmse : kUnknown,
                           report.judged ? report.model_nll : kUnknown,
                           calibration,
                           report.plan_ms > 0 ? report.plan_ms : kUnknown};
  const double at[] = {static_cast<double>(report.env_steps), static_cast<double>(report.updates), report.wall_s / 60};
  for (size_t i = 0; i < x.size(); ++i) x[i].push_back(static_cast<float>(at[i]));
  for (size_t i = 0; i < y.size(); ++i) y[i].push_back(static_cast<float>(values[i]));
}

void LearningCurve::Add(const json& line) {
  if (line.value("type", "") == "training") {
    const double values[] = {kUnknown, NumberIn(line, "loss"), NumberIn(line, "held_out_nrmse"),
                             NumberIn(line, "held_out_nll"), NumberIn(line, "calibration"), kUnknown};
    const double at[] = {kUnknown, line.at("updates").get<double>(), NumberIn(line, "wall_s") / 60};
    for (size_t i = 0; i < x.size(); ++i) x[i].push_back(static_cast<float>(at[i]));
    for (size_t i = 0; i < y.size(); ++i) y[i].push_back(static_cast<float>(values[i]));
    return;
  }
  Add(EpisodeReport::FromJson(line), NumberIn(line, "calibration"));
}

bool LearningCurve::Has(LearningAxis axis, LearningFigure figure) const {
  const std::vector<float>&xs = X(axis), &ys = Y(figure);
  for (size_t i = 0; i < ys.size(); ++i) {
    if (std::isfinite(xs[i]) && std::isfinite(ys[i])) return true;
  }
  return false;
}

double CalibrationOf(const json& config) {
  const auto calibration = config.find("calibration");
  if (calibration == config.end() || !calibration->is_object()) return kUnknown;
  const auto factors = calibration->find("factors");
  if (factors == calibration->end() || !factors->is_array() || factors->empty()) return kUnknown;
  double sum = 0, count = 0;
  for (const json& factor : factors->front()) {
    if (!factor.is_number() || !(factor.get<double>() > 0)) continue;
    sum += std::log(factor.get<double>());
    ++count;
  }
  return count > 0 ? std::exp(sum / count) : kUnknown;
}

KnownModel ReadKnownModel(const fs::path& folder) {
  KnownModel model;
  model.folder = folder;
  model.name = ShownPath(folder.filename());
  try {
    const json config = ReadModelConfig(folder);
    if (!config.is_object() || !config.contains("model")) {
      throw CheckpointError(folder.string() + ": its config.json is not a model's (expected the key \"model\")");
    }
    model.kind = config.at("model").get<std::string>();
    model.task = config.value("task", "");
    model.updates = config.value("updates", int64_t{0});
    model.calibration = CalibrationOf(config);
    if (!fs::exists(folder / "weights.safetensors")) {
      throw CheckpointError(folder.string() + ": weights.safetensors is missing");
    }
    const fs::path log = folder / "log.jsonl";
    if (fs::exists(log)) {
      std::ifstream lines(log);
      std::string line;
      for (int number = 1; std::getline(lines, line); ++number) {
        if (line.empty()) continue;
        try {
          const json entry = json::parse(line);
          model.curve.Add(entry);
          if (entry.value("type", "") == "training") continue;
          model.reports.push_back(EpisodeReport::FromJson(entry));
        } catch (const std::exception&) {
          throw CheckpointError(log.string() + ", line " + std::to_string(number) +
                                ": expected an episode's or a training round's figures, found something else");
        }
      }
    }
    model.resumable = !model.reports.empty() && fs::exists(folder / "optimizer.pt") && fs::exists(folder / "data");
  } catch (const std::exception& error) {
    model.problem = error.what();
  }
  if (!model.reports.empty()) {
    model.last_return = model.reports.back().episode_return;
    model.env_steps = model.reports.back().env_steps;
    model.episodes = static_cast<int64_t>(model.reports.size());
  }
  return model;
}

std::vector<fs::path> FindModelFolders(const fs::path& root, const std::stop_token& stop) {
  std::vector<fs::path> found;
  const auto look = [&](const auto& self, const fs::path& folder, int depth) -> void {
    std::error_code error;
    if (stop.stop_requested() || found.size() >= kMostModels) return;
    if (fs::exists(folder / kModelMarker, error)) {
      found.push_back(folder);
      return;
    }
    if (depth == 0) return;
    std::vector<fs::path> inside;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      std::error_code ignored;
      if (!it->is_directory(ignored) || it->is_symlink(ignored)) continue;
      if (!it->path().filename().string().starts_with('.')) inside.push_back(it->path());
    }
    for (const fs::path& path : inside) self(self, path, depth - 1);
  };
  look(look, root, kDeepest);
  std::sort(found.begin(), found.end());
  return found;
}

void NameModels(std::vector<std::shared_ptr<KnownModel>>& models) {
  const auto tail = [](const fs::path& folder, int parts) {
    fs::path shown, rest = folder;
    for (int i = 0; i < parts && rest.has_relative_path(); ++i, rest = rest.parent_path()) {
      shown = shown.empty() ? rest.filename() : rest.filename() / shown;
    }
    return ShownPath(shown);
  };
  constexpr int kMostParts = 6;
  std::vector<int> parts(models.size(), 1);
  for (int round = 0; round < kMostParts; ++round) {
    std::map<std::string, int> uses;
    for (size_t i = 0; i < models.size(); ++i) ++uses[models[i]->name = tail(models[i]->folder, parts[i])];
    for (size_t i = 0; i < models.size(); ++i) parts[i] += uses[models[i]->name] > 1;
  }
}

void CopyModel(const fs::path& from, const fs::path& to, const std::stop_token& stop,
               const std::function<void(int64_t, int64_t)>& copied) {
  std::error_code error;
  if (fs::exists(to, error) && !(fs::is_directory(to, error) && fs::is_empty(to, error))) {
    throw Error(to.string() + ": has something in it already; choose a new or empty folder");
  }
  if (!fs::exists(from / "config.json", error) || !fs::exists(from / "weights.safetensors", error)) {
    throw CheckpointError(from.string() + ": expected a model's folder with config.json and weights.safetensors");
  }
  const fs::path whole = fs::absolute(to).lexically_normal();
  const fs::path target = whole.has_filename() ? whole : whole.parent_path();
  // Beside the target, so that the last step is one renaming within a file system.
  const fs::path unfinished =
      target.parent_path() / ("." + target.filename().string() + ".copying-" + std::to_string(getpid()));
  for (;;) {
    if (stop.stop_requested()) throw StoppedError("stopped");
    const Stamps before = StampsOf(from);
    if (BetweenCheckpoints(before)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    int64_t total = 0, done = 0;
    for (const auto& [name, stamp] : before) total += static_cast<int64_t>(stamp.bytes);
    UnfinishedFolder folder(unfinished);
    for (const char* name : kFiles) {
      if (!before.contains(name)) continue;
      CopyFileTo(from / name, unfinished / name, stop, [&](int64_t bytes) {
        done += bytes;
        if (copied) copied(done, total);
      });
    }
    if (StampsOf(from) != before) continue;  // a checkpoint came in between
    fs::rename(unfinished, target, error);
    if (error) throw Error(target.string() + ": cannot be made: " + error.message());
    folder.Keep();
    return;
  }
}

}  // namespace reverie::desktop
