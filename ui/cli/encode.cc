#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "sim/error.h"
#include "ui/cli/clips.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"
#include "worldmodel/device.h"
#include "worldmodel/safetensors.h"
#include "worldmodel/vjepa2.h"
#include "worldmodel/vjepa2_ac.h"

namespace reverie::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  CommonOptions common;
  std::string encoder, data, out, precision = "auto";
  bool predictor = false;
  int64_t surprise = 0;  // context frames; 0: none
  int64_t batch = 0;     // clips at a time; 0: by size and device
  WindowOptions window;
};

double Since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double PeakMemoryMb() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

VJepa2Options ModelOptions(const Options& options, bool predictor) {
  VJepa2Options model;
  model.device = ResolveDevice(options.common.device);
  if (options.precision == "float32") model.precision = VJepa2Precision::kFloat32;
  if (options.precision == "bfloat16") model.precision = VJepa2Precision::kBfloat16;
  model.predictor = predictor;
  return model;
}

/// Clips at a time: enough to keep the device busy, few enough that memory is the weights' and not theirs.
int64_t BatchSize(const Options& options, const std::string& device, int64_t tokens, int64_t clips) {
  const int64_t tokens_at_once = device == "cpu" ? 2048 : 16384;
  const int64_t batch = options.batch > 0 ? options.batch : std::max<int64_t>(1, tokens_at_once / tokens);
  return std::min(batch, clips);
}

/// What the tensors mean that a model made.
std::map<std::string, std::string> Origin(const Options& options, const std::string& precision) {
  return {{"encoder", std::filesystem::path(options.encoder).lexically_normal().string()},
          {"data", std::filesystem::path(options.data).lexically_normal().string()},
          {"precision", precision}};
}

int Report(const Options& options, nlohmann::ordered_json report, double load_s, double wall_s, int64_t clips) {
  report["threads"] = TorchThreads();
  report["load_s"] = load_s;
  report["wall_s"] = wall_s;
  report["windows_per_s"] = static_cast<double>(clips) / std::max(1e-9, wall_s);
  report["peak_memory_mb"] = PeakMemoryMb();
  report["out"] = options.out;
  if (options.common.json) {
    PrintJson(report);
  } else {
    Print(Format("%s: %lld windows of %lld tokens on %s in %s, %.1f s (%.2f windows/s)", options.out.c_str(),
                 static_cast<long long>(clips), report["tokens"].get<long long>(),
                 report["device"].get<std::string>().c_str(), report["precision"].get<std::string>().c_str(), wall_s,
                 report["windows_per_s"].get<double>()));
  }
  return kDone;
}

