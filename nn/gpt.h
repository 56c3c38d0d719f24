// GPT: a language model that predicts the next token (Radford et al. 2019), with the names, the
// configuration and the initial weights of nanoGPT (https://github.com/karpathy/nanoGPT), so that
// weights travel both ways.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nn/container.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/norm.h"

namespace heed::nn {

struct GPTConfig {
  std::int64_t block_size = 1024;  ///< the longest sequence
  std::int64_t vocab_size = 50304;
  std::int64_t n_layer = 12;
  std::int64_t n_head = 12;
  std::int64_t n_embd = 768;
  double dropout = 0;
  bool bias = true;                  ///< in Linear and LayerNorm
  std::string approximate = "none";  ///< of gelu; "tanh" for GPT-2's own weights
  DType dtype = float32;
  Generator* generator = nullptr;
};

/// The keys and values that one layer has seen so far: (B, H, block_size, D), filled up to a length
/// that all layers share.
struct LayerCache {
  Tensor keys, values;
};

/// What a GPT need not compute again when a sequence grows. Made empty by GPT::make_cache(). A copy
/// shares the memory: go on with one of the two only.
struct KeyValueCache {
  std::vector<LayerCache> layers;
  std::int64_t length = 0;
};

/// Self-attention of several heads in which nobody sees ahead.
class CausalSelfAttention : public ModuleOf<CausalSelfAttention> {
 public:
  explicit CausalSelfAttention(const GPTConfig& config);

  Tensor forward(const Tensor& x) const { return attend(x, nullptr, 0); }
  /// x follows the `length` elements in the cache, and is added to it.
  Tensor with_cache(const Tensor& x, LayerCache& cache, std::int64_t length) const {
    return call([&] { return attend(x, &cache, length); });
  }
  void visit(Visitor& parts) override;

  Linear c_attn, c_proj;  // c_attn: queries, keys and values in one
  Dropout resid_dropout;
  std::int64_t n_head;
  double attn_dropout;

 private:
  Tensor attend(const Tensor& x, LayerCache* cache, std::int64_t length) const;
};

class MLP : public ModuleOf<MLP> {
 public:
  explicit MLP(const GPTConfig& config);

  Tensor forward(const Tensor& x) const;
  void visit(Visitor& parts) override;

  Linear c_fc, c_proj;
  Dropout dropout;
  std::string approximate;
};

/// x + attention(norm(x)), then x + mlp(norm(x)).
class GPTBlock : public ModuleOf<GPTBlock> {
 public:
  explicit GPTBlock(const GPTConfig& config);

  Tensor forward(const Tensor& x) const;
  Tensor with_cache(const Tensor& x, LayerCache& cache, std::int64_t length) const {
    return call([&] {
      const Tensor y = x + attn.with_cache(ln_1(x), cache, length);
      return y + mlp(ln_2(y));
    });
  }
  void visit(Visitor& parts) override;

  LayerNorm ln_1;
  CausalSelfAttention attn;
  LayerNorm ln_2;
  MLP mlp;
};

/// Everything but the output layer.
class GPTTransformer : public ModuleOf<GPTTransformer> {
 public:
  explicit GPTTransformer(const GPTConfig& config);

  /// tokens (B, T) → (B, T, n_embd), behind what the cache holds if one is given.
  Tensor forward(const Tensor& tokens, KeyValueCache* cache = nullptr) const;
  void visit(Visitor& parts) override;

  Embedding wte, wpe;  // of tokens, of positions
  Dropout drop;
  ModuleList<GPTBlock> h;
  LayerNorm ln_f;
};

struct GenerateOptions {
  std::int64_t max_new_tokens = 100;
  double temperature = 1;                  ///< 0: always the likeliest token
  std::optional<std::int64_t> top_k = {};  ///< only among the k likeliest
  std::optional<double> top_p = {};        ///< only among the fewest that together reach p
  bool use_cache = true;
  Generator* generator = nullptr;
  /// Called with the tokens (B) of each step, to show them at once; false stops.
  std::function<bool(const Tensor& next)> on_token = {};
};

/// tokens (B, T) int64 → logits (B, T, vocab_size). The output layer shares the weight of the token
/// embedding. Error: a sequence longer than block_size.
class GPT : public ModuleOf<GPT> {
 public:
  explicit GPT(const GPTConfig& config);

  Tensor forward(const Tensor& tokens) const;
  /// The same for tokens that follow those in the cache, which takes them up.
  Tensor with_cache(const Tensor& tokens, KeyValueCache& cache) const;
  /// The mean cross entropy of predicting targets (B, T); -1 is ignored, as nanoGPT does.
  Tensor loss(const Tensor& tokens, const Tensor& targets) const;

  KeyValueCache make_cache(std::int64_t batch_size) const;
  /// tokens (B, T) continued by max_new_tokens each, drawn one after another: (B, T + new). Beyond
  /// block_size the model sees the last block_size tokens. Dropout is as train() and eval() set it.
  Tensor generate(const Tensor& tokens, const GenerateOptions& options = {}) const;

  void visit(Visitor& parts) override;
  std::string extra_repr() const override;
  const GPTConfig& config() const { return config_; }

  GPTTransformer transformer;
  Linear lm_head;

 private:
  GPTConfig config_;
};

}  // namespace heed::nn
