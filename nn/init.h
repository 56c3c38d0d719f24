// Initial values of weights, drawn as torch.nn.init draws them. Each function writes into the
// tensor without recording, and returns it.
#pragma once

#include <cstdint>
#include <string>

#include "core/tensor.h"

namespace heed::nn::init {

Tensor uniform_(const Tensor& tensor, double a = 0, double b = 1, Generator* generator = nullptr);
Tensor normal_(const Tensor& tensor, double mean = 0, double std = 1,
               Generator* generator = nullptr);
/// normal(mean, std) held to [a, b], by the inverse of the distribution function.
Tensor trunc_normal_(const Tensor& tensor, double mean = 0, double std = 1, double a = -2,
                     double b = 2, Generator* generator = nullptr);
Tensor constant_(const Tensor& tensor, double value);
Tensor ones_(const Tensor& tensor);
Tensor zeros_(const Tensor& tensor);
/// Ones on the diagonal of a matrix.
Tensor eye_(const Tensor& tensor);

/// By how much a nonlinearity shrinks the spread of what passes it: "linear", "sigmoid", "tanh",
/// "relu", "leaky_relu" (param: its slope, by default 0.01), "selu".
double calculate_gain(const std::string& nonlinearity, double param = 0.01);

struct Fans {
  std::int64_t in, out;
};
/// How many inputs an output of a weight (out, in, …) sees, and how many outputs an input reaches.
/// Error: fewer than two dimensions.
Fans calculate_fan_in_and_fan_out(const Tensor& tensor);

/// uniform(-a, a), a = gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).
Tensor xavier_uniform_(const Tensor& tensor, double gain = 1, Generator* generator = nullptr);
/// normal(0, gain sqrt(2 / (fan_in + fan_out))).
Tensor xavier_normal_(const Tensor& tensor, double gain = 1, Generator* generator = nullptr);

struct KaimingOptions {
  double a = 0;                 ///< the slope of leaky_relu
  std::string mode = "fan_in";  ///< or "fan_out"
  std::string nonlinearity = "leaky_relu";
  Generator* generator = nullptr;
};
/// uniform(-bound, bound), bound = gain sqrt(3 / fan) (He et al. 2015).
Tensor kaiming_uniform_(const Tensor& tensor, const KaimingOptions& options = {});
/// normal(0, gain / sqrt(fan)).
Tensor kaiming_normal_(const Tensor& tensor, const KaimingOptions& options = {});

}  // namespace heed::nn::init
