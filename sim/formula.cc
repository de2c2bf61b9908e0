#include "sim/formula.h"

#include <cmath>
#include <limits>

#include "sim/formula_parser.h"

namespace reverie {

double DoubleArithmetic::Unary(FormulaOp op, double a) const {
  switch (op) {
    case FormulaOp::kNegate:
      return -a;
    case FormulaOp::kNot:
      return a == 0.0 ? 1.0 : 0.0;
    case FormulaOp::kAbs:
      return std::abs(a);
    case FormulaOp::kSqrt:
      return std::sqrt(a);
    case FormulaOp::kExp:
      return std::exp(a);
    case FormulaOp::kLog:
      return std::log(a);
    case FormulaOp::kLog1p:
      return std::log1p(a);
    case FormulaOp::kSin:
      return std::sin(a);
    case FormulaOp::kCos:
      return std::cos(a);
    case FormulaOp::kTan:
      return std::tan(a);
    case FormulaOp::kTanh:
      return std::tanh(a);
    case FormulaOp::kCosh:
      return std::cosh(a);
    case FormulaOp::kFloor:
      return std::floor(a);
    case FormulaOp::kSign:
      return a > 0.0 ? 1.0 : (a < 0.0 ? -1.0 : 0.0);
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

double DoubleArithmetic::Binary(FormulaOp op, double a, double b) const {
  switch (op) {
    case FormulaOp::kAdd:
      return a + b;
    case FormulaOp::kSubtract:
      return a - b;
    case FormulaOp::kMultiply:
      return a * b;
    case FormulaOp::kDivide:
      return a / b;
    case FormulaOp::kPower:
      return b == 2.0 ? a * a : std::pow(a, b);
    case FormulaOp::kLess:
      return a < b ? 1.0 : 0.0;
    case FormulaOp::kLessEqual:
      return a <= b ? 1.0 : 0.0;
    case FormulaOp::kEqual:
      return a == b ? 1.0 : 0.0;
    case FormulaOp::kAnd:
      return a != 0.0 && b != 0.0 ? 1.0 : 0.0;
    case FormulaOp::kOr:
      return a != 0.0 || b != 0.0 ? 1.0 : 0.0;
    case FormulaOp::kMin:
      return a < b ? a : b;
    case FormulaOp::kMax:
      return a > b ? a : b;
    case FormulaOp::kAtan2:
      return std::atan2(a, b);
    case FormulaOp::kNormal:
      return random->Normal(a, b);
    case FormulaOp::kUniform:
      return random->Uniform(a, b);
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

Formula Formula::Parse(std::string_view text, const Resolver& resolve, const std::vector<std::string>& known,
                       bool allow_random) {
  return FormulaParser(text, resolve, known, allow_random).Parse();
}

FormulaTerms Formula::ParseTerms(std::string_view text, const Resolver& resolve,
                                 const std::vector<std::string>& known) {
  return FormulaParser(text, resolve, known, false).ParseTerms();
}

}  // namespace reverie
