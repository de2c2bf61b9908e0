#include "ui/desktop/plot.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/ui/imgui_fixture.h"
#include "ui/desktop/plot_axes.h"

using namespace reverie::desktop;
using doctest::Approx;
using plot::View;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();
const ImVec4 kRed(1, 0, 0, 1), kBlue(0, 0, 1, 1);
const std::vector<float> kTen = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

std::vector<std::string> TextsOf(const std::vector<plot::Tick>& ticks) {
  std::vector<std::string> texts;
  for (const plot::Tick& tick : ticks) {
    if (!tick.text.empty()) texts.push_back(tick.text);
  }
  return texts;
}
using Strings = std::vector<std::string>;

/// One plot in a window of 600 x 300 pixels. Its series are what `content` adds.
struct PlotFixture {
  ImGuiFixture ui{800, 400};
  plot::Options options;
  std::function<void()> content;
  std::optional<float> clicked;  // the last
  bool began = false;

  PlotFixture() { options.size = ImVec2(600, 300); }
  View Show(std::function<void()> draw) {
    content = std::move(draw);
    ui.RunInWindow(2, ImVec2(800, 400), [this] {
      began = plot::Begin("a plot", options);
      if (!began) return;
      content();
      if (plot::Clicked()) clicked = plot::Clicked();
      plot::End();
    });
    return plot::LastView();
  }
  /// Where a value is on the display.
  ImVec2 At(double x, double y) const {
    const View view = plot::LastView();
    const double share_x = (x - view.x_min) / (view.x_max - view.x_min);
    const double share_y = (y - view.y_min) / (view.y_max - view.y_min);
    return ImVec2(view.min.x + static_cast<float>(share_x) * (view.max.x - view.min.x),
                  view.max.y - static_cast<float>(share_y) * (view.max.y - view.min.y));
  }
  /// Triangles of a colour close to a value.
  int Near(ImVec4 colour, double x, double y, float px = 2) const {
    const ImVec2 at = At(x, y);
    return ui.Triangles(colour, ImVec2(at.x - px, at.y - px), ImVec2(at.x + px, at.y + px));
  }
  int InPlot(ImVec4 colour) const { return ui.Triangles(colour, plot::LastView().min, plot::LastView().max); }
};

double RelativeLuminance(ImVec4 colour) {  // WCAG 2.1
  const auto linear = [](double c) { return c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); };
  return 0.2126 * linear(colour.x) + 0.7152 * linear(colour.y) + 0.0722 * linear(colour.z);
}

}  // namespace

TEST_CASE("ticks stand at round values and say no more than tells them apart") {
  CHECK(TextsOf(plot::Ticks({0, 10}, 6)) == Strings{"0", "2", "4", "6", "8", "10"});
  CHECK(TextsOf(plot::Ticks({0, 1}, 5)) == Strings{"0", "0.5", "1.0"});
  CHECK(TextsOf(plot::Ticks({-0.12, 0.11}, 5)) == Strings{"-0.10", "-0.05", "0", "0.05", "0.10"});
  CHECK(TextsOf(plot::Ticks({97.3, 104.9}, 4)) == Strings{"98", "100", "102", "104"});
  CHECK(TextsOf(plot::Ticks({0, 2e6}, 5)) == Strings{"0", "5e5", "1.0e6", "1.5e6", "2.0e6"});
  CHECK(TextsOf(plot::Ticks({0, 3e-5}, 3)) == Strings{"0", "2e-5"});
  CHECK(plot::Ticks({0, 10}, 11).size() == 11);
  CHECK(plot::Ticks({0, 10}, 10).size() <= 10);
  CHECK(plot::Ticks({3, 3}, 5).empty());
  CHECK(plot::Ticks({-1e38, 1e38}, 5).size() >= 2);
  CHECK(TextsOf(plot::LogTicks({-4, 5}, 10)) ==
        Strings{"1e-4", "0.001", "0.01", "0.1", "1", "10", "100", "1000", "10000", "1e5"});
  CHECK(TextsOf(plot::LogTicks({-30, 30}, 4)).size() <= 4);
  CHECK(TextsOf(plot::LogTicks({std::log10(2), std::log10(8)}, 4)) == Strings{"2", "4", "6", "8"});
}

