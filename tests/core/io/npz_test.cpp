#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "core/factory.h"
#include "core/io/atomic_file.h"
#include "core/io/crc32.h"
#include "core/io/inflate.h"
#include "core/io/npy.h"
#include "core/io/zip.h"
#include "core/memory.h"
#include "core/ops/ops.h"
#include "expect.h"

using namespace heed;
using namespace heed::test;
using nlohmann::json;

namespace {

// Made by archives/generate.py.
std::string archive(const std::string& name) {
  return HEED_TEST_DATA_DIR "/core/io/archives/" + name + ".npz";
}

std::string refused(const std::string& bytes) {
  return refusal_of("x.npz", [&] { io::parse_npz(as_bytes(bytes), "x.npz"); });
}

std::string refused_archive(const std::string& name) { return refused(read_bytes(archive(name))); }

StateDict some() {
  return {{"a", arange(6).view({2, 3})}, {"dir/b", tensor({true, false})}, {"ü名", ones({2, 2})}};
}

}  // namespace

TEST_CASE("numpy's archives are read, stored and deflated") {
  const json expected = json::parse(read_bytes(fixture("files.json")));
  for (const char* name : {"files/stored.npz", "files/deflated.npz"}) {
    for (const bool map : {true, false}) {
      const StateDict read = io::load_npz(fixture(name), {.map = map});
      CHECK(read.size() == expected.at("npz").size());
      for (const std::string key : expected.at("npz")) {
        CAPTURE(key);
        CHECK(same_bits(read.at(key), io::load_npy(fixture("files/" + key + ".npy"))));
      }
    }
  }
}

TEST_CASE("tensors come back from an archive bit for bit, and equal ones make equal files") {
  const Folder folder;
  io::save_npz(folder / "x.npz", some());
  check_equal(io::load_npz(folder / "x.npz"), some());
  check_equal(io::load_npz(folder / "x.npz", {.map = false}), some());
  const std::string bytes = read_bytes(folder / "x.npz");
  check_equal(io::parse_npz(as_bytes(bytes), "x"), some());
  io::save_npz(folder / "y.npz", some());
  CHECK(read_bytes(folder / "y.npz") == bytes);
  io::save_npz(folder / "none.npz", {});
  CHECK(io::load_npz(folder / "none.npz").empty());
}

TEST_CASE("whatever way zlib packs, the same values come out") {
  const StateDict read = io::load_npz(archive("strategies"));
  CHECK(read.size() == 8);
  const Tensor& expected = read.at("stored");
  CHECK(expected.numel() == 3000);
  for (const char* name : {"default", "fastest", "fixed", "huffman", "runs", "blocks"}) {
    CAPTURE(name);
    CHECK(same_bits(read.at(name), expected));
  }
  CHECK(read.at("noise").numel() == 1000);
}

TEST_CASE("archives with 64-bit sizes and with a comment are read") {
  const Tensor expected = arange(6).to(float64).view({2, 3});
  CHECK(same_bits(io::load_npz(archive("zip64")).at("x"), expected));
  CHECK(same_bits(io::load_npz(archive("zip64")).at("y"), expected));
  CHECK(same_bits(io::load_npz(archive("comment")).at("x"), expected));
}

TEST_CASE("archives too large for 32 bits are written with 64") {
  const Folder folder;
  for (const std::uint64_t from : {0u, 1u, 100u, 250u, 400u}) {
    CAPTURE(from);
    io::AtomicFile file(folder / "x.npz");
    io::ZipWriter writer(file, from);
    const Tensor x = arange(20);
    const std::string npy = read_bytes(fixture("files/c_f8.npy"));
    writer.add("first.npy", npy, "");
    writer.add("second.npy", npy.substr(0, 50), npy.substr(50));
    writer.finish();
    file.commit();
    const StateDict read = io::load_npz(folder / "x.npz");
    CHECK(read.size() == 2);
    const Tensor expected = io::load_npy(fixture("files/c_f8.npy"));
    CHECK(same_bits(read.at("first"), expected));
    CHECK(same_bits(read.at("second"), expected));
  }
}

