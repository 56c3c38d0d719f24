#include "core/io/safetensors.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/factory.h"
#include "core/io/bytes.h"
#include "core/memory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "expect.h"

using namespace heed;
using namespace heed::test;
using io::Metadata;
using nlohmann::json;

#ifndef __has_feature
#define __has_feature(x) 0
#endif

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

StateDict one_of_each() {
  Generator generator(3);
  StateDict tensors;
  tensors.add("flags", tensor({true, false, true}));
  tensors.add("w", randn({3, 5}, {.generator = &generator}));
  tensors.add("w64", randn({2, 2, 2}, {.dtype = float64, .generator = &generator}));
  tensors.add("ids", tensor({{-1, 2}, {3, std::numeric_limits<std::int64_t>::max()}}));
  tensors.add("scalar", tensor(2.5f));
  tensors.add("nothing", zeros({0, 7}));
  tensors.add("quote\" and \\ and \n and ünicode 名", ones({1}));
  return tensors;
}

// The values a fixture names, where strings stand for what JSON cannot say.
}  // namespace

TEST_CASE("tensors and metadata come back from a safetensors file bit for bit, in order") {
  const Folder folder;
  const std::string path = folder / "all.safetensors";
  const StateDict tensors = one_of_each();
  const Metadata metadata{{"format", "pt"}, {"b", "ü \" \n"}, {"a", ""}};
  io::save_safetensors(path, tensors, metadata);
  for (const bool map : {true, false}) {
    const io::Safetensors read = io::read_safetensors(path, {.map = map});
    check_equal(read.tensors, tensors);
    CHECK(read.metadata == metadata);
  }
  const std::string bytes = read_bytes(path);
  check_equal(io::parse_safetensors(as_bytes(bytes), "memory").tensors, tensors);
  CHECK(folder.files() == 1);
}

TEST_CASE("an empty safetensors file holds nothing and is valid") {
  const Folder folder;
  io::save_safetensors(folder / "none", {});
  CHECK(io::load_safetensors(folder / "none").empty());
}

TEST_CASE("views and transposed tensors are saved by their values") {
  const Folder folder;
  const Tensor x = arange(12).view({3, 4});
  io::save_safetensors(folder / "x",
                       {{"t", x.t()}, {"row", x.select(0, 1)}, {"e", x.expand({2, 3, 4})}});
  const StateDict read = io::load_safetensors(folder / "x");
  CHECK(same_bits(read.at("t"), x.t()));
  CHECK(same_bits(read.at("row"), x.select(0, 1)));
  CHECK(same_bits(read.at("e"), x.expand({2, 3, 4})));
}

TEST_CASE("a loaded tensor is the mapped file, and writing to it leaves the file alone") {
  const Folder folder;
  const std::string path = folder / "x";
  io::save_safetensors(
      path, {{"b", tensor({true})}, {"x", ones({1000})}, {"y", zeros({8}, {.dtype = float64})}});
  const std::string before = read_bytes(path);
  const auto allocated = [] { return memory_stats().allocated_bytes; };
  const auto start = allocated();
  StateDict read = io::load_safetensors(path);
  CHECK(allocated() - start < 2000);  // less than the 4000 bytes of x: they are not copied
  const Tensor x = read.at("x"), y = read.at("y");
  read = {};  // the mapping lives as long as a tensor of it
  x.add_(1);
  y.fill_(3);
  CHECK(x.sum().item() == 2000);
  CHECK(x.version() == 1);
  CHECK(read_bytes(path) == before);
  CHECK(same_bits(io::load_safetensors(path).at("x"), ones({1000})));
}

TEST_CASE("a file may be replaced while its tensors are in use") {
  const Folder folder;
  const std::string path = folder / "x";
  io::save_safetensors(path, {{"x", ones({5000})}});
  const StateDict old = io::load_safetensors(path);
  io::save_safetensors(path, {{"x", zeros({5000})}});
  CHECK(old.at("x").sum().item() == 5000);
  CHECK(io::load_safetensors(path).at("x").sum().item() == 0);
  // Even by tensors of the file itself.
  const StateDict loaded = io::load_safetensors(path);
  io::save_safetensors(path, loaded);
  check_equal(io::load_safetensors(path), loaded);
}

