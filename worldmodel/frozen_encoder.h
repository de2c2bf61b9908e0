// A published V-JEPA 2 as the eyes of a model of pictures: its encoder's tokens of a picture, normalised over each token
// as V-JEPA 2-AC does, and never trained. Pictures are resized to its crop, a longer side cut. What is const may be called
// from several threads.
// Source: Assran et al. 2025, V-JEPA 2, section 3.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace reverie {

/// Which encoder it is, wherever it lies: what a model keeps of the one that it was trained with.
struct EncoderIdentity {
  struct File {
    std::string name;
    int64_t bytes = 0, modified_ns = 0;
    bool operator==(const File&) const = default;
  };

  std::filesystem::path folder;  // absolute
  std::string fingerprint;       // of weights, configuration and preprocessing
  std::vector<File> files;       // by which it is known without reading them all

  /// Reads all of its files. @throws CheckpointError for a folder without weights; Error.
  static EncoderIdentity Of(const std::filesystem::path& folder);
  /// Of the folder that `expected` names. Its files are read only where they have another size or time.
  /// @param where  the model that was trained with it, for the message.
  /// @throws CheckpointError: no such folder, or not the encoder that was expected.
  static EncoderIdentity Check(const EncoderIdentity& expected, const std::string& where);

  nlohmann::ordered_json ToJson() const;
  /// @throws CheckpointError naming `where`.
  static EncoderIdentity FromJson(const nlohmann::json& json, const std::string& where);
};

class FrozenEncoder {
 public:
  /// @param height, width  of the pictures, pixels. @param frames  of one picture: one, which fills a tubelet by being
  /// repeated, or as many as a tubelet has. @param device  as ResolveDevice gives it.
  /// @throws CheckpointError as VJepa2::Load does; Error for another number of frames.
  FrozenEncoder(EncoderIdentity identity, int64_t height, int64_t width, int64_t frames, const std::string& device);
  ~FrozenEncoder();

  const EncoderIdentity& identity() const;
  /// What its features are of, beside the pictures: equal where they are.
  std::string fingerprint() const;
  int64_t frames() const;    // of one picture
  int64_t rows() const;      // of tokens
  int64_t columns() const;
  int64_t tokens() const { return rows() * columns(); }
  int64_t channels() const;  // of a token
  /// Numbers of one picture.
  int64_t size() const { return tokens() * channels(); }

  /// @param pixels    (count, height, width, frames, 3)
  /// @param features  (count, tokens, channels), each token of mean 0 and variance 1. @throws ShapeError.
  void Encode(std::span<const uint8_t> pixels, int64_t count, std::span<float> features) const;
  /// The same in the precision in which they are kept.
  void EncodeHalf(std::span<const uint8_t> pixels, int64_t count, std::span<uint16_t> features) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
