#include <clocale>
#include <cstdio>
#include <exception>
#include <locale>
#include <new>
#include <regex>
#include <string>
#include <vector>

#include "sim/error.h"
#include "sim/mujoco_messages.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"

namespace reverie::cli {
namespace {

/// Library messages may span lines; the contract is one line an error.
std::string OneLine(std::string_view text) {
  std::string line;
  bool gap = false;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == '\t' || c == ' ') {
      gap = !line.empty();
      continue;
    }
    if (gap) line += ' ';
    gap = false;
    line += c;
  }
  return line;
}

/// CLI11 writes a bound that is the greatest number there is with all its 309 digits.
std::string ReadableRange(const std::string& message) {
  static const std::regex kRange(R"(Value (\S+) not in range (\S+) to (\S+))");
  std::smatch found;
  if (!std::regex_search(message, found, kRange)) return message;
  const double least = std::stod(found[2]), most = std::stod(found[3]);
  const std::string value = found[1];
  const std::string expected = most < 1e30      ? Format("a number from %g to %g", least, most)
                               : value == "0" ? std::string("a number above 0")
                                                : std::string("a number that is not negative");
  return found.prefix().str() + "expected " + expected + ", found " + value + found.suffix().str();
}

int Fail(std::string_view message) {
  Log("reverie: error: " + OneLine(message));
  return kFailed;
}

int FailUsage(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  std::string help = "reverie --help";
  const std::vector<const CLI::App*> chosen =
      app.get_subcommands([](const CLI::App* command) { return command->parsed(); });
  std::string message = error.what();
  if (argc == 1) message = "a command is required";
  if (!chosen.empty()) {
    help = "reverie " + chosen.front()->get_name() + " --help";
  } else if (argc > 1 && argv[1][0] != '-') {
#if REVERIE_DESKTOP
    const std::string unknown = UnknownWord(app, argv[1]);
    if (!unknown.empty()) message = unknown;
#else
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
    message = "there is no command '" + std::string(argv[1]) + "'" + DidYouMean(argv[1], names);
#endif
  }
  Log("reverie: usage: " + OneLine(ReadableRange(message)) + " (see '" + help + "')");
  return kWrongUsage;
}

}  // namespace

int Run(int argc, char** argv) {
  // Numbers in files and on the command line look the same wherever the user is.
  std::setlocale(LC_ALL, "C");
  std::locale::global(std::locale::classic());
  // MuJoCo's own default writes to stdout and to MUJOCO_LOG.TXT in the working directory.
  InstallMujocoHandlers();
  InterruptToken();

  CLI::App app(
      "Reverie: step an agent in a scene, learn a model of it, plan in that model, and see where it is "
      "wrong.",
      "reverie");
  app.set_version_flag("--version", std::string("reverie ") + REVERIE_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  AddDoctor(app);
  AddTasks(app);
  AddCollect(app);
  AddMerge(app);
  AddData(app);
  AddExport(app);
  AddReplay(app);
#if REVERIE_TORCH
  AddTrain(app);
  AddLearn(app);
#endif
  AddEvaluate(app);
#if REVERIE_TORCH
  AddCompare(app);
  AddProbe(app);
  AddSurprise(app);
  AddEncode(app);
#endif
  AddBench(app);
#if REVERIE_DESKTOP
  AddDesktop(app);
#endif
  try {
    app.parse(argc, argv);
    return kDone;
  } catch (const CLI::RuntimeError& error) {  // a body's exit code
    return error.get_exit_code();
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return FailUsage(app, error, argc, argv);
  } catch (const InterruptedError& error) {
    return Interrupted(error.what());
  } catch (const Error& error) {
    return Fail(error.what());
  } catch (const std::bad_alloc&) {
    return Fail("out of memory");
  } catch (const std::exception& error) {
    // Other libraries put backtraces after the first line.
    const std::string_view text = error.what();
    return Fail(text.substr(0, text.find('\n')));
  }
}

}  // namespace reverie::cli
