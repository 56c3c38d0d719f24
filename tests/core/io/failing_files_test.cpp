// Memory that runs out while a file is written or read: the old file or the new one is there,
// whole, and nothing else.
#include <doctest/doctest.h>

#include "core/io/io.h"
#include "core/memory.h"
#include "support.h"
#include "support/digest.h"
#include "support/failing_new.h"

using namespace heed;
using test::Action;
using test::digest;
using test::fail_each_allocation;
using test::seeded;

namespace {

StateDict some_state() {
  return {{"a weight with a long name, of the first layer", seeded({3, 4}, 1, false)},
          {"a weight with a long name, of the second layer", seeded({5}, 2, false).to(float64)},
          {"steps", tensor({1, 2, 3})},
          {"mask", tensor({true, false})},
          {"turned", seeded({4, 3}, 3, false).t()}};
}

double digest(const io::Metadata& metadata) {
  double sum = 0;
  for (const auto& [key, text] : metadata) sum = sum * 0.5 + test::digest(key) + test::digest(text);
  return sum;
}

}  // namespace

TEST_CASE("when memory runs out around safetensors, the file is the old or the new one") {
  const test::Folder folder;
  const std::string path = folder / "model.safetensors";
  io::save_safetensors(path, {{"old", ones({2})}});
  const auto size = [&] { return io::load_safetensors(path).size(); };
  fail_each_allocation("save_safetensors", [&]() -> Action {
    io::save_safetensors(path, {{"old", ones({2})}});
    return [&, state = some_state()] {
      io::save_safetensors(path, state, {{"a key that is not short at all", "and its value"}});
      return 1.0;
    };
  });
  CHECK(size() == 5);
  CHECK(folder.files() == 1);
  for (const bool map : {true, false}) {
    fail_each_allocation("read_safetensors", [&]() -> Action {
      return [&] {
        const io::Safetensors all = io::read_safetensors(path, {.map = map});
        return digest(all.tensors) + digest(all.metadata);
      };
    });
  }
}

TEST_CASE("when memory runs out around npy and npz, the file is the old or the new one") {
  const test::Folder folder;
  const std::string npy = folder / "x.npy", npz = folder / "x.npz";
  const auto save_and_load = [&] {
    const StateDict state = some_state();
    io::save_npy(npy, state[0].second, {.fortran_order = true});
    io::save_npz(npz, state);
    return digest(io::load_npy(npy)) + digest(io::load_npz(npz)) +
           digest(io::load_npz(npz, {.map = false}));
  };
  fail_each_allocation("npy and npz", [&]() -> Action { return save_and_load; });
  CHECK(folder.files() == 2);
}

TEST_CASE("when memory runs out around a checkpoint, it is the old or the new one") {
  const test::Folder folder;
  const std::string path = folder / "run.checkpoint";
  fail_each_allocation("checkpoint", [&]() -> Action {
    return [&, state = some_state()] {
      Generator generator(3);
      io::save_checkpoint(path, {.model = state,
                                 .optimizer = state,
                                 .generator = generator.state(),
                                 .step = 7,
                                 .metadata = {{"configuration", "a long text about the run"}}});
      const io::Checkpoint back = io::load_checkpoint(path);
      generator.set_state(back.generator);
      return digest(back.model) + digest(back.optimizer) + digest(back.metadata) +
             generator.uniform_double() + static_cast<double>(back.step);
    };
  });
  CHECK(folder.files() == 1);
}
