#include "ui/cli/dataset_picture.h"

#include <cmath>
#include <string>

#include <unistd.h>

#include "sim/contact_sheet.h"
#include "sim/error.h"
#include "sim/files.h"
#include "sim/video.h"
#include "ui/cli/command.h"
#include "ui/cli/picture.h"

namespace reverie::cli {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

/// Where what the script reads lies while it draws.
class HandOver {
 public:
  HandOver() : path_(fs::temp_directory_path() / ("reverie-picture-" + std::to_string(getpid()))) {
    std::error_code code;
    fs::create_directories(path_, code);
    if (code) throw Error(path_.string() + ": the folder cannot be created: " + code.message());
  }
  ~HandOver() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

ordered_json Json(const Histogram& histogram) {
  return {{"low", histogram.low}, {"high", histogram.high}, {"counts", histogram.counts}};
}

ordered_json Json(const Coverage& coverage) {
  ordered_json channels = ordered_json::array();
  for (const ChannelCoverage& channel : coverage.channels) {
    ordered_json& each = channels.emplace_back(Json(channel.histogram));
    each["label"] = channel.label;
  }
  return channels;
}

ordered_json Json(const ContactSheet& sheet) {
  ordered_json rows = ordered_json::array();
  for (const ContactSheet::Row& row : sheet.rows) {
    rows.push_back({{"episode", row.episode},
                    {"return", std::isfinite(row.episode_return) ? row.episode_return : 0},
                    {"steps", row.steps},
                    {"times_s", row.times_s}});
  }
  return {{"width", sheet.width}, {"height", sheet.height}, {"rows", rows}};
}

}  // namespace

void DrawDataset(const DatasetReader& dataset, const DatasetReport& report, const fs::path& picture) {
  const DatasetInfo& info = dataset.info();
  const HandOver folder;
  ordered_json json;
  json["title"] = info.task_name;
  std::string subtitle = Format("%lld episodes, %lld control steps, policy ", static_cast<long long>(report.episodes),
                                static_cast<long long>(report.control_steps)) +
                         info.policy;
  json["returns"] = Json(report.returns.histogram);
  json["lengths"] = Json(report.lengths.histogram);
  json["observations"] = Json(report.observations);
  json["signals"] = Json(report.signals);
  json["actions"] = Json(report.actions);
  try {
    const ContactSheet sheet = MakeContactSheet(dataset);
    json["frames"] = Json(sheet);
    if (!sheet.rows.empty()) {
      WritePng(folder.path() / "frames.png", sheet.frames.width, sheet.frames.height, sheet.frames.rgb);
      subtitle += "; camera " + sheet.camera +
                  (sheet.recorded ? "" : ", drawn from the recorded states since the dataset has no frames");
    }
  } catch (const DeviceError& error) {
    Log(std::string("reverie: no frames in the picture: ") + error.what());
    json["note"] = "no frames: none in the dataset, and nothing here to draw them with";
  }
  json["subtitle"] = subtitle;
  const auto replace = nlohmann::json::error_handler_t::replace;
  WriteFileAtomically(folder.path() / "dataset.json", json.dump(1, ' ', false, replace));
  if (!RunScript("plot_dataset.py", {folder.path().string(), "--out", picture.string()}))
    throw Error(picture.string() + ": the picture was not drawn; scripts/setup.sh installs what it needs (Python, "
                "matplotlib), REVERIE_PYTHON names another Python");
}

}  // namespace reverie::cli
