#include "sim/formula.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>

#include "sim/error.h"

namespace reverie {

double DoubleArithmetic::Unary(FormulaOp op, double a) const {
  switch (op) {
    case FormulaOp::kNegate: return -a;
    case FormulaOp::kNot: return a == 0.0 ? 1.0 : 0.0;
    case FormulaOp::kAbs: return std::abs(a);
    case FormulaOp::kSqrt: return std::sqrt(a);
    case FormulaOp::kExp: return std::exp(a);
    case FormulaOp::kLog: return std::log(a);
    case FormulaOp::kLog1p: return std::log1p(a);
    case FormulaOp::kSin: return std::sin(a);
    case FormulaOp::kCos: return std::cos(a);
    case FormulaOp::kTan: return std::tan(a);
    case FormulaOp::kTanh: return std::tanh(a);
    case FormulaOp::kCosh: return std::cosh(a);
    case FormulaOp::kFloor: return std::floor(a);
    case FormulaOp::kSign: return a > 0.0 ? 1.0 : (a < 0.0 ? -1.0 : 0.0);
    default: return std::numeric_limits<double>::quiet_NaN();
  }
}

double DoubleArithmetic::Binary(FormulaOp op, double a, double b) const {
  switch (op) {
    case FormulaOp::kAdd: return a + b;
    case FormulaOp::kSubtract: return a - b;
    case FormulaOp::kMultiply: return a * b;
    case FormulaOp::kDivide: return a / b;
    case FormulaOp::kPower: return b == 2.0 ? a * a : std::pow(a, b);
    case FormulaOp::kLess: return a < b ? 1.0 : 0.0;
    case FormulaOp::kLessEqual: return a <= b ? 1.0 : 0.0;
    case FormulaOp::kEqual: return a == b ? 1.0 : 0.0;
    case FormulaOp::kAnd: return a != 0.0 && b != 0.0 ? 1.0 : 0.0;
    case FormulaOp::kOr: return a != 0.0 || b != 0.0 ? 1.0 : 0.0;
    case FormulaOp::kMin: return a < b ? a : b;
    case FormulaOp::kMax: return a > b ? a : b;
    case FormulaOp::kAtan2: return std::atan2(a, b);
    case FormulaOp::kNormal: return random->Normal(a, b);
    case FormulaOp::kUniform: return random->Uniform(a, b);
    default: return std::numeric_limits<double>::quiet_NaN();
  }
}

namespace {

const std::map<std::string, FormulaOp, std::less<>> kUnaryFunctions = {
    {"abs", FormulaOp::kAbs},   {"sqrt", FormulaOp::kSqrt},   {"exp", FormulaOp::kExp},
    {"log", FormulaOp::kLog},   {"log1p", FormulaOp::kLog1p}, {"sin", FormulaOp::kSin},
    {"cos", FormulaOp::kCos},   {"tan", FormulaOp::kTan},     {"tanh", FormulaOp::kTanh},
    {"cosh", FormulaOp::kCosh}, {"floor", FormulaOp::kFloor}, {"sign", FormulaOp::kSign},
};

bool IsFunction(std::string_view name) {
  static const std::vector<std::string_view> kOthers = {"min",  "max", "atan2", "clip", "where",  "sum",       "mean",
                                                        "prod", "norm", "dot",  "any",  "all",    "tolerance",
                                                        "normal", "uniform"};
  if (kUnaryFunctions.contains(name)) return true;
  for (std::string_view other : kOthers) {
    if (other == name) return true;
  }
  return false;
}

}  // namespace

// A recursive-descent parser; every rule yields the nodes of a vector.
class FormulaParser {
 public:
  using Values = std::vector<int>;

  FormulaParser(std::string_view text, const Formula::Resolver& resolve, const std::vector<std::string>& known,
                bool allow_random)
      : text_(text), resolve_(resolve), known_(known), allow_random_(allow_random) {}

  Formula Parse() {
    formula_.text_ = std::string(text_);
    formula_.outputs_ = Ternary();
    Skip();
    if (position_ != text_.size()) Fail("an operator or the end");
    return std::move(formula_);
  }

