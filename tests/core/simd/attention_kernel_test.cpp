// Every table's fused attention against the plain twin in float64.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "core/parallel.h"
#include "core/simd/kernels.h"

namespace {

using heed::simd::Attention;
using heed::simd::AttentionBackward;
using heed::simd::Kernels;
using heed::simd::kernels_for;

std::vector<const Kernels*> tables() {
  std::vector<const Kernels*> found;
  for (const char* isa : {"plain", "sse2", "avx2", "avx512", "neon"}) {
    if (const Kernels* table = kernels_for(isa)) found.push_back(table);
  }
  return found;
}

enum class Mask { None, Bool, Additive };

struct Case {
  std::int64_t batch = 1, heads = 1, t = 1, s = 1, d = 1, dv = 1;
  bool causal = false;
  Mask mask = Mask::None;
  bool mask_broadcast = false;  // one row of the mask for all rows and heads
  double dropout_p = 0;
  bool heads_inside = false;  // q, k, v, out as views of (B, T, H, D)
};

// The inputs, outputs and gradients of one call, in T.
template <class T>
struct Run {
  std::vector<T> q, k, v, out, lse, dout, dq, dk, dv, additive;
  std::unique_ptr<bool[]> visible;
  AttentionBackward<T> args{};

  // The same numbers whatever T: drawn as float.
  Run(const Case& c, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const auto fill = [&](std::vector<T>& x, std::int64_t n) {
      for (std::int64_t i = 0; i < n; ++i) x.push_back(static_cast<T>(normal(random)));
    };
    const std::int64_t all = c.batch * c.heads;
    fill(q, all * c.t * c.d);
    fill(k, all * c.s * c.d);
    fill(v, all * c.s * c.dv);
    fill(dout, all * c.t * c.dv);
    const auto sized = [](std::int64_t n) { return std::vector<T>(static_cast<std::size_t>(n)); };
    out = sized(all * c.t * c.dv), lse = sized(all * c.t);
    dq = sized(all * c.t * c.d), dk = sized(all * c.s * c.d), dv = sized(all * c.s * c.dv);
    Attention<T>& a = args.forward;
    a.batch = c.batch, a.heads = c.heads, a.t = c.t, a.s = c.s, a.d = c.d, a.dv = c.dv;
    a.q = q.data(), a.k = k.data(), a.v = v.data(), a.out = out.data(), a.lse = lse.data();
    const auto strides = [&](std::int64_t rows, std::int64_t cols, std::int64_t& batch,
                             std::int64_t& head, std::int64_t& row) {
      batch = c.heads * rows * cols;
      head = c.heads_inside ? cols : rows * cols;
      row = c.heads_inside ? c.heads * cols : cols;
    };
    strides(c.t, c.d, a.q_batch, a.q_head, a.q_row);
    strides(c.s, c.d, a.k_batch, a.k_head, a.k_row);
    strides(c.s, c.dv, a.v_batch, a.v_head, a.v_row);
    strides(c.t, c.dv, a.out_batch, a.out_head, a.out_row);
    strides(c.t, c.dv, args.dout_batch, args.dout_head, args.dout_row);
    a.scale = static_cast<T>(1 / std::sqrt(static_cast<double>(c.d)));
    a.causal = c.causal;
    a.dropout_p = c.dropout_p;
    a.dropout_key = 0x123456789abcdefu;
    a.mask_batch = c.mask_broadcast ? 0 : c.heads * c.t * c.s;
    a.mask_head = c.mask_broadcast ? 0 : c.t * c.s;
    a.mask_row = c.mask_broadcast ? 0 : c.s;
    a.mask_col = 1;
    const std::int64_t size = c.mask_broadcast ? c.s : all * c.t * c.s;
    if (c.mask == Mask::Bool) {
      visible = std::make_unique<bool[]>(static_cast<std::size_t>(size));
      for (std::int64_t i = 0; i < size; ++i) {
        visible[static_cast<std::size_t>(i)] = i % c.s == 0 || normal(random) > -0.3f;
      }
      a.bool_mask = visible.get();
    } else if (c.mask == Mask::Additive) {
      fill(additive, size);
      a.additive_mask = additive.data();
    }
    args.dout = dout.data(), args.dq = dq.data(), args.dk = dk.data(), args.dv = dv.data();
  }