TEST_CASE("the palette can be read on dark and on light, and neighbours differ") {
  for (int i = 0; i < 40; ++i) {
    const double luminance = RelativeLuminance(plot::Colour(i));
    CAPTURE(i);
    CHECK((1.0 + 0.05) / (luminance + 0.05) >= 3);                                             // on white
    CHECK((luminance + 0.05) / (RelativeLuminance(ImVec4(0.06f, 0.06f, 0.06f, 1)) + 0.05) >= 3);  // on ImGui's dark
    const ImVec4 a = plot::Colour(i), b = plot::Colour(i + 1);
    CHECK(std::abs(a.x - b.x) + std::abs(a.y - b.y) + std::abs(a.z - b.z) > 0.2f);
  }
}

TEST_CASE("a plot fits its data, shows axes with labels, and draws the line where the values are") {
  PlotFixture p;
  p.options.x_label = "time (s)";
  p.options.y_label = "height (m)";
  const std::vector<float> y = {0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0};
  const View view = p.Show([&] { plot::Line("ball", kTen, y, kRed); });
  CHECK(view.x_min == 0);
  CHECK(view.x_max == 10);
  CHECK(view.y_min == Approx(-0.25));  // a twentieth of room at both ends
  CHECK(view.y_max == Approx(5.25));
  for (const char* text : {"time (s)", "height (m)", "ball"}) CHECK(p.ui.Shows(text));
  CHECK(p.ui.Find("4"));  // a tick
  CHECK(p.Near(kRed, 2.5, 2.5) > 0);
  CHECK(p.Near(kRed, 5, 5) > 0);
  CHECK(p.Near(kRed, 5, 2.5, 20) == 0);
}

TEST_CASE("ends that are given stay, whatever the data and the wheel do") {
  PlotFixture p;
  p.options.y_min = 0.0f;
  p.options.y_max = 1.0f;
  p.options.x_min = -5.0f;
  const std::vector<float> y(11, 7.0f);
  View view = p.Show([&] { plot::Line("a", kTen, y, kRed); });
  CHECK(view.x_min == -5);
  CHECK(view.x_max == 10);
  CHECK(view.y_min == 0);
  CHECK(view.y_max == 1);
  CHECK(p.InPlot(kRed) == 0);
  p.ui.MoveMouse(p.At(0, 0.5));
  p.ui.Run();
  p.ui.io().KeyShift = true;  // in y
  p.ui.Wheel(-3);
  p.ui.Run(2);
  p.ui.io().KeyShift = false;
  CHECK(plot::LastView().y_min == 0);
  CHECK(plot::LastView().y_max == 1);
  p.ui.Drag(p.At(0, 0.5), p.At(6, 0.5));
  CHECK(plot::LastView().x_min == -5);
}

TEST_CASE("zero is included where asked, without room beyond it") {
  PlotFixture p;
  p.options.y_includes_zero = true;
  const std::vector<float> high(11, 3.0f), low(11, -3.0f);
  View view = p.Show([&] { plot::Line("a", kTen, high); });
  CHECK(view.y_min == 0);
  CHECK(view.y_max > 3);
  view = p.Show([&] { plot::Line("a", kTen, low); });
  CHECK(view.y_min < -3);
  CHECK(view.y_max == 0);
}

TEST_CASE("a click returns the time under it, a drag does not") {
  PlotFixture p;
  p.Show([&] { plot::Line("a", kTen, kTen); });
  p.ui.Click(p.At(7, 4));
  CHECK_FALSE(p.clicked);  // it may yet become a double click
  p.ui.Wait(0.4f);
  REQUIRE(p.clicked);
  CHECK(*p.clicked == Approx(7).epsilon(0.01));
  p.clicked.reset();
  p.ui.Wait(1);
  p.ui.Drag(p.At(7, 4), p.At(5, 4));
  p.ui.Wait(1);
  CHECK_FALSE(p.clicked);
  p.ui.Click(p.At(7, 4), 1);  // the right button opens a menu
  CHECK_FALSE(p.clicked);
  CHECK(p.ui.Shows("Fit to the data"));
}

