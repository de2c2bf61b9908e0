#include "worldmodel/world_model.h"

#include <algorithm>

#include "worldmodel/replay_buffer.h"

namespace reverie {

Belief Belief::Of(const Environment& environment) {
  const std::span<const double> channels = environment.channels();
  return {.channels = {channels.begin(), channels.end()},
          .integration_state = environment.SaveState(),
          .parameters = environment.parameters(),
          .past = {}};
}

Belief Belief::Of(const CompiledTask& task, const Episode& episode, int64_t step, int memory) {
  const auto row = [](const std::vector<double>& values, int64_t k, int64_t width) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(k * width);
    return std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(width));
  };
  Belief belief;
  belief.channels = ChannelsAt(episode, step);
  if (!episode.integration_state.empty()) belief.integration_state = row(episode.integration_state, step, task.state_size());
  belief.parameters = episode.model_parameters;
  for (int64_t k = std::max<int64_t>(0, step - memory); k < step; ++k) {
    const std::vector<double> channels = ChannelsAt(episode, k), action = row(episode.actions, k, task.action_size());
    belief.past.insert(belief.past.end(), channels.begin(), channels.end());
    belief.past.insert(belief.past.end(), action.begin(), action.end());
    if (episode.integration_state.empty()) continue;
    const std::vector<double> state = row(episode.integration_state, k, task.state_size());
    belief.past_states.insert(belief.past_states.end(), state.begin(), state.end());
  }
  return belief;
}

}  // namespace reverie
