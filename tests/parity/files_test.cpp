// Files that PyTorch's and numpy's world wrote, read here; files written here for
// generate/read_back.py to read there.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/autograd/grad_mode.h"
#include "core/io/io.h"
#include "tests/parity/support/compare.h"
#include "tests/parity/support/modules.h"

namespace {

using namespace heed;
using namespace heed::parity;

std::string file(const std::string& name) {
  return std::string(HEED_TEST_DATA_DIR) + "/parity/fixtures/files/" + name;
}

/// The tensor is exactly what the fixture says.
void check_holds(const std::string& name, const Tensor& x, const Json& expected) {
  const std::string wrong =
      difference(x, dims(expected["s"]), dtype_of_kind(expected["d"], float32),
                 parity::numbers(expected["v"]), {});
  CHECK_MESSAGE(wrong.empty(), name << ": " << wrong);
}

/// A module with the weights of a file, in float64.
AnyModule loaded(const std::string& name, const Json& options, const std::string& from) {
  AnyModule made = make_module(name, Args(options), float64);
  made.module->load_state_dict(io::load_safetensors(file(from + ".safetensors")));
  made.module->to(float64);
  return made;
}

void check_reproduces(const AnyModule& module, const Json& expected) {
  std::vector<Tensor> inputs;
  for (const Json& input : expected["in"]) inputs.push_back(build_input(input, float64));
  const NoGradGuard no_grad;
  const Tensor y = module.forward(inputs, Args(Json::object()))[0];
  const std::string wrong =
      difference(y, dims(expected["out"]["s"]), float64, parity::numbers(expected["out"]["v"]),
                 {.relative = 1e-10, .scale = 1});
  CHECK_MESSAGE(wrong.empty(), wrong);
}

}  // namespace

TEST_CASE("safetensors of an independent writer are read, every type of it") {
  const Json fixture = load_fixture("files");
  const io::Safetensors read = io::read_safetensors(file("every_type.safetensors"));
  CHECK(read.tensors.size() == fixture["safetensors"].size());
  for (const auto& item : fixture["safetensors"].items()) {
    const std::string& name = item.key();
    REQUIRE_MESSAGE(read.tensors.contains(name), name);
    check_holds(name, read.tensors.at(name), item.value());
  }
  CHECK(read.metadata.size() == fixture["metadata"].size());
  for (const auto& [key, text] : read.metadata) CHECK(fixture["metadata"][key] == text);
  CHECK(io::load_safetensors(file("nothing.safetensors")).empty());
  CHECK(io::load_safetensors(file("unpadded.safetensors")).at("x").to_vector<std::int64_t>() ==
        std::vector<std::int64_t>{0, 1, 2});
}

TEST_CASE("a state_dict saved by PyTorch makes the same MultiheadAttention, layers and GPT") {
  const Json modules = load_fixture("files")["modules"];
  const Json attention = {{"embed_dim", 8}, {"num_heads", 2}, {"batch_first", true}};
  check_reproduces(loaded("MultiheadAttention", attention, "multihead_attention"),
                   modules["multihead_attention"]);
  Json layer = {{"d_model", 8},
                {"nhead", 2},
                {"dim_feedforward", 12},
                {"dropout", 0.0},
                {"batch_first", true}};
  check_reproduces(loaded("TransformerEncoderLayer", layer, "encoder_layer"),
                   modules["encoder_layer"]);
  layer["activation"] = "gelu";
  layer["norm_first"] = true;
  check_reproduces(loaded("TransformerEncoderLayer", layer, "encoder_layer_norm_first"),
                   modules["encoder_layer_norm_first"]);
  const Json gpt = {
      {"vocab_size", 11}, {"block_size", 6}, {"n_layer", 2}, {"n_head", 2}, {"n_embd", 8}};
  check_reproduces(loaded("GPT", gpt, "gpt"), modules["gpt"]);
}

TEST_CASE("npy and npz of numpy are read, in every order, version and type") {
  const Json fixture = load_fixture("files");
  for (const auto& [name, expected] : fixture["npy"].items()) {
    check_holds(name, io::load_npy(file(name + ".npy")), expected);
  }
  for (const char* archive : {"stored", "deflated"}) {
    const StateDict arrays = io::load_npz(file(std::string(archive) + ".npz"));
    CHECK(arrays.size() == fixture["npz"].size());
    for (const std::string name : fixture["npz"]) {
      check_holds(name, arrays.at(name), fixture["npy"][name]);
    }
  }
}

TEST_CASE("files written here come back the same, and stay for read_back.py if asked") {
  namespace fs = std::filesystem;
  const char* asked = std::getenv("HEED_PARITY_OUT");
  const fs::path out = asked ? fs::path(asked) : fs::temp_directory_path() / "heed-parity-files";
  fs::create_directories(out);
  const Json fixture = load_fixture("files");

  const io::Safetensors tensors = io::read_safetensors(file("every_type.safetensors"));
  const std::string path = (out / "every_type.safetensors").string();
  io::save_safetensors(path, tensors.tensors, tensors.metadata);
  for (const auto& [name, x] : io::load_safetensors(path)) {
    check_holds(name, x, fixture["safetensors"][name]);
  }

  StateDict arrays;
  for (const auto& [name, expected] : fixture["npy"].items()) {
    const Tensor x = io::load_npy(file(name + ".npy"));
    const std::string npy = (out / (name + ".npy")).string();
    io::save_npy(npy, x, {.fortran_order = name.starts_with("fortran")});
    check_holds(name, io::load_npy(npy), expected);
  }
  for (const std::string name : fixture["npz"]) {
    arrays.add(name, io::load_npy(file(name + ".npy")));
  }
  for (const char* archive : {"stored", "deflated"}) {
    const std::string npz = (out / (std::string(archive) + ".npz")).string();
    io::save_npz(npz, arrays);
    for (const auto& [name, x] : io::load_npz(npz)) check_holds(name, x, fixture["npy"][name]);
  }
  if (!asked) fs::remove_all(out);
}
