#include "core/io/checkpoint.h"

#include <doctest/doctest.h>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "optim/optim.h"
#include "support.h"

using namespace heed;
using namespace heed::test;

namespace {

// A net with dropout, an optimizer with momentum, a schedule and an average of the weights: all
// that a training can depend on.
struct Training {
  Generator generator{5};
  std::vector<Tensor> params{weight({16, 8}), weight({16}), weight({4, 16})};
  optim::AdamW optimizer{params, {.lr = 0.01, .amsgrad = true}};
  optim::CosineAnnealingLR schedule{optimizer, {.T_max = 30}};
  optim::ExponentialMovingAverage average{params, {.decay = 0.9}};
  std::int64_t step = 0;

  Tensor weight(const Dims& sizes) {
    return randn(sizes, {.generator = &generator}).mul(0.3).detach().requires_grad_();
  }

  void advance(int steps) {
    for (int i = 0; i < steps; ++i, ++step) {
      const Tensor x = randn({32, 8}, {.generator = &generator});
      const Tensor hidden = tanh(matmul(x, params[0].t()) + params[1]);
      const Tensor mask = bernoulli(full({32, 16}, 0.8), &generator);
      const Tensor y = matmul(hidden * mask, params[2].t());
      const Tensor loss = (y - x.narrow(1, 0, 4)).square().mean();
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      schedule.step();
      average.update();
    }
  }

  void save(const std::string& path) {
    StateDict model;
    for (std::size_t i = 0; i < params.size(); ++i) model.add(std::to_string(i), params[i]);
    io::save_checkpoint(path, {.model = model,
                               .optimizer = optimizer.state_dict(),
                               .scheduler = schedule.state_dict(),
                               .generator = generator.state(),
                               .step = step,
                               .extra = average.state_dict(),
                               .metadata = {{"made by", "a test"}}});
  }

  void load(const std::string& path) {
    const io::Checkpoint saved = io::load_checkpoint(path);
    NoGradGuard no_grad;
    for (std::size_t i = 0; i < params.size(); ++i) {
      params[i].copy_(saved.model.at(std::to_string(i)));
    }
    optimizer.load_state_dict(saved.optimizer);
    schedule.load_state_dict(saved.scheduler);
    average.load_state_dict(saved.extra);
    generator.set_state(saved.generator);
    step = saved.step;
  }
};

}  // namespace

TEST_CASE("training resumed from a checkpoint goes on with the same bits as one never stopped") {
  const Folder folder;
  Training whole;
  whole.advance(12);

  Training stopped;
  stopped.advance(5);
  stopped.save(folder / "run");
  Training resumed;
  resumed.advance(2);  // it need not be fresh
  resumed.load(folder / "run");
  CHECK(resumed.step == 5);
  resumed.advance(7);

  CHECK(resumed.step == whole.step);
  for (std::size_t i = 0; i < whole.params.size(); ++i) {
    CHECK(same_bits(resumed.params[i], whole.params[i]));
    CHECK(same_bits(resumed.average.shadow()[i], whole.average.shadow()[i]));
  }
  CHECK(resumed.optimizer.lr() == whole.optimizer.lr());
  CHECK(resumed.generator.random64() == whole.generator.random64());
}

TEST_CASE("a checkpoint brings back every part as it was saved") {
  const Folder folder;
  const std::string path = folder / "x";
  const io::Checkpoint saved{.model = {{"model.w", ones({2})}, {"step", ones({1})}},
                             .optimizer = {{"param_groups.0.lr", full({}, 0.5)}},
                             .scheduler = {},
                             .generator = {~std::uint64_t{0}, 1, std::uint64_t{1} << 63},
                             .step = -3,
                             .extra = {{"best loss", full({}, 0.25)}},
                             .metadata = {{"a", "b"}, {"c", "d"}}};
  io::save_checkpoint(path, saved);
  const io::Checkpoint read = io::load_checkpoint(path);
  CHECK(read.model.size() == 2);
  CHECK(same_bits(read.model.at("model.w"), ones({2})));
  CHECK(read.optimizer.at("param_groups.0.lr").item() == 0.5);
  CHECK(read.scheduler.empty());
  CHECK(read.generator == saved.generator);
  CHECK(read.step == -3);
  CHECK(read.extra.at("best loss").item() == 0.25);
  CHECK(read.metadata == saved.metadata);
  // Any reader of safetensors finds the weights.
  CHECK(io::load_safetensors(path).contains("model.model.w"));
  io::save_checkpoint(path, {});
  CHECK(io::load_checkpoint(path).model.empty());
  CHECK(io::load_checkpoint(path).generator.empty());
}

TEST_CASE("what is no checkpoint is refused") {
  const Folder folder;
  const std::string path = folder / "x";
  io::save_safetensors(path, {{"model.w", ones({1})}});
  CHECK(refusal([&] { io::load_checkpoint(path); }) ==
        path + ": is no checkpoint: its metadata lack \"format\": \"heed.checkpoint.1\"");
  io::save_safetensors(path, {{"model.w", ones({1})}}, {{"format", "heed.checkpoint.1"}});
  CHECK(refusal([&] { io::load_checkpoint(path); }) ==
        path + ": is no whole checkpoint: it lacks \"step\"");
  io::save_safetensors(path, {{"other", ones({1})}}, {{"format", "heed.checkpoint.1"}});
  CHECK(refusal([&] { io::load_checkpoint(path); }) ==
        path + ": tensor \"other\" is not part of a checkpoint");
  io::save_safetensors(path, {{"step", ones({1})}}, {{"format", "heed.checkpoint.1"}});
  CHECK(refusal([&] { io::load_checkpoint(path); }) ==
        path + ": tensor \"step\" is not part of a checkpoint");
}
