// The contact sheet that `data --picture` draws.
#pragma once

#include <filesystem>

#include "sim/dataset.h"
#include "sim/dataset_report.h"

namespace reverie::cli {

/// Draws frames of a dataset and its histograms into a PNG. Where frames can neither be read nor drawn, a line on stderr
/// says what is missing and the histograms stand alone.
/// @throws Error if Python or matplotlib is missing, or the file cannot be written; DatasetError.
void DrawDataset(const DatasetReader& dataset, const DatasetReport& report, const std::filesystem::path& picture);

}  // namespace reverie::cli
