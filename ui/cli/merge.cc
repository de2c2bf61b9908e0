#include "sim/merge.h"

#include <filesystem>
#include <vector>

#include "sim/dataset.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"

namespace reverie::cli {
namespace {

struct Options {
  CommonOptions common;
  std::vector<std::string> inputs;
  std::string out;
};

int RunMerge(const Options& options) {
  for (const std::string& input : options.inputs) {
    if (std::error_code ignored; std::filesystem::equivalent(input, options.out, ignored)) {
      throw UsageError("--out " + options.out + " is one of the datasets to merge");
    }
  }
  // What --overwrite would empty stays where the datasets do not go together.
  const MergeResult result = MergeDatasets({options.inputs.begin(), options.inputs.end()}, options.out, [&] {
    PrepareOutput(options.out, options.common, kDatasetMarker);
  });
  if (!result.note.empty()) Log("reverie: note: " + result.note);
  if (options.common.json) {
    PrintJson({{"out", options.out},
               {"datasets", options.inputs.size()},
               {"episodes", result.episodes},
               {"steps", result.steps},
               {"one_run", result.one_run},
               {"note", result.note}});
  } else {
    Print(Format("%s: %lld episodes, %lld control steps from %zu datasets", options.out.c_str(),
                 static_cast<long long>(result.episodes), static_cast<long long>(result.steps),
                 options.inputs.size()));
  }
  return kDone;
}

}  // namespace

void AddMerge(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      AddCommand(app, "merge", "Join datasets of the same set-up; shards of a run become that run");
  command.add_option("DIR", options->inputs, "Datasets to join")->required();
  command.add_option("--out", options->out, "Folder of the joined dataset")->required();
  AddCommonOptions(command, options->common, kOverwrite);
  SetBody(command, [options] { return RunMerge(*options); });
}

}  // namespace reverie::cli
