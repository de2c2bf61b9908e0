// URDFs as ROS people have them: package:// references, spaces, comments, meshes of one name in several
// folders.
#include "sim/urdf.h"

#include <cmath>
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/scene.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;
namespace fs = std::filesystem;

namespace {

/// A robot with an arm of one hinge, whose link holds `geometry`.
std::string Robot(const std::string& geometry, const std::string& extension = "") {
  return "<?xml version=\"1.0\"?>\n<robot name=\"arm\">\n" + extension +
         "<link name=\"base\"/>\n<link name=\"upper\">\n"
         "<inertial><mass value=\"1\"/><inertia ixx=\"1\" iyy=\"1\" izz=\"1\" ixy=\"0\" ixz=\"0\" "
         "iyz=\"0\"/></inertial>\n" +
         geometry +
         "</link>\n<joint name=\"shoulder\" type=\"continuous\"><parent link=\"base\"/><child "
         "link=\"upper\"/>"
         "<axis xyz=\"0 1 0\"/></joint>\n</robot>\n";
}

std::string Collision(const std::string& reference) {
  return "<collision><geometry><mesh filename=\"" + reference + "\"/></geometry></collision>\n";
}

std::string Visual(const std::string& reference) {
  return "<visual><geometry><mesh filename=\"" + reference + "\"/></geometry></visual>\n";
}

/// Half the extent of a mesh, the largest of its three: tells tetrahedra of different sizes apart.
double Extent(const Scene& scene, int mesh) {
  const mjModel* m = scene.model();
  double extent = 0.0;
  for (int i = 0; i < m->mesh_vertnum[mesh]; ++i) {
    for (int j = 0; j < i; ++j) {
      const float* a = m->mesh_vert + 3 * (m->mesh_vertadr[mesh] + i);
      const float* b = m->mesh_vert + 3 * (m->mesh_vertadr[mesh] + j);
      extent = std::max(extent, static_cast<double>(std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])));
    }
  }
  return extent;
}

// The longest edge of the tetrahedron: between the ends of two axes.
double LongestEdge(double size) {
  return size * std::sqrt(2.0);
}

class RosPackagePath {
 public:
  explicit RosPackagePath(const std::string& value) { setenv("ROS_PACKAGE_PATH", value.c_str(), 1); }
  ~RosPackagePath() { unsetenv("ROS_PACKAGE_PATH"); }
};

}  // namespace

TEST_CASE("package:// resolves to a folder above, with spaces in its path, from any working folder") {
  const TemporaryFolder folder;
  Write(folder / "my robots/arm description/meshes/visual parts/upper arm.stl", TetrahedronStl(0.1f));
  for (const std::string reference : {"package://arm description/meshes/visual parts/upper arm.stl",
                                      "package://arm%20description/meshes/visual%20parts/upper%20arm.stl"}) {
    CAPTURE(reference);
    const fs::path file =
        Write(folder / "my robots/arm description/urdf/arm.urdf", Robot(Collision(reference)));
    for (const fs::path& from : {folder / "", file.parent_path()}) {
      const WorkingFolder inside(from);
      const auto scene = Scene::Load(fs::relative(file));
      REQUIRE(scene->model()->nmesh == 1);
      CHECK(Extent(*scene, 0) == doctest::Approx(LongestEdge(0.1)).epsilon(1e-5));
      CHECK(scene->Find(mjOBJ_JOINT, "shoulder", "test") == 0);
    }
  }
}

TEST_CASE("package:// resolves beside a folder above, along ROS_PACKAGE_PATH, and through a link") {
  const TemporaryFolder folder;
  const std::string text = Robot(Collision("package://arm_description/upper.stl"));
  SUBCASE("a sibling package") {
    Write(folder / "ws/src/arm_description/upper.stl", TetrahedronStl(0.1f));
    CHECK(Scene::Load(Write(folder / "ws/src/arm_robot/urdf/arm.urdf", text))->model()->nmesh == 1);
  }
  SUBCASE("ROS_PACKAGE_PATH holds the package, or is it") {
    Write(folder / "opt/ros/arm_description/upper.stl", TetrahedronStl(0.1f));
    const fs::path file = Write(folder / "ws/arm.urdf", text);
    CHECK_THROWS_AS(Scene::Load(file), SceneError);
    {
      const RosPackagePath path("/nowhere:" + (folder / "opt/ros").string());
      CHECK(Scene::Load(file)->model()->nmesh == 1);
    }
    const RosPackagePath path((folder / "opt/ros/arm_description").string());
    CHECK(Scene::Load(file)->model()->nmesh == 1);
  }
  SUBCASE("a link to the file, elsewhere") {
    Write(folder / "ws/arm_description/upper.stl", TetrahedronStl(0.1f));
    const fs::path file = Write(folder / "ws/arm_description/urdf/arm.urdf", text);
    fs::create_directories(folder / "desk");
    fs::create_symlink(file, folder / "desk/link.urdf");
    CHECK(Scene::Load(folder / "desk/link.urdf")->model()->nmesh == 1);
  }
}