TEST_CASE("a double click fits and is no click, two clicks apart are two") {
  PlotFixture p;
  p.Show([&] { plot::Line("a", kTen, kTen); });
  p.ui.DoubleClick(p.At(7, 4));
  p.ui.Wait(1);
  p.ui.Wait(1);
  CHECK_FALSE(p.clicked);
  p.ui.Click(p.At(3, 4));
  p.ui.Click(p.At(8, 4));  // at once, but elsewhere: the latest counts
  p.ui.Wait(1);
  REQUIRE(p.clicked);
  CHECK(*p.clicked == Approx(8).epsilon(0.01));
  p.clicked.reset();
  p.ui.Click(p.At(2, 4));
  p.ui.Wait(1);
  REQUIRE(p.clicked);
  CHECK(*p.clicked == Approx(2).epsilon(0.02));
}

TEST_CASE("a click in a plot that is hidden before it can count is forgotten") {
  PlotFixture p;
  bool drawn = true;
  p.ui.RunInWindow(2, ImVec2(800, 400), [&] {
    if (!drawn || !plot::Begin("a plot", p.options)) return;
    plot::Line("a", kTen, kTen);
    if (plot::Clicked()) p.clicked = plot::Clicked();
    plot::End();
  });
  p.ui.Click(p.At(7, 4));
  drawn = false;
  p.ui.Wait(1);
  drawn = true;
  p.ui.Run(3);
  CHECK_FALSE(p.clicked);
}

TEST_CASE("what is asked about the mouse before the plot was ever shown is nothing") {
  PlotFixture p;
  p.ui.MoveMouse(ImVec2(300, 150));
  std::optional<float> first_hovered = 1.0f, hovered;
  p.ui.RunInWindow(1, ImVec2(800, 400), [&] {
    REQUIRE(plot::Begin("a plot", p.options));
    first_hovered = plot::Hovered();
    plot::End();
  });
  CHECK_FALSE(first_hovered);
  CHECK_FALSE(plot::Clicked());  // outside Begin and End
  p.Show([&] {
    plot::Line("a", kTen, kTen);
    hovered = plot::Hovered();
  });
  p.ui.MoveMouse(p.At(2.5, 5));
  p.ui.Run(2);
  REQUIRE(hovered);
  CHECK(*hovered == Approx(2.5).epsilon(0.02));
}

TEST_CASE("a click on a legend entry hides its series, and axes fit the others") {
  PlotFixture p;
  const std::vector<float> small(11, 1.0f);
  View view = p.Show([&] {
    plot::Line("tall", kTen, kTen, kRed);
    plot::Band("tall", kTen, small, kTen);
    plot::Line("small", kTen, small, kBlue);
  });
  CHECK(view.y_max > 9);
  CHECK(p.ui.Triangles(kRed) > 0);
  REQUIRE(p.ui.ClickText("tall"));
  CHECK(p.ui.Triangles(kRed) == 0);
  CHECK(p.ui.Triangles(kBlue) > 0);
  CHECK(plot::LastView().y_max < 2);
  p.ui.Wait(1);
  REQUIRE(p.ui.ClickText("tall"));
  CHECK(p.ui.Triangles(kRed) > 0);
  CHECK(plot::LastView().y_max > 9);
  REQUIRE(p.ui.ClickText("small"));
  CHECK(p.InPlot(kBlue) == 0);
  plot::Reset();
  p.ui.Run(2);
  CHECK(p.InPlot(kBlue) > 0);
}

TEST_CASE("labels with percent signs and hashes are shown as they are, up to two hashes") {
  PlotFixture p;
  p.Show([&] {
    plot::Line("100%s %n##one", kTen, kTen, kRed);
    plot::Line("100%s %n##two", kTen, std::vector<float>(11, 2.0f), kBlue);
    plot::Mark(5, "50% #1");
  });
  CHECK(p.ui.Find("100%s %n"));
  CHECK(p.ui.Find("50% #1"));
  REQUIRE(p.ui.ClickText("100%s %n"));  // the first of two that read the same
  CHECK(p.InPlot(kRed) == 0);
  CHECK(p.InPlot(kBlue) > 0);
}

TEST_CASE("the wheel zooms x around the mouse, and y goes on fitting what is seen") {
  PlotFixture p;
  const View before = p.Show([&] { plot::Line("a", kTen, kTen, kRed); });
  p.ui.MoveMouse(p.At(2, 5));
  p.ui.Run();
  p.ui.Wheel(4);
  p.ui.Run(2);
  const View after = plot::LastView();
  CHECK(after.x_max - after.x_min < 0.7 * (before.x_max - before.x_min));
  // What was under the mouse still is: the shares on both sides stay.
  CHECK((2 - after.x_min) / (after.x_max - after.x_min) == Approx(0.2).epsilon(0.01));
  CHECK(after.y_max < before.y_max - 2);
  p.ui.Wheel(-8);
  p.ui.Run(2);
  CHECK(plot::LastView().x_min == 0);  // all is seen again
  CHECK(plot::LastView().x_max == 10);
}

