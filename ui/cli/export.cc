#include "sim/export.h"

#include <filesystem>
#include <memory>

#include "sim/dataset.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"

namespace reverie::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string data, out;
  ExportOptions format;
};

int RunExport(const Options& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(options.out, ignored)) {
    throw Error(options.out + ": expected a file to write to, found a folder; give a name such as " + options.out +
                "/data" + ExportSuffix(options.format.format));
  }
  if (!options.common.overwrite && std::filesystem::exists(options.out, ignored)) {
    throw Error(options.out + ": expected no such file, found one; give another --out, or --overwrite to replace it");
  }
  const DatasetReader dataset(options.data);
  ExportResult result;
  {
    Progress progress("export", dataset.episodes(), "episodes");
    result = ExportDataset(dataset, options.out, options.format, [&](int64_t done) { progress.Update(done); },
                           InterruptToken());
  }
  if (result.interrupted) return Interrupted("nothing was written to " + options.out);
  if (options.common.json) {
    PrintJson({{"out", options.out},
               {"format", options.format.format},
               {"episodes", result.episodes},
               {"rows", result.rows}});
  } else {
    Print(Format("%s: %lld episodes, %lld rows as %s has them", options.out.c_str(),
                 static_cast<long long>(result.episodes), static_cast<long long>(result.rows),
                 options.format.format.c_str()));
  }
  return kDone;
}

}  // namespace

void AddExport(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(app, "export", "Write a dataset in the layout of another project's tools");
  command.add_option("--data", options->data, "Folder of the dataset")->required();
  command.add_option("--format", options->format.format, "ogbench, stable-worldmodel or robomimic")
      ->required()
      ->check(CLI::IsMember(ExportFormats()));
  command.add_option("--out", options->out, "File to write: .npz, .h5 or .hdf5")->required();
  command.add_option("--camera", options->format.camera,
                     "ogbench: frames of this camera as the observation (the state)");
  command.add_flag("--overwrite", options->common.overwrite, "Replace the file if there is one");
  AddCommonOptions(command, options->common, 0);
  SetBody(command, [options] { return RunExport(*options); });
}

}  // namespace reverie::cli
