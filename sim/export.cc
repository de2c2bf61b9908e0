#include "sim/export.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <system_error>

#include <nlohmann/json.hpp>

#include "sim/error.h"
#include "sim/files.h"
#include "sim/hdf5_column.h"
#include "sim/hdf5_file.h"
#include "sim/npz.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

/// Takes episodes one after the other.
class Exporter {
 public:
  virtual ~Exporter() = default;
  virtual void Add(const Episode& episode) = 0;
  virtual void Finish() = 0;
  int64_t rows = 0;
};

std::vector<double> WithLastRow(std::vector<double> steps, int64_t columns, double value) {
  steps.insert(steps.end(), static_cast<size_t>(columns), value);
  return steps;
}

std::vector<double> LastOnly(int64_t rows, bool last) {
  std::vector<double> values(static_cast<size_t>(rows), 0.0);
  if (rows > 0) values.back() = last;
  return values;
}

size_t StreamOfCamera(const std::vector<FrameStream>& streams, const std::string& camera, const std::string& where) {
  std::vector<std::string> known;
  for (size_t i = 0; i < streams.size(); ++i) {
    if (streams[i].kind != FrameKind::kPixels) continue;
    if (streams[i].camera == camera) return i;
    known.push_back("'" + streams[i].camera + "'");
  }
  throw DatasetError(where + ": expected frames of camera '" + camera + "', found " +
                     (known.empty() ? "a dataset without frames (collect --pixels records them)"
                                    : "those of " + Join(known)));
}

class OgbenchExporter : public Exporter {
 public:
  OgbenchExporter(const fs::path& out, const DatasetReader& dataset, const std::string& camera) : archive_(out) {
    using Type = NpzWriter::Type;
    const DatasetInfo& info = dataset.info();
    streams_ = StreamsOf(info.frames);
    if (!camera.empty()) stream_ = StreamOfCamera(streams_, camera, dataset.folder().string());
    if (stream_) {
      archive_.AddArray("observations", Type::kUint8, streams_[*stream_].shape());
    } else {
      archive_.AddArray("observations", Type::kFloat32, {info.observation_size});
    }
    archive_.AddArray("actions", Type::kFloat32, {action_size_ = info.action_size});
    archive_.AddArray("terminals", Type::kBool, {});
    archive_.AddArray("rewards", Type::kFloat32, {});
    archive_.AddArray("qpos", Type::kFloat32, {info.qpos_size});
    archive_.AddArray("qvel", Type::kFloat32, {info.qvel_size});
  }
  void Add(const Episode& episode) override {
    if (stream_) {
      const FrameSequence& frames = episode.frames[*stream_];
      std::vector<uint8_t> frame(static_cast<size_t>(streams_[*stream_].frame_bytes()));
      for (int64_t t = 0; t < frames.size(); ++t) {
        UnpackFrame(frames[t], 1, frame, "episode " + std::to_string(episode.index));
        archive_.Append("observations", frame);
      }
    } else {
      archive_.Append("observations", episode.observations);
    }
    archive_.Append("actions", WithLastRow(episode.actions, action_size_, 0.0));
    archive_.Append("terminals", LastOnly(episode.steps + 1, true));
    archive_.Append("rewards", WithLastRow(episode.rewards, 1, 0.0));
    archive_.Append("qpos", episode.qpos);
    archive_.Append("qvel", episode.qvel);
    rows += episode.steps + 1;
  }
  void Finish() override { archive_.Finish(); }

 private:
  NpzWriter archive_;
  std::vector<FrameStream> streams_;
  std::optional<size_t> stream_;
  int64_t action_size_ = 0;
};

/// An HDF5 file that appears whole.
class Hdf5Exporter : public Exporter {
 public:
  Hdf5Exporter(const fs::path& out, Hdf5Format format) : out_(out), file_(Hdf5File::Create(PartialPath(out), format)) {}
  ~Hdf5Exporter() override {
    std::error_code ignored;
    fs::remove(PartialPath(out_), ignored);
  }
  void Finish() override {
    Complete();
    file_.Close();
    CommitFile(PartialPath(out_), out_);
  }

 protected:
  virtual void Complete() = 0;
  fs::path out_;
  Hdf5File file_;
};

class StableWorldmodelExporter : public Hdf5Exporter {
 public:
  StableWorldmodelExporter(const fs::path& out, const DatasetReader& dataset)
      : Hdf5Exporter(out, Hdf5Format::kNewest),  // its loader opens files as SWMR, which the oldest format cannot be
        info_(dataset.info()),
        observation_(file_.root(), "observation", Type::kFloat32, {info_.observation_size}),
        action_(file_.root(), "action", Type::kFloat32, {info_.action_size}),
        reward_(file_.root(), "reward", Type::kFloat32, {}),
        qpos_(file_.root(), "qpos", Type::kFloat64, {info_.qpos_size}),
        qvel_(file_.root(), "qvel", Type::kFloat64, {info_.qvel_size}),
        terminated_(file_.root(), "terminated", Type::kUint8, {}),
        truncated_(file_.root(), "truncated", Type::kUint8, {}),
        episode_(file_.root(), "ep_idx", Type::kInt32, {}),
        step_(file_.root(), "step_idx", Type::kInt32, {}),
        length_(file_.root(), "ep_len", Type::kInt32, {}),
        offset_(file_.root(), "ep_offset", Type::kInt64, {}) {
    for (const FrameStream& stream : StreamsOf(info_.frames)) {
      const bool first = stream.camera == info_.frames.cameras.front();
      const std::string name = std::string(stream.group()) + (first ? "" : "_" + stream.name());
      frames_.emplace_back(file_.root(), name, stream);
    }
  }
  void Add(const Episode& episode) override {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    const int64_t states = episode.steps + 1;
    observation_.Append(episode.observations);
    action_.Append(WithLastRow(episode.actions, info_.action_size, kNone));
    reward_.Append(WithLastRow(episode.rewards, 1, kNone));
    qpos_.Append(episode.qpos);
    qvel_.Append(episode.qvel);
    terminated_.Append(LastOnly(states, episode.terminated));
    truncated_.Append(LastOnly(states, episode.truncated));
    std::vector<double> indices(static_cast<size_t>(states), static_cast<double>(length_.rows()));
    episode_.Append(indices);
    for (size_t t = 0; t < indices.size(); ++t) indices[t] = static_cast<double>(t);
    step_.Append(indices);
    length_.Append(std::vector<double>{static_cast<double>(states)});
    offset_.Append(std::vector<double>{static_cast<double>(rows)});
    for (size_t i = 0; i < frames_.size(); ++i) frames_[i].Append(episode.frames[i], 0, states);
    rows += states;
  }

