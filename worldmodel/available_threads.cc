#include <sched.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>

#include "worldmodel/simulator_model.h"

namespace reverie {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

/// First word of a file; "" where there is none.
std::string Word(const std::filesystem::path& file) {
  std::string word;
  std::ifstream(file) >> word;
  return word;
}

/// Whether a list "a,b,c" has `word`.
bool HasWord(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

/// Processors' worth of time that one control group allows: version 2 writes "quota period" (or "max period")
/// in cpu.max, version 1 a quota (or -1) and a period in two files.
double GroupQuota(const std::filesystem::path& folder, bool version_2) {
  double quota = -1.0, period = 0.0;
  if (version_2) {
    std::ifstream(folder / "cpu.max") >> quota >> period;
  } else {
    std::istringstream(Word(folder / "cpu.cfs_quota_us")) >> quota;
    std::istringstream(Word(folder / "cpu.cfs_period_us")) >> period;
  }
  return quota > 0.0 && period > 0.0 ? quota / period : kUnlimited;
}

/// The smallest quota of this process's group and those around it.
double ContainerQuota() {
  double least = kUnlimited;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "4:cpu,cpuacct:/path", or "0::/path" for version 2
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers = std::string_view(line).substr(first + 1, second - first - 1);
    const bool version_2 = controllers.empty();
    if (!version_2 && !HasWord(controllers, "cpu")) continue;
    const std::filesystem::path root = version_2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    // Inside a container the path may be the host's and lead nowhere here; the root is then the container's.
    for (std::filesystem::path path = line.substr(second + 1);; path = path.parent_path()) {
      least = std::min(least, GroupQuota(root / path.relative_path(), version_2));
      if (!path.has_relative_path()) break;
    }
  }
  return least;
}

}  // namespace

int AvailableThreads() {
  int processors = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) processors = std::max(1, CPU_COUNT(&allowed));
  const double quota = ContainerQuota();
  return quota < processors ? std::max(1, static_cast<int>(std::ceil(quota))) : processors;
}

}  // namespace reverie
