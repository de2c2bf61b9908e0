// Apart from the loop, for what reads logs without LibTorch.
#include "agent/learning_loop.h"

namespace reverie {

nlohmann::ordered_json EpisodeReport::ToJson() const {
  nlohmann::ordered_json json = {{"type", "episode"},
                                 {"episode", episode},
                                 {"env_steps", env_steps},
                                 {"return", episode_return},
                                 {"success_any", success_any},
                                 {"success_end", success_end},
                                 {"model_nll", judged ? nlohmann::ordered_json(model_nll) : nlohmann::ordered_json()},
                                 {"model_rmse", judged ? nlohmann::ordered_json(model_nrmse) : nlohmann::ordered_json()},
                                 {"loss", loss},
                                 {"updates", updates},
                                 {"plan_ms", plan_ms},
                                 {"update_ms", update_ms},
                                 {"wall_s", wall_s}};
  if (!diverged.empty()) json["diverged"] = diverged;
  if (!quarantined.empty()) json["quarantined"] = quarantined;
  return json;
}

EpisodeReport EpisodeReport::FromJson(const nlohmann::json& json) {
  EpisodeReport report;
  report.episode = json.at("episode");
  report.env_steps = json.at("env_steps");
  report.episode_return = json.at("return");
  report.success_any = json.at("success_any");
  report.success_end = json.at("success_end");
  report.judged = !json.at("model_nll").is_null();
  if (report.judged) report.model_nll = json.at("model_nll");
  if (report.judged) report.model_nrmse = json.at("model_rmse");
  report.loss = json.at("loss");
  report.updates = json.at("updates");
  report.plan_ms = json.at("plan_ms");
  report.update_ms = json.at("update_ms");
  report.wall_s = json.at("wall_s");
  report.diverged = json.value("diverged", "");
  report.quarantined = json.value("quarantined", "");
  return report;
}

}  // namespace reverie
