// Datasets under kill -9 and full disks. The system calls by which files change are replaced here by ones
// that can kill the process, or fail, at a chosen call: every point at which a run can be cut is tried.
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <iostream>

#include <doctest/doctest.h>

#include "sim/dataset.h"
#include "sim/error.h"
#include "tests/sim/dataset_fixture.h"

using namespace reverie;
using namespace reverie::dataset_fixture;
namespace fs = std::filesystem;

namespace {

int g_calls_until_kill = -1;   // -1: never
bool g_disk_is_full = false;   // writes fail with ENOSPC
int g_writes_until_full = -1;  // -1: never

void CountCall() {
  if (g_calls_until_kill >= 0 && g_calls_until_kill-- == 0) kill(getpid(), SIGKILL);
}

// Bytes that a write may still do: all, half of them when the process dies in it, none on a full disk.
bool MayWrite(size_t& size) {
  if (g_writes_until_full >= 0 && g_writes_until_full-- == 0) g_disk_is_full = true;
  if (g_disk_is_full) {
    errno = ENOSPC;
    return false;
  }
  if (g_calls_until_kill == 0) size /= 2;
  return true;
}

}  // namespace

extern "C" {
ssize_t write(int fd, const void* bytes, size_t size) {
  if (!MayWrite(size)) return -1;
  const ssize_t written = syscall(SYS_write, fd, bytes, size);
  CountCall();
  return written;
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t offset) {
  if (!MayWrite(size)) return -1;
  const ssize_t written = syscall(SYS_pwrite64, fd, bytes, size, offset);
  CountCall();
  return written;
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return pwrite64(fd, bytes, size, offset);
}
// A killed process loses nothing that the kernel has, so the tests need not wait for the disk.
int fsync(int) {
  CountCall();
  return 0;
}
int rename(const char* from, const char* to) noexcept {
  CountCall();
  return static_cast<int>(syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}
int unlink(const char* path) noexcept {
  CountCall();
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
int unlinkat(int folder, const char* path, int flags) noexcept {
  CountCall();
  return static_cast<int>(syscall(SYS_unlinkat, folder, path, flags));
}
}

namespace {

/// Runs `action` in a process that is killed at its n-th change to a file. Returns whether it got to its end.
bool RunKilledAt(int n, const std::function<void()>& action) {
  const pid_t child = fork();
  if (child == 0) {
    g_calls_until_kill = n;
    try {
      action();
    } catch (...) {
      _exit(2);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) REQUIRE(WTERMSIG(status) == SIGKILL);
  if (WIFEXITED(status)) REQUIRE(WEXITSTATUS(status) == 0);
  return WIFEXITED(status);
}

/// Tries every point; `recover` runs after each kill, and the folder must then equal `expected`.
int TryEveryKill(const fs::path& run, const fs::path& expected, const std::function<void()>& prepare,
                 const std::function<void()>& action, const std::function<void()>& recover) {
  for (int n = 0;; ++n) {
    CAPTURE(n);
    fs::remove_all(run);
    prepare();
    const bool ended = RunKilledAt(n, action);
    if (!ended) {
      recover();
      REQUIRE(Differences(expected, run) == "");
    } else {
      return n;
    }
  }
}

}  // namespace

TEST_CASE("A run killed at any point is resumed to the bytes of one that was not") {
  const TemporaryFolder folder;
  DatasetInfo info;
  SUBCASE("states alone") { info = MakeInfo(); }
  SUBCASE("with frames") { info = MakeInfoWithFrames(); }
  WriteRun(folder / "whole/run", info, 5, 100);
  const int kills = TryEveryKill(
      folder / "run", folder / "whole/run", [] {}, [&] { WriteRun(folder / "run", info, 5, 2); },
      [&] { WriteRun(folder / "run", info, 5, 2, true); });
  MESSAGE("killed at ", kills, " points");
  CHECK(kills > 40);
}

TEST_CASE("A finished dataset that is being extended survives a kill at any point") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  WriteRun(folder / "whole/run", info, 4, 100);
  const int kills = TryEveryKill(
      folder / "run", folder / "whole/run", [&] { WriteRun(folder / "run", info, 2, 100); },
      [&] { WriteRun(folder / "run", info, 4, 1, true); },
      [&] {
        CHECK(DatasetReader(folder / "run").episodes() >= 2);
        WriteRun(folder / "run", info, 4, 1, true);
      });
  CHECK(kills > 40);
}

TEST_CASE("Dropping episodes survives a kill at any point") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  WriteRun(folder / "whole/run", info, 2, 100);
  const auto keep = [&] {
    DatasetWriter writer(folder / "run", info, true);
    writer.KeepFirst(2);
    writer.Finish();
  };
  const auto prepare = [&] {
    DatasetWriter writer(folder / "run", info, false);
    for (int64_t k = 0; k < 6; ++k) {
      writer.Append(MakeEpisode(info, k, Steps(k)));
      if (k % 3 == 2) writer.Commit();
    }
  };
  const int kills = TryEveryKill(folder / "run", folder / "whole/run", prepare, keep, keep);
  CHECK(kills > 20);
}

TEST_CASE("A full disk is one line that names the file, and the run goes on once there is room") {
  const TemporaryFolder folder;
  DatasetInfo info;
  SUBCASE("states alone") { info = MakeInfo(); }
  SUBCASE("with frames") { info = MakeInfoWithFrames(); }
  WriteRun(folder / "whole/run", info, 3, 100);
  // In a process of its own that must end by itself: HDF5 must not be left with data that it cannot write.
  for (int writes = 0;; ++writes) {
    CAPTURE(writes);
    fs::remove_all(folder / "run");
    std::cout.flush();
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);
      g_writes_until_full = writes;
      const std::string message = MessageOf([&] { WriteRun(folder / "run", info, 3, 2); });
      const bool clear = IsOneLine(message) && Contains(message, (folder / "run").string()) &&
                         Contains(message, "No space left on device");
      std::exit(message == "(no error)" ? 7 : clear ? 8 : 9);
    }
    int status = 0;
    waitpid(child, &status, 0);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 7) {
      CHECK(writes > 10);
      break;
    }
    REQUIRE(WEXITSTATUS(status) == 8);
    WriteRun(folder / "run", info, 3, 2, true);
    REQUIRE(Differences(folder / "whole/run", folder / "run") == "");
  }
}

TEST_CASE("The same writer can commit and finish after a full disk") {
  const TemporaryFolder folder;
  const DatasetInfo info = MakeInfo();
  WriteRun(folder / "whole/run", info, 2, 100);
  // In another process: HDF5 keeps some memory of a file that it could not close, which leak checkers report.
  const pid_t child = fork();
  if (child == 0) {
    const auto fails = [](const std::function<void()>& action) {
      return Contains(MessageOf(action), "No space left");
    };
    bool right = true;
    {
      DatasetWriter writer(folder / "run", info, false);
      writer.Append(MakeEpisode(info, 0, Steps(0)));
      writer.Append(MakeEpisode(info, 1, Steps(1)));
      g_disk_is_full = true;
      right = right && fails([&] { writer.Commit(); }) && fails([&] { writer.Finish(); }) &&
              writer.committed() == 0;
      g_disk_is_full = false;
      writer.Commit();
      right = right && writer.committed() == 2;
      g_disk_is_full = true;
      right = right && fails([&] { writer.Finish(); });
      g_disk_is_full = false;
      writer.Finish();
    }
    _exit(right ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(Differences(folder / "whole/run", folder / "run") == "");
}
