#include "ui/desktop/script.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "sim/error.h"
#include "ui/desktop/app.h"

namespace reverie::desktop {
namespace {

constexpr double kLongestWaitS = 120;  // without a new control step, for steps that never come

constexpr std::array kKeys = {"actor", "body", "camera", "compare_steps", "episode", "horizon", "model",
                              "pace",  "scale",  "seed",          "speed",   "theme"};
constexpr std::array kActors = {Actor::kPerson, Actor::kRandom, Actor::kSmooth, Actor::kPlanner, Actor::kPolicy};

std::optional<double> Number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<int64_t> Whole(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

[[noreturn]] void Bad(const std::string& step, const std::string& expected) {
  throw Error("--do " + step + ": expected " + expected);
}

/// "wait:2" to {"wait", "2"}; {"", ""} where there is no such mark.
std::pair<std::string, std::string> Split(const std::string& step, char mark) {
  const size_t at = step.find(mark);
  if (at == std::string::npos) return {};
  return {step.substr(0, at), step.substr(at + 1)};
}

void CheckSetting(const std::string& step, const std::string& key, const std::string& value) {
  std::vector<std::string> keys(kKeys.begin(), kKeys.end());
  if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
    throw Error("--do " + step + ": there is no setting '" + key + "'" + DidYouMean(key, keys) + " (there are " + Join(keys, 99) + ")");
  }
  if (key == "actor") {
    for (const Actor actor : kActors) {
      if (ActorName(actor) == value) return;
    }
    Bad(step, "person, random, smooth, planner or policy");
  }
  if (key == "model" && value != "simulator" && !std::filesystem::is_directory(value)) {
    Bad(step, "'simulator' or the folder of a model; model= takes the rest of its --do, commas included");
  }
  if (key == "pace" && value != "lock-step" && value != "real-time") Bad(step, "lock-step or real-time");
  if (key == "theme" && value != "dark" && value != "light") Bad(step, "dark or light");
  if ((key == "speed" || key == "scale") && (!Number(value) || *Number(value) < 0)) Bad(step, "a number, 0 or more");
  if ((key == "seed" || key == "episode" || key == "horizon" || key == "compare_steps") && !Whole(value)) {
    Bad(step, "a whole number, 0 or more");
  }
}

}  // namespace

const char* Script::Help() {
  return "an action's id (see Help > Keys and mouse and the command palette: time.play, view.show.timeline), "
         "wait:SECONDS, step:N (steps until the episode has made N control steps, and pauses there), seek:N (goes to control step N), "
         "or KEY=VALUE of actor, body, camera, compare_steps, episode, horizon, model, pace, scale, seed, speed, theme (model= takes the rest of its --do: a folder's name may have commas)";
}

Script::Script(const App& app, const std::vector<std::string>& steps) {
  for (const std::string& text : steps) {
    // A model's folder may have a comma in its name.
    const bool whole = text.starts_with("model=");
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = whole ? text.size() : std::min(text.find(',', begin), text.size());
      const std::string step = text.substr(begin, end - begin);
      begin = end + 1;
      if (step.empty()) continue;
      const auto [waits, amount] = Split(step, ':');
      const auto [key, value] = Split(step, '=');
      if (waits == "wait") {
        if (!Number(amount) || *Number(amount) < 0) Bad(step, "seconds, 0 or more");
      } else if (waits == "step" || waits == "seek") {
        if (!Whole(amount)) Bad(step, "a control step, 0 or more");
      } else if (!key.empty()) {
        CheckSetting(step, key, value);
      } else if (app.actions.Find(step) == nullptr) {
        std::vector<std::string> ids;
        for (const Action& action : app.actions.all()) ids.push_back(action.id);
        throw Error("--do " + step + ": there is no action of this id" + DidYouMean(step, ids));
      }
      steps_.push_back(step);
    }
  }
}