TEST_CASE("the wheel over the y axis zooms y alone") {
  PlotFixture p;
  const View before = p.Show([&] { plot::Line("a", kTen, kTen, kRed); });
  p.ui.MoveMouse(ImVec2(before.min.x - 5, p.At(0, 5).y));
  p.ui.Run();
  p.ui.Wheel(4);
  p.ui.Run(2);
  const View after = plot::LastView();
  CHECK(after.x_min == before.x_min);
  CHECK(after.x_max == before.x_max);
  CHECK(after.y_max - after.y_min < 0.7 * (before.y_max - before.y_min));
}

TEST_CASE("a drag moves what is seen with the mouse, a double click fits again") {
  PlotFixture p;
  p.Show([&] { plot::Line("a", kTen, kTen, kRed); });
  p.ui.Drag(p.At(6, 5), p.At(4, 5));
  View view = plot::LastView();
  CHECK(view.x_min == Approx(2).epsilon(0.01));
  CHECK(view.x_max == Approx(12).epsilon(0.01));
  p.ui.Wait(1);
  p.ui.DoubleClick(p.At(6, 5));
  view = plot::LastView();
  CHECK(view.x_min == 0);
  CHECK(view.x_max == 10);
}

TEST_CASE("a box with the right button becomes what is seen") {
  PlotFixture p;
  p.Show([&] { plot::Line("a", kTen, kTen, kRed); });
  p.ui.Drag(p.At(2, 6), p.At(4, 3), 1);
  const View view = plot::LastView();
  CHECK(view.x_min == Approx(2).epsilon(0.02));
  CHECK(view.x_max == Approx(4).epsilon(0.02));
  CHECK(view.y_min == Approx(3).epsilon(0.02));
  CHECK(view.y_max == Approx(6).epsilon(0.02));
  CHECK_FALSE(p.ui.Shows("Fit to the data"));
}

TEST_CASE("what was not zoomed fits new data, what was stays, and follows where asked") {
  for (const bool follow : {false, true}) {
    CAPTURE(follow);
    PlotFixture p;
    p.options.follow = follow;
    std::vector<float> x = kTen;
    p.Show([&] { plot::Line("a", x, x, kRed); });
    x.push_back(12);
    p.ui.Run();
    CHECK(plot::LastView().x_max == 12);
    p.ui.Drag(p.At(2, 6), p.At(12, 6), 1);  // the newest in sight
    CHECK(plot::LastView().x_min == Approx(2).epsilon(0.02));
    const double end = plot::LastView().x_max;
    x.push_back(15);
    p.ui.Run();
    CHECK(plot::LastView().x_max == Approx(follow ? end + 3 : end));
    x = {100, 101, 102};  // other data: nothing of it would be seen
    p.ui.Run();
    CHECK(plot::LastView().x_min == 100);
    CHECK(plot::LastView().x_max == 102);
  }
}

TEST_CASE("what is not finite is a gap") {
  for (const float hole : {kNan, kInf, -kInf}) {
    CAPTURE(hole);
    PlotFixture p;
    std::vector<float> y(11, 1.0f);
    y[4] = y[5] = hole;
    y[9] = hole;
    const View view = p.Show([&] { plot::Line("a", kTen, y, kRed); });
    CHECK(std::isfinite(view.y_max));
    CHECK(view.y_max < 2);
    CHECK(p.Near(kRed, 2, 1) > 0);
    CHECK(p.Near(kRed, 4.5, 1) == 0);
    CHECK(p.Near(kRed, 7, 1) > 0);
    CHECK(p.Near(kRed, 9.5, 1) == 0);
    CHECK(p.Near(kRed, 10, 1, 3) > 0);  // a single value between gaps can be seen
  }
}

