#include "nn/embedding.h"

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "nn/init.h"

namespace heed::nn {
namespace {

std::int64_t wrap_padding(std::optional<std::int64_t> index, std::int64_t num_embeddings) {
  if (!index) return -1;
  HEED_CHECK(*index >= -num_embeddings && *index < num_embeddings,
             "Padding_idx must be within num_embeddings, but got ", *index, " for ",
             num_embeddings);
  return *index < 0 ? *index + num_embeddings : *index;
}

}  // namespace

Embedding::Embedding(std::int64_t num_embeddings, std::int64_t embedding_dim,
                     const EmbeddingOptions& options)
    : weight(empty({num_embeddings, embedding_dim}, {.dtype = options.dtype})),
      padding_idx_(wrap_padding(options.padding_idx, num_embeddings)) {
  init::normal_(weight, 0, 1, options.generator);
  if (padding_idx_ >= 0) init::zeros_(weight.select(0, padding_idx_));
  weight.requires_grad_();
}

Embedding Embedding::from_pretrained(const Tensor& vectors, bool freeze,
                                     std::optional<std::int64_t> padding_idx) {
  HEED_CHECK(vectors.dim() == 2, "Embeddings parameter is expected to be 2-dimensional, got ",
             vectors.sizes());
  Embedding embedding(0, 0);
  embedding.weight = vectors.detach();
  embedding.weight.requires_grad_(!freeze);
  embedding.padding_idx_ = wrap_padding(padding_idx, vectors.size(0));
  return embedding;
}

Tensor Embedding::forward(const Tensor& indices) const {
  HEED_CHECK(indices.dtype() == int64, "expected int64 indices, got ", dtype_name(indices.dtype()),
             ' ', indices.sizes());
  return embedding(weight, indices, padding_idx_ < 0 ? std::nullopt : std::optional(padding_idx_));
}

std::string Embedding::extra_repr() const {
  std::string text = heed::detail::concat(num_embeddings(), ", ", embedding_dim());
  if (padding_idx_ >= 0) text += heed::detail::concat(", padding_idx=", padding_idx_);
  return text;
}

}  // namespace heed::nn
