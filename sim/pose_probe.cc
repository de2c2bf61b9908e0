#include "sim/pose_probe.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <string>

#include "sim/random.h"

namespace reverie {
namespace {

constexpr int kProbes = 32;

double UnitLength(const mjModel* model) {
  const double length = std::min(model->stat.extent, 10 * model->stat.meansize);
  return length > 0 ? length : 1.0;
}

/// The channel that each channel element belongs to: "pole" of "pole[1]".
std::vector<std::string> ChannelNames(const CompiledTask& task) {
  std::vector<std::string> names = task.ObservationLabels();
  for (std::string& label : task.SignalLabels()) names.push_back(std::move(label));
  for (std::string& name : names) name.resize(std::min(name.size(), name.find('[')));
  return names;
}

/// Sets qpos and qvel anywhere in the joints' ranges.
void DrawPose(const mjModel* model, mjData* data, const std::vector<double>& units, Random& random) {
  const double length = UnitLength(model);
  mju_copy(data->qpos, model->qpos0, model->nq);
  for (int joint = 0; joint < model->njnt; ++joint) {
    mjtNum* qpos = data->qpos + model->jnt_qposadr[joint];
    const int type = model->jnt_type[joint];
    if (type == mjJNT_HINGE || type == mjJNT_SLIDE) {
      const double reach = type == mjJNT_HINGE ? std::numbers::pi : length;
      const mjtNum* range = model->jnt_range + 2 * joint;
      *qpos = model->jnt_limited[joint] ? random.Uniform(range[0], range[1])
                                        : *qpos + random.Uniform(-reach, reach);
      continue;
    }
    if (type == mjJNT_FREE) {
      for (int axis = 0; axis < 3; ++axis) *qpos++ += random.Uniform(-length, length);
    }
    for (int i = 0; i < 4; ++i) qpos[i] = random.Normal();
    mju_normalize4(qpos);
  }
  for (size_t dof = 0; dof < units.size(); ++dof)
    data->qvel[dof] = random.Normal(0, kTypicalRate * units[dof]);
}

}  // namespace

std::vector<double> DofUnits(const mjModel* model) {
  std::vector<double> units(static_cast<size_t>(model->nv), 1.0);
  const double length = UnitLength(model);
  for (int joint = 0; joint < model->njnt; ++joint) {
    const int type = model->jnt_type[joint];
    const int lengths = type == mjJNT_FREE ? 3 : type == mjJNT_SLIDE ? 1 : 0;
    for (int i = 0; i < lengths; ++i) units[static_cast<size_t>(model->jnt_dofadr[joint] + i)] = length;
  }
  return units;
}

void ComputeVelocity(const mjModel* model, mjData* data) {
  mj_fwdVelocity(model, data);
  mj_sensorVel(model, data);
  if (model->opt.enableflags & mjENBL_ENERGY) mj_energyVel(model, data);
}

void ComputePose(const mjModel* model, mjData* data) {
  mj_fwdPosition(model, data);
  mj_sensorPos(model, data);
  if (model->opt.enableflags & mjENBL_ENERGY) mj_energyPos(model, data);
  ComputeVelocity(model, data);
}

std::vector<double> ProbeChannels(const CompiledTask& task, const mjModel* model, mjData* data) {
  const auto count = static_cast<size_t>(task.channel_size());
  const std::vector<double> units = DofUnits(model);
  std::vector<double> measured(count), sum(count), squares(count), first(count);
  std::vector<int> finite(count);
  Random random(0);
  for (int probe = 0; probe < kProbes; ++probe) {
    DrawPose(model, data, units, random);
    ComputePose(model, data);
    task.Observe(model, data, measured);
    for (size_t i = 0; i < count; ++i) {
      if (!std::isfinite(measured[i])) continue;
      if (finite[i]++ == 0) first[i] = measured[i];
      const double value = measured[i] - first[i];
      sum[i] += value;
      squares[i] += value * value;
    }
  }
  struct Total {
    double variance = 0;
    int elements = 0;
  };
  std::map<std::string, Total> totals;
  const std::vector<std::string> names = ChannelNames(task);
  std::vector<double> spread(count, 0.0);
  for (size_t i = 0; i < count; ++i) {
    const double n = std::max(1, finite[i]), mean = sum[i] / n;
    const double variance = std::max(0.0, squares[i] / n - mean * mean);
    // Rounding alone makes the norm of a unit quaternion differ from pose to pose.
    if (std::sqrt(variance) <= 1e-9 * std::max(1.0, std::abs(first[i]))) continue;
    spread[i] = 1;
    totals[names[i]].variance += variance;
    ++totals[names[i]].elements;
  }
  for (size_t i = 0; i < count; ++i) {
    if (spread[i] > 0) spread[i] = std::sqrt(totals[names[i]].variance / totals[names[i]].elements);
  }
  return spread;
}

}  // namespace reverie
