// Expected poses are geometry's: a planar arm whose links are 0.4 m and 0.3 m long, a slide, a free body.
#include "sim/drag_pose.h"

#include <cmath>
#include <memory>

#include <doctest/doctest.h>

#include "sim/scene.h"
#include "tests/sim/task_fixture.h"

namespace reverie {
namespace {

constexpr const char* kArm = R"(<mujoco>
  <worldbody>
    <body name="upper" pos="0 0 1">
      <joint name="shoulder" axis="0 1 0" limited="true" range="-170 170"/>
      <geom type="capsule" fromto="0 0 0 .4 0 0" size=".02"/>
      <body name="lower" pos=".4 0 0">
        <joint name="elbow" axis="0 1 0" limited="true" range="-150 150"/>
        <geom type="capsule" fromto="0 0 0 .3 0 0" size=".02"/>
      </body>
    </body>
    <body name="cart" pos="0 1 0">
      <joint name="rail" type="slide" axis="1 0 0" limited="true" range="-.5 .5"/>
      <geom size=".1"/>
    </body>
    <body name="ball" pos="0 -1 0"><freejoint/><geom size=".1"/></body>
    <body name="post" pos="2 0 0"><geom size=".1"/></body>
  </worldbody>
</mujoco>)";

struct Dragged {
  explicit Dragged(const char* body, mjtPertBit how = mjPERT_TRANSLATE)
      : task(task_fixture::Compile(folder, kArm)), model(task->model()), data(mj_makeData(model), mj_deleteData) {
    data->qpos[0] = 0.3;
    data->qpos[1] = 0.5;
    mj_forward(model, data.get());
    mjv_defaultPerturb(&drag);
    drag.select = mj_name2id(model, mjOBJ_BODY, body);
    drag.active = how;
    mju_copy3(drag.refselpos, data->xpos + 3 * drag.select);
  }
  const mjtNum* At(const char* body) const { return data->xpos + 3 * mj_name2id(model, mjOBJ_BODY, body); }

  task_fixture::TemporaryFolder folder;
  std::shared_ptr<const CompiledTask> task;
  const mjModel* model;
  std::unique_ptr<mjData, decltype(&mj_deleteData)> data;
  mjvPerturb drag;
};

}  // namespace

TEST_CASE("a dragged body takes its joints along, as far as they reach") {
  Dragged arm("lower");
  arm.drag.localpos[0] = 0.3;  // the tip
  const double x = 0.2, z = 0.55;  // from the shoulder, 0.585 m away: within reach
  arm.drag.refselpos[0] = x;
  arm.drag.refselpos[2] = 1.0 + z;
  DragPose(arm.model, arm.data.get(), arm.drag);
  const double shoulder = arm.data->qpos[0], elbow = arm.data->qpos[1];
  // A turn about y takes x towards -z.
  CHECK(0.4 * std::cos(shoulder) + 0.3 * std::cos(shoulder + elbow) == doctest::Approx(x).epsilon(1e-5));
  CHECK(-0.4 * std::sin(shoulder) - 0.3 * std::sin(shoulder + elbow) == doctest::Approx(z).epsilon(1e-5));
  CHECK(std::abs(elbow) == doctest::Approx(std::acos((x * x + z * z - 0.25) / 0.24)).epsilon(1e-5));
  const double there = arm.data->qpos[0];
  DragPose(arm.model, arm.data.get(), arm.drag);
  CHECK(arm.data->qpos[0] == there);  // a mouse that rests changes nothing

  // Out of reach: stretched towards it.
  arm.drag.refselpos[0] = 3.0;
  arm.drag.refselpos[2] = 1.0;
  DragPose(arm.model, arm.data.get(), arm.drag);
  CHECK(0.4 * std::cos(arm.data->qpos[0]) + 0.3 * std::cos(arm.data->qpos[0] + arm.data->qpos[1]) > 0.6999);
  for (int i = 2; i < arm.model->nq; ++i) CHECK(arm.data->qpos[i] == arm.model->qpos0[i]);
}

TEST_CASE("a dragged body stays within its joint's limits, and one without joints where it is") {
  Dragged cart("cart");
  const int rail = cart.model->jnt_qposadr[mj_name2id(cart.model, mjOBJ_JOINT, "rail")];
  cart.drag.refselpos[0] = 0.25;
  cart.drag.refselpos[1] = 5.0;  // no joint leads there
  DragPose(cart.model, cart.data.get(), cart.drag);
  CHECK(cart.data->qpos[rail] == doctest::Approx(0.25).epsilon(1e-3));
  cart.drag.refselpos[0] = 2.0;
  cart.drag.refselpos[1] = 1.0;
  DragPose(cart.model, cart.data.get(), cart.drag);
  CHECK(cart.data->qpos[rail] == 0.5);
  CHECK(cart.At("cart")[0] == doctest::Approx(0.5));

  Dragged post("post");
  const double before = post.data->qpos[0];
  post.drag.refselpos[0] = 0.0;
  DragPose(post.model, post.data.get(), post.drag);
  CHECK(post.data->qpos[0] == before);
  CHECK(post.At("post")[0] == 2.0);
}

TEST_CASE("a twisted body turns about its joint, a free one moves as a whole") {
  Dragged arm("upper", mjPERT_ROTATE);
  const mjtNum about_y[3] = {0, 1, 0};
  mjtNum turned[4];
  mju_axisAngle2Quat(turned, about_y, -0.7);
  mju_mulQuat(arm.drag.refquat, turned, arm.model->body_iquat + 4 * arm.drag.select);
  DragPose(arm.model, arm.data.get(), arm.drag);
  CHECK(arm.data->qpos[0] == doctest::Approx(-0.7).epsilon(1e-5));
  CHECK(arm.data->qpos[1] == 0.5);

  Dragged ball("ball");
  mju_copy4(ball.drag.refquat, ball.data->xquat + 4 * ball.drag.select);
  const mjtNum where[3] = {0.3, -0.2, 0.6};
  mju_copy3(ball.drag.refpos, where);
  mju_copy3(ball.drag.refselpos, where);
  DragPose(ball.model, ball.data.get(), ball.drag);
  for (int i = 0; i < 3; ++i) CHECK(ball.At("ball")[i] == doctest::Approx(where[i]));
}

}  // namespace reverie
