// Where an element stands in its sequence, told to a model three ways.
#pragma once

#include "nn/module.h"

namespace heed::nn {

/// The table (length, width) of sin(t / 10000^(2i / width)) in its even columns 2i and the cosine
/// in the odd ones (Vaswani et al. 2017).
Tensor sinusoidal_positions(std::int64_t length, std::int64_t width, DType dtype = float32);

struct PositionOptions {
  DType dtype = float32;
  Generator* generator = nullptr;
};

/// x (…, T, width) plus the sinusoidal table's first T rows. T is at most max_length.
class SinusoidalPositions : public ModuleOf<SinusoidalPositions> {
 public:
  SinusoidalPositions(std::int64_t max_length, std::int64_t width,
                      const PositionOptions& options = {})
      : table(sinusoidal_positions(max_length, width, options.dtype)) {}

  /// offset: the position of x's first element.
  Tensor forward(const Tensor& x, std::int64_t offset = 0) const;
  void visit(Visitor& parts) override { parts.buffer("table", table); }
  std::string extra_repr() const override;

  Tensor table;
};

/// x (…, T, width) plus the first T rows of weight (max_length, width), which is learned and starts
/// normal(0, 0.02).
class LearnedPositions : public ModuleOf<LearnedPositions> {
 public:
  LearnedPositions(std::int64_t max_length, std::int64_t width,
                   const PositionOptions& options = {});

  Tensor forward(const Tensor& x, std::int64_t offset = 0) const;
  void visit(Visitor& parts) override { parts("weight", weight); }
  std::string extra_repr() const override;

  Tensor weight;
};

struct RotaryOptions {
  double base = 10000;
  /// Turn the pairs (2i, 2i + 1) as the paper does; false: (i, i + dim / 2), as LLaMA does.
  bool interleaved = true;
  std::int64_t max_length = 2048;
};

/// Queries or keys x (…, T, dim), pair i turned by the angle position / base^(2i / dim), so that
/// their products depend on distances only (Su et al. 2021). Nothing to learn or to save.
class RotaryPositions : public ModuleOf<RotaryPositions> {
 public:
  explicit RotaryPositions(std::int64_t dim, const RotaryOptions& options = {});

  Tensor forward(const Tensor& x, std::int64_t offset = 0) const;
  std::string extra_repr() const override;

 private:
  std::int64_t dim_;
  RotaryOptions options_;
  Tensor cos32_, sin32_, cos64_, sin64_;  // (max_length, dim / 2)
};

}  // namespace heed::nn