 private:
  using Type = Hdf5Column::Type;
  void Complete() override {}
  const DatasetInfo& info_;
  Hdf5Column observation_, action_, reward_, qpos_, qvel_, terminated_, truncated_, episode_, step_, length_, offset_;
  std::vector<Hdf5Column> frames_;
};

class RobomimicExporter : public Hdf5Exporter {
 public:
  RobomimicExporter(const fs::path& out, const DatasetReader& dataset)
      : Hdf5Exporter(out, Hdf5Format::kOldest),
        info_(dataset.info()),
        streams_(StreamsOf(info_.frames)),
        data_(file_.root().CreateGroup("data")) {}
  void Add(const Episode& episode) override {
    const int64_t steps = episode.steps;
    Hdf5Group demo = data_.CreateGroup("demo_" + std::to_string(demos_++));
    demo.SetInteger("num_samples", steps);
    const auto all_but = [&](const std::vector<double>& states, int64_t columns, bool first) {
      const auto skip = static_cast<std::ptrdiff_t>(columns);
      return first ? std::vector<double>(states.begin() + skip, states.end())
                   : std::vector<double>(states.begin(), states.end() - skip);
    };
    demo.WriteDoubles("actions", {steps, info_.action_size}, episode.actions);
    demo.WriteDoubles("rewards", {steps}, episode.rewards);
    Hdf5Column(demo, "dones", Hdf5Column::Type::kInt64, {}).Append(LastOnly(steps, true));
    demo.WriteDoubles("states", {steps, info_.state_size},
                      all_but(episode.integration_state, info_.state_size, false));
    for (const bool next : {false, true}) {
      Hdf5Group observations = demo.CreateGroup(next ? "next_obs" : "obs");
      observations.WriteDoubles("state", {steps, info_.observation_size},
                                all_but(episode.observations, info_.observation_size, next));
      for (size_t i = 0; i < streams_.size(); ++i) {
        const char* kind = streams_[i].kind == FrameKind::kPixels ? "image" : streams_[i].group();
        Hdf5Column(observations, streams_[i].name() + "_" + kind, streams_[i]).Append(episode.frames[i], next, steps);
      }
    }
    rows += steps;
  }

 private:
  void Complete() override {
    constexpr int kGymType = 2;  // robomimic's EnvType
    data_.SetInteger("total", rows);
    data_.SetString("env_args", nlohmann::ordered_json{{"env_name", info_.task_name},
                                                       {"type", kGymType},
                                                       {"env_kwargs", nlohmann::json::object()}}
                                    .dump());
  }
  const DatasetInfo& info_;
  std::vector<FrameStream> streams_;
  Hdf5Group data_;
  int64_t demos_ = 0;
};

}  // namespace

const std::vector<std::string>& ExportFormats() {
  static const std::vector<std::string> formats{"ogbench", "stable-worldmodel", "robomimic"};
  return formats;
}

std::string ExportSuffix(const std::string& format) {
  return format == "ogbench" ? ".npz" : format == "robomimic" ? ".hdf5" : ".h5";
}

ExportResult ExportDataset(const DatasetReader& dataset, const fs::path& out, const ExportOptions& options,
                           const std::function<void(int64_t)>& progress, std::stop_token stop) {
  std::unique_ptr<Exporter> exporter;
  if (options.format == "ogbench") exporter = std::make_unique<OgbenchExporter>(out, dataset, options.camera);
  if (options.format == "stable-worldmodel") exporter = std::make_unique<StableWorldmodelExporter>(out, dataset);
  if (options.format == "robomimic") exporter = std::make_unique<RobomimicExporter>(out, dataset);
  if (!exporter) {
    throw Error("export format: expected one of " + Join(ExportFormats()) + ", found '" + options.format + "'");
  }
  const bool frames = options.format != "ogbench" || !options.camera.empty();
  ExportResult result;
  for (int64_t k = 0; k < dataset.episodes(); ++k) {
    if (stop.stop_requested()) {
      result.interrupted = true;
      return result;
    }
    exporter->Add(frames ? dataset.ReadWithFrames(k) : dataset.Read(k));
    ++result.episodes;
    if (progress) progress(result.episodes);
  }
  exporter->Finish();
  result.rows = exporter->rows;
  return result;
}

}  // namespace reverie
