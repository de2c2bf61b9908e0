#include "agent/session.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "agent/session_core.h"
#include "agent/session_episodes.h"
#include "sim/error.h"

namespace reverie {
namespace {

// How much less urgent each thread is than the window and the physics.
constexpr int kPlanningNice = 2, kImaginationNice = 5;

}  // namespace

struct Session::Impl {
  std::shared_ptr<const CompiledTask> task;
  SessionOptions options;

  mutable std::mutex mutex;
  std::condition_variable_any wake;
  mutable std::condition_variable idle;
  std::deque<std::function<void(SessionCore&)>> commands;  // guarded by mutex, as the next three
  uint64_t given = 0, done = 0;
  bool busy = false;
  std::function<void()> on_snapshot;

  Latest<SessionSnapshot> snapshot;
  std::unique_ptr<SessionCore> core;
  std::unique_ptr<PlanningThread> planning;
  std::unique_ptr<ImaginationThread> imagination;
  std::jthread thread;  // stopped first: it speaks to the others

  void Give(std::function<void(SessionCore&)> command) {
    const std::lock_guard lock(mutex);
    commands.push_back(std::move(command));
    ++given;
    wake.notify_one();
  }

  void TakeSnapshot(std::shared_ptr<const SessionSnapshot> taken) {
    snapshot.Set(std::move(taken));
    std::function<void()> callback;
    {
      const std::lock_guard lock(mutex);
      callback = on_snapshot;
    }
    if (callback) callback();
  }

