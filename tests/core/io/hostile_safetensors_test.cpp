// Malformed safetensors files: each is refused by one sentence that says where and what.
#include <doctest/doctest.h>

#include <vector>

#include "core/factory.h"
#include "core/io/safetensors.h"
#include "core/memory.h"
#include "expect.h"

using namespace heed;
using namespace heed::test;

namespace {

std::string length_prefix(std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> 8 * i & 0xff);
  return bytes;
}

std::string file_of(const std::string& header, std::size_t data) {
  return length_prefix(header.size()) + header + std::string(data, '\1');
}

std::string entry(const std::string& shape, const std::string& offsets,
                  const std::string& dtype = "F32") {
  return R"("x":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}";
}

// What reading the bytes is refused with, from a file and from memory alike.
std::string refused(const std::string& bytes) {
  const Folder folder;
  const std::string path = folder / "bad.safetensors";
  write_bytes(path, bytes);
  const std::string from_file = refusal_of(path, [&] { io::load_safetensors(path); });
  const auto from_memory = [&] { io::parse_safetensors(as_bytes(bytes), path); };
  CHECK(refusal_of(path, from_memory) == from_file);
  return from_file;
}

std::string refused_header(const std::string& header, std::size_t data) {
  return refused(file_of(header, data));
}

}  // namespace

TEST_CASE("a safetensors file cut off at any byte is refused") {
  const Folder folder;
  const std::string path = folder / "x";
  io::save_safetensors(path, {{"a", ones({2, 3})}, {"b", tensor({true, false})}, {"c", ones({})}},
                       {{"k", "v"}});
  const std::string whole = read_bytes(path);
  CHECK(refusal([&] { io::parse_safetensors(as_bytes(whole), "x"); }).empty());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const std::string cut = whole.substr(0, size);
    const std::string message = refusal([&] { io::parse_safetensors(as_bytes(cut), "x"); });
    CHECK(message.rfind("x: ", 0) == 0);
    write_bytes(path, cut);
    CHECK(refusal([&] { io::load_safetensors(path); }).rfind(path + ": ", 0) == 0);
  }
  CHECK(contains(refused(whole + "."), "the tensors end at byte"));
}

TEST_CASE("a safetensors file with any byte changed is read or refused, and never anything else") {
  const Folder folder;
  io::save_safetensors(folder / "x", {{"a", ones({2, 3})}, {"b", tensor({true, false})}});
  const std::string whole = read_bytes(folder / "x");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {0x01, 0x20, 0x80, 0xff}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      refusal([&] { io::parse_safetensors(as_bytes(changed), "x"); });
    }
  }
}

TEST_CASE("lies about the length of the header are refused at once") {
  CHECK(refused("") ==
        "holds 0 bytes; a safetensors file begins with 8 bytes for the length of its header");
  CHECK(refused(length_prefix(0)) == "offset 0: a header of 0 bytes holds no JSON object");
  CHECK(refused(length_prefix(3) + "{}") ==
        "offset 0: the header is said to have 3 bytes, but only 2 follow");
  CHECK(contains(refused(length_prefix(std::uint64_t{1} << 63) + "{}"),
                 "9223372036854775808 bytes, more than the 100000000 that are allowed"));
  CHECK(contains(refused(length_prefix(~std::uint64_t{0}) + "{}"), "18446744073709551615 bytes"));
  CHECK(contains(refused(length_prefix(100'000'001) + "{}"), "100000001 bytes, more than"));
  CHECK(contains(refused(length_prefix(100'000'000) + "{}"), "but only 2 follow"));
}

