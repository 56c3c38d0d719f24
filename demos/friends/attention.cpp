#include "attention.h"

#include <cmath>

namespace friends {

Tensor four_friends() {
  return heed::tensor({{0.2f, 0.4f, 0.6f},    // Alice
                       {0.1f, 0.3f, 0.5f},    // Bob
                       {0.9f, 0.1f, 0.2f},    // Charlie
                       {0.7f, 0.5f, 0.9f}});  // Daisy
}

Layer layer_from(std::uint64_t seed) {
  heed::manual_seed(seed);
  return Layer(3);
}

Attention attend(const Tensor& friends, const Layer& layer) {
  Attention a;
  a.q = layer.query(friends);
  a.k = layer.key(friends);
  a.v = layer.value(friends);
  a.scores = matmul(a.q, a.k.T()) / std::sqrt(static_cast<double>(a.q.size(-1)));
  a.weights = softmax(a.scores, 1);
  a.output = matmul(a.weights, a.v);
  return a;
}

Tensor target_of(const Tensor& friends) { return friends.roll(-1, 0); }

heed::autograd::GradcheckResult check_gradients(const Tensor& friends, const Layer& layer) {
  Layer twin(3, {.dtype = heed::float64});
  const auto loss = [&twin](const std::vector<Tensor>& in) {
    twin.query.weight = in[1];
    twin.key.weight = in[2];
    twin.value.weight = in[3];
    return mse_loss(twin(in[0]), target_of(in[0]));
  };
  std::vector<Tensor> inputs;
  for (const Tensor& x : {friends, layer.query.weight, layer.key.weight, layer.value.weight}) {
    inputs.push_back(x.detach().to(heed::float64).requires_grad_());
  }
  return heed::autograd::gradcheck(loss, inputs);
}

Shares shares(const Tensor& attention_weights) {
  const std::vector<double> values = attention_weights.detach().to_vector<double>();
  Shares result{};
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 4; ++j) result[i][j] = values[i * 4 + j];
  }
  return result;
}

}  // namespace friends
