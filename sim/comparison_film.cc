#include "sim/comparison_film.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "sim/error.h"
#include "sim/picture.h"
#include "sim/pose_fit.h"
#include "sim/video.h"

namespace reverie {
namespace {

constexpr double kShortest = 3.0;    // s, without the last picture
constexpr double kHold = 1.0;        // s, the last picture
constexpr double kSmoothest = 60.0;  // pictures a second, at most
constexpr double kPlayable = 24.0;   // and at least: some players stumble over fewer
constexpr float kGhost[4] = {0.98f, 0.45f, 0.25f, 0.55f};
constexpr Colour kParted{235, 87, 64}, kTogether{64, 160, 190}, kInk{240, 240, 240}, kShade{20, 24, 30};

std::string Fixed(double value, int decimals) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, decimals).ptr;
  return {text, end};
}

/// How control steps become pictures.
struct Timing {
  int64_t stride = 1;  // control steps from one picture to the next
  int64_t repeat = 1;  // times that each is shown
  double slowed = 1;   // film time over real time
  double frames_per_second = 0;

  Timing(int64_t steps, double control_step_s) {
    const double real_s = static_cast<double>(steps) * control_step_s;
    slowed = std::max(1.0, kShortest / real_s);
    const double steps_per_s = 1 / (control_step_s * slowed);
    stride = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(steps_per_s / kSmoothest - 1e-9)));
    const double pictures_per_s = steps_per_s / static_cast<double>(stride);
    repeat = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(kPlayable / pictures_per_s - 1e-9)));
    frames_per_second = pictures_per_s * static_cast<double>(repeat);
  }
};

/// Captions, clock, label, bar and frame, over two pictures side by side.
struct Decoration {
  int size;
  int64_t steps, parts_at;
  double control_step_s, slowed;
  std::string label;

  void Draw(Picture& picture, int64_t step) const {
    const int scale = std::max(1, size / 240), margin = 4 * scale, line = 7 * scale + 2 * margin,
              bar = 4 * scale;
    const bool parted = parts_at > 0 && step >= parts_at;
    if (parted) {
      const int frame = 3 * scale;
      picture.Fill(size, 0, size, frame, kParted);
      picture.Fill(size, size - frame, size, frame, kParted);
      picture.Fill(size, 0, frame, size, kParted);
      picture.Fill(2 * size - frame, 0, frame, size, kParted);
    }
    const auto caption = [&](const std::string& text, int left) {
      picture.Fill(left, 2 * margin, TextWidth(text, scale) + 2 * margin, line, kShade, 0.6);
      picture.Write(text, left + margin, 3 * margin, scale, kInk);
    };
    caption("real", 2 * margin);
    caption(parted ? "predicted: parted at step " + std::to_string(parts_at) : "predicted",
            size + 2 * margin);
    const std::string clock = "step " + std::to_string(step) + "/" + std::to_string(steps) + "  " +
                              Fixed(static_cast<double>(step) * control_step_s, 2) + " s";
    caption(clock, size - 4 * margin - TextWidth(clock, scale));

    const int top = size - bar - line;
    picture.Fill(0, top, 2 * size, line + bar, kShade, 0.75);
    const std::string speed = slowed > 1.05 ? "slowed " + Fixed(slowed, 1) + "x" : "real time";
    const int speed_left = 2 * size - margin - TextWidth(speed, scale);
    picture.Write(speed, speed_left, top + margin, scale, kInk);
    picture.Write(FitText(label, scale, speed_left - 4 * margin), margin, top + margin, scale, kInk);

    const auto column = [&](int64_t at) { return static_cast<int>(2 * size * at / steps); };
    const int reached = column(step);
    const int turn = parts_at > 0 ? std::min(reached, column(std::min(parts_at, steps))) : reached;
    picture.Fill(0, size - bar, turn, bar, kTogether);
    picture.Fill(turn, size - bar, reached - turn, bar, kParted);
  }
};

