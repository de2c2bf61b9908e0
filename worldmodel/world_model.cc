#include "worldmodel/world_model.h"

namespace reverie {

Belief Belief::Of(const Environment& environment) {
  const std::span<const double> channels = environment.channels();
  return {.channels = {channels.begin(), channels.end()},
          .integration_state = environment.SaveState(),
          .parameters = environment.parameters()};
}

}  // namespace reverie
