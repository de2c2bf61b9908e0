#include "sim/pose_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "sim/error.h"
#include "sim/pose_probe.h"

namespace reverie {
namespace {

constexpr double kPriorWeight = 1e-6;        // of one unit off the prior, against one scale off a channel
constexpr double kDifference = 1e-6;         // step of the finite differences, units
constexpr double kConverged = 1e-9;          // step, units
constexpr double kNegligible = 1e-6;         // step, units: where rounding may hide that it leads down
constexpr double kRounding = 1e-13;          // of a cost
constexpr double kNear = 1e-2;               // step, units: the Jacobian of before it still leads down,
constexpr double kNearTimesResidual = 1e-6;  // and to the right place
constexpr double kPoorFit = 0.3;             // root-mean-square, scales: worth another start
constexpr int kMaxIterations = 40;

std::string SizeMessage(const char* what, int expected, size_t found) {
  return std::string(what) + ": expected " + std::to_string(expected) + " values, found " +
         std::to_string(found);
}

}  // namespace

struct PoseFit::Impl {
  explicit Impl(std::shared_ptr<const CompiledTask> compiled);

  void SetScales(std::span<const double> channel_scale);
  double Evaluate(const std::vector<double>& qpos, const std::vector<double>& qvel,
                  std::span<double> residual);
  void Residual(std::span<double> residual);
  double PriorCost(const std::vector<double>& qpos, const std::vector<double>& qvel);
  void Linearise();
  bool Solve(double damping);
  double Minimise(std::vector<double>& qpos, std::vector<double>& qvel);

  std::shared_ptr<const CompiledTask> task;
  ModelPtr model;
  DataPtr data;
  double dt;  // control step, s
  size_t nv;
  std::vector<double> unit;    // (nv) rad or m
  std::vector<int> length_at;  // (nv) where in qpos it is, for a length; -1 for an angle
  std::vector<bool> shown;     // (nchannels)
  std::vector<size_t> rows;    // the shown channels
  std::vector<double> scale;   // (rows)

