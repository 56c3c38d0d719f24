#include "core/io/npy.h"

#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "expect.h"

using namespace heed;
using namespace heed::test;
using nlohmann::json;

namespace {

// An npy file of version 1 with this header text and these data.
std::string npy(const std::string& header, const std::string& data) {
  const char low = static_cast<char>(header.size() & 0xff);
  const char high = static_cast<char>(header.size() >> 8);
  return std::string("\x93NUMPY\x01\x00", 8) + low + high + header + data;
}

std::string refused(const std::string& bytes) {
  return refusal_of("x.npy", [&] { io::parse_npy(as_bytes(bytes), "x.npy"); });
}

std::string refused_header(const std::string& header, const std::string& data = "") {
  return refused(npy(header, data));
}

std::string header_of(const std::string& shape, const std::string& descr = "'<f4'") {
  return "{'descr': " + descr + ", 'fortran_order': False, 'shape': " + shape + ", }";
}

}  // namespace

TEST_CASE("numpy's files are read: every type, both orders, both byte orders, all versions") {
  const json expected = json::parse(read_bytes(fixture("files.json"))).at("npy");
  CHECK(expected.size() > 10);
  for (const auto& item : expected.items()) {
    const std::string& name = item.key();
    const json& want = item.value();
    CAPTURE(name);
    const std::string path = fixture("files/" + name + ".npy");
    check_values(io::load_npy(path), want);
    check_values(io::load_npy(path, {.map = false}), want);
    check_values(io::parse_npy(as_bytes(read_bytes(path)), name), want);
  }
}

TEST_CASE("what is saved as npy is numpy's own file, byte for byte") {
  const Folder folder;
  for (const char* name : {"c_f8", "c_f4", "i8", "b1", "scalar", "empty"}) {
    CAPTURE(name);
    const std::string path = fixture(std::string("files/") + name + ".npy");
    io::save_npy(folder / "x.npy", io::load_npy(path));
    CHECK(read_bytes(folder / "x.npy") == read_bytes(path));
  }
  for (const char* name : {"fortran_f8", "fortran_f4_3d"}) {
    CAPTURE(name);
    const std::string path = fixture(std::string("files/") + name + ".npy");
    io::save_npy(folder / "x.npy", io::load_npy(path), {.fortran_order = true});
    CHECK(read_bytes(folder / "x.npy") == read_bytes(path));
  }
}

TEST_CASE("arrays come back from npy files bit for bit") {
  const Folder folder;
  const std::string path = folder / "x.npy";
  const Tensor x = randn({3, 4, 5});
  for (const bool fortran : {false, true}) {
    for (const Tensor& y :
         {x, x.permute({2, 0, 1}), x.select(0, 1), x.to(float64), x.sum(), x.gt(0.0), arange(5),
          zeros({0, 3}), x.slice(1, 0, 4, 2), ones({1, 1, 1, 1, 1, 1, 1, 2})}) {
      io::save_npy(path, y, {.fortran_order = fortran});
      CHECK(same_bits(io::load_npy(path), y));
      CHECK(same_bits(io::load_npy(path, {.map = false}), y));
    }
  }
  CHECK(folder.files() == 1);
}

TEST_CASE("an npy file cut off at any byte is refused") {
  const Folder folder;
  io::save_npy(folder / "x.npy", ones({2, 3}));
  const std::string whole = read_bytes(folder / "x.npy");
  CHECK(refused(whole) == "was read");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(refused(whole.substr(0, size)) != "was read");
  }
  CHECK(contains(refused(whole + "x"), "needs 24 bytes, but 25 follow"));
}