  void Run(std::stop_token stop) {
    SessionCore::Clock::time_point next{};
    while (!stop.stop_requested()) {
      std::deque<std::function<void(SessionCore&)>> taken;
      {
        std::unique_lock lock(mutex);
        wake.wait_until(lock, stop, next, [&] { return !commands.empty(); });
        taken.swap(commands);
      }
      // MuJoCo's own fatal errors come as exceptions: the session pauses and says so.
      const auto guarded = [&](auto&& act) {
        try {
          act();
        } catch (const std::exception& error) {
          const std::string text = error.what();
          core->Pause();
          core->Say(text.substr(0, text.find('\n')), true);
        }
      };
      for (const auto& command : taken) guarded([&] { command(*core); });
      if (!taken.empty()) core->Publish();
      guarded([&] { next = core->Advance(); });
      const std::lock_guard lock(mutex);
      done += taken.size();
      busy = core->Busy();
      if (!busy) idle.notify_all();
    }
  }
};

Session::Session(std::shared_ptr<const CompiledTask> task, SessionOptions options) : impl_(std::make_unique<Impl>()) {
  Impl& impl = *impl_;
  impl.task = std::move(task);
  impl.options = std::move(options);
  if (!impl.options.budget) impl.options.budget = ThreadBudget::Of(impl.options.threads);
  impl.core = std::make_unique<SessionCore>(impl.task, impl.options, [&impl](std::shared_ptr<const SessionSnapshot> s) {
    impl.TakeSnapshot(std::move(s));
  });
  impl.planning = std::make_unique<PlanningThread>(
      impl.task, impl.options.open_model, impl.options.budget, kPlanningNice,
      [&impl] { impl.Give([](SessionCore&) {}); },
      [&impl](const PlanningThread::Opened& opened) {
        impl.Give([opened](SessionCore& core) { core.ModelOpened(opened); });
      });
  impl.imagination = std::make_unique<ImaginationThread>(impl.task, impl.options.open_model, kImaginationNice,
                                                         [&impl] { impl.Give([](SessionCore&) {}); });
  impl.core->Start({impl.planning.get(), impl.imagination.get()}, impl.options.model);
  if (impl.options.playing) impl.core->Play();
  impl.core->Publish();
  impl.thread = std::jthread([&impl](std::stop_token stop) { impl.Run(stop); });
}

Session::~Session() {
  impl_->thread.request_stop();
  impl_->thread.join();
  impl_->planning.reset();
  impl_->imagination.reset();
}

const CompiledTask& Session::task() const { return *impl_->task; }
std::shared_ptr<const SessionSnapshot> Session::Snapshot() const { return impl_->snapshot.Get(); }

void Session::OnSnapshot(std::function<void()> callback) {
  const std::lock_guard lock(impl_->mutex);
  impl_->on_snapshot = std::move(callback);
}

void Session::Wait() const {
  std::unique_lock lock(impl_->mutex);
  const uint64_t target = impl_->given;
  impl_->idle.wait(lock, [&] { return impl_->done >= target && !impl_->busy; });
}

void Session::Play() { impl_->Give([](SessionCore& core) { core.Play(); }); }
void Session::Pause() { impl_->Give([](SessionCore& core) { core.Pause(); }); }
void Session::StepControl(int steps) { impl_->Give([=](SessionCore& core) { core.StepControl(steps); }); }
void Session::StepTo(int64_t control_step) { impl_->Give([=](SessionCore& core) { core.StepTo(control_step); }); }
void Session::StepSimulation() { impl_->Give([](SessionCore& core) { core.StepSimulation(); }); }
void Session::SetSpeed(double speed) { impl_->Give([=](SessionCore& core) { core.SetSpeed(speed); }); }
void Session::SetAtEnd(AtEnd at_end) { impl_->Give([=](SessionCore& core) { core.SetAtEnd(at_end); }); }
void Session::ResetToEpisode(int64_t episode) { impl_->Give([=](SessionCore& core) { core.ResetToEpisode(episode); }); }
void Session::ResetToSeed(uint64_t seed) { impl_->Give([=](SessionCore& core) { core.ResetToSeed(seed); }); }
void Session::Seek(TimelinePlace place) { impl_->Give([=](SessionCore& core) { core.Seek(place); }); }
void Session::RemoveBranch(int branch) { impl_->Give([=](SessionCore& core) { core.RemoveBranch(branch); }); }
void Session::SetGoal(std::vector<double> state) { impl_->Give([=](SessionCore& core) { core.SetGoal(state); }); }
void Session::SetActor(Actor actor) { impl_->Give([=](SessionCore& core) { core.SetActor(actor); }); }
void Session::SetPace(Pace pace) { impl_->Give([=](SessionCore& core) { core.SetPace(pace); }); }
void Session::SetPersonAction(std::vector<double> action, std::vector<bool> held) {
  impl_->Give([=](SessionCore& core) { core.SetPersonAction(action, held); });
}
void Session::SetPlanner(PlannerOptions options) { impl_->Give([=](SessionCore& core) { core.SetPlanner(options); }); }
void Session::SetModel(std::string model) { impl_->Give([=](SessionCore& core) { core.SetModel(model); }); }
void Session::ReloadModel() { impl_->Give([](SessionCore& core) { core.ReloadModel(); }); }
void Session::SetImagination(ImaginationOptions options) {
  impl_->Give([=](SessionCore& core) { core.SetImagination(options); });
}
void Session::SetPerturbation(const mjvPerturb& perturbation) {
  impl_->Give([=](SessionCore& core) { core.SetPerturbation(perturbation); });
}
void Session::EditState(std::vector<double> state, std::string label, bool keep_history, TimelinePlace from) {
  impl_->Give([=](SessionCore& core) { core.EditState(state, label, keep_history, from); });
}
void Session::BeginFrom(std::vector<double> state, std::vector<double> parameters, std::string label) {
  impl_->Give([=](SessionCore& core) { core.BeginFrom(state, parameters, label); });
}

Episode Session::ExtractEpisode(TimelinePlace place) const {
  return reverie::ExtractEpisode(*impl_->task, Snapshot()->timeline, place);
}

int64_t Session::SaveEpisodes(const std::filesystem::path& folder) const {
  return reverie::SaveEpisodes(*impl_->task, Snapshot()->timeline, impl_->options.seed, folder);
}

}  // namespace reverie
