// The arithmetic of task formulas on tensors: the same formula that rewards a real step, on imagined ones.
// Internal to sources that use Torch.
#pragma once

#include <torch/torch.h>

#include "sim/environment.h"
#include "sim/formula.h"

namespace reverie {

/// Values are tensors of one shape, or 0-dimensional constants. Truth is 1, falsehood 0.
struct TensorArithmetic {
  using Value = at::Tensor;
  at::TensorOptions options;

  at::Tensor Constant(double value) const { return at::scalar_tensor(value, options); }
  at::Tensor Unary(FormulaOp op, const at::Tensor& a) const {
    switch (op) {
      case FormulaOp::kNegate: return a.neg();
      case FormulaOp::kNot: return a.eq(0).to(options.dtype());
      case FormulaOp::kAbs: return a.abs();
      case FormulaOp::kSqrt: return a.sqrt();
      case FormulaOp::kExp: return a.exp();
      case FormulaOp::kLog: return a.log();
      case FormulaOp::kLog1p: return a.log1p();
      case FormulaOp::kSin: return a.sin();
      case FormulaOp::kCos: return a.cos();
      case FormulaOp::kTan: return a.tan();
      case FormulaOp::kTanh: return a.tanh();
      case FormulaOp::kCosh: return a.cosh();
      case FormulaOp::kFloor: return a.floor();
      case FormulaOp::kSign: return a.sign();
      default: TORCH_CHECK(false, "no unary operation");
    }
  }
  at::Tensor Binary(FormulaOp op, const at::Tensor& a, const at::Tensor& b) const {
    switch (op) {
      case FormulaOp::kAdd: return a + b;
      case FormulaOp::kSubtract: return a - b;
      case FormulaOp::kMultiply: return a * b;
      case FormulaOp::kDivide: return a / b;
      case FormulaOp::kPower: return a.pow(b);
      case FormulaOp::kLess: return a.lt(b).to(options.dtype());
      case FormulaOp::kLessEqual: return a.le(b).to(options.dtype());
      case FormulaOp::kEqual: return a.eq(b).to(options.dtype());
      case FormulaOp::kAnd: return a.ne(0).logical_and(b.ne(0)).to(options.dtype());
      case FormulaOp::kOr: return a.ne(0).logical_or(b.ne(0)).to(options.dtype());
      case FormulaOp::kMin: return at::minimum(a, b);
      case FormulaOp::kMax: return at::maximum(a, b);
      case FormulaOp::kAtan2: return at::atan2(a, b);
      default: TORCH_CHECK(false, "no binary operation of imagination");
    }
  }
  at::Tensor Select(const at::Tensor& condition, const at::Tensor& a, const at::Tensor& b) const {
    return at::where(condition.ne(0), a, b);
  }
};

/// Evaluates a formula of one number on many steps at once.
/// @param inputs  (ninputs, rows), row i holding input i.
/// @return        (rows).
inline at::Tensor EvaluateFormula(const Formula& formula, const at::Tensor& inputs) {
  std::vector<at::Tensor> scratch;
  at::Tensor output;
  formula.Evaluate(TensorArithmetic{inputs.options()}, [&](int i) { return inputs.select(0, i); }, scratch,
                   std::span<at::Tensor>(&output, 1));
  return output.expand({inputs.size(1)});
}

/// What the formulas of a task read of imagined steps.
/// @param states       (H, rows, nchannels), after each step. @param action_rows  (rows, H, nu).
/// @return             (nchannels + nu, H * rows).
inline at::Tensor FormulaInputs(const at::Tensor& states, const at::Tensor& action_rows) {
  const int64_t steps = states.size(0) * states.size(1);
  return at::cat({states.reshape({steps, states.size(2)}).t(),
                  action_rows.permute({2, 1, 0}).reshape({action_rows.size(2), steps})}, 0).contiguous();
}

/// Rewards of control steps by the task's formula. @param planning  by what planners maximise instead, if it has that.
/// @return  (H * rows).
inline at::Tensor FormulaRewards(const CompiledTask& task, at::Tensor inputs, bool planning) {
  at::Tensor reward = task.reward().empty() ? at::zeros({inputs.size(1)}, inputs.options())
                                            : EvaluateFormula(task.reward(), inputs);
  if (planning && !task.planning_reward().empty()) {
    inputs = at::cat({inputs, reward.unsqueeze(0)}, 0);
    reward = EvaluateFormula(task.planning_reward(), inputs);
  }
  return reward * static_cast<double>(task.spec().action_repeat);
}

/// 1 from the step at which the task's termination held for the first time.
/// @return  (H, rows).
inline at::Tensor FormulaEnded(const CompiledTask& task, const at::Tensor& inputs, int64_t horizon) {
  return EvaluateFormula(task.terminate(), inputs).ne(0).view({horizon, -1}).cumsum(0).ne(0).to(inputs.dtype());
}

}  // namespace reverie
