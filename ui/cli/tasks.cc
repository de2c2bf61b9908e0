#include <algorithm>

#include "sim/error.h"
#include "sim/task.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"

namespace reverie::cli {
namespace {

nlohmann::ordered_json Describe(const std::string& name) {
  nlohmann::ordered_json entry;
  entry["name"] = name;
  try {
    const auto task = CompiledTask::Compile(LoadTask(name));
    entry["scene"] = task->spec().scene_file.string();
    entry["description"] = task->spec().description;
    entry["observation_size"] = task->observation_size();
    entry["signal_size"] = task->signal_size();
    entry["action_size"] = task->action_size();
    entry["parameter_size"] = task->parameter_size();
    entry["env_step_s"] = task->env_step_s();
    entry["action_repeat"] = task->spec().action_repeat;
    entry["control_steps_per_episode"] = task->steps_per_episode();
  } catch (const Error& error) {  // one task that cannot be played here does not hide the others
    entry["error"] = error.what();
  }
  return entry;
}

int ShowTasks(const CommonOptions& options) {
  nlohmann::ordered_json tasks = nlohmann::ordered_json::array();
  size_t width = 4;
  for (const std::string& name : ListTasks()) {
    tasks.push_back(Describe(name));
    width = std::max(width, name.size());
  }
  if (options.json) {
    PrintJson({{"tasks", tasks}});
    return kDone;
  }
  Print(Format("%-*s  obs  act  steps  repeat  what", static_cast<int>(width), "task"));
  for (const auto& task : tasks) {
    const std::string name = task["name"];
    if (task.contains("error")) {
      Print(Format("%-*s  cannot be played: %s", static_cast<int>(width), name.c_str(),
                   task["error"].get<std::string>().c_str()));
      continue;
    }
    Print(Format("%-*s  %3d  %3d  %5d  %6d  %s", static_cast<int>(width), name.c_str(),
                 task["observation_size"].get<int>(), task["action_size"].get<int>(),
                 task["control_steps_per_episode"].get<int>(), task["action_repeat"].get<int>(),
                 task["description"].get<std::string>().c_str()));
  }
  Print("Any task file, MJCF, URDF or MJB file can stand where a task's name does.");
  return kDone;
}

}  // namespace

void AddTasks(CLI::App& app) {
  auto options = std::make_shared<CommonOptions>();
  CLI::App& command =
      AddCommand(app, "tasks", "List every task found, its scene, observation and action sizes");
  AddCommonOptions(command, *options, 0);
  SetBody(command, [options] { return ShowTasks(*options); });
}

}  // namespace reverie::cli
