// What formulas mean, with values from NumPy and from dm_control.utils.rewards, and what their errors say.
#include "sim/formula.h"

#include <array>
#include <cmath>
#include <limits>
#include <locale>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;

namespace {

// x = -1.5, y = 4, v = (1, -2, 3), w = (10, 20, 30), empty of no elements, box(crate) = (7, 8, 9).
const std::vector<double> kInputs = {-1.5, 4.0, 1.0, -2.0, 3.0, 10.0, 20.0, 30.0, 7.0, 8.0, 9.0};
const std::vector<std::string> kKnown = {"x", "y", "velocity", "w", "empty", "box"};

std::optional<std::vector<int>> Resolve(const Formula::Reference& reference) {
  const auto range = [](int first, int count) {
    std::vector<int> inputs;
    for (int i = 0; i < count; ++i) inputs.push_back(first + i);
    return inputs;
  };
  if (reference.name == "x") return range(0, 1);
  if (reference.name == "y") return range(1, 1);
  if (reference.name == "velocity" || reference.name == "v") {
    if (reference.component == "y") return range(3, 1);
    return range(2, 3);
  }
  if (reference.name == "w") return range(5, 3);
  if (reference.name == "empty") return std::vector<int>{};
  if (reference.name == "box" && reference.argument == "red crate (1)") return range(8, 3);
  return std::nullopt;
}

std::vector<double> Values(const std::string& text, Random* random = nullptr) {
  const Formula formula = Formula::Parse(text, Resolve, kKnown, random != nullptr);
  std::vector<double> scratch, output(formula.size());
  formula.Evaluate(
      DoubleArithmetic{random}, [](int i) { return kInputs[static_cast<size_t>(i)]; }, scratch,
      std::span<double>(output));
  return output;
}

double Value(const std::string& text) {
  const std::vector<double> values = Values(text);
  REQUIRE(values.size() == 1);
  return values[0];
}

std::string ErrorOf(const std::string& text) {
  const std::string message = MessageOf([&] { Values(text); });
  CHECK(IsOneLine(message));
  return message;
}

}  // namespace

TEST_CASE("Operators have the precedence and the direction of arithmetic") {
  CHECK(Value("2 + 3*4") == 14);
  CHECK(Value("(2 + 3)*4") == 20);
  CHECK(Value("2 - 3 - 4") == -5);
  CHECK(Value("24/4/2") == 3);
  CHECK(Value("2^3^2") == 512);
  CHECK(Value("-2^2") == -4);
  CHECK(Value("2^-1") == 0.5);
  CHECK(Value("2*-3") == -6);
  CHECK(Value("- -3") == 3);
  CHECK(Value("+3 - +2") == 1);
  CHECK(Value("1 + 2 < 4") == 1);
  CHECK(Value("1 < 2 && 3 < 2") == 0);
  CHECK(Value("1 || 0 && 0") == 1);
  CHECK(Value("!0 == 1") == 1);
  CHECK(Value("!x") == 0);
  CHECK(Value("!(x > 0) && y >= 4") == 1);
  CHECK(Value("1 ? 2 : 0 ? 3 : 4") == 2);
  CHECK(Value("0 ? 2 : 0 ? 3 : 4") == 4);
  CHECK(Value("x < 0 ? x*x : y") == 2.25);
  CHECK(Value("1 != 1") == 0);
  CHECK(Value("2 >= 2") == 1);
  CHECK(Value("2 > 2") == 0);
  CHECK(Value("2 <= 1") == 0);
  CHECK(Value("1e3 + .5 + 2.5E-1") == 1000.75);
  CHECK(Value("\t1\n+ 1\r\n") == 2);
}

