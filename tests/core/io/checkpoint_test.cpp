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
    io::save_checkpoint(path, {.model = model.state_dict(),
                               .optimizer = optimizer.state_dict(),
                               .scheduler = schedule.state_dict(),
                               .generator = generator.state(),
                               .step = step,
                               .extra = average.state_dict(),
                               .metadata = {{"made by", "a test"}}});
  }

  struct Params {
    std::vector<Tensor>& params;
    StateDict state_dict() const {
      StateDict state;
      for (std::size_t i = 0; i < params.size(); ++i) state.add(std::to_string(i), params[i]);
      return state;
    }
    void load_state_dict(const StateDict& state) {
      HEED_CHECK(state.size() == params.size(), "not ", params.size(), " weights");
      NoGradGuard no_grad;
      for (std::size_t i = 0; i < params.size(); ++i) params[i].copy_(state.at(std::to_string(i)));
    }
  } model{params};

  io::CheckpointTargets targets() {
    return {.model = model,
            .optimizer = optimizer,
            .scheduler = schedule,
            .generator = &generator,
            .extra = average};
  }

  void load(const std::string& path) { step = io::restore_checkpoint(path, targets()).step; }
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

TEST_CASE("a checkpoint that one part refuses changes no part") {
  const Folder folder;
  const std::string path = folder / "run";
  Training from, into;
  from.advance(3);
  into.advance(5);
  from.save(path);
  const io::Checkpoint good = io::load_checkpoint(path);

  const auto everything = [](Training& training) {
    StateDict all;
    all.add_all(training.model.state_dict(), "model.");
    all.add_all(training.optimizer.state_dict(), "optimizer.");
    all.add_all(training.schedule.state_dict(), "scheduler.");
    all.add_all(training.average.state_dict(), "extra.");
    StateDict copy;
    for (const auto& [key, value] : all) copy.add(key, value.detach().clone());
    return copy;
  };
  const StateDict before = everything(into);
  const auto generator = into.generator.state();
  const auto refused = [&](const io::Checkpoint& bad, const std::string& part) {
    io::save_checkpoint(path, bad);
    const std::string message = refusal([&] { io::restore_checkpoint(path, into.targets()); });
    CHECK_MESSAGE(message.starts_with(path + ": " + part + ": "), message);
    const StateDict after = everything(into);
    REQUIRE(after.size() == before.size());
    for (const auto& entry : before) {
      CHECK_MESSAGE(same_bits(after.at(entry.first), entry.second),
                    part << " changed " << entry.first);
    }
    CHECK(into.generator.state() == generator);
  };
  const std::pair<const char*, StateDict io::Checkpoint::*> parts[] = {
      {"model", &io::Checkpoint::model},
      {"optimizer", &io::Checkpoint::optimizer},
      {"scheduler", &io::Checkpoint::scheduler},
      {"extra", &io::Checkpoint::extra}};
  for (const auto& [name, part] : parts) {
    io::Checkpoint bad = good;
    (bad.*part).add("stranger", ones({2}));
    refused(bad, name);
    bad.*part = {};
    refused(bad, name);
  }
  io::Checkpoint bad = good;
  bad.generator.clear();
  refused(bad, "generator");

  // What is not asked for is left alone.
  io::save_checkpoint(path, good);
  io::restore_checkpoint(path, {.model = into.model});
  CHECK(same_bits(into.params[0], from.params[0]));
  CHECK(same_bits(into.average.shadow()[0], before.at("extra.shadow.0")));
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