TEST_CASE("a header that is no JSON object of the right form is refused") {
  CHECK(refused_header("[]", 0) == "offset 8: the header does not begin with '{'");
  CHECK(refused_header(" {}", 0) == "offset 8: the header does not begin with '{'");
  CHECK(contains(refused_header("{\"x\"", 0), "offset 12: the header is not valid JSON"));
  CHECK(contains(refused_header("{}{}", 0), "the header is not valid JSON"));
  CHECK(contains(refused_header("{} x", 0), "the header is not valid JSON"));
  CHECK(contains(refused_header(std::string("{}\0", 3), 0), "the header is not valid JSON"));
  CHECK(contains(refused_header("{\"\xff\":1}", 0), "the header is not valid JSON"));
  CHECK(contains(refused_header("{\"\xed\xa0\x80\":1}", 0), "the header is not valid JSON"));
  CHECK(contains(refused_header("{\"a\\ud800\":1}", 0), "the header is not valid JSON"));
  CHECK(refused_header("{\"x\":1}", 0) == "tensor \"x\": must be an object, not a number");
  CHECK(refused_header("{\"x\":null}", 0) == "tensor \"x\": must be an object, not null");
  CHECK(refused_header("{\"x\":[]}", 0) == "tensor \"x\": must be an object, not an array");
  CHECK(refused_header("{\"x\":{}}", 0) == "tensor \"x\": \"dtype\" is missing");
  CHECK(refused_header(R"({"x":{"dtype":"F32"}})", 0) == "tensor \"x\": \"shape\" is missing");
  CHECK(refused_header(R"({"x":{"dtype":"F32","shape":[]}})", 0) ==
        "tensor \"x\": \"data_offsets\" is missing");
  CHECK(refused_header(R"({"x":{"size":3}})", 0) == "tensor \"x\": unknown key \"size\"");
  CHECK(refused_header(R"({"x":{"dtype":"F32","dtype":"F32"}})", 0) ==
        "tensor \"x\": \"dtype\" twice");
  CHECK(refused_header(R"({"x":{"shape":[],"shape":[]}})", 0) == "tensor \"x\": \"shape\" twice");
  CHECK(refused_header(R"({"x":{"data_offsets":[0,0],"data_offsets":[0,0]}})", 0) ==
        "tensor \"x\": \"data_offsets\" twice");
  CHECK(refused_header("{" + entry("[1]", "[0,4]") + "," + entry("[1]", "[4,8]") + "}", 8) ==
        "the header holds \"x\" twice");
  CHECK(refused_header(R"({"__metadata__":{},"__metadata__":{}})", 0) ==
        "the header holds \"__metadata__\" twice");
  CHECK(refused_header(R"({"__metadata__":{"a":"b","a":"c"}})", 0) ==
        "the metadata hold \"a\" twice");
  CHECK(refused_header(R"({"__metadata__":{"a":1}})", 0) ==
        "metadata \"a\": must be a string, not a number");
  CHECK(refused_header(R"({"__metadata__":{"a":{}}})", 0) ==
        "metadata \"a\": must be a string, not an object");
  CHECK(refused_header(R"({"__metadata__":[]})", 0) ==
        "tensor \"__metadata__\": must be an object, not an array");
}

TEST_CASE("nesting of any depth is refused without recursion") {
  for (const char* open : {"[", "{\"a\":"}) {
    std::string deep;
    for (int i = 0; i < 2'000'000; ++i) deep += open;
    CHECK(refused_header("{\"x\":" + deep, 0).find("tensor \"x\"") == 0);
    CHECK(refused_header("{\"x\":{\"shape\":" + deep, 0).find("tensor \"x\"") == 0);
    CHECK(refused_header("{\"__metadata__\":{\"a\":" + deep, 0).find("metadata \"a\"") == 0);
  }
}

TEST_CASE("dtypes that are unknown or of the wrong JSON type are refused") {
  CHECK(refused_header("{" + entry("[1]", "[0,1]", "F8_E4M3") + "}", 1) ==
        "tensor \"x\": the dtype \"F8_E4M3\" is not one that heed reads");
  CHECK(refused_header("{" + entry("[1]", "[0,4]", "f32") + "}", 4) ==
        "tensor \"x\": the dtype \"f32\" is not one that heed reads");
  CHECK(refused_header(R"({"x":{"dtype":4}})", 0) ==
        "tensor \"x\": the dtype must be a string, not a number");
  CHECK(refused_header(R"({"x":{"dtype":["F32"]}})", 0) ==
        "tensor \"x\": the dtype must be a string, not an array");
  // A name of hundreds of kilobytes, with what a terminal obeys: the message stays short and clean.
  const std::string message =
      refused_header(R"({"x":{"dtype":")" + std::string(300000, 'F') + R"("}})", 0);
  CHECK(message.size() < 400);
  CHECK(contains(refused_header("{\"\\u001b[2J\":1}", 0), "\"\\x1b[2J\""));
}

TEST_CASE("shapes that are negative, fractional, huge or overflowing are refused") {
  CHECK(refused_header("{" + entry("[-1]", "[0,4]") + "}", 4) == "tensor \"x\": shape holds -1");
  CHECK(contains(refused_header("{" + entry("[1.5]", "[0,4]") + "}", 4),
                 "shape holds \"1.5\", which is no whole number"));
  CHECK(contains(refused_header("{" + entry("[1e400]", "[0,4]") + "}", 4),
                 "the header is not valid JSON"));
  CHECK(contains(refused_header("{" + entry("[99999999999999999999]", "[0,4]") + "}", 4),
                 "which is no whole number of 64 bits"));
  CHECK(contains(refused_header("{" + entry("[9223372036854775808]", "[0,4]") + "}", 4),
                 "the size 9223372036854775808 is beyond 63 bits"));
  CHECK(contains(refused_header("{" + entry("[4294967296,4294967296]", "[0,0]") + "}", 0),
                 "the product of shape [4294967296, 4294967296] overflows"));
  CHECK(contains(refused_header("{" + entry("[4611686018427387904]", "[0,0]") + "}", 0),
                 "the product of shape [4611686018427387904] overflows"));
  CHECK(contains(refused_header("{" + entry("[0,4294967296,4294967296]", "[0,0]") + "}", 0),
                 "overflows"));
  CHECK(refused_header("{" + entry("[1,1,1,1,1,1,1,1,1]", "[0,4]") + "}", 4) ==
        "tensor \"x\": more than 8 dimensions");
  CHECK(refused_header("{" + entry("3", "[0,4]") + "}", 4) ==
        "tensor \"x\": the shape must be an array, not a number");
  CHECK(refused_header("{" + entry("[\"3\"]", "[0,4]") + "}", 4) ==
        "tensor \"x\": the shape must hold whole numbers, not a string");
  CHECK(refused_header("{" + entry("[[3]]", "[0,4]") + "}", 4) ==
        "tensor \"x\": the shape must hold whole numbers, not an array");
  CHECK(refused_header("{" + entry("[null]", "[0,4]") + "}", 4) ==
        "tensor \"x\": the shape must hold whole numbers, not null");
}

