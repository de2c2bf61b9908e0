// The one family of exceptions that constructors and loaders throw at users.
// A message is one line: what, where (file and key), expected, found, what to do.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace reverie {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A scene file is missing, malformed, of another MuJoCo version, or lacks something that is asked of it.
class SceneError : public Error {
 public:
  using Error::Error;
};

/// A task file is malformed, or names what its scene does not have.
class TaskError : public Error {
 public:
  using Error::Error;
};

/// A formula does not parse, or its sizes do not fit.
class FormulaError : public Error {
 public:
  using Error::Error;
};

/// A dataset or one of its files is missing, truncated, foreign or in use.
class DatasetError : public Error {
 public:
  using Error::Error;
};

/// A model folder lacks a file or tensor, or belongs to another task or size.
class CheckpointError : public Error {
 public:
  using Error::Error;
};

/// An array has another size than the call needs.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// A GL driver, a device or a codec that the machine does not have.
class DeviceError : public Error {
 public:
  using Error::Error;
};

/// Returns "; did you mean 'a' or 'b'?" for the candidates whose spelling is near `word`, else "".
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

/// Returns "a, b, c" (at most `limit` items, then how many more).
std::string Join(const std::vector<std::string>& items, size_t limit = 12);

}  // namespace reverie
