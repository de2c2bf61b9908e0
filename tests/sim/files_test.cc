#include "sim/files.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/locations.h"
#include "tests/sim/dataset_fixture.h"

using namespace reverie;
using namespace reverie::dataset_fixture;
namespace fs = std::filesystem;

namespace {

class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { old_.empty() ? unsetenv(name_) : setenv(name_, old_.c_str(), 1); }

 private:
  const char* name_;
  std::string old_;
};

void Touch(const fs::path& file) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << "x";
}

}  // namespace

TEST_CASE("A file is read back as it was written, and replaced whole") {
  const TemporaryFolder folder;
  const fs::path file = folder / "a file";
  const std::string bytes("\0line\nline\r\n\xff", 13);
  WriteFileAtomically(file, bytes);
  CHECK(ReadFile(file) == bytes);
  const std::string large(3'000'000, 'z');
  WriteFileAtomically(file, large);
  CHECK(ReadFile(file) == large);
  WriteFileAtomically(file, "");
  CHECK(ReadFile(file).empty());
  CHECK(Contents(file.parent_path()).size() == 1);
}

TEST_CASE("Writing through a link keeps the link, and a device is not replaced by a file") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "there");
  fs::create_symlink("there/target", folder / "link");
  WriteFileAtomically(folder / "link", "through");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(ReadFile(folder / "there/target") == "through");
  WriteFileAtomically("/dev/null", "gone");
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("Errors of the system name the file and the reason in one line") {
  const TemporaryFolder folder;
  const auto missing = MessageOf([&] { ReadFile(folder / "no such"); });
  CHECK(missing == (folder / "no such").string() + ": cannot be read: No such file or directory");
  const auto a_folder = MessageOf([&] { ReadFile(folder / ""); });
  CHECK(Contains(a_folder, "Is a directory"));
  const auto into_folder = MessageOf([&] { WriteFileAtomically(folder / "", "x"); });
  CHECK(Contains(into_folder, "it is a folder"));
  const auto below_file = MessageOf([&] {
    WriteFileAtomically(folder / "file", "x");
    WriteFileAtomically(folder / "file/below", "x");
  });
  CHECK(below_file == (folder / "file/below").string() + ": cannot be written: Not a directory");
}

TEST_CASE("An output folder is created, and one with anything in it is refused unless asked") {
  const TemporaryFolder folder;
  const fs::path out = folder / "a/b/out";
  PrepareOutputFolder(out, false, "data/task.json");
  CHECK(fs::is_directory(out));
  PrepareOutputFolder(out, false, "data/task.json");

  Touch(out / "data/task.json");
  Touch(out / "data/x/y.hdf5");
  const auto refused = MessageOf([&] { PrepareOutputFolder(out, false, "data/task.json"); });
  CHECK(Contains(refused, out.string() + ": expected a new or empty output folder, found 'data/"));
  CHECK(Contains(refused, "--overwrite"));
  CHECK(Contains(refused, "--resume"));
  CHECK(fs::exists(out / "data/x/y.hdf5"));

  PrepareOutputFolder(out, true, "data/task.json");
  CHECK(fs::is_directory(out));
  CHECK(fs::is_empty(out));
}

TEST_CASE("--overwrite does not empty a folder that Reverie did not write") {
  const TemporaryFolder folder;
  Touch(folder / "home/thesis.tex");
  const auto refused = MessageOf([&] { PrepareOutputFolder(folder / "home", true, "data/task.json"); });
  CHECK(Contains(refused, "expected 'data/task.json'"));
  CHECK(Contains(refused, "found 'thesis.tex'"));
  CHECK(fs::exists(folder / "home/thesis.tex"));
  const auto file =
      MessageOf([&] { PrepareOutputFolder(folder / "home/thesis.tex", true, "data/task.json"); });
  CHECK(Contains(file, "expected a folder for the output, found a file"));
}

