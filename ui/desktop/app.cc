#include "ui/desktop/app.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "agent/planner_policy.h"
#include "sim/dataset.h"
#include "sim/scene_files.h"
#include "sim/locations.h"
#include "sim/replay.h"
#include "ui/desktop/file_watch.h"
#include "ui/desktop/openable.h"
#include "ui/desktop/retirement.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {
namespace {

namespace fs = std::filesystem;

/// What a session goes on with that takes another's place.
struct Carried {
  bool playing = true;
  double speed = 1;
  int64_t episode = 0;
  uint64_t seed = 0;  // where episode is below 0
};

/// What an opening thread hands to the window.
struct Opened {
  uint64_t generation = 0;
  std::shared_ptr<Session> session;  // null: it failed
  std::string task, recent, error;
  std::optional<Carried> carried;
  std::vector<fs::path> files;  // that the scene came from
  std::optional<Openable> looked_at;
  std::string model;  // to plan in what was looked at; empty: as for any
};

/// How threads reach the window, and it them: outlives whichever ends first.
struct Mailbox {
  std::mutex mutex;
  uint64_t generation = 0;  // of the newest Open; older ones are dropped
  std::vector<Opened> opened;
  std::function<void()> wake;

  void Put(Opened result) {
    std::function<void()> to_wake;
    {
      const std::lock_guard lock(mutex);
      opened.push_back(std::move(result));
      to_wake = wake;
    }
    if (to_wake) to_wake();
  }
  bool Newest(uint64_t of) {
    const std::lock_guard lock(mutex);
    return of == generation;
  }
};

struct LearningMail {
  std::mutex mutex;
  std::vector<EpisodeReport> reports;
};

double ClockS() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool IsListed(const std::string& task) {
  std::error_code error;
  return !task.empty() && fs::exists(ScenesFolder() / (task + ".json"), error);
}

/// Who acts where nobody has said so: without a reward a planner has nothing to plan for.
bool HasGoal(const TaskSpec& spec) {
  return !spec.reward.empty() || !spec.planning_reward.empty();
}

Opened OpenOnThread(const std::string& task, int action_repeat, SessionOptions options, const LearnedModels& learned,
                    const std::optional<Carried>& carried, const std::function<void()>& wake) {
  Opened result;
  result.task = task;
  result.carried = carried;
  try {
    result.recent = task;
    std::string name = task;
    if (!IsListed(task)) {
      std::error_code error;
      const fs::path file = fs::absolute(task, error);
      if (!error && fs::exists(file, error)) result.recent = name = file.lexically_normal().string();
    }
    std::error_code ignored;
    const bool recorded = fs::exists(fs::path(name) / kDatasetMarker, ignored);
    auto compiled = recorded ? TaskOfDataset(DatasetReader(name)) : CompiledTask::Compile(LoadTask(name), action_repeat);
    const TaskSpec& spec = compiled->spec();
    if (!recorded) {  // a dataset's never change
      if (!spec.scene_file.empty()) result.files = SceneFiles(spec.scene_file);
      if (!spec.task_file.empty()) result.files.push_back(spec.task_file);
    }
    if (!carried && options.actor == Actor::kPlanner && (!HasGoal(spec) || compiled->action_size() == 0)) {
      options.actor = Actor::kPerson;
    }
    if (!options.planner && options.model != "simulator" && learned.planner_options) {
      options.planner = learned.planner_options(spec, options.model);
    }
    const bool playing = carried ? carried->playing : options.playing;
    options.playing = false;  // it is put where it goes on from before it does
    auto session = std::make_shared<Session>(std::move(compiled), std::move(options));
    session->OnSnapshot(wake);
    if (carried) {
      session->SetSpeed(carried->speed);
      if (carried->episode > 0) session->ResetToEpisode(carried->episode);
      if (carried->episode < 0) session->ResetToSeed(carried->seed);
    }
    if (playing) session->Play();
    result.session = std::move(session);
  } catch (const std::bad_alloc&) {
    result.error = "task " + task + ": out of memory";
  } catch (const std::exception& error) {
    result.error = error.what();
    std::error_code ignored;  // whoever mends it sees it open
    if (fs::is_regular_file(result.recent, ignored)) result.files = SceneFiles(result.recent);
  }
  return result;
}

}  // namespace

struct App::Impl {
  std::shared_ptr<Mailbox> mail = std::make_shared<Mailbox>();
  std::shared_ptr<LearningMail> learning_mail;
  std::shared_ptr<Job> opening_job;
  std::vector<std::shared_ptr<Job>> looking;
  FileWatch watch;
  std::string failed_name;  // what could not be opened while nothing was
  int64_t last_notice = 0;
  std::set<std::weak_ptr<Job>, std::owner_less<>> told;  // jobs whose end was said
  std::string pending_model;
  double draw_until_s = 0;
  bool closing = false;
  uint64_t drawn_serial = 0;
  Retirement retirement;  // last: it is waited for first
};