TEST_CASE("A reference that does not resolve is an error that says where it looked") {
  const TemporaryFolder folder;
  const fs::path file =
      Write(folder / "a b/arm.urdf", Robot(Collision("package://arm_description/upper.stl")));
  const std::string message = MessageOf([&] { Scene::Load(file); });
  CHECK(IsOneLine(message));
  CHECK_THROWS_AS(Scene::Load(file), SceneError);
  CHECK(Contains(message, file.string()));
  CHECK(Contains(message, "package://arm_description/upper.stl"));
  CHECK(Contains(message, (folder / "a b/arm_description/upper.stl").string()));
  CHECK(Contains(message, (folder / "arm_description/upper.stl").string()));
  CHECK(Contains(message, "ROS_PACKAGE_PATH"));
  const std::string relative =
      MessageOf([&] { Scene::Load(Write(folder / "a b/arm.urdf", Robot(Collision("meshes/upper.stl")))); });
  CHECK(Contains(relative, "mesh meshes/upper.stl is not found; looked at"));
  CHECK(Contains(relative, (folder / "a b/meshes/upper.stl").string()));
}

TEST_CASE("Meshes in subfolders resolve, whatever strippath and meshdir say") {
  const TemporaryFolder folder;
  Write(folder / "meshes/arm/upper.stl", TetrahedronStl(0.1f));
  Write(folder / "flat/upper.stl", TetrahedronStl(0.1f));
  const auto load = [&](const std::string& reference, const std::string& compiler) {
    const std::string extension = compiler.empty() ? "" : "<mujoco><compiler " + compiler + "/></mujoco>";
    return Scene::Load(Write(folder / "arm.urdf", Robot(Collision(reference), extension)))->model()->nmesh;
  };
  CHECK(load("meshes/arm/upper.stl", "") == 1);
  CHECK(load("./meshes/../meshes/arm/upper.stl", "") == 1);
  CHECK(load("meshes/arm/upper.stl", "strippath=\"false\"") == 1);
  CHECK(load("arm/upper.stl", "meshdir=\"meshes\"") == 1);
  CHECK(load("arm/upper.stl", "meshdir=\"meshes\" strippath=\"false\"") == 1);
  CHECK(load("some/where/else/upper.stl", "meshdir=\"flat\" strippath=\"true\"") == 1);
  CHECK(load((folder / "flat/upper.stl").string(), "") == 1);
  CHECK(load("file://" + (folder / "flat/upper.stl").string(), "") == 1);
}

TEST_CASE("Meshes of one name in different folders are different meshes") {
  const TemporaryFolder folder;
  Write(folder / "left/link.stl", TetrahedronStl(0.1f));
  Write(folder / "right/link.stl", TetrahedronStl(0.3f));
  const auto scene =
      Scene::Load(Write(folder / "arm.urdf", Robot(Collision("left/link.stl") + Collision("right/link.stl") +
                                                   Collision("left/link.stl"))));
  const mjModel* m = scene->model();
  REQUIRE(m->nmesh == 2);
  REQUIRE(m->ngeom == 3);
  CHECK(Extent(*scene, m->geom_dataid[0]) == doctest::Approx(LongestEdge(0.1)).epsilon(1e-5));
  CHECK(Extent(*scene, m->geom_dataid[1]) == doctest::Approx(LongestEdge(0.3)).epsilon(1e-5));
  CHECK(m->geom_dataid[2] == m->geom_dataid[0]);
}

