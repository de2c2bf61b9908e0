#include "ui/desktop/agent_panel.h"

#include <GLFW/glfw3.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "agent/planner_policy.h"
#include "sim/error.h"
#include "ui/desktop/panels.h"
#include "ui/desktop/planner_fields.h"
#include "ui/desktop/timeline_path.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {
namespace {

constexpr const char* kSimulator = "simulator";
constexpr double kPatience_s = 2;       // how long options just set are shown without a snapshot of them
constexpr size_t kPlansShown = 240;     // in the history of plan times
constexpr int kPlansInMean = 100;       // of the planning gap
constexpr int64_t kRowsSearched = 2000; // for those plans
constexpr double kPlanShare = 0.85;     // of a control step that a plan may take; the rest is the simulation's

struct NamedActor {
  Actor actor;
  const char *id, *name, *what;
  int key;
};
constexpr NamedActor kActors[] = {
    {Actor::kPerson, "agent.person", "Person", "You: sliders, arrow keys, gamepad", GLFW_KEY_1},
    {Actor::kRandom, "agent.random", "Random", "A new random action at every step", GLFW_KEY_2},
    {Actor::kSmooth, "agent.smooth", "Smooth", "Random actions that change slowly", GLFW_KEY_3},
    {Actor::kPlanner, "agent.planner", "Planner", "Imagines many futures, acts on the best", GLFW_KEY_4},
    {Actor::kPolicy, "agent.policy", "Policy", "What a model has learned to do, unplanned", GLFW_KEY_5},
};
struct NamedPace {
  Pace pace;
  const char *id, *name, *what;
};
constexpr NamedPace kPaces[] = {
    {Pace::kLockStep, "agent.lock_step", "Lock-step", "Each step waits for its plan: the same in every run"},
    {Pace::kRealTime, "agent.real_time", "Real time", "Physics keeps the pace, acts on the newest plan"},
};

// What a tooltip says anyway is left out where it would be cut.
void FaintIfItFits(const char* text) {
  if (ImGui::CalcTextSize(text).x <= ImGui::GetContentRegionAvail().x) {
    ImGui::TextDisabled("%s", text);
  } else {
    ImGui::NewLine();
  }
}

bool IsOpen(const App& app) { return app.session && app.now; }

constexpr const char* kNoPolicy =
    "What the planner believes in has learned no policy: choose a model that was learned with --model latent";
bool Able(const SessionSnapshot& now, Actor actor) { return actor != Actor::kPolicy || now.model_has_policy; }

std::string Format(const char* format, auto... values) {
  char text[256];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

void Wrapped(const std::string& text) {
  ImGui::PushTextWrapPos(0);
  ImGui::TextUnformatted(text.c_str());
  ImGui::PopTextWrapPos();
}

void WrappedIn(ImVec4 colour, const std::string& text) {
  ImGui::PushStyleColor(ImGuiCol_Text, colour);
  Wrapped(text);
  ImGui::PopStyleColor();
}

void Faint(const std::string& text) { WrappedIn(ImGui::GetStyleColorVec4(ImGuiCol_TextDisabled), text); }

}  // namespace

std::string ModelLabel(const std::string& model) {
  if (model == kSimulator || model.empty()) return kSimulator;
  std::filesystem::path path(model);
  if (!path.has_filename()) path = path.parent_path();
  const std::filesystem::path parent = path.parent_path().filename();
  return parent.empty() ? path.string() : (parent / path.filename()).string();
}

std::string GapInWords(double in_model, double in_simulator) {
  if (!std::isfinite(in_model) || !std::isfinite(in_simulator)) return "";
  const double gap = in_model - in_simulator, scale = std::max(std::abs(in_model), std::abs(in_simulator));
  if (std::abs(gap) <= 0.005 * scale) return Format("model and simulator agree about the plan: %.3g", in_simulator);
  return Format("the model %s its plan by %.2g of %.3g", gap > 0 ? "overrates" : "underrates", std::abs(gap), in_model);
}

// ---- Following the session -------------------------------------------------------------------------------------

void AgentPanel::Update(App& app) {
  if (session_.lock() != app.session) {
    session_ = app.session;
    sent_.reset();
    defaults_.reset();
    plan_ms_.clear();
    plans_ = -1;
    options_of_.clear();
    learned_model_.clear();
    chosen_model_.clear();
    model_error_.clear();
    mean_gap_ = {};
    gap_serial_.reset();
  }
  if (!IsOpen(app)) return;
  const SessionSnapshot& now = *app.now;
  if (sent_ && (SameOptions(*sent_, now.planner) || ImGui::GetTime() - sent_s_ > kPatience_s)) sent_.reset();
  if (now.plans != plans_) {
    if (plans_ >= 0) {
      if (plan_ms_.size() >= kPlansShown) plan_ms_.erase(plan_ms_.begin());
      plan_ms_.push_back(static_cast<float>(now.plan_ms));
    }
    plans_ = now.plans;
  }
  if (now.model != kSimulator && !now.model_loading) learned_model_ = now.model;
  if (!chosen_model_.empty() && !now.model_loading) {
    if (now.model == chosen_model_) {
      chosen_model_.clear();
    } else if (now.notice.serial > notice_before_ && now.notice.error) {
      model_error_ = now.notice.text;
      chosen_model_.clear();
    }
  }
  if (const auto defaults = defaults_ ? defaults_->Get() : nullptr) {
    defaults_.reset();
    if (defaults->options) SetPlanner(app, *defaults->options);
    else app.messages.Error(defaults->error);
  }
  UpdateGap(now);
}

void AgentPanel::UpdateGap(const SessionSnapshot& now) {
  if (gap_serial_ == now.serial) return;
  gap_serial_ = now.serial;
  mean_gap_ = {};
  const TimelinePath path(now.timeline, now.now.branch);
  int64_t left = kRowsSearched;
  for (size_t i = path.pieces().size(); i-- > 0 && left > 0;) {
    const PathPiece& piece = path.pieces()[i];
    const int64_t last = piece.branch->info->id == now.now.branch ? std::min(piece.last, now.now.row) : piece.last;
    for (int64_t row = last; row >= piece.first && left-- > 0 && mean_gap_.plans < kPlansInMean; --row) {
      const float in_model = piece.branch->Get(Judged::kReturnInModel, row);
      const float in_simulator = piece.branch->Get(Judged::kReturnInSimulator, row);
      if (!std::isfinite(in_model) || !std::isfinite(in_simulator)) continue;
      ++mean_gap_.plans;
      mean_gap_.in_model += (in_model - mean_gap_.in_model) / mean_gap_.plans;
      mean_gap_.in_simulator += (in_simulator - mean_gap_.in_simulator) / mean_gap_.plans;
    }
  }
}

void AgentPanel::SetPlanner(App& app, const PlannerOptions& options) {
  app.session->SetPlanner(options);
  sent_ = options;
  sent_s_ = ImGui::GetTime();
}

void AgentPanel::AskForDefaults(App& app) {
  if (defaults_ || (defaults_job_ && !defaults_job_->status().finished)) return;
  defaults_ = std::make_shared<Latest<Defaults>>();
  defaults_job_ = std::make_unique<Job>(
      "Planner's defaults", "",
      [task = app.now->task, model = app.now->model, of_model = app.learned.planner_options, answer = defaults_](JobContext&) {
        Defaults defaults;
        try {
          const bool learned = model != kSimulator && of_model;
          defaults.options = learned ? of_model(task->spec(), model) : PlannerOptionsFor(task->spec());
        } catch (const std::exception& error) {
          defaults.error = error.what();
        }
        answer->Set(std::make_shared<const Defaults>(std::move(defaults)));
      });
}

void AgentPanel::ChooseModel(App& app, const std::string& model) {
  model_error_.clear();
  chosen_model_ = model;
  notice_before_ = app.now->notice.serial;
  if (!app.now->model_loading) options_of_[app.now->model] = sent_ ? *sent_ : app.now->planner;
  const auto known = options_of_.find(model);
  if (known == options_of_.end()) {
    app.UseModel(model);
  } else {  // back to what it was planned with before
    app.session->SetModel(model);
    SetPlanner(app, known->second);
  }
}

void AgentPanel::ToggleModel(App& app) {
  const std::string& current = chosen_model_.empty() ? app.now->model : chosen_model_;
  if (current != kSimulator) {
    learned_model_ = current;
    ChooseModel(app, kSimulator);
    return;
  }
  std::string model = learned_model_;
  if (model.empty()) {  // none believed in yet: the first that fits
    if (const auto found = models_.Found()) {
      const auto fits = [](const ModelChoice& choice) { return choice.refusal.empty(); };
      const auto first = std::find_if(found->begin(), found->end(), fits);
      if (first != found->end()) model = first->folder;
    }
  }
  if (model.empty()) {
    LookForModels(app);
    app.messages.Say("No learned model is known for this task yet. Learn one, or open its folder in the Agent panel.");
    return;
  }
  ChooseModel(app, model);
}

void AgentPanel::LookForModels(const App& app) {
  std::vector<std::filesystem::path> folders = {app.learning_folder, learned_model_};
  for (const std::string& recent : app.settings.recent) folders.emplace_back(recent);
  std::vector<std::filesystem::path> parents;
  if (!app.learning_folder.empty()) parents.push_back(app.learning_folder);
  models_.Look(std::move(folders), std::move(parents), app.now->task);
}

// ---- Drawing ---------------------------------------------------------------------------------------------------

void AgentPanel::Draw(App& app) {
  const ImVec2 room = ImGui::GetContentRegionAvail();
  if (room.x < 4 || room.y < 4) return;
  if (!IsOpen(app)) {
    Faint("Nothing is open: File, Open, or drop a file on the window.");
    return;
  }
  DrawActors(app);
  DrawPace(app);
  if (app.now->task->action_size() == 0) return;
  DrawHint(app);
  DrawModel(app);
  DrawPlanner(app);
}

void AgentPanel::DrawActors(App& app) {
  if (!ImGui::CollapsingHeader("Who acts", ImGuiTreeNodeFlags_DefaultOpen)) return;
  if (app.now->task->action_size() == 0) {
    Faint("This scene has no actuators: nobody can act, and the physics runs by itself.");
    return;
  }
  const float column = ImGui::GetCursorPosX() + 6.5f * ImGui::GetFontSize();
  for (const NamedActor& named : kActors) {
    const bool able = Able(*app.now, named.actor);
    ImGui::BeginDisabled(!able);
    if (ImGui::RadioButton(named.name, app.now->actor == named.actor)) app.session->SetActor(named.actor);
    ImGui::EndDisabled();
    theme::Tooltip(able ? Format("%s (%d)", named.what, named.key - GLFW_KEY_0).c_str() : kNoPolicy);
    ImGui::SameLine(column);
    FaintIfItFits(named.what);
  }
  if (app.now->holding) WrappedIn(theme::Colours().warn, "Your hand is on a slider or key: it takes over from the agent.");
  const CompiledTask& task = *app.now->task;
  if (app.now->actor == Actor::kPlanner && task.reward().empty() && task.planning_reward().empty()) {
    Faint("This task has no reward, so the planner has nothing to aim for.");
  }
}

void AgentPanel::DrawPace(App& app) {
  if (!ImGui::CollapsingHeader("Pace", ImGuiTreeNodeFlags_DefaultOpen)) return;
  const float column = ImGui::GetCursorPosX() + 6.5f * ImGui::GetFontSize();
  for (const NamedPace& named : kPaces) {
    if (ImGui::RadioButton(named.name, app.now->pace == named.pace)) app.session->SetPace(named.pace);
    theme::Tooltip(named.what);
    ImGui::SameLine(column);
    FaintIfItFits(named.what);
  }
}

void AgentPanel::DrawHint(App& app) {
  const SessionSnapshot& now = *app.now;
  const double step_ms = 1000 * now.timeline.control_step_s;
  if (now.actor != Actor::kPlanner || !now.playing || now.speed <= 0 || now.realtime_factor <= 0 || step_ms <= 0) return;
  const double target_ms = kPlanShare * step_ms / now.speed;
  if (now.pace == Pace::kRealTime) {
    if (now.plan_ms > 2 * step_ms / now.speed) {
      Faint(Format("A plan takes %.0f ms, a control step %.0f ms: each plan is acted on for about %.0f steps.",
                   now.plan_ms, step_ms / now.speed, now.plan_ms * now.speed / step_ms));
    }
    return;
  }
  if (now.realtime_factor >= 0.95 * now.speed) return;
  const std::string slow = Format("Runs at %.2fx of real time. ", now.realtime_factor);
  if (now.plan_ms <= target_ms) {
    WrappedIn(theme::Colours().warn, slow + "Planning is not what takes the time; a lower speed suits this machine.");
    return;
  }
  const std::string takes = Format("A plan takes %.0f ms, a control step has %.0f ms. ", now.plan_ms, step_ms / now.speed);
  const PlannerOptions& options = sent_ ? *sent_ : now.planner;
  if (const std::optional<Relief> relief = RelieveFor(options, now.plan_ms, target_ms)) {
    WrappedIn(theme::Colours().warn, slow + takes + "Try " + relief->text + ".");
    if (ImGui::SmallButton("Do that")) SetPlanner(app, relief->options);
    ImGui::SameLine();
  } else {
    WrappedIn(theme::Colours().warn, slow + takes + "Reduce horizon, sequences and iterations together.");
  }
  if (ImGui::SmallButton("Use real time")) app.session->SetPace(Pace::kRealTime);
  theme::Tooltip("The physics then keeps the pace and acts on the newest plan there is.");
}

void AgentPanel::DrawModel(App& app) {
  if (!ImGui::CollapsingHeader("What the planner believes in", ImGuiTreeNodeFlags_DefaultOpen)) return;
  const SessionSnapshot& now = *app.now;
  const std::string& current = chosen_model_.empty() ? now.model : chosen_model_;
  const char* toggle = current == kSimulator ? "Use a model" : "Use the simulator";
  const float button = ImGui::CalcTextSize("Use the simulator").x + 2 * ImGui::GetStyle().FramePadding.x;
  ImGui::SetNextItemWidth(-button - ImGui::GetStyle().ItemSpacing.x);
  if (ImGui::BeginCombo("##model", ModelLabel(current).c_str())) {
    if (ImGui::IsWindowAppearing()) LookForModels(app);
    if (ImGui::Selectable(kSimulator, current == kSimulator)) ChooseModel(app, kSimulator);
    theme::Tooltip("MuJoCo itself: nothing it imagines is wrong, and each plan costs simulation.");
    if (const auto found = models_.Found()) {
      for (const ModelChoice& choice : *found) {
        ImGui::PushID(choice.folder.c_str());
        ImGui::BeginDisabled(!choice.refusal.empty());
        // The name is drawn apart, so that no '#' in it is taken for an id.
        const ImVec2 at = ImGui::GetCursorScreenPos();
        if (ImGui::Selectable("##choice", current == choice.folder)) ChooseModel(app, choice.folder);
        const std::string label = ModelLabel(choice.folder) + " (" + choice.kind + ")";
        ImGui::GetWindowDrawList()->AddText(at, ImGui::GetColorU32(ImGuiCol_Text), label.c_str());
        ImGui::EndDisabled();
        theme::Tooltip((choice.folder + (choice.refusal.empty() ? "" : "\n" + choice.refusal)).c_str());
        ImGui::PopID();
      }
    }
    if (models_.looking()) ImGui::TextDisabled("looking for models ...");
    for (const char* id : {"file.open_model", "file.open_folder"}) {
      if (!app.actions.Find(id)) continue;
      ImGui::Separator();
      if (ImGui::Selectable("Open a model folder ...")) app.actions.Run(id, app);
      break;
    }
    ImGui::EndCombo();
  }
  theme::Tooltip("In what the planner imagines: MuJoCo itself, or a model that learned what MuJoCo does.");
  ImGui::SameLine();
  if (ImGui::Button(toggle, {button, 0})) ToggleModel(app);
  theme::Tooltip("Switches between the simulator and the model believed in last (M)");
  if (!app.learned.open) Faint("This build has no LibTorch: the simulator is all there is to believe in.");
  if (now.model_loading) Faint("Loading " + ModelLabel(current) + " ...");
  if (!model_error_.empty()) WrappedIn(theme::Colours().bad, model_error_);
  DrawGap(app);
}

void AgentPanel::DrawGap(const App& app) {
  const SessionSnapshot& now = *app.now;
  if (now.plans_to_pictures) {
    Faint("It plans to a goal that is a picture: see the Goal panel.");
    return;
  }
  if (!now.imagination.enabled || !now.imagination.planning_gap) {
    Faint("The planning gap is not measured: the Imagination panel switches it on.");
    return;
  }
  if (now.model == kSimulator) {
    if (now.plan) Wrapped(Format("The plan returns %.3g. It was imagined in the simulator, so there is no gap.", now.plan->return_in_model));
    return;
  }
  const std::string words = now.plan ? GapInWords(now.plan->return_in_model, now.plan->return_in_simulator) : "";
  Wrapped("Now: " + (words.empty() ? std::string("no plan was played in both yet") : words));
  theme::Tooltip("Planning gap: the plan's return as the model imagines it, and as the simulator plays the same actions.");
  if (mean_gap_.plans > 1) {
    Wrapped(Format("Mean of the last %d plans: ", mean_gap_.plans) + GapInWords(mean_gap_.in_model, mean_gap_.in_simulator));
  }
}

void AgentPanel::DrawPlanner(App& app) {
  if (!ImGui::CollapsingHeader("Planner", ImGuiTreeNodeFlags_DefaultOpen)) return;
  DrawPlanTimes(app);
  ImGui::PushID("options");
  PlannerOptions options = sent_ ? *sent_ : app.now->planner;
  if (EditPlannerOptions(options)) SetPlanner(app, options);
  ImGui::PopID();
  if (ImGui::Button("Defaults for this task")) AskForDefaults(app);
  theme::Tooltip("Sets every parameter to what suits this task and what the planner believes in.");
}

void AgentPanel::DrawPlanTimes(const App& app) {
  const SessionSnapshot& now = *app.now;
  if (now.actor == Actor::kPolicy) {
    Faint("The policy acts, and nothing is planned; what is drawn is where it would lead.");
  } else if (now.actor != Actor::kPlanner) {
    Faint(now.imagination.enabled ? "The planner does not act now; it plans for you to look at." : "The planner does not act now.");
  }
  const bool many = now.imagined_steps_per_s >= 1e6;
  // Always as high as this, so that nothing below moves away under the mouse when plans come.
  Wrapped(Format("%.1f ms a plan, %.1f plans/s", now.plan_ms, now.plans_per_s));
  Wrapped(Format("%.0f%s imagined steps/s", now.imagined_steps_per_s / (many ? 1e6 : 1e3), many ? "M" : "k"));
  const double step_ms = now.speed > 0 ? 1000 * now.timeline.control_step_s / now.speed : 0;
  const float most = plan_ms_.empty() ? 0.0f : *std::max_element(plan_ms_.begin(), plan_ms_.end());
  const float top = 1.1f * std::max(most, static_cast<float>(step_ms < 3 * most ? step_ms : 0));
  ImGui::PlotLines("##plan times", plan_ms_.data(), static_cast<int>(plan_ms_.size()), 0, nullptr, 0, top,
                   {std::max(1.0f, ImGui::GetContentRegionAvail().x), 2.5f * ImGui::GetFontSize()});
  const ImVec2 low = ImGui::GetItemRectMin(), high = ImGui::GetItemRectMax();
  if (step_ms > 0 && step_ms < top) {
    const float y = high.y - static_cast<float>(step_ms) / top * (high.y - low.y);
    ImGui::GetWindowDrawList()->AddLine({low.x, y}, {high.x, y}, ImGui::GetColorU32(ImGuiCol_TextDisabled));
  }
  theme::Tooltip(Format("Milliseconds of the last %d plans, at most %.1f. The line is one control step, %.1f ms.",
                       static_cast<int>(plan_ms_.size()), most, step_ms).c_str());
}

void AgentPanel::AddActions(App& app) {
  const auto add = [&](const char* id, const char* menu, std::string title, int key, auto run,
                       std::function<bool(const App&)> checked, std::function<bool(const App&)> enabled = IsOpen) {
    Action action;
    action.id = id;
    action.menu = menu;
    action.title = std::move(title);
    action.shortcut.key = key;
    action.run = run;
    action.enabled = std::move(enabled);
    action.checked = std::move(checked);
    app.actions.Add(std::move(action));
  };
  for (const NamedActor& named : kActors) {
    add(named.id, "Agent", std::string(named.name) + " acts", named.key,
        [actor = named.actor](App& a) { a.session->SetActor(actor); },
        [actor = named.actor](const App& a) { return IsOpen(a) && a.now->actor == actor; },
        [actor = named.actor](const App& a) { return IsOpen(a) && Able(*a.now, actor); });
  }
  for (const NamedPace& named : kPaces) {
    add(named.id, "Agent", named.name, 0, [pace = named.pace](App& a) { a.session->SetPace(pace); },
        [pace = named.pace](const App& a) { return IsOpen(a) && a.now->pace == pace; });
  }
  add("agent.toggle_model", "Agent", "Believe in a model or in the simulator", GLFW_KEY_M,
      [this](App& a) { ToggleModel(a); }, [](const App& a) { return IsOpen(a) && a.now->model != kSimulator; });
  add("agent.defaults", "Agent", "Planner's defaults for this task", 0, [this](App& a) { AskForDefaults(a); }, {});
}

std::unique_ptr<Panel> MakeAgentPanel() { return std::make_unique<AgentPanel>(); }

}  // namespace reverie::desktop
