// What is drawn over the scene is computed by hand from a plan whose numbers say which step they are; paths on
// other branches are compared with MuJoCo's own positions; films are counted in frames.
#include "ui/desktop/film.h"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/renderer.h"
#include "tests/ui/session_fixture.h"
#include "ui/desktop/colours.h"
#include "ui/desktop/view_resolution.h"

namespace fs = std::filesystem;
using namespace reverie;
using namespace reverie::desktop;
using reverie::desktop::testing::Pendulum;
using reverie::desktop::testing::QuickOptions;

namespace {

bool NoDriver() {
  try {
    DescribeGl();
    return false;
  } catch (const DeviceError& error) {
    MESSAGE("skipped: ", error.what());
    return true;
  }
}

bool HasColour(const float rgba[4], ImVec4 colour) {
  return rgba[0] == colour.x && rgba[1] == colour.y && rgba[2] == colour.z;
}

/// A timeline with a first branch of 10 rows, one that leaves it at row 4, and one that a person began at row 5.
struct Branches {
  Timeline timeline{{.state = 1, .channels = 1, .action = 1, .reward_terms = 0}, 0.02, int64_t{1} << 26};
  int trunk, fork, edited;

  Branches() {
    trunk = Grow(-1, 0, false, 9);
    fork = Grow(trunk, 4, false, 6);
    edited = Grow(trunk, 5, true, 3);
  }
  int Grow(int parent, int64_t row, bool by_hand, int rows) {
    BranchInfo info;
    info.parent = parent;
    info.parent_row = info.first_step = row;
    info.edited = by_hand;
    const std::vector<double> value = {0};
    const int id = timeline.Begin(std::move(info), value, value);
    for (int i = 0; i < rows; ++i) {
      timeline.Append(id, {.state = value, .channels = value, .action = value, .reward_terms = {}});
    }
    return id;
  }
};

/// Poses are the number of the step; candidate i runs along y = i.
std::shared_ptr<ImaginedPlan> NumberedPlan(TimelinePlace from, int horizon) {
  auto plan = std::make_shared<ImaginedPlan>();
  plan->from = from;
  plan->horizon = horizon;
  plan->candidates = 3;
  plan->elites = 1;
  plan->members = 2;
  for (int t = 1; t <= horizon; ++t) plan->ghosts.push_back(t);
  for (int i = 0; i < 5; ++i) {
    for (int t = 0; t <= horizon; ++t) {
      auto& traces = i < 3 ? plan->traces : plan->member_traces;
      traces.insert(traces.end(), {static_cast<float>(t), static_cast<float>(i), 0});
    }
  }
  return plan;
}

SessionSnapshot SnapshotOf(const Branches& branches, TimelinePlace now) {
  SessionSnapshot snapshot;
  snapshot.task = Pendulum();
  snapshot.timeline = branches.timeline.view();
  snapshot.now = now;
  return snapshot;
}

// A pendulum with a tip, whose place follows from the angle alone.
const char* const kTip = R"(<mujoco>
  <option timestep="0.02"/>
  <worldbody>
    <body name="pole" pos="0 0 1">
      <joint name="hinge" axis="0 1 0"/><geom size="0.05" pos="0 0 -0.5" mass="1"/>
      <body name="tip" pos="0 0 -0.5"/>
    </body>
  </worldbody>
  <actuator><motor joint="hinge" gear="5" ctrlrange="-1 1" ctrllimited="true"/></actuator>
</mujoco>)";

