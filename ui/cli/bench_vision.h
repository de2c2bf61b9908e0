// `bench train|plan --model jepa`: updates and plans to a goal that is a picture, with random pictures and weights:
// what they cost does not depend on what they show. Needs LibTorch.
#pragma once

#include "ui/cli/bench_rates.h"

namespace reverie::cli {

/// @param peak  the machine's measured matrix-product rate, operations/s.
nlohmann::ordered_json BenchVision(std::shared_ptr<const CompiledTask> task, const BenchOptions& options,
                                   const std::string& device, double peak);

}  // namespace reverie::cli