int EncodeClips(const Options& options) {
  const VJepa2Config config = ReadVJepa2Config(options.encoder);
  const std::unique_ptr<ClipSource> clips = OpenClips(options.data, options.encoder, config, options.window);
  const ClipShape all = clips->shape();
  const Clock::time_point began = Clock::now();
  const VJepa2Options model_options = ModelOptions(options, options.predictor || options.surprise > 0);
  const std::unique_ptr<VJepa2> model = VJepa2::Load(options.encoder, model_options);
  const double load_s = Since(began);
  const int64_t tokens = model->Tokens(all), size = config.hidden_size;
  const int64_t batch = BatchSize(options, model_options.device, tokens, all.clips);

  std::map<std::string, TensorType> tensors = {{"last_hidden_state", {"F32", {all.clips, tokens, size}}}};
  if (options.predictor) tensors["predictor_output"] = {"F32", {all.clips, tokens, size}};
  if (options.surprise > 0) tensors["surprise"] = {"F32", {all.clips}};
  if (!clips->starts().empty()) tensors["window_start"] = {"I64", {all.clips}};
  if (!clips->episodes().empty()) tensors["window_episode"] = {"I64", {all.clips}};
  SafetensorsWriter out(options.out, Origin(options, model->precision()), tensors);
  if (!clips->starts().empty()) out.Append("window_start", std::as_bytes(std::span(clips->starts())));
  if (!clips->episodes().empty()) out.Append("window_episode", std::as_bytes(std::span(clips->episodes())));

  const Clock::time_point started = Clock::now();
  const int64_t clip_size = all.pixels() / all.clips, clip_features = tokens * size;
  std::vector<float> pixels(static_cast<size_t>(batch * clip_size));
  std::vector<float> features(static_cast<size_t>(batch * clip_features));
  std::vector<float> predicted(options.predictor ? features.size() : 0);
  std::vector<float> surprise(static_cast<size_t>(options.surprise > 0 ? batch : 0));
  std::vector<int64_t> every_token(static_cast<size_t>(tokens));
  std::iota(every_token.begin(), every_token.end(), 0);
  {
    Progress progress("encode", all.clips, "windows");
    for (int64_t done = 0; done < all.clips;) {
      if (InterruptToken().stop_requested()) throw InterruptedError("no file was left");
      ClipShape shape = all;
      shape.clips = std::min(batch, all.clips - done);
      const auto count = static_cast<size_t>(shape.clips);
      for (size_t i = 0; i < count; ++i) {
        const auto one = static_cast<size_t>(clip_size);
        clips->Read(std::span(pixels).subspan(i * one, one));
      }
      const std::span<float> given = std::span(pixels).first(count * static_cast<size_t>(clip_size));
      const std::span<float> encoded = std::span(features).first(count * static_cast<size_t>(clip_features));
      model->Encode(given, shape, encoded);
      out.Append("last_hidden_state", std::as_bytes(encoded));
      if (options.predictor) {
        const std::span<float> masked = std::span(predicted).first(encoded.size());
        model->Predict(encoded, shape.clips, every_token, every_token, masked);
        out.Append("predictor_output", std::as_bytes(masked));
      }
      if (options.surprise > 0) {
        const std::span<float> errors = std::span(surprise).first(count);
        model->Surprise(given, shape, encoded, options.surprise, errors);
        out.Append("surprise", std::as_bytes(errors));
      }
      done += shape.clips;
      progress.Update(done, Format("%.2f windows/s", static_cast<double>(done) / Since(started)));
    }
  }
  out.Finish();
  return Report(options,
                {{"encoder", options.encoder},
                 {"data", options.data},
                 {"windows", all.clips},
                 {"frames", all.frames},
                 {"height", all.height},
                 {"width", all.width},
                 {"tokens", tokens},
                 {"hidden_size", size},
                 {"predictor", options.predictor},
                 {"batch", batch},
                 {"device", model_options.device},
                 {"precision", model->precision()}},
                load_s, Since(started), all.clips);
}

/// The tensor as numbers. @param expected  its shape; 0 where any extent will do.
std::vector<float> ReadFloats(const SafetensorsReader& file, const std::string& name,
                              const std::vector<int64_t>& expected) {
  const auto found = file.tensors().find(name);
  if (found == file.tensors().end()) {
    throw CheckpointError(file.path().string() + ": tensor '" + name + "' is missing; expected F32 " +
                          "last_hidden_state, actions, states, and extrinsics where the model takes them");
  }
  const std::vector<int64_t>& shape = found->second.shape;
  bool fits = found->second.dtype == "F32" && shape.size() == expected.size() && found->second.elements() > 0;
  for (size_t i = 0; fits && i < shape.size(); ++i) fits = expected[i] == 0 || shape[i] == expected[i];
  if (!fits) {
    std::string text = TensorType{"F32", expected}.text();
    throw CheckpointError(file.path().string() + ": " + name + ": expected " + text + " (0: any), found " +
                          found->second.text());
  }
  std::vector<float> values(static_cast<size_t>(found->second.elements()));
  file.Read(name, 0, std::as_writable_bytes(std::span(values)));
  return values;
}

