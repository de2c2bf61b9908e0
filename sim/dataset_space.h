// The parts of Minari's metadata that need reading rather than keeping: spaces as JSON in a text, ids, versions.
// Plain functions, no files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/frames.h"

namespace reverie {

/// Gymnasium's Box of float64 with one axis. Bounds may be infinite.
struct BoxSpace {
  std::vector<double> low, high;  // both (n), low <= high
};

BoxSpace UnboundedSpace(int64_t size);
/// From -1 to 1.
BoxSpace UnitSpace(int64_t size);

/// A Box as Minari writes it: every bound of every number, all `low` and all `high`, as JSON with Python's Infinity.
std::string BoxSpaceText(const std::string& type, const std::vector<int64_t>& shape, const std::string& low,
                         const std::string& high);
/// The observation space of a dataset: a Box of `size` float64, or with frames a Dict of that one, `state`, and of Dicts
/// `pixels`, `depth` and `segmentation` with a Box for each camera.
std::string ObservationSpaceText(int64_t size, const FrameSettings& frames);

/// Reads the bounds of the states in a space that ObservationSpaceText wrote, or that Minari wrote again.
/// @throws DatasetError naming `origin` where it is another space.
BoxSpace ParseObservationSpace(const std::string& text, int64_t size, const FrameSettings& frames,
                               const std::string& origin);

/// Reads a space as Minari writes it: JSON with Python's Infinity and -Infinity.
/// @throws DatasetError naming `origin` where it is no Box of `size` float64, or its bounds are none.
BoxSpace ParseBoxSpace(const std::string& text, int64_t size, const std::string& origin);

/// Whether Minari 0.5.4 opens datasets that say they are of this version.
bool MinariReads(std::string_view version);

/// Whether Minari takes it for a dataset's id, version included: "mujoco/walker-v0".
bool IsMinariId(std::string_view id);

/// The shortest text that gives the number back; "nan", "inf", "-inf".
std::string NumberText(double value);

}  // namespace reverie