  void go(const Kernels& table) {
    for (auto* x : {&out, &lse, &dq, &dk, &dv}) std::fill(x->begin(), x->end(), T(77));
    table.of<T>().attention(args.forward);
    table.of<T>().attention_backward(args);
  }
};

// The largest difference relative to the largest value, or to `scale`, the size of what is summed;
// infinite when one of them has a NaN or an infinity and the other not.
template <class T>
double difference(const std::vector<T>& x, const std::vector<double>& expected,
                  double scale = 1e-30) {
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double value = static_cast<double>(x[i]);
    if (std::isnan(value) && std::isnan(expected[i])) continue;
    if (value == expected[i]) continue;
    const double off = std::fabs(value - expected[i]);
    if (!(off < 1e30)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, off);
  }
  for (double e : expected) scale = std::isfinite(e) ? std::max(scale, std::fabs(e)) : scale;
  return worst / scale;
}

template <class T>
constexpr double kTolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;

template <class T>
void check(const Kernels& table, const Case& c, unsigned seed) {
  Run<double> expected(c, seed);
  // scale as T rounds it, so that both compute the same thing
  expected.args.forward.scale = static_cast<double>(static_cast<T>(expected.args.forward.scale));
  expected.go(*kernels_for("plain"));
  Run<T> run(c, seed);
  run.go(table);
  INFO("table " << table.isa << " bytes " << sizeof(T) << " B " << c.batch << " H " << c.heads
                << " T " << c.t << " S " << c.s << " D " << c.d << " Dv " << c.dv << " causal "
                << c.causal << " mask " << static_cast<int>(c.mask) << " dropout " << c.dropout_p);
  // Gradients of scores cancel (to zero, with one column): P (dP - D), dP and D about sqrt(Dv).
  const double columns = static_cast<double>(c.causal ? std::min(c.t, c.s) : c.s);
  const double terms = std::sqrt(static_cast<double>(c.dv)) / columns;
  REQUIRE(difference(run.out, expected.out) <= kTolerance<T>);
  REQUIRE(difference(run.lse, expected.lse) <= kTolerance<T>);
  REQUIRE(difference(run.dv, expected.dv) <= kTolerance<T>);
  REQUIRE(difference(run.dq, expected.dq, terms) <= kTolerance<T>);
  REQUIRE(difference(run.dk, expected.dk, terms) <= kTolerance<T>);
}

TEST_CASE_TEMPLATE("fused attention and its gradients agree with the plain twin in every size", T,
                   float, double) {
  unsigned seed = 1;
  for (const Kernels* table : tables()) {
    for (std::int64_t t : {1, 2, 5, 16, 17, 33, 64, 65, 100}) {
      for (std::int64_t s : {1, 3, 16, 31, 64, 70, 130}) {
        const std::int64_t d = 1 + (7 * t + 3 * s) % 40, dv = 1 + (5 * t + s) % 37;
        for (bool causal : {false, true}) check<T>(*table, {1, 1, t, s, d, dv, causal}, ++seed);
      }
    }
  }
}

TEST_CASE_TEMPLATE("head sizes from 1 to 256 agree, also through strided heads", T, float, double) {
  unsigned seed = 100;
  for (const Kernels* table : tables()) {
    for (std::int64_t d : {1, 2, 3, 8, 15, 16, 24, 32, 33, 64, 80, 96, 128, 200, 256}) {
      check<T>(*table, {2, 2, 20, 20, d, d, true, Mask::None, false, 0, true}, ++seed);
    }
    check<T>(*table, {2, 3, 70, 70, 64, 64, false, Mask::None, false, 0, true}, ++seed);
    check<T>(*table, {1, 1, 600, 600, 32, 32, true}, ++seed);
    check<T>(*table, {1, 1, 40, 700, 16, 20, false}, ++seed);
    check<T>(*table, {1, 1, 530, 90, 16, 20, true}, ++seed);
  }
}

