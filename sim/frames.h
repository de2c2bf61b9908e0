// What cameras saw, as a dataset keeps it: which pictures there are of every state, how they are called, and frames
// compressed one by one. Bytes alone: no GL, no files, no threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace reverie {

/// Which pictures a dataset has of every state. Part of its set-up.
struct FrameSettings {
  int width = 0, height = 0;          // pixels
  std::vector<std::string> cameras;   // labels of the scene's cameras, or kFreeCamera; none: no pictures
  std::string quality = "fast";       // "fast": no multisampling, shadows or reflections; "full"
  bool depth = false, segmentation = false;
  std::vector<std::string> hide = {};  // bodies, geoms and sites that are left out of the pictures

  bool empty() const { return cameras.empty(); }
  bool operator==(const FrameSettings&) const = default;
};

/// The camera of a scene that has none: one that frames the whole scene and stands still.
inline constexpr char kFreeCamera[] = "free";

/// Pixels are RGB, (height, width, 3) of uint8. Depth is (height, width) of float32: metres from the camera's plane,
/// not from its centre; where nothing is, the distance of the far clipping plane. Segmentation is (height, width, 2)
/// of int32, as dm_control and MuJoCo's Python renderer have it: the object's id, then its type (mjtObj: 5 a geom);
/// -1, -1 where nothing is. The first row is on top.
enum class FrameKind { kPixels, kDepth, kSegmentation };

/// All pictures of one kind that one camera took.
struct FrameStream {
  FrameKind kind = FrameKind::kPixels;
  std::string camera;
  int width = 0, height = 0;
  bool operator==(const FrameStream&) const = default;

  /// "pixels", "depth", "segmentation": the group of a dataset's observations that holds it.
  const char* group() const;
  /// Name in that group: the camera's, with "%2F" for "/", which HDF5 takes for a path, "%25" for "%" and the like
  /// for control characters and a name that is "." alone.
  std::string name() const;
  /// NumPy's name of the element type.
  const char* type() const;
  int64_t element_bytes() const;
  /// Of one frame: (height, width, 3), (height, width) or (height, width, 2).
  std::vector<int64_t> shape() const;
  int64_t frame_bytes() const;
};

/// The streams of a dataset in their order: pixels of every camera, then depth, then segmentation.
std::vector<FrameStream> StreamsOf(const FrameSettings& settings);

/// Compressed frames, one behind the other.
class FrameSequence {
 public:
  int64_t size() const { return static_cast<int64_t>(ends_.size()); }
  size_t bytes() const { return data_.size(); }
  /// @param packed  what PackFrame gave.
  void Add(std::span<const uint8_t> packed);
  std::span<const uint8_t> operator[](int64_t frame) const;
  /// Drops all but the first `count`.
  void Keep(int64_t count);
  void Reserve(int64_t frames, size_t bytes);
  bool operator==(const FrameSequence&) const = default;

 private:
  std::vector<uint8_t> data_;
  std::vector<size_t> ends_;
};

/// Compresses frames as HDF5's filters do, so that every HDF5 reader opens them: elements of several bytes shuffled
/// (all first bytes, then all second ones, ...), then zlib's deflate. Not for several threads at a time.
class FramePacker {
 public:
  FramePacker();
  ~FramePacker();
  FramePacker(const FramePacker&) = delete;
  FramePacker& operator=(const FramePacker&) = delete;
  /// @return  the packed frame, until the next call.
  std::span<const uint8_t> Pack(std::span<const uint8_t> frame, int64_t element_bytes);

 private:
  struct Stream;
  Stream* stream_;
  std::vector<uint8_t> shuffled_, packed_;
};

/// zlib's level in them. On frames of a cheetah of 64 x 64, level 1 halves the room in an eighth of the time that
/// drawing takes; level 6 takes twice as long and saves a twentieth more, and colours in planes take a quarter more room.
inline constexpr int kFrameCompression = 1;

/// The opposite. @throws DatasetError naming `origin` where these are not the bytes of such a frame.
void UnpackFrame(std::span<const uint8_t> packed, int64_t element_bytes, std::span<uint8_t> frame,
                 const std::string& origin);

}  // namespace reverie
