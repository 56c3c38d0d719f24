// Learning rates against PyTorch's (tests/parity/generate/optimizers.py), saved and resumed
// schedules, refused options; averages of weights.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "optim/optim.h"
#include "support/refusal.h"

using namespace heed;
using heed::test::refusal;
using nlohmann::json;
using optim::SGD;

namespace {

json fixture() {
  std::ifstream file(HEED_TEST_DATA_DIR "/parity/fixtures/schedules.json");
  return json::parse(file).at("schedules");
}

Tensor weight() { return zeros({1}, {.requires_grad = true}); }

bool close(double a, double b) { return std::abs(a - b) <= 1e-12 * std::max(std::abs(a), 1e-9); }

// The schedule of a fixture; absent options keep their defaults.
std::unique_ptr<optim::LRScheduler> make(const std::string& name, const json& o,
                                         optim::Optimizer& optimizer) {
  const auto number = [&](const char* key, double otherwise) { return o.value(key, otherwise); };
  const auto whole = [&](const char* key, std::int64_t otherwise) {
    return o.value(key, otherwise);
  };
  if (name == "StepLR") {
    return std::make_unique<optim::StepLR>(
        optimizer,
        optim::StepLR::Options{.step_size = whole("step_size", 0), .gamma = number("gamma", 0.1)});
  }
  if (name == "MultiStepLR") {
    return std::make_unique<optim::MultiStepLR>(
        optimizer, optim::MultiStepLR::Options{.milestones = o.at("milestones"),
                                               .gamma = number("gamma", 0.1)});
  }
  if (name == "ExponentialLR") {
    return std::make_unique<optim::ExponentialLR>(
        optimizer, optim::ExponentialLR::Options{.gamma = o.at("gamma")});
  }
  if (name == "CosineAnnealingLR") {
    return std::make_unique<optim::CosineAnnealingLR>(
        optimizer, optim::CosineAnnealingLR::Options{.T_max = whole("T_max", 0),
                                                     .eta_min = number("eta_min", 0)});
  }
  if (name == "LinearLR") {
    optim::LinearLR::Options options;
    options.start_factor = number("start_factor", options.start_factor);
    options.end_factor = number("end_factor", options.end_factor);
    options.total_iters = whole("total_iters", options.total_iters);
    return std::make_unique<optim::LinearLR>(optimizer, options);
  }
  if (name == "OneCycleLR") {
    optim::OneCycleLR::Options options{.max_lr = o.at("max_lr").get<double>(),
                                       .total_steps = whole("total_steps", 0)};
    options.pct_start = number("pct_start", options.pct_start);
    if (o.value("anneal_strategy", "cos") == "linear") {
      options.anneal_strategy = optim::Anneal::Linear;
    }
    options.cycle_momentum = o.value("cycle_momentum", true);
    options.base_momentum = number("base_momentum", 0.85);
    options.max_momentum = number("max_momentum", 0.95);
    options.div_factor = number("div_factor", options.div_factor);
    options.final_div_factor = number("final_div_factor", options.final_div_factor);
    options.three_phase = o.value("three_phase", false);
    return std::make_unique<optim::OneCycleLR>(optimizer, options);
  }
  if (name == "LambdaLR") {
    return std::make_unique<optim::LambdaLR>(
        optimizer, [](std::int64_t epoch) { return std::pow(0.95, static_cast<double>(epoch)); });
  }
  REQUIRE(name == "WarmupCosine");
  return std::make_unique<optim::WarmupCosineLR>(
      optimizer,
      optim::WarmupCosineLR::Options{
          .warmup = whole("warmup", 0), .total = whole("total", 0), .floor = number("floor", 0)});
}

std::unique_ptr<optim::SequentialLR> sequential(optim::Optimizer& optimizer) {
  using optim::SequentialLR;
  SequentialLR::Schedules parts{
      std::make_shared<optim::LinearLR>(
          optimizer, optim::LinearLR::Options{.start_factor = 0.1, .total_iters = 5}),
      std::make_shared<optim::CosineAnnealingLR>(optimizer,
                                                 optim::CosineAnnealingLR::Options{.T_max = 10}),
      std::make_shared<optim::ExponentialLR>(optimizer,
                                             optim::ExponentialLR::Options{.gamma = 0.8})};
  return std::make_unique<SequentialLR>(optimizer, std::move(parts),
                                        std::vector<std::int64_t>{5, 15});
}

}  // namespace

