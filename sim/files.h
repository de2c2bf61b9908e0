// Files that appear whole or not at all, and output folders that are never overwritten unasked.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace reverie {

/// Reads a whole file. @throws Error naming the path and the system's reason.
std::string ReadFile(const std::filesystem::path& path);

/// Writes beside `path`, flushes to disk, renames over it. @throws Error naming the path and the reason.
void WriteFileAtomically(const std::filesystem::path& path, std::string_view bytes);

/// Flushes a file that something else wrote to disk and renames it to `path`. @throws Error.
void CommitFile(const std::filesystem::path& temporary, const std::filesystem::path& path);

/// Creates `folder` for a run's output. An existing folder with anything in it is refused, or emptied when
/// `overwrite` is set and it looks like one that Reverie made (holds `marker`, or is empty).
/// @throws Error saying what was found and that --overwrite (or --resume) is the way on.
void PrepareOutputFolder(const std::filesystem::path& folder, bool overwrite, std::string_view marker);

}  // namespace reverie
