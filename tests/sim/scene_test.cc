// Scenes load from wherever they lie, say what is wrong with them, and name everything in them.
#include "sim/scene.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/files.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;
namespace fs = std::filesystem;

namespace {

std::string LoadError(const fs::path& file) {
  const std::string message = MessageOf([&] { Scene::Load(file); });
  CHECK(IsOneLine(message));
  CHECK(Contains(message, file.filename().string()));
  CHECK_THROWS_AS(Scene::Load(file), SceneError);
  return message;
}

constexpr char kPendulum[] = R"(
<mujoco>
  <worldbody>
    <body><joint name="hinge" axis="0 1 0"/><geom name="bob" size="0.05" pos="0 0 -0.5"/></body>
  </worldbody>
  <actuator><motor joint="hinge"/></actuator>
</mujoco>)";

// Where includes and meshes lie in folders of their own, two levels deep.
fs::path WriteNested(const TemporaryFolder& folder) {
  Write(folder / "robot/parts/meshes/part.stl", TetrahedronStl(0.1f));
  Write(folder / "robot/parts/materials/default.xml",
        "<mujocoinclude><asset><mesh name=\"part\" file=\"part.stl\"/></asset></mujocoinclude>");
  Write(folder / "robot/parts/body.xml",
        "<mujocoinclude><worldbody><body name=\"arm\"><freejoint/><geom type=\"mesh\" mesh=\"part\"/></body>"
        "</worldbody></mujocoinclude>");
  return Write(folder / "robot/scene.xml",
               "<mujoco><compiler meshdir=\"parts/meshes\"/><include file=\"parts/materials/default.xml\"/>"
               "<include file=\"parts/body.xml\"/></mujoco>");
}

}  // namespace