void Script::Advance(App& app, double now_s) {
  while (!finished() && failure_.empty()) {
    if (!Do(app, steps_[next_], now_s)) {
      if (since_s_ < 0) since_s_ = now_s;
      const TimelinePlace place = app.now != nullptr ? app.now->now : TimelinePlace{};
      if (waited_s_ < 0 || place != waited_at_) {
        waited_at_ = place;
        waited_s_ = now_s;
      }
      if (!steps_[next_].starts_with("wait:") && now_s - waited_s_ > kLongestWaitS) {
        failure_ = "--do " + steps_[next_] + ": no step was made for 120 s, and it has not come";
        if (app.now != nullptr) {
          failure_ += "; episode " + std::to_string(app.now->episode) + " is at control step " +
                      std::to_string(app.now->control_step);
          if (!app.now->notice.text.empty()) failure_ += ": " + app.now->notice.text;
        }
      }
      break;
    }
    ++next_;
    since_s_ = waited_s_ = -1;
    if (app.session != nullptr) {  // the next step is to meet what this one made of the session
      app.session->Wait();
      app.now = app.session->Snapshot();
    }
  }
  if (!failure_.empty()) next_ = steps_.size();
}

bool Script::Do(App& app, const std::string& step, double now_s) {
  const auto [waits, amount] = Split(step, ':');
  const auto [key, value] = Split(step, '=');
  if (waits == "wait") {
    if (since_s_ < 0) since_s_ = now_s;
    return now_s - since_s_ >= *Number(amount);
  }
  if (waits == "step") {
    if (app.session == nullptr || app.now == nullptr) return false;
    const int64_t wanted = *Whole(amount);
    if (app.now->control_step >= wanted) {
      app.session->Pause();
      return true;
    }
    if (wanted > app.now->task->steps_per_episode()) {
      failure_ = "--do " + step + ": an episode has " + std::to_string(app.now->task->steps_per_episode()) + " control steps";
      return true;
    }
    // Told to the session, which counts from where it then is: it may play on meanwhile, past the step or the
    // episode's end.
    if (since_s_ < 0) app.session->StepTo(wanted);
    return false;
  }
  if (waits == "seek") {
    if (app.now == nullptr) return false;
    const TimelinePlace place = app.now->timeline.AtStep(app.now->now.branch, *Whole(amount));
    if (place.branch < 0) {
      failure_ = "--do " + step + ": the timeline does not have this step";
      return true;
    }
    app.GoTo(place);
    return true;
  }
  if (key.empty()) {
    if (!app.actions.Run(step, app)) failure_ = "--do " + step + ": this cannot be done now";
    return true;
  }
  if (key == "theme") {
    app.settings.dark = value == "dark";
    return true;
  }
  if (key == "scale") {
    app.settings.scale = *Number(value);
    return true;
  }
  if (app.session == nullptr || app.now == nullptr) {
    failure_ = "--do " + step + ": no task is open";
    return true;
  }
  Session& session = *app.session;
  if (key == "actor") {
    for (const Actor actor : kActors) {
      if (ActorName(actor) == value) session.SetActor(actor);
    }
  } else if (key == "pace") {
    session.SetPace(value == "lock-step" ? Pace::kLockStep : Pace::kRealTime);
  } else if (key == "speed") {
    session.SetSpeed(*Number(value));
  } else if (key == "seed") {
    session.ResetToSeed(static_cast<uint64_t>(*Whole(value)));
  } else if (key == "episode") {
    session.ResetToEpisode(*Whole(value));
  } else if (key == "model") {
    app.UseModel(value);
  } else if (key == "horizon") {
    PlannerOptions planner = app.now->planner;
    planner.horizon = static_cast<int>(std::min<int64_t>(*Whole(value), 10000));
    session.SetPlanner(planner);
  } else if (key == "compare_steps") {
    ImaginationOptions imagination = app.now->imagination;
    imagination.compare_steps = static_cast<int>(std::min<int64_t>(*Whole(value), 100000));
    session.SetImagination(imagination);
  } else if (key == "body") {
    const mjModel* model = app.scene.model();
    const int id = model != nullptr ? mj_name2id(model, mjOBJ_BODY, value.c_str()) : -1;
    if (id < 0) {
      failure_ = "--do " + step + ": the scene has no body of this name";
    } else {
      app.scene.selected_body = id;
    }
  } else if (key == "camera") {
    const mjModel* model = app.scene.model();
    const int id = model != nullptr ? mj_name2id(model, mjOBJ_CAMERA, value.c_str()) : -1;
    if (id < 0) {
      failure_ = "--do " + step + ": the scene has no camera of this name";
    } else {
      app.scene.SetFixedCamera(id);
    }
  }
  return true;
}

}  // namespace reverie::desktop