TEST_CASE("what is no npy file of a known version is refused") {
  CHECK(refused("") == "offset 0: too short for an npy file");
  CHECK(refused("PK\x03\x04 an archive") == "offset 0: does not begin like an npy file");
  std::string file = npy(header_of("()"), "1234");
  file[6] = 4;
  CHECK(refused(file) == "offset 6: npy version 4.0 is unknown");
  file[6] = 0;
  CHECK(refused(file) == "offset 6: npy version 0.0 is unknown");
  file[6] = 1;
  file[7] = 1;
  CHECK(refused(file) == "offset 6: npy version 1.1 is unknown");
  CHECK(contains(refused(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff{}", 14)),
                 "offset 8: the header is said to have 4294967295 bytes, but only 2 follow"));
  CHECK(refused(std::string("\x93NUMPY\x02\x00\xff\xff", 10)) ==
        "offset 8: the length of the header is cut off");
  CHECK(
      contains(refused(std::string("\x93NUMPY\x01\x00\xff\xff{}", 12)), "65535 bytes, but only 2"));
}

TEST_CASE("Python objects are refused, with the reason") {
  CHECK(contains(refused_header(header_of("(1,)", "'|O'"), "12345678"),
                 "the array holds Python objects (pickle), which can run code when read: refused"));
  CHECK(contains(refused_header(header_of("(1,)", "'O'")), "(pickle)"));
  CHECK(contains(refused_header(header_of("(1,)", "[('a', '<f4')]")), "structured arrays"));
  CHECK(contains(refused_header(header_of("(1,)", "'<c8'")), "\"<c8\" is not one that heed reads"));
  CHECK(contains(refused_header(header_of("(1,)", "'<U4'")), "is not one that heed reads"));
  CHECK(contains(refused_header(header_of("(1,)", "''")), "does not begin with a byte order"));
  CHECK(contains(refused_header(header_of("(1,)", "'|f4'")), "lacks a byte order"));
}

TEST_CASE("a damaged npy header is refused where it breaks") {
  CHECK(refused_header(header_of("()"), "1234") == "was read");
  CHECK(refused_header("", "") == "offset 10: the npy header: ends where '{' is expected");
  CHECK(contains(refused_header("{'descr"), "a text without its closing quote"));
  CHECK(contains(refused_header("{'descr': '<f4'"), "ends where '}' is expected"));
  CHECK(contains(refused_header("{'descr': '<f4'}"), "'fortran_order' is missing"));
  CHECK(contains(refused_header("{'shape': ()}"), "'descr' is missing"));
  CHECK(contains(refused_header("{'descr': '<f4', 'fortran_order': False}"), "'shape' is missing"));
  CHECK(contains(refused_header("{'descr': '<f4', 'descr': '<f4'}"), "'descr' twice"));
  CHECK(contains(refused_header("{'other': 1}"), "unknown key \"other\""));
  CHECK(contains(refused_header("{1: 2}"), "expected a key between quotes"));
  CHECK(contains(refused_header("{'fortran_order': 0}"), "must be True or False"));
  CHECK(contains(refused_header("{'de\\x73cr': '<f4'}"), "an escape"));
  CHECK(contains(refused_header(header_of("()") + "x"), "text after the closing brace"));
  CHECK(contains(refused_header(header_of("3")), "expected '(', found \"3\""));
  CHECK(contains(refused_header(header_of("(3)")), "'shape' must be a tuple"));
  CHECK(contains(refused_header(header_of("(-3,)")), "'shape' holds a negative number"));
  CHECK(contains(refused_header(header_of("('a',)")), "'shape' must hold whole numbers"));
  CHECK(contains(refused_header(header_of("(1.5,)")), "'shape' must be a tuple"));
  CHECK(contains(refused_header(header_of("((((((1,")), "'shape' must hold whole numbers"));
  CHECK(contains(refused_header(header_of("(99999999999999999999,)")), "beyond 63 bits"));
  CHECK(contains(refused_header(header_of("(4294967296, 4294967296)")),
                 "the product of shape [4294967296, 4294967296] overflows"));
  CHECK(contains(refused_header(header_of("(0, 4294967296, 4294967296)")), "overflows"));
  CHECK(contains(refused_header(header_of("(1, 1, 1, 1, 1, 1, 1, 1, 1)"), "1234"),
                 "more than 8 dimensions"));
  CHECK(contains(refused_header(header_of("(1000000000000,)"), "1234"),
                 "needs 4000000000000 bytes, but 4 follow"));
  CHECK(contains(refused_header(header_of("(1,)", "'|b1'"), "\x07"), "is the byte 7"));
}

TEST_CASE("an npy file with any byte changed is read or refused, and never anything else") {
  const Folder folder;
  io::save_npy(folder / "x.npy", tensor({true, false, true}));
  const std::string whole = read_bytes(folder / "x.npy");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = whole;
      changed[at] = static_cast<char>(value);
      refusal([&] { io::parse_npy(as_bytes(changed), "x"); });
    }
  }
}
