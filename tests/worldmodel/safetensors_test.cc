// Files of weights are read back as written, and every kind of damage is one clear error. That Python's
// safetensors reads them is tested in tests/python/model_test.py.
#include "worldmodel/safetensors.h"

#include <filesystem>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/files.h"
#include "tests/worldmodel/task_fixture.h"

using namespace reverie;

namespace {

Safetensors Example() {
  Safetensors content;
  content.metadata = {{"model", "test"}};
  content.tensors["b"] = {"F32", {2, 1}, std::string("\0\0\x80\x3f\0\0\0\x40", 8)};
  content.tensors["empty"] = {"F64", {0, 3}, ""};
  return content;
}

}  // namespace

TEST_CASE("safetensors: what is written is read back, aligned to 8 bytes as the format asks") {
  const std::filesystem::path file = testing::TemporaryFolder("safetensors") / "weights.safetensors";
  WriteSafetensors(file, Example());
  const Safetensors read = ReadSafetensors(file);
  CHECK(read.metadata.at("model") == "test");
  REQUIRE(read.tensors.size() == 2);
  CHECK(read.tensors.at("b").shape == std::vector<int64_t>{2, 1});
  CHECK(read.tensors.at("b").bytes == Example().tensors.at("b").bytes);
  const std::string bytes = ReadFile(file);
  CHECK(static_cast<unsigned char>(bytes[0]) % 8 == 0);
}

TEST_CASE("safetensors: truncated, foreign and lying files are refused in one line that names the file") {
  const std::filesystem::path file = testing::TemporaryFolder("safetensors") / "weights.safetensors";
  WriteSafetensors(file, Example());
  const std::string good = ReadFile(file);
  const auto refused = [&](const std::string& bytes, const std::string& expected) {
    WriteFileAtomically(file, bytes);
    try {
      ReadSafetensors(file);
    } catch (const CheckpointError& error) {
      const std::string message = error.what();
      CHECK_MESSAGE(message.find(expected) != std::string::npos, message);
      CHECK(message.find(file.string()) != std::string::npos);
      CHECK(message.find('\n') == std::string::npos);
      return;
    }
    FAIL("accepted: " << expected);
  };
  refused("", "found 0 bytes");
  refused(good.substr(0, 20), "truncated");
  refused(good.substr(0, good.size() - 1), "tensor 'b' needs 8 bytes");
  refused(std::string("\x10\0\0\0\0\0\0\0", 8) + "not JSON at all!", "no JSON");
  std::string lying = good;
  lying.replace(lying.find("[2,1]"), 5, "[3,1]");
  refused(lying, "tensor 'b' needs 12 bytes");
}