TEST_CASE("every schedule gives PyTorch's learning rates and momenta") {
  std::size_t seen = 0;
  for (const json& run : fixture()) {
    const std::string name = run.at("scheduler");
    if (name == "SequentialLR" || name == "ReduceLROnPlateau") continue;
    CAPTURE(name);
    CAPTURE(run.at("options").dump());
    ++seen;
    SGD optimizer(
        {{{weight()}, {.lr = 0.1, .momentum = 0.9}}, {{weight()}, {.lr = 0.02, .momentum = 0.9}}});
    const auto schedule = make(name, run.at("options"), optimizer);
    const auto rates = run.at("lr").get<std::vector<std::vector<double>>>();
    const auto momenta = run.at("momentum").get<std::vector<double>>();
    for (std::size_t k = 0; k < rates.size(); ++k) {
      CAPTURE(k);
      for (std::size_t g = 0; g < 2; ++g) {
        CHECK(close(rates[k][g], optimizer.lr(g)));
        CHECK(schedule->get_last_lr()[g] == optimizer.lr(g));
      }
      CHECK(close(momenta[k], optimizer.options().momentum));
      if (k + 1 < rates.size()) schedule->step();
    }
  }
  CHECK(seen == 14);
}

TEST_CASE("schedules one after another give PyTorch's learning rates") {
  std::size_t seen = 0;
  for (const json& run : fixture()) {
    if (run.at("scheduler") != "SequentialLR") continue;
    ++seen;
    SGD optimizer({weight()}, {.lr = 0.1});
    const auto schedule = sequential(optimizer);
    for (const json& rate : run.at("lr")) {
      CHECK(close(rate.at(0), optimizer.lr()));
      schedule->step();
    }
  }
  CHECK(seen == 1);
}

TEST_CASE("a plateau lowers the learning rate when PyTorch does") {
  std::size_t seen = 0;
  for (const json& run : fixture()) {
    if (run.at("scheduler") != "ReduceLROnPlateau") continue;
    ++seen;
    const json& o = run.at("options");
    CAPTURE(o.dump());
    optim::ReduceLROnPlateau::Options options;
    if (o.value("mode", "min") == "max") options.mode = optim::PlateauMode::Max;
    if (o.value("threshold_mode", "rel") == "abs") {
      options.threshold_mode = optim::ThresholdMode::Abs;
    }
    options.factor = o.value("factor", options.factor);
    options.patience = o.value("patience", options.patience);
    options.threshold = o.value("threshold", options.threshold);
    options.cooldown = o.value("cooldown", options.cooldown);
    options.min_lr = o.value("min_lr", 0.0);
    SGD optimizer({weight()}, {.lr = 0.1});
    optim::ReduceLROnPlateau schedule(optimizer, options);
    const auto metrics = run.at("metrics").get<std::vector<double>>();
    for (std::size_t k = 0; k < metrics.size(); ++k) {
      CAPTURE(k);
      schedule.step(metrics[k]);
      CHECK(close(run.at("lr").at(k).at(0), optimizer.lr()));
      if (k == metrics.size() / 2) {
        // Resumed in the middle, it goes on as if nothing had happened.
        const StateDict state = schedule.state_dict();
        for (int i = 0; i < 3; ++i) schedule.step(-1);
        schedule.load_state_dict(state);
        optimizer.set_lr(run.at("lr").at(k).at(0));
      }
    }
  }
  CHECK(seen == 5);
}

