// Memory that runs out at any allocation, of heed's allocator or of operator new: nothing leaks,
// and what was there before can be used.
#include <doctest/doctest.h>

#include <string>

#include "core/autograd/anomaly.h"
#include "core/autograd/checkpoint.h"
#include "core/autograd/engine.h"
#include "core/autograd/function.h"
#include "core/autograd/grad_mode.h"
#include "core/autograd/graph.h"
#include "core/factory.h"
#include "core/memory.h"
#include "core/print.h"
#include "core/state_dict.h"
#include "gradcheck_rows/table.h"
#include "support/digest.h"
#include "support/failing_new.h"

using namespace heed;
using test::Action;
using test::digest;
using test::fail_each_allocation;
using test::seeded;

namespace {

/// What a step of training changes: gradients that a failed one has left are dropped first.
double gradients(const std::vector<Tensor>& leaves, const std::function<Tensor()>& loss) {
  for (const Tensor& x : leaves) x.set_grad({});
  const Tensor y = loss();
  y.backward();
  double sum = digest(y);
  for (const Tensor& x : leaves) sum = sum * 0.5 + digest(x.grad());
  for (const Tensor& x : leaves) x.set_grad({});
  return sum;
}

struct Model {
  Tensor w1 = seeded({6, 5}, 1), b1 = seeded({6}, 2), w2 = seeded({3, 6}, 3), gain = seeded({6}, 4),
         shift = seeded({6}, 5), x = seeded({4, 5}, 6, false), target = tensor({2, 0, 1, 1});
  std::vector<Tensor> parameters() const { return {w1, b1, w2, gain, shift}; }

  Tensor loss() const {
    const Tensor hidden = gelu(linear(x, w1, b1));
    const Tensor normal = layer_norm(hidden, {6}, gain, shift);
    const Tensor parts =
        cat({normal.slice(1, 0, 3), normal.slice(1, 3, 6)}, 1).T().contiguous().T();
    const Tensor mixed = scaled_dot_product_attention(parts, parts, parts);
    Generator generator(1);
    const Tensor kept = dropout(mixed, 0.3, true, &generator) * 1;
    kept.add_(normal).mul_(0.5);
    const Tensor picked = kept.index_select(0, tensor({0, 1, 2, 3}));
    return cross_entropy(matmul(picked, w2.t()), target) + mean(square(hidden)) * 0.1;
  }
};

/// Softsign, with everything that a context may hold.
struct Softsign {
  static Tensor forward(autograd::Context& ctx, const Tensor& x, const std::vector<Tensor>& more) {
    const Tensor scale = 1 / (1 + abs(x));
    ctx.save_for_backward({x, scale, more[0]});
    ctx.attributes["a factor with a long name, for a block of its own"] = 2.0;
    return x * scale * more[0];
  }
  static autograd::Grads backward(autograd::Context& ctx, const Tensor& dy) {
    const double two = ctx.attribute<double>("a factor with a long name, for a block of its own");
    const Tensor x = ctx.saved(0), slope = square(1 / (1 + abs(x)));
    return {dy * slope * ctx.saved(2), dy * x * ctx.saved(1) * two / 2};
  }
};

}  // namespace

TEST_CASE("when memory runs out in a training step, nothing leaks and it can be made again") {
  const std::int64_t failures = fail_each_allocation("training", [] {
    return [model = Model()] {
      const double value = gradients(model.parameters(), [&] { return model.loss(); });
      return value;
    };
  });
  CHECK(failures > 100);
}

