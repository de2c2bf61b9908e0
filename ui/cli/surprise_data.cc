#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <vector>

#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/files.h"
#include "sim/replay.h"
#include "ui/cli/surprise.h"
#include "worldmodel/device.h"
#include "worldmodel/safetensors.h"

namespace reverie::cli {
namespace {

constexpr int64_t kFramesAtOnce = 512;
constexpr int64_t kTop = 10;

/// Of every frame of a dataset, one episode behind the other.
struct Scores {
  std::vector<int64_t> episode, step;
  std::vector<float> surprise, error, expected;
};

/// The stream of a dataset that shows what the model sees. @throws DatasetError.
FrameStream StreamFor(const FrameSettings& seen, const DatasetInfo& info, const std::string& name) {
  const auto refuse = [&](const std::string& expected, const std::string& found) {
    throw DatasetError(name + ": expected pictures as the model sees them, " + expected + ", found " + found);
  };
  const auto size = [](const FrameSettings& frames) { return std::to_string(frames.width) + " x " + std::to_string(frames.height); };
  const std::string& camera = seen.cameras.front();
  if (info.frames.empty()) refuse(size(seen) + " by camera '" + camera + "'", "a dataset without any");
  if (info.frames.width != seen.width || info.frames.height != seen.height) refuse(size(seen), size(info.frames));
  if (info.frames.quality != seen.quality) refuse("quality " + seen.quality, info.frames.quality);
  const auto hidden = [](const FrameSettings& frames) { return frames.hide.empty() ? "with everything" : "without " + Join(frames.hide); };
  if (info.frames.hide != seen.hide) refuse(hidden(seen), hidden(info.frames));
  for (const FrameStream& stream : StreamsOf(info.frames)) {
    if (stream.kind == FrameKind::kPixels && stream.camera == camera) return stream;
  }
  refuse("by camera '" + camera + "'", "those of " + Join(info.frames.cameras));
  return {};
}

void ScoreEpisode(const FrameJudge& judge, const DatasetReader& dataset, const FrameStream& stream, int64_t k, Scores& scores) {
  const Episode episode = dataset.ReadTransitions(k);
  const std::vector<int> proprioception = judge.proprioception();
  const int64_t frames = episode.steps + 1, before = judge.first_judged();
  const auto nu = static_cast<int64_t>(dataset.info().action_size), width = static_cast<int64_t>(dataset.info().observation_size);
  for (int64_t from = 0, judged = 0; judged < frames; from = judged - before) {
    const int64_t count = std::min(frames - from, before + kFramesAtOnce);
    const std::vector<uint8_t> pixels = dataset.ReadFrames(k, stream, from, count);
    std::vector<float> felt;
    for (int64_t t = from; t < from + count; ++t) {
      for (const int element : proprioception)
        felt.push_back(static_cast<float>(episode.observations[static_cast<size_t>(t * width + element)]));
    }
    const auto first = episode.actions.begin() + from * nu;
    const std::vector<float> actions(first, first + (count - 1) * nu);
    const FrameSurprise part = judge.Judge(count, pixels, actions, felt);
    for (int64_t t = judged; t < from + count; ++t) {
      scores.episode.push_back(k);
      scores.step.push_back(t);
      const auto i = static_cast<size_t>(t - from);
      scores.surprise.push_back(part.surprise[i]);
      scores.error.push_back(part.error[i]);
      scores.expected.push_back(part.expected[i]);
    }
    judged = from + count;
  }
}

/// Frames that surprise most, each the greatest of its neighbourhood.
std::vector<size_t> Moments(const Scores& scores, int64_t apart, int64_t most) {
  std::vector<size_t> order(scores.surprise.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [&](size_t i) { return !std::isfinite(scores.surprise[i]); });
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores.surprise[a] > scores.surprise[b]; });
  std::vector<size_t> moments;
  for (const size_t i : order) {
    if (static_cast<int64_t>(moments.size()) == most) break;
    const bool near = std::any_of(moments.begin(), moments.end(), [&](size_t other) {
      return scores.episode[other] == scores.episode[i] && std::abs(scores.step[other] - scores.step[i]) <= apart;
    });
    if (!near) moments.push_back(i);
  }
  return moments;
}

/// Of numbers in ascending order, the one below which a share of them lies.
double Quantile(const std::vector<float>& sorted, double share) {
  return sorted[static_cast<size_t>(std::lround(share * static_cast<double>(sorted.size() - 1)))];
}

std::string NumberText(float value) {
  if (!std::isfinite(value)) return "";
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), value).ptr};
}

std::string Csv(const Scores& scores, double control_step_s) {
  std::string text = "episode,step,time_s,surprise,error,expected\n";
  for (size_t i = 0; i < scores.step.size(); ++i) {
    text += std::to_string(scores.episode[i]) + "," + std::to_string(scores.step[i]) + "," +
            NumberText(static_cast<float>(static_cast<double>(scores.step[i]) * control_step_s)) + "," +
            NumberText(scores.surprise[i]) + "," + NumberText(scores.error[i]) + "," + NumberText(scores.expected[i]) + "\n";
  }
  return text;
}