 private:
  [[noreturn]] void Fail(const std::string& expected) const {
    const std::string found =
        position_ < text_.size() ? "'" + std::string(text_.substr(position_, 12)) + "'" : std::string("the end");
    throw FormulaError("formula \"" + std::string(text_) + "\", column " + std::to_string(position_ + 1) +
                       ": expected " + expected + ", found " + found);
  }
  [[noreturn]] void FailAt(size_t position, const std::string& message) const {
    throw FormulaError("formula \"" + std::string(text_) + "\", column " + std::to_string(position + 1) + ": " +
                       message);
  }

  void Skip() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\t' ||
                                        text_[position_] == '\n')) {
      ++position_;
    }
  }
  bool Accept(std::string_view token) {
    Skip();
    if (text_.substr(position_, token.size()) != token) return false;
    position_ += token.size();
    return true;
  }
  void Expect(std::string_view token) {
    if (!Accept(token)) Fail("'" + std::string(token) + "'");
  }
  char Peek() {
    Skip();
    return position_ < text_.size() ? text_[position_] : '\0';
  }

  int Add(FormulaNode node) {
    // Folding constants keeps imagined steps, where every node is a tensor operation, short.
    const auto constant = [&](int i) { return i < 0 || formula_.nodes_[i].op == FormulaOp::kConstant; };
    const auto value = [&](int i) { return formula_.nodes_[i].value; };
    if (node.op != FormulaOp::kConstant && node.op != FormulaOp::kInput && node.op != FormulaOp::kNormal &&
        node.op != FormulaOp::kUniform && constant(node.a) && constant(node.b) && constant(node.c)) {
      const DoubleArithmetic math;
      double folded = 0.0;
      if (node.op == FormulaOp::kSelect) {
        folded = math.Select(value(node.a), value(node.b), value(node.c));
      } else {
        folded = node.b >= 0 ? math.Binary(node.op, value(node.a), value(node.b)) : math.Unary(node.op, value(node.a));
      }
      return Constant(folded);
    }
    if (node.op == FormulaOp::kInput || node.op == FormulaOp::kConstant) {
      for (size_t i = 0; i < formula_.nodes_.size(); ++i) {
        const FormulaNode& other = formula_.nodes_[i];
        if (other.op == node.op && other.a == node.a && other.value == node.value) return static_cast<int>(i);
      }
    }
    formula_.nodes_.push_back(node);
    return static_cast<int>(formula_.nodes_.size()) - 1;
  }
  int Constant(double value) { return Add({.op = FormulaOp::kConstant, .value = value}); }
  int Unary(FormulaOp op, int a) { return Add({.op = op, .a = a}); }
  int Binary(FormulaOp op, int a, int b) { return Add({.op = op, .a = a, .b = b}); }
  int Select(int condition, int a, int b) { return Add({.op = FormulaOp::kSelect, .a = condition, .b = a, .c = b}); }

  size_t Broadcast(size_t position, std::initializer_list<const Values*> operands) const {
    size_t size = 1;
    for (const Values* values : operands) {
      if (values->size() == 1) continue;
      if (size != 1 && values->size() != size) {
        FailAt(position, "expected vectors of one size, found " + std::to_string(size) + " and " +
                             std::to_string(values->size()) + " elements");
      }
      size = values->size();
    }
    return size;
  }
  static int At(const Values& values, size_t i) { return values.size() == 1 ? values[0] : values[i]; }

  Values Map(size_t position, FormulaOp op, const Values& a, const Values& b) {
    Values result;
    const size_t size = a.empty() || b.empty() ? 0 : Broadcast(position, {&a, &b});
    for (size_t i = 0; i < size; ++i) result.push_back(Binary(op, At(a, i), At(b, i)));
    return result;
  }

  Values Ternary() {
    Values condition = Or();
    const size_t position = position_;
    if (!Accept("?")) return condition;
    const Values a = Ternary();
    Expect(":");
    const Values b = Ternary();
    return Choose(position, condition, a, b);
  }
  Values Choose(size_t position, const Values& condition, const Values& a, const Values& b) {
    Values result;
    const size_t size = Broadcast(position, {&condition, &a, &b});
    for (size_t i = 0; i < size; ++i) result.push_back(Select(At(condition, i), At(a, i), At(b, i)));
    return result;
  }
  Values Or() {
    Values left = And();
    for (size_t at = position_; Accept("||"); at = position_) left = Map(at, FormulaOp::kOr, left, And());
    return left;
  }
  Values And() {
    Values left = Comparison();
    for (size_t at = position_; Accept("&&"); at = position_) left = Map(at, FormulaOp::kAnd, left, Comparison());
    return left;
  }
  Values Comparison() {
    Values left = Sum();
    const size_t at = position_;
    if (Accept("<=")) return Map(at, FormulaOp::kLessEqual, left, Sum());
    if (Accept(">=")) {
      const Values right = Sum();
      return Map(at, FormulaOp::kLessEqual, right, left);
    }
    if (Accept("==")) return Map(at, FormulaOp::kEqual, left, Sum());
    if (Accept("!=")) {
      Values equal = Map(at, FormulaOp::kEqual, left, Sum());
      for (int& node : equal) node = Unary(FormulaOp::kNot, node);
      return equal;
    }
    if (Accept("<")) return Map(at, FormulaOp::kLess, left, Sum());
    if (Accept(">")) {
      const Values right = Sum();
      return Map(at, FormulaOp::kLess, right, left);
    }
    return left;
  }
  Values Sum() {
    Values left = Product();
    while (true) {
      const size_t at = position_;
      if (Accept("+")) {
        left = Map(at, FormulaOp::kAdd, left, Product());
      } else if (Accept("-")) {
        left = Map(at, FormulaOp::kSubtract, left, Product());
      } else {
        return left;
      }
    }
  }
  Values Product() {
    Values left = Signed();
    while (true) {
      const size_t at = position_;
      if (Accept("*")) {
        left = Map(at, FormulaOp::kMultiply, left, Signed());
      } else if (Accept("/")) {
        left = Map(at, FormulaOp::kDivide, left, Signed());
      } else {
        return left;
      }
    }
  }
  Values Signed() {
    if (Accept("-")) return Each(FormulaOp::kNegate, Signed());
    if (Accept("+")) return Signed();
    if (Peek() == '!' && text_.substr(position_, 2) != "!=") {
      ++position_;
      return Each(FormulaOp::kNot, Signed());
    }
    return Power();
  }
  Values Power() {
    Values base = Postfix();
    const size_t at = position_;
    if (Accept("^")) return Map(at, FormulaOp::kPower, base, Signed());
    return base;
  }
  Values Each(FormulaOp op, const Values& values) {
    Values result;
    for (int node : values) result.push_back(Unary(op, node));
    return result;
  }

  Values Postfix() {
    Values values = Primary();
    while (Peek() == '[') {
      const size_t at = position_;
      ++position_;
      const int size = static_cast<int>(values.size());
      int first = 0, last = size;
      const bool has_first = Peek() != ':';
      if (has_first) first = Integer();
      if (Accept(":")) {
        if (Peek() != ']') last = Integer();
      } else {
        last = first + 1;
      }
      Expect("]");
      if (first < 0 || last > size || first >= last) {
        FailAt(at, "index [" + std::to_string(first) + ":" + std::to_string(last) + "] is outside " +
                       std::to_string(size) + " elements");
      }
      values = Values(values.begin() + first, values.begin() + last);
    }
    return values;
  }

  int Integer() {
    Skip();
    int value = 0;
    const char* begin = text_.data() + position_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc()) Fail("a whole number");
    position_ += static_cast<size_t>(end - begin);
    return value;
  }

  static bool IsNameStart(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
  static bool IsNamePart(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

  std::string Name() {
    const size_t begin = position_;
    while (position_ < text_.size() && IsNamePart(text_[position_])) ++position_;
    return std::string(text_.substr(begin, position_ - begin));
  }

  std::string Quoted() {
    const char quote = text_[position_++];
    const size_t begin = position_;
    while (position_ < text_.size() && text_[position_] != quote) ++position_;
    if (position_ == text_.size()) Fail(std::string("a closing ") + quote);
    return std::string(text_.substr(begin, position_++ - begin));
  }

  Values Primary() {
    const char c = Peek();
    if (c == '(') {
      ++position_;
      Values values = Ternary();
      Expect(")");
      return values;
    }
    if (std::isdigit(static_cast<unsigned char>(c)) || c == '.') return {Number()};
    if (!IsNameStart(c)) Fail("a number, a name or '('");
    const size_t at = position_;
    const std::string name = Name();
    if (name == "pi") return {Constant(std::numbers::pi)};
    if (name == "inf") return {Constant(std::numeric_limits<double>::infinity())};
    if (Peek() == '(' && IsFunction(name)) {
      ++position_;
      return Call(at, name);
    }
    return Named(at, name);
  }

  int Number() {
    double value = 0.0;
    const char* begin = text_.data() + position_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc()) Fail("a number");
    position_ += static_cast<size_t>(end - begin);
    return Constant(value);
  }

  Values Named(size_t at, const std::string& name) {
    Formula::Reference reference;
    reference.name = name;
    if (Peek() == '(') {
      ++position_;
      const char c = Peek();
      if (c == '\'' || c == '"') {
        reference.argument = Quoted();
      } else {
        const size_t begin = position_;
        while (position_ < text_.size() && text_[position_] != ')') ++position_;
        std::string argument(text_.substr(begin, position_ - begin));
        while (!argument.empty() && argument.back() == ' ') argument.pop_back();
        reference.argument = argument;
      }
      Expect(")");
    }
    if (Peek() == '.') {
      ++position_;
      if (!IsNameStart(Peek())) Fail("a component, such as x or zz");
      reference.component = Name();
    }
    const std::optional<std::vector<int>> inputs = resolve_(reference);
    if (!inputs) FailAt(at, "nothing is called '" + name + "'" + DidYouMean(name, known_));
    Values values;
    for (int input : *inputs) values.push_back(Add({.op = FormulaOp::kInput, .a = input}));
    return values;
  }

  int Reduce(FormulaOp op, const Values& values, double empty) {
    if (values.empty()) return Constant(empty);
    int result = values[0];
    for (size_t i = 1; i < values.size(); ++i) result = Binary(op, result, values[i]);
    return result;
  }

  Values Call(size_t at, const std::string& name) {
    std::vector<Values> arguments;
    std::string word;  // tolerance's sigmoid
    if (Peek() != ')') {
      do {
        const char c = Peek();
        if (name == "tolerance" && (c == '"' || c == '\'')) {
          if (arguments.size() != 4) Fail("x, lower, upper and margin before the sigmoid");
          word = Quoted();
        } else {
          arguments.push_back(Ternary());
        }
      } while (Accept(","));
    }
    Expect(")");
    const auto need = [&](size_t low, size_t high) {
      if (arguments.size() >= low && arguments.size() <= high) return;
      FailAt(at, name + " takes " + (low == high ? std::to_string(low) : std::to_string(low) + " to " +
                 std::to_string(high)) + " arguments, found " + std::to_string(arguments.size()));
    };
    if (const auto unary = kUnaryFunctions.find(name); unary != kUnaryFunctions.end()) {
      need(1, 1);
      return Each(unary->second, arguments[0]);
    }
    if (name == "min" || name == "max") {
      need(1, 64);
      const FormulaOp op = name == "min" ? FormulaOp::kMin : FormulaOp::kMax;
      if (arguments.size() == 1) return {Reduce(op, arguments[0], 0.0)};
      Values result = arguments[0];
      for (size_t i = 1; i < arguments.size(); ++i) result = Map(at, op, result, arguments[i]);
      return result;
    }
    if (name == "sum" || name == "mean" || name == "prod" || name == "norm" || name == "any" || name == "all") {
      need(1, 64);
      Values all;
      for (const Values& argument : arguments) all.insert(all.end(), argument.begin(), argument.end());
      return {Reduction(name, all)};
    }
    if (name == "dot") {
      need(2, 2);
      return {Reduce(FormulaOp::kAdd, Map(at, FormulaOp::kMultiply, arguments[0], arguments[1]), 0.0)};
    }
    if (name == "atan2") {
      need(2, 2);
      return Map(at, FormulaOp::kAtan2, arguments[0], arguments[1]);
    }
    if (name == "clip") {
      need(3, 3);
      return Map(at, FormulaOp::kMin, Map(at, FormulaOp::kMax, arguments[0], arguments[1]), arguments[2]);
    }
    if (name == "where") {
      need(3, 3);
      return Choose(at, arguments[0], arguments[1], arguments[2]);
    }
    if (name == "normal" || name == "uniform") {
      if (!allow_random_) FailAt(at, name + " is for resets only");
      need(2, 2);
      return Map(at, name == "normal" ? FormulaOp::kNormal : FormulaOp::kUniform, arguments[0], arguments[1]);
    }
    need(3, 5);
    return Tolerance(at, arguments, word.empty() ? "gaussian" : word);
  }

  int Reduction(const std::string& name, const Values& values) {
    if (name == "prod") return Reduce(FormulaOp::kMultiply, values, 1.0);
    if (name == "any") return Reduce(FormulaOp::kOr, values, 0.0);
    if (name == "all") return Reduce(FormulaOp::kAnd, values, 1.0);
    if (name == "norm") {
      Values squares;
      for (int node : values) squares.push_back(Binary(FormulaOp::kMultiply, node, node));
      return Unary(FormulaOp::kSqrt, Reduce(FormulaOp::kAdd, squares, 0.0));
    }
    const int sum = Reduce(FormulaOp::kAdd, values, 0.0);
    if (name == "sum" || values.empty()) return sum;
    return Binary(FormulaOp::kDivide, sum, Constant(static_cast<double>(values.size())));
  }

  double ConstantOf(size_t at, const std::vector<Values>& arguments, size_t i, double missing, const char* what) {
    if (arguments.size() <= i) return missing;
    const FormulaNode& node = formula_.nodes_[arguments[i][0]];
    if (arguments[i].size() != 1 || node.op != FormulaOp::kConstant) {
      FailAt(at, std::string("tolerance: ") + what + " must be a constant");
    }
    return node.value;
  }

  Values Tolerance(size_t at, const std::vector<Values>& arguments, const std::string& sigmoid) {
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
      const int inside = Binary(FormulaOp::kAnd, Binary(FormulaOp::kLessEqual, lo, xi),
                                Binary(FormulaOp::kLessEqual, xi, hi));
      if (margin == 0.0) {
        result.push_back(inside);
        continue;
      }
      const int outside = Select(Binary(FormulaOp::kLess, xi, lo), Binary(FormulaOp::kSubtract, lo, xi),
                                 Binary(FormulaOp::kSubtract, xi, hi));
      const int distance = Binary(FormulaOp::kDivide, outside, Constant(margin));
      result.push_back(Select(inside, Constant(1.0), Sigmoid(at, sigmoid, distance, value_at_margin)));
    }
    return result;
  }

  // The shapes of dm_control.utils.rewards: 1 at distance 0, `v` at distance 1.
  int Sigmoid(size_t at, const std::string& name, int x, double v) {
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
    if (name == "tanh_squared") return one_minus(square(Unary(FormulaOp::kTanh, scaled(std::atanh(std::sqrt(1.0 - v))))));
    FailAt(at, "tolerance knows no sigmoid \"" + name + "\"" +
                   DidYouMean(name, {"gaussian", "hyperbolic", "long_tail", "reciprocal", "cosine", "linear",
                                     "quadratic", "tanh_squared"}));
  }

  std::string_view text_;
  const Formula::Resolver& resolve_;
  const std::vector<std::string>& known_;
  bool allow_random_;
  size_t position_ = 0;
  Formula formula_;
};

Formula Formula::Parse(std::string_view text, const Resolver& resolve, const std::vector<std::string>& known,
                       bool allow_random) {
  return FormulaParser(text, resolve, known, allow_random).Parse();
}

}  // namespace reverie