  std::vector<double> target, measured;               // (nchannels)
  std::vector<double> start_qpos, start_qvel;         // of Start
  std::vector<double> qpos_before, qvel_before;       // of the last pose
  std::vector<double> residual, trial_residual, off;  // (rows)
  std::vector<double> prior, centre;                  // (2 nv) residuals of the prior, and where it is met
  std::vector<double> jacobian;                       // (2 nv, rows), per unit
  std::vector<double> hessian, factor;                // (2 nv, 2 nv)
  std::vector<double> gradient, change, tangent;
  std::vector<double> trial_qpos, trial_qvel, best_qpos, best_qvel;
};

PoseFit::Impl::Impl(std::shared_ptr<const CompiledTask> compiled)
    : task(std::move(compiled)), model(mj_copyModel(nullptr, task->model())) {
  if (model) data.reset(mj_makeData(model.get()));
  if (!data) throw SceneError(task->scene().origin() + ": not enough memory for a simulation of it");
  // Contacts and constraint forces move no pose that is given; a sleeping body would not follow its own.
  model->opt.disableflags |= mjDSBL_CONTACT | mjDSBL_CONSTRAINT;
  model->opt.enableflags &= ~mjENBL_SLEEP;
  dt = task->env_step_s() * task->spec().action_repeat;
  nv = static_cast<size_t>(model->nv);
  unit = DofUnits(model.get());
  length_at.assign(nv, -1);
  for (int joint = 0; joint < model->njnt; ++joint) {
    const int type = model->jnt_type[joint];
    const int lengths = type == mjJNT_FREE ? 3 : type == mjJNT_SLIDE ? 1 : 0;
    for (int i = 0; i < lengths; ++i) {
      const auto dof = static_cast<size_t>(model->jnt_dofadr[joint] + i);
      length_at[dof] = model->jnt_qposadr[joint] + i;
    }
  }
  const auto nq = static_cast<size_t>(model->nq);
  for (auto* qpos : {&start_qpos, &qpos_before, &trial_qpos, &best_qpos}) qpos->assign(nq, 0.0);
  for (auto* qvel : {&start_qvel, &qvel_before, &trial_qvel, &best_qvel, &tangent}) qvel->assign(nv, 0.0);
  for (auto* both : {&prior, &centre, &gradient, &change}) both->assign(2 * nv, 0.0);
  hessian.assign(4 * nv * nv, 0.0);
  factor = hessian;
  target.assign(static_cast<size_t>(task->channel_size()), 0.0);
  measured = target;
}

void PoseFit::Impl::SetScales(std::span<const double> channel_scale) {
  const std::vector<double> spread = ProbeChannels(*task, model.get(), data.get());
  for (size_t i = 0; i < spread.size(); ++i) {
    shown.push_back(spread[i] > 0);
    if (!shown[i]) continue;
    const bool given = i < channel_scale.size() && channel_scale[i] > 0 && std::isfinite(channel_scale[i]);
    rows.push_back(i);
    scale.push_back(given ? std::max(channel_scale[i], 1e-3 * spread[i]) : spread[i]);
  }
  for (auto* vector : {&residual, &trial_residual, &off}) vector->assign(rows.size(), 0.0);
  jacobian.assign(2 * nv * rows.size(), 0.0);
}

void PoseFit::Impl::Residual(std::span<double> result) {
  task->Observe(model.get(), data.get(), measured);
  const std::vector<bool>& angles = task->angles();
  for (size_t k = 0; k < rows.size(); ++k) {
    const size_t i = rows[k];
    double difference = measured[i] - target[i];
    if (angles[i]) difference = std::remainder(difference, 2 * std::numbers::pi);
    result[k] = difference / scale[k];
  }
}

double PoseFit::Impl::PriorCost(const std::vector<double>& qpos, const std::vector<double>& qvel) {
  mj_differentiatePos(model.get(), tangent.data(), 1.0, qpos_before.data(), qpos.data());
  const double weight = std::sqrt(kPriorWeight);
  double cost = 0;
  for (size_t j = 0; j < nv; ++j) {
    prior[j] = weight / unit[j] * (tangent[j] - dt / 2 * (qvel_before[j] + qvel[j])) - centre[j];
    prior[nv + j] = weight / unit[j] * dt / 2 * (qvel[j] - qvel_before[j]) - centre[nv + j];
    cost += prior[j] * prior[j] + prior[nv + j] * prior[nv + j];
  }
  return cost;
}

/// Derives everything of a pose and returns its cost; leaves its `prior`.
double PoseFit::Impl::Evaluate(const std::vector<double>& qpos, const std::vector<double>& qvel,
                               std::span<double> result) {
  std::copy(qpos.begin(), qpos.end(), data->qpos);
  std::copy(qvel.begin(), qvel.end(), data->qvel);
  ComputePose(model.get(), data.get());
  Residual(result);
  double cost = PriorCost(qpos, qvel);
  for (double value : result) cost += value * value;
  return cost;
}

/// The Jacobian at the pose that was evaluated last, whose residual is `residual`, and the Hessian without
/// damping.
void PoseFit::Impl::Linearise() {
  const size_t m = rows.size(), n = 2 * nv;
  const auto store = [&](size_t column, double step) {
    Residual(off);
    for (size_t k = 0; k < m; ++k) {
      double difference = off[k] - residual[k];
      // Two differences that wrap may lie on either side of the seam.
      if (task->angles()[rows[k]]) {
        difference = std::remainder(difference, 2 * std::numbers::pi / scale[k]);
      }
      const double slope = difference / step;
      jacobian[column * m + k] = std::isfinite(slope) ? slope : 0.0;
    }
  };
  const std::vector<double> qpos(data->qpos, data->qpos + model->nq);
  for (size_t j = 0; j < nv; ++j) {
    const double qvel = data->qvel[j];
    const double step = kDifference * std::max(1.0, std::abs(qvel) / (kTypicalRate * unit[j]));
    data->qvel[j] = qvel + step * kTypicalRate * unit[j];
    ComputeVelocity(model.get(), data.get());
    store(nv + j, step);
    data->qvel[j] = qvel;
  }
  std::fill(tangent.begin(), tangent.end(), 0.0);
  for (size_t j = 0; j < nv; ++j) {
    // Far out, a length changes by more than its rounding.
    const int at = length_at[j];
    const double step =
        kDifference * (at < 0 ? 1.0 : std::max(1.0, std::abs(qpos[static_cast<size_t>(at)]) / unit[j]));
    tangent[j] = step * unit[j];
    std::copy(qpos.begin(), qpos.end(), data->qpos);
    mj_integratePos(model.get(), data->qpos, tangent.data(), 1.0);
    tangent[j] = 0.0;
    ComputePose(model.get(), data.get());
    store(j, step);
  }
  for (size_t a = 0; a < n; ++a) {
    for (size_t b = 0; b <= a; ++b) {
      const double* x = &jacobian[a * m];
      const double* y = &jacobian[b * m];
      double dot = 0;
      for (size_t k = 0; k < m; ++k) dot += x[k] * y[k];
      hessian[a * n + b] = hessian[b * n + a] = dot;
    }
  }
  const double half = dt / 2 * kTypicalRate;
  for (size_t j = 0; j < nv; ++j) {
    hessian[j * n + j] += kPriorWeight;
    hessian[j * n + nv + j] -= kPriorWeight * half;
    hessian[(nv + j) * n + j] -= kPriorWeight * half;
    hessian[(nv + j) * n + nv + j] += 2 * kPriorWeight * half * half;
  }
}

/// Leaves the step from `residual` and `prior` in `change`, in units. False if the damping is too small.
bool PoseFit::Impl::Solve(double damping) {
  const size_t m = rows.size(), n = 2 * nv;
  const double weight = std::sqrt(kPriorWeight), half = dt / 2 * kTypicalRate;
  for (size_t a = 0; a < n; ++a) {
    const double* column = &jacobian[a * m];
    double dot = 0;
    for (size_t k = 0; k < m; ++k) dot += column[k] * residual[k];
    gradient[a] = -dot;
  }
  for (size_t j = 0; j < nv; ++j) {
    gradient[j] -= weight * prior[j];
    gradient[nv + j] -= weight * half * (prior[nv + j] - prior[j]);
  }
  factor = hessian;
  for (size_t a = 0; a < n; ++a) factor[a * n + a] += damping;
  if (mju_cholFactor(factor.data(), static_cast<int>(n), mjMINVAL) < static_cast<int>(n)) return false;
  mju_cholSolve(change.data(), factor.data(), gradient.data(), static_cast<int>(n));
  return true;
}

/// Goes downhill from a pose and leaves the best found in it. Returns its cost; infinity if it has none.
double PoseFit::Impl::Minimise(std::vector<double>& qpos, std::vector<double>& qvel) {
  std::fill(centre.begin(), centre.end(), 0.0);
  double cost = Evaluate(qpos, qvel, residual);
  if (!std::isfinite(cost)) return std::numeric_limits<double>::infinity();
  double damping = 0;
  bool linearised_here = false, near = false, centred = false;
  for (int iteration = 0; iteration < kMaxIterations && nv > 0 && !rows.empty(); ++iteration) {
    if (!linearised_here && !near) {
      if (iteration > 0) Evaluate(qpos, qvel, residual);
      Linearise();
      linearised_here = true;
    }
    PriorCost(qpos, qvel);
    double length = std::numeric_limits<double>::infinity(), trial_cost = length;
    if (Solve(damping)) {
      length = 0;
      for (double value : change) length = std::max(length, std::abs(value));
      for (size_t j = 0; j < nv; ++j) {
        tangent[j] = change[j] * unit[j];
        trial_qvel[j] = qvel[j] + change[nv + j] * kTypicalRate * unit[j];
      }
      trial_qpos = qpos;
      mj_integratePos(model.get(), trial_qpos.data(), tangent.data(), 1.0);
      if (length > kConverged) trial_cost = Evaluate(trial_qpos, trial_qvel, trial_residual);
    }
    if (trial_cost < cost) {
      std::swap(qpos, trial_qpos);
      std::swap(qvel, trial_qvel);
      std::swap(residual, trial_residual);
      cost = trial_cost;
      damping = damping > 1e-6 ? damping / 10 : 0;
      linearised_here = false;
      near = length < kNear && length * std::sqrt(cost) < kNearTimesResidual;
    } else if (length < kNegligible || trial_cost < cost * (1 + kRounding)) {
      if (centred) break;
      // However weak, a prior holds back what channels show plainly. Met where that led, it holds back no
      // more, and what no channel shows stays.
      PriorCost(qpos, qvel);
      for (size_t j = 0; j < 2 * nv; ++j) cost -= prior[j] * prior[j];
      centre = prior;
      centred = true;
      damping = 0;
    } else if (!linearised_here) {
      near = false;  // the Jacobian of an earlier pose leads nowhere: take one here
    } else {
      damping = std::max(1e-4, 10 * damping);
    }
  }
  return cost;
}

PoseFit::PoseFit(std::shared_ptr<const CompiledTask> task, std::span<const double> channel_scale)
    : impl_(std::make_unique<Impl>(std::move(task))) {
  if (!channel_scale.empty() && channel_scale.size() != impl_->target.size()) {
    throw ShapeError(SizeMessage("channel scales", impl_->task->channel_size(), channel_scale.size()));
  }
  impl_->SetScales(channel_scale);
}
PoseFit::~PoseFit() = default;

const mjModel* PoseFit::model() const {
  return impl_->model.get();
}
mjData* PoseFit::data() {
  return impl_->data.get();
}
const mjData* PoseFit::data() const {
  return impl_->data.get();
}
const std::vector<bool>& PoseFit::shown() const {
  return impl_->shown;
}

void PoseFit::Start(std::span<const double> integration_state, std::span<const double> parameters) {
  Impl& self = *impl_;
  if (static_cast<int>(integration_state.size()) != self.task->state_size()) {
    throw ShapeError(SizeMessage("integration state", self.task->state_size(), integration_state.size()));
  }
  self.task->SetParameters(self.model.get(), self.data.get(), parameters);
  mj_setState(self.model.get(), self.data.get(), integration_state.data(), mjSTATE_INTEGRATION);
  self.start_qpos.assign(self.data->qpos, self.data->qpos + self.model->nq);
  self.start_qvel.assign(self.data->qvel, self.data->qvel + self.model->nv);
  ComputePose(self.model.get(), self.data.get());
}

double PoseFit::Step(std::span<const double> channels) {
  Impl& self = *impl_;
  if (channels.size() != self.target.size()) {
    throw ShapeError(SizeMessage("channels", self.task->channel_size(), channels.size()));
  }
  self.data->time += self.dt;
  for (size_t i : self.rows) {
    if (!(std::abs(channels[i]) <= mjMAXVAL)) return std::numeric_limits<double>::infinity();
  }
  std::copy(channels.begin(), channels.end(), self.target.begin());
  self.qpos_before.assign(self.data->qpos, self.data->qpos + self.model->nq);
  self.qvel_before.assign(self.data->qvel, self.data->qvel + self.model->nv);

  self.best_qpos = self.qpos_before;
  self.best_qvel = self.qvel_before;
  mj_integratePos(self.model.get(), self.best_qpos.data(), self.best_qvel.data(), self.dt);
  double cost = self.Minimise(self.best_qpos, self.best_qvel);
  const double count = std::max<double>(1, static_cast<double>(self.rows.size()));
  if (!(cost < kPoorFit * kPoorFit * count)) {
    // A prediction may leap, and an earlier one may have led far away: the real start is a sound place.
    std::vector<double> qpos = self.start_qpos, qvel = self.start_qvel;
    const double other = self.Minimise(qpos, qvel);
    if (other < 0.99 * cost) {
      self.best_qpos = qpos;
      self.best_qvel = qvel;
      cost = other;
    }
  }
  if (!std::isfinite(cost)) {
    self.Evaluate(self.qpos_before, self.qvel_before, self.residual);
    return std::numeric_limits<double>::infinity();
  }
  self.Evaluate(self.best_qpos, self.best_qvel, self.residual);
  double squares = 0;
  for (double value : self.residual) squares += value * value;
  return std::sqrt(squares / count);
}

}  // namespace reverie
