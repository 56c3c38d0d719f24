// Embedding: a table of vectors, looked up by index.
#pragma once

#include <optional>

#include "nn/module.h"

namespace heed::nn {

struct EmbeddingOptions {
  /// The row that stands for nothing: it starts as zeros and gets no gradient. Negative counts from
  /// the end.
  std::optional<std::int64_t> padding_idx = {};
  DType dtype = float32;
  Generator* generator = nullptr;
};

/// indices (…) int64 → (…, embedding_dim). weight (num_embeddings, embedding_dim) starts
/// normal(0, 1).
class Embedding : public ModuleOf<Embedding> {
 public:
  Embedding(std::int64_t num_embeddings, std::int64_t embedding_dim,
            const EmbeddingOptions& options = {});
  /// Of given vectors, frozen unless told otherwise.
  static Embedding from_pretrained(const Tensor& vectors, bool freeze = true,
                                   std::optional<std::int64_t> padding_idx = {});

  Tensor forward(const Tensor& indices) const;
  void visit(Visitor& parts) override { parts("weight", weight); }
  std::string extra_repr() const override;

  std::int64_t num_embeddings() const { return weight.size(0); }
  std::int64_t embedding_dim() const { return weight.size(1); }
  std::int64_t padding_idx() const { return padding_idx_; }  ///< -1 for none

  Tensor weight;

 private:
  std::int64_t padding_idx_ = -1;
};

}  // namespace heed::nn
