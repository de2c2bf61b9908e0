// The app without a window: opening, reloading, dropping, scripts, and frames of everything there is.
#include <doctest/doctest.h>

#include <GLFW/glfw3.h>

#include <chrono>
#include <functional>
#include <thread>

#include "imgui_fixture.h"
#include "sim/error.h"
#include "tests/sim/task_fixture.h"
#include "ui/desktop/app.h"
#include "ui/desktop/file_watch.h"
#include "ui/desktop/frame.h"
#include "ui/desktop/openable.h"
#include "ui/desktop/script.h"

namespace reverie::desktop {
namespace {

using task_fixture::TemporaryFolder;
using task_fixture::Write;

constexpr char kScene[] = R"(
<mujoco>
  <worldbody><body name="arm"><joint name="hinge" axis="0 1 0" damping="1"/><geom size="0.1" mass="1" pos="0 0 -0.3"/>
  </body></worldbody>
  <actuator><motor joint="hinge" ctrlrange="-1 1"/></actuator>
</mujoco>)";
constexpr char kTask[] = R"json({"scene": "scene.xml", "control_timestep_s": 0.02, "time_limit_s": 2,
  "observation": {"angle": "qpos", "speed": "qvel"}, "reset": [{"set": "qpos(hinge)", "to": "uniform(-1, 1)"}],
  "reward": "cos(angle[0])", "planner": {"sequences": 8, "iterations": 1, "horizon": 4, "elites": 2}})json";

/// The whole app, with the panels there are, its frames drawn without a window.
struct Fixture {
  TemporaryFolder folder;
  NullTextures textures;
  App app{Settings(), LearnedModels(), textures};
  ImGuiFixture ui{1280, 800};
  Layout layout;
  std::vector<DockedPanel> panels = MakePanels();

  Fixture() {
    AddActions(app, layout, panels);
    app.defaults.playing = false;
    app.defaults.pace = Pace::kLockStep;
    ui.Run(2, [this] {
      UpdateFrame(app, panels);
      DrawFrame(app, layout, panels);
    });
  }
  ~Fixture() { panels.clear(); }

