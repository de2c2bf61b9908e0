// Some frames of a dataset, spread over its episodes and over the time of each, to see at a glance what is in it. The
// caller's thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/dataset.h"
#include "sim/picture.h"

namespace reverie {

struct ContactSheetOptions {
  int most_episodes = 5, most_frames = 6;  // rows, columns
  int width = 240, height = 180;           // pixels of a frame, where the dataset has none of its own
};

struct ContactSheet {
  struct Row {
    int64_t episode = 0;              // in the dataset, from 0
    double episode_return = 0;
    std::vector<int64_t> steps;       // of its frames: rows of the episode's arrays
    std::vector<double> times_s;      // since the episode began
  };
  std::vector<Row> rows;
  std::string camera;
  bool recorded = false;              // the frames are the dataset's own; else drawn now, from its states
  int width = 0, height = 0;          // pixels of a frame
  Picture frames{0, 0};               // (rows x height, columns x width)
};

/// Frames of evenly spaced episodes, from the first to the last, at evenly spaced steps of each. The dataset's own by
/// its first camera, else drawn from the recorded states by the task's camera.
/// @throws DatasetError; DeviceError where the dataset has no frames and none can be drawn here.
ContactSheet MakeContactSheet(const DatasetReader& dataset, const ContactSheetOptions& options = {});

}  // namespace reverie
