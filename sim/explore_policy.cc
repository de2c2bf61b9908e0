#include "sim/explore_policy.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "sim/random.h"

namespace reverie {
namespace {

constexpr double kShortestHold_s = 0.1, kLongestHold_s = 1.5;      // of a direction
constexpr double kShortestSlide_s = 1.0, kLongestSlide_s = 6.0;    // along an obstacle
constexpr double kShortestThrough_s = 0.3, kLongestThrough_s = 0.9;  // straight on where it gave way
constexpr double kNoise_s = 0.3, kNoise = 0.3;                     // correlation time and deviation
constexpr double kLeastPress = 0.2, kMostPress = 1.0;              // against the obstacle, beside 1 along it
constexpr double kShortestPress_s = 0.2, kLongestPress_s = 1.5;    // straight on against it
// Of the obstacles met; others are left again. Who plans will try to push through, so it must have been seen what
// comes of that: nothing.
constexpr double kSlideShare = 0.55, kPressShare = 0.35;

constexpr double kSeekShare = 0.5;                                 // of the directions, to what can only be pushed
constexpr double kShortestSeek_s = 0.5, kLongestSeek_s = 3.0;

// What of a scene could push, and what could be pushed: bodies at the ends of chains that actuators drive, and those of
// chains that none drives. A chain is what MuJoCo calls a tree.
struct Movers {
  std::vector<int> driven, loose;

  Movers() = default;
  Movers(const mjModel* model, const mjData* data) {
    std::vector<bool> actuated(static_cast<size_t>(model->ntree));
    for (int i = 0; i < model->nu; ++i) {
      for (int k = 0; k < data->moment_rownnz[i]; ++k) {
        const int at = data->moment_rowadr[i] + k;
        if (data->actuator_moment[at] != 0.0) actuated[static_cast<size_t>(model->dof_treeid[data->moment_colind[at]])] = true;
      }
    }
    std::vector<int> last(static_cast<size_t>(model->ntree), -1);
    for (int body = 1; body < model->nbody; ++body) {
      const int tree = model->body_treeid[body];
      if (tree < 0 || Touches(model, body) == 0.0) continue;
      if (actuated[static_cast<size_t>(tree)]) last[static_cast<size_t>(tree)] = body;
      else loose.push_back(body);
    }
    for (const int body : last) {
      if (body >= 0) driven.push_back(body);
    }
  }

  /// How far a body's surface that others can touch reaches, m; 0: it has none.
  static double Touches(const mjModel* model, int body) {
    double reach = 0.0;
    for (int g = model->body_geomadr[body]; g < model->body_geomadr[body] + model->body_geomnum[body]; ++g) {
      if (model->geom_contype[g] != 0 || model->geom_conaffinity[g] != 0) reach = std::max(reach, model->geom_rbound[g]);
    }
    return reach;
  }
};

class ExploringPolicy : public Policy {
 public:
  ExploringPolicy(uint64_t seed, int action_size, double step_s)
      : random_(seed), step_s_(step_s), memory_(std::exp(-step_s / kNoise_s)) {
    const auto size = static_cast<size_t>(action_size);
    direction_.resize(size);
    noise_.resize(size);
    normal_.resize(size);
    along_.resize(size);
    for (double& value : noise_) value = random_.Normal();
    Wander();
  }

  void Act(const PolicyInput& input, std::span<double> action) override {
    if (!input_) movers_ = Movers(input.model, input.data);
    input_ = &input;
    const bool pressed = PushedBack(input);
    left_s_ -= step_s_;
    switch (mode_) {
      case Mode::kWander:
        if (pressed && Dot(direction_, normal_) < 0.0) Meet();
        else if (left_s_ <= 0.0) Wander();
        break;
      case Mode::kSlide:
        // A corner, or an obstacle that bends: what pushes back now is what to slide along.
        if (pressed) SlideAlong(along_);
        else if (++free_steps_ >= 2) PassThrough();
        if (pressed) free_steps_ = 0;
        if (mode_ == Mode::kSlide && left_s_ <= 0.0) Wander();
        break;
      case Mode::kPress:
        if (!pressed) {  // it gave way, or has slid past the end: straight on
          mode_ = Mode::kWander;
          left_s_ = std::max(left_s_, kShortestThrough_s);
        } else if (left_s_ <= 0.0) {
          random_.Uniform() < 0.5 ? Slide() : Wander();
        }
        break;
      case Mode::kThrough:
        if (pressed && Dot(direction_, normal_) < -0.5) Meet();
        else if (left_s_ <= 0.0) Wander();
        break;
    }
    const double spread = std::sqrt(1.0 - memory_ * memory_);
    for (size_t i = 0; i < noise_.size(); ++i) {
      noise_[i] = memory_ * noise_[i] + spread * random_.Normal();
      const double share = mode_ == Mode::kWander ? 1.0 : 0.3;
      action[i] = std::clamp(direction_[i] + share * kNoise * noise_[i], -1.0, 1.0);
    }
  }

 private:
  enum class Mode { kWander, kPress, kSlide, kThrough };

  double LogUniform(double low, double high) { return low * std::pow(high / low, random_.Uniform()); }
  static double Dot(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0.0;
    for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  }
  /// To length `to` in the greatest element. @return  false for nothing.
  static bool Scale(std::vector<double>& values, double to) {
    double most = 0.0;
    for (const double value : values) most = std::max(most, std::abs(value));
    if (most < 1e-9) return false;
    for (double& value : values) value *= to / most;
    return true;
  }