TEST_CASE("What nobody reads may be missing: comments, and visual meshes unless they are asked for") {
  const TemporaryFolder folder;
  Write(folder / "link.stl", TetrahedronStl(0.1f));
  const std::string text =
      "<!-- <robot> <mesh filename=\"package://gone/old.stl\"/> <compiler strippath=\"true\"/> -->\n" +
      Robot("<!-- " + Collision("package://gone/older.stl") + " -->" + Visual("package://gone/pretty.dae") +
            Collision("link.stl"));
  CHECK(Scene::Load(Write(folder / "arm.urdf", text.substr(text.find("<?xml"))))->model()->nmesh == 1);
  const std::string commented =
      "<?xml version=\"1.0\"?>\n" + text.substr(0, text.find("<?xml")) + text.substr(text.find("?>\n") + 3);
  CHECK(Scene::Load(Write(folder / "arm.urdf", commented))->model()->nmesh == 1);
  const std::string shown = Robot(Visual("package://gone/pretty.dae") + Collision("link.stl"),
                                  "<mujoco><compiler discardvisual=\"false\"/></mujoco>");
  CHECK(Contains(MessageOf([&] { Scene::Load(Write(folder / "arm.urdf", shown)); }),
                 "package://gone/pretty.dae"));
}

TEST_CASE("Characters that XML writes otherwise, in file names and in the folders above") {
  const TemporaryFolder folder;
  Write(folder / "R&D \"new\" <1>/largest & 'best'.stl", TetrahedronStl(0.1f));
  const fs::path file =
      Write(folder / "R&D \"new\" <1>/arm ü.urdf",
            Robot(Collision("largest &amp; &apos;best&apos;.stl") +
                  "<collision><geometry><mesh filename='largest &amp; &apos;best&apos;.stl'/>"
                  "</geometry></collision>"));
  const auto scene = Scene::Load(file);
  CHECK(scene->model()->nmesh == 1);
  CHECK(scene->model()->ngeom == 2);
}

TEST_CASE("A URDF is told by its root element, whatever it is called") {
  const TemporaryFolder folder;
  CHECK(IsUrdf(Write(folder / "a.xml", "<?xml version=\"1.0\"?>\n<!-- <mujoco> -->\n<robot name=\"r\"/>")));
  CHECK_FALSE(IsUrdf(Write(folder / "b.urdf", "<!-- <robot> --><mujoco/>")));
  CHECK_FALSE(IsUrdf(Write(folder / "c.xml", "<robotics/>")));
  CHECK_FALSE(IsUrdf(Write(folder / "d.xml", "<!-- open <robot>")));
  CHECK_FALSE(IsUrdf(Write(folder / "e.xml", "")));
  Write(folder / "meshes/link.stl", TetrahedronStl(0.1f));
  CHECK(Scene::Load(Write(folder / "arm.xml", Robot(Collision("meshes/link.stl"))))->model()->nmesh == 1);
}

TEST_CASE("A malformed URDF is refused with MuJoCo's own message and the line of the file") {
  const TemporaryFolder folder;
  const fs::path file =
      Write(folder / "arm.urdf", Robot("<!--\n\n\n--><collision><geometry><sphere/></geometry></collision>"));
  const std::string message = MessageOf([&] { Scene::Load(file); });
  CHECK(Contains(message, "radius"));
  CHECK(Contains(message, "line 9"));
  CHECK(IsOneLine(message));
}

TEST_CASE("a robot that has only what is to be seen is seen, and what is missing of that keeps nobody from its physics") {
  const TemporaryFolder folder;
  const std::string sphere = "<visual><geometry><sphere radius=\"0.3\"/></geometry></visual>\n";
  for (const char* extension : {"", "<mujoco><compiler angle=\"radian\"/></mujoco>\n", "<mujoco><option timestep=\"0.001\"/></mujoco>\n"}) {
    CAPTURE(extension);
    const auto seen = Scene::Load(Write(folder / "seen.urdf", Robot(sphere, extension)));
    REQUIRE(seen->model()->ngeom == 1);
    CHECK(seen->model()->geom_size[0] == 0.3);
    CHECK(seen->model()->geom_contype[0] == 0);
    CHECK(seen->model()->body_mass[1] == 1.0);
  }
  const auto blind = Scene::Load(Write(folder / "blind.urdf", Robot(Visual("package://nowhere/arm.stl"))));
  CHECK(blind->model()->ngeom == 0);
  CHECK(blind->model()->nv == 1);
  const auto told = Scene::Load(
      Write(folder / "told.urdf", Robot(sphere, "<mujoco><compiler discardvisual=\"true\"/></mujoco>\n")));
  CHECK(told->model()->ngeom == 0);
}
