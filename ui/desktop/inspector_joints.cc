#include "ui/desktop/inspector_joints.h"

#include <algorithm>
#include <cmath>

#include "ui/desktop/inspector_state.h"

namespace reverie::desktop {
namespace {

constexpr double kDegrees = 180 / mjPI;

}  // namespace

std::vector<JointSection::Row> JointSection::Rows(const Inspected& in) {
  std::vector<Row> rows;
  for (const int joint : in.Matching(mjOBJ_JOINT, in.model->njnt)) {
    const int address = in.model->jnt_qposadr[joint];
    switch (in.model->jnt_type[joint]) {
      case mjJNT_HINGE: rows.push_back({joint, Kind::kAngle, address, 1}); break;
      case mjJNT_SLIDE: rows.push_back({joint, Kind::kLength, address, 1}); break;
      case mjJNT_BALL: rows.push_back({joint, Kind::kOrientation, address, 4}); break;
      default:
        rows.push_back({joint, Kind::kPosition, address, 3});
        rows.push_back({joint, Kind::kOrientation, address + 3, 4});
    }
  }
  return rows;
}

void JointSection::Draw(const Inspected& in) {
  if (in.model->njnt == 0) return;
  const std::vector<Row> rows = Rows(in);
  int shown = 0, last = -1;
  for (const Row& row : rows) shown += std::exchange(last, row.joint) != row.joint;
  if (!BeginSection("Joints", static_cast<size_t>(shown), static_cast<size_t>(in.model->njnt))) return;
  ImGui::Checkbox("Degrees", &degrees_);
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("Angles of hinges in degrees instead of radians");
  ClippedRows("joints", rows.size(), ImGui::GetFrameHeightWithSpacing(), [&](size_t i) { DrawRow(in, rows[i]); });
}

void JointSection::DrawRow(const Inspected& in, const Row& row) {
  std::vector<double> state = in.now.state;
  const std::span<double> qpos = StatePart(in.model, state, mjSTATE_QPOS);
  if (qpos.empty()) return;
  const std::string& label = in.scene().Label(mjOBJ_JOINT, row.joint);
  const bool scalar = row.count == 1, angle = row.kind == Kind::kAngle;
  const double unit = angle && degrees_ ? kDegrees : 1;
  const bool limited = scalar && in.model->jnt_limited[row.joint];
  const char* help = angle                            ? "Hinge: moving it pauses the simulation"
                     : row.kind == Kind::kLength      ? "Slide: moving it pauses the simulation"
                     : row.kind == Kind::kPosition    ? "Where it is in the world, x y z, in metres"
                                                      : "Quaternion, w x y z; what is typed is made a unit one";
  RowName(scalar ? label : label + (row.kind == Kind::kPosition ? ", position" : ", orientation"), 0.36f, help);

  std::array<double, 4> values{};
  const std::pair<int, Kind> here = {row.joint, row.kind};
  if (edited_ == here) {
    values = values_;
  } else {
    for (int i = 0; i < row.count; ++i) values[static_cast<size_t>(i)] = qpos[static_cast<size_t>(row.address + i)] * unit;
  }
  bool changed = false;
  if (scalar) {
    const char* format = angle ? (degrees_ ? "%.1f deg" : "%.3f rad") : "%.3f m";
    double low = in.model->jnt_range[2 * row.joint] * unit, high = in.model->jnt_range[2 * row.joint + 1] * unit;
    if (limited && low < high) {
      changed = ImGui::SliderScalar("##value", ImGuiDataType_Double, values.data(), &low, &high, format,
                                    ImGuiSliderFlags_AlwaysClamp | ImGuiSliderFlags_NoRoundToFormat);
    } else {
      const double extent = std::max(1e-3, in.model->stat.extent);
      const auto speed = static_cast<float>(angle ? 0.01 * unit : 0.002 * extent);
      changed = ImGui::DragScalar("##value", ImGuiDataType_Double, values.data(), speed, nullptr, nullptr, format,
                                    ImGuiSliderFlags_NoRoundToFormat);
    }
  } else {
    const auto speed = static_cast<float>(row.kind == Kind::kPosition ? 0.002 * std::max(1e-3, in.model->stat.extent)
                                                                      : 0.005);
    changed = ImGui::DragScalarN("##value", ImGuiDataType_Double, values.data(), row.count, speed, nullptr, nullptr,
                                 "%.3f", ImGuiSliderFlags_NoRoundToFormat);
  }
  if (ImGui::IsItemActive() || changed) {
    edited_ = here;
    values_ = values;
  } else if (edited_ == here) {
    edited_.first = -1;
  }
  if (!changed) return;
  std::array<double, 4> written = values;
  if (row.kind == Kind::kOrientation) mju_normalize4(written.data());
  for (int i = 0; i < row.count; ++i) {
    if (!std::isfinite(written[static_cast<size_t>(i)])) return;
    qpos[static_cast<size_t>(row.address + i)] = written[static_cast<size_t>(i)] / unit;
  }
  in.Edit(std::move(state), "joint " + label + " moved");
}

}  // namespace reverie::desktop