TEST_CASE("Functions give what NumPy gives") {
  CHECK(Value("pi") == 3.141592653589793);
  CHECK(Value("-inf") == -std::numeric_limits<double>::infinity());
  CHECK(Value("abs(x) + sqrt(y)") == 3.5);
  CHECK(Value("exp(0) + log(1)") == 1);
  CHECK(Value("log1p(0.3)") == doctest::Approx(0.26236426446749106).epsilon(1e-15));    // np.log1p(0.3)
  CHECK(Value("atan2(-1, -2)") == doctest::Approx(-2.677945044588987).epsilon(1e-15));  // np.arctan2(-1, -2)
  CHECK(Value("tanh(-0.4)") == doctest::Approx(-0.3799489622552249).epsilon(1e-15));    // np.tanh(-.4)
  CHECK(Value("cosh(0.7)") == doctest::Approx(1.255169005630943).epsilon(1e-15));       // np.cosh(.7)
  CHECK(Value("sin(pi/6) + cos(pi/3) + tan(pi/4)") == doctest::Approx(2.0).epsilon(1e-15));
  CHECK(Value("floor(x)") == -2);
  CHECK(Value("sign(x) + 10*sign(y) + 100*sign(0)") == 9);
  CHECK(Value("min(3, x, y)") == -1.5);
  CHECK(Value("max(3, x, y)") == 4);
  CHECK(Value("clip(5, -1, 2)") == 2);
  CHECK(Value("clip(-5, -1, 2)") == -1);
  CHECK(Value("where(x < 0, 7, 8)") == 7);
}

TEST_CASE("Vectors are handled element by element, and reduced") {
  CHECK(Values("v") == std::vector<double>{1, -2, 3});
  CHECK(Values("v + w") == std::vector<double>{11, 18, 33});
  CHECK(Values("2*v - 1") == std::vector<double>{1, -5, 5});
  CHECK(Values("abs(v)^2") == std::vector<double>{1, 4, 9});
  CHECK(Values("v > 0 ? w : -w") == std::vector<double>{10, -20, 30});
  CHECK(Values("v != 1") == std::vector<double>{0, 1, 1});
  CHECK(Values("min(v, 0)") == std::vector<double>{0, -2, 0});
  CHECK(Values("clip(v, -1, w/20)") == std::vector<double>{0.5, -1, 1.5});
  CHECK(Value("sum(v)") == 2);
  CHECK(Value("mean(v)") == doctest::Approx(2.0 / 3.0));
  CHECK(Value("prod(v)") == -6);
  CHECK(Value("norm(v[0:2], 2)") == 3);
  CHECK(Value("norm(-3)") == 3);
  CHECK(Value("dot(v, w)") == 60);
  CHECK(Value("min(v)") == -2);
  CHECK(Value("max(v)") == 3);
  CHECK(Value("any(v > 2)") == 1);
  CHECK(Value("all(v > 2)") == 0);
  CHECK(Value("any(y)") == 1);  // a truth value, not 4
  CHECK(Value("all(x, y)") == 1);
  CHECK(Value("sum(v, w, 1)") == 63);
  CHECK(Values("empty").empty());
  CHECK(Values("2*empty").empty());
  CHECK(Value("sum(empty) + 1") == 1);
  CHECK(Value("all(empty)") == 1);
  CHECK(Value("any(empty)") == 0);
}

TEST_CASE("Elements, slices, components and labels with spaces and brackets") {
  CHECK(Value("v[2]") == 3);
  CHECK(Values("v[1:3]") == std::vector<double>{-2, 3});
  CHECK(Values("v[:2]") == std::vector<double>{1, -2});
  CHECK(Values("v[1:]") == std::vector<double>{-2, 3});
  CHECK(Values("v[:]") == std::vector<double>{1, -2, 3});
  CHECK(Value("w[1:3][1]") == 30);
  CHECK(Value("(v + w)[0]") == 11);
  CHECK(Value("v.y") == -2);
  CHECK(Value("v[0] ? 1 : 2") == 1);
  CHECK(Values("box('red crate (1)')") == std::vector<double>{7, 8, 9});
  CHECK(Value("box(\"red crate (1)\")[2]") == 9);
}

