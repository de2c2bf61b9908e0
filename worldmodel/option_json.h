// Options of models as JSON: one walk over the fields of an options struct both writes and reads them, so that
// neither forgets one.
#pragma once

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/error.h"

namespace reverie {

/// Sets the fields that `json` names.
/// @param walk  walk(visit) calls visit(key, field) for every field: int, double, bool or std::string.
/// @throws Error for an unknown key, a value of another kind or a negative number.
template <class Walk>
void UpdateOptions(const nlohmann::json& json, const std::string& where, const Walk& walk) {
  if (!json.is_object()) throw Error(where + ": expected an object of model options, found " + json.dump());
  std::vector<std::string> known;
  walk([&](const char* key, auto& value) {
    known.push_back(key);
    if (!json.contains(key)) return;
    using Value = std::remove_reference_t<decltype(value)>;
    const nlohmann::json& found = json.at(key);
    bool fits = false;
    std::string expected;
    if constexpr (std::is_same_v<Value, std::string>) {
      fits = found.is_string();
      expected = "a name";
    } else if constexpr (std::is_same_v<Value, bool>) {
      fits = found.is_boolean();
      expected = "true or false";
    } else {
      fits = (std::is_same_v<Value, int> ? found.is_number_integer() : found.is_number()) && found.get<double>() >= 0.0;
      expected = std::string("a ") + (std::is_same_v<Value, int> ? "whole " : "") + "number from 0";
    }
    if (!fits) throw Error(where + ", key \"" + key + "\": expected " + expected + ", found " + found.dump());
    value = found.get<Value>();
  });
  for (const auto& [key, value] : json.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw Error(where + ": unknown model option \"" + key + "\"" + DidYouMean(key, known));
    }
  }
}

template <class Walk>
nlohmann::ordered_json OptionsToJson(const Walk& walk) {
  nlohmann::ordered_json json;
  walk([&](const char* key, const auto& value) { json[key] = value; });
  return json;
}

}  // namespace reverie