void CheckShapes(const CompiledTask& task, const Episode& episode, int64_t start, size_t predicted) {
  const auto channels = static_cast<size_t>(task.channel_size());
  if (channels == 0 || predicted == 0 || predicted % channels != 0) {
    throw ShapeError("predicted channels: expected rows of " + std::to_string(channels) + " values, found " +
                     std::to_string(predicted) + " values");
  }
  const size_t rows = static_cast<size_t>(episode.steps) + 1,
               expected = rows * static_cast<size_t>(task.state_size());
  if (episode.integration_state.size() != expected) {
    throw ShapeError("integration states of episode " + std::to_string(episode.index) + ": expected " +
                     std::to_string(expected) + " values, found " +
                     std::to_string(episode.integration_state.size()));
  }
  const auto horizon = static_cast<int64_t>(predicted / channels);
  if (start < 0 || start + horizon > episode.steps) {
    throw ShapeError("window of " + std::to_string(horizon) + " steps from step " + std::to_string(start) +
                     ": episode " + std::to_string(episode.index) + " has " + std::to_string(episode.steps));
  }
}

}  // namespace

bool WriteComparisonFilm(const std::filesystem::path& path, std::shared_ptr<const CompiledTask> task,
                         const Episode& episode, int64_t start, std::span<const float> predicted,
                         const std::string& label, const ComparisonFilmOptions& options,
                         std::stop_token stop) {
  CheckShapes(*task, episode, start, predicted.size());
  const auto channels = static_cast<size_t>(task->channel_size());
  const auto steps = static_cast<int64_t>(predicted.size() / channels);
  const auto state = [&](int64_t row) {
    const auto size = static_cast<size_t>(task->state_size());
    return std::span(episode.integration_state).subspan(static_cast<size_t>(row) * size, size);
  };
  PoseFit fit(task);
  fit.Start(state(start), episode.model_parameters);
  const mjModel* model = fit.model();
  const DataPtr real(mj_makeData(model));
  if (!real) throw SceneError(task->scene().origin() + ": not enough memory for a simulation of it");

  const double control_step_s = task->env_step_s() * task->spec().action_repeat;
  const Timing timing(steps, control_step_s);
  const int size = options.size_px;
  const Decoration decoration{size, steps, options.parts_at, control_step_s, timing.slowed, label};
  const std::string camera = options.camera.empty() ? task->spec().camera : options.camera;
  Renderer renderer(model, size, size, options.quality);
  VideoWriter video(path, 2 * size, size, timing.frames_per_second);
  Picture picture(2 * size, size);
  std::vector<uint8_t> half(static_cast<size_t>(size) * static_cast<size_t>(size) * 3);
  std::vector<double> wanted(channels);

  for (int64_t step = 0; step <= steps; ++step) {
    if (stop.stop_requested()) return false;
    if (step > 0) {
      const auto row = predicted.subspan(static_cast<size_t>(step - 1) * channels, channels);
      std::copy(row.begin(), row.end(), wanted.begin());
      fit.Step(wanted);
    }
    if (step % timing.stride != 0 && step != steps) continue;
    task->SetState(model, real.get(), state(start + step));
    // A camera or a light that follows a body follows the real one in both halves.
    mjData* imagined = fit.data();
    mju_copy(imagined->cam_xpos, real->cam_xpos, 3 * model->ncam);
    mju_copy(imagined->cam_xmat, real->cam_xmat, 9 * model->ncam);
    mju_copy(imagined->light_xpos, real->light_xpos, 3 * model->nlight);
    mju_copy(imagined->light_xdir, real->light_xdir, 3 * model->nlight);
    renderer.AddGhost(model, imagined, kGhost);
    renderer.Render(model, real.get(), camera, half);
    picture.Paste(half, 0, 0, size, size);
    renderer.Render(model, imagined, camera, half);
    picture.Paste(half, size, 0, size, size);
    decoration.Draw(picture, step);
    const int64_t hold = step == steps ? std::llround(kHold * timing.frames_per_second) : 0;
    for (int64_t i = 0; i < timing.repeat + hold; ++i) video.Add(picture.rgb);
  }
  video.Finish();
  return true;
}

}  // namespace reverie
