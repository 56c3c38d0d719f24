#include "nn/gpt.h"

#include <cmath>

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "nn/init.h"

namespace heed::nn {
namespace {

LinearOptions linear_options(const GPTConfig& config) {
  return {.bias = config.bias, .dtype = config.dtype, .generator = config.generator};
}

LayerNormOptions norm_options(const GPTConfig& config) {
  return {.bias = config.bias, .dtype = config.dtype};
}

bool fits(const KeyValueCache& cache, const GPT& model, const Tensor& tokens) {
  if (cache.layers.size() != model.transformer.h.size() || tokens.dim() != 2) return false;
  const auto& config = model.config();
  const Dims sizes{tokens.size(0), config.n_head, config.block_size, config.n_embd / config.n_head};
  for (const LayerCache& layer : cache.layers) {
    if (layer.keys.sizes() != sizes || layer.values.sizes() != sizes) return false;
  }
  return true;
}

// Writes x (B, H, T, D) behind the first `length` elements and returns all there is.
Tensor append(const Tensor& held, const Tensor& x, std::int64_t length) {
  const std::int64_t added = x.size(2);
  held.narrow(2, length, added).copy_(x);
  return held.narrow(2, 0, length + added);
}

}  // namespace

CausalSelfAttention::CausalSelfAttention(const GPTConfig& config)
    : c_attn(config.n_embd, 3 * config.n_embd, linear_options(config)),
      c_proj(config.n_embd, config.n_embd, linear_options(config)),
      resid_dropout(config.dropout),
      n_head(config.n_head),
      attn_dropout(config.dropout) {
  HEED_CHECK(n_head > 0 && config.n_embd % n_head == 0,
             "embed_dim must be divisible by num_heads, got ", config.n_embd, " and ", n_head);
}

void CausalSelfAttention::visit(Visitor& parts) {
  parts("c_attn", c_attn)("c_proj", c_proj)("resid_dropout", resid_dropout);
}

Tensor CausalSelfAttention::attend(const Tensor& x, LayerCache* cache, std::int64_t length) const {
  // (B, T, 3 E) → (3, B, H, T, D)
  const Tensor all = c_attn(x).unflatten(-1, {3, n_head, -1}).permute({2, 0, 3, 1, 4});
  const Tensor q = all.select(0, 0);
  Tensor k = all.select(0, 1), v = all.select(0, 2);
  AttentionOptions how{.dropout_p = training() ? attn_dropout : 0, .is_causal = true};
  if (cache) {
    k = append(cache->keys, k, length);
    v = append(cache->values, v, length);
    const std::int64_t added = q.size(2);
    if (added == 1) {
      how.is_causal = false;  // the last element sees all
    } else if (length > 0) {
      how.is_causal = false;
      how.attn_mask = ones({added, length + added}, {.dtype = boolean}).tril(length);
    }
  }
  const Tensor y = scaled_dot_product_attention(q, k, v, how);  // (B, H, T, D)
  return resid_dropout(c_proj(y.transpose(1, 2).flatten(-2)));
}

MLP::MLP(const GPTConfig& config)
    : c_fc(config.n_embd, 4 * config.n_embd, linear_options(config)),
      c_proj(4 * config.n_embd, config.n_embd, linear_options(config)),
      dropout(config.dropout),
      approximate(config.approximate) {}

void MLP::visit(Visitor& parts) { parts("c_fc", c_fc)("c_proj", c_proj)("dropout", dropout); }

Tensor MLP::forward(const Tensor& x) const { return dropout(c_proj(gelu(c_fc(x), approximate))); }

GPTBlock::GPTBlock(const GPTConfig& config)
    : ln_1(config.n_embd, norm_options(config)),
      attn(config),
      ln_2(config.n_embd, norm_options(config)),
      mlp(config) {}

void GPTBlock::visit(Visitor& parts) {
  parts("ln_1", ln_1)("attn", attn)("ln_2", ln_2)("mlp", mlp);
}

Tensor GPTBlock::forward(const Tensor& x) const {
  const Tensor y = x + attn(ln_1(x));
  return y + mlp(ln_2(y));
}

GPTTransformer::GPTTransformer(const GPTConfig& config)
    : wte(config.vocab_size, config.n_embd, {.dtype = config.dtype, .generator = config.generator}),
      wpe(config.block_size, config.n_embd, {.dtype = config.dtype, .generator = config.generator}),
      drop(config.dropout),
      ln_f(config.n_embd, norm_options(config)) {
  HEED_CHECK(config.n_layer >= 0, "n_layer must not be negative, got ", config.n_layer);
  h.reserve(static_cast<std::size_t>(config.n_layer));
  for (std::int64_t i = 0; i < config.n_layer; ++i) h.emplace_back(config);
}

void GPTTransformer::visit(Visitor& parts) {
  parts("wte", wte)("wpe", wpe)("drop", drop)("h", h)("ln_f", ln_f);
}

Tensor GPTTransformer::forward(const Tensor& tokens, KeyValueCache* cache) const {
  HEED_CHECK(tokens.dim() == 2, "expected tokens (B, T), got ", tokens.sizes());
  const std::int64_t start = cache ? cache->length : 0, end = start + tokens.size(1);
  HEED_CHECK(end <= wpe.num_embeddings(), "Cannot forward sequence of length ", end,
             ", block size is only ", wpe.num_embeddings());
  Tensor x = drop(wte(tokens) + wpe.weight.narrow(0, start, tokens.size(1)));  // (B, T, E)
  if (cache) {
    HEED_CHECK(cache->layers.size() == h.size(), "a cache of ", cache->layers.size(),
               " layers does not fit ", h.size(), " blocks");
    for (std::size_t i = 0; i < h.size(); ++i) x = h[i].with_cache(x, cache->layers[i], start);
    cache->length = end;
  } else {
    for (const GPTBlock& block : h) x = block(x);
  }
  return ln_f(x);
}

GPT::GPT(const GPTConfig& config)
    : transformer(config),
      lm_head(config.n_embd, config.vocab_size,
              {.bias = false, .dtype = config.dtype, .generator = config.generator}),
      config_(config) {
  transformer.wte.weight = lm_head.weight;

  // The draws are nanoGPT's, in its order: the shared weight is drawn for both of its owners, and
  // the projections that end on the residual stream once more, smaller by the sqrt of how many of
  // them there are.
  apply([&](Module& module) {
    if (const auto* linear = dynamic_cast<const Linear*>(&module)) {
      init::normal_(linear->weight, 0, 0.02, config.generator);
      if (linear->bias.defined()) init::zeros_(linear->bias);
    } else if (const auto* embedding = dynamic_cast<const Embedding*>(&module)) {
      init::normal_(embedding->weight, 0, 0.02, config.generator);
    }
  });
  const double std = 0.02 / std::sqrt(2 * static_cast<double>(config.n_layer));
  for (const auto& [name, parameter] : named_parameters()) {
    if (name.ends_with("c_proj.weight")) init::normal_(parameter, 0, std, config.generator);
  }
}

void GPT::visit(Visitor& parts) { parts("transformer", transformer)("lm_head", lm_head); }

Tensor GPT::forward(const Tensor& tokens) const { return lm_head(transformer(tokens)); }

Tensor GPT::with_cache(const Tensor& tokens, KeyValueCache& cache) const {
  return call([&] {
    HEED_CHECK(fits(cache, *this, tokens), "the cache was made for another model or batch size");
    NoGradGuard no_grad;
    return lm_head(transformer(tokens, &cache));
  });
}

Tensor GPT::loss(const Tensor& tokens, const Tensor& targets) const {
  const Tensor logits = (*this)(tokens);
  HEED_CHECK(targets.sizes() == tokens.sizes(), "targets ", targets.sizes(),
             " should have the shape of tokens ", tokens.sizes());
  return cross_entropy(logits.flatten(0, 1), targets.flatten(), {.ignore_index = -1});
}

KeyValueCache GPT::make_cache(std::int64_t batch_size) const {
  const Dims sizes{batch_size, config_.n_head, config_.block_size, config_.n_embd / config_.n_head};
  KeyValueCache cache;
  for (std::size_t i = 0; i < transformer.h.size(); ++i) {
    const TensorOptions options{.dtype = lm_head.weight.dtype()};
    cache.layers.push_back({zeros(sizes, options), zeros(sizes, options)});
  }
  return cache;
}

std::string GPT::extra_repr() const {
  return heed::detail::concat("block_size=", config_.block_size, ", n_head=", config_.n_head);
}

}  // namespace heed::nn
