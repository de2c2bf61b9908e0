#include "ui/desktop/layout.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "imgui_fixture.h"
#include "sim/error.h"
#include "tests/sim/task_fixture.h"
#include "ui/desktop/app.h"
#include "ui/desktop/frame.h"

namespace reverie::desktop {
namespace {

constexpr char kScene[] = R"(
<mujoco>
  <worldbody><body><joint name="hinge" axis="0 1 0"/><geom size="0.1" mass="1" pos="0 0 -0.3"/></body></worldbody>
  <actuator><motor joint="hinge" ctrlrange="-1 1"/></actuator>
</mujoco>)";

/// Says where it was drawn.
class Probe : public Panel {
 public:
  explicit Probe(std::string title) : title_(std::move(title)) {}
  const char* title() const override { return title_.c_str(); }
  void Draw(App&) override {
    ++drawn;
    at = ImGui::GetWindowPos();
    size = ImGui::GetWindowSize();
    ImGui::TextUnformatted(("inside " + title_).c_str());
  }
  void Update(App&) override { ++updated; }

  int drawn = 0, updated = 0;
  ImVec2 at{}, size{};

 private:
  std::string title_;
};

struct Fixture {
  task_fixture::TemporaryFolder folder;
  NullTextures textures;
  App app{Settings(), LearnedModels(), textures};
  ImGuiFixture ui{1200, 800};
  Layout layout;
  std::vector<DockedPanel> panels;
  Probe *left, *scene, *reward, *log, *timeline;

