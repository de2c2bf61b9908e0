#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <optional>

#include "agent/probing.h"
#include "sim/error.h"
#include "sim/files.h"
#include "sim/filmstrip.h"
#include "sim/replay.h"
#include "sim/video.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"
#include "worldmodel/device.h"
#include "worldmodel/encoder_features.h"
#include "worldmodel/model_config.h"

namespace reverie::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string model, out, encoder;
  std::vector<std::string> data;
  ProbingOptions probing;
};

// Of two names, so that no folder of a model is ever taken for one of figures.
constexpr char kReportFile[] = "probes.json", kFiguresFile[] = "imagined.json";

/// The filmstrip of the window of median error and the film of the worst.
void DrawWindows(const Options& options, const Jepa& model, const JepaProbes& probes, FrameWindows& windows,
                 const ProbingReport& report) {
  const CompiledTask& task = model.task();
  const auto draw = [&](const FrameWindow& window, const char* which, auto&& with) {
    const ImaginedWindow imagined = ImagineWindow(model, probes, windows, window);
    with(ImaginedPictures{imagined.pictures, model.frames().width, model.frames().height, imagined.real, imagined.drawn,
                          task.env_step_s() * task.spec().action_repeat * model.options().frame_skip,
                          task.spec().name + ": " + which + Format(", episode %d from step %d", window.episode, window.first)});
  };
  const std::filesystem::path out(options.out);
  draw(report.typical, "window of median error", [&](const ImaginedPictures& pictures) {
    const Picture strip = MakeFilmstrip(pictures);
    WritePng(out / "filmstrip.png", strip.width, strip.height, strip.rgb);
  });
  draw(report.worst, "window of the greatest error", [&](const ImaginedPictures& pictures) {
    try {
      WriteImaginedFilm(out / "worst.mp4", pictures, InterruptToken());
    } catch (const DeviceError& error) {
      Log(std::string("reverie: no film: ") + error.what());
    }
  });
}

std::string Share(double value) { return std::isfinite(value) ? Format("%6.3f", value) : "     -"; }

void PrintTables(const ProbingReport& report) {
  size_t widest = 8;
  for (const ProbingReport::Quantity& quantity : report.quantities) widest = std::max(widest, quantity.label.size());
  const int width = static_cast<int>(widest);
  std::string ahead;
  for (const ProbingReport::Horizon& horizon : report.horizons) ahead += Format("  %6s", Format("+%d", horizon.predictions).c_str());
  const int block = static_cast<int>(ahead.size()) + 8;
  Print(Format("%-*s  %-*s  %-*s  %s", width, "", block - 2, "R-squared, linear", block - 2, "R-squared, MLP", "within 90%"));
  Print(Format("%-*s", width, "quantity") + "    seen" + ahead + "    seen" + ahead + ahead);
  const auto shares = [](const std::vector<double>& values) {
    std::string text;
    for (const double value : values) text += "  " + Share(value);
    return text;
  };
  for (const ProbingReport::Quantity& quantity : report.quantities) {
    Print(Format("%-*s", width, quantity.label.c_str()) + "  " + Share(quantity.linear) + shares(quantity.linear_imagined) +
          "  " + Share(quantity.mlp) + shares(quantity.mlp_imagined) + shares(quantity.coverage90));
  }
  Print("predictions ahead  latent error of no change  latent within 90%  picture, dB (seen: " + Format("%.1f)", report.psnr_db));
  for (const ProbingReport::Horizon& horizon : report.horizons) {
    Print(Format("%17d  %25.3f  %17s  %11.1f", horizon.predictions, horizon.error, Share(horizon.coverage90).c_str(),
                 horizon.psnr_db));
  }
}