App::App(Settings settings_in, LearnedModels learned_in, PictureTextures& textures_in)
    : settings(std::move(settings_in)),
      learned(std::move(learned_in)),
      textures(textures_in),
      impl(std::make_unique<Impl>()) {
  defaults.playing = true;
  defaults.open_model = learned.open;
  defaults.budget = threads;
  for (const std::string& path : settings.recent) theme::NoteText(path);
}

App::~App() {
  BeginClosing();
}

void App::BeginClosing() {
  if (impl->closing) return;
  impl->closing = true;
  {
    const std::lock_guard lock(impl->mail->mutex);
    ++impl->mail->generation;
    for (Opened& result : impl->mail->opened) impl->retirement.Take(std::move(result.session));
    impl->mail->opened.clear();
  }
  // All are told to end before the first is waited for.
  std::vector<std::shared_ptr<Job>> all = std::exchange(jobs, {});
  all.push_back(std::move(learning));
  all.push_back(std::move(impl->opening_job));
  all.insert(all.end(), impl->looking.begin(), impl->looking.end());
  impl->looking.clear();
  learning = nullptr;
  impl->opening_job = nullptr;
  for (const std::shared_ptr<Job>& job : all) {
    if (job != nullptr) job->Cancel();
  }
  for (std::shared_ptr<Job>& job : all) impl->retirement.Take(std::move(job));
  now = nullptr;
  impl->retirement.Take(std::exchange(session, nullptr));
}

bool App::Closed() const {
  return impl->closing && impl->retirement.Idle();
}

void App::Close() {
  {
    const std::lock_guard lock(impl->mail->mutex);
    ++impl->mail->generation;
  }
  opening = false;
  now = nullptr;
  shown_state.reset();
  open_name.clear();
  if (before_retiring && session) before_retiring(session);
  impl->retirement.Take(std::exchange(session, nullptr));
  impl->watch.Watch({});
}

namespace {

void StartOpening(App& app, const std::string& task, SessionOptions options, std::optional<Carried> carried) {
  App::Impl& impl = *app.impl;
  if (impl.closing) return;
  uint64_t generation = 0;
  {
    const std::lock_guard lock(impl.mail->mutex);
    generation = ++impl.mail->generation;
    impl.mail->wake = app.wake;
  }
  app.opening = true;
  impl.retirement.Take(std::move(impl.opening_job));
  auto work = [mail = impl.mail, generation, task, options = std::move(options), learned = app.learned, carried,
               wake = app.wake, repeat = app.action_repeat](JobContext&) {
    if (!mail->Newest(generation)) return;
    Opened result = OpenOnThread(task, repeat, options, learned, carried, wake);
    result.generation = generation;
    if (mail->Newest(generation)) mail->Put(std::move(result));
  };
  // Not less urgent than the window: a person waits for it.
  impl.opening_job = std::make_shared<Job>("Opening " + task, "", std::move(work), 0);
}

}  // namespace

void App::Open(const std::string& task, const std::string& model) {
  SessionOptions options = defaults;
  if (!model.empty()) options.model = model;
  StartOpening(*this, task, std::move(options), std::nullopt);
}

void App::Reload() {
  if (open_name.empty()) return;
  SessionOptions options = defaults;
  std::optional<Carried> carried;
  if (now != nullptr) {
    options.actor = now->actor;
    options.pace = now->pace;
    options.at_end = now->at_end;
    options.model = now->model;
    options.planner = now->planner;
    options.imagination = now->imagination;
    options.imagination.frozen.reset();
    carried = Carried{now->playing, now->speed, now->episode, now->seed};
  }
  StartOpening(*this, open_name, std::move(options), carried);
}

void App::UseModel(const std::string& model) {
  if (session == nullptr) return;
  session->SetModel(model);
  impl->pending_model = model;
}

void App::OpenAnything(const fs::path& path, const std::string& model) {
  if (impl->closing) return;
  {
    const std::lock_guard lock(impl->mail->mutex);
    impl->mail->wake = wake;
  }
  impl->looking.push_back(std::make_shared<Job>(
      "Looking at " + ShownPath(path), "",
      [mail = impl->mail, path, model](JobContext&) {
        Opened result;
        result.looked_at = LookAt(path);
        result.model = model;
        mail->Put(std::move(result));
      },
      0));
}

void App::GoTo(TimelinePlace place) {
  if (session == nullptr) return;
  session->Pause();
  session->Seek(place);
}

std::function<void(const EpisodeReport&)> App::NewLearningCurve() {
  learning_curve.clear();
  auto mail = std::make_shared<LearningMail>();
  impl->learning_mail = mail;
  return [mail, to_wake = wake](const EpisodeReport& report) {
    {
      const std::lock_guard lock(mail->mutex);
      mail->reports.push_back(report);
    }
    if (to_wake) to_wake();
  };
}

