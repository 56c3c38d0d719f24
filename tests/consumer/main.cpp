// What another project writes: one layer, its gradient, an error caught.
#include <heed.h>

#include <iostream>

int main() {
  using namespace heed;
  manual_seed(0);
  nn::Linear layer(3, 2);
  Tensor loss = layer(ones({4, 3})).square().sum();
  loss.backward();
  if (layer.weight.grad().sizes() != layer.weight.sizes()) return 1;
  try {
    matmul(ones({3, 4}), ones({3, 4}));
  } catch (const Error& error) {
    std::cout << "heed on " << simd_isa() << ": " << error.what() << "\n";
    return 0;
  }
  return 1;
}