TEST_CASE("a band is filled between its bounds in the colour of the series of its label, and has gaps too") {
  PlotFixture p;
  const std::vector<float> middle(11, 5.0f);
  std::vector<float> low(11, 3.0f), high(11, 7.0f);
  low[5] = kNan;
  p.Show([&] {
    plot::Band("a", kTen, low, high);  // before its line
    plot::Line("a", kTen, middle, kRed);
    plot::Dots("b", kTen, std::vector<float>(11, 9.0f), kBlue);
  });
  CHECK(p.Near(kRed, 2.5, 3.5) > 0);
  CHECK(p.Near(kRed, 2.5, 6.5) > 0);
  CHECK(p.Near(kRed, 2.5, 7.5) == 0);
  CHECK(p.Near(kRed, 2.5, 2.7) == 0);
  CHECK(p.Near(kRed, 5, 6) == 0);
  CHECK(p.Near(kRed, 8, 6) > 0);
  CHECK(p.Near(kBlue, 3, 9) > 0);
  CHECK(p.Near(kBlue, 3.5, 9) == 0);  // dots are not joined
}

TEST_CASE("the same label keeps its colour, and labels without one get different ones") {
  PlotFixture p;
  const std::vector<float> ones(11, 1.0f);
  bool first = true;
  p.Show([&] {
    if (first) plot::Line("one", kTen, ones);
    plot::Line("two", kTen, kTen);
    plot::Line("three", kTen, ones, plot::Colour(2));
    plot::Line("four", kTen, ones);
  });
  CHECK(p.Near(plot::Colour(1), 8, 8) > 0);
  CHECK(p.InPlot(plot::Colour(2)) > 0);
  CHECK(p.InPlot(plot::Colour(3)) > 0);  // 2 is taken
  first = false;
  p.ui.Run(2);
  CHECK(p.Near(plot::Colour(1), 8, 8) > 0);
  CHECK(p.InPlot(plot::Colour(0)) == 0);
}

TEST_CASE("of 100,000 samples few triangles are drawn, and a single extreme among them is still seen") {
  PlotFixture p;
  std::vector<float> x(100000), y(100000), low, high;
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i) * 1e-4f;
    y[i] = std::sin(static_cast<float>(i));
  }
  y[31234] = y[71240] = 10;
  y[31240] = y[71234] = -8;
  low = high = y;
  for (float& v : low) v -= 1;
  for (float& v : high) v += 1;
  const View view = p.Show([&] { plot::Line("a", x, y, kRed); });
  CHECK(view.y_max > 10);
  for (const float at : {x[31234], x[71234]}) {
    for (const double extreme : {-8, 5, 10}) CHECK(p.Near(kRed, at, extreme, 3) > 0);
  }
  CHECK(p.Near(kRed, x[20000], 5, 3) == 0);
  CHECK(p.ui.triangles() < 10 * 600);
  p.Show([&] { plot::Band("b", x, low, high); });
  CHECK(p.Near(plot::Colour(0), x[31234], 9.5, 3) > 0);
  CHECK(p.ui.triangles() < 10 * 600);
  p.Show([&] { plot::Dots("c", x, y, kBlue); });
  CHECK(p.Near(kBlue, x[31234], 10, 3) > 0);
}

TEST_CASE("zoomed in, a line comes from and goes to where its samples outside are") {
  PlotFixture p;
  p.options.x_min = 2.0f;
  p.options.x_max = 3.0f;
  p.options.y_min = 0.0f;
  p.options.y_max = 10.0f;
  const std::vector<float> x = {0, 1.5f, 5, 10}, y = {0, 1.5f, 5, 10};
  p.Show([&] {
    plot::Line("a", x, y, kRed);
    plot::Band("b", x, y, std::vector<float>{5, 6.5f, 10, 15});
  });
  CHECK(p.Near(kRed, 2.1, 2.1) > 0);
  CHECK(p.Near(kRed, 2.9, 2.9) > 0);
  CHECK(p.Near(kRed, 2.5, 4) == 0);
  CHECK(p.Near(plot::Colour(0), 2.5, 7) > 0);
  CHECK(p.Near(plot::Colour(0), 2.5, 8) == 0);
}

