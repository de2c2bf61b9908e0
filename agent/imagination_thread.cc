#include "agent/imagination_thread.h"

#include <chrono>
#include <exception>

#include "agent/imaginer.h"
#include "agent/job.h"

namespace reverie {

ImaginationThread::ImaginationThread(std::shared_ptr<const CompiledTask> task, ModelOpener open, int nice,
                                     std::function<void()> shown)
    : task_(std::move(task)),
      open_(std::move(open)),
      nice_(nice),
      on_shown_(std::move(shown)),
      thread_([this](std::stop_token stop) { Run(stop); }) {}

ImaginationThread::~ImaginationThread() = default;

void ImaginationThread::Show(Input input) {
  const std::lock_guard lock(mutex_);
  // A plan that was not looked at yet stays, unless there is a newer one.
  if (!input.plan && input_ && input_->plan && input_->now == input.now) input.plan = input_->plan;
  input_ = std::move(input);
  changed_.notify_one();
}

void ImaginationThread::Run(std::stop_token stop) {
  using Clock = std::chrono::steady_clock;
  LowerThreadPriority(nice_);
  std::unique_ptr<Imaginer> imagination;
  ModelChoice tried;
  Clock::duration rest{};
  while (!stop.stop_requested()) {
    Input input;
    {
      std::unique_lock lock(mutex_);
      // It takes at most half of a processor's time: what it shows may come late, the rest may not.
      changed_.wait_for(lock, stop, rest, [] { return false; });
      if (!changed_.wait(lock, stop, [&] { return input_.has_value(); })) return;
      input = std::move(*input_);
      input_.reset();
    }
    const Clock::time_point began = Clock::now();
    try {
      if (input.model.generation > 0 && (!imagination || !(input.model == tried))) {
        tried = input.model;
        auto next = std::make_unique<Imaginer>(task_, OpenChosenModel(input.model, task_, open_), input.model.name);
        // A newer checkpoint of the same model: what is usual is still known, what was shown stays until it is anew.
        if (imagination && imagination->name() == input.model.name) next->GoOnFrom(*imagination);
        imagination = std::move(next);
      }
      if (imagination && imagination->Look(input, stop)) {
        shown_.Set(std::make_shared<const Imagined>(imagination->shown()));
        on_shown_();
      }
    } catch (const std::exception&) {
      // Whatever keeps the model from being opened or asked, the planning thread meets and tells as well.
      imagination.reset();
    }
    rest = std::min<Clock::duration>(Clock::now() - began, std::chrono::milliseconds(200));
  }
}

}  // namespace reverie