/// Waits without asserting how long it takes.
template <class Done>
bool Await(Done&& done) {
  for (int i = 0; i < 6000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

struct WorkingFolder {
  fs::path before = fs::current_path(), path = reverie::testing::TemporaryFolder("film");
  WorkingFolder() { fs::current_path(path); }
  ~WorkingFolder() {
    fs::current_path(before);
    fs::remove_all(path);
  }
};

}  // namespace

TEST_CASE("steps are counted along a lineage, and not across what a person changed") {
  const Branches branches;
  const TimelineView& view = branches.timeline.view();
  CHECK(StepsBetween(view, {branches.trunk, 2}, {branches.trunk, 7}) == 5);
  CHECK(StepsBetween(view, {branches.trunk, 7}, {branches.trunk, 2}) == std::nullopt);
  CHECK(StepsBetween(view, {branches.trunk, 3}, {branches.fork, 2}) == 3);
  CHECK(StepsBetween(view, {branches.trunk, 6}, {branches.fork, 2}) == std::nullopt);
  CHECK(StepsBetween(view, {branches.fork, 1}, {branches.fork, 2}) == 1);
  CHECK(StepsBetween(view, {branches.trunk, 3}, {branches.edited, 2}) == std::nullopt);
  CHECK(StepsBetween(view, {branches.edited, 0}, {branches.edited, 3}) == 3);
}

TEST_CASE("a plan is drawn from the present on, near over far, elites over the rest") {
  const Branches branches;
  SessionSnapshot snapshot = SnapshotOf(branches, {branches.trunk, 5});
  snapshot.plan = NumberedPlan({branches.trunk, 3}, 10);
  Overlays overlays;
  overlays.ghosts = 5;
  SceneRequest request;
  AddImagined(snapshot, snapshot.now, overlays, request);

  // Poses for steps 2, 4, 6, 8, 10 of the plan; two steps are over.
  REQUIRE(request.ghosts.size() == 4);
  CHECK(request.ghosts[0].qpos == std::vector<double>{10});
  CHECK(request.ghosts[3].qpos == std::vector<double>{4});
  CHECK(HasColour(request.ghosts[0].rgba, colours::kPlanFar));
  CHECK(request.ghosts[0].rgba[3] < request.ghosts[3].rgba[3]);

  REQUIRE(request.traces.size() == 5);
  const Trace &worst = request.traces[0], &best = request.traces[2], &member = request.traces[3];
  CHECK(worst.points.size() == 9 * 3);
  CHECK(std::vector(worst.points.begin(), worst.points.begin() + 3) == std::vector<float>{2, 2, 0});
  CHECK(std::vector(best.points.begin(), best.points.begin() + 3) == std::vector<float>{2, 0, 0});
  CHECK(HasColour(worst.rgba, colours::kCandidate));
  CHECK(HasColour(best.rgba, colours::kElite));
  CHECK(best.rgba[3] > worst.rgba[3]);
  CHECK(HasColour(member.rgba, colours::kMember));
}

TEST_CASE("overlays that are off, or about another present, are not drawn") {
  const Branches branches;
  SessionSnapshot snapshot = SnapshotOf(branches, {branches.trunk, 5});
  snapshot.plan = NumberedPlan({branches.trunk, 3}, 10);
  SUBCASE("off") {
    SceneRequest request;
    AddImagined(snapshot, snapshot.now, {.plan_ghosts = false, .candidates = false, .members = false}, request);
    CHECK(request.ghosts.empty());
    CHECK(request.traces.empty());
  }
  SUBCASE("another branch") {
    SceneRequest request;
    AddImagined(snapshot, {branches.edited, 1}, {}, request);
    CHECK(request.ghosts.empty());
    CHECK(request.traces.empty());
  }
  SUBCASE("all of it is over") {
    snapshot.plan = NumberedPlan({branches.trunk, 0}, 5);
    SceneRequest request;
    AddImagined(snapshot, snapshot.now, {}, request);
    CHECK(request.ghosts.empty());
    CHECK(request.traces.empty());
  }
  SUBCASE("arrays shorter than they say") {
    auto plan = std::make_shared<ImaginedPlan>(*snapshot.plan);
    plan->ghosts.resize(3);
    plan->traces.resize(10);
    plan->member_traces.clear();
    snapshot.plan = plan;
    SceneRequest request;
    AddImagined(snapshot, snapshot.now, {.ghosts = 10}, request);
    CHECK(request.ghosts.size() == 1);
    CHECK(request.traces.empty());
  }
}

TEST_CASE("the prediction made some steps ago stands where it said that the body would be now") {
  const Branches branches;
  SessionSnapshot snapshot = SnapshotOf(branches, {branches.trunk, 7});
  auto compared = std::make_shared<PredictedVersusReal>();
  compared->from = {branches.trunk, 2};
  compared->steps = 6;
  compared->ghosts = {1, 2, 3, 4, 5, 6};
  snapshot.compared = compared;
  SceneRequest request;
  AddImagined(snapshot, snapshot.now, {}, request);
  REQUIRE(request.ghosts.size() == 1);
  CHECK(request.ghosts[0].qpos == std::vector<double>{5});
  CHECK(HasColour(request.ghosts[0].rgba, colours::kPredicted));
}

TEST_CASE("paths of other branches are where the body was there") {
  const auto task = reverie::testing::MakeTask(kTip, R"("observation": {"angle": "qpos"})");
  Session session(task, QuickOptions(Actor::kRandom));
  session.StepControl(30);
  session.Wait();
  const TimelinePlace place{session.Snapshot()->now.branch, 10};
  session.Seek(place);
  session.StepControl(12);
  session.Wait();
  const auto snapshot = session.Snapshot();
  REQUIRE(snapshot->timeline.branches.size() == 2);

  SceneRequest request;
  BranchPaths paths;
  CHECK(paths.Add(*snapshot, snapshot->now, request, 1000));
  REQUIRE(request.traces.size() == 1);
  CHECK(HasColour(request.traces[0].rgba, colours::kOtherBranch));
  const std::vector<float>& points = request.traces[0].points;
  CHECK(points.size() == 21 * 3);  // rows 10 to 30: what came of the branch after it was left

  for (size_t i = 0; i < points.size() / 3; ++i) {
    const double angle = snapshot->timeline.Find(place.branch)->State(10 + static_cast<int64_t>(i))[1];
    CHECK(points[3 * i] == doctest::Approx(-0.5 * std::sin(angle)).epsilon(1e-5));
    CHECK(points[3 * i + 2] == doctest::Approx(1 - 0.5 * std::cos(angle)).epsilon(1e-5));
  }
}

TEST_CASE("paths are computed a few rows at a time") {
  Session session(Pendulum(), QuickOptions(Actor::kRandom));
  session.StepControl(30);
  session.Wait();
  session.Seek({session.Snapshot()->now.branch, 5});
  session.Wait();
  const auto snapshot = session.Snapshot();
  BranchPaths paths;
  SceneRequest request;
  CHECK_FALSE(paths.Add(*snapshot, snapshot->now, request, 10));
  for (int i = 0; i < 4; ++i) {
    request = {};
    paths.Add(*snapshot, snapshot->now, request, 10);
  }
  REQUIRE(request.traces.size() == 1);
  CHECK(request.traces[0].points.size() == 26 * 3);
  CHECK(HasColour(request.traces[0].rgba, colours::kReal));  // the branch's own future
}

TEST_CASE("films show every control step, or every few, at a rate that plays") {
  CHECK(FilmRate(0.04) == doctest::Approx(25));
  CHECK(FilmRate(0.02) == doctest::Approx(50));
  CHECK(FilmRate(0.01) == doctest::Approx(50));
  CHECK(FilmRate(0.004) == doctest::Approx(50));
  CHECK(FilmRate(0.1) == doctest::Approx(30));
  CHECK(FilmRate(0) > 0);
}

TEST_CASE("new files are numbered and never take a name that is there") {
  const WorkingFolder folder;
  const std::vector<fs::path> none;
  CHECK(FreshFile("cartpole", ".png", none) == fs::current_path() / "reverie-cartpole-0001.png");
  std::ofstream("reverie-cartpole-0001.png") << "x";
  const fs::path second = fs::current_path() / "reverie-cartpole-0002.png";
  CHECK(FreshFile("cartpole", ".png", none) == second);
  CHECK(FreshFile("cartpole", ".png", {second}).filename() == "reverie-cartpole-0003.png");
  CHECK(FreshFile("cartpole", ".mp4", none).filename() == "reverie-cartpole-0001.mp4");
  CHECK(FreshFile("dm_control/cup-catch", ".png", none).filename() == "reverie-dm_control-cup-catch-0001.png");
  CHECK(FreshFile("/tmp/some where/my %s.xml", ".png", none).filename() == "reverie-my %s-0001.png");
}

TEST_CASE("the resolution gives way to slow drawing, comes back, and is full when nothing moves") {
  ViewResolution resolution;
  double now_s = 1;
  const auto draw = [&](double full_ms, int pictures) {
    for (int i = 0; i < pictures; ++i) {
      resolution.Moves(true, now_s += 0.05);
      resolution.Drawn(full_ms * resolution.scale() * resolution.scale());
    }
  };
  CHECK(resolution.scale() == 1);
  draw(8, 30);
  CHECK(resolution.scale() == 1);
  draw(80, 100);
  CHECK(resolution.scale() < 1);
  CHECK(resolution.scale() >= 0.5);
  draw(1000, 100);
  CHECK(resolution.scale() == 0.5);
  CHECK(resolution.interval_s() > 0.05);
  resolution.Moves(false, now_s += 1);
  CHECK(resolution.scale() == 1);
  resolution.Moves(true, now_s);
  CHECK(resolution.scale() == 0.5);
  draw(8, 100);
  CHECK(resolution.scale() == 1);
  resolution.wanted = Resolution::kHalf;
  CHECK(resolution.scale() == 0.5);
  resolution.wanted = Resolution::kFull;
  draw(1000, 100);
  CHECK(resolution.scale() == 1);
}

TEST_CASE("a film has one frame for each step that is played while it records, and is whole when stopped") {
  if (NoDriver()) return;
  const WorkingFolder folder;
  NullTextures textures;
  App app(Settings{}, LearnedModels{}, textures);
  app.session = std::make_shared<Session>(Pendulum(), QuickOptions(Actor::kRandom));
  app.session->StepControl(5);
  app.session->Wait();
  app.Update();
  const fs::path file = folder.path / "a film.mp4";
  const auto job = RecordFilm(app, file, 65, 48, FilmRate(0.02));
  REQUIRE(job);
  app.session->StepControl(7);
  app.session->Wait();
  CHECK(Await([&] { return job->status().finished || job->status().done >= 8; }));
  CHECK(job->status().done == 8);  // where it began, and 7 steps
  CHECK_FALSE(fs::exists(file));
  job->Cancel();
  CHECK(Await([&] { return job->status().finished; }));
  CHECK(job->status().error.empty());
  CHECK(fs::file_size(file) > 100);
}

TEST_CASE("a film of the past ends by itself, and one of a closed session too") {
  if (NoDriver()) return;
  const WorkingFolder folder;
  NullTextures textures;
  App app(Settings{}, LearnedModels{}, textures);
  app.session = std::make_shared<Session>(Pendulum(), QuickOptions(Actor::kRandom));
  app.session->StepControl(6);
  app.session->Wait();
  app.Update();
  const auto past = RecordFilm(app, folder.path / "past.mp4", 64, 48, 50, TimelinePlace{app.now->now.branch, 0});
  const auto open = RecordFilm(app, folder.path / "open.mp4", 64, 48, 50);
  CHECK(Await([&] { return past->status().finished; }));
  CHECK(past->status().error.empty());
  CHECK(past->status().done == 7);
  CHECK(fs::exists(folder.path / "past.mp4"));
  app.now = nullptr;
  app.session = nullptr;
  CHECK(Await([&] { return open->status().finished; }));
  CHECK(open->status().error.empty());
  CHECK(fs::exists(folder.path / "open.mp4"));
}

TEST_CASE("a picture is a file of the size asked for, and what cannot be written is said") {
  if (NoDriver()) return;
  const WorkingFolder folder;
  NullTextures textures;
  App app(Settings{}, LearnedModels{}, textures);
  CHECK_FALSE(SavePicture(app, folder.path / "none.png", 64, 48));
  app.session = std::make_shared<Session>(Pendulum(), QuickOptions(Actor::kRandom));
  app.Update();
  const auto job = SavePicture(app, folder.path / "one.png", 64, 48);
  CHECK(Await([&] { return job->status().finished; }));
  CHECK(job->status().error.empty());
  std::ifstream file(folder.path / "one.png", std::ios::binary);
  std::string head(24, '\0');
  file.read(head.data(), 24);
  CHECK(head.substr(1, 3) == "PNG");
  CHECK(static_cast<unsigned char>(head[19]) == 64);
  CHECK(static_cast<unsigned char>(head[23]) == 48);

  const auto failed = SavePicture(app, folder.path / "missing" / "one.png", 64, 48);
  CHECK(Await([&] { return failed->status().finished; }));
  CHECK(failed->status().error.find("missing") != std::string::npos);
}
