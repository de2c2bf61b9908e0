#include "sim/drag_pose.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace reverie {
namespace {

constexpr int kMostSteps = 60;
constexpr double kThere = 1e-7;        // m or rad
constexpr double kDamping = 1e-4;      // the least, over the mean square of what joints move
constexpr double kLongestStep = 0.3;   // m or rad of a joint
constexpr double kLeastStep = 1e-7;

/// What is missing: of the point's place, or of the body's turn, both in the world.
void Missing(const mjModel* model, const mjData* data, const mjvPerturb& drag, mjtNum point[3], mjtNum missing[3]) {
  const int body = drag.select;
  mju_mulMatVec3(point, data->xmat + 9 * body, drag.localpos);
  mju_addTo3(point, data->xpos + 3 * body);
  if (drag.active & mjPERT_TRANSLATE) {
    mju_sub3(missing, drag.refselpos, point);
    return;
  }
  mjtNum turned[4], local[3], matrix[9];
  mju_mulQuat(turned, data->xquat + 4 * body, model->body_iquat + 4 * body);
  mju_subQuat(local, drag.refquat, turned);
  mju_quat2Mat(matrix, turned);
  mju_mulMatVec3(missing, matrix, local);
}

void KeepLimits(const mjModel* model, mjData* data) {
  for (int joint = 0; joint < model->njnt; ++joint) {
    const int type = model->jnt_type[joint];
    if (!model->jnt_limited[joint] || (type != mjJNT_HINGE && type != mjJNT_SLIDE)) continue;
    mjtNum& at = data->qpos[model->jnt_qposadr[joint]];
    at = std::clamp(at, model->jnt_range[2 * joint], model->jnt_range[2 * joint + 1]);
  }
}

void Follow(const mjModel* model, mjData* data) {
  mj_kinematics(model, data);
  mj_comPos(model, data);
}

}  // namespace

void DragPose(const mjModel* model, mjData* data, const mjvPerturb& drag) {
  const auto moves_whole = [&] {
    const int root = model->body_rootid[drag.select];
    return model->body_mocapid[root] >= 0 ||
           (model->body_jntnum[root] == 1 && model->jnt_type[model->body_jntadr[root]] == mjJNT_FREE);
  };
  if (moves_whole()) {
    mjv_applyPerturbPose(model, data, &drag, 1);
    Follow(model, data);
    return;
  }
  const auto nv = static_cast<size_t>(model->nv), nq = static_cast<size_t>(model->nq);
  std::vector<mjtNum> jacobian(3 * nv), step(nv), best(data->qpos, data->qpos + nq);
  const bool turn = !(drag.active & mjPERT_TRANSLATE);
  mjtNum square[9] = {}, missing[3] = {};
  double least = mjMAXVAL, damping = kDamping;
  for (int i = 0; i < kMostSteps; ++i) {
    mjtNum point[3], now_missing[3];
    Missing(model, data, drag, point, now_missing);
    const double distance = mju_norm3(now_missing);
    if (distance < least) {
      least = distance;
      damping = std::max(kDamping, 0.1 * damping);
      mju_copy3(missing, now_missing);
      std::copy_n(data->qpos, nq, best.begin());
      if (distance < kThere) break;
      mj_jac(model, data, turn ? nullptr : jacobian.data(), turn ? jacobian.data() : nullptr, point, drag.select);
      mju_mulMatMatT(square, jacobian.data(), jacobian.data(), 3, model->nv, 3);
    } else {
      damping *= 10.0;  // it led past: shorter, and straighter down
      std::copy(best.begin(), best.end(), data->qpos);
    }
    const mjtNum mean = (square[0] + square[4] + square[8]) / 3;
    if (mean < mjMINVAL) break;  // nothing can move it
    double longest = 0;
    for (;; damping *= 4.0) {
      mjtNum damped[9], wanted[3];
      std::copy_n(square, 9, damped);
      for (int k = 0; k < 3; ++k) damped[4 * k] += damping * mean;
      mju_cholFactor(damped, 3, 0);
      mju_cholSolve(wanted, damped, missing, 3);
      mju_mulMatTVec(step.data(), jacobian.data(), wanted, 3, model->nv);
      longest = 0;
      for (const mjtNum each : step) longest = std::max(longest, std::abs(each));
      if (!(longest > kLongestStep)) break;
    }
    if (longest < kLeastStep) break;
    mj_integratePos(model, data->qpos, step.data(), 1.0);
    KeepLimits(model, data);
    Follow(model, data);
  }
  std::copy(best.begin(), best.end(), data->qpos);
  Follow(model, data);
}

}  // namespace reverie
