#include <algorithm>

#include "sim/error.h"
#include "worldmodel/jepa.h"
#include "worldmodel/option_json.h"

namespace reverie {
namespace {

template <class Options>
auto Walk(Options& options) {
  return [&options](auto&& visit) {
    visit("size", options.size);
    visit("latent", options.latent);
    visit("channels", options.channels);
    visit("encoder_width", options.encoder_width);
    visit("predictor_width", options.predictor_width);
    visit("predictor_layers", options.predictor_layers);
    visit("encoder", options.encoder);
    visit("heads", options.heads);
    visit("context", options.context);
    visit("stem", options.stem);
    visit("frames", options.frames);
    visit("proprioception", options.proprioception);
    visit("frame_skip", options.frame_skip);
    visit("rollout", options.rollout);
    visit("window", options.window);
    visit("batch", options.batch);
    visit("learning_rate", options.learning_rate);
    visit("weight_decay", options.weight_decay);
    visit("warm_up", options.warm_up);
    visit("gradient_clip", options.gradient_clip);
    visit("objective", options.objective);
    visit("regulariser", options.regulariser);
    visit("sigreg", options.sigreg);
    visit("directions", options.directions);
    visit("deviation", options.deviation);
    visit("covariance", options.covariance);
    visit("time_similarity", options.time_similarity);
    visit("inverse", options.inverse);
    visit("cache_mb", options.cache_mb);
  };
}

void OneOf(const std::string& where, const char* key, const std::string& value, const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), value) != names.end()) return;
  throw Error(where + ", key \"" + key + "\": expected one of " + Join(names) + ", found \"" + value + "\"" +
              DidYouMean(value, names));
}

}  // namespace

void JepaOptions::SetSize(const std::string& name) {
  struct Named {
    const char* name;
    int latent, channels, encoder_width, predictor_width, predictor_layers;
  };
  constexpr Named kSizes[] = {{"tiny", 128, 16, 256, 256, 2}, {"base", 256, 64, 1024, 1024, 3}};
  for (const Named& known : kSizes) {
    if (name != known.name) continue;
    size = name;
    latent = known.latent;
    channels = known.channels;
    encoder_width = known.encoder_width;
    predictor_width = known.predictor_width;
    predictor_layers = known.predictor_layers;
  }
  if (encoder.empty()) return;
  const bool base = size == "base";
  predictor_width = base ? 384 : 48;
  predictor_layers = base ? 6 : 2;
  heads = base ? 6 : 2;
  learning_rate = base ? 1e-3 : 3e-3;
}

void JepaOptions::SetEncoder(const std::string& folder) {
  encoder = folder;
  rollout = std::min(2, window);
  SetSize(size);
}

nlohmann::ordered_json JepaOptions::ToJson() const { return OptionsToJson(Walk(*this)); }

void JepaOptions::Update(const nlohmann::json& json, const std::string& where) {
  if (json.is_object() && json.contains("encoder") && json.at("encoder").is_string() && json.at("encoder") != encoder) {
    SetEncoder(json.at("encoder"));
  }
  if (json.is_object() && json.contains("size") && json.at("size").is_string()) {
    OneOf(where, "size", json.at("size"), {"tiny", "base"});
    SetSize(json.at("size"));
  }
  UpdateOptions(json, where, Walk(*this));
  OneOf(where, "objective", objective, {"joint-embedding", "reconstruction"});
  OneOf(where, "regulariser", regulariser, {"sigreg", "vicreg"});
  OneOf(where, "stem", stem, {"convolution", "patches"});
  const auto range = [&](const char* key, int value, int least, int most) {
    if (value >= least && value <= most) return;
    throw Error(where + ", key \"" + key + "\": expected a whole number from " + std::to_string(least) + " to " +
                std::to_string(most) + ", found " + std::to_string(value));
  };
  range("latent", latent, 2, encoder.empty() ? 4096 : 1 << 24);
  range("channels", channels, 1, 512);
  range("encoder_width", encoder_width, 2, 8192);
  range("predictor_width", predictor_width, 2, 8192);
  range("predictor_layers", predictor_layers, 1, 16);
  range("heads", heads, 1, 256);
  range("context", context, 1, 1000);
  if (!encoder.empty() && predictor_width % heads != 0) {
    throw Error(where + ", key \"predictor_width\": expected a multiple of the " + std::to_string(heads) +
                " \"heads\" of the predictor, found " + std::to_string(predictor_width));
  }
  range("frames", frames, 1, 3);
  range("frame_skip", frame_skip, 1, 1000);
  range("window", window, 1, 1000);
  range("rollout", rollout, 1, window);
  range("batch", batch, 2, 1 << 20);
  range("directions", directions, 1, 1 << 16);
}

}  // namespace reverie
