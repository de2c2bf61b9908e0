#include "ui/desktop/inspector_state.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace reverie::desktop {
namespace {

std::string Exact(std::span<const double> values) {
  std::string text;
  for (const double value : values) {
    char number[40];
    const auto end = std::to_chars(number, number + sizeof number, value).ptr;
    if (!text.empty()) text += ' ';
    text.append(number, end);
  }
  return text;
}

std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '"': escaped += "&quot;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

/// Whether an actuator turns a hinge (1) or moves along a slide (0); -1: neither.
int Turns(const mjModel* model, int actuator) {
  const int type = model->actuator_trntype[actuator];
  if (type != mjTRN_JOINT && type != mjTRN_JOINTINPARENT) return type == mjTRN_TENDON ? 0 : -1;
  const int joint = model->actuator_trnid[2 * actuator];
  if (joint < 0) return -1;
  switch (model->jnt_type[joint]) {
    case mjJNT_HINGE: return 1;
    case mjJNT_SLIDE: return 0;
    default: return -1;
  }
}

}  // namespace

std::span<double> StatePart(const mjModel* model, std::vector<double>& state, mjtState part) {
  if (static_cast<int>(state.size()) != mj_stateSize(model, mjSTATE_INTEGRATION)) return {};
  const auto at = static_cast<size_t>(mj_stateSize(model, mjSTATE_INTEGRATION & (part - 1)));
  return std::span(state).subspan(at, static_cast<size_t>(mj_stateSize(model, part)));
}

std::vector<double> WithKeyframe(const mjModel* model, std::vector<double> state, int keyframe) {
  if (keyframe < 0 || keyframe >= model->nkey) return state;
  const auto put = [&](mjtState part, const mjtNum* rows) {
    const std::span<double> to = StatePart(model, state, part);
    const mjtNum* from = rows + static_cast<size_t>(keyframe) * to.size();
    std::copy(from, from + to.size(), to.begin());
  };
  put(mjSTATE_QPOS, model->key_qpos);
  put(mjSTATE_QVEL, model->key_qvel);
  put(mjSTATE_ACT, model->key_act);
  put(mjSTATE_CTRL, model->key_ctrl);
  put(mjSTATE_MOCAP_POS, model->key_mpos);
  put(mjSTATE_MOCAP_QUAT, model->key_mquat);
  std::ranges::fill(StatePart(model, state, mjSTATE_WARMSTART), 0.0);
  std::ranges::fill(StatePart(model, state, mjSTATE_QFRC_APPLIED), 0.0);
  std::ranges::fill(StatePart(model, state, mjSTATE_XFRC_APPLIED), 0.0);
  return state;
}

std::string KeyLine(const mjModel* model, const std::vector<double>& state, const std::string& name) {
  std::vector<double> copy = state;
  std::string line = "<key name=\"" + Escaped(name) + "\"";
  const auto add = [&](const char* attribute, mjtState part) {
    const std::span<double> values = StatePart(model, copy, part);
    if (!values.empty()) line += std::string(" ") + attribute + "=\"" + Exact(values) + "\"";
  };
  add("time", mjSTATE_TIME);
  add("qpos", mjSTATE_QPOS);
  add("qvel", mjSTATE_QVEL);
  add("act", mjSTATE_ACT);
  add("ctrl", mjSTATE_CTRL);
  add("mpos", mjSTATE_MOCAP_POS);
  add("mquat", mjSTATE_MOCAP_QUAT);
  return line + "/>";
}

std::array<double, 3> EulerDegrees(const double quat[4]) {
  mjtNum r[9];
  mju_quat2Mat(r, quat);
  constexpr double kDegrees = 180 / mjPI;
  const double y = std::asin(std::clamp(r[2], -1.0, 1.0));
  if (std::abs(r[2]) > 1 - 1e-10) {  // x and z turn about the same axis: all of it is x
    return {std::atan2(r[7], r[4]) * kDegrees, y * kDegrees, 0};
  }
  return {std::atan2(-r[5], r[8]) * kDegrees, y * kDegrees, std::atan2(-r[1], r[0]) * kDegrees};
}

std::string ControlUnit(const mjModel* model, int u) {
  const int turns = Turns(model, u);
  const mjtNum *bias = model->actuator_biasprm + mjNBIAS * u, *gain = model->actuator_gainprm + mjNGAIN * u;
  if (turns < 0 || model->actuator_gear[6 * u] != 1) return "";
  if (model->actuator_biastype[u] == mjBIAS_NONE) {
    const bool plain = model->actuator_gaintype[u] == mjGAIN_FIXED && gain[0] == 1 &&
                       model->actuator_dyntype[u] == mjDYN_NONE;
    return plain ? ForceUnit(model, u) : "";
  }
  if (model->actuator_biastype[u] != mjBIAS_AFFINE || model->actuator_gaintype[u] != mjGAIN_FIXED) return "";
  const bool integrates = model->actuator_dyntype[u] == mjDYN_INTEGRATOR;
  if (bias[1] != 0 && bias[1] == -gain[0] && !integrates) return turns ? "rad" : "m";
  if ((bias[1] == 0 && bias[2] == -gain[0]) || (bias[1] == -gain[0] && integrates)) return turns ? "rad/s" : "m/s";
  return "";
}

std::string ForceUnit(const mjModel* model, int u) {
  const int turns = Turns(model, u);
  return turns < 0 ? "" : turns ? "N\u00B7m" : "N";
}

std::vector<double> ControlsOf(const CompiledTask& task, const mjModel* model, mjData* data,
                               std::span<const double> action) {
  if (static_cast<int>(action.size()) != model->nu) return {};
  const std::vector<double> kept(data->ctrl, data->ctrl + model->nu);
  task.ApplyAction(model, data, action);
  std::vector<double> controls(data->ctrl, data->ctrl + model->nu);
  std::ranges::copy(kept, data->ctrl);
  return controls;
}

std::string ShortNumber(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value == 0 ? 0.0 : value);
  return text;
}

std::string ShortNumbers(std::span<const double> values, size_t most) {
  std::string text;
  for (size_t i = 0; i < std::min(values.size(), most); ++i) text += (i ? "  " : "") + ShortNumber(values[i]);
  return values.size() > most ? text + "  ..." : text;
}

}  // namespace reverie::desktop