TEST_CASE("tolerance is dm_control's, for every sigmoid") {
  struct Row {
    std::string sigmoid;
    std::array<double, 6> values;
  };
  // rewards.tolerance(x, bounds=(0.5, 1.5), margin=1.1, sigmoid=s) for x in (-0.7, 0.35, 1.5, 2.0, 2.6, 5.0)
  const std::array<double, 6> xs = {-0.7, 0.35, 1.5, 2.0, 2.6, 5.0};
  const std::vector<Row> rows = {
      {"gaussian",
       {0.06455313751207947, 0.9580870248968733, 1.0, 0.6214245832754477, 0.1, 7.516801086146122e-11}},
      {"linear", {0.018181818181818188, 0.8772727272727272, 1.0, 0.5909090909090909, 0.1, 0.0}},
      {"quadratic", {0.0, 0.9832644628099173, 1.0, 0.8140495867768596, 0.1, 0.0}},
      {"long_tail",
       {0.08539167254763587, 0.8566371681415929, 1.0, 0.34971098265895956, 0.1, 0.010855912434954245}},
      {"hyperbolic",
       {0.07625717244859435, 0.9221153924045405, 1.0, 0.48136194063204574, 0.1, 0.00014616949297269118}},
      {"cosine", {0.04272490070586876, 0.9712690424936721, 1.0, 0.7108412988104739, 0.1, 0.0}},
      {"reciprocal",
       {0.09243697478991598, 0.44897959183673464, 1.0, 0.19642857142857142, 0.1, 0.033742331288343565}},
      {"tanh_squared",
       {0.07289667347380979, 0.9409464028106657, 1.0, 0.5394638899576476, 0.1, 3.770731290353435e-05}}};
  for (const Row& row : rows) {
    for (size_t i = 0; i < xs.size(); ++i) {
      CAPTURE(row.sigmoid);
      CAPTURE(xs[i]);
      const std::string text =
          "tolerance(" + std::to_string(xs[i]) + ", 0.5, 1.5, 1.1, \"" + row.sigmoid + "\")";
      CHECK(std::abs(Value(text) - row.values[i]) < 1e-13);
    }
  }
}

TEST_CASE(
    "tolerance takes a value at the margin and an open interval, and defaults to gaussian and no margin") {
  struct Row {
    std::string sigmoid;
    std::array<double, 3> values;
  };
  // rewards.tolerance(x, bounds=(-inf, -1), margin=0.4, sigmoid=s, value_at_margin=v)
  // for x, v in ((-0.8, 0.5), (-0.65, 0.9), (-0.6, 0.01))
  const std::vector<Row> rows = {{"gaussian", {0.8408964152537146, 0.9225011607519746, 0.01}},
                                 {"linear", {0.75, 0.9125, 0.01}},
                                 {"quadratic", {0.875, 0.9234375, 0.01}},
                                 {"long_tail", {0.8, 0.9216, 0.01}},
                                 {"hyperbolic", {0.8164965809277261, 0.921906425149603, 0.01}},
                                 {"cosine", {0.8535533905932738, 0.9228119323980208, 0.01}},
                                 {"reciprocal", {0.6666666666666666, 0.9113924050632911, 0.01}},
                                 {"tanh_squared", {0.8284271247461902, 0.9221993636067691, 0.01}}};
  for (const Row& row : rows) {
    CAPTURE(row.sigmoid);
    const std::string end = ", -inf, -1, 0.4, '" + row.sigmoid + "', ";
    CHECK(std::abs(Value("tolerance(-0.8" + end + "0.5)") - row.values[0]) < 1e-13);
    CHECK(std::abs(Value("tolerance(-0.65" + end + "0.9)") - row.values[1]) < 1e-13);
    CHECK(std::abs(Value("tolerance(-0.6" + end + "0.01)") - row.values[2]) < 1e-13);
  }
  // rewards.tolerance(0.25 and 1.25, margin=1, sigmoid=s, value_at_margin=0)
  CHECK(Value("tolerance(0.25, 0, 0, 1, \"linear\", 0)") == 0.75);
  CHECK(Value("tolerance(0.25, 0, 0, 1, \"quadratic\", 0)") == 0.9375);
  CHECK(Value("tolerance(0.25, 0, 0, 1, \"cosine\", 0)") ==
        doctest::Approx(0.8535533905932737).epsilon(1e-14));
  CHECK(Value("tolerance(1.25, 0, 0, 1, \"cosine\", 0)") == 0);
  CHECK(Value("tolerance(2, 1, 2)") == 1);
  CHECK(Value("tolerance(2.0001, 1, 2)") == 0);
  CHECK(Value("tolerance(2, 0.5, 1.5, 1.1)") == Value("tolerance(2, 0.5, 1.5, 1.1, \"gaussian\", 0.1)"));
  CHECK(Values("tolerance(v, 0, 2)") == std::vector<double>{1, 0, 0});
}

TEST_CASE("normal and uniform draw once for each element, from resets only") {
  Random random(3);
  const std::vector<double> drawn = Values("uniform(w, w + 1)", &random);
  REQUIRE(drawn.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(drawn[i] >= 10.0 * static_cast<double>(i + 1));
    CHECK(drawn[i] < 10.0 * static_cast<double>(i + 1) + 1.0);
  }
  CHECK(drawn[0] - 10 != drawn[1] - 20);
  Random same(3);
  CHECK(Values("uniform(w, w + 1)", &same) == drawn);
  CHECK(Contains(ErrorOf("1 + normal(0, 1)"), "column 5: normal is for resets only"));
}