TEST_CASE("a logarithmic axis gives each decade the same room, and what is not positive is a gap") {
  PlotFixture p;
  p.options.log_y = true;
  const std::vector<float> x = {0, 1, 2, 3, 4}, y = {1, 10, 100, 0, -5};
  const View view = p.Show([&] {
    plot::Line("a", x, y, kRed);
    plot::Band("b", x, std::vector<float>(5, -1.0f), std::vector<float>(5, 2.0f));
  });
  CHECK(view.y_min > 0.5);
  CHECK(view.y_min <= 1);
  CHECK(view.y_max >= 100);
  const float middle = (p.At(1, 0).x), height = view.max.y - view.min.y;
  const double share = (1 - std::log10(view.y_min)) / std::log10(view.y_max / view.y_min);
  const float at = view.max.y - static_cast<float>(share) * height;
  CHECK(p.ui.Triangles(kRed, ImVec2(middle - 2, at - 2), ImVec2(middle + 2, at + 2)) > 0);
  CHECK(p.ui.Triangles(kRed, ImVec2(p.At(2.5, 0).x, view.min.y), view.max) == 0);
  // A band whose lower bound is not positive reaches down to the end.
  CHECK(p.ui.Triangles(plot::Colour(0), ImVec2(middle, view.max.y - 3), ImVec2(middle + 1, view.max.y)) > 0);
  CHECK(p.ui.Find("10"));
}

TEST_CASE("marks have their text side by side or below one another, never over one another") {
  PlotFixture p;
  p.Show([&] {
    plot::Line("a", kTen, kTen, kRed);
    plot::Mark(5, "first one", kBlue);
    plot::Mark(5.05f, "second one");
    plot::Mark(10, "at the end");
    plot::Mark(20, "out of sight");
    plot::Mark(kNan, "nowhere");
  });
  const auto first = p.ui.Find("first one"), second = p.ui.Find("second one"), end = p.ui.Find("at the end");
  REQUIRE(first);
  REQUIRE(second);
  REQUIRE(end);
  CHECK((first->max.y <= second->min.y || second->max.y <= first->min.y));
  CHECK(end->max.x <= plot::LastView().max.x);
  CHECK_FALSE(p.ui.Shows("out of sight"));
  CHECK_FALSE(p.ui.Shows("nowhere"));
  CHECK(p.Near(kBlue, 5, 2) > 0);
}

TEST_CASE("the read-out says the values nearest to the mouse, with their units") {
  PlotFixture p;
  p.options.x_label = "time (s)";
  p.options.y_label = "speed (m/s)";
  std::vector<float> half;
  for (const float v : kTen) half.push_back(v / 2);
  p.Show([&] {
    plot::Line("whole", kTen, kTen, kRed);
    plot::Line("half", kTen, half, kBlue);
    plot::Band("half", kTen, std::vector<float>(11, 1.0f), std::vector<float>(11, 4.0f));
    plot::Line("hidden", kTen, std::vector<float>(11, 8.0f));
    plot::Line("gone", kTen, std::vector<float>(11, kNan));
  });
  REQUIRE(p.ui.ClickText("hidden"));
  p.ui.MoveMouse(p.At(3.2, 9));
  p.ui.Run(3);
  CHECK(p.ui.Shows("time 3 s"));
  CHECK(p.ui.Shows("3 m/s"));
  CHECK(p.ui.Shows("1.5 (1 to 4) m/s"));
  CHECK_FALSE(p.ui.Shows("8 m/s"));
  CHECK_FALSE(p.ui.Shows("-"));
  p.ui.MoveMouse(ImVec2(700, 350));
  p.ui.Run(2);
  CHECK_FALSE(p.ui.Shows("time 3 s"));
}

TEST_CASE("hundreds of series are drawn, the legend says how many it has no room for, and lists them") {
  PlotFixture p;
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) names.push_back("channel " + std::to_string(i));
  p.Show([&] {
    for (size_t i = 0; i < names.size(); ++i) {
      plot::Line(names[i].c_str(), kTen, std::vector<float>(11, static_cast<float>(i)));
    }
  });
  CHECK(p.ui.Shows("channel 0"));
  CHECK_FALSE(p.ui.Shows("channel 299"));
  p.ui.MoveMouse(p.At(5, 150));
  p.ui.Run(3);
  CHECK(p.ui.Shows("288 more"));  // in the read-out
  p.ui.MoveMouse(ImVec2(700, 350));
  p.ui.Run(2);
  REQUIRE(p.ui.ClickText(" more"));
  REQUIRE(p.ui.Shows("Hide all"));
  REQUIRE(p.ui.ClickText("Hide all"));
  CHECK(p.InPlot(plot::Colour(150)) == 0);
  REQUIRE(p.ui.ClickText("Show all"));
  CHECK(p.InPlot(plot::Colour(150)) > 0);
}