TEST_CASE("an archive that unpacks to far more than its size is refused unless allowed") {
  const std::string message = refused_archive("bomb");
  CHECK(contains(message, "would unpack to 8388736 bytes, more than 100 times its "));
  CHECK(contains(message, "refused as a ZIP bomb"));
  const StateDict read = io::load_npz(archive("bomb"), {.max_ratio = 1100});
  CHECK(read.at("zeros").numel() == 1 << 20);
  CHECK(read.at("zeros").sum().item() == 0);
  CHECK(contains(refused_archive("overlap"), "\"a2.npy\" at offset 0"));
}

TEST_CASE("entries that share bytes are refused") {
  // The second entry of the directory is made to point at the first one's place.
  const Folder folder;
  io::save_npz(folder / "x.npz", {{"aa", ones({4})}, {"ab", ones({4})}});
  std::string bytes = read_bytes(folder / "x.npz");
  const std::size_t second = bytes.rfind("PK\x01\x02");
  const std::size_t header = bytes.find("PK\x03\x04", 4);
  // An entry header within the data of the first entry.
  bytes.replace(bytes.find("PK\x03\x04") + 60, 36, bytes.substr(header, 36));
  bytes[second + 42] = 60;
  bytes[second + 43] = 0;
  CHECK(contains(refused(bytes), "entry \"ab.npy\" at offset 60 overlaps entry \"aa.npy\""));
}

TEST_CASE("names that lead elsewhere are refused, read or written") {
  CHECK(contains(refused_archive("dotdot"), "\"../x.npy\" leads out of its folder by \"..\""));
  CHECK(contains(refused_archive("dotdot_inside"), "leads out of its folder by \"..\""));
  CHECK(contains(refused_archive("absolute"), "\"/tmp/x.npy\" is absolute"));
  CHECK(contains(refused_archive("drive"), "\"C:x.npy\" is absolute"));
  const Folder folder;
  for (const char* name : {"../x", "/x", "a/../../x", "..", "C:\\x", "\\x", "", "\xff"}) {
    CAPTURE(name);
    CHECK_FALSE(refusal([&] { io::save_npz(folder / "x.npz", {{name, ones({1})}}); }).empty());
  }
  CHECK(folder.files() == 0);
  CHECK(io::bad_entry_name("a..b/..c/d..") == nullptr);
}

TEST_CASE("entries that cannot be trusted or read are refused") {
  CHECK(contains(refused_archive("twice"), "the entry \"x.npy\" is there twice"));
  CHECK(contains(refused_archive("encrypted"), "entry \"x.npy\" is encrypted"));
  CHECK(contains(refused_archive("bzip2"), "entry \"x.npy\" is packed by method 12"));
  CHECK(contains(refused_archive("text"), "entry \"readme.txt\" is no .npy file"));
  CHECK(contains(refused_archive("pickle"),
                 "entry \"x.npy\": offset 24: the npy header: the array holds Python objects"));
}

TEST_CASE("a changed byte of content is found by its checksum") {
  for (const char* name : {"files/stored.npz", "files/deflated.npz"}) {
    std::string bytes = read_bytes(fixture(name));
    const std::size_t data = 30 + 8 + 60;  // within the first entry's content
    bytes[data] = static_cast<char>(bytes[data] ^ 1);
    const std::string message = refused(bytes);
    CHECK(contains(message, "entry \"c_f8.npy\" at offset "));
  }
  std::string stored = read_bytes(fixture("files/stored.npz"));
  stored[30 + 8 + 60] ^= 1;
  CHECK(contains(refused(stored), "the checksum (CRC-32) is "));
}

TEST_CASE("an archive cut off at any byte is refused") {
  for (const std::string& path : {archive("zip64"), fixture("files/deflated.npz")}) {
    const std::string whole = read_bytes(path);
    CHECK(refused(whole) == "was read");
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      CHECK(refused(whole.substr(0, size)) != "was read");
    }
  }
}

