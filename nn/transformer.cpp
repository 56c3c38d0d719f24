#include "nn/transformer.h"

#include "core/factory.h"
#include "core/ops/ops.h"

namespace heed::nn {
namespace {

LinearOptions linear_options(const TransformerLayerOptions& options) {
  return {.dtype = options.dtype, .generator = options.generator};
}

LayerNormOptions norm_options(const TransformerLayerOptions& options) {
  return {.eps = options.layer_norm_eps, .dtype = options.dtype};
}

MultiheadAttentionOptions attention_options(const TransformerLayerOptions& options) {
  return {.dropout = options.dropout,
          .batch_first = options.batch_first,
          .dtype = options.dtype,
          .generator = options.generator};
}

std::string checked_activation(const std::string& name) {
  HEED_CHECK(name == "relu" || name == "gelu", "activation should be relu/gelu, not ", name);
  return name;
}

Tensor activate(const Tensor& x, const std::string& activation) {
  return activation == "relu" ? relu(x) : gelu(x);
}

template <class Layer>
ModuleList<Layer> clones(const Layer& layer, std::int64_t count) {
  HEED_CHECK(count >= 0, "num_layers must not be negative, got ", count);
  ModuleList<Layer> list;
  list.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) list.push_back(layer.clone());
  return list;
}

}  // namespace

// ---- Encoder

TransformerEncoderLayer::TransformerEncoderLayer(std::int64_t d_model, std::int64_t nhead,
                                                 const TransformerLayerOptions& options)
    : self_attn(d_model, nhead, attention_options(options)),
      linear1(d_model, options.dim_feedforward, linear_options(options)),
      dropout(options.dropout),
      linear2(options.dim_feedforward, d_model, linear_options(options)),
      norm1(d_model, norm_options(options)),
      norm2(d_model, norm_options(options)),
      dropout1(options.dropout),
      dropout2(options.dropout),
      activation(checked_activation(options.activation)),
      norm_first(options.norm_first) {}

void TransformerEncoderLayer::visit(Visitor& parts) {
  parts("self_attn", self_attn)("linear1", linear1)("dropout", dropout)("linear2", linear2);
  parts("norm1", norm1)("norm2", norm2)("dropout1", dropout1)("dropout2", dropout2);
}

Tensor TransformerEncoderLayer::attend(const Tensor& x, const EncoderMasks& masks) const {
  return dropout1(self_attn(x, x, x,
                            {.key_padding_mask = masks.src_key_padding_mask,
                             .need_weights = false,
                             .attn_mask = masks.mask,
                             .is_causal = masks.is_causal})
                      .output);
}

Tensor TransformerEncoderLayer::feed_forward(const Tensor& x) const {
  return dropout2(linear2(dropout(activate(linear1(x), activation))));
}

Tensor TransformerEncoderLayer::forward(const Tensor& src, const EncoderMasks& masks) const {
  if (norm_first) {
    const Tensor x = src + attend(norm1(src), masks);
    return x + feed_forward(norm2(x));
  }
  const Tensor x = norm1(src + attend(src, masks));
  return norm2(x + feed_forward(x));
}

TransformerEncoder::TransformerEncoder(const TransformerEncoderLayer& layer,
                                       std::int64_t num_layers, std::optional<LayerNorm> last_norm)
    : layers(clones(layer, num_layers)), norm(std::move(last_norm)) {}

void TransformerEncoder::visit(Visitor& parts) {
  parts("layers", layers);
  if (norm) parts("norm", *norm);
}

Tensor TransformerEncoder::forward(const Tensor& src, const EncoderMasks& masks) const {
  Tensor x = src;
  for (const TransformerEncoderLayer& layer : layers) x = layer(x, masks);
  return norm ? (*norm)(x) : x;
}

// ---- Decoder

TransformerDecoderLayer::TransformerDecoderLayer(std::int64_t d_model, std::int64_t nhead,
                                                 const TransformerLayerOptions& options)
    : self_attn(d_model, nhead, attention_options(options)),
      multihead_attn(d_model, nhead, attention_options(options)),
      linear1(d_model, options.dim_feedforward, linear_options(options)),
      dropout(options.dropout),
      linear2(options.dim_feedforward, d_model, linear_options(options)),
      norm1(d_model, norm_options(options)),
      norm2(d_model, norm_options(options)),
      norm3(d_model, norm_options(options)),
      dropout1(options.dropout),
      dropout2(options.dropout),
      dropout3(options.dropout),
      activation(checked_activation(options.activation)),
      norm_first(options.norm_first) {}

void TransformerDecoderLayer::visit(Visitor& parts) {
  parts("self_attn", self_attn)("multihead_attn", multihead_attn);
  parts("linear1", linear1)("dropout", dropout)("linear2", linear2);
  parts("norm1", norm1)("norm2", norm2)("norm3", norm3);
  parts("dropout1", dropout1)("dropout2", dropout2)("dropout3", dropout3);
}

Tensor TransformerDecoderLayer::attend(const Tensor& x, const DecoderMasks& masks) const {
  return dropout1(self_attn(x, x, x,
                            {.key_padding_mask = masks.tgt_key_padding_mask,
                             .need_weights = false,
                             .attn_mask = masks.tgt_mask,
                             .is_causal = masks.tgt_is_causal})
                      .output);
}

Tensor TransformerDecoderLayer::attend_memory(const Tensor& x, const Tensor& memory,
                                              const DecoderMasks& masks) const {
  return dropout2(multihead_attn(x, memory, memory,
                                 {.key_padding_mask = masks.memory_key_padding_mask,
                                  .need_weights = false,
                                  .attn_mask = masks.memory_mask,
                                  .is_causal = masks.memory_is_causal})
                      .output);
}

Tensor TransformerDecoderLayer::feed_forward(const Tensor& x) const {
  return dropout3(linear2(dropout(activate(linear1(x), activation))));
}

Tensor TransformerDecoderLayer::forward(const Tensor& tgt, const Tensor& memory,
                                        const DecoderMasks& masks) const {
  if (norm_first) {
    Tensor x = tgt + attend(norm1(tgt), masks);
    x = x + attend_memory(norm2(x), memory, masks);
    return x + feed_forward(norm3(x));
  }
  Tensor x = norm1(tgt + attend(tgt, masks));
  x = norm2(x + attend_memory(x, memory, masks));
  return norm3(x + feed_forward(x));
}

TransformerDecoder::TransformerDecoder(const TransformerDecoderLayer& layer,
                                       std::int64_t num_layers, std::optional<LayerNorm> last_norm)
    : layers(clones(layer, num_layers)), norm(std::move(last_norm)) {}

void TransformerDecoder::visit(Visitor& parts) {
  parts("layers", layers);
  if (norm) parts("norm", *norm);
}

Tensor TransformerDecoder::forward(const Tensor& tgt, const Tensor& memory,
                                   const DecoderMasks& masks) const {
  Tensor x = tgt;
  for (const TransformerDecoderLayer& layer : layers) x = layer(x, memory, masks);
  return norm ? (*norm)(x) : x;
}

Tensor causal_mask(std::int64_t size) { return ones({size, size}, {.dtype = boolean}).triu(1); }

}  // namespace heed::nn
