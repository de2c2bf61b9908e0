#include "ui/desktop/scene_renderer.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

namespace reverie::desktop {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kTryAgain = std::chrono::seconds(3);

/// Of plain structs of MuJoCo's: padding may differ, which costs no more than a drawing.
template <typename T>
bool SameBytes(const T& a, const T& b) {
  static_assert(std::is_trivially_copyable_v<T>);
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

bool SameGhost(const Ghost& a, const Ghost& b) {
  return a.qpos == b.qpos && SameBytes(a.rgba, b.rgba);
}

bool SameTrace(const Trace& a, const Trace& b) {
  return a.points == b.points && SameBytes(a.rgba, b.rgba) && a.width_px == b.width_px;
}

bool SamePicture(const SceneRequest& a, const SceneRequest& b) {
  return a.task == b.task && a.width == b.width && a.height == b.height && a.state == b.state &&
         a.parameters == b.parameters && SameBytes(a.camera, b.camera) && SameBytes(a.option, b.option) &&
         SameBytes(a.render_flags, b.render_flags) && SameBytes(a.perturbation, b.perturbation) &&
         std::ranges::equal(a.ghosts, b.ghosts, SameGhost) && std::ranges::equal(a.traces, b.traces, SameTrace);
}

}  // namespace

struct SceneRenderer::Impl {
  mutable std::mutex mutex;
  std::condition_variable_any wake;
  std::optional<SceneRequest> next;
  std::string error;
  Latest<SceneFrame> frame;
  std::jthread thread;  // last: it ends before what it uses

  void Run(const std::stop_token& stop);
};

void SceneRenderer::Impl::Run(const std::stop_token& stop) {
  std::optional<SceneDrawer> drawer;  // made and ended on this thread; none after an error
  SceneRequest drawn;                 // what `frame` shows, or could not
  Clock::time_point failed_at{};
  for (;;) {
    std::optional<SceneRequest> request;
    {
      std::unique_lock lock(mutex);
      if (!wake.wait(lock, stop, [&] { return next.has_value(); })) return;
      request = std::exchange(next, std::nullopt);
    }
    const bool failed = failed_at != Clock::time_point{};
    if (failed && request->task == drawn.task && Clock::now() - failed_at < kTryAgain) continue;

    auto picture = std::make_shared<SceneFrame>();
    std::string problem;
    const std::shared_ptr<const SceneFrame> before = frame.Get();
    if (!failed && before && SamePicture(*request, drawn)) {
      *picture = *before;
      picture->serial = request->serial;
    } else {
      // A drawer whose context was lost since is replaced at once.
      for (int tries = drawer ? 2 : 1; tries > 0; --tries) {
        try {
          problem.clear();
          if (!drawer) drawer.emplace();
          drawer->Draw(*request, *picture);
          break;
        } catch (const std::exception& exception) {
          problem = exception.what();
          drawer.reset();
        }
      }
    }
    drawn = std::move(*request);
    failed_at = problem.empty() ? Clock::time_point{} : Clock::now();
    if (problem.empty()) frame.Set(std::move(picture));
    const std::lock_guard lock(mutex);
    error.swap(problem);
  }
}

SceneRenderer::SceneRenderer() : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::jthread([this](std::stop_token stop) { impl_->Run(stop); });
}

SceneRenderer::~SceneRenderer() = default;

void SceneRenderer::Submit(SceneRequest request) {
  std::optional<SceneRequest> replaced(std::move(request));  // freed after the lock
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->next.swap(replaced);
  }
  impl_->wake.notify_one();
}

std::shared_ptr<const SceneFrame> SceneRenderer::Frame() const {
  return impl_->frame.Get();
}

std::string SceneRenderer::error() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->error;
}

}  // namespace reverie::desktop
