#include "sim/scene_files.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;
using reverie::dataset_fixture::TemporaryFolder;
namespace fs = std::filesystem;

TEST_CASE("a scene is made of what it includes, through any number of files, and of assets in their folders") {
  const TemporaryFolder folder;
  const fs::path scene = Write(folder / "my scene/scene.xml",
                               "<mujoco><include file='robot.xml'/><compiler meshdir=\"meshes\"/>"
                               "<asset><texture file=\"nowhere.png\"/></asset></mujoco>");
  const fs::path robot = Write(folder / "my scene/robot.xml", "<mujoco><include file=\"parts/arm.xml\"/></mujoco>");
  const fs::path arm = Write(folder / "my scene/parts/arm.xml",
                             "<mujoco><asset><mesh file = \"hand #1.obj\"/></asset><include file=\"robot.xml\"/></mujoco>");
  const fs::path mesh = Write(folder / "my scene/meshes/hand #1.obj", "o hand");
  Write(folder / "my scene/other.xml", "<mujoco/>");
  std::vector<fs::path> found = SceneFiles(scene);
  CHECK(found.front() == scene);
  std::ranges::sort(found);
  std::vector<fs::path> expected{scene, robot, arm, mesh};
  std::ranges::sort(expected);
  CHECK(found == expected);
}

TEST_CASE("a scene file that is not there names nothing else") {
  const TemporaryFolder folder;
  CHECK(SceneFiles(folder / "none.xml") == std::vector<fs::path>{folder / "none.xml"});
}
