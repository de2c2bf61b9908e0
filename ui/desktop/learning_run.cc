#include "ui/desktop/learning_run.h"

#include <mutex>
#include <utility>

#include "sim/dataset_files.h"
#include "sim/error.h"
#include "ui/desktop/output_folders.h"
#include "worldmodel/model_config.h"

namespace reverie::desktop {

namespace {

namespace fs = std::filesystem;

/// Whether a model of the one can be planned in in the other.
bool SameForModels(const CompiledTask& a, const CompiledTask& b) {
  return &a == &b || DescribeModel(a, "") == DescribeModel(b, "");
}

/// A third: planning and collecting go on beside it.
int LearningThreads(const ThreadBudget& threads) { return (threads.total() + 1) / 3; }

}  // namespace

struct LearningRun::Shared {
  std::mutex mutex;
  fs::path folder;                       // empty: not made yet
  int64_t first_done = 0;                // env steps that a resumed run begins with
  int64_t checkpoints = 0;               // that hold a model which has learned something
  std::vector<double> calibration;       // one for each report
};

std::string LearningRun::Start(App& app, const Request& request) {
  if (!app.learned.learn) return "This build has no LibTorch, so nothing can be learned; build with REVERIE_TORCH=ON";
  if (!app.now || !app.session) return "Open a task first";
  if (Running(app)) return "Learning goes on already; stop it first";
  const CompiledTask& task = *app.now->task;
  if (task.action_size() == 0) return "This task has no actuators, so there is nothing to learn to do";
  if (task.reward().empty()) return "This task has no reward, so there is nothing to learn for";
  if (request.resume && request.folder.empty()) return "Choose the folder of the run that is to go on";

  const bool was_using = use_newest_;
  *this = LearningRun();
  use_newest_ = was_using;
  shared_ = std::make_shared<Shared>();
  task_ = app.now->task;
  task_name_ = task.spec().name;
  env_steps_ = request.env_steps;
  app.learning_folder.clear();
  LearnedModels::LearnRequest learn_request{.task = task_,
                                            .folder = request.folder,
                                            .kind = request.kind,
                                            .env_steps = request.env_steps,
                                            .seed = request.seed,
                                            .resume = request.resume};
  auto work = [shared = shared_, threads = app.threads, learn_request, learn = app.learned.learn, name = task_name_,
               report = app.NewLearningCurve()](JobContext& job) mutable {
    const auto add = [&](const EpisodeReport& line, double calibration) {
      {
        const std::lock_guard lock(shared->mutex);
        shared->calibration.push_back(calibration);
      }
      report(line);
    };
    int64_t last_episode = -1;
    if (learn_request.resume) {
      const KnownModel before = ReadKnownModel(learn_request.folder);
      if (!before.problem.empty()) throw CheckpointError(before.problem);
      for (const EpisodeReport& line : before.reports) {
        add(line, kUnknown);
        last_episode = line.episode;
      }
      // A run goes on with the seed that it began with; its episodes tell.
      learn_request.seed = LoadInfo(DatasetPaths(learn_request.folder)).seed;
      const std::lock_guard lock(shared->mutex);
      shared->first_done = before.env_steps;
    } else if (learn_request.folder.empty()) {
      learn_request.folder = MakeFreshFolder("learning", name);
    } else {
      PrepareChosenFolder(learn_request.folder, kModelMarker);
    }
    learn_request.folder = fs::absolute(learn_request.folder).lexically_normal();
    {
      const std::lock_guard lock(shared->mutex);
      shared->folder = learn_request.folder;
    }
    const ThreadBudget::Share share = threads->Take(LearningThreads(*threads), job.stop());
    learn_request.threads = share.threads();
    learn(learn_request, job, [&](const EpisodeReport& line) {
      if (line.episode <= last_episode) return;
      double calibration = kUnknown;
      try {
        if (line.judged) calibration = CalibrationOf(ReadModelConfig(learn_request.folder));
      } catch (const Error&) {  // a model without one
      }
      add(line, calibration);
      const std::lock_guard lock(shared->mutex);
      shared->checkpoints += line.updates > 0;
    });
  };
  app.learning = std::make_shared<Job>("Learning " + task_name_, "env steps", std::move(work));
  return "";
}

bool LearningRun::Running(const App& app) { return app.learning && !app.learning->status().finished; }

bool LearningRun::Paused(const App& app) { return app.learning && app.learning->status().paused; }

void LearningRun::Pause(App& app, bool paused) {
  if (app.learning) app.learning->Pause(paused);
}

void LearningRun::Stop(App& app) {
  if (app.learning) app.learning->Cancel();
}

void LearningRun::SetUseNewest(bool use) {
  if (use && !use_newest_) {
    told_.reset();
    was_used_ = false;
    used_checkpoint_ = 0;
  }
  use_newest_ = use;
}

void LearningRun::Update(App& app) {
  if (!shared_) return;
  int64_t first_done = 0;
  {
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->folder.empty()) app.learning_folder = shared_->folder;
    checkpoints_ = shared_->checkpoints;
    first_done = shared_->first_done;
    for (; curve_from_ < app.learning_curve.size(); ++curve_from_) {
      const bool known = curve_from_ < shared_->calibration.size();
      const double calibration = known ? shared_->calibration[curve_from_] : kUnknown;
      curve_.Add(app.learning_curve[curve_from_], calibration);
      if (calibration > 0) calibration_ = calibration;
    }
  }
  if (app.learning) rate_.Update(app.learning->status(), first_done, env_steps_);
  FollowNewest(app);
}

void LearningRun::FollowNewest(App& app) {
  if (!use_newest_ || !app.session || !app.now || app.learning_folder.empty() || checkpoints_ == 0) return;
  const std::string folder = app.learning_folder.string();
  const bool told = told_.lock() == app.session;
  const bool used = app.now->model == folder;
  if (told && was_used_ && !used && !app.now->model_loading) {
    use_newest_ = false;  // the person has chosen another
    return;
  }
  if (told && used) was_used_ = true;
  if (checkpoints_ == used_checkpoint_ && (told || !Running(app))) return;
  if (looked_at_ != app.now->task) {
    looked_at_ = app.now->task;
    fits_ = SameForModels(*looked_at_, *task_);
  }
  if (!fits_) return;
  if (told && used) {
    app.session->ReloadModel();
  } else {
    was_used_ = false;
    told_ = app.session;
    app.UseModel(folder);
  }
  used_checkpoint_ = checkpoints_;
}

}  // namespace reverie::desktop