TEST_CASE("when memory runs out in any operation or its derivatives, nothing leaks") {
  std::int64_t failures = 0;
  for (const testing::Row& row : testing::table()) {
    if (!row.fn) continue;
    const std::string name = row.op + " " + row.what;
    failures += fail_each_allocation(name, [&]() -> Action {
      Generator generator(7);
      testing::Inputs inputs;
      for (const Dims& sizes : row.shapes.front()) {
        inputs.push_back(
            testing::make_input(sizes, row.domain, testing::Layout::EverySecond, generator));
      }
      return [inputs, &row] {
        const std::vector<Tensor> results = row.fn(inputs);
        Tensor whole = zeros({}, {.dtype = float64});
        for (const Tensor& y : results) whole = whole + sum(square(y));
        if (!whole.requires_grad()) return digest(results);
        const auto first =
            autograd::grad({whole}, inputs, {.create_graph = true, .allow_unused = true});
        Tensor slopes = zeros({}, {.dtype = float64});
        for (const Tensor& dx : first) {
          if (dx.defined()) slopes = slopes + sum(square(dx));
        }
        if (!slopes.requires_grad()) return digest(results) + digest(first);
        return digest(results) + digest(first) +
               digest(autograd::grad({slopes}, inputs, {.allow_unused = true}));
      };
    });
  }
  CHECK(failures > 10'000);
}

TEST_CASE("when memory runs out in an operation without a gradient, nothing leaks") {
  const auto ints = [] { return tensor({5, 1, 4, 1, 3, 9, 2, 6}); };
  const std::vector<std::pair<const char*, std::function<double(const Tensor&)>>> operations = {
      {"nonzero", [](const Tensor& x) { return digest(nonzero(x.gt(2))); }},
      {"one_hot", [](const Tensor& x) { return digest(one_hot(x)); }},
      {"argsort", [](const Tensor& x) { return digest(argsort(x)); }},
      {"argmax",
       [](const Tensor& x) {
         return digest(argmax(x.view({2, 4}), 1));
       }},
      {"sort", [](const Tensor& x) { return digest(sort(x).values); }},
      {"all",
       [](const Tensor& x) {
         return digest(all(x.view({2, 4}), 0));
       }},
      {"equal", [](const Tensor& x) { return equal(x, x + 1) ? 1.0 : 0.0; }},
      {"allclose", [](const Tensor& x) { return allclose(x, x) ? 1.0 : 0.0; }},
      {"to_vector", [](const Tensor& x) { return x.to_vector<double>()[2]; }},
      {"factories",
       [](const Tensor& x) {
         return digest(arange(1, 9, 2)) + digest(linspace(0, 1, 5)) + digest(eye(3)) +
                digest(tensor({{1, 2}, {3, 4}})) + digest(tensor(std::vector<bool>{true, false})) +
                digest(tensor(x.to_vector<std::int64_t>()));
       }},
      {"random",
       [](const Tensor& x) {
         Generator a(3), b(4);
         b.set_state(a.state());
         return digest(randperm(7, {.generator = &b})) + digest(randn({20}, {.generator = &a})) +
                digest(multinomial(x.to(float32), 3, false, &a)) +
                digest(bernoulli(x.to(float64) / 10, &b));
       }},
      {"print",
       [](const Tensor& x) {
         return digest(to_string(x.to(float64).view({2, 4}) / 3));
       }},
      {"print a summary",
       [](const Tensor& x) {
         return digest(to_string(x.to(float32).expand({200, 8})));
       }},
  };
  for (const auto& entry : operations) {
    fail_each_allocation(
        entry.first, [&]() -> Action { return [x = ints(), &entry] { return entry.second(x); }; });
  }
}

TEST_CASE("when memory runs out under hooks and retained gradients, nothing leaks") {
  fail_each_allocation("hooks", []() -> Action {
    const Tensor x = seeded({3}, 1);
    return [x] {
      HookHandle on_leaf = x.register_hook([](const Tensor& g) { return g * 2; });
      struct Remove {
        HookHandle& handle;
        ~Remove() { handle.remove(); }
      } remove{on_leaf};
      return gradients({x}, [&] {
        const Tensor y = x * x, z = exp(y);
        y.retain_grad();
        y.register_hook([](const Tensor& g) { return g + 1; });
        y.register_hook([](const Tensor&) { return Tensor(); });
        z.retain_grad();
        return sum(z) + sum(y);
      });
    };
  });
}

TEST_CASE("when memory runs out in a function of one's own, nothing leaks") {
  fail_each_allocation("function", []() -> Action {
    const Tensor x = seeded({3}, 1), y = seeded({3}, 2);
    return [x, y] {
      const Tensor z = sum(autograd::apply<Softsign>(x, std::vector<Tensor>{y}));
      const auto first = autograd::grad({z}, {x, y}, {.create_graph = true});
      return digest(first) + digest(autograd::grad({sum(first[0])}, {x, y}));
    };
  });
}

TEST_CASE("when memory runs out in a checkpointed segment, nothing leaks") {
  fail_each_allocation("checkpoint", []() -> Action {
    const Tensor x = seeded({4}, 1), w = seeded({4}, 2);
    return [x, w] {
      Generator generator(5);
      const autograd::CheckpointOptions options{.generator = &generator};
      const auto inner = [&](const std::vector<Tensor>& in) { return tanh(in[0] * w); };
      const auto outer = [&](const std::vector<Tensor>& in) {
        return dropout(autograd::checkpoint(inner, {in[0] * 2}, options), 0.5, true, &generator) *
               in[1];
      };
      const Tensor y = sum(autograd::checkpoint(outer, {x, x * w}, options));
      const auto first = autograd::grad({y}, {x, w}, {.create_graph = true});
      const double sum_first = digest(first);
      return sum_first + digest(autograd::grad({sum(first[0])}, {x, w})) +
             generator.uniform_double();
    };
  });
}

TEST_CASE("when memory runs out in anomaly mode, it ends with its guard") {
  fail_each_allocation("anomaly", []() -> Action {
    const Tensor x = seeded({4}, 1);
    return [x] {
      REQUIRE(!autograd::detect_anomaly_enabled());
      const autograd::DetectAnomalyGuard guard;
      return gradients({x}, [&] { return sum(log(square(x) + 1)); });
    };
  });
  CHECK(!autograd::detect_anomaly_enabled());
}

TEST_CASE(
    "when memory runs out in a wide graph, or in a backward within a backward, nothing leaks") {
  fail_each_allocation("wide graph", []() -> Action {
    std::vector<Tensor> leaves;
    for (std::uint64_t i = 0; i < 40; ++i) leaves.push_back(seeded({1}, i));
    return [leaves] {
      return gradients(leaves, [&] {
        std::vector<Tensor> parts;
        for (const Tensor& x : leaves) parts.push_back(x * x);
        return sum(cat(parts)) + sum(stack(parts) * 2);
      });
    };
  });
  // The frontier of an inner walk is a new one, so that every block of it is asked for.
  fail_each_allocation("wide graph within a hook", []() -> Action {
    const Tensor x = seeded({1}, 1);
    return [x] {
      return gradients({x}, [&] {
        const Tensor y = x * 2;
        y.register_hook([](const Tensor& g) {
          const EnableGradGuard recording;
          const Tensor inner = g.detach().requires_grad_();
          std::vector<Tensor> parts;
          for (int i = 0; i < 200; ++i) parts.push_back(inner * i);
          return autograd::grad(sum(stack(parts)), inner);
        });
        return y * y;
      });
    };
  });
}

TEST_CASE("when memory runs out on the way of writes in place and their views, nothing leaks") {
  fail_each_allocation("in place", []() -> Action {
    const Tensor x = seeded({3, 4}, 1), y = seeded({4}, 2);
    return [x, y] {
      return gradients({x, y}, [&] {
        const Tensor base = x * 1, row = base[1], column = base.select(1, 2);
        row.mul_(y);
        column.exp_();
        base.index_put_({tensor({0, 2}), 3}, y.slice(0, 0, 2));
        base.masked_fill_(base.gt(1), 0.5);
        base.view({-1}).slice(0, 1, 9, 2).copy_(y);
        return sum(square(row)) + sum(column * base.select(1, 0));
      });
    };
  });
}

TEST_CASE("when memory runs out in a gradcheck or a drawing, nothing leaks") {
  fail_each_allocation("gradcheck", []() -> Action {
    const Tensor x = seeded({2}, 1).detach().to(float64).requires_grad_();
    return [x] {
      const auto fn = [](const std::vector<Tensor>& in) { return in[0] * in[0]; };
      return autograd::gradcheck(fn, {x}).worst_error + autograd::gradgradcheck(fn, {x}).passed;
    };
  });
  fail_each_allocation("to_dot", []() -> Action {
    return [model = Model()] {
      return digest(autograd::to_dot(model.loss(), {{"w1", model.w1}, {"x \"quoted\"", model.x}}));
    };
  });
}

TEST_CASE("a state_dict stays whole when memory runs out while it grows") {
  fail_each_allocation("state_dict", []() -> Action {
    const Tensor x = seeded({2}, 1, false);
    const auto state = std::make_shared<StateDict>();
    state->add("a name too long for a short string", x);
    return [x, state] {
      for (int i = 0; i < 20; ++i) {
        const std::string key = "another name of some length " + std::to_string(i);
        if (!state->contains(key)) state->add(key, x * i);
      }
      double sum = 0;
      for (const auto& [key, tensor] : *state) {
        REQUIRE(state->find(key) == &tensor);
        sum += digest(key) + digest(state->at(key));
      }
      return sum + digest(std::to_string(state->with_prefix("another ").size()));
    };
  });
}

TEST_CASE("a failed operation in place leaves the values as they were") {
  const Tensor x = ones({8}), y = full({8}, 2.0);
  for (std::int64_t n = 1; n < 5; ++n) {
    heed::detail::fail_allocation(n);
    try {
      x.add_(y.slice(0, 0, {}, 1));
    } catch (const std::bad_alloc&) {
      heed::detail::fail_allocation(0);
      CHECK(x[0].item() == x[7].item());
    }
    heed::detail::fail_allocation(0);
  }
}