/// Scores by episode; null where nothing was predicted.
nlohmann::ordered_json EpisodesJson(const Scores& scores) {
  nlohmann::ordered_json episodes = nlohmann::ordered_json::array();
  for (size_t i = 0; i < scores.step.size(); ++i) {
    if (scores.step[i] == 0) episodes.push_back({{"episode", scores.episode[i]}});
    const auto add = [&](const char* key, float value) {
      episodes.back()[key].push_back(std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json());
    };
    add("surprise", scores.surprise[i]);
    add("error", scores.error[i]);
    add("expected", scores.expected[i]);
  }
  return episodes;
}

void WriteScores(const std::string& out, const Scores& scores, const SurpriseOptions& options,
                 const nlohmann::ordered_json& report, double control_step_s) {
  const std::string extension = std::filesystem::path(out).extension().string();
  if (extension == ".csv") {
    WriteFileAtomically(out, Csv(scores, control_step_s));
  } else if (extension == ".json") {
    nlohmann::ordered_json whole = report;
    whole["scores"] = EpisodesJson(scores);
    WriteFileAtomically(out, whole.dump() + "\n");
  } else {
    Safetensors file;
    file.metadata = {{"model", NameOf(options)}, {"data", options.data}};
    const auto put = [&](const char* name, const char* type, const auto& values) {
      const auto bytes = std::as_bytes(std::span(values));
      file.tensors[name] = {type, {static_cast<int64_t>(values.size())},
                            std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())};
    };
    put("episode", "I64", scores.episode);
    put("step", "I64", scores.step);
    put("surprise", "F32", scores.surprise);
    put("error", "F32", scores.error);
    put("expected", "F32", scores.expected);
    WriteSafetensors(out, file);
  }
}

}  // namespace

int RunSurpriseOfData(const SurpriseOptions& options) {
  if (!options.out.empty()) {
    const std::string extension = std::filesystem::path(options.out).extension().string();
    if (extension != ".json" && extension != ".csv" && extension != ".safetensors") {
      throw UsageError("--out " + options.out + ": expected a file that ends in .json, .csv or .safetensors");
    }
    CheckNotThere(options.out, "--out", options.common);
  }
  const DatasetReader dataset(options.data);
  const std::shared_ptr<const CompiledTask> task = TaskOfDataset(dataset);
  SetTorchThreads(options.common.Threads());
  const std::unique_ptr<FrameJudge> judge = OpenJudge(options, task, &dataset.info());
  const FrameStream stream = StreamFor(judge->frames(), dataset.info(), options.data);
  Scores scores;
  {
    Progress progress("surprise", dataset.episodes(), "episodes");
    for (int64_t k = 0; k < dataset.episodes(); ++k) {
      if (InterruptToken().stop_requested()) throw InterruptedError("nothing was written");
      ScoreEpisode(*judge, dataset, stream, k, scores);
      progress.Update(k + 1);
    }
  }
  std::vector<float> sorted;
  for (const float value : scores.surprise) {
    if (std::isfinite(value)) sorted.push_back(value);
  }
  if (sorted.empty()) {
    throw DatasetError(options.data + ": expected an episode of at least " + std::to_string(judge->first_judged()) +
                       " control steps, as far as the model looks ahead, found none");
  }
  std::sort(sorted.begin(), sorted.end());
  const double control_step_s = task->env_step_s() * task->spec().action_repeat;
  const double median = Quantile(sorted, 0.5), most = Quantile(sorted, 0.99);
  const std::vector<size_t> moments = Moments(scores, judge->first_judged(), options.top > 0 ? options.top : kTop);
  nlohmann::ordered_json report = {{"task", task->spec().name},
                                   {"model", NameOf(options)},
                                   {"data", options.data},
                                   {"episodes", dataset.episodes()},
                                   {"frames", scores.step.size()},
                                   {"judged", sorted.size()},
                                   {"frame_skip", judge->ahead()},
                                   {"control_step_s", control_step_s},
                                   {"median", median},
                                   {"p99", most},
                                   {"max", sorted.back()}};
  nlohmann::ordered_json& told = report["moments"] = nlohmann::ordered_json::array();
  for (const size_t i : moments) {
    told.push_back({{"episode", scores.episode[i]},
                    {"step", scores.step[i]},
                    {"time_s", static_cast<double>(scores.step[i]) * control_step_s},
                    {"surprise", scores.surprise[i]},
                    {"error", scores.error[i]},
                    {"expected", scores.expected[i]}});
  }
  if (!options.out.empty()) {
    report["out"] = options.out;
    WriteScores(options.out, scores, options, report, control_step_s);
  }
  if (options.common.json) {
    PrintJson(report);
    return kDone;
  }
  Print("episode    step    time  surprise   error  expected");
  for (const size_t i : moments) {
    Print(Format("%7lld  %6lld  %5.2f s  %8.2f  %6.3f  %8.3f", static_cast<long long>(scores.episode[i]),
                 static_cast<long long>(scores.step[i]), static_cast<double>(scores.step[i]) * control_step_s,
                 scores.surprise[i], scores.error[i], scores.expected[i]));
  }
  Print(Format("%zu frames of %lld episodes judged: surprise %.2f in the median, 99 of 100 below %.2f", sorted.size(),
               static_cast<long long>(dataset.episodes()), median, most) +
        (options.out.empty() ? "" : "; scores in " + options.out));
  return kDone;
}

}  // namespace reverie::cli
