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

/// `bound` in as many nested lists as the shape has axes from `axis` on.
void AppendBounds(const std::vector<int64_t>& shape, size_t axis, const std::string& bound, std::string& text) {
  if (axis == shape.size()) {
    text += bound;
    return;
  }
  std::string one;  // the same for every place of this axis
  AppendBounds(shape, axis + 1, bound, one);
  text.reserve(text.size() + static_cast<size_t>(shape[axis]) * (one.size() + 2));
  text += '[';
  for (int64_t i = 0; i < shape[axis]; ++i) {
    if (i) text += ", ";
    text += one;
  }
  text += ']';
}

struct FrameBounds {
  const char *low, *high;
};

FrameBounds BoundsOf(FrameKind kind) {
  switch (kind) {
    case FrameKind::kPixels: return {"0", "255"};
    case FrameKind::kDepth: return {"0.0", "Infinity"};
    case FrameKind::kSegmentation: break;
  }
  return {"-1", "2147483647"};
}

void ExpectKey(const json& object, const char* key, const json& expected, const std::string& origin) {
  if (object.contains(key) && object[key] == expected) return;
  throw DatasetError(origin + ": '" + key + "': expected " + expected.dump() + ", found " +
                     (object.contains(key) ? object[key].dump() : "nothing"));
}

void ExpectObject(const json& space, const std::string& origin) {
  if (!space.is_object()) throw DatasetError(origin + ": expected an object, found " + space.dump());
}

BoxSpace ParseBox(const json& space, int64_t size, const std::string& origin) {
  ExpectObject(space, origin);
  ExpectKey(space, "type", "Box", origin);
  ExpectKey(space, "dtype", "float64", origin);
  ExpectKey(space, "shape", json::array({size}), origin);
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

/// Whether nested lists of this shape hold nothing but `bound`.
bool AllAre(const json& list, const std::vector<int64_t>& shape, size_t axis, const json& bound) {
  if (axis == shape.size()) return list == bound;
  if (!list.is_array() || static_cast<int64_t>(list.size()) != shape[axis]) return false;
  return std::all_of(list.begin(), list.end(),
                     [&](const json& part) { return AllAre(part, shape, axis + 1, bound); });
}

void ExpectFrameBox(const json& space, const FrameStream& stream, const std::string& origin) {
  ExpectObject(space, origin);
  ExpectKey(space, "type", "Box", origin);
  ExpectKey(space, "dtype", stream.type(), origin);
  ExpectKey(space, "shape", stream.shape(), origin);
  const auto [low, high] = BoundsOf(stream.kind);
  for (const auto& [key, bound] : {std::pair{"low", low}, {"high", high}}) {
    const json expected = json::parse(QuoteInfinities(bound));
    if (space.contains(key) && AllAre(space[key], stream.shape(), 0, expected)) continue;
    throw DatasetError(origin + ": '" + key + "': expected nothing but " + bound + " in lists of the shape, found " +
                       (space.contains(key) ? "others" : "nothing"));
  }
}

/// The spaces in a Dict, which has no others than `names`.
const json& Subspaces(const json& space, const std::vector<std::string>& names, const std::string& origin) {
  ExpectObject(space, origin);
  ExpectKey(space, "type", "Dict", origin);
  if (!space.contains("subspaces") || !space["subspaces"].is_object())
    throw DatasetError(origin + ": 'subspaces': expected an object, found " +
                       (space.contains("subspaces") ? space["subspaces"].dump() : "nothing"));
  const json& subspaces = space["subspaces"];
  std::vector<std::string> found;
  for (const auto& [name, value] : subspaces.items()) found.push_back(name);
  std::vector<std::string> expected = names;
  std::sort(expected.begin(), expected.end());
  if (found != expected)
    throw DatasetError(origin + ": 'subspaces': expected " + Join(expected) + ", found " +
                       (found.empty() ? "none" : Join(found)));
  return subspaces;
}

}  // namespace

std::string BoxSpaceText(const std::string& type, const std::vector<int64_t>& shape, const std::string& low,
                         const std::string& high) {
  std::string shape_text;
  for (const int64_t length : shape) shape_text += (shape_text.empty() ? "" : ", ") + std::to_string(length);
  // As text: a JSON library writes infinity as null, which Minari takes for NaN and refuses.
  std::string text = "{\"type\": \"Box\", \"dtype\": \"" + type + "\", \"shape\": [" + shape_text + "], \"low\": ";
  AppendBounds(shape, 0, low, text);
  text += ", \"high\": ";
  AppendBounds(shape, 0, high, text);
  return text + "}";
}

std::string ObservationSpaceText(int64_t size, const FrameSettings& frames) {
  const std::string state = BoxSpaceText("float64", {size}, "-Infinity", "Infinity");
  if (frames.empty()) return state;
  std::string text = "{\"type\": \"Dict\", \"subspaces\": {\"state\": " + state, group;
  for (const FrameStream& stream : StreamsOf(frames)) {
    if (group != stream.group()) {
      if (!group.empty()) text += "}}";
      group = stream.group();
      text += ", \"" + group + "\": {\"type\": \"Dict\", \"subspaces\": {";
    } else {
      text += ", ";
    }
    const auto [low, high] = BoundsOf(stream.kind);
    text += json(stream.name()).dump(-1, ' ', true, json::error_handler_t::replace) + ": " +
            BoxSpaceText(stream.type(), stream.shape(), low, high);
  }
  return text + "}}}}";
}

BoxSpace ParseObservationSpace(const std::string& text, int64_t size, const FrameSettings& frames,
                               const std::string& origin) {
  const json space = ParseJson(QuoteInfinities(text), origin);
  if (frames.empty()) return ParseBox(space, size, origin);
  const std::vector<FrameStream> streams = StreamsOf(frames);
  std::vector<std::string> groups = {"state"}, cameras;
  for (const FrameStream& stream : streams) {
    if (std::find(groups.begin(), groups.end(), stream.group()) == groups.end()) groups.emplace_back(stream.group());
    if (stream.kind == FrameKind::kPixels) cameras.push_back(stream.name());
  }
  const json& subspaces = Subspaces(space, groups, origin);
  for (const FrameStream& stream : streams) {
    const std::string group = origin + ": '" + stream.group() + "'";
    ExpectFrameBox(Subspaces(subspaces[stream.group()], cameras, group)[stream.name()], stream,
                   group + ": '" + stream.name() + "'");
  }
  return ParseBox(subspaces["state"], size, origin + ": 'state'");
}

BoxSpace UnboundedSpace(int64_t size) {
  const auto count = static_cast<size_t>(size);
  return {std::vector<double>(count, -kInfinity), std::vector<double>(count, kInfinity)};
}

BoxSpace UnitSpace(int64_t size) {
  const auto count = static_cast<size_t>(size);
  return {std::vector<double>(count, -1.0), std::vector<double>(count, 1.0)};
}

BoxSpace ParseBoxSpace(const std::string& text, int64_t size, const std::string& origin) {
  return ParseBox(ParseJson(QuoteInfinities(text), origin), size, origin);
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
