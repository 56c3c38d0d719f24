#include "nn/module.h"

#include <doctest/doctest.h>

#include <sstream>

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "core/random.h"
#include "nn/activation.h"
#include "nn/container.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/norm.h"
#include "support/refusal.h"

using namespace heed;
using heed::test::refusal;

namespace {

struct Net : nn::ModuleOf<Net> {
  nn::Linear hidden{3, 4}, out{4, 2};
  nn::Dropout dropout{0.5};
  Tensor scale = ones({2});

  Tensor forward(const Tensor& x) const { return out(dropout(tanh(hidden(x)))) * scale; }
  void visit(nn::Visitor& parts) override {
    parts("hidden", hidden).buffer("scale", scale)("dropout", dropout)("out", out);
  }
};

struct Outer : nn::ModuleOf<Outer> {
  nn::ModuleList<Net> nets;
  Tensor gain = ones({2}, {.requires_grad = true});

  Tensor forward(const Tensor& x) const { return nets[1](x) * gain; }
  void visit(nn::Visitor& parts) override { parts("nets", nets)("gain", gain); }
};

Outer make_outer() {
  Outer outer;
  outer.nets.push_back(Net());
  outer.nets.push_back(Net());
  return outer;
}

std::vector<std::string> names(const nn::NamedTensors& list) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : list) names.push_back(name);
  return names;
}

}  // namespace

TEST_CASE("parameters are listed by path, a module's own before its children's") {
  const Outer outer = make_outer();
  CHECK(names(outer.named_parameters()) ==
        std::vector<std::string>{"gain", "nets.0.hidden.weight", "nets.0.hidden.bias",
                                 "nets.0.out.weight", "nets.0.out.bias", "nets.1.hidden.weight",
                                 "nets.1.hidden.bias", "nets.1.out.weight", "nets.1.out.bias"});
  CHECK(names(outer.named_buffers()) == std::vector<std::string>{"nets.0.scale", "nets.1.scale"});
  CHECK(outer.num_parameters() == 2 + 2 * (12 + 4 + 8 + 2));
  CHECK(outer.parameters()[0].is(outer.gain));
  CHECK(outer.state_dict().size() == 11);
  CHECK(outer.state_dict()[1].first == "nets.0.scale");
}

TEST_CASE("a copy shares the parameters, but not which tensor a member names") {
  Net net;
  Net copy = net;
  CHECK(copy.hidden.weight.is(net.hidden.weight));
  copy.hidden.weight = ones({4, 3}, {.requires_grad = true});
  CHECK_FALSE(copy.hidden.weight.is(net.hidden.weight));
  copy.eval();
  CHECK(net.training());
  CHECK(net.dropout.training());
  CHECK_FALSE(copy.dropout.training());
}

TEST_CASE("a module that moved lists the parts where they are now") {
  std::vector<Outer> models;
  for (int i = 0; i < 5; ++i) models.push_back(make_outer());
  Outer moved = std::move(models[2]);
  CHECK(moved.named_parameters().size() == 9);
  moved.eval();
  CHECK_FALSE(moved.nets[1].dropout.training());
  moved.nets[1].out.weight = zeros({2, 4}, {.requires_grad = true});
  CHECK(moved.parameters()[7].is(moved.nets[1].out.weight));
}

TEST_CASE("a clone has values of its own and keeps ties") {
  Net net;
  net.out = nn::Linear(4, 4);
  net.hidden = nn::Linear(4, 4);
  net.out.weight = net.hidden.weight;
  net.hidden.bias.requires_grad_(false);
  const Net twin = net.clone();
  CHECK_FALSE(twin.hidden.weight.is(net.hidden.weight));
  CHECK(twin.hidden.weight.is(twin.out.weight));
  CHECK(equal(twin.hidden.weight, net.hidden.weight));
  CHECK(twin.hidden.weight.requires_grad());
  CHECK(twin.hidden.weight.is_leaf());
  CHECK_FALSE(twin.hidden.bias.requires_grad());
  CHECK(twin.parameters().size() == 3);
  {
    NoGradGuard no_grad;
    twin.hidden.weight.fill_(7);
    twin.scale.fill_(7);
  }
  CHECK(net.hidden.weight.max().item() < 1);
  CHECK(net.scale.max().item() == 1);
}

TEST_CASE("a tied parameter appears once among parameters and under each name in the state") {
  Net net;
  net.hidden = nn::Linear(4, 4);
  net.out = nn::Linear(4, 4);
  net.out.weight = net.hidden.weight;
  CHECK(names(net.named_parameters()) ==
        std::vector<std::string>{"hidden.weight", "hidden.bias", "out.bias"});
  CHECK(net.state_dict().size() == 5);
  net.scale = ones({4});
  net(ones({2, 4})).sum().backward();
  CHECK(net.hidden.weight.grad().is(net.out.weight.grad()));
  net.to(float64);
  CHECK(net.hidden.weight.is(net.out.weight));
}

