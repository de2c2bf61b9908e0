// Files of weights are read back as written, and every kind of damage is one clear error. That Python's
// safetensors reads them is tested in tests/python/model_test.py.
#include "worldmodel/safetensors.h"

#include <filesystem>
#include <map>
#include <span>
#include <string>

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
  refused(good + "more", "its tensors take 8 bytes, the file holds 12");
  std::string unknown = good;
  unknown.replace(unknown.find("F32"), 3, "F99");
  refused(unknown, "unknown type F99");
}

TEST_CASE("safetensors: a file is read in pieces, and what is not there is refused") {
  const std::filesystem::path file = testing::TemporaryFolder("safetensors") / "weights.safetensors";
  WriteSafetensors(file, Example());
  const SafetensorsReader reader(file);
  CHECK(reader.tensors().at("b").text() == "F32 (2, 1)");
  CHECK(reader.tensors().at("empty").bytes() == 0);
  float second = 0;
  reader.Read("b", 4, std::as_writable_bytes(std::span(&second, 1)));
  CHECK(second == 2.0f);
  CHECK_THROWS_AS(reader.Read("c", 0, {}), CheckpointError);
  CHECK_THROWS_AS(reader.Read("b", 8, std::as_writable_bytes(std::span(&second, 1))), ShapeError);
  WriteFileAtomically(file, "changed meanwhile");  // the reader holds the file it opened
  reader.Read("b", 0, std::as_writable_bytes(std::span(&second, 1)));
  CHECK(second == 1.0f);
}

TEST_CASE("safetensors: a file written in pieces is the one written at once, and appears when it is whole") {
  const std::filesystem::path folder = testing::TemporaryFolder("safetensors");
  const std::filesystem::path whole = folder / "whole.safetensors", pieces = folder / "pieces.safetensors";
  WriteSafetensors(whole, Example());
  const std::string bytes = Example().tensors.at("b").bytes;
  const auto append = [&](SafetensorsWriter& writer, size_t begin, size_t count) {
    writer.Append("b", std::as_bytes(std::span(bytes).subspan(begin, count)));
  };
  const std::map<std::string, TensorType> types = {{"b", {"F32", {2, 1}}}, {"empty", {"F64", {0, 3}}}};
  {
    SafetensorsWriter writer(pieces, {{"model", "test"}}, types);
    append(writer, 0, 3);
    CHECK_THROWS_AS(append(writer, 0, 6), ShapeError);
    CHECK_THROWS_AS(writer.Finish(), ShapeError);
  }
  CHECK_FALSE(std::filesystem::exists(pieces));
  CHECK_FALSE(std::filesystem::exists(PartialPath(pieces)));
  WriteFileAtomically(pieces, "older");
  {
    SafetensorsWriter writer(pieces, {{"model", "test"}}, types);
    append(writer, 0, 3);
    append(writer, 3, 5);
    CHECK(ReadFile(pieces) == "older");
    writer.Finish();
  }
  CHECK(ReadFile(pieces) == ReadFile(whole));
  CHECK_FALSE(std::filesystem::exists(PartialPath(pieces)));
  CHECK_THROWS_AS(SafetensorsWriter(folder / "no" / "file", {}, types), Error);
}
