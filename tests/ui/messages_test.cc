#include "ui/desktop/messages.h"

#include <doctest/doctest.h>

#include "imgui_fixture.h"

namespace reverie::desktop {
namespace {

TEST_CASE("A message goes by itself, an error stays until it is dismissed") {
  ImGuiFixture ui(800, 600);
  Messages messages;
  messages.Say("saved 100%s of it");
  messages.Error("cannot read a##b.xml");
  double now_s = 50;
  const auto draw = [&] { messages.Draw(now_s); };
  ui.Run(3, draw);
  CHECK(ui.Shows("saved 100%s of it"));
  CHECK(ui.Shows("cannot read a##b.xml"));
  now_s = 70;
  ui.Run(3);
  CHECK_FALSE(ui.Shows("saved"));
  CHECK(ui.Shows("cannot read a##b.xml"));
  messages.DismissAll();
  ui.Run(2);
  CHECK_FALSE(ui.Shows("cannot read"));
  REQUIRE(messages.lines().size() == 2);
  CHECK(messages.lines()[0].text == "saved 100%s of it");
  CHECK(messages.lines()[1].error);
}

TEST_CASE("The same line again is counted, not stacked") {
  ImGuiFixture ui(800, 600);
  Messages messages;
  for (int i = 0; i < 3; ++i) messages.Error("the scene is broken");
  messages.Error("something else");
  messages.Error("the scene is broken");
  REQUIRE(messages.lines().size() == 2);
  CHECK(messages.lines()[0].repeated == 4);
  ui.Run(3, [&] { messages.Draw(0); });
  CHECK(ui.Shows("(4 times)"));
}

TEST_CASE("One that was dismissed comes back when it is said again") {
  ImGuiFixture ui(800, 600);
  Messages messages;
  messages.Error("the scene is broken");
  ui.Run(3, [&] { messages.Draw(0); });
  messages.DismissAll();
  ui.Run(2);
  CHECK_FALSE(ui.Shows("broken"));
  messages.Error("the scene is broken");
  ui.Run(3);
  CHECK(ui.Shows("the scene is broken"));
}

TEST_CASE("An error is dismissed by its cross") {
  ImGuiFixture ui(800, 600);
  Messages messages;
  messages.Error("wrong");
  ui.Run(3, [&] { messages.Draw(0); });
  const std::optional<DrawnText> text = ui.Find("wrong");
  REQUIRE(text);
  // In the upper right corner of the card, which stands at the right edge of the display.
  const float em = ImGui::GetIO().Fonts->Fonts[0]->FontSize;
  ui.Click({800 - em - 1.85f * em + 0.8f * em, text->min.y + 0.4f * em});
  CHECK(messages.lines()[0].dismissed);
}

TEST_CASE("Of hundreds of errors the newest are shown and the others counted") {
  ImGuiFixture ui(800, 600);
  Messages messages;
  for (int i = 0; i < 800; ++i) messages.Error("error number " + std::to_string(i) + " of many");
  ui.Run(3, [&] { messages.Draw(0); });
  CHECK(ui.Shows("error number 799 of many"));
  CHECK(ui.Shows("error number 795 of many"));
  CHECK_FALSE(ui.Shows("error number 794 of many"));
  CHECK(ui.Shows("more in the log"));
  CHECK(messages.lines().size() == 500);
}

TEST_CASE("Messages survive a window of one pixel") {
  ImGuiFixture ui(1, 1);
  Messages messages;
  messages.Error("wrong");
  messages.Say("right");
  ui.Run(3, [&] { messages.Draw(0); });
  CHECK(messages.lines().size() == 2);
}

}  // namespace
}  // namespace reverie::desktop