TEST_CASE("a file larger than the memory is mapped, and not read without a clear refusal") {
  if (kSanitized) return;  // sanitizers end the program over a mapping or a block of this size
  const Folder folder;
  const std::string path = folder / "x";
  // 8 TiB of zeros that take no space on the disk, behind a header that claims them all.
  constexpr std::int64_t kSize = std::int64_t{1} << 43;
  const std::string header = R"({"x":{"dtype":"F64","shape":[1099511627776],"data_offsets":[0,)" +
                             std::to_string(kSize) + "]}}  ";
  const std::uint64_t length = header.size();
  REQUIRE(length % 8 == 0);
  write_bytes(path, std::string(reinterpret_cast<const char*>(&length), 8) + header);
  std::error_code cannot;
  std::filesystem::resize_file(path, 8 + length + static_cast<std::uint64_t>(kSize), cannot);
  if (cannot) return;  // not every file system has files of this size
  const Tensor x = io::load_safetensors(path).at("x");
  CHECK(x.numel() == kSize / 8);
  CHECK(x.data<double>()[kSize / 8 - 1] == 0);
  CHECK(refusal([&] { io::load_safetensors(path, {.map = false}); }) ==
        path + ": cannot be read: there is no memory for its " +
            std::to_string(8 + length + static_cast<std::uint64_t>(kSize)) + " bytes");
}

TEST_CASE("safetensors files of another writer are read: every type, unpadded, empty") {
  const json expected = json::parse(read_bytes(fixture("files.json")));
  for (const bool map : {true, false}) {
    const auto read = io::read_safetensors(fixture("files/every_type.safetensors"), {.map = map});
    const json& tensors = expected.at("safetensors");
    CHECK(read.tensors.size() == tensors.size());
    for (const auto& item : tensors.items()) {
      CAPTURE(item.key());
      check_values(read.tensors.at(item.key()), item.value());
    }
    for (const auto& [key, value] : read.metadata) {
      CHECK(expected.at("metadata").at(key).get<std::string>() == value);
    }
    CHECK(read.metadata.size() == expected.at("metadata").size());
  }
  CHECK(same_bits(io::load_safetensors(fixture("files/unpadded.safetensors")).at("x"), arange(3)));
  CHECK(io::load_safetensors(fixture("files/nothing.safetensors")).empty());
}

TEST_CASE("every half and bfloat16 number is read as the float32 it stands for") {
  std::string halves, bfloats;
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const char low = static_cast<char>(bits & 0xff), high = static_cast<char>(bits >> 8);
    halves += {low, high};
  }
  bfloats = halves;
  const std::string header =
      R"({"h":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]},)"
      R"("b":{"dtype":"BF16","shape":[65536],"data_offsets":[131072,262144]}})";
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(header.size() >> 8 * i & 0xff);
  file += header + halves + bfloats;
  const StateDict read = io::parse_safetensors(as_bytes(file), "memory").tensors;
  const float *h = read.at("h").data<float>(), *b = read.at("b").data<float>();
  std::size_t wrong = 0;
  for (unsigned bits = 0; bits < 65536; ++bits) {
    // (−1)^s · 2^(e − 15) · (1 + f / 1024), by the definition and not by bit moves.
    const auto value = [](unsigned x, int fraction_bits, int exponent_bits) {
      const int fraction = static_cast<int>(x & ((1u << fraction_bits) - 1));
      const int exponent = static_cast<int>(x >> fraction_bits & ((1u << exponent_bits) - 1));
      const int bias = (1 << (exponent_bits - 1)) - 1;
      double v;
      if (exponent == (1 << exponent_bits) - 1) {
        v = fraction ? std::numeric_limits<double>::quiet_NaN()
                     : std::numeric_limits<double>::infinity();
      } else if (exponent == 0) {
        v = std::ldexp(fraction, 1 - bias - fraction_bits);
      } else {
        v = std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
      }
      return x >> 15 ? -v : v;
    };
    const auto differs = [](double want, double got) {
      return std::isnan(want) ? !std::isnan(got)
                              : want != got || std::signbit(want) != std::signbit(got);
    };
    wrong += differs(value(bits, 10, 5), static_cast<double>(h[bits]));
    wrong += differs(value(bits, 7, 8), static_cast<double>(b[bits]));
  }
  CHECK(wrong == 0);
}