TEST_CASE("in a panel that scrolls, the wheel over a plot zooms and does not scroll") {
  ImGuiFixture ui(400, 200);
  float scroll = -1;
  ui.RunInWindow(3, ImVec2(400, 200), [&] {
    for (const char* id : {"a", "b", "c", "d"}) {
      if (!plot::Begin(id, {})) continue;
      plot::Line("line", kTen, kTen);
      plot::End();
    }
    scroll = ImGui::GetScrollY();
  });
  ui.MoveMouse(ImVec2(200, 80));
  ui.Run(2);
  ui.Wheel(-1);
  ui.Run(2);
  CHECK(scroll == 0);
}

TEST_CASE("series of every shape are survived, and show finite axes") {
  const std::vector<std::vector<float>> shapes = {
      {}, {0}, {3.5f}, {kNan}, {kInf, -kInf}, {7, 7, 7, 7}, {1e30f, -1e30f, 1e30f}, {3.4e38f, -3.4e38f},
      {1e-30f, 2e-30f, 3e-30f}, {1e-45f, 0, 1e-45f}, {1e6f, 1e6f + 0.0625f, 1e6f}, {0, kNan, 1, kNan, kInf},
  };
  for (const auto& xs : shapes) {
    for (const auto& ys : shapes) {
      for (const bool log_y : {false, true}) {
        CAPTURE(xs);
        CAPTURE(ys);
        CAPTURE(log_y);
        PlotFixture p;
        p.options.log_y = log_y;
        const View view = p.Show([&] {
          plot::Line("line", xs, ys);
          plot::Dots("dots", xs, ys);
          plot::Band("band", xs, ys, ys);
          for (const float x : xs) plot::Mark(x, "mark");
        });
        for (const double end : {view.x_min, view.x_max, view.y_min, view.y_max}) CHECK(std::isfinite(end));
        CHECK(view.x_max > view.x_min);
        CHECK(view.y_max > view.y_min);
        const ImVec2 centre((view.min.x + view.max.x) / 2, (view.min.y + view.max.y) / 2);
        p.ui.MoveMouse(centre);
        for (int i = 0; i < 6; ++i) {
          p.ui.Wheel(i < 3 ? 30.0f : -30.0f);
          p.ui.Run();
        }
        p.ui.Drag(centre, ImVec2(centre.x + 90, centre.y + 40));
        p.ui.Drag(centre, ImVec2(centre.x + 90, centre.y + 40), 1);
        CHECK(plot::LastView().x_max > plot::LastView().x_min);
        CHECK(plot::LastView().y_max > plot::LastView().y_min);
      }
    }
  }
}

TEST_CASE("a plot survives every size, and says where there is no room") {
  PlotFixture p;
  p.options.x_label = "time (s)";
  p.options.y_label = "a rather long label (m)";
  for (const float width : {1.0f, 2.0f, 10.0f, 27.0f, 60.0f, 500.0f}) {
    for (const float height : {1.0f, 2.0f, 14.0f, 40.0f, 70.0f, 250.0f}) {
      CAPTURE(width);
      CAPTURE(height);
      p.options.size = ImVec2(width, height);
      p.ui.MoveMouse(ImVec2(width / 2, height / 2));
      p.Show([&] {
        plot::Line("a line with a name", kTen, kTen);
        plot::Band("a line with a name", kTen, kTen, kTen);
        plot::Dots("b", kTen, kTen);
        plot::Mark(5, "now");
      });
      p.ui.Click(ImVec2(width / 2, height / 2));
      if (width == 1 || height == 1) CHECK_FALSE(p.began);
      if (width == 500 && height == 250) CHECK(p.began);
    }
  }
  // A panel dragged to nothing, in which the plot takes the width there is.
  p.options.size = ImVec2(-1, 0);
  for (const float size : {1.0f, 3.0f, 800.0f}) {
    p.ui.RunInWindow(3, ImVec2(size, size), [&] {
      if (!plot::Begin("a plot", p.options)) return;
      plot::Line("a", kTen, kTen);
      plot::End();
    });
  }
  CHECK(plot::LastView().max.x > 790);
}
