// Observations of an episode in HDF5: an array, or, where a dataset has frames, a group that holds that array as
// `state` and beside it the frames: pixels/CAMERA, depth/CAMERA, segmentation/CAMERA.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/dataset.h"
#include "sim/hdf5_file.h"

namespace reverie {

/// @throws ShapeError naming the stream if an episode has not one frame for every state, in every stream of `info`.
void CheckFrameCounts(const Episode& episode, const DatasetInfo& info);

/// Writes `observations` into an episode's group, frames included.
void WriteObservations(Hdf5Group& group, const Episode& episode, const DatasetInfo& info);
/// Observations without frames, (rows, nobs). @throws DatasetError.
std::vector<double> ReadObservations(const Hdf5Group& group, int64_t rows, const DatasetInfo& info);

/// Reads an episode's frames, compressed as they are, into `episode`; nothing where the dataset has none.
/// @throws DatasetError as ReadEpisode does.
void ReadEpisodeFrames(const Hdf5Group& root, int64_t id, const DatasetInfo& info, Episode& episode);

/// Some frames of a stream, uncompressed. @throws DatasetError, ShapeError as DatasetReader::ReadFrames.
std::vector<uint8_t> ReadFrameRows(const Hdf5Group& root, int64_t id, const DatasetInfo& info,
                                   const FrameStream& stream, int64_t first, int64_t count);

/// The same of an episode in memory. @param where  names it in messages.
std::vector<uint8_t> UnpackFrames(const Episode& episode, const DatasetInfo& info, const FrameStream& stream,
                                  int64_t first, int64_t count, const std::string& where);

/// The frames of one episode below any group: a group for each kind of picture, in it an array for each camera.
void WriteFrames(Hdf5Group& group, const Episode& episode, const DatasetInfo& info);
/// @throws DatasetError naming the file, the array, what was expected and found.
std::vector<FrameSequence> ReadFrames(const Hdf5Group& group, int64_t steps, const DatasetInfo& info);

}  // namespace reverie