TEST_CASE("an archive with any byte changed is read or refused, and never anything else") {
  for (const std::string& path : {archive("zip64"), archive("strategies")}) {
    const std::string whole = read_bytes(path);
    for (std::size_t at = 0; at<whole.size(); at += whole.size()> 5000 ? 37 : 1) {
      for (const int flip : {0x01, 0x10, 0x80, 0xff}) {
        std::string changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ flip);
        refusal([&] { io::parse_npz(as_bytes(changed), "x"); });
      }
    }
  }
}

TEST_CASE("packed data that are damaged are refused by what is wrong with them") {
  const auto unpack = [](std::initializer_list<int> packed, std::size_t size) {
    std::string in;
    for (const int byte : packed) in += static_cast<char>(byte);
    std::string out(size, '?');
    const char* fault =
        io::inflate(as_bytes(in).data(), in.size(), reinterpret_cast<std::byte*>(out.data()), size);
    return fault ? std::string("fault: ") + fault : out;
  };
  CHECK(unpack({0x4b, 0x4c, 0x4a, 0x06, 0x00}, 3) == "abc");           // fixed codes
  CHECK(unpack({0x4b, 0x4c, 0x04, 0x03, 0x00}, 7) == "aaaaaaa");       // a match at distance 1
  CHECK(unpack({0x01, 0x02, 0x00, 0xfd, 0xff, 'h', 'i'}, 2) == "hi");  // a stored block
  CHECK(unpack({0x03, 0x00}, 0) == "");
  CHECK(unpack({}, 0) == "fault: the compressed data end too early");
  CHECK(unpack({0x4b, 0x4c}, 3) == "fault: the compressed data end too early");
  CHECK(unpack({0x4b, 0x4c, 0x4a, 0x06, 0x00}, 2) ==
        "fault: the data unpack to more than the archive says");
  CHECK(unpack({0x4b, 0x4c, 0x4a, 0x06, 0x00}, 4) ==
        "fault: the data unpack to less than the archive says");
  CHECK(unpack({0x4b, 0x4c, 0x4a, 0x06, 0x00, 0x00}, 3) ==
        "fault: bytes follow the end of the compressed data");
  CHECK(unpack({0x07}, 0) == "fault: a block of unknown type");
  CHECK(unpack({0x01, 0x02, 0x00, 0xfd, 0xfe, 'h', 'i'}, 2) ==
        "fault: the length of a stored block is damaged");
  CHECK(unpack({0x01, 0x02, 0x00, 0xfd, 0xff, 'h'}, 2) ==
        "fault: the compressed data end too early");
  CHECK(unpack({0x01, 0x02, 0x00, 0xfd, 0xff, 'h', 'i'}, 1) ==
        "fault: the data unpack to more than the archive says");
  CHECK(unpack({0x03, 0x02, 0x00}, 9) == "fault: a distance reaches before the beginning");
  CHECK(unpack({0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0) ==
        "fault: a Huffman code has too many symbols");
}

TEST_CASE("the checksum is the CRC-32 of the standard, however the bytes are cut") {
  const std::string digits = "123456789";
  CHECK(io::crc32(0, digits.data(), 9) == 0xcbf43926);
  const std::string text(1000, 'x');
  const std::uint32_t whole = io::crc32(0, text.data(), 1000);
  for (const std::size_t cut : {0u, 1u, 7u, 8u, 9u, 999u}) {
    CHECK(io::crc32(io::crc32(0, text.data(), cut), text.data() + cut, 1000 - cut) == whole);
  }
}

TEST_CASE("a name that no archive can hold is refused before anything is written") {
  const Folder folder;
  CHECK(contains(refusal([&] {
                   io::save_npz(folder / "x.npz", {{std::string(70'000, 'n'), ones({1})}});
                 }),
                 "is too long"));
  CHECK(folder.files() == 0);
}