  Fixture() {
    left = Add("Inspector %s", Dock::kLeft);
    scene = Add("Scene", Dock::kCentre);
    reward = Add("Reward", Dock::kRight);
    log = Add("Log##of all", Dock::kRight);
    timeline = Add("Timeline", Dock::kBottom);
    AddActions(app, layout, panels);
    app.session = std::make_shared<Session>(task_fixture::Compile(folder, kScene), SessionOptions{.actor = Actor::kPerson});
    ui.Run(3, [this] {
      UpdateFrame(app, panels);
      DrawFrame(app, layout, panels);
    });
  }
  Probe* Add(const std::string& title, Dock dock) {
    auto panel = std::make_unique<Probe>(title);
    Probe* probe = panel.get();
    panels.push_back({std::move(panel), dock});
    return probe;
  }
};

TEST_CASE("Panels stand in their docks, the scene between left and right, the timeline below") {
  Fixture f;
  CHECK(f.left->at.x + f.left->size.x < f.scene->at.x);
  CHECK(f.scene->at.x + f.scene->size.x < f.reward->at.x);
  CHECK(f.scene->at.y + f.scene->size.y < f.timeline->at.y);
  CHECK(f.timeline->at.x < f.scene->at.x);
  CHECK(f.scene->size.x > 400);
  CHECK(f.log->drawn == 0);  // behind Reward
  CHECK(f.log->updated == f.reward->updated);
}

TEST_CASE("A tab brings its panel to the front, and is remembered") {
  Fixture f;
  REQUIRE(f.ui.ClickText("Log##of all"));
  CHECK(f.log->drawn > 0);
  const int before = f.reward->drawn;
  f.ui.Run(2);
  CHECK(f.reward->drawn == before);
  CHECK(f.app.settings.tabs.at("right") == "Log##of all");
}

TEST_CASE("Dragging a splitter changes the share, double clicking puts it back") {
  Fixture f;
  const float before = f.left->size.x, edge = f.scene->at.x - 3;
  f.ui.Drag({edge, 300}, {edge + 120, 300});
  CHECK(f.left->size.x == doctest::Approx(before + 120).epsilon(0.02));
  CHECK(f.app.settings.splits.contains("left"));
  f.ui.Wait(2);
  f.ui.DoubleClick({f.scene->at.x - 3, 300});
  f.ui.Run(2);
  CHECK(f.left->size.x == doctest::Approx(before).epsilon(0.02));
  CHECK_FALSE(f.app.settings.splits.contains("left"));
}

TEST_CASE("A dock that was dragged to nothing can be dragged out again") {
  Fixture f;
  const float edge = f.scene->at.x - 3;
  f.ui.Drag({edge, 300}, {0, 300});
  const int before = f.left->drawn;
  f.ui.Run(3);
  CHECK(f.left->drawn == before);
  CHECK(f.left->updated > before);
  f.ui.Wait(2);
  f.ui.Drag({f.scene->at.x - 3, 300}, {200, 300});
  f.ui.Run(2);
  CHECK(f.left->drawn > before);
  CHECK(f.left->size.x > 100);
}

TEST_CASE("A panel is closed and opened again by its action") {
  Fixture f;
  const float wide = f.scene->size.x;
  CHECK(f.app.actions.Run("view.panel.inspector-s", f.app));
  f.ui.Run(2);
  const int before = f.left->drawn;
  f.ui.Run(2);
  CHECK(f.left->drawn == before);
  CHECK(f.scene->size.x > wide);
  CHECK(f.app.actions.Run("view.panel.inspector-s", f.app));
  f.ui.Run(2);
  CHECK(f.left->drawn > before);
  CHECK(f.scene->size.x == wide);
}

TEST_CASE("Showing a panel opens it, brings it to the front, and gives its dock room") {
  Fixture f;
  f.app.settings.hidden["Log##of all"] = true;
  f.app.settings.splits["right"] = 0;
  f.ui.Run(2);
  CHECK(f.app.actions.Run("view.show.log-of-all", f.app));
  f.ui.Run(2);
  CHECK(f.log->drawn > 0);
  CHECK(f.log->size.x > 100);
}

TEST_CASE("A panel moves to another dock from its tab's menu") {
  Fixture f;
  REQUIRE(f.ui.ClickText("Reward", 1));
  REQUIRE(f.ui.ClickText("Move to the bottom"));
  f.ui.Run(2);
  CHECK(f.reward->at.y > f.scene->at.y + f.scene->size.y);
  CHECK(f.log->drawn > 0);
  CHECK(f.app.actions.Run("view.reset_layout", f.app));
  f.ui.Run(2);
  CHECK(f.reward->at.x > f.scene->at.x + f.scene->size.x);
}

TEST_CASE("The whole window is drawn at every size, however absurd") {
  Fixture f;
  for (const ImVec2 size : {ImVec2(1, 1), ImVec2(2000, 1), ImVec2(1, 2000), ImVec2(40, 30), ImVec2(5000, 3000)}) {
    f.ui.Resize(size.x, size.y);
    f.app.messages.Error("an error");
    f.ui.Run(3);
  }
  for (const double share : {0.0, 1.0, 0.5}) {
    for (const char* name : {"left", "right", "bottom"}) f.app.settings.splits[name] = share;
    f.ui.Run(2);
  }
  f.ui.Resize(1200, 800);
  f.app.settings.splits.clear();
  const int before = f.scene->drawn;
  f.ui.Run(2);
  CHECK(f.scene->drawn == before + 2);
}

TEST_CASE("A panel that fails is told about and does not take the others with it") {
  struct Bad : Panel {
    const char* title() const override { return "Bad"; }
    void Draw(App&) override {
      ImGui::BeginChild("half open", {50, 50});
      ImGui::PushID(3);
      throw Error("the panel has a hole");
    }
  };
  Fixture f;
  f.panels.push_back({std::make_unique<Bad>(), Dock::kRight});
  Layout::Show(f.app.settings, f.panels, "Bad");
  f.ui.Run(3);
  CHECK(f.ui.Shows("the panel has a hole"));
  f.app.settings.hidden["Bad"] = true;
  const int before = f.reward->drawn;
  f.ui.Run(2);
  CHECK(f.reward->drawn > before);
}

TEST_CASE("Every panel closed leaves a hint in the middle") {
  Fixture f;
  for (const DockedPanel& panel : f.panels) f.app.settings.hidden[panel.panel->title()] = true;
  f.ui.Run(2);
  CHECK(f.ui.Shows("The View menu brings them back"));
}

TEST_CASE("Titles become ids") {
  CHECK(Layout::Slug("Predicted and real") == "predicted-and-real");
  CHECK(Layout::Slug("Log") == "log");
  CHECK(Layout::Slug(" 100 % (of it) ") == "100-of-it");
}

}  // namespace
}  // namespace reverie::desktop
