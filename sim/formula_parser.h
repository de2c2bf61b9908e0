// Internal to the sources of sim/formula.h: turns the text of a formula into nodes. Every rule of the grammar
// yields the nodes of a vector. One parser reads one text, on one thread.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/formula.h"

namespace reverie {

class FormulaParser {
 public:
  FormulaParser(std::string_view text, const Formula::Resolver& resolve,
                const std::vector<std::string>& known, bool allow_random)
      : text_(text), resolve_(resolve), known_(known), allow_random_(allow_random) {}

  Formula Parse();
  FormulaTerms ParseTerms();

 private:
  using Values = std::vector<int>;

  // What a sum or a product of single numbers is put together from.
  struct Piece {
    size_t begin, end;               // in the text
    Values values;                   // of the summand or factor
    bool negative = false;           // a summand that is subtracted
    std::vector<int> divisors = {};  // of a factor
  };
  struct Split {
    std::vector<Piece> pieces;
    bool are_factors = false;
  };

  struct Nesting;

  // The text (formula_parser.cc).
  [[noreturn]] void Fail(const std::string& expected) const;
  [[noreturn]] void FailAt(size_t position, const std::string& message) const;
  void Skip();
  bool Accept(std::string_view token);
  void Expect(std::string_view token);
  char Peek();
  int Integer();
  int Number();
  std::string Name();
  std::string Quoted();

  // The grammar, loosest operator first (formula_parser.cc).
  Values Ternary();
  Values Or();
  Values And();
  Values Comparison();
  Values Sum();
  Values Product();
  Values Signed();
  Values Power();
  Values Postfix();
  Values Primary();
  Values Named(size_t at, const std::string& name);

  // Functions (formula_functions.cc).
  static bool IsFunction(std::string_view name);
  Values Call(size_t at, const std::string& name);
  Values Apply(size_t at, const std::string& name, const std::vector<Values>& arguments);
  int Reduction(const std::string& name, const Values& values);
  int Reduce(FormulaOp op, const Values& values, double empty);
  double ConstantOf(size_t at, const std::vector<Values>& arguments, size_t i, double missing,
                    const char* what);
  Values Tolerance(size_t at, const std::vector<Values>& arguments, const std::string& sigmoid);
  int Sigmoid(const std::string& name, int x, double v);

  // Terms (formula_terms.cc).
  void Keep(const Values& whole, std::vector<Piece> pieces, bool are_factors);
  Formula TermOf(const Piece& piece) const;

  // Nodes (formula_parser.cc).
  int Add(FormulaNode node);
  int Constant(double value) { return Add({.op = FormulaOp::kConstant, .value = value}); }
  int Unary(FormulaOp op, int a) { return Add({.op = op, .a = a}); }
  int Binary(FormulaOp op, int a, int b) { return Add({.op = op, .a = a, .b = b}); }
  int Select(int condition, int a, int b) {
    return Add({.op = FormulaOp::kSelect, .a = condition, .b = a, .c = b});
  }
  static int At(const Values& values, size_t i) { return values.size() == 1 ? values[0] : values[i]; }
  size_t Broadcast(size_t position, std::initializer_list<const Values*> operands) const;
  Values Each(FormulaOp op, const Values& values);
  Values Map(size_t position, FormulaOp op, const Values& a, const Values& b);
  Values Choose(size_t position, const Values& condition, const Values& a, const Values& b);

  std::string_view text_;
  const Formula::Resolver& resolve_;
  const std::vector<std::string>& known_;
  bool allow_random_;
  size_t position_ = 0;
  int depth_ = 0;
  std::map<int, Split> splits_;  // by the node that the sum or product yields
  Formula formula_;
};

}  // namespace reverie
