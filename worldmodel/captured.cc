#include "worldmodel/captured.h"

#include <exception>

#include <ATen/accelerator/Graph.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace reverie {
namespace {

constexpr int kAsGiven = 3;  // calls before it is recorded

}  // namespace

Captured::Captured(const torch::Device& device) : device_(device) {}

Captured::~Captured() = default;

void Captured::Do(const std::function<void()>& body) {
  if (device_.is_cuda() && !refused_ && !graph_ && ++calls_ > kAsGiven) refused_ = !Record(body);
  if (graph_) {
    graph_->replay();
  } else {
    body();
  }
}

bool Captured::Record(const std::function<void()>& body) {
  // The default stream cannot be recorded.
  const c10::impl::VirtualGuardImpl device(device_.type());
  const c10::Stream before = device.getStream(device_), own = device.getStreamFromGlobalPool(device_);
  device.synchronizeStream(before);
  device.exchangeStream(own);
  auto graph = std::make_unique<at::accelerator::Graph>();
  bool recorded = false, begun = false;
  try {
    // What other threads do meanwhile, as drawing or imagining, is none of its concern.
    graph->capture_begin({0, 0}, at::GraphCaptureMode::ThreadLocal);
    begun = true;
    body();
    graph->capture_end();
    recorded = true;
  } catch (const std::exception&) {
    try {
      if (begun) graph->capture_end();
    } catch (const c10::Error&) {  // of what could not be recorded
    }
  }
  device.exchangeStream(before);
  if (recorded) graph_ = std::move(graph);
  return recorded;
}

}  // namespace reverie
