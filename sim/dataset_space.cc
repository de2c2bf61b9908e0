#include "sim/dataset_space.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "sim/dataset_metadata.h"
#include "sim/error.h"

namespace reverie {
namespace {

using nlohmann::json;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// JSON has no infinity; as texts its names pass the parser.
std::string QuoteInfinities(const std::string& text) {
  constexpr std::string_view kNegative = "-Infinity", kPositive = "Infinity";
  std::string quoted;
  bool in_text = false;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = std::string_view(text).substr(at);
    if (!in_text && (rest.starts_with(kNegative) || rest.starts_with(kPositive))) {
      const std::string_view word = rest.starts_with(kNegative) ? kNegative : kPositive;
      quoted.append("\"").append(word).append("\"");
      at += word.size();
      continue;
    }
    if (in_text && text[at] == '\\') quoted += text[at++];
    if (at < text.size()) {
      if (text[at] == '"') in_text = !in_text;
      quoted += text[at++];
    }
  }
  return quoted;
}

std::vector<double> Bounds(const json& space, const char* key, int64_t size, const std::string& origin) {
  const std::string expected = std::to_string(size) + " numbers";
  const json& list = space[key];
  if (!list.is_array() || static_cast<int64_t>(list.size()) != size) {
    throw DatasetError(origin + ": '" + key + "': expected " + expected + ", found " +
                       (list.is_array() ? std::to_string(list.size()) : list.dump()));
  }
  std::vector<double> bounds;
  for (const json& bound : list) {
    if (bound == "Infinity" || bound == "-Infinity") {
      bounds.push_back(bound == "Infinity" ? kInfinity : -kInfinity);
    } else if (bound.is_number()) {
      bounds.push_back(bound.get<double>());
    } else {
      throw DatasetError(origin + ": '" + key + "': expected " + expected + ", found " + bound.dump() +
                         " among them");
    }
  }
  return bounds;
}

}  // namespace

BoxSpace UnboundedSpace(int64_t size) {
  const auto count = static_cast<size_t>(size);
  return {std::vector<double>(count, -kInfinity), std::vector<double>(count, kInfinity)};
}

BoxSpace UnitSpace(int64_t size) {
  const auto count = static_cast<size_t>(size);
  return {std::vector<double>(count, -1.0), std::vector<double>(count, 1.0)};
}

BoxSpace ParseBoxSpace(const std::string& text, int64_t size, const std::string& origin) {
  const json space = ParseJson(QuoteInfinities(text), origin);
  if (!space.is_object()) throw DatasetError(origin + ": expected an object, found " + space.dump());
  for (const auto& [key, expected] : {std::pair<const char*, json>{"type", "Box"},
                                      {"dtype", "float64"},
                                      {"shape", json::array({size})}}) {
    if (space.contains(key) && space[key] == expected) continue;
    throw DatasetError(origin + ": '" + key + "': expected " + expected.dump() + ", found " +
                       (space.contains(key) ? space[key].dump() : "nothing"));
  }
  for (const char* key : {"low", "high"}) {
    if (!space.contains(key)) throw DatasetError(origin + ": '" + key + "': expected bounds, found nothing");
  }
  BoxSpace box{Bounds(space, "low", size, origin), Bounds(space, "high", size, origin)};
  for (size_t i = 0; i < box.low.size(); ++i) {
    if (box.low[i] <= box.high[i]) continue;
    throw DatasetError(origin + ": 'low': expected at most 'high', found " + NumberText(box.low[i]) + " above " +
                       NumberText(box.high[i]) + " at element " + std::to_string(i));
  }
  return box;
}

bool MinariReads(std::string_view version) {
  constexpr std::string_view kVersions[] = {"0.4.0", "0.4.1", "0.4.2", "0.4.3", "0.5.0",
                                            "0.5.1", "0.5.2", "0.5.3", "0.5.4"};
  return std::find(std::begin(kVersions), std::end(kVersions), version) != std::end(kVersions);
}

bool IsMinariId(std::string_view id) {
  const size_t version = id.rfind("-v");
  if (version == std::string_view::npos || version == 0) return false;
  const std::string_view number = id.substr(version + 2), name = id.substr(0, version);
  const auto is_digit = [](char c) { return '0' <= c && c <= '9'; };
  // Python's \w takes letters of every script.
  const auto is_allowed = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || std::isalnum(byte) || c == '-' || c == '_' || c == '/';
  };
  return !number.empty() && std::all_of(number.begin(), number.end(), is_digit) && name.front() != '/' &&
         name.back() != '/' && std::all_of(name.begin(), name.end(), is_allowed);
}

std::string NumberText(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

}  // namespace reverie
