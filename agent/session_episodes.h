// A session's timeline as episodes: what datasets keep and replays verify. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>

#include "agent/timeline.h"
#include "sim/environment.h"
#include "sim/episode.h"

namespace reverie {

/// See Session::ExtractEpisode.
Episode ExtractEpisode(const CompiledTask& task, const TimelineView& timeline, TimelinePlace place);
/// See Session::SaveEpisodes.
int64_t SaveEpisodes(const CompiledTask& task, const TimelineView& timeline, uint64_t run_seed,
                     const std::filesystem::path& folder);

}  // namespace reverie