TEST_CASE_TEMPLATE("masks, broadcast or not, and dropout agree", T, float, double) {
  unsigned seed = 200;
  for (const Kernels* table : tables()) {
    for (Mask mask : {Mask::None, Mask::Bool, Mask::Additive}) {
      for (bool broadcast : {false, true}) {
        for (bool causal : {false, true}) {
          for (double dropout : {0.0, 0.3}) {
            check<T>(*table, {2, 2, 37, 37, 16, 16, causal, mask, broadcast, dropout}, ++seed);
            check<T>(*table, {1, 2, 90, 300, 9, 12, causal, mask, broadcast, dropout}, ++seed);
          }
        }
      }
    }
  }
}

TEST_CASE("a row that sees nothing is NaN, and the rows beside it are not") {
  for (const Kernels* table : tables()) {
    Case c{1, 1, 8, 20, 16, 16};
    c.mask = Mask::Bool;
    Run<float> run(c, 7);
    for (std::size_t j = 0; j < 20; ++j) run.visible[3 * 20 + j] = false;
    run.go(*table);
    INFO("table " << table->isa);
    for (std::size_t i = 0; i < 8; ++i) {
      for (std::size_t e = 0; e < 16; ++e) {
        REQUIRE(std::isnan(run.out[i * 16 + e]) == (i == 3));
        REQUIRE(std::isnan(run.dq[i * 16 + e]) == (i == 3));
      }
    }
  }
}

TEST_CASE("a NaN in the values reaches every row that sees it") {
  for (const Kernels* table : tables()) {
    Run<float> run({1, 1, 70, 70, 16, 16, true}, 8);
    run.v[66 * 16 + 2] = std::numeric_limits<float>::quiet_NaN();
    run.k[68 * 16] = std::numeric_limits<float>::quiet_NaN();
    run.go(*table);
    INFO("table " << table->isa);
    REQUIRE(!std::isnan(run.out[40 * 16 + 2]));
    REQUIRE(std::isnan(run.out[66 * 16 + 2]));
    REQUIRE(!std::isnan(run.out[66 * 16 + 3]));
    REQUIRE(std::isnan(run.out[69 * 16 + 3]));
    REQUIRE(std::isnan(run.lse[69]));
  }
}

TEST_CASE("attention over no keys is zero, and its gradients are") {
  for (const Kernels* table : tables()) {
    Case c{1, 2, 3, 0, 4, 5};
    Run<float> run(c, 9);
    run.go(*table);
    for (float x : run.out) REQUIRE(x == 0.0f);
    for (float x : run.dq) REQUIRE(x == 0.0f);
  }
}

TEST_CASE("the bits of attention and its gradients do not depend on the number of threads") {
  const int before = heed::num_threads();
  for (const Kernels* table : tables()) {
    std::vector<float> first;
    for (int threads : {1, 2, 7}) {
      heed::set_num_threads(threads);
      Run<float> run({2, 3, 650, 650, 8, 8, true, Mask::None, false, 0.1}, 10);
      run.go(*table);
      std::vector<float> all;
      for (const auto* x : {&run.out, &run.lse, &run.dq, &run.dk, &run.dv}) {
        all.insert(all.end(), x->begin(), x->end());
      }
      if (threads == 1) first = all;
      INFO("table " << table->isa << " threads " << threads);
      REQUIRE(all == first);
    }
  }
  heed::set_num_threads(before);
}

TEST_CASE("dropout keeps the share it is asked to keep") {
  for (const Kernels* table : tables()) {
    // v = 1 and equal scores: an output is the kept weights' sum, 1 on average.
    Case c{1, 4, 64, 256, 4, 1};
    c.dropout_p = 0.25;
    Run<float> run(c, 11);
    std::fill(run.q.begin(), run.q.end(), 0.0f);
    std::fill(run.v.begin(), run.v.end(), 1.0f);
    run.go(*table);
    double sum = 0;
    for (float x : run.out) sum += static_cast<double>(x);
    // 65536 draws: the deviation of the mean is sqrt(p / (1 - p) / 65536) = 0.00226.
    REQUIRE(std::fabs(sum / 256 - 1) < 5 * 0.00226);
  }
}

}  // namespace