TEST_CASE("An error says where and what was expected, and suggests names") {
  CHECK(Contains(ErrorOf("1 + "),
                 "formula \"1 + \", column 5: expected a number, a name or '(', found the end"));
  CHECK(Contains(ErrorOf("(1 + 2"), "column 7: expected ')', found the end"));
  CHECK(Contains(ErrorOf("1 2"), "column 3: expected an operator or the end, found '2'"));
  CHECK(Contains(ErrorOf("3 + velocty"), "column 5: nothing is called 'velocty'; did you mean 'velocity'?"));
  CHECK(Contains(ErrorOf("v[3]"), "column 2: [3] is outside 3 elements"));
  CHECK(Contains(ErrorOf("v[-1]"), "[-1] is outside 3 elements"));
  CHECK(Contains(ErrorOf("v[2:1]"), "[2:1] is outside 3 elements"));
  CHECK(Contains(ErrorOf("v[1.5]"), "column 4: expected ']'"));
  CHECK(Contains(ErrorOf("v + w[0:2]"), "column 3: expected vectors of one size, found 3 and 2 elements"));
  CHECK(Contains(ErrorOf("v + empty"), "found 3 and 0 elements"));
  CHECK(Contains(ErrorOf("min(empty)"), "min of no elements"));
  CHECK(Contains(ErrorOf("x ? 1"), "expected ':'"));
  CHECK(Contains(ErrorOf("x = 1"), "expected an operator or the end"));
  CHECK(Contains(ErrorOf("x & y"), "expected an operator or the end"));
  CHECK(Contains(ErrorOf("sin(1, 2)"), "sin takes 1 argument, found 2"));
  CHECK(Contains(ErrorOf("atan2(1)"), "atan2 takes 2 arguments, found 1"));
  CHECK(Contains(ErrorOf("clip(1, 2)"), "clip takes 3 arguments, found 2"));
  CHECK(Contains(ErrorOf("1e999"), "column 1: expected a number"));
  CHECK(Contains(ErrorOf("0,5"), "expected an operator or the end, found ',5'"));
  CHECK(Contains(ErrorOf("box('crate"), "expected a closing '"));
  CHECK(Contains(ErrorOf(""), "found the end"));
  CHECK(Contains(ErrorOf("1 +\n) + 2"), "column 5: expected a number, a name or '(', found ') + 2'"));
  CHECK(Contains(ErrorOf("tolerance(x, 0, 1, 1, \"guassian\")"), "did you mean 'gaussian'?"));
  CHECK(Contains(ErrorOf("tolerance(x, 0, 1, 0, \"guassian\")"), "did you mean 'gaussian'?"));
  CHECK(Contains(ErrorOf("tolerance(x, 0, 1, x)"), "margin must be a constant"));
  CHECK(Contains(ErrorOf("tolerance(x, 0, 1, empty)"), "margin must be a constant"));
  CHECK(Contains(ErrorOf("tolerance(x, 0, 1, -1)"), "margin must not be negative"));
  CHECK(Contains(ErrorOf("tolerance(x, 1, 0)"), "the lower bound must not be above the upper"));
  CHECK(Contains(ErrorOf("tolerance(x, 0, 1, 1, \"gaussian\", 0)"), "must lie in (0, 1)"));
  CHECK(Contains(ErrorOf("tolerance(x, 0, 1, 1, \"linear\", 1)"), "must lie in [0, 1)"));
  CHECK(Contains(ErrorOf("tolerance(x, 0, \"linear\")"), "x, lower, upper and margin before the sigmoid"));
  CHECK(Contains(ErrorOf("tolerance(x, 0, 1, 1, 0.1)"), "the name of a sigmoid"));
}

TEST_CASE("Nesting without end is an error, not a crash") {
  for (const char* unit : {"(", "-", "!", "2^", "1?", "sin("}) {
    CAPTURE(unit);
    std::string text;
    for (int i = 0; i < 100000; ++i) text += unit;
    CHECK(Contains(ErrorOf(text), "nested more than"));
    CHECK(ErrorOf(text).size() < 1000);
  }
  std::string sum = "1";
  for (int i = 0; i < 5000; ++i) sum += "+x";
  CHECK(Value(sum) == 1 - 1.5 * 5000);
}

