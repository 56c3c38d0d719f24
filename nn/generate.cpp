// GPT::generate: tokens drawn one after another.
#include <limits>

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/ops/ops.h"
#include "nn/gpt.h"

namespace heed::nn {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void check(const GenerateOptions& options) {
  HEED_CHECK(options.max_new_tokens >= 0, "max_new_tokens must not be negative, got ",
             options.max_new_tokens);
  HEED_CHECK(options.temperature >= 0, "temperature must not be negative, got ",
             options.temperature);
  HEED_CHECK(!options.top_k || *options.top_k > 0, "top_k must be positive, got ",
             options.top_k.value_or(0));
  HEED_CHECK(!options.top_p || (*options.top_p > 0 && *options.top_p <= 1),
             "top_p must be in (0, 1], got ", options.top_p.value_or(0));
}

// logits (B, V) without those below the k-th largest of their row.
Tensor keep_top_k(const Tensor& logits, std::int64_t k) {
  const Tensor largest = logits.topk(std::min(k, logits.size(-1))).values;
  return logits.masked_fill(logits < largest.narrow(-1, largest.size(-1) - 1, 1), -kInfinity);
}

// logits (B, V) without those beyond the likeliest few whose probabilities first reach p (Holtzman
// et al. 2020). The likeliest always stays.
Tensor keep_top_p(const Tensor& logits, double p) {
  const Tensor sorted = logits.sort(-1, true).values;
  const Tensor probabilities = softmax(sorted, -1);
  const Tensor before = probabilities.cumsum(-1) - probabilities;  // of all likelier ones
  const Tensor last_kept = where(before < p, sorted, kInfinity).amin({-1}, true);
  return logits.masked_fill(logits < last_kept, -kInfinity);
}

// One token a row of logits (B, V): (B, 1).
Tensor draw(Tensor logits, const GenerateOptions& options) {
  if (options.temperature == 0) return logits.argmax(-1, true);
  logits = logits / options.temperature;
  if (options.top_k) logits = keep_top_k(logits, *options.top_k);
  if (options.top_p) logits = keep_top_p(logits, *options.top_p);
  return multinomial(softmax(logits, -1), 1, false, options.generator);
}

}  // namespace

Tensor GPT::generate(const Tensor& tokens, const GenerateOptions& options) const {
  return call([&] {
    check(options);
    HEED_CHECK(tokens.dim() == 2 && tokens.size(1) > 0, "expected at least one token (B, T), got ",
               tokens.sizes());
    NoGradGuard no_grad;
    const std::int64_t block = config_.block_size;
    KeyValueCache cache;
    if (options.use_cache && tokens.size(1) < block) cache = make_cache(tokens.size(0));

    Tensor all = tokens, unseen = tokens;
    for (std::int64_t step = 0; step < options.max_new_tokens; ++step) {
      // Positions are absolute: once the window slides, every element stands elsewhere, and what
      // was computed for the old places is of no use.
      const bool cached = !cache.layers.empty() && all.size(1) <= block;
      const Tensor window = all.narrow(1, std::max<std::int64_t>(all.size(1) - block, 0),
                                       std::min(all.size(1), block));
      const Tensor hidden = transformer(cached ? unseen : window, cached ? &cache : nullptr);
      const Tensor logits = lm_head(hidden.select(1, hidden.size(1) - 1));  // (B, V)
      unseen = draw(logits, options);
      all = cat({all, unseen}, 1);
      if (options.on_token && !options.on_token(unseen.squeeze(1))) break;
    }
    return all;
  });
}

}  // namespace heed::nn
