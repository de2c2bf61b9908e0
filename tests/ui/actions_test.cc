#include "ui/desktop/actions.h"

#include <doctest/doctest.h>

#include <GLFW/glfw3.h>
#include <imgui_stdlib.h>

#include "imgui_fixture.h"
#include "ui/desktop/app.h"

namespace reverie::desktop {
namespace {

struct Fixture {
  NullTextures textures;
  App app{Settings(), LearnedModels(), textures};
  ImGuiFixture ui{900, 700};
  int played = 0, stepped = 0, saved = 0;
  bool can_save = true, switched = false;

  Fixture() {
    app.actions.Add({.id = "help.about", .menu = "Help", .title = "About", .run = [](App&) {}});
    app.actions.Add({.id = "time.play", .menu = "Time", .title = "Play", .shortcut = {GLFW_KEY_SPACE},
                     .run = [this](App&) { ++played; }});
    app.actions.Add({.id = "time.step", .menu = "Time", .title = "Step forward", .shortcut = {GLFW_KEY_RIGHT},
                     .run = [this](App&) { ++stepped; }, .repeats = true});
    app.actions.Add({.id = "file.save", .menu = "File", .title = "Save picture", .shortcut = {GLFW_KEY_S, true},
                     .run = [this](App&) { ++saved; }, .enabled = [this](const App&) { return can_save; }});
    app.actions.Add({.id = "view.flag", .menu = "View/Flags", .title = "Shadows",
                     .run = [this](App&) { switched = !switched; },
                     .checked = [this](const App&) { return switched; }});
  }
  void Draw() {
    app.actions.HandleShortcuts(app);
    if (ImGui::BeginMainMenuBar()) {
      app.actions.DrawMenus(app);
      ImGui::EndMainMenuBar();
    }
    app.actions.DrawPalette(app);
  }
  void Run() {
    ui.Run(2, [this] { Draw(); });
  }
};

TEST_CASE("Menus stand in the app's order, whatever the order of adding, and hold their actions") {
  Fixture f;
  f.Run();
  const auto file = f.ui.Find("File"), time = f.ui.Find("Time"), view = f.ui.Find("View"), help = f.ui.Find("Help");
  REQUIRE((file && time && view && help));
  CHECK(file->min.x < time->min.x);
  CHECK(time->min.x < view->min.x);
  CHECK(view->min.x < help->min.x);
  CHECK_FALSE(f.ui.Find("Agent"));  // an empty menu is not shown
  REQUIRE(f.ui.ClickText("Time"));
  CHECK(f.ui.Shows("Step forward"));
  CHECK(f.ui.Shows("Space"));
  REQUIRE(f.ui.ClickText("Play"));
  CHECK(f.played == 1);
}

TEST_CASE("Keys run their action, with exactly the modifiers that they have") {
  Fixture f;
  f.Run();
  f.ui.Press(GLFW_KEY_SPACE);
  CHECK(f.played == 1);
  f.ui.Press(GLFW_KEY_SPACE, true);
  f.ui.Press(GLFW_KEY_SPACE, false, true);
  CHECK(f.played == 1);
  f.ui.Press(GLFW_KEY_S);
  CHECK(f.saved == 0);
  f.ui.Press(GLFW_KEY_S, true);
  CHECK(f.saved == 1);
  f.can_save = false;
  f.ui.Press(GLFW_KEY_S, true);
  CHECK(f.saved == 1);
}

TEST_CASE("A held key repeats only what is meant to repeat") {
  Fixture f;
  f.Run();
  f.ui.Hold(GLFW_KEY_RIGHT, true);
  f.ui.Run(120);
  f.ui.Hold(GLFW_KEY_RIGHT, false);
  f.ui.Hold(GLFW_KEY_SPACE, true);
  f.ui.Run(120);
  CHECK(f.stepped > 3);
  CHECK(f.played == 1);
}

TEST_CASE("Keys are left to the text that is being typed") {
  Fixture f;
  std::string text;
  f.ui.Run(3, [&] {
    f.Draw();
    ImGui::SetNextWindowPos({100, 100});
    ImGui::SetNextWindowSize({300, 100});
    ImGui::Begin("form");
    ImGui::InputText("name", &text);
    ImGui::End();
  });
  REQUIRE(f.ui.ClickText("name"));
  f.ui.Click({150, 133});
  f.ui.Press(GLFW_KEY_SPACE);
  f.ui.Type(" ");
  CHECK(f.played == 0);
}

TEST_CASE("The palette finds an action by a few of its letters and runs it with Enter") {
  Fixture f;
  f.Run();
  f.app.actions.OpenPalette();
  f.ui.Run(3);
  CHECK(f.ui.Shows("Time: Step forward"));
  f.ui.Type("stfo");
  f.ui.Run();
  CHECK(f.ui.Shows("Time: Step forward"));
  CHECK_FALSE(f.ui.Shows("Time: Play"));
  f.ui.Press(GLFW_KEY_ENTER);
  CHECK(f.stepped == 1);
  f.ui.Run(3);
  CHECK_FALSE(f.ui.Shows("Time: Step forward"));
}

TEST_CASE("In the palette arrow keys choose, Escape leaves, and what is not possible does not run") {
  Fixture f;
  f.can_save = false;
  f.Run();
  f.app.actions.OpenPalette();
  f.ui.Run(3);
  f.ui.Press(GLFW_KEY_DOWN);  // from About to Play
  f.ui.Press(GLFW_KEY_ENTER);
  CHECK(f.played == 1);
  f.app.actions.OpenPalette();
  f.ui.Run(3);
  f.ui.Press(GLFW_KEY_ESCAPE);
  f.ui.Run(2);
  CHECK_FALSE(f.ui.Shows("Time: Play"));
  f.app.actions.OpenPalette();
  f.ui.Run(3);
  f.ui.Type("save picture");
  f.ui.Press(GLFW_KEY_ENTER);
  CHECK(f.saved == 0);
}

TEST_CASE("An action runs by its id where it is possible") {
  Fixture f;
  CHECK(f.app.actions.Run("time.play", f.app));
  CHECK(f.played == 1);
  CHECK_FALSE(f.app.actions.Run("time.plays", f.app));
  f.can_save = false;
  CHECK_FALSE(f.app.actions.Run("file.save", f.app));
  CHECK(f.saved == 0);
}

TEST_CASE("A second action of an id or with another's keys is told as a defect") {
  Fixture f;
  CHECK(f.app.actions.conflicts().empty());
  f.app.actions.Add({.id = "time.play", .menu = "Time", .title = "Again"});
  f.app.actions.Add({.id = "scene.jump", .menu = "Scene", .title = "Jump", .shortcut = {GLFW_KEY_SPACE},
                     .run = [](App&) {}});
  REQUIRE(f.app.actions.conflicts().size() == 2);
  CHECK(f.app.actions.conflicts()[0].find("time.play") != std::string::npos);
  CHECK(f.app.actions.conflicts()[1].find("Space") != std::string::npos);
  CHECK(f.app.actions.Find("time.play")->title == "Play");
  CHECK(f.app.actions.Find("scene.jump")->shortcut.Text() == "");
}

TEST_CASE("Shortcuts are written as people write them") {
  CHECK(Shortcut{GLFW_KEY_P, true}.Text() == "Ctrl+P");
  CHECK(Shortcut{GLFW_KEY_O, true, true}.Text() == "Ctrl+Shift+O");
  CHECK(Shortcut{GLFW_KEY_F11}.Text() == "F11");
  CHECK(Shortcut{GLFW_KEY_LEFT, false, false, true}.Text() == "Alt+Left");
  CHECK(Shortcut{}.Text() == "");
}

TEST_CASE("Letters at the beginning of words and beside one another fit best") {
  CHECK_FALSE(FuzzyScore("xyz", "Play"));
  CHECK_FALSE(FuzzyScore("yalp", "Play"));
  CHECK(FuzzyScore("", "Play"));
  CHECK(FuzzyScore("PLAY", "play"));
  CHECK(FuzzyScore("open", "Reopen oak"));  // though the first o of a word leads nowhere
  CHECK_FALSE(FuzzyScore("a", ""));
  CHECK(*FuzzyScore("sf", "Step forward") > *FuzzyScore("sf", "Offset of"));
  CHECK(*FuzzyScore("play", "Play") > *FuzzyScore("play", "Put all panels away yonder"));
}

}  // namespace
}  // namespace reverie::desktop
