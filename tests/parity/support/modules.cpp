#include "tests/parity/support/modules.h"

namespace heed::parity {

namespace {

using In = const std::vector<Tensor>&;

/// A module whose forward takes one tensor.
template <class M>
AnyModule one_input(M made) {
  auto module = std::make_shared<M>(std::move(made));
  return {module, [module](In in, const Args&) { return Results{(*module)(in[0])}; }};
}

/// A tensor among the keyword arguments; undefined when it is not given.
Tensor tensor_of_call(const Args& call, const char* name, DType floating) {
  return call.has(name) ? build_input(call.json(name), floating) : Tensor();
}

nn::TransformerLayerOptions layer_options(const Args& options) {
  return {.dim_feedforward = options.whole("dim_feedforward", 2048),
          .dropout = options.real("dropout", 0.1),
          .activation = options.text("activation", "relu"),
          .layer_norm_eps = options.real("layer_norm_eps", 1e-5),
          .batch_first = options.flag("batch_first"),
          .norm_first = options.flag("norm_first")};
}

AnyModule attention(const Args& options, DType floating) {
  auto module = std::make_shared<nn::MultiheadAttention>(
      options.whole("embed_dim"), options.whole("num_heads"),
      nn::MultiheadAttentionOptions{.dropout = options.real("dropout", 0),
                                    .bias = options.flag("bias", true),
                                    .add_bias_kv = options.flag("add_bias_kv"),
                                    .add_zero_attn = options.flag("add_zero_attn"),
                                    .kdim = options.maybe_whole("kdim"),
                                    .vdim = options.maybe_whole("vdim"),
                                    .batch_first = options.flag("batch_first")});
  return {module, [module, floating](In in, const Args& call) {
            const auto result =
                (*module)(in[0], in[1], in[2],
                          {.key_padding_mask = tensor_of_call(call, "key_padding_mask", floating),
                           .need_weights = call.flag("need_weights", true),
                           .attn_mask = tensor_of_call(call, "attn_mask", floating),
                           .average_attn_weights = call.flag("average_attn_weights", true)});
            Results all{result.output};
            if (result.weights.defined()) all.push_back(result.weights);
            return all;
          }};
}

/// The masks of one encoder layer, or of a stack: they have different names for the first.
template <class M>
AnyModule encoder(M made, const char* mask_name, DType floating) {
  auto module = std::make_shared<M>(std::move(made));
  return {module, [=](In in, const Args& call) {
            return Results{(*module)(in[0], {.mask = tensor_of_call(call, mask_name, floating),
                                             .src_key_padding_mask = tensor_of_call(
                                                 call, "src_key_padding_mask", floating)})};
          }};
}

/// One decoder layer, or a stack.
template <class M>
AnyModule decoder(M made, DType floating) {
  auto module = std::make_shared<M>(std::move(made));
  return {module, [=](In in, const Args& call) {
            const auto mask = [&](const char* name) {
              return tensor_of_call(call, name, floating);
            };
            return Results{(*module)(in[0], in[1],
                                     {.tgt_mask = mask("tgt_mask"),
                                      .memory_mask = mask("memory_mask"),
                                      .tgt_key_padding_mask = mask("tgt_key_padding_mask"),
                                      .memory_key_padding_mask = mask("memory_key_padding_mask")})};
          }};
}

AnyModule transformer(const std::string& name, const Args& options, DType floating) {
  const std::int64_t width = options.whole("d_model"), heads = options.whole("nhead");
  const std::int64_t count = options.whole("num_layers", 0);
  const nn::TransformerLayerOptions layer = layer_options(options);
  std::optional<nn::LayerNorm> norm;
  if (options.flag("final_norm")) norm.emplace(width);
  if (name.starts_with("TransformerDecoder")) {
    nn::TransformerDecoderLayer one(width, heads, layer);
    if (name == "TransformerDecoderLayer") return decoder(std::move(one), floating);
    return decoder(nn::TransformerDecoder(one, count, norm), floating);
  }
  nn::TransformerEncoderLayer one(width, heads, layer);
  if (name == "TransformerEncoderLayer") return encoder(std::move(one), "src_mask", floating);
  return encoder(nn::TransformerEncoder(one, count, norm), "mask", floating);
}

nn::GPTConfig gpt_config(const Args& options) {
  return {.block_size = options.whole("block_size"),
          .vocab_size = options.whole("vocab_size"),
          .n_layer = options.whole("n_layer"),
          .n_head = options.whole("n_head"),
          .n_embd = options.whole("n_embd"),
          .dropout = options.real("dropout", 0),
          .bias = options.flag("bias", true),
          .approximate = options.text("approximate", "none")};
}

}  // namespace

AnyModule make_module(const std::string& name, const Args& options, DType floating) {
  if (name == "Linear") {
    return one_input(nn::Linear(options.whole("in_features"), options.whole("out_features"),
                                {.bias = options.flag("bias", true)}));
  }
  if (name == "Embedding") {
    return one_input(nn::Embedding(options.whole("num_embeddings"), options.whole("embedding_dim"),
                                   {.padding_idx = options.maybe_whole("padding_idx")}));
  }
  if (name == "LayerNorm") {
    return one_input(
        nn::LayerNorm(options.list("normalized_shape"),
                      {.eps = options.real("eps", 1e-5),
                       .elementwise_affine = options.flag("elementwise_affine", true)}));
  }
  if (name == "ReLU") return one_input(nn::ReLU());
  if (name == "GELU") {
    return one_input(nn::GELU({.approximate = options.text("approximate", "none")}));
  }
  if (name == "SiLU") return one_input(nn::SiLU());
  if (name == "Tanh") return one_input(nn::Tanh());
  if (name == "Sigmoid") return one_input(nn::Sigmoid());
  if (name == "Softmax") return one_input(nn::Softmax(options.whole("dim")));
  if (name == "Identity") return one_input(nn::Identity());
  if (name == "Dropout") return one_input(nn::Dropout(options.real("p", 0.5)));
  if (name == "Sequential") {
    // One after another: the order of the draws of their weights is fixed.
    nn::Linear first(3, 5);
    nn::Linear last(5, 2);
    return one_input(nn::Sequential(std::move(first), nn::Tanh(), std::move(last)));
  }
  if (name == "MultiheadAttention") return attention(options, floating);
  if (name == "GPT") return one_input(nn::GPT(gpt_config(options)));
  HEED_CHECK(name.starts_with("Transformer"), "unknown module ", name);
  return transformer(name, options, floating);
}

}  // namespace heed::parity
