#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>

#include "sim/error.h"
#include "sim/formula_parser.h"

namespace reverie {
namespace {

const std::map<std::string, FormulaOp, std::less<>> kUnaryFunctions = {
    {"abs", FormulaOp::kAbs},   {"sqrt", FormulaOp::kSqrt},   {"exp", FormulaOp::kExp},
    {"log", FormulaOp::kLog},   {"log1p", FormulaOp::kLog1p}, {"sin", FormulaOp::kSin},
    {"cos", FormulaOp::kCos},   {"tan", FormulaOp::kTan},     {"tanh", FormulaOp::kTanh},
    {"cosh", FormulaOp::kCosh}, {"floor", FormulaOp::kFloor}, {"sign", FormulaOp::kSign},
};

constexpr std::array<std::string_view, 6> kReductions = {"sum", "mean", "prod", "norm", "any", "all"};
constexpr std::array<std::string_view, 9> kOthers = {"min", "max",       "atan2",  "clip",   "where",
                                                     "dot", "tolerance", "normal", "uniform"};

const std::vector<std::string> kSigmoids = {"gaussian",   "linear", "quadratic",  "long_tail",
                                            "hyperbolic", "cosine", "reciprocal", "tanh_squared"};

template <size_t size>
bool IsIn(const std::array<std::string_view, size>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool FormulaParser::IsFunction(std::string_view name) {
  return kUnaryFunctions.contains(name) || IsIn(kReductions, name) || IsIn(kOthers, name);
}

FormulaParser::Values FormulaParser::Call(size_t at, const std::string& name) {
  std::vector<Values> arguments;
  std::string sigmoid;
  if (Peek() != ')') {
    do {
      const char c = Peek();
      if (name == "tolerance" && (c == '"' || c == '\'')) {
        if (arguments.size() != 4 || !sigmoid.empty()) Fail("x, lower, upper and margin before the sigmoid");
        sigmoid = Quoted();
      } else {
        arguments.push_back(Ternary());
      }
    } while (Accept(","));
  }
  Expect(")");
  const auto need = [&](size_t low, size_t high) {
    if (arguments.size() >= low && arguments.size() <= high) return;
    const std::string count =
        low == high ? std::to_string(low) : std::to_string(low) + " to " + std::to_string(high);
    FailAt(at, name + " takes " + count + (high == 1 ? " argument" : " arguments") + ", found " +
                   std::to_string(arguments.size()));
  };
  if (name == "tolerance") {
    need(3, 5);
    if (arguments.size() == 5 && sigmoid.empty()) {
      FailAt(
          at,
          "tolerance takes the name of a sigmoid, such as \"gaussian\", between margin and value_at_margin");
    }
    return Tolerance(at, arguments, sigmoid.empty() ? "gaussian" : sigmoid);
  }
  if (kUnaryFunctions.contains(name)) {
    need(1, 1);
  } else if (name == "clip" || name == "where") {
    need(3, 3);
  } else if (name == "atan2" || name == "dot" || name == "normal" || name == "uniform") {
    need(2, 2);
  } else {
    need(1, 64);
  }
  return Apply(at, name, arguments);
}

FormulaParser::Values FormulaParser::Apply(size_t at, const std::string& name,
                                           const std::vector<Values>& arguments) {
  if (const auto unary = kUnaryFunctions.find(name); unary != kUnaryFunctions.end()) {
    return Each(unary->second, arguments[0]);
  }
  if (IsIn(kReductions, name)) {
    Values all;
    for (const Values& argument : arguments) all.insert(all.end(), argument.begin(), argument.end());
    return {Reduction(name, all)};
  }
  if (name == "min" || name == "max") {
    const FormulaOp op = name == "min" ? FormulaOp::kMin : FormulaOp::kMax;
    if (arguments.size() == 1) {
      if (arguments[0].empty()) FailAt(at, name + " of no elements");
      return {Reduce(op, arguments[0], 0.0)};
    }
    Values result = arguments[0];
    for (size_t i = 1; i < arguments.size(); ++i) result = Map(at, op, result, arguments[i]);
    return result;
  }
  if (name == "dot") {
    return {Reduce(FormulaOp::kAdd, Map(at, FormulaOp::kMultiply, arguments[0], arguments[1]), 0.0)};
  }
  if (name == "atan2") return Map(at, FormulaOp::kAtan2, arguments[0], arguments[1]);
  if (name == "clip") {
    return Map(at, FormulaOp::kMin, Map(at, FormulaOp::kMax, arguments[0], arguments[1]), arguments[2]);
  }
  if (name == "where") return Choose(at, arguments[0], arguments[1], arguments[2]);
  if (!allow_random_) FailAt(at, name + " is for resets only");
  return Map(at, name == "normal" ? FormulaOp::kNormal : FormulaOp::kUniform, arguments[0], arguments[1]);
}

int FormulaParser::Reduce(FormulaOp op, const Values& values, double empty) {
  if (values.empty()) return Constant(empty);
  int result = values[0];
  for (size_t i = 1; i < values.size(); ++i) result = Binary(op, result, values[i]);
  return result;
}

int FormulaParser::Reduction(const std::string& name, const Values& values) {
  if (name == "prod") return Reduce(FormulaOp::kMultiply, values, 1.0);
  if (name == "any" || name == "all") {
    // A single value is no truth value yet.
    const FormulaOp op = name == "any" ? FormulaOp::kOr : FormulaOp::kAnd;
    const int neutral = Constant(name == "any" ? 0.0 : 1.0);
    return values.size() == 1 ? Binary(op, values[0], neutral)
                              : Reduce(op, values, name == "any" ? 0.0 : 1.0);
  }
  if (name == "norm") {
    Values squares;
    for (int node : values) squares.push_back(Binary(FormulaOp::kMultiply, node, node));
    return Unary(FormulaOp::kSqrt, Reduce(FormulaOp::kAdd, squares, 0.0));
  }
  const int sum = Reduce(FormulaOp::kAdd, values, 0.0);
  if (name == "sum" || values.empty()) return sum;
  return Binary(FormulaOp::kDivide, sum, Constant(static_cast<double>(values.size())));
}

double FormulaParser::ConstantOf(size_t at, const std::vector<Values>& arguments, size_t i, double missing,
                                 const char* what) {
  if (arguments.size() <= i) return missing;
  if (arguments[i].size() != 1 || formula_.nodes_[arguments[i][0]].op != FormulaOp::kConstant) {
    FailAt(at, std::string("tolerance: ") + what + " must be a constant");
  }
  return formula_.nodes_[arguments[i][0]].value;
}

FormulaParser::Values FormulaParser::Tolerance(size_t at, const std::vector<Values>& arguments,
                                               const std::string& sigmoid) {
  if (std::find(kSigmoids.begin(), kSigmoids.end(), sigmoid) == kSigmoids.end()) {
    FailAt(at, "tolerance knows no sigmoid \"" + sigmoid + "\"" + DidYouMean(sigmoid, kSigmoids) +
                   " (known: " + Join(kSigmoids) + ")");
  }
  const double margin = ConstantOf(at, arguments, 3, 0.0, "margin");
  const double value_at_margin = ConstantOf(at, arguments, 4, 0.1, "value_at_margin");
  const bool may_be_zero = sigmoid == "linear" || sigmoid == "quadratic" || sigmoid == "cosine";
  if (margin < 0.0) FailAt(at, "tolerance: margin must not be negative");
  if (value_at_margin >= 1.0 || value_at_margin < 0.0 || (value_at_margin == 0.0 && !may_be_zero)) {
    FailAt(at, "tolerance: value_at_margin of \"" + sigmoid + "\" must lie in " + (may_be_zero ? "[" : "(") +
                   "0, 1)");
  }
  Values result;
  const Values &x = arguments[0], &lower = arguments[1], &upper = arguments[2];
  const size_t size = Broadcast(at, {&x, &lower, &upper});
  for (size_t i = 0; i < size; ++i) {
    const int xi = At(x, i), lo = At(lower, i), hi = At(upper, i);
    const FormulaNode low = formula_.nodes_[lo], high = formula_.nodes_[hi];
    if (low.op == FormulaOp::kConstant && high.op == FormulaOp::kConstant && low.value > high.value) {
      FailAt(at, "tolerance: the lower bound must not be above the upper");
    }
    const int inside =
        Binary(FormulaOp::kAnd, Binary(FormulaOp::kLessEqual, lo, xi), Binary(FormulaOp::kLessEqual, xi, hi));
    if (margin == 0.0) {
      result.push_back(inside);
      continue;
    }
    const int outside = Select(Binary(FormulaOp::kLess, xi, lo), Binary(FormulaOp::kSubtract, lo, xi),
                               Binary(FormulaOp::kSubtract, xi, hi));
    const int distance = Binary(FormulaOp::kDivide, outside, Constant(margin));
    result.push_back(Select(inside, Constant(1.0), Sigmoid(sigmoid, distance, value_at_margin)));
  }
  return result;
}

// The shapes of dm_control.utils.rewards: 1 at distance 0, `v` at distance 1.
int FormulaParser::Sigmoid(const std::string& name, int x, double v) {
  const auto scaled = [&](double scale) { return Binary(FormulaOp::kMultiply, x, Constant(scale)); };
  const auto square = [&](int node) { return Binary(FormulaOp::kMultiply, node, node); };
  const int one = Constant(1.0);
  const auto inverse = [&](int node) { return Binary(FormulaOp::kDivide, one, node); };
  const auto one_minus = [&](int node) { return Binary(FormulaOp::kSubtract, one, node); };
  const auto within_one = [&](int node, int value) {
    return Select(Binary(FormulaOp::kLess, Unary(FormulaOp::kAbs, node), one), value, Constant(0.0));
  };
  if (name == "gaussian") {
    const int s = square(scaled(std::sqrt(-2.0 * std::log(v))));
    return Unary(FormulaOp::kExp, Binary(FormulaOp::kMultiply, Constant(-0.5), s));
  }
  if (name == "hyperbolic") return inverse(Unary(FormulaOp::kCosh, scaled(std::acosh(1.0 / v))));
  if (name == "long_tail") {
    return inverse(Binary(FormulaOp::kAdd, square(scaled(std::sqrt(1.0 / v - 1.0))), one));
  }
  if (name == "reciprocal") {
    const int distance = Binary(FormulaOp::kMultiply, Unary(FormulaOp::kAbs, x), Constant(1.0 / v - 1.0));
    return inverse(Binary(FormulaOp::kAdd, distance, one));
  }
  if (name == "cosine") {
    const int s = scaled(std::acos(2.0 * v - 1.0) / std::numbers::pi);
    const int cosine = Unary(FormulaOp::kCos, Binary(FormulaOp::kMultiply, Constant(std::numbers::pi), s));
    return within_one(s, Binary(FormulaOp::kDivide, Binary(FormulaOp::kAdd, one, cosine), Constant(2.0)));
  }
  if (name == "linear") {
    const int s = scaled(1.0 - v);
    return within_one(s, one_minus(s));
  }
  if (name == "quadratic") {
    const int s = scaled(std::sqrt(1.0 - v));
    return within_one(s, one_minus(square(s)));
  }
  // tanh_squared
  return one_minus(square(Unary(FormulaOp::kTanh, scaled(std::atanh(std::sqrt(1.0 - v))))));
}

}  // namespace reverie
