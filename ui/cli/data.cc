#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sim/dataset.h"
#include "sim/dataset_check.h"
#include "sim/dataset_contacts.h"
#include "sim/dataset_report.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"
#include "ui/cli/dataset_picture.h"
#include "ui/cli/frame_options.h"

namespace reverie::cli {
namespace {

using nlohmann::ordered_json;

struct Options {
  CommonOptions common;
  std::string data, picture;
  bool check = false;
};

/// A bar for what turns out to take long; most datasets are read before anybody could look at one.
class PatientProgress {
 public:
  PatientProgress(std::string title, int64_t total) : progress_(std::move(title), total, "episodes") {}
  void Update(int64_t done) {
    if (std::chrono::steady_clock::now() - start_ > std::chrono::seconds(2)) progress_.Update(done);
  }

 private:
  Progress progress_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

ordered_json Json(const Spread& spread) {
  return {{"min", spread.min},
          {"q25", spread.quarter},
          {"median", spread.median},
          {"q75", spread.three_quarters},
          {"max", spread.max},
          {"mean", spread.mean},
          {"not_finite", spread.not_finite}};
}

ordered_json Json(const Coverage& coverage, bool limits) {
  ordered_json channels = ordered_json::array();
  for (const ChannelCoverage& channel : coverage.channels) {
    ordered_json& each = channels.emplace_back();
    each = {{"label", channel.label},           {"min", channel.min},   {"p1", channel.percent_1},
            {"median", channel.median},         {"p99", channel.percent_99}, {"max", channel.max},
            {"mean", channel.mean},             {"std", channel.deviation},
            {"not_finite", channel.not_finite}};
    if (limits) each["at_limit"] = channel.at_limit;
  }
  return {{"rows", coverage.rows},
          {"quantiles_from_one_row_in", coverage.sampled_every},
          {"channels", channels}};
}

/// Nothing where the scene cannot be simulated here, as one of another MuJoCo version.
std::optional<ContactReport> Contacts(const DatasetReader& dataset) {
  try {
    return ReportContacts(dataset, 50000, InterruptToken());
  } catch (const Error&) {
    return std::nullopt;
  }
}

ordered_json Json(const ContactReport& report) {
  ordered_json json = {{"episodes", report.episodes},
                       {"touching", report.touching},
                       {"contacts_per_episode", report.contacts_per_episode}};
  if (report.has_regions) {
    json["crossings_per_episode"] = report.crossings_per_episode;
    json["crossing_episodes"] = report.crossing_episodes;
  }
  return json;
}

ordered_json Json(const DatasetReader& dataset, const DatasetReport& report, const std::string& folder) {
  const DatasetInfo& info = dataset.info();
  ordered_json json;
  json["data"] = folder;
  json["finished"] = dataset.finished();
  json["task"] = info.task_name;
  json["policy"] = info.policy;
  json["seed"] = info.seed;
  json["first_episode"] = info.first_episode;
  json["control_timestep_s"] = info.control_timestep_s;
  json["action_repeat"] = info.action_repeat;
  if (!info.frames.empty()) json["frames"] = FramesJson(info.frames);
  json["episodes"] = report.episodes;
  json["steps"] = report.control_steps;
  json["env_steps"] = report.env_steps;
  json["returns"] = Json(report.returns);
  json["lengths"] = Json(report.lengths);
  json["terminated"] = report.terminated;
  json["truncated"] = report.truncated;
  json["success"] = {{"episodes", report.with_success}, {"any", report.success_any}, {"end", report.success_end}};
  json["quarantined"] = report.diverged.size();
  json["diverged"] = {{"episodes", report.diverged}, {"degrees_of_freedom", report.diverged_at}};
  json["observations"] = Json(report.observations, false);
  json["signals"] = Json(report.signals, false);
  json["actions"] = Json(report.actions, true);
  json["disk_bytes"] = report.disk_bytes;
  return json;
}

std::string Number(double value, int digits = 4) {
  return std::isnan(value) ? "-" : Format("%.*g", digits, value);
}

/// Columns on a terminal: bytes that go on a UTF-8 letter take none.
size_t Width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

/// `cells` right-aligned behind `label`.
std::string Row(const std::string& label, size_t label_width, const std::vector<std::string>& cells) {
  constexpr size_t kCell = 11;
  std::string row = label + std::string(label_width - std::min(label_width, Width(label)), ' ');
  for (const std::string& cell : cells) row += std::string(kCell - std::min(kCell, Width(cell)), ' ') + cell;
  return row;
}

void PrintSpread(const char* name, size_t label_width, const Spread& spread, int digits) {
  std::vector<std::string> cells;
  for (const double value :
       {spread.min, spread.quarter, spread.median, spread.three_quarters, spread.max, spread.mean})
    cells.push_back(Number(value, digits));
  Print(Row(name, label_width, cells) +
        (spread.not_finite > 0 ? Format("  %lld not finite", static_cast<long long>(spread.not_finite)) : ""));
}

void PrintCoverage(const char* name, size_t label_width, const Coverage& coverage, bool limits) {
  if (coverage.channels.empty()) return;
  Print("");
  std::vector<std::string> titles = {"min", "1%", "median", "99%", "max", "std"};
  if (limits) titles.push_back("at limit");
  Print(Row(name, label_width, titles));
  for (const ChannelCoverage& channel : coverage.channels) {
    std::vector<std::string> cells = {Number(channel.min),        Number(channel.percent_1), Number(channel.median),
                                      Number(channel.percent_99), Number(channel.max),       Number(channel.deviation)};
    if (limits) cells.push_back(std::isnan(channel.at_limit) ? "-" : Format("%.1f%%", 100 * channel.at_limit));
    Print(Row("  " + channel.label, label_width, cells) +
          (channel.not_finite > 0 ? Format("  %lld not finite", static_cast<long long>(channel.not_finite)) : ""));
  }
  if (coverage.sampled_every > 1) {
    Print(Format("  1%%, median and 99%% are of a sample: one row in %lld of %lld; the rest is exact",
                 static_cast<long long>(coverage.sampled_every), static_cast<long long>(coverage.rows)));
  }
}

std::string Size(uint64_t bytes) {
  const auto count = static_cast<double>(bytes);
  if (count >= 1e9) return Format("%.2f GB", count / 1e9);
  return count >= 1e6 ? Format("%.1f MB", count / 1e6) : Format("%.1f kB", count / 1e3);
}

std::string FramesText(const FrameSettings& frames) {
  std::string text = Format("%d x %d pixels by ", frames.width, frames.height) + Join(frames.cameras);
  if (frames.depth) text += ", depth";
  if (frames.segmentation) text += ", segmentation";
  if (!frames.hide.empty()) text += ", without " + Join(frames.hide);
  return text + ", " + frames.quality;
}

void PrintText(const DatasetReader& dataset, const DatasetReport& report, const std::string& folder) {
  const DatasetInfo& info = dataset.info();
  const auto number = [](int64_t value) { return std::to_string(value); };
  Print(folder + (dataset.finished() ? "" : " (not finished; this is what was committed)"));
  Print("task           " + info.task_name);
  Print("policy         " + info.policy);
  Print("seed           " + std::to_string(info.seed));
  Print("episodes       " + number(report.episodes) +
        (info.first_episode > 0 ? ", from the run's " + number(info.first_episode) + " on" : ""));
  Print("control steps  " + number(report.control_steps));
  Print("env steps      " + number(report.env_steps) +
        Format(" of %g s, %.1f s in all", info.control_timestep_s,
               static_cast<double>(report.env_steps) * info.control_timestep_s));
  if (!info.frames.empty()) Print("frames         " + FramesText(info.frames));
  Print("ended          " + number(report.terminated) + " terminated, " + number(report.truncated) + " truncated");
  if (report.with_success > 0) {
    Print("success        " + number(report.success_any) + " at any time, " + number(report.success_end) +
          " at the end, of " + number(report.with_success));
  }
  std::string diverged = number(static_cast<int64_t>(report.diverged.size()));
  if (!report.diverged.empty()) {
    std::vector<std::string> where, which;
    for (const auto& [label, count] : report.diverged_at) where.push_back(label + " " + number(count));
    for (const int64_t k : report.diverged) which.push_back(number(k));
    diverged += " quarantined, by degree of freedom: " + Join(where) + "; episodes " + Join(which);
  }
  Print("diverged       " + diverged);
  if (const auto contacts = Contacts(dataset)) {
    std::string text = Format("%.1f an episode, in %.0f%% of the states", contacts->contacts_per_episode, 100 * contacts->touching);
    if (contacts->has_regions) {
      text += Format("; %.1f crossings an episode, %.0f%% of the episodes cross", contacts->crossings_per_episode,
                     100 * contacts->crossing_episodes);
    }
    if (contacts->episodes < report.episodes) text += Format(" (of %lld episodes)", static_cast<long long>(contacts->episodes));
    Print("contacts       " + text);
  }
  Print("disk           " + Size(report.disk_bytes));

  size_t width = std::string("observations").size();
  for (const Coverage* coverage : {&report.observations, &report.signals, &report.actions}) {
    for (const ChannelCoverage& channel : coverage->channels) width = std::max(width, Width(channel.label) + 2);
  }
  Print("");
  Print(Row("per episode", width, {"min", "25%", "median", "75%", "max", "mean"}));
  PrintSpread("  return", width, report.returns, 4);
  PrintSpread("  length", width, report.lengths, 8);
  PrintCoverage("observations", width, report.observations, false);
  PrintCoverage("signals", width, report.signals, false);
  PrintCoverage("actions", width, report.actions, true);
}

int RunCheck(const Options& options) {
  std::unique_ptr<PatientProgress> progress;
  const DatasetCheck check = CheckDataset(
      options.data,
      [&progress](int64_t done, int64_t of) {
        if (!progress) progress = std::make_unique<PatientProgress>("check", of);
        progress->Update(done);
      },
      InterruptToken());
  progress.reset();
  if (check.interrupted) return Interrupted(std::to_string(check.episodes) + " episodes were checked, all sound");
  if (options.common.json) {
    PrintJson({{"data", options.data},
               {"finished", check.finished},
               {"episodes", check.episodes},
               {"steps", check.steps},
               {"sound", true}});
  } else {
    Print(Format("%s: %lld episodes, %lld control steps, all sound%s", options.data.c_str(),
                 static_cast<long long>(check.episodes), static_cast<long long>(check.steps),
                 check.finished ? "" : " (not finished; this is what was committed)"));
  }
  return kDone;
}

int RunData(const Options& options) {
  if (options.check && !options.picture.empty()) throw UsageError("give either --check or --picture");
  if (options.check) return RunCheck(options);
  if (!options.picture.empty() && !options.common.overwrite && std::filesystem::exists(options.picture)) {
    throw Error(options.picture + ": the file exists; give another --picture, or --overwrite to replace it");
  }
  const DatasetReader dataset(options.data);
  std::optional<DatasetReport> report;
  {
    PatientProgress progress("read", dataset.episodes());
    report = ReportDataset(dataset, {}, [&progress](int64_t done) { progress.Update(done); }, InterruptToken());
  }
  if (!report) return Interrupted("nothing was changed");
  if (!options.picture.empty()) DrawDataset(dataset, *report, options.picture);
  if (options.common.json) {
    ordered_json json = Json(dataset, *report, options.data);
    if (const auto contacts = Contacts(dataset)) json["contacts"] = Json(*contacts);
    if (!options.picture.empty()) json["picture"] = options.picture;
    PrintJson(json);
  } else {
    PrintText(dataset, *report, options.data);
    if (!options.picture.empty()) Print("\nthe picture is " + options.picture);
  }
  return kDone;
}

}  // namespace

void AddData(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(app, "data", "What a dataset holds, in numbers, and whether it is sound");
  command.add_option("DIR", options->data, "Folder of the dataset")->required();
  command.add_flag("--check", options->check,
                   "Check every file, array and number against Minari's rules and the dataset's own description");
  command.add_option("--picture", options->picture,
                     "Draw a PNG: frames of episodes spread over the dataset, histograms of returns, lengths, channels");
  AddCommonOptions(command, options->common, kOverwrite);
  SetBody(command, [options] { return RunData(*options); });
}

}  // namespace reverie::cli
