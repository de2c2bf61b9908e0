#include <algorithm>
#include <cmath>
#include <filesystem>

#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/files.h"
#include "sim/filmstrip.h"
#include "sim/locations.h"
#include "sim/replay.h"
#include "sim/video.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"
#include "ui/cli/models.h"
#include "ui/cli/picture.h"
#include "worldmodel/comparison.h"
#include "worldmodel/linear_model.h"
#include "worldmodel/picture_model.h"

namespace reverie::cli {
namespace {

constexpr double kNormal90 = 1.6448536269514722;
constexpr char kComparisonMarker[] = "compare.json";

struct Options {
  CommonOptions common;
  std::string model, data, out;
  ComparisonOptions comparison;
};

std::vector<Episode> ReadEpisodes(const DatasetReader& dataset) {
  std::vector<Episode> episodes;
  for (int64_t k = 0; k < dataset.episodes(); ++k) {
    episodes.push_back(dataset.Read(k));
    episodes.back().index = k;
  }
  return episodes;
}

// One window as the plot takes it: per channel, real and predicted values and the 90% band, from the start
// on.
nlohmann::ordered_json WindowJson(const Comparison& comparison, const ComparisonWindow& window,
                                  const Episode& episode, double control_step_s, const std::string& label) {
  const size_t nc = comparison.channels.size();
  const size_t horizon = window.predicted.size() / nc;
  nlohmann::ordered_json json = {{"label", label},
                                 {"episode", window.episode},
                                 {"start", window.start},
                                 {"control_step_s", control_step_s},
                                 {"channels", comparison.channels}};
  std::vector<std::vector<double>> real(nc), predicted(nc), low(nc), high(nc);
  nlohmann::ordered_json parts = nlohmann::ordered_json::array();
  for (size_t h = 0; h <= horizon; ++h) {
    const std::vector<double> measured = ChannelsAt(episode, window.start + static_cast<int64_t>(h));
    for (size_t c = 0; c < nc; ++c) {
      const double mean = h == 0 ? measured[c] : window.predicted[(h - 1) * nc + c];
      const double half = h == 0 ? 0.0 : kNormal90 * window.spread[(h - 1) * nc + c];
      real[c].push_back(measured[c]);
      predicted[c].push_back(mean);
      low[c].push_back(mean - half);
      high[c].push_back(mean + half);
    }
  }
  for (int at : window.parts_at)
    parts.push_back(at == 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(at));
  json["real"] = real;
  json["predicted"] = predicted;
  json["low90"] = low;
  json["high90"] = high;
  json["parts_at"] = parts;
  return json;
}

void PrintTable(const Comparison& comparison) {
  Print("horizon    nRMSE  persistence   linear      NLL  in 50%  in 90%");
  for (const HorizonFigures& figures : comparison.horizons) {
    const std::string linear = std::isfinite(figures.nrmse_linear) ? Format("%7.4f", figures.nrmse_linear) : "      -";
    Print(Format("%7d  %7.4f  %11.4f  %s  %7.2f  %5.1f%%  %5.1f%%", figures.horizon, figures.nrmse,
                 figures.nrmse_persistence, linear.c_str(), figures.nll, 100.0 * figures.coverage50,
                 100.0 * figures.coverage90));
  }
}

/// What a model of pictures draws of the worst window, beside what was seen: a strip and a film.
void DrawImagined(PictureModel& model, const Episode& episode, const ComparisonWindow& window, const std::filesystem::path& out) {
  const CompiledTask& task = model.task();
  const int64_t steps = static_cast<int64_t>(window.predicted.size()) / task.channel_size();
  const auto nu = static_cast<int64_t>(task.action_size());
  std::vector<Belief> lived;
  for (int64_t h = 0; h <= steps; ++h) lived.push_back(Belief::Of(task, episode, window.start + h, model.memory()));
  const std::vector<float> actions(episode.actions.begin() + window.start * nu, episode.actions.begin() + (window.start + steps) * nu);
  const std::shared_ptr<const ImaginedFilm> film = model.Film(lived, actions);
  if (!film || film->real.empty()) return;
  const ImaginedPictures pictures{film->pictures, film->width, film->height, film->real, film->drawn, film->step_s,
                                  task.spec().name + Format(": window of the greatest error, episode %lld from step %lld",
                                                            static_cast<long long>(window.episode),
                                                            static_cast<long long>(window.start))};
  const Picture strip = MakeFilmstrip(pictures);
  WritePng(out / "filmstrip.png", strip.width, strip.height, strip.rgb);
  try {
    WriteImaginedFilm(out / "imagined.mp4", pictures, InterruptToken());
  } catch (const DeviceError& error) {
    Log(std::string("reverie: no film: ") + error.what());
  }
}

int RunCompare(Options options) {
  std::vector<int>& horizons = options.comparison.horizons;
  std::sort(horizons.begin(), horizons.end());
  horizons.erase(std::unique(horizons.begin(), horizons.end()), horizons.end());
  if (horizons.empty() || horizons.front() < 1) throw UsageError("--horizons: expected whole numbers from 1");
  const DatasetReader dataset(options.data);
  const std::shared_ptr<const CompiledTask> task = TaskOfDataset(dataset);
  const std::unique_ptr<WorldModel> model = OpenPredictor(options.model, task, options.common);
  std::unique_ptr<LinearModel> linear;
  auto* const pictures = dynamic_cast<PictureModel*>(model.get());
  // Training on channels fits it; where pictures were learned from there is none.
  if (options.model != "simulator" && !pictures) linear = LinearModel::Load(options.model, task);
  if (!options.out.empty()) PrepareOutput(options.out, options.common, kComparisonMarker);
  options.comparison.seed = options.common.seed;
  const std::vector<Episode> episodes = ReadEpisodes(dataset);
  Comparison comparison;
  {
    Progress progress("compare", options.comparison.windows, "windows");
    comparison = Compare(*model, linear.get(), episodes, options.comparison, [&](int done) {
      if (InterruptToken().stop_requested()) throw InterruptedError("nothing was written");
      progress.Update(done);
    });
  }
  nlohmann::ordered_json report = {{"task", dataset.info().task_name},
                                   {"model", options.model},
                                   {"data", options.data},
                                   {"action_repeat", task->spec().action_repeat},
                                   {"control_step_s", task->env_step_s() * task->spec().action_repeat},
                                   {"tolerance", options.comparison.tolerance}};
  const nlohmann::ordered_json figures = comparison.ToJson();
  for (const auto& [key, value] : figures.items()) report[key] = value;
  if (!options.out.empty()) {
    const std::filesystem::path out(options.out);
    const double control_step_s = task->env_step_s() * task->spec().action_repeat;
    const auto window = [&](const ComparisonWindow& chosen, const char* label) {
      return WindowJson(comparison, chosen, episodes[static_cast<size_t>(chosen.episode)], control_step_s,
                        label);
    };
    WriteFileAtomically(out / "example.json",
                        window(comparison.typical, "window of median error").dump() + "\n");
    WriteFileAtomically(out / "worst.json",
                        window(comparison.worst, "window of the greatest error").dump() + "\n");
    WriteFileAtomically(out / kComparisonMarker, report.dump(2) + "\n");
    DrawPicture("plot_compare.py", {out.string(), "--out", (out / "compare.png").string()});
    FilmWorstWindow(task, episodes[static_cast<size_t>(comparison.worst.episode)], comparison,
                    out / "worst.mp4");
    if (pictures) DrawImagined(*pictures, episodes[static_cast<size_t>(comparison.worst.episode)], comparison.worst, out);
  }
  if (options.common.json) {
    PrintJson(report);
    return kDone;
  }
  PrintTable(comparison);
  Print(
      Format("%d windows; prediction and reality part by %.2f deviations of some channel after %.0f control "
             "steps (median)",
             comparison.windows, options.comparison.tolerance, comparison.median_first_part));
  if (!options.out.empty()) Print("figures, picture and film are in " + options.out);
  return kDone;
}

}  // namespace

void AddCompare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(app, "compare", "Put a model's predictions beside what really happened");
  command.add_option("--model", options->model, "A model's folder, or 'simulator'")->required();
  command.add_option("--data", options->data, "A dataset that the model has not learned from")->required();
  command.add_option("--horizons", options->comparison.horizons, "Control steps, separated by commas")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--windows", options->comparison.windows, "How many, drawn from all possible starts")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      .add_option("--tolerance", options->comparison.tolerance,
                  "Error, in standard deviations of a channel, at which prediction and reality part")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--out", options->out, "Folder for compare.json, compare.png and worst.mp4");
  AddCommonOptions(command, options->common, kSeed | kThreads | kDevice | kOverwrite);
  SetBody(command, [options] { return RunCompare(*options); });
}

}  // namespace reverie::cli
