#include "agent/jepa_eye.h"

#include <cstring>

namespace reverie {

JepaEye::JepaEye(const Jepa& model)
    : model_(model), stream_(StreamsOf(model.frames()).front()), recorder_(model.task().model(), model.frames()) {}

JepaEye::Pixels JepaEye::Draw(const mjModel* model, mjData* data) {
  Pixels pixels(static_cast<size_t>(stream_.frame_bytes()));
  recorder_.Draw(model, data, stream_, pixels);
  return pixels;
}

std::vector<float> JepaEye::See(Pixels picture, std::span<const double> channels) {
  const auto most = static_cast<size_t>(model_.options().frames);
  frames_.push_back(std::move(picture));
  while (frames_.size() > most) frames_.pop_front();
  while (frames_.size() < most) frames_.push_front(frames_.front());
  return Encode(frames_, channels);
}

std::vector<float> JepaEye::SeeStill(const Pixels& picture, std::span<const double> channels) const {
  return Encode(std::deque<Pixels>(static_cast<size_t>(model_.options().frames), picture), channels);
}

std::vector<float> JepaEye::Encode(const std::deque<Pixels>& frames, std::span<const double> channels) const {
  Pixels stacked(frames.front().size() * frames.size());
  for (size_t s = 0; s < frames.size(); ++s) {
    for (size_t i = 0; i < frames[s].size() / 3; ++i) {
      std::memcpy(stacked.data() + (i * frames.size() + s) * 3, frames[s].data() + i * 3, 3);
    }
  }
  std::vector<float> felt, latent(static_cast<size_t>(model_.options().latent));
  for (const int element : model_.proprioception()) {
    if (!channels.empty()) felt.push_back(static_cast<float>(channels[static_cast<size_t>(element)]));
  }
  model_.Encode({1, stacked, felt}, latent);
  return latent;
}

}  // namespace reverie
