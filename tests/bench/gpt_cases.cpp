// One training step of a small character GPT, against the same model written on libtorch as nanoGPT
// is on PyTorch: attention by matmul, mask and softmax, AdamW, no dropout.
#include <cmath>
#include <map>
#include <memory>

#include "heed.h"
#include "tests/bench/case.h"
#include "tests/bench/peer_torch.h"

namespace heed::bench {
namespace {

constexpr std::int64_t kBatch = 12, kLength = 64, kVocabulary = 65, kLayers = 4, kHeads = 4,
                       kWidth = 128;
constexpr double kRate = 1e-3, kDecay = 0.1;

struct Ours {
  nn::GPT model{{.block_size = kLength,
                 .vocab_size = kVocabulary,
                 .n_layer = kLayers,
                 .n_head = kHeads,
                 .n_embd = kWidth,
                 .bias = false}};
  optim::AdamW adam{model.parameters(), {.lr = kRate, .weight_decay = kDecay}};
  Tensor tokens = randint(kVocabulary, {kBatch, kLength});
  Tensor targets = randint(kVocabulary, {kBatch, kLength});

  Tensor step() {
    adam.zero_grad();
    Tensor loss = model.loss(tokens, targets);
    loss.backward();
    adam.step();
    return loss;
  }
};

#if HEED_HAVE_TORCH
struct Peer {
  std::map<std::string, torch::Tensor> weights;
  torch::Tensor tokens, targets, unseen;
  std::unique_ptr<torch::optim::AdamW> adam;

  explicit Peer(const Ours& ours)
      : tokens(as_torch(ours.tokens)),
        targets(as_torch(ours.targets)),
        unseen(torch::ones({kLength, kLength}, torch::kBool).triu(1)) {
    std::vector<torch::Tensor> parameters;
    for (const auto& [name, parameter] : ours.model.named_parameters()) {
      parameters.push_back(as_torch(parameter.detach()).requires_grad_());
      weights[name] = parameters.back();
    }
    adam = std::make_unique<torch::optim::AdamW>(
        parameters, torch::optim::AdamWOptions(kRate).weight_decay(kDecay));
  }
  torch::Tensor norm(const torch::Tensor& x, const std::string& name) {
    return torch::layer_norm(x, {kWidth}, weights[name + ".weight"]);
  }
  torch::Tensor linear(const torch::Tensor& x, const std::string& name) {
    return torch::linear(x, weights[name + ".weight"]);
  }
  torch::Tensor attention(const torch::Tensor& x, const std::string& name) {
    const auto parts = linear(x, name + ".c_attn").split(kWidth, 2);
    const auto heads = [](const torch::Tensor& part) {
      return part.view({kBatch, kLength, kHeads, kWidth / kHeads}).transpose(1, 2);
    };
    const double root = std::sqrt(static_cast<double>(kWidth / kHeads));
    const auto scores = torch::matmul(heads(parts[0]), heads(parts[1]).transpose(-2, -1)) / root;
    const auto shares = torch::softmax(scores.masked_fill(unseen, -INFINITY), -1);
    const auto y = torch::matmul(shares, heads(parts[2])).transpose(1, 2).contiguous();
    return linear(y.view({kBatch, kLength, kWidth}), name + ".c_proj");
  }
  torch::Tensor step() {
    adam->zero_grad();
    auto x = torch::embedding(weights["transformer.wte.weight"], tokens) +
             torch::embedding(weights["transformer.wpe.weight"], torch::arange(kLength));
    for (std::int64_t layer = 0; layer < kLayers; ++layer) {
      const std::string block = "transformer.h." + std::to_string(layer);
      x = x + attention(norm(x, block + ".ln_1"), block + ".attn");
      const auto wide = torch::gelu(linear(norm(x, block + ".ln_2"), block + ".mlp.c_fc"));
      x = x + linear(wide, block + ".mlp.c_proj");
    }
    // The output layer shares the embedding's weight.
    const auto logits =
        torch::linear(norm(x, "transformer.ln_f"), weights["transformer.wte.weight"]);
    auto loss =
        torch::nn::functional::cross_entropy(logits.view({-1, kVocabulary}), targets.view({-1}));
    loss.backward();
    adam->step();
    return loss;
  }
};
#endif

}  // namespace

void add_gpt_cases() {
  manual_seed(1);
  const auto ours = std::make_shared<Ours>();
  Case step{.group = "a character GPT",
            .name = "training step: 4 layers, 4 heads, width 128, context 64, batch 12",
            .peer_name = "libtorch"};
  step.ours = [ours] { ours->step(); };
  // Per token: 6 operations a weight of the matrices, and attention's 14 a visible pair and width.
  double matrices = 0;
  for (const auto& [name, parameter] : ours->model.named_parameters()) {
    if (name != "transformer.wpe.weight" && parameter.dim() == 2) {
      matrices += static_cast<double>(parameter.numel());
    }
  }
  const double pairs = static_cast<double>(kLength * (kLength + 1) / 2 * kBatch * kLayers);
  step.flops = 6 * matrices * static_cast<double>(kBatch * kLength) +
               14 * pairs * static_cast<double>(kWidth);
#if HEED_HAVE_TORCH
  torch::set_num_threads(1);
  const auto peer = std::make_shared<Peer>(*ours);
  step.peer = [peer] { peer->step(); };
  step.difference = [=] {
    double worst = 0;
    for (int i = 0; i < 3; ++i) {
      const Tensor loss = ours->step();
      worst = std::max(worst, difference(loss, peer->step()));
    }
    return worst;
  };
#endif
  add(std::move(step));
}

}  // namespace heed::bench