TEST_CASE("to moves parameters, buffers and gradients to another type") {
  manual_seed(3);
  Net net;
  net.eval();
  net(ones({1, 3})).sum().backward();
  const Tensor before = net.hidden.weight, grad = before.grad();
  CHECK(&net.to(float64) == &net);
  CHECK(net.hidden.weight.dtype() == float64);
  CHECK(net.scale.dtype() == float64);
  CHECK(net.hidden.weight.requires_grad());
  CHECK_FALSE(net.scale.requires_grad());
  CHECK(equal(net.hidden.weight.grad(), grad.to(float64)));
  CHECK(before.dtype() == float32);
  CHECK(net(ones({1, 3}, {.dtype = float64})).dtype() == float64);
  CHECK(refusal([&] { net.to(int64); }) ==
        "a module can be moved to float32 or float64, not to int64");
}

TEST_CASE("train, eval, freezing and zero_grad reach every child") {
  Outer outer = make_outer();
  outer.eval();
  CHECK_FALSE(outer.nets[0].dropout.training());
  for (const Tensor& parameter : outer.parameters()) CHECK(parameter.requires_grad());
  CHECK(&outer.train() == &outer);
  CHECK(outer.nets[1].dropout.training());

  outer.nets[1].hidden.requires_grad_(false);
  outer(ones({2, 3})).sum().backward();
  CHECK_FALSE(outer.nets[1].hidden.weight.grad().defined());
  CHECK(outer.nets[1].out.weight.grad().defined());
  CHECK(outer.gain.grad().defined());
  outer.zero_grad();
  for (const Tensor& parameter : outer.parameters()) CHECK_FALSE(parameter.grad().defined());
}

TEST_CASE("a replaced parameter is the one that is used and listed") {
  nn::Linear layer(2, 1, {.bias = false});
  layer.weight = tensor({{2.f, 3.f}}, {.requires_grad = true});
  CHECK(layer(tensor({10.f, 1.f})).item() == 23);
  CHECK(layer.parameters()[0].is(layer.weight));
}

TEST_CASE("apply goes through the children first") {
  Outer outer = make_outer();
  std::string order;
  outer.apply([&](nn::Module& module) { order += std::string(module.kind()) + ' '; });
  CHECK(order == "Linear Dropout Linear Net Linear Dropout Linear Net ModuleList Outer ");
}

TEST_CASE("a refusal names the path from the outermost module that was called") {
  const Outer outer = make_outer();
  CHECK(refusal([&] {
          outer(ones({2, 5}));
        }) ==
        "nets.1.hidden: expected last dimension 3, got 5 (mat1 and mat2 shapes cannot be "
        "multiplied (2x5 and 3x4))");
  CHECK(refusal([&] { outer.nets[0](ones({5})); }) ==
        "hidden: expected last dimension 3, got 5 (mat1 and mat2 shapes cannot be multiplied "
        "(1x5 and 3x4))");
  CHECK(refusal([&] {
          outer.nets[0].hidden(ones({2, 5}));
        }).starts_with("Linear: expected last dimension 3, got 5"));
  CHECK(refusal([&] {
          outer(ones({2, 3}, {.dtype = float64}));
        }).starts_with("nets.1.hidden: expected scalar type Double but found Float"));
}

namespace {
struct SpecialError : Error {
  using Error::Error;
};
struct Thrower : nn::ModuleOf<Thrower> {
  Tensor forward(const Tensor& /*x*/) const { throw SpecialError("mine"); }
};
}  // namespace

TEST_CASE("an error of a class of its own passes through untouched") {
  nn::Sequential net{Thrower()};
  CHECK_THROWS_AS(net(ones({1})), SpecialError);
}

namespace {
struct Twice : nn::ModuleOf<Twice> {
  nn::Linear a{1, 1};
  Tensor b = ones({1});
  const char* name;
  explicit Twice(const char* second) : name(second) {}
  void visit(nn::Visitor& parts) override { parts("a", a)(name, b); }
};
}  // namespace

TEST_CASE("names of parts are unique, not empty and without dots") {
  CHECK(refusal([] { Twice("a").parameters(); }) == "a module lists two parts named 'a'");
  CHECK(refusal([] { Twice("").parameters(); }) == "a part of a module needs a name");
  CHECK(refusal([] { Twice("a.b").parameters(); }) ==
        "the name of a module's part cannot hold a dot: 'a.b'");
  CHECK(Twice("b").parameters().size() == 3);
}

