// Work on tensors that is done again and again in the same memory. A GPU starts it as a whole, as a graph that was
// recorded once: launching its many small operations one by one takes longer than they do. Internal: needs Torch.
#pragma once

#include <functional>
#include <memory>

#include <torch/torch.h>

namespace at::accelerator {
struct Graph;
}

namespace reverie {

class Captured {
 public:
  /// @param device  the work's; the processor does it as it is given each time.
  explicit Captured(const torch::Device& device);
  ~Captured();

  /// Does `body`. It reads and writes the same tensors each time, and waits for no result of the device's. On a GPU the
  /// first calls do it as it is, so that libraries take the memory that they need, the next records it, and from then on
  /// what was recorded is done and `body` not called any more. Where a GPU cannot record it, it is done as it is.
  void Do(const std::function<void()>& body);

  bool recorded() const { return graph_ != nullptr; }

 private:
  /// @return  whether it could be.
  bool Record(const std::function<void()>& body);

  const torch::Device device_;
  int calls_ = 0;
  bool refused_ = false;
  std::unique_ptr<at::accelerator::Graph> graph_;
};

}  // namespace reverie
