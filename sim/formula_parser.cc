#include "sim/formula_parser.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numbers>

#include "sim/error.h"

namespace reverie {
namespace {

// Deeper than anyone writes, and far from the end of a thread's stack.
constexpr int kMaxDepth = 200;
// Characters of a formula that fit into a message.
constexpr size_t kShownText = 300;

// The characters of names do not depend on the locale.
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsNamePart(char c) {
  return IsNameStart(c) || IsDigit(c);
}
bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

Formula FormulaParser::Parse() {
  formula_.text_ = std::string(text_);
  formula_.outputs_ = Ternary();
  Skip();
  if (position_ != text_.size()) Fail("an operator or the end");
  return std::move(formula_);
}

void FormulaParser::Fail(const std::string& expected) const {
  std::string found(text_.substr(position_, 12));
  std::replace_if(found.begin(), found.end(), IsSpace, ' ');
  FailAt(position_, "expected " + expected + ", found " + (found.empty() ? "the end" : "'" + found + "'"));
}

void FormulaParser::FailAt(size_t position, const std::string& message) const {
  std::string line(text_.substr(0, kShownText));
  if (text_.size() > kShownText) line += "...";
  std::replace_if(line.begin(), line.end(), IsSpace, ' ');
  throw FormulaError("formula \"" + line + "\", column " + std::to_string(position + 1) + ": " + message);
}

void FormulaParser::Skip() {
  while (position_ < text_.size() && IsSpace(text_[position_])) ++position_;
}

bool FormulaParser::Accept(std::string_view token) {
  Skip();
  if (text_.substr(position_, token.size()) != token) return false;
  position_ += token.size();
  return true;
}

void FormulaParser::Expect(std::string_view token) {
  if (!Accept(token)) Fail("'" + std::string(token) + "'");
}

char FormulaParser::Peek() {
  Skip();
  return position_ < text_.size() ? text_[position_] : '\0';
}

int FormulaParser::Integer() {
  Skip();
  int value = 0;
  const char* begin = text_.data() + position_;
  const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
  if (error != std::errc()) Fail("a whole number");
  position_ += static_cast<size_t>(end - begin);
  return value;
}

int FormulaParser::Number() {
  double value = 0.0;
  const char* begin = text_.data() + position_;
  const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
  if (error != std::errc()) Fail("a number");
  position_ += static_cast<size_t>(end - begin);
  return Constant(value);
}

std::string FormulaParser::Name() {
  const size_t begin = position_;
  while (position_ < text_.size() && IsNamePart(text_[position_])) ++position_;
  return std::string(text_.substr(begin, position_ - begin));
}

std::string FormulaParser::Quoted() {
  const char quote = text_[position_++];
  const size_t begin = position_;
  while (position_ < text_.size() && text_[position_] != quote) ++position_;
  if (position_ == text_.size()) Fail(std::string("a closing ") + quote);
  return std::string(text_.substr(begin, position_++ - begin));
}

// Every rule that calls itself, whatever lies between, passes Ternary or Signed.
struct FormulaParser::Nesting {
  explicit Nesting(FormulaParser& outer) : parser(outer) {
    if (++parser.depth_ > kMaxDepth) {
      parser.FailAt(parser.position_, "nested more than " + std::to_string(kMaxDepth) + " deep");
    }
  }
  ~Nesting() { --parser.depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  FormulaParser& parser;
};

FormulaParser::Values FormulaParser::Ternary() {
  const Nesting nesting(*this);
  Values condition = Or();
  const size_t position = position_;
  if (!Accept("?")) return condition;
  const Values a = Ternary();
  Expect(":");
  const Values b = Ternary();
  return Choose(position, condition, a, b);
}

FormulaParser::Values FormulaParser::Or() {
  Values left = And();
  for (size_t at = position_; Accept("||"); at = position_) left = Map(at, FormulaOp::kOr, left, And());
  return left;
}

FormulaParser::Values FormulaParser::And() {
  Values left = Comparison();
  for (size_t at = position_; Accept("&&"); at = position_)
    left = Map(at, FormulaOp::kAnd, left, Comparison());
  return left;
}

FormulaParser::Values FormulaParser::Comparison() {
  Values left = Sum();
  const size_t at = position_;
  if (Accept("<=")) return Map(at, FormulaOp::kLessEqual, left, Sum());
  if (Accept(">=")) {
    const Values right = Sum();
    return Map(at, FormulaOp::kLessEqual, right, left);
  }
  if (Accept("==")) return Map(at, FormulaOp::kEqual, left, Sum());
  if (Accept("!=")) return Each(FormulaOp::kNot, Map(at, FormulaOp::kEqual, left, Sum()));
  if (Accept("<")) return Map(at, FormulaOp::kLess, left, Sum());
  if (Accept(">")) {
    const Values right = Sum();
    return Map(at, FormulaOp::kLess, right, left);
  }
  return left;
}

FormulaParser::Values FormulaParser::Sum() {
  size_t begin = position_;
  Values left = Product();
  std::vector<Piece> pieces = {{.begin = begin, .end = position_, .values = left}};
  while (true) {
    const size_t at = position_;
    const bool plus = Accept("+");
    if (!plus && !Accept("-")) break;
    begin = position_;
    const Values right = Product();
    pieces.push_back({.begin = begin, .end = position_, .values = right, .negative = !plus});
    left = Map(at, plus ? FormulaOp::kAdd : FormulaOp::kSubtract, left, right);
  }
  Keep(left, std::move(pieces), false);
  return left;
}

FormulaParser::Values FormulaParser::Product() {
  size_t begin = position_;
  Values left = Signed();
  std::vector<Piece> pieces = {{.begin = begin, .end = position_, .values = left}};
  while (true) {
    const size_t at = position_;
    const bool times = Accept("*");
    if (!times && !Accept("/")) break;
    begin = position_;
    const Values right = Signed();
    if (times) {
      pieces.push_back({.begin = begin, .end = position_, .values = right});
    } else {
      pieces.back().divisors.insert(pieces.back().divisors.end(), right.begin(), right.end());
      pieces.back().end = position_;
    }
    left = Map(at, times ? FormulaOp::kMultiply : FormulaOp::kDivide, left, right);
  }
  Keep(left, std::move(pieces), true);
  return left;
}

FormulaParser::Values FormulaParser::Signed() {
  const Nesting nesting(*this);
  if (Accept("-")) return Each(FormulaOp::kNegate, Signed());
  if (Accept("+")) return Signed();
  if (Accept("!")) return Each(FormulaOp::kNot, Signed());
  return Power();
}

FormulaParser::Values FormulaParser::Power() {
  Values base = Postfix();
  const size_t at = position_;
  if (Accept("^")) return Map(at, FormulaOp::kPower, base, Signed());
  return base;
}

FormulaParser::Values FormulaParser::Postfix() {
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
      FailAt(at, std::string(text_.substr(at, position_ - at)) + " is outside " + std::to_string(size) +
                     " elements");
    }
    values = Values(values.begin() + first, values.begin() + last);
  }
  return values;
}

FormulaParser::Values FormulaParser::Primary() {
  const char c = Peek();
  if (c == '(') {
    ++position_;
    Values values = Ternary();
    Expect(")");
    return values;
  }
  if (IsDigit(c) || c == '.') return {Number()};
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

FormulaParser::Values FormulaParser::Named(size_t at, const std::string& name) {
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
      while (!argument.empty() && IsSpace(argument.back())) argument.pop_back();
      reference.argument = argument;
    }
    Expect(")");
  }
  if (Peek() == '.') {
    ++position_;
    if (!IsNameStart(Peek())) Fail("a component, such as x or zz");
    reference.component = Name();
  }
  std::optional<std::vector<int>> inputs;
  try {
    inputs = resolve_(reference);
  } catch (const FormulaError& error) {
    FailAt(at, error.what());
  }
  if (!inputs) FailAt(at, "nothing is called '" + name + "'" + DidYouMean(name, known_));
  Values values;
  for (int input : *inputs) values.push_back(Add({.op = FormulaOp::kInput, .a = input}));
  return values;
}

int FormulaParser::Add(FormulaNode node) {
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
      folded = node.b >= 0 ? math.Binary(node.op, value(node.a), value(node.b))
                           : math.Unary(node.op, value(node.a));
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

size_t FormulaParser::Broadcast(size_t position, std::initializer_list<const Values*> operands) const {
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

FormulaParser::Values FormulaParser::Each(FormulaOp op, const Values& values) {
  Values result;
  for (int node : values) result.push_back(Unary(op, node));
  return result;
}

FormulaParser::Values FormulaParser::Map(size_t position, FormulaOp op, const Values& a, const Values& b) {
  Values result;
  const size_t size = Broadcast(position, {&a, &b});
  for (size_t i = 0; i < size; ++i) result.push_back(Binary(op, At(a, i), At(b, i)));
  return result;
}

FormulaParser::Values FormulaParser::Choose(size_t position, const Values& condition, const Values& a,
                                            const Values& b) {
  Values result;
  const size_t size = Broadcast(position, {&condition, &a, &b});
  for (size_t i = 0; i < size; ++i) result.push_back(Select(At(condition, i), At(a, i), At(b, i)));
  return result;
}

}  // namespace reverie