TEST_CASE("a schedule resumed from its state goes on with the same numbers") {
  const auto check = [](auto make_schedule) {
    SGD a({weight()}, {.lr = 0.1, .momentum = 0.9}), b({weight()}, {.lr = 0.1, .momentum = 0.9});
    const auto first = make_schedule(a);
    for (int i = 0; i < 7; ++i) first->step();
    const auto second = make_schedule(b);
    b.load_state_dict(a.state_dict());
    second->load_state_dict(first->state_dict());
    CHECK(second->last_epoch() == 7);
    CHECK(second->get_last_lr() == first->get_last_lr());
    for (int i = 0; i < 12; ++i) {
      first->step();
      second->step();
      CHECK(a.lr() == b.lr());
      CHECK(a.options().momentum == b.options().momentum);
    }
  };
  for (const json& run : fixture()) {
    const std::string name = run.at("scheduler");
    if (name == "SequentialLR" || name == "ReduceLROnPlateau") continue;
    CAPTURE(name);
    check([&](SGD& optimizer) { return make(name, run.at("options"), optimizer); });
  }
  check([](SGD& optimizer) { return sequential(optimizer); });
}

TEST_CASE("a state that a schedule refuses changes nothing of it") {
  const auto numbers = [](const StateDict& state) {
    std::vector<std::pair<std::string, std::vector<double>>> all;
    for (const auto& [key, value] : state) all.emplace_back(key, value.to_vector<double>());
    return all;
  };
  // Each entry in turn is left out, has another size, or is joined by one that nobody knows.
  const auto check = [&](auto& schedule, const StateDict& later) {
    const auto before = numbers(schedule.state_dict());
    const auto refused = [&](const StateDict& state, const std::string& key) {
      CAPTURE(key);
      CHECK(refusal([&] { schedule.load_state_dict(state); }) != "");
      CHECK(numbers(schedule.state_dict()) == before);
    };
    for (std::size_t bad = 0; bad < later.size(); ++bad) {
      StateDict lacking, larger;
      for (std::size_t i = 0; i < later.size(); ++i) {
        const auto& [key, value] = later[i];
        if (i != bad) lacking.add(key, value);
        larger.add(key, i == bad ? zeros({3}) : value);
      }
      refused(lacking, later[bad].first);
      refused(larger, later[bad].first);
    }
    for (const char* key : {"stranger", "schedules.9.last_epoch", "schedules.0.stranger"}) {
      StateDict more = later;
      more.add(key, zeros({}));
      refused(more, key);
    }
    refused({}, "empty");
    schedule.load_state_dict(later);
    CHECK(numbers(schedule.state_dict()) == numbers(later));
  };

  SGD a({weight()}, {.lr = 0.1}), b({weight()}, {.lr = 0.1});
  const auto first = sequential(a), second = sequential(b);
  for (int i = 0; i < 7; ++i) first->step();
  check(*second, first->state_dict());

  optim::StepLR steps(a, {.step_size = 2}), others(b, {.step_size = 2});
  for (int i = 0; i < 3; ++i) steps.step();
  check(others, steps.state_dict());

  optim::ReduceLROnPlateau plateau(a), other_plateau(b);
  for (int i = 0; i < 3; ++i) plateau.step(1 + i);
  check(other_plateau, plateau.state_dict());

  const Tensor w = zeros({2}, {.requires_grad = true}), v = ones({2}, {.requires_grad = true});
  optim::ExponentialMovingAverage ema({w, v}), other_ema({v, w});
  ema.update();
  check(other_ema, ema.state_dict());
}

TEST_CASE("one cycle moves Adam's beta1 where there is no momentum") {
  optim::Adam adam({weight()}, {.lr = 0.1});
  optim::OneCycleLR schedule(adam, {.max_lr = 1, .total_steps = 10});
  CHECK(adam.options().betas[0] == 0.95);
  schedule.step();
  CHECK(adam.options().betas[0] < 0.95);
  CHECK(adam.options().betas[1] == 0.999);
  optim::Adam counted({weight()}, {.lr = 0.1});
  optim::OneCycleLR by_epochs(counted, {.max_lr = 1, .epochs = 2, .steps_per_epoch = 5});
  by_epochs.step();
  CHECK(counted.lr() == adam.lr());
  optim::Adagrad adagrad({weight()});
  CHECK(refusal([&] { optim::OneCycleLR(adagrad, {.max_lr = 1, .total_steps = 10}); }) ==
        "optimizer must support momentum with `cycle_momentum` option enabled");
  optim::OneCycleLR plain(adagrad, {.max_lr = 1, .total_steps = 2, .cycle_momentum = false});
  plain.step();
  plain.step();
  CHECK(refusal([&] { plain.step(); }) ==
        "Tried to step 4 times. The specified number of total steps is 2");
}

