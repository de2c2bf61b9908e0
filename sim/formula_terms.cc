#include <algorithm>
#include <utility>

#include "sim/formula_parser.h"

namespace reverie {
namespace {

// A piece of a formula as one line: no blanks around it, single ones within.
std::string OneLine(std::string_view text) {
  std::string line;
  bool blank = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!space && blank && !line.empty()) line += ' ';
    if (!space) line += c;
    blank = space;
  }
  return line;
}

}  // namespace

void FormulaParser::Keep(const Values& whole, std::vector<Piece> pieces, bool are_factors) {
  if (whole.size() != 1 || pieces.size() < 2) return;
  splits_[whole[0]] = {std::move(pieces), are_factors};
}

Formula FormulaParser::TermOf(const Piece& piece) const {
  Formula term;
  term.text_ = (piece.negative ? "-" : "") + OneLine(text_.substr(piece.begin, piece.end - piece.begin));
  std::vector<FormulaNode> nodes = formula_.nodes_;
  int output = piece.values[0];
  for (const int divisor : piece.divisors) {
    nodes.push_back({.op = FormulaOp::kDivide, .a = output, .b = divisor});
    output = static_cast<int>(nodes.size()) - 1;
  }
  if (piece.negative) {
    nodes.push_back({.op = FormulaOp::kNegate, .a = output});
    output = static_cast<int>(nodes.size()) - 1;
  }
  // Only the nodes that the term rests on, which are all before it.
  std::vector<bool> needed(nodes.size(), false);
  needed[static_cast<size_t>(output)] = true;
  for (size_t i = nodes.size(); i-- > 0;) {
    const FormulaNode& node = nodes[i];
    if (!needed[i] || node.op == FormulaOp::kInput) continue;
    for (const int operand : {node.a, node.b, node.c}) {
      if (operand >= 0) needed[static_cast<size_t>(operand)] = true;
    }
  }
  std::vector<int> renumbered(nodes.size(), -1);
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!needed[i]) continue;
    FormulaNode node = nodes[i];
    if (node.op != FormulaOp::kInput) {
      for (int* operand : {&node.a, &node.b, &node.c}) {
        if (*operand >= 0) *operand = renumbered[static_cast<size_t>(*operand)];
      }
    }
    renumbered[i] = static_cast<int>(term.nodes_.size());
    term.nodes_.push_back(node);
  }
  term.outputs_ = {renumbered[static_cast<size_t>(output)]};
  return term;
}

FormulaTerms FormulaParser::ParseTerms() {
  FormulaTerms result;
  Formula whole = Parse();
  formula_.nodes_ = whole.nodes_;
  // Parentheses around everything yield the node of what is in them.
  const auto found = whole.size() == 1 ? splits_.find(whole.outputs_[0]) : splits_.end();
  if (found == splits_.end()) {
    result.terms.push_back(std::move(whole));
    return result;
  }
  result.are_factors = found->second.are_factors;
  for (const Piece& piece : found->second.pieces) result.terms.push_back(TermOf(piece));
  return result;
}

}  // namespace reverie
