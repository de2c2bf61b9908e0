// Formulas of task files: parsed once into a list of scalar operations, evaluated on doubles (the real step)
// or on tensors (imagined steps) by the same code. Immutable after parsing; evaluation is thread-safe.
//
//   numbers, pi, inf, + - * / ^, < <= > >= == !=, && || !, c ? a : b, a[i], a[i:j], a.x (a component)
//   abs sqrt exp log log1p sin cos tan tanh atan2(y,x) min max floor sign clip(x,lo,hi) where(c,a,b)
//   over vectors, to one number: sum mean prod norm dot(a,b) any all
//   tolerance(x, lower, upper, margin=0, "gaussian"|"linear"|"quadratic"|"long_tail"|"hyperbolic"|"cosine"|
//             "reciprocal"|"tanh_squared", value_at_margin=0.1), as dm_control defines it
//   normal(mean, deviation), uniform(low, high): only where a generator is given (resets)
// A name may stand for a vector; operations apply element by element, a single number to every element.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/random.h"

namespace reverie {

enum class FormulaOp : uint8_t {
  kConstant,
  kInput,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kPower,
  kLess,
  kLessEqual,
  kEqual,
  kAnd,
  kOr,
  kMin,
  kMax,
  kAtan2,
  kNegate,
  kNot,
  kAbs,
  kSqrt,
  kExp,
  kLog,
  kLog1p,
  kSin,
  kCos,
  kTan,
  kTanh,
  kCosh,
  kFloor,
  kSign,
  kSelect,  // a != 0 ? b : c
  kNormal,
  kUniform  // of (a, b)
};

struct FormulaNode {
  FormulaOp op;
  int a = -1, b = -1, c = -1;  // operands: earlier nodes; for kInput, a is the input's index
  double value = 0.0;          // for kConstant
};

/// Arithmetic on doubles. Truth is 1, falsehood 0.
struct DoubleArithmetic {
  using Value = double;
  Random* random = nullptr;
  double Constant(double value) const { return value; }
  double Unary(FormulaOp op, double a) const;
  double Binary(FormulaOp op, double a, double b) const;
  double Select(double condition, double a, double b) const { return condition != 0.0 ? a : b; }
};

struct FormulaTerms;

class Formula {
 public:
  /// Finds what a name means: `name`, the argument between parentheses if there is one ("xpos(cart)"), and
  /// the components after a dot ("zz"). Returns indices of inputs, or nothing if it knows no such name.
  struct Reference {
    std::string name;
    std::optional<std::string> argument;
    std::string component;
  };
  using Resolver = std::function<std::optional<std::vector<int>>(const Reference&)>;

  Formula() = default;
  /// @param known   names to suggest in an error.
  /// @throws FormulaError with the formula, the column and what was expected.
  static Formula Parse(std::string_view text, const Resolver& resolve, const std::vector<std::string>& known,
                       bool allow_random = false);
  /// Parses a formula and splits it where it is put together last.
  /// @throws FormulaError as Parse does.
  static FormulaTerms ParseTerms(std::string_view text, const Resolver& resolve,
                                 const std::vector<std::string>& known);

  const std::string& text() const { return text_; }
  /// How many numbers it yields.
  size_t size() const { return outputs_.size(); }
  bool empty() const { return outputs_.empty(); }
  const std::vector<FormulaNode>& nodes() const { return nodes_; }
  /// The nodes whose values it yields.
  const std::vector<int>& outputs() const { return outputs_; }

  /// Gives every input a new index.
  template <class Renumber>
  void RenumberInputs(Renumber&& renumber) {
    for (FormulaNode& node : nodes_) {
      if (node.op == FormulaOp::kInput) node.a = renumber(node.a);
    }
  }

  /// Evaluates with any arithmetic: calls of `math` on values; `input(i)` yields input i.
  /// @param scratch  resized to the number of nodes; kept by the caller to avoid allocations.
  /// @param output   receives size() values.
  template <class Arithmetic, class Input>
  void Evaluate(const Arithmetic& math, Input&& input, std::vector<typename Arithmetic::Value>& scratch,
                std::span<typename Arithmetic::Value> output) const {
    scratch.resize(nodes_.size());
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const FormulaNode& node = nodes_[i];
      switch (node.op) {
        case FormulaOp::kConstant:
          scratch[i] = math.Constant(node.value);
          break;
        case FormulaOp::kInput:
          scratch[i] = input(node.a);
          break;
        case FormulaOp::kSelect:
          scratch[i] = math.Select(scratch[node.a], scratch[node.b], scratch[node.c]);
          break;
        default:
          scratch[i] = node.b >= 0 ? math.Binary(node.op, scratch[node.a], scratch[node.b])
                                   : math.Unary(node.op, scratch[node.a]);
      }
    }
    for (size_t i = 0; i < outputs_.size(); ++i) output[i] = scratch[outputs_[i]];
  }

  /// A formula of one number on doubles.
  template <class Input>
  double EvaluateScalar(Input&& input, std::vector<double>& scratch, Random* random = nullptr) const {
    double result = 0.0;
    Evaluate(DoubleArithmetic{random}, input, scratch, std::span<double>(&result, 1));
    return result;
  }

 private:
  friend class FormulaParser;
  std::string text_;
  std::vector<FormulaNode> nodes_;
  std::vector<int> outputs_;
};

/// The summands of a formula that is a sum ("a - b": "a" and "-b"), the factors of one that is a product ("a/2 * b":
/// "a/2" and "b"), else the formula itself; none of an empty text. Each is over the formula's own inputs.
struct FormulaTerms {
  std::vector<Formula> terms;
  bool are_factors = false;
};

}  // namespace reverie
