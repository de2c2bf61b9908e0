#include "agent/planning_thread.h"

#include <exception>

#include "agent/job.h"
#include "sim/error.h"
#include "worldmodel/simulator_model.h"

namespace reverie {

std::unique_ptr<WorldModel> OpenChosenModel(const ModelChoice& choice, std::shared_ptr<const CompiledTask> task,
                                            const ModelOpener& open) {
  if (choice.name == "simulator") return std::make_unique<SimulatorModel>(std::move(task), 1);
  if (!open) {
    throw DeviceError("model " + choice.name + ": this build of reverie has no LibTorch (REVERIE_TORCH=OFF), so only " +
                      "'simulator' can be planned in");
  }
  std::unique_ptr<WorldModel> model = open(choice.name, std::move(task));
  model->SetThreads(1);
  return model;
}

PlanningThread::PlanningThread(std::shared_ptr<const CompiledTask> task, ModelOpener open,
                               std::shared_ptr<ThreadBudget> threads, int nice, std::function<void()> answered,
                               OpenedCallback opened)
    : task_(std::move(task)),
      open_(std::move(open)),
      threads_(std::move(threads)),
      nice_(nice),
      answered_(std::move(answered)),
      opened_(std::move(opened)),
      thread_([this](std::stop_token stop) { Run(stop); }) {}

PlanningThread::~PlanningThread() = default;

void PlanningThread::Choose(const ModelChoice& model) {
  const std::lock_guard lock(mutex_);
  wanted_ = model;
  changed_.notify_one();
}

void PlanningThread::Ask(PlanRequest request) {
  const std::lock_guard lock(mutex_);
  request_ = std::move(request);
  changed_.notify_one();
}

void PlanningThread::Withdraw() {
  const std::lock_guard lock(mutex_);
  request_.reset();
}

void PlanningThread::Run(std::stop_token stop) {
  LowerThreadPriority(nice_);
  ModelChoice tried, opened;  // generation 0 is none
  std::unique_ptr<WorldModel> model;
  std::unique_ptr<Planner> planner;
  uint64_t epoch = 0;
  int64_t last_step = 0;
  while (!stop.stop_requested()) {
    ModelChoice wanted;
    std::optional<PlanRequest> request;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return !(wanted_ == tried) || (request_ && model); })) return;
      wanted = wanted_;
      if (wanted == tried) request.swap(request_);
    }
    const uint64_t planned = wanted == tried ? request->epoch : 0;
    try {
      if (!(wanted == tried)) {
        tried = wanted;
        model = OpenChosenModel(wanted, task_, open_);
        opened = wanted;
        opened_({opened, tried, model->has_policy(), model->plans_to_pictures(), "", 0});
        continue;
      }
      if (!planner || request->epoch != epoch) {
        planner = std::make_unique<Planner>(request->options, task_->action_size());
        planner->Reset(request->seed);
        epoch = request->epoch;
        last_step = request->step - 1;
      }
      // Jobs come and go beside it: each plan takes what they leave.
      const ThreadBudget::Share share = threads_->Borrow(threads_->total());
      model->SetThreads(share.threads());
      auto answer = std::make_shared<PlanAnswer>();
      request->belief.past = request->timeline.Past(request->from, model->memory());
      request->belief.past_states = request->timeline.PastStates(request->from, model->memory());
      const int passed = static_cast<int>(std::max<int64_t>(0, request->step - last_step));
      answer->plan = planner->MakePlan(*model, request->belief, passed, stop);
      last_step = request->step;
      answer->candidates = planner->LastCandidates(request->shown_candidates);
      answer->serial = request->serial;
      answer->epoch = request->epoch;
      answer->from = request->from;
      answer->step = request->step;
      answer->belief = std::make_shared<const Belief>(std::move(request->belief));
      answer->model = opened;
      answer_.Set(std::move(answer));
      answered_();
    } catch (const std::exception& error) {  // a thread's entry point: what is wrong is told, not fatal
      const std::string text = error.what();
      if (!model) {  // the first could not be opened: there is always the simulator
        model = std::make_unique<SimulatorModel>(task_, 1);
        opened = {"simulator", tried.generation};
      }
      opened_({opened, tried, model->has_policy(), model->plans_to_pictures(), text.substr(0, text.find('\n')), planned});
    }
  }
}

}  // namespace reverie