int RunProbe(Options options) {
  std::vector<int>& horizons = options.probing.horizons;
  std::sort(horizons.begin(), horizons.end());
  horizons.erase(std::unique(horizons.begin(), horizons.end()), horizons.end());
  if (horizons.empty() || horizons.front() < 1) throw UsageError("--horizons: expected whole numbers from 1");
  const auto began = std::chrono::steady_clock::now();
  std::vector<DatasetReader> datasets;
  for (const std::string& folder : options.data) {
    datasets.emplace_back(folder);
    CheckSameSetup(datasets.front().info(), options.data.front(), datasets.back().info(), folder);
  }
  const std::shared_ptr<const CompiledTask> task = TaskOfDataset(datasets.front());
  const std::string kind = KindOfModel(ReadModelConfig(options.model));
  if (kind != "jepa") {
    throw CheckpointError("model " + options.model + ": expected one trained by --model jepa, whose latents are to be probed, "
                          "found a model of kind " + kind);
  }
  const std::string device = ResolveDevice(options.common.device);
  SetTorchThreads(options.common.Threads());
  const std::unique_ptr<Jepa> model = Jepa::Load(options.model, task, device, options.encoder);
  FrameWindows windows(datasets, options.data,
                       ProbingWindows(*model, options.probing, model->frames().cameras.front()));
  const FrameStream& stream = windows.stream();
  if (stream.width != model->frames().width || stream.height != model->frames().height) {
    throw DatasetError(Format("%s: expected pictures of %d x %d pixels, which the model sees, found %d x %d",
                              options.data.front().c_str(), model->frames().width, model->frames().height, stream.width,
                              stream.height));
  }
  if (windows.held_out_episodes() == 0) {
    throw DatasetError(options.data.front() + ": expected two episodes or more that are long enough, one of them held out to "
                       "measure on, found one");
  }
  const bool fitted = options.common.overwrite || !JepaProbes::ExistIn(options.model);
  if (!fitted && !options.probing.channels.empty()) {
    throw UsageError("--channels: the probes in " + options.model + " read what they were fitted to; --overwrite fits others");
  }
  QuantitiesOf(*task, options.probing.channels);  // refused before anything is made
  if (!options.out.empty()) PrepareOutput(options.out, options.common, kFiguresFile);
  options.probing.seed = options.common.seed;

  if (model->encoder() != nullptr) {
    std::optional<Progress> progress;
    EncoderFeaturesReport of_features;
    options.probing.features = EncoderFeatures::Of(
        datasets, stream, *model->encoder(), of_features,
        [&](int64_t done, int64_t all) {
          if (!progress) progress.emplace("features", all, "frames");
          progress->Update(done);
        },
        InterruptToken());
    if (!options.probing.features) throw InterruptedError("features computed so far are kept; the same command goes on");
    for (const std::string& damaged : of_features.damaged) Log("reverie: warning: features computed again: " + damaged);
  }
  std::unique_ptr<JepaProbes> probes;
  if (fitted) {
    Progress progress("probe", options.probing.steps, "updates");
    probes = FitProbes(
        *model, windows, options.probing, device,
        [&](int64_t updates, const JepaProbes::Losses& losses) {
          progress.Update(updates, Format("error %.3f, of pictures %.4f", losses.quantities, losses.picture));
        },
        InterruptToken());
    if (!probes) throw InterruptedError("nothing was written");
  } else {
    probes = JepaProbes::Load(options.model, *model, device);
    Log("reverie: the probes in " + options.model + " are measured as they are; --overwrite fits them again");
  }
  ProbingReport report;
  {
    Progress progress("measure", windows.held_out_episodes(), "episodes");
    report = MeasureProbes(*model, *probes, windows, options.probing, fitted,
                           [&](int64_t episodes) { progress.Update(episodes); }, InterruptToken());
  }
  if (report.windows == 0) throw InterruptedError("nothing was written");
  if (fitted && report.episodes < 2) {
    Log("reverie: warning: one episode is held out, so that no other shows how wide its intervals should be: coverage is not "
        "measured");
  }
  nlohmann::ordered_json json = {{"task", task->spec().name},
                                 {"model", options.model},
                                 {"data", options.data},
                                 {"seed", options.common.seed},
                                 {"device", device},
                                 {"fitted", fitted},
                                 {"steps", fitted ? options.probing.steps : 0},
                                 {"frame_skip", model->options().frame_skip}};
  json.update(report.ToJson());
  json["wall_s"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (fitted) {
    const FolderLock lock(options.model);
    probes->Save(options.model);
    WriteFileAtomically(std::filesystem::path(options.model) / kReportFile, json.dump(2) + "\n");
  }
  if (!options.out.empty()) {
    DrawWindows(options, *model, *probes, windows, report);
    WriteFileAtomically(std::filesystem::path(options.out) / kFiguresFile, json.dump(2) + "\n");
  }
  if (options.common.json) {
    PrintJson(json);
    return kDone;
  }
  PrintTables(report);
  Print(Format("%lld windows of %lld held-out episodes; a prediction is %d control steps", static_cast<long long>(report.windows),
               static_cast<long long>(report.episodes), model->options().frame_skip));
  if (fitted) Print("probes and decoder are in " + options.model + "/probes.safetensors");
  if (!options.out.empty()) Print("filmstrip and film are in " + options.out);
  return kDone;
}

}  // namespace

void AddProbe(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(app, "probe", "What a joint-embedding model's latents tell: quantities and pictures, seen and imagined");
  command.add_option("--model", options->model, "Folder of a model trained by --model jepa; its probes are kept there")->required();
  command.add_option("--encoder", options->encoder, "Where the frozen encoder is that the model was trained with (where it was)");
  command.add_option("--data", options->data, "One dataset or several; one in ten episodes is held out and measured on")->required();
  command.add_option("--steps", options->probing.steps, "Gradient updates of probes and decoder")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--horizons", options->probing.horizons, "Predictions ahead, separated by commas")
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--channels", options->probing.channels, "Channels of the observation to read, separated by commas (all)")
      ->delimiter(',');
  command.add_option("--out", options->out, "Folder for imagined.json, filmstrip.png and worst.mp4");
  AddCommonOptions(command, options->common, kSeed | kThreads | kDevice | kOverwrite);
  SetBody(command, [options] { return RunProbe(*options); });
}

}  // namespace reverie::cli