TEST_CASE("offsets that are reversed, overlapping, with gaps, or that do not fit are refused") {
  const auto two = [](const std::string& first, const std::string& second, std::size_t data) {
    return refused_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + first +
                              R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + second + "}}",
                          data);
  };
  CHECK(two("[0,4]", "[4,8]", 8) == "was read");
  CHECK(two("[4,8]", "[0,4]", 8) == "was read");
  CHECK(two("[0,4]", "[0,4]", 4) ==
        "tensor \"b\": data_offsets [0, 4] overlap the tensor before, which ends at 4");
  CHECK(two("[0,4]", "[2,6]", 6) ==
        "tensor \"b\": data_offsets [2, 6] overlap the tensor before, which ends at 4");
  CHECK(two("[0,4]", "[6,10]", 10) ==
        "tensor \"b\": data_offsets [6, 10] leave a gap after the tensor before, which ends at 4");
  CHECK(two("[4,8]", "[8,12]", 12) ==
        "tensor \"a\": data_offsets [4, 8] leave a gap after the tensor before, which ends at 0");
  CHECK(two("[0,4]", "[4,8]", 7) ==
        "tensor \"b\": data_offsets [4, 8] reach beyond the 7 bytes of data");
  CHECK(two("[0,4]", "[4,8]", 9) == "the tensors end at byte 8 of the data, which has 9");
  CHECK(two("[0,4]", "[8,4]", 8) == "tensor \"b\": data_offsets [8, 4] are reversed");
  CHECK(two("[0,4]", "[4,9]", 9) ==
        "tensor \"b\": data_offsets [4, 9] hold 5 bytes, but shape [1] needs 4");
  CHECK(contains(two("[0,4]", "[18446744073709551612,18446744073709551615]", 8), "hold 3 bytes"));
  CHECK(contains(two("[0,4]", "[18446744073709551611,18446744073709551615]", 8),
                 "reach beyond the 8 bytes of data"));
  CHECK(contains(two("[0,4]", "[4,18446744073709551616]", 8), "no whole number of 64 bits"));
  CHECK(two("[0,4]", "[-4,0]", 8) == "tensor \"b\": data_offsets holds -4");
  CHECK(two("[0,4]", "[4]", 8) == "tensor \"b\": data_offsets must be two numbers");
  CHECK(two("[0,4]", "[]", 8) == "tensor \"b\": data_offsets must be two numbers");
  CHECK(two("[0,4]", "[4,8,12]", 8) == "tensor \"b\": data_offsets must be two numbers");
  CHECK(two("[0,4]", "{}", 8) == "tensor \"b\": data_offsets must be an array, not an object");
  CHECK(two("[0,4]", "[true,8]", 8) ==
        "tensor \"b\": data_offsets must hold whole numbers, not a truth value");
  CHECK(refused_header("{" + entry("[0]", "[3,3]") + "}", 0) ==
        "tensor \"x\": data_offsets [3, 3] reach beyond the 0 bytes of data");
}

TEST_CASE("elements that no tensor can hold are refused") {
  std::string file = file_of("{" + entry("[3]", "[0,3]", "BOOL") + "}", 3);
  CHECK(refused(file) == "was read");
  file.back() = '\x02';
  CHECK(refused(file) == "tensor \"x\": element 2 is the byte 2, which is no bool");
  file = file_of("{" + entry("[1]", "[0,8]", "U64") + "}", 8);
  CHECK(refused(file) == "was read");
  file.back() = '\xff';
  CHECK(contains(refused(file), "tensor \"x\": the element 18374969058471772417"));
  CHECK(contains(refused(file), "does not fit int64"));
}

TEST_CASE("a small file never makes a reader allocate more than it accounts for") {
  const auto peak = [](const std::string& bytes) {
    const auto before = memory_stats().allocated_bytes;
    empty_cache();
    const auto reserved = memory_stats().peak_reserved_bytes;
    refusal([&] { io::parse_safetensors(as_bytes(bytes), "x"); });
    CHECK(memory_stats().allocated_bytes == before);
    return memory_stats().peak_reserved_bytes - reserved;
  };
  CHECK(peak(file_of("{" + entry("[1000000000000]", "[0,4000000000000]") + "}", 4)) == 0);
  CHECK(peak(file_of("{" + entry("[1000000000]", "[0,1000000000]", "U8") + "}", 4)) == 0);
  CHECK(peak(length_prefix(99'999'999) + "{}") == 0);
}
