#include "sim/error.h"
#include "sim/locations.h"
#include "sim/renderer.h"
#include "sim/versions.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"
#include "worldmodel/device.h"

namespace reverie::cli {
namespace {

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// What `find` returns, or why there is none: a lack is what people run this command to see.
template <class Find>
std::string OrWhyNot(bool& all_well, Find&& find) {
  try {
    return find();
  } catch (const Error& error) {
    all_well = false;
    return std::string("none: ") + error.what();
  }
}

int Diagnose(const CommonOptions& options) {
#if REVERIE_TORCH
  const DeviceReport devices = DescribeDevices();
#else
  DeviceReport devices;
  devices.torch_version = "none: built with REVERIE_TORCH=OFF";
#endif
  bool gl = true, suite = true;
  std::vector<std::pair<std::string, std::string>> lines = {{"reverie", REVERIE_VERSION}};
  for (const auto& [name, version] : LibraryVersions()) lines.emplace_back(name, version);
  lines.emplace_back("Torch", devices.torch_version);
  lines.emplace_back("CUDA devices", std::to_string(devices.cuda_devices));
  lines.emplace_back("CPU kernels", devices.cpu_capability);
  lines.emplace_back("OpenGL", OrWhyNot(gl, [] { return DescribeGl(); }));
  lines.emplace_back("threads", std::to_string(options.Threads()));
  lines.emplace_back("scenes", ScenesFolder().string());
  lines.emplace_back("dm_control",
                     OrWhyNot(suite, [] { return PythonPackageFolder("dm_control").string(); }));
  lines.emplace_back("Python", PythonExecutable().string());
  if (options.json) {
    nlohmann::ordered_json report;
    for (const auto& [name, value] : lines) {
      std::string key = Lower(name);
      for (char& c : key) c = c == ' ' ? '_' : c;
      report[key] = value;
    }
    report["threads"] = options.Threads();
    report["cuda_devices"] = devices.cuda_devices;
    report["gl_works"] = gl;
    report["dm_control_found"] = suite;
    PrintJson(report);
    return kDone;
  }
  for (const auto& [name, value] : lines) Print(Format("%-13s %s", name.c_str(), value.c_str()));
  return kDone;
}

}  // namespace

void AddDoctor(CLI::App& app) {
  auto options = std::make_shared<CommonOptions>();
  CLI::App& command = AddCommand(app, "doctor", "Show library versions, devices, the GL driver and threads");
  AddCommonOptions(command, *options, 0);
  SetBody(command, [options] { return Diagnose(*options); });
}

}  // namespace reverie::cli
