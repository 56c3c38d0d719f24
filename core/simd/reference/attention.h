// Attention in plain loops: the oracle of attention_kernels.h, and a learner's text.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/simd/attention_dropout.h"
#include "core/simd/kernels.h"

namespace heed::simd::reference {

// The scores of row i of a head, masked: q k^T * scale + mask, -inf where a column is not seen, and
// as many as a causal mask leaves.
template <class T>
std::vector<double> attention_scores(const Attention<T>& a, std::int64_t batch, std::int64_t head,
                                     std::int64_t i) {
  const std::int64_t columns = a.causal && i + 1 < a.s ? i + 1 : a.s;
  std::vector<double> scores(static_cast<std::size_t>(columns));
  const T* q = a.q + batch * a.q_batch + head * a.q_head + i * a.q_row;
  for (std::int64_t j = 0; j < columns; ++j) {
    const T* k = a.k + batch * a.k_batch + head * a.k_head + j * a.k_row;
    double dot = 0;
    for (std::int64_t e = 0; e < a.d; ++e) {
      dot += static_cast<double>(q[e]) * static_cast<double>(k[e]);
    }
    dot *= static_cast<double>(a.scale);
    const std::int64_t at =
        batch * a.mask_batch + head * a.mask_head + i * a.mask_row + j * a.mask_col;
    if (a.additive_mask != nullptr) dot += static_cast<double>(a.additive_mask[at]);
    if (a.bool_mask != nullptr && !a.bool_mask[at]) {
      dot = -std::numeric_limits<double>::infinity();
    }
    scores[static_cast<std::size_t>(j)] = dot;
  }
  return scores;
}

// 1 / (1 - p) where weight (i, j) is kept, else 0.
template <class T>
double attention_keep(const Attention<T>& a, std::int64_t batch, std::int64_t head, std::int64_t i,
                      std::int64_t j) {
  if (a.dropout_p <= 0) return 1;
  T factor = T(1);
  dropout_row<void>(
      &factor, 1, j,
      dropout_row_seed<void>(a.dropout_key, static_cast<std::uint64_t>(batch * a.heads + head),
                             static_cast<std::uint64_t>(i)),
      a.dropout_p);
  return static_cast<double>(factor);
}

/// out = softmax(scores) v, row by row; lse = log sum exp of the scores.
template <class T>
void attention(const Attention<T>& a) {
  for (std::int64_t b = 0; b < a.batch; ++b) {
    for (std::int64_t h = 0; h < a.heads; ++h) {
      for (std::int64_t i = 0; i < a.t; ++i) {
        const std::vector<double> scores = attention_scores(a, b, h, i);
        const auto columns = static_cast<std::int64_t>(scores.size());
        double top = -std::numeric_limits<double>::infinity();
        for (double x : scores) top = x > top ? x : top;
        double total = 0;
        for (double x : scores) total += std::exp(x - top);
        const double lse = a.s == 0 ? top : top + std::log(total);
        a.lse[(b * a.heads + h) * a.t + i] = static_cast<T>(lse);
        T* out = a.out + b * a.out_batch + h * a.out_head + i * a.out_row;
        for (std::int64_t e = 0; e < a.dv; ++e) {
          double sum = 0;
          for (std::int64_t j = 0; j < columns; ++j) {
            const T* v = a.v + b * a.v_batch + h * a.v_head + j * a.v_row;
            const double p = std::exp(scores[static_cast<std::size_t>(j)] - top) / total;
            sum += p * attention_keep(a, b, h, i, j) * static_cast<double>(v[e]);
          }
          out[e] = static_cast<T>(sum);
        }
      }
    }
  }
}

/// With P the weights, Z the dropout's factors and D_i = sum_j P_ij Z_ij (dO_i . V_j):
/// dV = (P Z)^T dO;  dS_ij = P_ij (Z_ij (dO_i . V_j) - D_i);  dQ = scale dS K;  dK = scale dS^T Q.
template <class T>
void attention_backward(const AttentionBackward<T>& args) {
  const Attention<T>& a = args.forward;
  for (std::int64_t b = 0; b < a.batch; ++b) {
    for (std::int64_t h = 0; h < a.heads; ++h) {
      const std::int64_t head = b * a.heads + h;
      std::vector<double> dq(static_cast<std::size_t>(a.t * a.d)),
          dk(static_cast<std::size_t>(a.s * a.d)), dv(static_cast<std::size_t>(a.s * a.dv));
      for (std::int64_t i = 0; i < a.t; ++i) {
        const T* dout = args.dout + b * args.dout_batch + h * args.dout_head + i * args.dout_row;
        const T* q = a.q + b * a.q_batch + h * a.q_head + i * a.q_row;
        std::vector<double> p = attention_scores(a, b, h, i);
        double top = -std::numeric_limits<double>::infinity(), total = 0, inner = 0;
        for (double x : p) top = x > top ? x : top;
        for (double& x : p) total += x = std::exp(x - top);
        const auto columns = static_cast<std::int64_t>(p.size());
        std::vector<double> dp(p.size());
        for (std::int64_t j = 0; j < columns; ++j) {
          const auto at = static_cast<std::size_t>(j);
          const T* v = a.v + b * a.v_batch + h * a.v_head + j * a.v_row;
          const double keep = attention_keep(a, b, h, i, j);
          p[at] /= total;
          for (std::int64_t e = 0; e < a.dv; ++e) {
            dp[at] += static_cast<double>(dout[e]) * static_cast<double>(v[e]) * keep;
            dv[static_cast<std::size_t>(j * a.dv + e)] +=
                p[at] * keep * static_cast<double>(dout[e]);
          }
          inner += p[at] * dp[at];
        }
        for (std::int64_t j = 0; j < columns; ++j) {
          const auto at = static_cast<std::size_t>(j);
          const T* k = a.k + b * a.k_batch + h * a.k_head + j * a.k_row;
          const double ds = p[at] * (dp[at] - inner) * static_cast<double>(a.scale);
          for (std::int64_t e = 0; e < a.d; ++e) {
            dq[static_cast<std::size_t>(i * a.d + e)] += ds * static_cast<double>(k[e]);
            dk[static_cast<std::size_t>(j * a.d + e)] += ds * static_cast<double>(q[e]);
          }
        }
      }
      for (std::size_t x = 0; x < dq.size(); ++x) {
        args.dq[head * a.t * a.d + static_cast<std::int64_t>(x)] = static_cast<T>(dq[x]);
      }
      for (std::size_t x = 0; x < dk.size(); ++x) {
        args.dk[head * a.s * a.d + static_cast<std::int64_t>(x)] = static_cast<T>(dk[x]);
      }
      for (std::size_t x = 0; x < dv.size(); ++x) {
        args.dv[head * a.s * a.dv + static_cast<std::int64_t>(x)] = static_cast<T>(dv[x]);
      }
    }
  }
}

/// Fills in the plain attention.
inline void fill_attention(Kernels& table) {
  table.f32.attention = &attention<float>;
  table.f64.attention = &attention<double>;
  table.f32.attention_backward = &attention_backward<float>;
  table.f64.attention_backward = &attention_backward<double>;
}

}  // namespace heed::simd::reference
