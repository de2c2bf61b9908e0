#include "ui/cli/settings.h"

#include "ui/cli/command.h"

namespace reverie::cli {

void AddSettings(CLI::App& command, std::vector<std::string>& settings) {
  command
      .add_option(
          "--set", settings,
          "KEY=VALUE: any option by its dotted name, e.g. planner.horizon=25 (may be given several times)")
      ->allow_extra_args(false);
}

nlohmann::json ParseSettings(const std::vector<std::string>& settings) {
  nlohmann::json result = nlohmann::json::object();
  for (const std::string& setting : settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError("--set: expected KEY=VALUE, found '" + setting + "'");
    }
    nlohmann::json* at = &result;
    const std::string key = setting.substr(0, equals), text = setting.substr(equals + 1);
    for (size_t begin = 0; begin <= key.size();) {
      const size_t end = std::min(key.find('.', begin), key.size());
      const std::string part = key.substr(begin, end - begin);
      if (part.empty() || (!at->is_null() && !at->is_object())) {
        throw UsageError("--set: expected a dotted name before '=', found '" + key + "'");
      }
      at = &(*at)[part];
      begin = end + 1;
    }
    nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
    *at = value.is_discarded() ? nlohmann::json(text) : value;
  }
  return result;
}

}  // namespace reverie::cli