TEST_CASE("Things without a name have stable labels that never clash with a name") {
  const TemporaryFolder folder;
  const auto scene = Scene::Load(Write(folder / "labels.xml", R"(
<mujoco>
  <worldbody>
    <body name="first"><freejoint/><geom size="0.1"/></body>
    <body><joint name="joint_2"/><geom name="geom_0" size="0.1"/>
      <body><joint/><geom size="0.1"/><site/></body>
    </body>
    <body name="ball"><joint type="ball"/><geom size="0.1"/></body>
  </worldbody>
  <actuator><motor joint="joint_2"/><motor name="actuator_0" joint="joint_2"/></actuator>
  <sensor><clock/></sensor>
</mujoco>)"));
  CHECK(scene->Labels(mjOBJ_JOINT) == std::vector<std::string>{"joint_0", "joint_2", "joint_2_", "joint_3"});
  CHECK(scene->Labels(mjOBJ_GEOM) == std::vector<std::string>{"geom_0_", "geom_0", "geom_2", "geom_3"});
  CHECK(scene->Labels(mjOBJ_BODY) == std::vector<std::string>{"world", "first", "body_2", "body_3", "ball"});
  CHECK(scene->Labels(mjOBJ_ACTUATOR) == std::vector<std::string>{"actuator_0_", "actuator_0"});
  CHECK(scene->Labels(mjOBJ_SENSOR) == std::vector<std::string>{"sensor_0"});
  CHECK(scene->Labels(mjOBJ_TENDON).empty());
  for (const mjtObj type : {mjOBJ_JOINT, mjOBJ_GEOM, mjOBJ_ACTUATOR}) {
    const std::vector<std::string> labels = scene->Labels(type);
    for (int id = 0; id < static_cast<int>(labels.size()); ++id) {
      CHECK(scene->Find(type, labels[static_cast<size_t>(id)], "test") == id);
      CHECK(scene->Label(type, id) == labels[static_cast<size_t>(id)]);
    }
  }
  CHECK(scene->DofLabel(0) == "joint_0.x");
  CHECK(scene->DofLabel(5) == "joint_0.wz");
  CHECK(scene->DofLabel(6) == "joint_2");
  CHECK(scene->DofLabel(8) == "joint_3.wx");
}

TEST_CASE("Names with spaces and of other alphabets are found, and near ones suggested") {
  const TemporaryFolder folder;
  const auto scene = Scene::Load(Write(folder / "größe 大.xml", R"xml(
<mujoco><worldbody><body name="left foot"><joint name="Schulter (größe)"/><geom name="足" size="0.1"/></body>
</worldbody></mujoco>)xml"));
  CHECK(scene->Find(mjOBJ_BODY, "left foot", "test") == 1);
  CHECK(scene->Find(mjOBJ_JOINT, "Schulter (größe)", "test") == 0);
  CHECK(scene->Find(mjOBJ_GEOM, "足", "test") == 0);
  const std::string near =
      MessageOf([&] { scene->Find(mjOBJ_BODY, "left_foot", "task t.json, key \"reward\""); });
  CHECK(near.starts_with("task t.json, key \"reward\": the scene "));
  CHECK(Contains(near, "has no body 'left_foot'; did you mean 'left foot'?"));
  CHECK(Contains(MessageOf([&] { scene->Find(mjOBJ_JOINT, "wheel", "test"); }), "; it has Schulter (größe)"));
  CHECK(Contains(MessageOf([&] { scene->Find(mjOBJ_SENSOR, "eye", "test"); }), "(it has none at all)"));
}

TEST_CASE("A file that is missing, a folder or malformed is named with MuJoCo's own message") {
  const TemporaryFolder folder;
  CHECK(Contains(LoadError(folder / "nowhere.xml"), "no such file"));
  fs::create_directories(folder / "folder.xml");
  CHECK(Contains(LoadError(folder / "folder.xml"), "is a folder"));
  CHECK(Contains(
      LoadError(Write(folder / "broken.xml", "<mujoco>\n<worldbody>\n<bodi/>\n</worldbody></mujoco>")),
      "Schema violation: unrecognized element"));
  CHECK(Contains(
      LoadError(Write(folder / "broken.xml", "<mujoco>\n<worldbody>\n<bodi/>\n</worldbody></mujoco>")),
      "line 3"));
  LoadError(Write(folder / "open.xml", "<mujoco><worldbody>"));
  LoadError(Write(folder / "empty.xml", ""));
  LoadError(Write(folder / "binary.xml", std::string("\0\1\2\xff\xfe", 5)));
  LoadError(Write(folder / "other.xml", "<html><body/></html>"));
  CHECK(Contains(
      LoadError(Write(folder / "mesh.xml",
                      "<mujoco><asset><mesh name=\"part\" file=\"no/such part.stl\"/></asset><worldbody>"
                      "<geom type=\"mesh\" mesh=\"part\"/></worldbody></mujoco>")),
      "no/such part.stl"));
  CHECK(Contains(LoadError(Write(folder / "include.xml", "<mujoco><include file=\"absent.xml\"/></mujoco>")),
                 "absent.xml"));
  CHECK(Contains(LoadError(Write(folder / "actuator.xml",
                                 "<mujoco><actuator><motor joint=\"knee\"/></actuator></mujoco>")),
                 "knee"));
}

TEST_CASE(
    "Nested includes and meshes resolve from any working folder, relative or absolute, and through links") {
  const TemporaryFolder folder;
  const fs::path file = WriteNested(folder);
  const auto check = [](const fs::path& path) {
    const auto scene = Scene::Load(path);
    CHECK(scene->model()->nmesh == 1);
    CHECK(scene->Find(mjOBJ_BODY, "arm", "test") == 1);
  };
  check(file);
  fs::create_directories(folder / "elsewhere");
  {
    const WorkingFolder inside(folder / "robot");
    check("scene.xml");
    check("./scene.xml");
    check("../robot/scene.xml");
  }
  {
    const WorkingFolder inside(folder / "elsewhere");
    check("../robot/scene.xml");
    fs::create_symlink("../robot/scene.xml",
                       "link.xml");  // to the file: what it includes lies beside the target
    check("link.xml");
    fs::create_directory_symlink("../robot", "linked folder");
    check("linked folder/scene.xml");
    fs::create_symlink("link.xml", "link of a link.xml");
    check("link of a link.xml");
  }
  check(folder / "elsewhere/link.xml");
  // A broken link is a file that is not there.
  fs::create_symlink("gone.xml", folder / "broken.xml");
  CHECK(Contains(LoadError(folder / "broken.xml"), "no such file"));
  // What a linked scene lacks is named.
  fs::remove(folder / "robot/parts/meshes/part.stl");
  CHECK(Contains(LoadError(folder / "elsewhere/link.xml"), "part.stl"));
  CHECK(Contains(LoadError(folder / "elsewhere/link.xml"), (folder / "robot/scene.xml").string()));
  CHECK_FALSE(Contains(LoadError(folder / "robot/scene.xml"), "link"));
}

TEST_CASE("An MJB is the same scene again, to the bit") {
  const TemporaryFolder folder;
  const auto scene = Scene::Load(Write(folder / "scene.xml", kPendulum));
  const std::string bytes = scene->ToMjb();
  const auto loaded = Scene::Load(Write(folder / "scene.MJB", bytes));
  CHECK(loaded->ToMjb() == bytes);
  CHECK(loaded->Find(mjOBJ_JOINT, "hinge", "test") == 0);
  CHECK(Scene::FromMjb(bytes, "dataset")->origin() == "dataset");
}

TEST_CASE("An MJB of another MuJoCo version is refused with both versions named") {
  const TemporaryFolder folder;
  std::string bytes = Scene::Load(Write(folder / "scene.xml", kPendulum))->ToMjb();
  // Its header holds the version as mj_version() gives it, found here rather than counted.
  const int ours = mj_version();
  const size_t at = bytes.find(std::string(reinterpret_cast<const char*>(&ours), sizeof(ours)));
  REQUIRE(at < 32);
  const int theirs = 3003002;
  std::memcpy(bytes.data() + at, &theirs, sizeof(theirs));
  const std::string message = LoadError(Write(folder / "old.mjb", bytes));
  CHECK(Contains(message, "written by MuJoCo 3.3.2"));
  CHECK(Contains(message, "this is MuJoCo " + std::string(mj_versionString())));
  CHECK(MujocoVersion() == mj_versionString());
}

TEST_CASE("An MJB that is foreign, truncated or damaged is refused") {
  const TemporaryFolder folder;
  const std::string bytes = Scene::Load(Write(folder / "scene.xml", kPendulum))->ToMjb();
  CHECK(Contains(LoadError(Write(folder / "foreign.mjb", std::string(4096, 'x'))), "not an MJB file"));
  CHECK(Contains(LoadError(Write(folder / "xml.mjb", kPendulum)), "not an MJB file"));
  CHECK(Contains(LoadError(Write(folder / "empty.mjb", "")), "it is truncated"));
  for (const size_t size : {size_t{20}, size_t{64}, bytes.size() / 4, bytes.size() / 2, bytes.size() - 1}) {
    CAPTURE(size);
    LoadError(Write(folder / "cut.mjb", bytes.substr(0, size)));
  }
  LoadError(Write(folder / "long.mjb", bytes + "tail"));
}

TEST_CASE("Bodies do not fall asleep, for a state could not bring that back") {
  const TemporaryFolder folder;
  const auto scene = Scene::Load(Write(folder / "sleep.xml", R"(
<mujoco><option><flag sleep="enable" energy="enable"/></option><worldbody><geom type="plane" size="1 1 1"/>
<body pos="0 0 0.1"><freejoint/><geom size="0.1"/></body></worldbody></mujoco>)"));
  CHECK((scene->model()->opt.enableflags & mjENBL_SLEEP) == 0);
  CHECK((scene->model()->opt.enableflags & mjENBL_ENERGY) != 0);
}
