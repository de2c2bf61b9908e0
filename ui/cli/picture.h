// Pictures that commands leave beside their figures: plots drawn by the Python scripts, and films.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "worldmodel/comparison.h"

namespace reverie::cli {

/// Runs a Python script of scripts/, whose output goes to stderr. Returns whether it did its work.
bool RunScript(const std::string& script, const std::vector<std::string>& arguments);

/// Runs a plotting script. Figures are complete without it: where Python or matplotlib is missing, a line on
/// stderr says so and how to draw the picture later.
void DrawPicture(const std::string& script, const std::vector<std::string>& arguments);

/// Real and predicted side by side, over the window where the model is most wrong. Without a GL driver, a
/// line on stderr says what is missing.
void FilmWorstWindow(std::shared_ptr<const CompiledTask> task, const Episode& episode,
                     const Comparison& comparison, const std::filesystem::path& path);

}  // namespace reverie::cli