  void Wander() {
    mode_ = Mode::kWander;
    if (input_ && !movers_.driven.empty() && !movers_.loose.empty() && random_.Uniform() < kSeekShare && Seek()) return;
    left_s_ = LogUniform(kShortestHold_s, kLongestHold_s);
    for (double& value : direction_) value = random_.Normal();
    Scale(direction_, std::min(1.0, 0.5 + random_.Uniform()));
  }

  /// Towards somewhere about a body that can only be pushed. @return  false: no action leads there.
  bool Seek() {
    const mjModel* model = input_->model;
    const mjData* data = input_->data;
    const auto any = [&](const std::vector<int>& bodies) {
      return bodies[static_cast<size_t>(random_.Index(static_cast<int64_t>(bodies.size())))];
    };
    const int hand = any(movers_.driven), thing = any(movers_.loose);
    const double reach = Movers::Touches(model, thing);
    double way[3];
    for (int x = 0; x < 3; ++x) {
      way[x] = data->xipos[3 * thing + x] + random_.Uniform(-reach, reach) - data->xipos[3 * hand + x];
    }
    std::vector<mjtNum> jacobian(static_cast<size_t>(3 * model->nv));
    mj_jacBodyCom(model, data, jacobian.data(), nullptr, hand);
    for (int i = 0; i < model->nu; ++i) {
      double& element = direction_[static_cast<size_t>(i)] = 0.0;
      for (int k = 0; k < data->moment_rownnz[i]; ++k) {
        const int at = data->moment_rowadr[i] + k, dof = data->moment_colind[at];
        for (int x = 0; x < 3; ++x) {
          element += data->actuator_moment[at] * jacobian[static_cast<size_t>(x * model->nv + dof)] * way[x];
        }
      }
    }
    left_s_ = LogUniform(kShortestSeek_s, kLongestSeek_s);
    return Scale(direction_, std::min(1.0, 0.5 + random_.Uniform()));
  }

  void Meet() {
    const double kind = random_.Uniform();
    if (kind < kPressShare) {
      mode_ = Mode::kPress;
      left_s_ = LogUniform(kShortestPress_s, kLongestPress_s);
      return;
    }
    if (kind > kPressShare + kSlideShare) {
      Wander();
      const double into = Dot(direction_, normal_);
      for (size_t i = 0; i < direction_.size(); ++i) direction_[i] -= std::min(0.0, 2.0 * into) * normal_[i];
      return;
    }
    Slide();
  }

  void Slide() {
    mode_ = Mode::kSlide;
    free_steps_ = 0;
    left_s_ = LogUniform(kShortestSlide_s, kLongestSlide_s);
    press_ = random_.Uniform(kLeastPress, kMostPress);
    for (double& value : along_) value = random_.Normal();
    SlideAlong(along_);
  }

  /// Pushes along the obstacle, as near to the way of `wanted` as that goes, and against it.
  void SlideAlong(std::vector<double> wanted) {
    const double into = Dot(wanted, normal_);
    for (size_t i = 0; i < wanted.size(); ++i) wanted[i] -= into * normal_[i];
    // Straight into a corner there is no way on: back along the obstacle.
    if (!Scale(wanted, 1.0)) {
      Wander();
      return;
    }
    along_ = wanted;
    pressed_ = normal_;
    for (size_t i = 0; i < direction_.size(); ++i) direction_[i] = along_[i] - press_ * normal_[i];
  }

  void PassThrough() {
    mode_ = Mode::kThrough;
    left_s_ = LogUniform(kShortestThrough_s, kLongestThrough_s);
    for (size_t i = 0; i < direction_.size(); ++i) direction_[i] = -pressed_[i];
    Scale(direction_, 1.0);
  }

  /// What constraints do to the actuated degrees of freedom, as a unit direction in action space.
  bool PushedBack(const PolicyInput& input) {
    const mjModel* model = input.model;
    const mjData* data = input.data;
    std::fill(normal_.begin(), normal_.end(), 0.0);
    if (data->nefc == 0) return false;
    double length = 0.0;
    for (int i = 0; i < model->nu; ++i) {
      double force = 0.0;
      for (int k = 0; k < data->moment_rownnz[i]; ++k) {
        const int at = data->moment_rowadr[i] + k;
        force += data->actuator_moment[at] * data->qfrc_constraint[data->moment_colind[at]];
      }
      normal_[static_cast<size_t>(i)] = force;
      length += force * force;
    }
    length = std::sqrt(length);
    if (length < 1e-6) return false;
    for (double& value : normal_) value /= length;
    return true;
  }

  const PolicyInput* input_ = nullptr;  // of the step under way
  Movers movers_;
  Random random_;
  const double step_s_, memory_;
  std::vector<double> direction_, noise_;
  std::vector<double> normal_;   // away from the obstacle, unit length
  std::vector<double> along_, pressed_;
  double press_ = 0.0, left_s_ = 0.0;
  int free_steps_ = 0;
  Mode mode_ = Mode::kWander;
};

}  // namespace

PolicySource ExplorePolicy(const CompiledTask& task) {
  const int action_size = task.action_size();
  const double step_s = task.env_step_s() * task.spec().action_repeat;
  return {"explore", true, [=](uint64_t seed) { return std::make_unique<ExploringPolicy>(seed, action_size, step_s); }};
}

}  // namespace reverie