TEST_CASE("load_state_dict brings a module to the values of another") {
  Outer outer = make_outer(), other = make_outer();
  const Tensor weight = outer.nets[0].hidden.weight;
  const nn::LoadResult result = outer.load_state_dict(other.state_dict());
  CHECK(result.missing_keys.empty());
  CHECK(result.unexpected_keys.empty());
  CHECK(outer.nets[0].hidden.weight.is(weight));
  CHECK(equal(weight, other.nets[0].hidden.weight));
  CHECK(weight.requires_grad());
}

TEST_CASE("load_state_dict converts types") {
  nn::Linear layer(2, 2, {.bias = false});
  layer.load_state_dict({{"weight", tensor({{1., 2.}, {3., 4.}}, {.dtype = float64})}});
  CHECK(layer.weight.dtype() == float32);
  CHECK(layer.weight.to_vector<double>() == std::vector<double>{1, 2, 3, 4});
}

TEST_CASE("a state that does not fit is refused with all that is wrong, and changes nothing") {
  Net net;
  const Net before = net.clone();
  StateDict state;
  state.add("hidden.weight", full({4, 3}, 9.f));
  state.add("hidden.bias", ones({5}));
  state.add("out.weight", ones({4, 2}));
  state.add("head.weight", ones({1}));
  state.add("head.bias", ones({1}));
  CHECK(refusal([&] { net.load_state_dict(state); }) ==
        "Error(s) in loading state_dict for Net:\n"
        "\tMissing key(s) in state_dict: \"scale\", \"out.bias\".\n"
        "\tUnexpected key(s) in state_dict: \"head.weight\", \"head.bias\".\n"
        "\tsize mismatch for hidden.bias: copying a param with shape [5] from checkpoint, the "
        "shape in current model is [4].\n"
        "\tsize mismatch for out.weight: copying a param with shape [4, 2] from checkpoint, the "
        "shape in current model is [2, 4].");
  for (std::size_t i = 0; i < net.parameters().size(); ++i) {
    CHECK(equal(net.parameters()[i], before.parameters()[i]));
  }
  CHECK(refusal([&] { net.load_state_dict(state, false); }).find("Missing") == std::string::npos);
  CHECK(equal(net.hidden.weight, before.hidden.weight));
}

TEST_CASE("a parameter that cannot be written to keeps the others from being loaded") {
  nn::Linear layer(2, 3);
  layer.bias = zeros({1}).expand({3});
  const Tensor before = layer.weight.detach().clone();
  CHECK(refusal([&] {
          layer.load_state_dict({{"weight", ones({3, 2})}, {"bias", ones({3})}});
        }).find("more than one element") != std::string::npos);
  CHECK(equal(layer.weight, before));
}

TEST_CASE("a state that is not strict reports what it left aside") {
  nn::Linear layer(2, 1);
  const nn::LoadResult result =
      layer.load_state_dict({{"weight", tensor({{1.f, 2.f}})}, {"other", ones({1})}}, false);
  CHECK(result.missing_keys == std::vector<std::string>{"bias"});
  CHECK(result.unexpected_keys == std::vector<std::string>{"other"});
  CHECK(layer.weight.to_vector<float>() == std::vector<float>{1, 2});
}

TEST_CASE("a module prints as in PyTorch") {
  std::ostringstream text;
  text << Net();
  CHECK(text.str() ==
        "Net(\n"
        "  (hidden): Linear(in_features=3, out_features=4, bias=True)\n"
        "  (dropout): Dropout(p=0.5, inplace=False)\n"
        "  (out): Linear(in_features=4, out_features=2, bias=True)\n"
        ")");
  const auto printed = [](const nn::Module& module) {
    std::ostringstream out;
    out << module;
    return out.str();
  };
  CHECK(printed(nn::LayerNorm(4)) == "LayerNorm((4,), eps=1e-05, elementwise_affine=True)");
  CHECK(printed(nn::LayerNorm({3, 4}, {.elementwise_affine = false})) ==
        "LayerNorm((3, 4), eps=1e-05, elementwise_affine=False)");
  CHECK(printed(nn::Embedding(5, 3, {.padding_idx = 1})) == "Embedding(5, 3, padding_idx=1)");
  CHECK(printed(nn::GELU()) == "GELU(approximate='none')");
  CHECK(printed(nn::Softmax(-1)) == "Softmax(dim=-1)");
  CHECK(printed(nn::MSELoss()) == "MSELoss()");
}