TEST_CASE("Numbers are read the same whatever the locale") {
  const ForeignLocale locale;
  CHECK(Value("1.5 + 0.25") == 1.75);
  CHECK(Contains(ErrorOf("1,5"), "expected an operator or the end"));
}

namespace {

// Parses into terms and checks that they add or multiply up to the formula; gives their texts.
std::vector<std::string> TermsOf(const std::string& text, bool are_factors) {
  const FormulaTerms split = Formula::ParseTerms(text, Resolve, kKnown);
  CHECK(split.are_factors == are_factors);
  const Formula whole = Formula::Parse(text, Resolve, kKnown);
  Random random(7);
  for (int round = 0; round < 20; ++round) {
    std::vector<double> inputs(kInputs.size());
    for (double& input : inputs) input = random.Uniform(-2.0, 2.0);
    const auto input = [&](int i) { return inputs[static_cast<size_t>(i)]; };
    std::vector<double> scratch;
    double together = are_factors ? 1.0 : 0.0;
    for (const Formula& term : split.terms) {
      const double value = term.EvaluateScalar(input, scratch);
      together = are_factors ? together * value : together + value;
    }
    CHECK(together == doctest::Approx(whole.EvaluateScalar(input, scratch)).epsilon(1e-12));
  }
  std::vector<std::string> texts;
  for (const Formula& term : split.terms) texts.push_back(term.text());
  return texts;
}

}  // namespace

TEST_CASE("A formula falls into summands, or factors, or stays whole") {
  using Texts = std::vector<std::string>;
  CHECK(TermsOf("x + y", false) == Texts{"x", "y"});
  CHECK(TermsOf(" 2*x\n - 0.1 *  norm(v) + y ", false) == Texts{"2*x", "-0.1 * norm(v)", "y"});
  CHECK(TermsOf("-x - -y", false) == Texts{"-x", "--y"});
  CHECK(TermsOf("(1 + x)/2 * (2 + y)/3 * v[0]", true) == Texts{"(1 + x)/2", "(2 + y)/3", "v[0]"});
  CHECK(TermsOf("x/2/3 * y/4", true) == Texts{"x/2/3", "y/4"});
  CHECK(TermsOf("3 * x * 3", true) == Texts{"3", "x", "3"});
  CHECK(TermsOf("x * (x + 1) * x^2", true) == Texts{"x", "(x + 1)", "x^2"});
  CHECK(TermsOf("((x * y))", true) == Texts{"x", "y"});
  CHECK(TermsOf("(x + y) - (x*y + 1)", false) == Texts{"(x + y)", "-(x*y + 1)"});
  CHECK(TermsOf("x", false) == Texts{"x"});
  CHECK(TermsOf("(x + y)/4", false) == Texts{"(x + y)/4"});
  CHECK(TermsOf("-(x + y)", false) == Texts{"-(x + y)"});
  CHECK(TermsOf("x + y < 1", false) == Texts{"x + y < 1"});
  CHECK(TermsOf("x > 0 ? x + y : 2*y", false) == Texts{"x > 0 ? x + y : 2*y"});
  CHECK(TermsOf("sum(v*w)", false) == Texts{"sum(v*w)"});
  CHECK(TermsOf("tolerance(x, -1, 1, 2) * (4 + mean(tolerance(v, 0, 0, 1, \"quadratic\", 0)))/5", true) ==
        Texts{"tolerance(x, -1, 1, 2)", "(4 + mean(tolerance(v, 0, 0, 1, \"quadratic\", 0)))/5"});
}

TEST_CASE("A term holds what it needs of its formula and no more") {
  const FormulaTerms split = Formula::ParseTerms("exp(sin(x)) + y", Resolve, kKnown);
  REQUIRE(split.terms.size() == 2);
  CHECK(split.terms[0].nodes().size() == 3);
  CHECK(split.terms[1].nodes().size() == 1);
}

TEST_CASE("Vectors are kept whole, and errors are those of parsing") {
  CHECK(Formula::ParseTerms("v + w", Resolve, kKnown).terms.size() == 1);
  CHECK(MessageOf([] { Formula::ParseTerms("x + ", Resolve, kKnown); }) ==
        MessageOf([] { Formula::Parse("x + ", Resolve, kKnown); }));
}