TEST_CASE("--overwrite deletes a link, not what it points to") {
  const TemporaryFolder folder;
  Touch(folder / "elsewhere/precious");
  Touch(folder / "out/data/task.json");
  fs::create_directory_symlink(folder / "elsewhere", folder / "out/link");
  PrepareOutputFolder(folder / "out", true, "data/task.json");
  CHECK(fs::is_empty(folder / "out"));
  CHECK(fs::exists(folder / "elsewhere/precious"));
}

TEST_CASE("What a run leaves that was killed before its first file does not need --overwrite") {
  const TemporaryFolder folder;
  Touch(folder / "out/.reverie-lock");
  Touch(folder / "out/data/task.json.partial");
  PrepareOutputFolder(folder / "out", false, "data/task.json");
  Touch(folder / "out/.git/config");
  CHECK_THROWS_AS(PrepareOutputFolder(folder / "out", false, "data/task.json"), Error);
}

TEST_CASE("A folder is held by one lock at a time, until that is gone or its process is killed") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "out");
  {
    const FolderLock lock(folder / "out");
    const auto refused = MessageOf([&] { FolderLock second(folder / "out"); });
    CHECK(Contains(refused, (folder / "out").string() + ": in use"));
    Touch(folder / "out/data/task.json");
    CHECK_THROWS_AS(PrepareOutputFolder(folder / "out", true, "data/task.json"), Error);
    CHECK(fs::exists(folder / "out/data/task.json"));
  }
  CHECK_FALSE(fs::exists(folder / "out/.reverie-lock"));

  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const FolderLock lock(folder / "out");
    if (write(ready[1], "x", 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char byte = 0;
  REQUIRE(read(ready[0], &byte, 1) == 1);
  CHECK(Contains(MessageOf([&] { FolderLock second(folder / "out"); }), "another Reverie process"));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  CHECK(fs::exists(folder / "out/.reverie-lock"));
  const FolderLock lock(folder / "out");
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("A Python package is found where the environment says, newest Python first") {
  const TemporaryFolder folder;
  const Variable site("REVERIE_SITE_PACKAGES", (folder / "none").string() + ":" + (folder / "site").string());
  const Variable environment("VIRTUAL_ENV", (folder / "venv").string());
  Touch(folder / "venv/lib/python3.9/site-packages/some_package/__init__.py");
  Touch(folder / "venv/lib/python3.11/site-packages/some_package/__init__.py");
  CHECK(PythonPackageFolder("some_package") == folder / "venv/lib/python3.11/site-packages/some_package");
  Touch(folder / "site/some_package/__init__.py");
  CHECK(PythonPackageFolder("some_package") == folder / "site/some_package");

  const auto missing = MessageOf([] { PythonPackageFolder("no_such_package"); });
  CHECK(IsOneLine(missing));
  CHECK(Contains(missing, (folder / "site").string()));
  CHECK(Contains(missing, (folder / "venv/lib/python3.11/site-packages").string()));
  CHECK(Contains(missing, "pip install no_such_package"));
  CHECK_THROWS_AS(PythonPackageFolder("no_such_package"), SceneError);
}

TEST_CASE("The build's own Python has the control suite, whatever the environment") {
  const Variable site("REVERIE_SITE_PACKAGES", "");
  const Variable environment("VIRTUAL_ENV", "");
  CHECK(fs::exists(PythonPackageFolder("dm_control") / "suite/cartpole.xml"));
}

TEST_CASE("Scenes, scripts and Python come from the environment where it names them, else from the build") {
  CHECK(fs::exists(ScriptsFolder() / "cmake"));
  CHECK(fs::exists(PythonExecutable()));
  {
    const Variable scenes("REVERIE_SCENES", "/some/where");
    CHECK(ScenesFolder() == "/some/where");
    const Variable environment("VIRTUAL_ENV", "/some/venv");
    CHECK(PythonExecutable() == "/some/venv/bin/python3");
    const Variable python("REVERIE_PYTHON", "/some/python");
    CHECK(PythonExecutable() == "/some/python");
  }
  CHECK(fs::exists(ScenesFolder() / "cartpole-swingup.xml"));
}
