// The window itself, on a display of its own (Xvfb): what the app does when the graphics driver is reset.
#include "ui/desktop/window.h"

#include <fcntl.h>
#include <png.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/dataset.h"
#include "tests/sim/task_fixture.h"
#include "ui/desktop/application.h"

using namespace reverie;
using namespace reverie::desktop;
using reverie::task_fixture::WorkingFolder;
namespace fs = std::filesystem;

namespace {

/// An X server for as long as it lives, which DISPLAY then names.
class Display {
 public:
  Display() {
    int ends[2];
    if (pipe(ends) != 0) return;
    const std::string descriptor = std::to_string(ends[1]);
    std::vector<std::string> words = {"Xvfb", "-displayfd", descriptor, "-screen", "0", "1000x700x24", "-nolisten", "tcp", "-noreset"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&server_, words[0].c_str(), &actions, nullptr, arguments.data(), environ) != 0) server_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    std::string number;
    for (char digit = 0; read(ends[0], &digit, 1) == 1 && digit != '\n';) number += digit;
    close(ends[0]);
    if (number.empty()) return;
    setenv("DISPLAY", (":" + number).c_str(), 1);
    there_ = true;
  }
  ~Display() {
    if (server_ <= 0) return;
    kill(server_, SIGTERM);
    waitpid(server_, nullptr, 0);
  }
  /// Says so where there is none.
  bool there() const {
    if (!there_) MESSAGE("skipped: Xvfb cannot be started");
    return there_;
  }

 private:
  pid_t server_ = -1;
  bool there_ = false;
};

// One green box that falls slowly, seen from the front; nothing else in the app is of its colour.
const char* const kGreenBox = R"(<mujoco>
  <option gravity="0 0 -0.001"/>
  <visual><headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>
  <worldbody>
    <body name="box">
      <freejoint/>
      <geom type="box" size="0.5 0.5 0.5" rgba="0 1 0 1"/>
    </body>
  </worldbody>
</mujoco>)";

int GreenPixels(const fs::path& file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_file(&image, file.c_str())) return -1;
  image.format = PNG_FORMAT_RGB;
  std::vector<uint8_t> rgb(PNG_IMAGE_SIZE(image));
  if (!png_image_finish_read(&image, nullptr, rgb.data(), 0, nullptr)) return -1;
  int green = 0;
  for (size_t i = 0; i < rgb.size(); i += 3) green += rgb[i] < 30 && rgb[i + 1] > 225 && rgb[i + 2] < 30;
  return green;
}

/// The app with the green box, once the window has shown it; each frame `then` is called, until it says that it is over.
struct Shown {
  reverie::task_fixture::TemporaryFolder folder;
  WorkingFolder here{folder / ""};
  std::stop_source stop;
  ApplicationOptions options;
  std::vector<std::string> errors;  // said in the app

  explicit Shown(const std::function<bool(App&, int frame)>& then) {
    task_fixture::Write(folder / "box.xml", kGreenBox);
    options.task = "box.xml";
    options.session.pace = Pace::kLockStep;
    options.session.playing = true;
    options.width = 800;
    options.height = 600;
    options.scale = 1;
    options.run_for_s = 120;  // should it never be over
    options.screenshot = "shot.png";
    options.stop = stop.get_token();
    options.pilot = [this, then, frame = 0](App& app) mutable {
      if (!app.now || app.textures.uploads() == 0) return;
      if (then(app, ++frame)) stop.request_stop();
      errors.clear();
      for (const Messages::Line& line : app.messages.lines()) {
        if (line.error) errors.push_back(line.text);
      }
    };
  }
};

}  // namespace

TEST_CASE("a window whose OpenGL is lost is made anew with the scene in it, and the session goes on") {
  const Display display;
  if (!display.there()) return;
  int64_t step = 0, uploads = 0;
  std::shared_ptr<Session> session;
  bool same = false;
  Shown shown([&](App& app, int frame) {
    if (frame == 3) {
      session = app.session;
      session->Pause();  // so that no newer picture of the scene comes by itself
      session->Wait();
      step = session->Snapshot()->control_step;
    }
    if (frame == 20) {
      uploads = app.textures.uploads();
      Window::faults().lose_context = true;
    }
    if (frame == 30) session->StepControl(5);
    same = session == app.session;
    return frame > 40 && app.textures.uploads() > uploads && app.now->control_step == step + 5;
  });
  const ApplicationReport report = RunApplication(shown.options);
  CHECK(report.interrupted);
  CHECK(report.lost == "");
  CHECK(report.unkept == "");
  CHECK(same);
  REQUIRE(shown.errors.size() == 1);
  CHECK(shown.errors[0].find("the graphics driver was reset") != std::string::npos);
  CHECK(shown.errors[0].find('\n') == std::string::npos);
  CHECK(GreenPixels("shot.png") > 1000);
}

TEST_CASE("where no window can be had again, what was played is kept and one line says where") {
  const Display display;
  if (!display.there()) return;
  Shown shown([&](App& app, int) {
    if (app.now->control_step > 10) Window::faults() = {.lose_context = true, .refuse_context = true};
    return false;
  });
  const ApplicationReport report = RunApplication(shown.options);
  Window::faults() = {};
  CHECK_FALSE(report.interrupted);
  CHECK(report.unkept == "");
  CHECK(report.lost.find("the graphics driver was reset") == 0);
  CHECK(report.lost.find('\n') == std::string::npos);
  REQUIRE(fs::exists("out/data"));
  const fs::path kept = fs::directory_iterator(fs::absolute("out/data"))->path();
  CHECK(report.lost.find("what was played is kept in " + kept.string()) != std::string::npos);
  const DatasetReader reader(kept);
  REQUIRE(reader.episodes() == 1);
  CHECK(reader.Read(0).steps > 10);
}