/// A V-JEPA 2-AC predictor in place of an encoder: tokens, actions and states in, the next frames' tokens out.
int PredictActions(const Options& options) {
  if (options.predictor || options.surprise > 0 || options.window.frames > 0 || options.window.stride > 0) {
    throw UsageError("--predictor, --surprise, --window and --stride go with an encoder, not with a V-JEPA 2-AC predictor");
  }
  const VJepa2AcConfig config = ReadVJepa2AcConfig(options.encoder);
  const int64_t patches = config.grid_height * config.grid_width;
  const SafetensorsReader data(options.data);
  const auto actions = ReadFloats(data, "actions", {0, 0, config.action_embed_dim});
  const int64_t clips = data.tensors().at("actions").shape[0], frames = data.tensors().at("actions").shape[1];
  const auto states = ReadFloats(data, "states", {clips, frames, config.action_embed_dim});
  const auto features = ReadFloats(data, "last_hidden_state", {clips, frames * patches, config.embed_dim});
  std::vector<float> extrinsics;
  if (config.use_extrinsics) extrinsics = ReadFloats(data, "extrinsics", {clips, frames, config.action_embed_dim - 1});
  const Clock::time_point began = Clock::now();
  const VJepa2Options model_options = ModelOptions(options, true);
  const std::unique_ptr<VJepa2AcPredictor> model = VJepa2AcPredictor::Load(options.encoder, model_options);
  const double load_s = Since(began);
  const Clock::time_point started = Clock::now();
  std::vector<float> predicted(features.size());
  model->Predict(features, actions, states, extrinsics, clips, frames, predicted);
  const double wall_s = Since(started);
  if (InterruptToken().stop_requested()) throw InterruptedError("no file was left");
  SafetensorsWriter out(options.out, Origin(options, model->precision()),
                        {{"predictor_output", {"F32", {clips, frames * patches, config.embed_dim}}}});
  out.Append("predictor_output", std::as_bytes(std::span(predicted)));
  out.Finish();
  return Report(options,
                {{"encoder", options.encoder},
                 {"data", options.data},
                 {"windows", clips},
                 {"frames", frames},
                 {"tokens", frames * patches},
                 {"hidden_size", config.embed_dim},
                 {"device", model_options.device},
                 {"precision", model->precision()}},
                load_s, wall_s, clips);
}

int RunEncode(const Options& options) {
  if (!options.common.overwrite && std::filesystem::exists(options.out)) {
    throw Error(options.out + ": the file exists; give another --out, or --overwrite to replace it");
  }
  SetTorchThreads(options.common.Threads());
  const std::string type = ReadModelType(options.encoder);
  if (type == "vjepa2_ac") return PredictActions(options);
  return EncodeClips(options);
}

}  // namespace

void AddEncode(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(app, "encode", "Features of films, datasets and frames with published V-JEPA 2 weights");
  command.add_option("--encoder", options->encoder, "Folder with config.json and model.safetensors")->required();
  command.add_option("--data", options->data, "A film, a dataset with pixels, or safetensors with normalised pixel_values (B, T, 3, H, W)")
      ->required();
  command.add_option("--out", options->out, "Safetensors file with last_hidden_state (B, N, D)")->required();
  command.add_flag("--predictor", options->predictor, "predictor_output too: every token from every token");
  command.add_option("--surprise", options->surprise,
                     "surprise too: error of each window's tokens predicted from its first N frames")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  command.add_option("--window", options->window.frames, "Frames of a window (the model's frames_per_clip)")
      ->check(CLI::PositiveNumber);
  command.add_option("--stride", options->window.stride, "Frames from window to window (as many as it has)")
      ->check(CLI::PositiveNumber);
  command.add_option("--episode", options->window.episode, "Only this episode of a dataset, from 0 (all)")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--camera", options->window.camera, "Camera of a dataset's pictures (its first)");
  command.add_option("--batch", options->batch, "Windows at a time (by size and device)")->check(CLI::PositiveNumber);
  command.add_option("--precision", options->precision, "float32, bfloat16, or auto: as the weights are stored")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16"}))
      ->capture_default_str();
  AddCommonOptions(command, options->common, kThreads | kDevice | kOverwrite);
  SetBody(command, [options] { return RunEncode(*options); });
}

}  // namespace reverie::cli
