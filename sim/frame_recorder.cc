#include "sim/frame_recorder.h"

#include <algorithm>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "sim/error.h"
#include "sim/renderer.h"

namespace reverie {
namespace {

RenderQuality QualityOf(const FrameSettings& settings) {
  return settings.quality == "full" ? RenderQuality::kFull : RenderQuality::kFast;
}

template <class Value>
std::span<Value> As(std::span<uint8_t> bytes) {
  return {reinterpret_cast<Value*>(bytes.data()), bytes.size() / sizeof(Value)};
}

}  // namespace

std::string RendererCamera(const mjModel* model, const std::string& camera) {
  // A camera of the scene that is called "free" is meant by that name.
  return camera == kFreeCamera && !HasCamera(model, camera) ? "" : camera;
}

FrameSettings CompleteFrames(FrameSettings settings, const CompiledTask& task) {
  const mjModel* model = task.model();
  for (const int size : {settings.width, settings.height}) {
    if (size >= 1 && size <= kMostFramePixels) continue;
    throw ShapeError("frames of " + std::to_string(settings.width) + " x " + std::to_string(settings.height) +
                     " pixels: expected 1 to " + std::to_string(kMostFramePixels) + " a side");
  }
  if (settings.cameras.empty()) {
    const std::vector<std::string> of_scene = CameraLabels(model);
    const std::string& of_task = task.spec().camera;
    settings.cameras = {!of_task.empty() ? of_task : !of_scene.empty() ? of_scene.front() : kFreeCamera};
  }
  for (auto camera = settings.cameras.begin(); camera != settings.cameras.end(); ++camera) {
    if (std::find(settings.cameras.begin(), camera, *camera) != camera)
      throw SceneError("camera '" + *camera + "': expected each camera once, found it twice");
    if (*camera != kFreeCamera) CheckCamera(model, *camera);
  }
  CheckHidden(model, settings.hide);
  return settings;
}

void CheckFrames(const FrameSettings& settings, const mjModel* model) { FrameRecorder(model, settings); }

struct FrameRecorder::Impl {
  Impl(const mjModel* model, const FrameSettings& settings)
      : streams(StreamsOf(settings)), renderer(model, settings.width, settings.height, QualityOf(settings)) {
    for (const FrameStream& stream : streams) {
      cameras.push_back(RendererCamera(model, stream.camera));
      buffers.emplace_back(static_cast<size_t>(stream.frame_bytes()));
    }
    sequences.resize(streams.size());
    renderer.Hide(model, settings.hide);
    WarmUp(model);
  }

  /// Draws once: drivers set their compilers up and compile on first use, which is better not done by several threads
  /// at a time.
  void WarmUp(const mjModel* model) {
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    const DataPtr data(mj_makeData(model));
    if (!data) throw SceneError("not enough memory for a simulation of the scene");
    mj_forward(model, data.get());
    renderer.Look(model, data.get(), cameras.front());
    std::vector<uint8_t> pixels(static_cast<size_t>(renderer.width()) * static_cast<size_t>(renderer.height()) * 3);
    renderer.DrawPixels(pixels);
  }

  void DrawOne(FrameKind kind, std::span<uint8_t> frame) {
    switch (kind) {
      case FrameKind::kPixels: renderer.DrawPixels(frame); break;
      case FrameKind::kDepth: renderer.DrawDepth(As<float>(frame)); break;
      case FrameKind::kSegmentation: renderer.DrawSegmentation(As<int32_t>(frame)); break;
    }
  }

  std::vector<FrameStream> streams;
  std::vector<std::string> cameras;
  std::vector<std::vector<uint8_t>> buffers;
  Renderer renderer;
  FramePacker packer;
  std::vector<FrameSequence> sequences;
};

FrameRecorder::FrameRecorder(const mjModel* model, const FrameSettings& settings)
    : impl_(std::make_unique<Impl>(model, settings)) {}
FrameRecorder::~FrameRecorder() = default;

void FrameRecorder::Start() {
  for (FrameSequence& sequence : impl_->sequences) sequence.Keep(0);
}

void FrameRecorder::Add(const mjModel* model, mjData* data) {
  Impl& self = *impl_;
  const std::string* looking_from = nullptr;
  for (size_t i = 0; i < self.streams.size(); ++i) {
    // Streams of a kind follow one another, so cameras take turns; one camera alone is looked through once.
    if (looking_from == nullptr || *looking_from != self.cameras[i]) {
      self.renderer.Look(model, data, self.cameras[i]);
      looking_from = &self.cameras[i];
    }
    std::vector<uint8_t>& buffer = self.buffers[i];
    self.DrawOne(self.streams[i].kind, buffer);
    self.sequences[i].Add(self.packer.Pack(buffer, self.streams[i].element_bytes()));
  }
}

void FrameRecorder::Draw(const mjModel* model, mjData* data, const FrameStream& stream, std::span<uint8_t> frame) {
  Impl& self = *impl_;
  const auto found = std::find(self.streams.begin(), self.streams.end(), stream);
  if (found == self.streams.end()) {
    throw DatasetError("no stream of " + std::string(stream.group()) + " by camera '" + stream.camera + "' is drawn here");
  }
  self.renderer.Look(model, data, self.cameras[static_cast<size_t>(found - self.streams.begin())]);
  self.DrawOne(stream.kind, frame);
}

std::vector<FrameSequence> FrameRecorder::Take() {
  std::vector<FrameSequence> taken(impl_->streams.size());
  std::swap(taken, impl_->sequences);
  // The next episode will be much like this one.
  for (size_t i = 0; i < taken.size(); ++i) impl_->sequences[i].Reserve(taken[i].size(), taken[i].bytes());
  return taken;
}

}  // namespace reverie
