#include "ui/cli/bench_pixels.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <functional>
#include <vector>

#include <unistd.h>

#include "sim/collect_dataset.h"
#include "sim/frame_recorder.h"
#include "sim/renderer.h"
#include "ui/cli/command.h"
#include "ui/cli/frame_options.h"

namespace reverie::cli {
namespace {

constexpr int kRepeats = 5;

struct Taken {
  double wall_s = 0, processor_s = 0;
};

double ProcessorSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

Taken TimeOf(const std::function<void()>& body) {
  const auto began = std::chrono::steady_clock::now();
  const double processor_before = ProcessorSeconds();
  body();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(),
          ProcessorSeconds() - processor_before};
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// Everything that `collect` does, to disk. @return  states in the dataset, and bytes of its file.
struct Collected {
  Taken taken;
  int64_t states = 0;
  uint64_t bytes = 0;
};
Collected CollectOnce(const std::shared_ptr<const CompiledTask>& task, const FrameSettings& frames, int threads,
                      int64_t steps) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("reverie-bench-pixels-" + std::to_string(getpid()));
  std::filesystem::remove_all(folder);
  CollectDatasetOptions options;
  options.folder = folder;
  options.run.steps = steps;
  options.run.workers = threads;
  options.run.frames = frames;
  Collected collected;
  CollectDatasetResult result;
  collected.taken = TimeOf([&] {
    result = CollectDataset(task, RandomPolicy(*task), options, nullptr, nullptr, InterruptToken());
  });
  collected.states = result.steps + result.episodes;
  std::error_code code;
  collected.bytes = std::filesystem::file_size(folder / "data/main_data.hdf5", code);
  std::filesystem::remove_all(folder, code);
  if (result.interrupted) throw InterruptedError("bench pixels was interrupted");
  return collected;
}

/// One state, drawn and compressed again and again. @return  seconds of processor time a frame.
double DrawingSeconds(const CompiledTask& task, const FrameSettings& frames, double seconds) {
  const DataPtr data(mj_makeData(task.model()));
  mj_forward(task.model(), data.get());
  FrameRecorder recorder(task.model(), frames);
  int64_t states = 0;
  const Taken taken = TimeOf([&] {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < end) {
      recorder.Start();
      for (int i = 0; i < 10; ++i, ++states) recorder.Add(task.model(), data.get());
    }
  });
  return taken.processor_s / static_cast<double>(states) / static_cast<double>(StreamsOf(frames).size());
}

}  // namespace

nlohmann::ordered_json BenchPixels(const std::shared_ptr<const CompiledTask>& task, const FrameSettings& frames,
                                   int threads, double seconds) {
  const auto streams = static_cast<double>(StreamsOf(frames).size());
  const double first_guess = DrawingSeconds(*task, frames, std::min(seconds, 0.5)) * streams;
  const auto steps = std::max<int64_t>(task->steps_per_episode(),
                                       static_cast<int64_t>(seconds / first_guess * static_cast<double>(threads)));
  std::vector<double> wall, processor, without, drawing;
  double bytes_a_frame = 0;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {  // in turn, so that a drifting machine hits all alike
    const Collected with = CollectOnce(task, frames, threads, steps);
    const Collected bare = CollectOnce(task, {}, threads, steps);
    const double drawn = static_cast<double>(with.states) * streams;
    wall.push_back(drawn / with.taken.wall_s);
    processor.push_back(drawn / with.taken.processor_s);
    without.push_back(bare.taken.processor_s / static_cast<double>(bare.states));
    drawing.push_back(DrawingSeconds(*task, frames, std::min(seconds, 0.5)));
    bytes_a_frame = (static_cast<double>(with.bytes) - static_cast<double>(bare.bytes)) / drawn;
  }
  return {{"task", task->spec().name},
          {"action_repeat", task->spec().action_repeat},
          {"frames", FramesJson(frames)},
          {"gl", DescribeGl()},
          {"threads", threads},
          {"control_steps", steps},
          {"frames_per_s", Median(wall)},
          {"frames_per_s_per_core", Median(processor)},
          {"ms_per_frame_drawing_and_compressing", Median(drawing) * 1e3},
          {"ms_per_step_without_frames", Median(without) * 1e3},
          {"bytes_per_frame", bytes_a_frame}};
}

}  // namespace reverie::cli