TEST_CASE("what cannot be written as safetensors is refused, and the old file stays") {
  const Folder folder;
  const std::string path = folder / "x";
  io::save_safetensors(path, {{"x", ones({2})}});
  const std::string before = read_bytes(path);
  CHECK(contains(refusal([&] {
                   io::save_safetensors(path, {{"\xff", ones({2})}});
                 }),
                 "is not valid UTF-8"));
  CHECK(contains(refusal([&] {
                   io::save_safetensors(path, {}, {{"a", "\xc0\x80"}});
                 }),
                 "is not valid UTF-8"));
  CHECK(contains(refusal([&] {
                   io::save_safetensors(path, {{"__metadata__", ones({2})}});
                 }),
                 "cannot have the name"));
  CHECK(contains(refusal([&] {
                   io::save_safetensors(path, {}, {{"a", "b"}, {"a", "c"}});
                 }),
                 "twice"));
  CHECK(read_bytes(path) == before);
  CHECK(folder.files() == 1);
  CHECK(contains(refusal([&] { io::save_safetensors(folder / "no/such/folder", {}); }),
                 "no/such/folder: cannot be written: No such file or directory"));
  CHECK(contains(refusal([&] { io::save_safetensors("/dev/null", {}); }),
                 "/dev/null: is not a regular file"));
}

TEST_CASE("what is no file is refused with its name") {
  const Folder folder;
  CHECK(contains(refusal([&] { io::load_safetensors(folder / "none"); }),
                 "none: cannot be opened: No such file or directory"));
  CHECK(contains(refusal([&] { io::load_safetensors(folder / ""); }), "is not a regular file"));
  CHECK(contains(refusal([&] { io::load_safetensors("/dev/zero"); }), "is not a regular file"));
}

TEST_CASE("whole numbers of every width come as int64, with their signs") {
  const auto one = [](const char* type, const std::string& bytes) {
    const std::string size = std::to_string(bytes.size());
    std::string header = std::string(R"({"x":{"dtype":")") + type +
                         R"(","shape":[2],"data_offsets":[0,)" + size + "]}}";
    std::string file(8, '\0');
    for (std::size_t i = 0; i < 8; ++i)
      file[i] = static_cast<char>(header.size() >> (8 * i) & 0xff);
    file += header + bytes;
    return io::parse_safetensors(as_bytes(file), type).tensors.at("x").to_vector<std::int64_t>();
  };
  using Ints = std::vector<std::int64_t>;
  CHECK(one("I8", "\xfe\x01") == Ints{-2, 1});
  CHECK(one("U8", "\xfe\x01") == Ints{254, 1});
  CHECK(one("I16", std::string("\xfe\xff\x01\x02", 4)) == Ints{-2, 0x201});
  CHECK(one("U16", std::string("\xfe\xff\x01\x02", 4)) == Ints{0xfffe, 0x201});
  CHECK(one("I32", std::string("\xfe\xff\xff\xff\1\2\0\0", 8)) == Ints{-2, 0x201});
  CHECK(one("U32", std::string("\xfe\xff\xff\xff\1\2\0\0", 8)) == Ints{0xfffffffe, 0x201});
}

TEST_CASE("a long name in a message is cut between its characters") {
  const std::string name = std::string(199, 'a') + "\u00fc" + std::string(50, 'b');
  const std::string quoted = io::quote(name);
  CHECK(contains(quoted, std::string(199, 'a')));
  CHECK_FALSE(contains(quoted, "\u00fc"));
  CHECK(io::is_utf8(quoted));
}
