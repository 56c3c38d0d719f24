// Einstein's notation: every operand's dims are named, names left out of the result are summed.
#include <algorithm>
#include <string>
#include <vector>

#include "core/autograd/node.h"
#include "core/ops/ops.h"

namespace heed {

namespace {

// A dim's name: A to Z are 0 to 25, a to z 26 to 51; the dims of an ellipsis, counted from the
// last, are 52 and up.
using Label = int;
using Labels = std::vector<Label>;
constexpr Label kLetters = 52;
constexpr Label kEllipsis = -1;  // in a parsed term, before its dims are known

struct Term {
  Tensor x;
  Labels labels;  // one a dim

  std::int64_t find(Label label) const {
    const auto at = std::find(labels.begin(), labels.end(), label);
    return at == labels.end() ? -1 : at - labels.begin();
  }
  bool has(Label label) const { return find(label) >= 0; }
  std::int64_t size(Label label) const { return x.sizes()[find(label)]; }
};

bool contains(const Labels& labels, Label label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

std::string name_of(Label label) {
  if (label >= kLetters) return "...";
  return std::string(1, static_cast<char>(label < 26 ? 'A' + label : 'a' + label - 26));
}

struct Equation {
  std::vector<Labels> terms;
  bool has_output = false;
  Labels output;
};

Equation parse(const std::string& text) {
  Equation equation;
  equation.terms.emplace_back();
  Labels* into = &equation.terms.back();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    if (c == '.') {
      HEED_CHECK(text.compare(i, 3, "...") == 0,
                 "einsum(): found '.' that is not part of any ellipsis in \"", text, "\"");
      HEED_CHECK(!contains(*into, kEllipsis),
                 "einsum(): found more than one ellipsis for one term in \"", text, "\"");
      into->push_back(kEllipsis);
      i += 2;
    } else if (c == ',' && !equation.has_output) {
      into = &equation.terms.emplace_back();
    } else if (c == '-' && !equation.has_output) {
      HEED_CHECK(text.compare(i, 2, "->") == 0, "einsum(): expected an arrow in \"", text, "\"");
      equation.has_output = true;
      into = &equation.output;
      ++i;
    } else {
      const bool upper = 'A' <= c && c <= 'Z', lower = 'a' <= c && c <= 'z';
      HEED_CHECK(upper || lower, "einsum(): invalid subscript given at index ", i,
                 " in the equation string, subscripts must be in [a-zA-Z]");
      into->push_back(upper ? c - 'A' : c - 'a' + 26);
    }
  }
  return equation;
}

// Labels with the ellipsis replaced by the names of the `dims` that it stands for.
Labels spell_out(const Labels& labels, std::int64_t dims) {
  Labels out;
  for (const Label label : labels) {
    if (label != kEllipsis) {
      out.push_back(label);
      continue;
    }
    for (std::int64_t d = dims - 1; d >= 0; --d) out.push_back(kLetters + static_cast<Label>(d));
  }
  return out;
}

// A label that a term repeats stands for its diagonal; the kept dim comes last.
Term without_repeats(Term term, std::size_t position) {
  for (std::size_t i = 0; i < term.labels.size(); ++i) {
    for (std::size_t j = i + 1; j < term.labels.size(); ++j) {
      const Label label = term.labels[i];
      if (term.labels[j] != label) continue;
      const auto a = static_cast<std::int64_t>(i), b = static_cast<std::int64_t>(j);
      HEED_CHECK(term.x.sizes()[a] == term.x.sizes()[b], "einsum(): subscript ", name_of(label),
                 " is repeated for operand ", position, " but the sizes don't match, ",
                 term.x.sizes()[b], " != ", term.x.sizes()[a]);
      term.x = diagonal(term.x, 0, a, b);
      term.labels.erase(term.labels.begin() + b);
      term.labels.erase(term.labels.begin() + a);
      term.labels.push_back(label);
      return without_repeats(std::move(term), position);
    }
  }
  return term;
}

// Sums the dims of a term that nobody needs.
template <class Needed>
Term summed(Term term, Needed&& needed) {
  Dims dims;
  Labels kept;
  for (std::size_t d = 0; d < term.labels.size(); ++d) {
    if (needed(term.labels[d])) {
      kept.push_back(term.labels[d]);
    } else {
      dims.push_back(static_cast<std::int64_t>(d));
    }
  }
  if (!dims.empty()) term = {sum(term.x, dims), kept};
  return term;
}

// Removes dims of size 1 that the other term has in full: they broadcast.
Term without_broadcast(Term term, const Term& other) {
  for (std::size_t d = term.labels.size(); d-- > 0;) {
    const auto dim = static_cast<std::int64_t>(d);
    const Label label = term.labels[d];
    if (term.x.sizes()[dim] != 1 || !other.has(label) || other.size(label) == 1) continue;
    term.x = squeeze(term.x, dim);
    term.labels.erase(term.labels.begin() + dim);
  }
  return term;
}

// The term with its dims in the order of labels, each of which it has.
Tensor in_order(const Term& term, const Labels& labels) {
  Dims order;
  bool sorted = true;
  for (const Label label : labels) {
    sorted = sorted && term.find(label) == order.size();
    order.push_back(term.find(label));
  }
  return sorted ? term.x : permute(term.x, order);
}

std::int64_t product_of_sizes(const Term& term, const Labels& labels) {
  std::int64_t n = 1;
  for (const Label label : labels) n *= term.size(label);
  return n;
}

Labels joined(const Labels& a, const Labels& b, const Labels& c) {
  Labels out = a;
  out.insert(out.end(), b.begin(), b.end());
  out.insert(out.end(), c.begin(), c.end());
  return out;
}

// The product of two terms, summed over the labels that are not needed after it: one batched matrix
// product with batch the labels that both have and that stay, k those that both have and that go,
// m and n those that one has.
template <class Needed>
Term product(Term a, Term b, Needed&& needed) {
  a = summed(without_broadcast(std::move(a), b),
             [&](Label label) { return needed(label) || b.has(label); });
  b = summed(without_broadcast(std::move(b), a),
             [&](Label label) { return needed(label) || a.has(label); });
  Labels batch, m, k, n;
  for (const Label label : a.labels) {
    (!b.has(label) ? m : needed(label) ? batch : k).push_back(label);
  }
  for (const Label label : b.labels) {
    if (!a.has(label)) n.push_back(label);
  }
  const Labels labels = joined(batch, m, n);
  if (k.empty()) {  // nothing to sum: an outer product by broadcasting
    Tensor x = in_order(a, joined(batch, m, {})), y = in_order(b, joined(batch, n, {}));
    for (std::size_t i = 0; i < n.size(); ++i) x = unsqueeze(x, -1);
    for (std::size_t i = 0; i < m.size(); ++i) {
      y = unsqueeze(y, static_cast<std::int64_t>(batch.size()));
    }
    return {x * y, labels};
  }
  Dims sizes;
  for (const Label label : labels) sizes.push_back(a.has(label) ? a.size(label) : b.size(label));
  const std::int64_t batches = product_of_sizes(a, batch), rows = product_of_sizes(a, m);
  const std::int64_t inner = product_of_sizes(a, k), columns = product_of_sizes(b, n);
  const Tensor left = reshape(in_order(a, joined(batch, m, k)), {batches, rows, inner});
  const Tensor right = reshape(in_order(b, joined(batch, k, n)), {batches, inner, columns});
  return {reshape(bmm(left, right), sizes), labels};
}

// Each operand with its dims named, checked against one another.
std::vector<Term> named_operands(const Equation& equation, const std::vector<Tensor>& operands,
                                 std::int64_t& ellipsis_dims) {
  HEED_CHECK(!operands.empty(), "einsum(): must provide at least one operand");
  HEED_CHECK(operands.size() >= equation.terms.size(),
             "einsum(): fewer operands were provided than specified in the equation");
  HEED_CHECK(operands.size() <= equation.terms.size(),
             "einsum(): more operands were provided than specified in the equation");
  std::vector<Term> terms;
  std::vector<std::int64_t> sizes(kLetters + static_cast<std::size_t>(Dims::kMax), 1);
  ellipsis_dims = 0;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Labels& given = equation.terms[i];
    const Tensor& x = operands[i];
    const bool ellipsis = contains(given, kEllipsis);
    const auto letters = static_cast<std::int64_t>(given.size()) - ellipsis;
    HEED_CHECK(ellipsis ? letters <= x.dim() : letters == x.dim(),
               "einsum(): the number of subscripts in the equation (", letters, ") ",
               ellipsis ? "is more than the number of dimensions ("
                        : "does not match the number of dimensions (",
               x.dim(), ") for operand ", i, ellipsis ? "" : " and no ellipsis was given");
    ellipsis_dims = std::max(ellipsis_dims, x.dim() - letters);
    Term term = without_repeats({x, spell_out(given, x.dim() - letters)}, i);
    for (const Label label : term.labels) {
      std::int64_t& seen = sizes[static_cast<std::size_t>(label)];
      const std::int64_t size = term.size(label);
      HEED_CHECK(size == seen || size == 1 || seen == 1, "einsum(): subscript ", name_of(label),
                 " has size ", size, " for operand ", i,
                 " which does not broadcast with previously seen size ", seen);
      if (size != 1) seen = size;
    }
    terms.push_back(std::move(term));
  }
  return terms;
}

// The names of the result's dims: as given, or the ellipsis and then the letters that occur once.
Labels output_labels(const Equation& equation, std::int64_t ellipsis_dims) {
  std::vector<int> count(kLetters, 0);
  for (const Labels& term : equation.terms) {
    for (const Label label : term) {
      if (label != kEllipsis) ++count[static_cast<std::size_t>(label)];
    }
  }
  if (!equation.has_output) {
    Labels output = spell_out({kEllipsis}, ellipsis_dims);
    for (Label label = 0; label < kLetters; ++label) {
      if (count[static_cast<std::size_t>(label)] == 1) output.push_back(label);
    }
    return output;
  }
  Labels seen;
  for (const Label label : equation.output) {
    if (label == kEllipsis) continue;
    HEED_CHECK(!contains(seen, label), "einsum(): output subscript ", name_of(label),
               " appears more than once in the output");
    HEED_CHECK(count[static_cast<std::size_t>(label)] > 0, "einsum(): output subscript ",
               name_of(label), " does not appear in the equation for any input operand");
    seen.push_back(label);
  }
  return spell_out(equation.output, ellipsis_dims);
}

}  // namespace

Tensor einsum(const std::string& text, const std::vector<Tensor>& operands) {
  const Equation equation = parse(text);
  std::int64_t ellipsis_dims = 0;
  const std::vector<Term> terms = named_operands(equation, operands, ellipsis_dims);
  const Labels output = output_labels(equation, ellipsis_dims);
  Term result = terms[0];
  for (std::size_t i = 1; i < terms.size(); ++i) {
    const auto needed = [&](Label label) {
      return contains(output, label) ||
             std::any_of(terms.begin() + static_cast<std::ptrdiff_t>(i) + 1, terms.end(),
                         [label](const Term& later) { return later.has(label); });
    };
    result = product(std::move(result), terms[i], needed);
  }
  result = summed(std::move(result), [&](Label label) { return contains(output, label); });
  return in_order(result, output);
}

}  // namespace heed
