#include "worldmodel/model_options.h"

#include <algorithm>

#include "sim/error.h"
#include "worldmodel/option_json.h"

namespace reverie {
namespace {

template <class Options>
auto Walk(Options& options)
  requires std::is_same_v<std::remove_const_t<Options>, EnsembleOptions>
{
  return [&options](auto&& visit) {
    visit("members", options.members);
    visit("layers", options.layers);
    visit("width", options.width);
    visit("learning_rate", options.learning_rate);
    visit("weight_decay", options.weight_decay);
    visit("batch", options.batch);
    visit("variance_weighting", options.variance_weighting);
    visit("bootstrap", options.bootstrap);
    visit("planning_members", options.planning_members);
    visit("drawn_members", options.drawn_members);
    visit("noise_samples", options.noise_samples);
  };
}

template <class Options>
auto Walk(Options& options)
  requires std::is_same_v<std::remove_const_t<Options>, LatentOptions>
{
  return [&options](auto&& visit) {
    visit("size", options.size);
    visit("latent", options.latent);
    visit("encoder_width", options.encoder_width);
    visit("width", options.width);
    visit("values", options.values);
    visit("decoders", options.decoders);
    visit("decoder_width", options.decoder_width);
    visit("memory", options.memory);
    visit("memory_width", options.memory_width);
    visit("horizon", options.horizon);
    visit("batch", options.batch);
    visit("learning_rate", options.learning_rate);
    visit("consistency", options.consistency);
    visit("reward", options.reward);
    visit("value", options.value);
    visit("entropy", options.entropy);
    visit("rho", options.rho);
    visit("target_rate", options.target_rate);
    visit("gradient_clip", options.gradient_clip);
    visit("precision", options.precision);
    visit("planning_reward", options.planning_reward);
  };
}

void OneOf(const std::string& where, const char* key, const std::string& value, const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), value) != names.end()) return;
  throw Error(where + ", key \"" + key + "\": expected one of " + Join(names) + ", found \"" + value + "\"" +
              DidYouMean(value, names));
}

}  // namespace

nlohmann::ordered_json EnsembleOptions::ToJson() const { return OptionsToJson(Walk(*this)); }

void EnsembleOptions::Update(const nlohmann::json& json, const std::string& where) {
  UpdateOptions(json, where, Walk(*this));
  if (members < 1 || layers < 1 || width < 1 || batch < 1 || planning_members < 1 || drawn_members < 1) {
    throw Error(where + ": members, layers, width and batch must be at least 1");
  }
}

void LatentOptions::SetSize(const std::string& name) {
  struct Named {
    const char* name;
    int latent, encoder_width, width, values;
  };
  // "1M" and "5M" are as published; "tiny" is what two cores train as fast as a task is played.
  constexpr Named kSizes[] = {{"tiny", 64, 128, 192, 2}, {"1M", 128, 256, 384, 2}, {"5M", 512, 256, 512, 5}};
  for (const Named& known : kSizes) {
    if (name != known.name) continue;
    size = name;
    latent = known.latent;
    encoder_width = known.encoder_width;
    width = known.width;
    values = known.values;
  }
}

nlohmann::ordered_json LatentOptions::ToJson() const { return OptionsToJson(Walk(*this)); }

void LatentOptions::Update(const nlohmann::json& json, const std::string& where) {
  if (json.is_object() && json.contains("size") && json.at("size").is_string()) {
    OneOf(where, "size", json.at("size"), {"tiny", "1M", "5M"});
    SetSize(json.at("size"));
  }
  UpdateOptions(json, where, Walk(*this));
  OneOf(where, "precision", precision, {"auto", "float32", "bfloat16"});
  OneOf(where, "planning_reward", planning_reward, {"learned", "formula"});
  if (latent < 8 || latent % 8 != 0) {
    throw Error(where + ", key \"latent\": expected a multiple of 8, found " + std::to_string(latent));
  }
  if (memory < 0 || memory > 1000 || memory_width < 8) {
    throw Error(where + ": memory must be from 0 to 1000, memory_width at least 8");
  }
  if (width < 8 || encoder_width < 8 || decoder_width < 8 || values < 1 || decoders < 1 || horizon < 1 || batch < 1) {
    throw Error(where + ": widths must be at least 8; values, decoders, horizon and batch at least 1");
  }
}

const std::vector<std::string>& ModelOptions::Kinds() {
  static const std::vector<std::string> kinds = {"ensemble", "latent"};
  return kinds;
}

nlohmann::ordered_json ModelOptions::ToJson() const {
  nlohmann::ordered_json json = {{"kind", kind}};
  json.update(kind == "latent" ? latent.ToJson() : ensemble.ToJson());
  return json;
}

void ModelOptions::Update(const nlohmann::json& json, const std::string& where) {
  nlohmann::json rest = json;
  if (json.is_object() && json.contains("kind")) {
    if (!json.at("kind").is_string()) {
      throw Error(where + ", key \"kind\": expected a model's kind, found " + json.at("kind").dump());
    }
    OneOf(where, "kind", json.at("kind"), Kinds());
    kind = json.at("kind");
    rest.erase("kind");
  }
  if (kind == "latent") latent.Update(rest, where);
  else ensemble.Update(rest, where);
}

}  // namespace reverie
