// Every optimizer with every option against PyTorch's run of 100 steps on the same small net, in
// float64 (tests/parity/generate/optimizers.py).
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "optim/optim.h"

using namespace heed;
using nlohmann::json;

namespace {

json fixture() {
  std::ifstream file(HEED_TEST_DATA_DIR "/parity/fixtures/optimizers.json");
  return json::parse(file);
}

Tensor from(const json& t, bool requires_grad = false) {
  return tensor(t.at("v").get<std::vector<double>>(),
                Dims(t.at("s").get<std::vector<std::int64_t>>()), {.requires_grad = requires_grad});
}

void read(const json& value, const optim::OptionRef& option) {
  if (double* const* number = std::get_if<double*>(&option.value)) {
    **number = value.get<double>();
  } else if (bool* const* flag = std::get_if<bool*>(&option.value)) {
    **flag = value.get<bool>();
  } else {
    *std::get<optim::Betas*>(option.value) = value.get<optim::Betas>();
  }
}

template <class Options>
void read_options(const json& from, Options& into) {
  for (const auto& item : from.items()) {
    const std::string& name = item.key();
    bool known = false;
    for (const optim::OptionRef& option : into.option_refs()) {
      if (name == option.name) {
        read(item.value(), option);
        known = true;
      }
    }
    REQUIRE_MESSAGE(known, name);
  }
}

template <class Optimizer, class Options>
std::unique_ptr<optim::Optimizer> make(const json& run, const std::vector<Tensor>& params) {
  Options defaults;
  read_options(run.at("options"), defaults);
  if (!run.contains("groups")) return std::make_unique<Optimizer>(params, defaults);
  std::vector<typename Optimizer::Group> groups;
  for (const json& options : run.at("groups")) {
    const auto first = params.begin() + 2 * static_cast<std::ptrdiff_t>(groups.size());
    groups.push_back({std::vector<Tensor>(first, first + 2), defaults});
    read_options(options, groups.back().options);
  }
  return std::make_unique<Optimizer>(std::move(groups));
}

std::unique_ptr<optim::Optimizer> make(const json& run, const std::vector<Tensor>& params) {
  const std::string name = run.at("optimizer");
  if (name == "SGD") return make<optim::SGD, optim::SGDOptions>(run, params);
  if (name == "Adam") return make<optim::Adam, optim::AdamOptions>(run, params);
  if (name == "AdamW") return make<optim::AdamW, optim::AdamWOptions>(run, params);
  if (name == "RMSprop") return make<optim::RMSprop, optim::RMSpropOptions>(run, params);
  if (name == "Adagrad") return make<optim::Adagrad, optim::AdagradOptions>(run, params);
  REQUIRE(name == "Lion");
  return make<optim::Lion, optim::LionOptions>(run, params);
}

bool close(double a, double b) { return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), 1e-3); }

}  // namespace

TEST_CASE("every optimizer walks PyTorch's path for 100 steps, whatever its options") {
  const json all = fixture();
  const Tensor x = from(all.at("x")), y = from(all.at("y"));
  REQUIRE(all.at("runs").size() > 40);
  for (const json& run : all.at("runs")) {
    CAPTURE(run.at("optimizer").get<std::string>());
    CAPTURE(run.at("options").dump());
    std::vector<Tensor> p;
    for (const json& start : all.at("start")) p.push_back(from(start, true));
    const auto optimizer = make(run, p);

    const auto losses = run.at("loss").get<std::vector<double>>();
    REQUIRE(losses.size() == 100);
    std::size_t wrong = 0;
    for (const double expected : losses) {
      optimizer->zero_grad();
      const Tensor hidden = tanh(matmul(x, p[0].t()) + p[1]);
      const Tensor loss = (matmul(hidden, p[2].t()) + p[3] - y).square().mean();
      loss.backward();
      wrong += !close(expected, loss.item());
      optimizer->step();
    }
    CHECK(wrong == 0);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const auto end = run.at("end").at(i).get<std::vector<double>>();
      const auto got = p[i].to_vector<double>();
      REQUIRE(got.size() == end.size());
      for (std::size_t k = 0; k < end.size(); ++k) CHECK(close(end[k], got[k]));
    }
  }
}