TEST_CASE("schedules refuse what makes no sense") {
  SGD optimizer({{{weight()}, {.lr = 1}}, {{weight()}, {.lr = 1}}});
  SGD other({weight()}, {.lr = 1});
  CHECK(refusal([&] { optim::StepLR(optimizer, {.step_size = 0}); }) ==
        "Invalid step_size value: 0");
  CHECK(refusal([&] { optim::LinearLR(optimizer, {.start_factor = 2}); }) ==
        "Starting multiplicative factor expected to be between 0 and 1.");
  CHECK(refusal([&] { optim::LinearLR(optimizer, {.end_factor = -1}); }) ==
        "Ending multiplicative factor expected to be between 0 and 1.");
  CHECK(refusal([&] {
          optim::LambdaLR(
              optimizer, std::vector<optim::LambdaLR::Lambda>(3, [](std::int64_t) { return 1.0; }));
        }) == "Expected 2 lr_lambdas, but got 3");
  CHECK(refusal([&] {
          optim::OneCycleLR(optimizer, {.max_lr = {1, 2, 3}, .total_steps = 5});
        }) == "expected 2 values for max_lr, got 3");
  CHECK(refusal([&] { optim::OneCycleLR(optimizer, {.max_lr = 1, .total_steps = 0}); }) ==
        "Expected positive integer total_steps, but got 0");
  CHECK(refusal([&] { optim::OneCycleLR(optimizer, {.max_lr = 1, .epochs = 2}); }) ==
        "You must define either total_steps OR (epochs AND steps_per_epoch)");
  CHECK(refusal([&] {
          optim::OneCycleLR(optimizer, {.max_lr = 1, .epochs = 2, .steps_per_epoch = -1});
        }) == "Expected positive integer steps_per_epoch, but got -1");
  CHECK(refusal([&] { optim::ReduceLROnPlateau(optimizer, {.factor = 1}); }) ==
        "Factor should be < 1.0.");
  const auto part =
      std::make_shared<optim::ExponentialLR>(other, optim::ExponentialLR::Options{.gamma = 0.5});
  CHECK(refusal([&] {
          optim::SequentialLR(optimizer, {part}, {});
        }).find("expects all schedulers to belong to the same optimizer") != std::string::npos);
  CHECK(refusal([&] {
          optim::SequentialLR(other, {part}, {3});
        }).find("one more than the number of milestone points") != std::string::npos);
  optim::StepLR step(other, {.step_size = 2});
  CHECK(refusal([&] { step.load_state_dict(optimizer.state_dict()); }) ==
        "the state of a schedule lacks \"last_epoch\"");
}

TEST_CASE("an average of weights follows its recurrence and gives the weights back") {
  const Tensor w = tensor({1., 2.}, {.dtype = float64, .requires_grad = true});
  optim::ExponentialMovingAverage ema({w}, {.decay = 0.75});
  {
    NoGradGuard no_grad;
    w.fill_(3);
  }
  ema.update();
  CHECK(ema.shadow()[0].to_vector<double>() == std::vector<double>{1.5, 2.25});
  {
    const auto averaged = ema.average_parameters();
    CHECK(w.to_vector<double>() == std::vector<double>{1.5, 2.25});
  }
  CHECK(w.to_vector<double>() == std::vector<double>{3, 3});
  optim::ExponentialMovingAverage other({w}, {.decay = 0.75});
  other.load_state_dict(ema.state_dict());
  other.update();
  ema.update();
  CHECK(equal(other.shadow()[0], ema.shadow()[0]));
  ema.copy_to_parameters();
  CHECK(equal(w, ema.shadow()[0]));
  CHECK(w.requires_grad());
  optim::ExponentialMovingAverage warm({w}, {.warmup = true});
  {
    NoGradGuard no_grad;
    w.fill_(0);
  }
  const Tensor before = warm.shadow()[0].clone();
  warm.update();
  CHECK(allclose(warm.shadow()[0], before * (2.0 / 11)));
  CHECK(refusal([&] { optim::ExponentialMovingAverage({w}, {.decay = 2}); }) ==
        "Invalid decay value: 2");
}
