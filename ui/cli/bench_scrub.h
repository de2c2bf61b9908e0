// `bench scrub`: how long going back to any step takes, and whether the state is the very one.
#pragma once

#include <memory>

#include <nlohmann/json.hpp>

#include "agent/session.h"

namespace reverie::cli {

/// Plays 10,000 control steps, then goes to 500 of them at random: milliseconds until the session's snapshot shows
/// the step, and how many of them hold the recorded state and lead on to the recorded next one, bit for bit.
nlohmann::ordered_json BenchScrub(std::shared_ptr<const CompiledTask> task, uint64_t seed, int threads);

}  // namespace reverie::cli