  std::string Scene(const std::string& text = kScene) { return Write(folder / "scene.xml", text).string(); }
  std::string Task(const std::string& text = kTask) {
    Scene();
    return Write(folder / "task.json", text).string();
  }
  /// Frames until it holds; a failure of the test if it never does.
  void Until(const std::function<bool()>& holds) {
    for (int i = 0; i < 3000; ++i) {
      ui.Run();
      if (holds()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL("it did not come");
  }
  void Open(const std::string& what) {
    const auto before = app.session;
    app.Open(what);
    Until([&] { return !app.opening && app.session != before; });
  }
  bool Said(const std::string& text) const {
    for (const Messages::Line& line : app.messages.lines()) {
      if (line.text.find(text) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_CASE("All actions of app and panels have ids and keys of their own") {
  Fixture f;
  CHECK(f.app.actions.conflicts() == std::vector<std::string>());
  for (const Action& action : f.app.actions.all()) {
    CAPTURE(action.id);
    CHECK((action.run || action.items));
    CHECK_FALSE(action.title.empty());
  }
}

TEST_CASE("With nothing open the tasks are listed, and a click opens one") {
  Fixture f;
  f.Until([&] { return f.ui.Shows("cartpole-swingup"); });
  CHECK(f.ui.Shows("Nothing is open"));
  REQUIRE(f.ui.ClickText("cartpole-swingup"));
  f.Until([&] { return f.app.now != nullptr; });
  CHECK(f.app.now->task->spec().name == "cartpole-swingup");
  CHECK(f.app.settings.recent == std::vector<std::string>{"cartpole-swingup"});
  CHECK(f.app.actions.Run("file.close", f.app));
  f.ui.Run(2);
  CHECK(f.app.now == nullptr);
  CHECK(f.ui.Shows("Nothing is open"));
}

TEST_CASE("A task opens from a path with any characters, and is kept as recent by its whole path") {
  Fixture f;
  const std::filesystem::path odd = f.folder / "100 %s +ü 日本";
  Write(odd / "scene.xml", kScene);
  const std::string file = Write(odd / "a##b %d.json", kTask).string();
  f.Open(file);
  CHECK(f.app.open_name == file);
  CHECK(f.app.settings.recent.front() == file);
  CHECK(f.app.now->actor == Actor::kPlanner);
  CHECK(f.app.now->model == "simulator");
}

TEST_CASE("A scene without a reward is played by the person") {
  Fixture f;
  f.Open(f.Scene());
  CHECK(f.app.now->actor == Actor::kPerson);
}

TEST_CASE("A broken file is told about, and what ran goes on") {
  Fixture f;
  f.Open(f.Task());
  const auto session = f.app.session;
  f.app.Open(Write(f.folder / "bad.xml", "<mujoco><geom").string());
  f.Until([&] { return f.Said("bad.xml"); });
  CHECK(f.app.session == session);
  CHECK_FALSE(f.app.opening);
  f.app.Open("no-such-task");
  f.Until([&] { return f.Said("no-such-task"); });
  CHECK(f.app.session == session);
  CHECK(f.app.settings.recent.size() == 1);
}

TEST_CASE("Of two that are opened at once the later one stands") {
  Fixture f;
  const std::string task = f.Task(), scene = f.Scene();
  f.app.Open(scene);
  f.app.Open(task);
  f.Until([&] { return f.app.session != nullptr && !f.app.opening; });
  CHECK(f.app.open_name == task);
  f.ui.Run(20);
  CHECK(f.app.open_name == task);
}

TEST_CASE("Reload keeps who acts, speed, episode and whether it plays") {
  Fixture f;
  f.Open(f.Task());
  f.app.session->SetActor(Actor::kSmooth);
  f.app.session->SetSpeed(0.25);
  f.app.session->ResetToEpisode(7);
  f.Until([&] { return f.app.now->episode == 7 && f.app.now->actor == Actor::kSmooth; });
  const std::vector<double> start = f.app.now->state;
  const auto before = f.app.session;
  f.app.Reload();
  f.Until([&] { return f.app.session != before && f.app.now->episode == 7; });
  CHECK(f.app.now->actor == Actor::kSmooth);
  CHECK(f.app.now->speed == 0.25);
  CHECK_FALSE(f.app.now->playing);
  CHECK(f.app.now->state == start);
}

TEST_CASE("A changed file is loaded again, a broken change is not, and the mended one is") {
  Fixture f;
  f.Open(f.Task());
  const auto rewrite = [&](const std::string& text) { Write(f.folder / "scene.xml", text); };
  std::this_thread::sleep_for(std::chrono::milliseconds(700));  // the watch has seen the file as it was
  std::string heavier = kScene;
  heavier.replace(heavier.find("mass=\"1\""), 8, "mass=\"5\"");
  const auto mass = [&] { return f.app.session->task().model()->body_mass[1]; };
  REQUIRE(mass() == 1);
  rewrite(heavier);
  f.Until([&] { return mass() == 5; });
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  rewrite("<mujoco><worldbody>");
  f.Until([&] { return f.Said("scene.xml"); });
  CHECK(mass() == 5);
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  rewrite(kScene);
  f.Until([&] { return mass() == 1; });
}

TEST_CASE("A change in a file that the scene includes loads it again, and a broken one that is mended opens") {
  Fixture f;
  Write(f.folder / "part.xml", "<mujoco><worldbody><geom type='nothing'/></worldbody></mujoco>");
  const auto scene = Write(f.folder / "whole.xml", "<mujoco><include file='part.xml'/></mujoco>");
  f.app.Open(scene.string());
  f.Until([&] { return !f.app.opening && f.app.messages.lines().size() == 1; });
  CHECK(f.app.session == nullptr);
  const auto write = [&](const char* size) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    Write(f.folder / "part.xml", std::string("<mujoco><worldbody><geom size='") + size + "'/></worldbody></mujoco>");
  };
  write("0.5");
  f.Until([&] { return f.app.now != nullptr; });
  CHECK(f.app.now->task->model()->geom_size[0] == 0.5);
  write("0.25");
  f.Until([&] { return f.app.now != nullptr && f.app.now->task->model()->geom_size[0] == 0.25; });
}

TEST_CASE("A session that gives way to another is handed over first") {
  Fixture f;
  std::vector<std::shared_ptr<Session>> retired;
  f.app.before_retiring = [&](const std::shared_ptr<Session>& session) { retired.push_back(session); };
  f.Open(f.Task());
  CHECK(retired.empty());
  const std::shared_ptr<Session> first = f.app.session;
  f.app.Reload();
  f.Until([&] { return f.app.session != first; });
  REQUIRE(retired.size() == 1);
  CHECK(retired.front() == first);
}

TEST_CASE("What is dropped is told by what is in it") {
  TemporaryFolder folder;
  const auto kind = [](const std::filesystem::path& path) { return LookAt(path).kind; };
  CHECK(kind(Write(folder / "a.XML", kScene)) == Openable::Kind::kTask);
  CHECK(kind(Write(folder / "a.urdf", "")) == Openable::Kind::kTask);
  CHECK(kind(Write(folder / "b.json", kTask)) == Openable::Kind::kTask);
  Write(folder / "model ü" / "config.json", R"({"model": "ensemble", "task": "cartpole-swingup"})");
  Write(folder / "model ü" / "weights.safetensors", "");
  const Openable model = LookAt(folder / "model ü" / "");
  CHECK(model.kind == Openable::Kind::kModel);
  CHECK(model.task == "cartpole-swingup");
  CHECK(model.path == folder / "model ü");
  CHECK(LookAt(folder / "model ü" / "config.json").path == folder / "model ü");
  Write(folder / "data set" / "data" / "task.json", "{}");
  CHECK(kind(folder / "data set") == Openable::Kind::kDataset);
  Write(folder / "data set" / "data" / "main_data.hdf5", "");
  CHECK(LookAt(folder / "data set" / "data" / "main_data.hdf5").path == folder / "data set");

  const auto problem = [](const std::filesystem::path& path) {
    const Openable found = LookAt(path);
    CHECK(found.kind == Openable::Kind::kNothing);
    return found.problem;
  };
  CHECK(problem(Write(folder / "notes %s.txt", "")).find("notes %s.txt") != std::string::npos);
  CHECK(problem(folder / "nothing here").find("no such file") != std::string::npos);
  Write(folder / "plain folder" / "readme", "");
  CHECK(problem(folder / "plain folder").find("neither a model's nor a dataset's") != std::string::npos);
  Write(folder / "foreign" / "config.json", "{}");
  CHECK(problem(folder / "foreign").find("config.json") != std::string::npos);
  Write(folder / "broken" / "config.json", "{");
  CHECK(problem(folder / "broken").find("config.json") != std::string::npos);
}

TEST_CASE("A dropped text file gets a message, a dropped scene is opened") {
  Fixture f;
  f.app.OpenAnything(Write(f.folder / "notes.txt", "hello"));
  f.Until([&] { return f.Said("notes.txt"); });
  CHECK(f.app.session == nullptr);
  f.app.OpenAnything(f.Scene());
  f.Until([&] { return f.app.session != nullptr; });
}

TEST_CASE("A dropped dataset waits for the panel that browses it") {
  Fixture f;
  f.Open(f.Task());
  Write(f.folder / "recorded" / "data" / "task.json", "{}");
  f.panels.clear();  // that panel would take it
  f.app.OpenAnything(f.folder / "recorded");
  f.Until([&] { return !f.app.dataset_to_browse.empty(); });
  CHECK(f.app.dataset_to_browse == f.folder / "recorded");
}

TEST_CASE("Going to a place pauses first") {
  Fixture f;
  f.Open(f.Task());
  f.app.session->StepControl(10);
  f.Until([&] { return f.app.now->control_step == 10; });
  const TimelinePlace place = f.app.now->timeline.AtStep(f.app.now->now.branch, 3);
  f.app.session->Play();
  f.app.GoTo(place);
  f.Until([&] { return f.app.now->now == place; });
  CHECK_FALSE(f.app.now->playing);
}

TEST_CASE("Learning reports reach the curve, and a new curve silences the old reporter") {
  Fixture f;
  const auto report = f.app.NewLearningCurve();
  std::thread([&] { report({.episode = 4}); }).join();
  f.ui.Run();
  REQUIRE(f.app.learning_curve.size() == 1);
  CHECK(f.app.learning_curve[0].episode == 4);
  const auto next = f.app.NewLearningCurve();
  CHECK(f.app.learning_curve.empty());
  report({.episode = 5});
  next({.episode = 6});
  f.ui.Run();
  REQUIRE(f.app.learning_curve.size() == 1);
  CHECK(f.app.learning_curve[0].episode == 6);
}

TEST_CASE("The end of a job is said once, with its error") {
  Fixture f;
  f.app.jobs.push_back(std::make_shared<Job>("Saving", "", [](JobContext&) { throw Error("disk full"); }));
  f.Until([&] { return f.Said("Saving: disk full"); });
  f.ui.Run(5);
  for (const Messages::Line& line : f.app.messages.lines()) CHECK(line.repeated == 1);
}

TEST_CASE("Closing cancels jobs and does not wait for them") {
  Fixture f;
  f.Open(f.Task());
  f.app.session->Play();
  f.app.jobs.push_back(std::make_shared<Job>("Endless", "", [](JobContext& context) {
    while (context.GoOn()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }));
  f.app.BeginClosing();
  CHECK(f.app.session == nullptr);
  CHECK(f.app.now == nullptr);
  f.app.Open("cartpole-swingup");  // too late
  f.Until([&] { return f.app.Closed(); });
  CHECK(f.app.session == nullptr);
}

TEST_CASE("Every panel of the app draws with a task and without one, at any size") {
  Fixture f;
  for (const bool open : {false, true}) {
    if (open) {
      f.Open(f.Task());
      f.app.session->StepControl(30);
      f.Until([&] { return f.app.now->control_step >= 30; });
    }
    for (const DockedPanel& panel : f.panels) {
      Layout::Show(f.app.settings, f.panels, panel.panel->title());
      for (const ImVec2 size : {ImVec2(1280, 800), ImVec2(1, 1), ImVec2(300, 200)}) {
        f.ui.Resize(size.x, size.y);
        f.ui.Run(2);
      }
    }
  }
  for (const Messages::Line& line : f.app.messages.lines()) {
    CAPTURE(line.text);
    CHECK_FALSE(line.error);
  }
}

TEST_CASE("Both themes, and the windows of the Help menu") {
  Fixture f;
  CHECK(f.app.actions.Run("view.dark", f.app));
  CHECK(f.app.actions.Run("help.keys", f.app));
  CHECK(f.app.actions.Run("help.about", f.app));
  f.ui.Run(3);
  CHECK(f.ui.Shows("Ctrl+P"));
  CHECK(f.ui.Shows("Dear ImGui"));
}

TEST_CASE("A script waits for steps, goes to steps and sets what it is told") {
  Fixture f;
  f.Open(f.Task());
  Script script(f.app, {"actor=random,speed=0", "step:20", "seek:5", "theme=light"});
  f.Until([&] {
    script.Advance(f.app, 0);
    return script.finished();
  });
  CHECK(script.failure() == "");
  f.Until([&] { return f.app.now->control_step == 5; });
  CHECK(f.app.now->actor == Actor::kRandom);
  CHECK(f.app.now->speed == 0);
  CHECK_FALSE(f.app.settings.dark);
}

TEST_CASE("A script waits by the clock") {
  Fixture f;
  Script script(f.app, {"theme=light,wait:2.5,theme=dark"});
  script.Advance(f.app, 100);
  CHECK_FALSE(f.app.settings.dark);
  script.Advance(f.app, 102);
  CHECK_FALSE(f.app.settings.dark);
  CHECK_FALSE(script.finished());
  script.Advance(f.app, 102.5);
  CHECK(f.app.settings.dark);
  CHECK(script.finished());
}

TEST_CASE("A script says before it begins what is wrong with it") {
  Fixture f;
  const auto message = [&](const std::string& step) {
    try {
      Script(f.app, {step});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("nothing wrong");
  };
  CHECK(message("file.reloda").find("did you mean 'file.reload'") != std::string::npos);
  CHECK(message("wait:soon").find("seconds") != std::string::npos);
  CHECK(message("speeed=2").find("did you mean 'speed'") != std::string::npos);
  CHECK(message("actor=nobody").find("planner") != std::string::npos);
  CHECK(message("step:-1").find("control step") != std::string::npos);
  CHECK(message("file.reload,wait:1,model=/a,b c").find("commas included") != std::string::npos);
  std::filesystem::create_directories(f.folder / "a,b c");
  CHECK(message("model=" + (f.folder / "a,b c").string()) == "nothing wrong");
}

TEST_CASE("A script fails where a step cannot be done") {
  Fixture f;
  Script script(f.app, {"file.reload,theme=light"});
  script.Advance(f.app, 0);
  CHECK(script.failure().find("file.reload") != std::string::npos);
  CHECK(script.finished());
  CHECK(f.app.settings.dark);
}

// The file dialog

struct DialogFixture {
  TemporaryFolder folder;
  ImGuiFixture ui{1000, 700};
  FileDialog dialog;
  std::filesystem::path chosen;

  DialogFixture() {
    Write(folder / "sub ü" / "inner.xml", "");
    Write(folder / "one.xml", "12345");
    Write(folder / "two.txt", "");
    Write(folder / ".hidden.xml", "");
    ui.Run(1, [this] { dialog.Draw(); });
  }
  void Ask(FileQuestion question) {
    question.folder = folder / "";
    question.title = "Choose 100 % of it";
    dialog.Ask(std::move(question), [this](const std::filesystem::path& path) { chosen = path; });
    ui.Run(4);
  }
};

TEST_CASE("The file dialog lists folders and what was asked for, and opens a folder by a double click") {
  DialogFixture f;
  f.Ask({.extensions = {".xml"}});
  CHECK(f.ui.Shows("one.xml"));
  CHECK(f.ui.Shows("sub"));
  CHECK_FALSE(f.ui.Shows("two.txt"));
  CHECK_FALSE(f.ui.Shows("hidden"));
  f.ui.DoubleClick(f.ui.Find("sub")->centre());
  f.ui.Run(2);
  CHECK(f.ui.Shows("inner.xml"));
  f.ui.Wait(1);
  f.ui.DoubleClick(f.ui.Find("inner.xml")->centre());
  f.ui.Run(2);
  CHECK_FALSE(f.dialog.open());
  CHECK(f.chosen == f.folder / "sub ü" / "inner.xml");
}

TEST_CASE("A name that is typed is taken with Enter, one that is not there is told") {
  DialogFixture f;
  f.Ask({.extensions = {".xml"}});
  f.ui.Type("nowhere.xml");
  f.ui.Press(GLFW_KEY_ENTER);
  f.ui.Run(2);
  CHECK(f.dialog.open());
  CHECK(f.ui.Shows("no such file"));
  CHECK(f.chosen.empty());
  REQUIRE(f.ui.ClickText("one.xml"));
  REQUIRE(f.ui.ClickText("Open"));
  CHECK(f.chosen == f.folder / "one.xml");
}

TEST_CASE("Escape and Cancel choose nothing") {
  DialogFixture f;
  f.Ask({});
  f.ui.Press(GLFW_KEY_ESCAPE);
  f.ui.Run(2);
  CHECK_FALSE(f.dialog.open());
  f.Ask({});
  REQUIRE(f.ui.ClickText("Cancel"));
  CHECK_FALSE(f.dialog.open());
  CHECK(f.chosen.empty());
}

TEST_CASE("Saving adds the extension, and replaces only when told to") {
  DialogFixture f;
  f.Ask({.kind = FileQuestion::Kind::kSaveFile, .extensions = {".png"}, .name = "picture"});
  REQUIRE(f.ui.ClickText("Save"));
  CHECK(f.chosen == f.folder / "picture.png");
  f.chosen.clear();
  f.Ask({.kind = FileQuestion::Kind::kSaveFile, .extensions = {".xml"}, .name = "one.xml"});
  REQUIRE(f.ui.ClickText("Save"));
  CHECK(f.chosen.empty());
  CHECK(f.ui.Shows("is there already"));
  REQUIRE(f.ui.ClickText("Replace"));
  CHECK(f.chosen == f.folder / "one.xml");
}

TEST_CASE("A folder that cannot be read is told about, and the dialog stays where it is") {
  DialogFixture f;
  f.Ask({.kind = FileQuestion::Kind::kOpenFolder});
  f.ui.Type("/proc/1/fd/nothing");
  f.ui.Press(GLFW_KEY_ENTER);
  f.ui.Run(2);
  CHECK(f.dialog.open());
  CHECK(f.ui.Shows("no such file"));
  CHECK(f.ui.Shows("sub"));
}

TEST_CASE("The dialog fits into a window of any size") {
  DialogFixture f;
  f.Ask({});
  for (const ImVec2 size : {ImVec2(1, 1), ImVec2(80, 60), ImVec2(3000, 2000)}) {
    f.ui.Resize(size.x, size.y);
    f.ui.Run(3);
  }
  CHECK(f.dialog.open());
}

TEST_CASE("Names that are not UTF-8 are shown as far as they are") {
  CHECK(ShownPath("/a/Größe.xml") == "/a/Größe.xml");
  CHECK(ShownPath("/a/\xffz") == "/a/\xEF\xBF\xBDz");
  CHECK(ShownPath("a\nb") == "a\xEF\xBF\xBD" "b");
  CHECK(ShownPath("cut \xe6\x97") == "cut \xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("A watched file counts as changed once its writer has finished") {
  TemporaryFolder folder;
  const auto file = Write(folder / "a.xml", "1");
  FileWatch watch;
  watch.Watch({file});
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  CHECK_FALSE(watch.Changed());
  std::filesystem::remove(file);
  std::this_thread::sleep_for(std::chrono::milliseconds(800));
  CHECK_FALSE(watch.Changed());
  Write(file, "22");
  bool changed = false;
  for (int i = 0; i < 500 && !changed; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    changed = watch.Changed();
  }
  CHECK(changed);
  CHECK_FALSE(watch.Changed());
}

}  // namespace
}  // namespace reverie::desktop
