#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include "ui/cli/command.h"

namespace reverie::cli {
namespace {

using Clock = std::chrono::steady_clock;

// MuJoCo may warn from any simulation thread, so lines and the bar take turns.
std::mutex g_mutex;
std::string g_bar;  // as it stands on the terminal; empty: none

bool StderrIsTerminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) && term != nullptr && std::string_view(term) != "dumb";
}

size_t TerminalWidth() {
  winsize size = {};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void Write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

constexpr char kClearLine[] = "\r\x1b[K";

}  // namespace

void Log(const std::string& line) {
  const std::lock_guard lock(g_mutex);
  Write(g_bar.empty() ? line + "\n" : kClearLine + line + "\n" + g_bar);
}

struct Progress::Impl {
  std::string title, unit;
  int64_t total;
  int64_t first = -1;  // a resumed run does not start at 0
  bool shown;
  Clock::time_point start = Clock::now();
  Clock::time_point drawn = {};
};

Progress::Progress(std::string title, int64_t total, std::string unit)
    : impl_(new Impl{
          .title = std::move(title), .unit = std::move(unit), .total = total, .shown = StderrIsTerminal()}) {}

Progress::~Progress() {
  const std::lock_guard lock(g_mutex);
  if (!g_bar.empty()) Write(kClearLine);
  g_bar.clear();
}

void Progress::Update(int64_t done, const std::string& note) {
  if (!impl_->shown) return;
  if (impl_->first < 0) impl_->first = done;
  const Clock::time_point now = Clock::now();
  if (now - impl_->drawn < std::chrono::milliseconds(100)) return;
  impl_->drawn = now;
  const double share =
      impl_->total > 0 ? std::clamp(static_cast<double>(done) / impl_->total, 0.0, 1.0) : 0.0;
  constexpr size_t kCells = 20;
  const auto filled = static_cast<size_t>(share * kCells);
  std::string bar =
      Format("%s [%s%s] %3.0f%% %lld/%lld %s", impl_->title.c_str(), std::string(filled, '#').c_str(),
             std::string(kCells - filled, '-').c_str(), 100 * share, static_cast<long long>(done),
             static_cast<long long>(impl_->total), impl_->unit.c_str());
  const double elapsed_s = std::chrono::duration<double>(now - impl_->start).count();
  if (done > impl_->first && done < impl_->total) {
    const auto left_s = static_cast<long long>(elapsed_s * (impl_->total - done) / (done - impl_->first));
    bar += Format(", %lld:%02lld left", left_s / 60, left_s % 60);
  }
  if (!note.empty()) bar += ", " + note;
  bar.resize(std::min(bar.size(), TerminalWidth() - 1));
  const std::lock_guard lock(g_mutex);
  g_bar = bar;
  Write(kClearLine + bar);
}

}  // namespace reverie::cli
