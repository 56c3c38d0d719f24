// The layers of Vaswani et al. 2017, with the normalisation after each part (as there) or before it
// (norm_first: Xiong et al. 2020), and stacks of them.
#pragma once

#include <optional>
#include <string>

#include "nn/container.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/multihead_attention.h"
#include "nn/norm.h"

namespace heed::nn {

struct TransformerLayerOptions {
  std::int64_t dim_feedforward = 2048;
  double dropout = 0.1;
  std::string activation = "relu";  ///< or "gelu"
  double layer_norm_eps = 1e-5;
  bool batch_first = false;  ///< (B, T, E) instead of (T, B, E)
  bool norm_first = false;
  DType dtype = float32;
  Generator* generator = nullptr;
};

/// Masks as in MultiheadAttention: bool (true: may NOT be seen) or added to the scores.
struct EncoderMasks {
  Tensor mask = {};                  ///< (T, T) or (B * H, T, T)
  Tensor src_key_padding_mask = {};  ///< (B, T)
  bool is_causal = false;
};

/// Self-attention, then two linear layers with an activation between, each added to what came in.
class TransformerEncoderLayer : public ModuleOf<TransformerEncoderLayer> {
 public:
  TransformerEncoderLayer(std::int64_t d_model, std::int64_t nhead,
                          const TransformerLayerOptions& options = {});

  Tensor forward(const Tensor& src, const EncoderMasks& masks = {}) const;
  Tensor operator()(const Tensor& src, const EncoderMasks& masks = {}) const {
    return call([&] { return forward(src, masks); });
  }
  void visit(Visitor& parts) override;

  MultiheadAttention self_attn;
  Linear linear1;
  Dropout dropout;
  Linear linear2;
  LayerNorm norm1, norm2;
  Dropout dropout1, dropout2;
  std::string activation;
  bool norm_first;

 private:
  Tensor attend(const Tensor& x, const EncoderMasks& masks) const;
  Tensor feed_forward(const Tensor& x) const;
};

struct DecoderMasks {
  Tensor tgt_mask = {};                 ///< (T, T)
  Tensor memory_mask = {};              ///< (T, S)
  Tensor tgt_key_padding_mask = {};     ///< (B, T)
  Tensor memory_key_padding_mask = {};  ///< (B, S)
  bool tgt_is_causal = false;
  bool memory_is_causal = false;
};

/// As the encoder's, with attention to an encoder's output (memory) in the middle.
class TransformerDecoderLayer : public ModuleOf<TransformerDecoderLayer> {
 public:
  TransformerDecoderLayer(std::int64_t d_model, std::int64_t nhead,
                          const TransformerLayerOptions& options = {});

  Tensor forward(const Tensor& tgt, const Tensor& memory, const DecoderMasks& masks = {}) const;
  Tensor operator()(const Tensor& tgt, const Tensor& memory, const DecoderMasks& masks = {}) const {
    return call([&] { return forward(tgt, memory, masks); });
  }
  void visit(Visitor& parts) override;

  MultiheadAttention self_attn, multihead_attn;
  Linear linear1;
  Dropout dropout;
  Linear linear2;
  LayerNorm norm1, norm2, norm3;
  Dropout dropout1, dropout2, dropout3;
  std::string activation;
  bool norm_first;

 private:
  Tensor attend(const Tensor& x, const DecoderMasks& masks) const;
  Tensor attend_memory(const Tensor& x, const Tensor& memory, const DecoderMasks& masks) const;
  Tensor feed_forward(const Tensor& x) const;
};

/// num_layers clones of a layer (so all start with its weights, as in PyTorch), and a last norm if
/// given.
class TransformerEncoder : public ModuleOf<TransformerEncoder> {
 public:
  TransformerEncoder(const TransformerEncoderLayer& layer, std::int64_t num_layers,
                     std::optional<LayerNorm> norm = {});

  Tensor forward(const Tensor& src, const EncoderMasks& masks = {}) const;
  Tensor operator()(const Tensor& src, const EncoderMasks& masks = {}) const {
    return call([&] { return forward(src, masks); });
  }
  void visit(Visitor& parts) override;

  ModuleList<TransformerEncoderLayer> layers;
  std::optional<LayerNorm> norm;
};

class TransformerDecoder : public ModuleOf<TransformerDecoder> {
 public:
  TransformerDecoder(const TransformerDecoderLayer& layer, std::int64_t num_layers,
                     std::optional<LayerNorm> norm = {});

  Tensor forward(const Tensor& tgt, const Tensor& memory, const DecoderMasks& masks = {}) const;
  Tensor operator()(const Tensor& tgt, const Tensor& memory, const DecoderMasks& masks = {}) const {
    return call([&] { return forward(tgt, memory, masks); });
  }
  void visit(Visitor& parts) override;

  ModuleList<TransformerDecoderLayer> layers;
  std::optional<LayerNorm> norm;
};

/// (size, size) bool, true above the diagonal: what a mask of a layer needs to be causal.
Tensor causal_mask(std::int64_t size);

}  // namespace heed::nn