namespace {

void UseLookedAt(App& app, const Openable& found, const std::string& model) {
  switch (found.kind) {
    case Openable::Kind::kNothing:
      app.messages.Error(found.problem);
      return;
    case Openable::Kind::kTask:
      app.Open(found.path.string(), model);
      return;
    case Openable::Kind::kModel: {
      const std::string folder = found.path.string();
      if (app.now != nullptr && app.now->task->spec().name == found.task) {
        app.UseModel(folder);
        app.messages.Say("Planning in the model " + ShownPath(found.path) + " from now on");
      } else if (found.task.empty()) {
        app.messages.Error(ShownPath(found.path) + ": its config.json does not say which task it was trained on; open that task first");
      } else {
        app.Open(found.task, folder);
      }
      return;
    }
    case Openable::Kind::kDataset:
      app.dataset_to_browse = found.path;
      app.actions.Run("view.show.data", app);
      if (app.session == nullptr && !app.opening) app.Open(IsListed(found.task) ? found.task : found.path.string(), model);
      return;
  }
}

void TakeOpened(App& app, Opened& result) {
  App::Impl& impl = *app.impl;
  if (result.looked_at) {
    UseLookedAt(app, *result.looked_at, result.model);
    return;
  }
  {
    const std::lock_guard lock(impl.mail->mutex);
    if (result.generation != impl.mail->generation) {
      impl.retirement.Take(std::move(result.session));
      return;
    }
  }
  app.opening = false;
  impl.retirement.Take(std::move(impl.opening_job));
  if (result.session == nullptr) {
    app.messages.Error(result.error);
    if (app.session == nullptr) {
      impl.failed_name = result.task;
      impl.watch.Watch(std::move(result.files));
    }
    return;
  }
  impl.failed_name.clear();
  if (app.before_retiring && app.session) app.before_retiring(app.session);
  impl.retirement.Take(std::exchange(app.session, std::move(result.session)));
  app.shown_state.reset();
  impl.last_notice = 0;
  impl.pending_model.clear();
  app.open_name = result.recent;
  app.settings.AddRecent(result.recent);
  theme::NoteText(result.recent);
  impl.watch.Watch(std::move(result.files));
  if (result.carried) app.messages.Say("Loaded again: " + app.session->task().spec().name);
}

void TellEnd(App& app, const std::shared_ptr<Job>& job) {
  if (job == nullptr || app.impl->told.contains(job)) return;
  const JobStatus status = job->status();
  if (!status.finished) return;
  app.impl->told.insert(job);
  if (!status.error.empty()) {
    app.messages.Error(status.title + ": " + status.error);
  } else {
    app.messages.Say(status.title + (status.cancelled ? ": stopped" : ": done") +
                     (status.note.empty() ? "" : " (" + status.note + ")"));
  }
}

}  // namespace

void App::Update() {
  if (impl->closing) return;
  std::vector<Opened> opened;
  {
    const std::lock_guard lock(impl->mail->mutex);
    opened.swap(impl->mail->opened);
  }
  for (Opened& result : opened) TakeOpened(*this, result);
  std::erase_if(impl->looking, [](const std::shared_ptr<Job>& job) { return job->status().finished; });

  now = session != nullptr ? session->Snapshot() : nullptr;
  if (now != nullptr) {
    if (now->notice.serial > impl->last_notice) {
      impl->last_notice = now->notice.serial;
      if (now->notice.error) {
        messages.Error(now->notice.text);
      } else {
        messages.Say(now->notice.text);
      }
    }
    if (!impl->pending_model.empty() && !now->model_loading && now->model == impl->pending_model) {
      const std::string model = std::exchange(impl->pending_model, "");
      const TaskSpec& spec = now->task->spec();
      if (model == "simulator") {
        session->SetPlanner(PlannerOptionsFor(spec));
      } else if (learned.planner_options) {
        session->SetPlanner(learned.planner_options(spec, model));
      }
    }
    if (shown_state) {
      scene.Follow(now->task, shown_state->state, shown_state->parameters);
    } else {
      scene.Follow(now->task, now->state, now->parameters);
    }
    if (now->serial != impl->drawn_serial) KeepDrawing(0.3);
    impl->drawn_serial = now->serial;
  }
  for (const std::shared_ptr<Job>& job : jobs) TellEnd(*this, job);
  TellEnd(*this, learning);
  std::erase_if(impl->told, [](const std::weak_ptr<Job>& job) { return job.expired(); });
  if (impl->learning_mail != nullptr) {
    const std::lock_guard lock(impl->learning_mail->mutex);
    std::vector<EpisodeReport>& reports = impl->learning_mail->reports;
    if (!reports.empty()) KeepDrawing(0.3);
    std::move(reports.begin(), reports.end(), std::back_inserter(learning_curve));
    reports.clear();
  }
  if (impl->watch.Changed() && settings.reload_on_change) {
    if (session != nullptr) {
      Reload();
    } else if (!impl->failed_name.empty() && !opening) {
      Open(impl->failed_name);
    }
  }
}

void App::KeepDrawing(double seconds) {
  impl->draw_until_s = std::max(impl->draw_until_s, ClockS() + seconds);
}

bool App::WantsFrame() const {
  return opening || messages.fresh() || impl->draw_until_s > ClockS();
}

bool App::JobsRun() const {
  const auto running = [](const std::shared_ptr<Job>& job) { return job != nullptr && !job->status().finished; };
  return running(learning) || std::any_of(jobs.begin(), jobs.end(), running);
}

}  // namespace reverie::desktop
