#include "ui/cli/picture.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "sim/comparison_film.h"
#include "sim/error.h"
#include "sim/locations.h"
#include "ui/cli/command.h"

namespace reverie::cli {
namespace {

std::vector<std::string> Command(const std::string& script, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {PythonExecutable().string(), (ScriptsFolder() / script).string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

}  // namespace

bool RunScript(const std::string& script, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = Command(script, arguments);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // What the script prints must not mix with --json on stdout.
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  pid_t child = 0;
  int status = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return status == 0 && waitpid(child, &status, 0) == child && status == 0;
}

void DrawPicture(const std::string& script, const std::vector<std::string>& arguments) {
  if (RunScript(script, arguments)) return;
  std::string command;
  for (const std::string& word : Command(script, arguments)) command += (command.empty() ? "" : " ") + word;
  Log("reverie: the picture was not drawn (scripts/setup.sh installs what it needs); draw it with: " +
      command);
}

void FilmWorstWindow(std::shared_ptr<const CompiledTask> task, const Episode& episode,
                     const Comparison& comparison, const std::filesystem::path& path) {
  const ComparisonWindow& window = comparison.worst;
  int parts_at = -1;
  for (int at : window.parts_at) {
    if (at > 0) parts_at = parts_at < 0 ? at : std::min(parts_at, at);
  }
  try {
    const std::string label = task->spec().name + ", episode " + std::to_string(window.episode) +
                              " from step " + std::to_string(window.start);
    ComparisonFilmOptions options;
    options.parts_at = parts_at;
    WriteComparisonFilm(path, std::move(task), episode, window.start, window.predicted, label, options,
                        InterruptToken());
  } catch (const DeviceError& error) {
    Log(std::string("reverie: no film: ") + error.what());
  }
}

}  // namespace reverie::cli
