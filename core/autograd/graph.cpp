#include "core/autograd/graph.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "core/autograd/node.h"

namespace heed::autograd {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

// "MmBackward0" is the gradient of "Mm".
std::string operation(std::string_view name) {
  const std::size_t at = name.rfind("Backward");
  return std::string(at == std::string_view::npos || at == 0 ? name : name.substr(0, at));
}

std::string shape(const Dims& sizes) {
  if (sizes.empty()) return "scalar";
  std::string text;
  for (const std::int64_t size : sizes) text += (text.empty() ? "" : "×") + std::to_string(size);
  return text;
}

std::string gradient_note(const Ref<TensorImpl>& grad) {
  if (!grad) return {};
  double squares = 0;
  for (const double g : Tensor(grad).detach().to_vector<double>()) squares += g * g;
  char text[40];
  std::snprintf(text, sizeof text, "\\n|grad| = %.3g", std::sqrt(squares));
  return text;
}

class Drawing {
 public:
  explicit Drawing(const TensorNames& names) : names_(names) {
    for (const auto& [name, x] : names) {
      if (!x.defined()) continue;
      if (const NodeRef node = x.grad_fn()) {
        node_names_.emplace(node.get(), &name);
      } else {
        leaf_names_.emplace(x.impl(), &name);
      }
    }
  }

  std::string draw(const Tensor& root) {
    out_ << "digraph autograd {\n"
            "  rankdir=TB; nodesep=0.25; ranksep=0.3;\n"
            "  node [fontname=\"Helvetica\", fontsize=11, margin=\"0.12,0.05\", height=0.3];\n"
            "  edge [color=\"#7a7a7a\", arrowsize=0.6];\n";
    if (const Edge edge = gradient_edge(root); edge.node()) {
      collect(edge);
      for (const Node* node : nodes_) draw_node(*node, node == edge.node());
    } else {
      leaf(root.impl());
    }
    out_ << "}\n";
    return out_.str();
  }

 private:
  // All nodes behind the edge, oldest first. Iterative: a graph may be a million nodes deep.
  void collect(const Edge& edge) {
    std::unordered_set<const Node*> seen{edge.node()};
    nodes_.push_back(edge.node());
    for (std::size_t next = 0; next < nodes_.size(); ++next) {
      const Node& node = *nodes_[next];
      for (int i = 0; i < node.num_edges(); ++i) {
        const Node* input = node.edge(i).node();
        if (input && seen.insert(input).second) nodes_.push_back(input);
      }
    }
    std::sort(nodes_.begin(), nodes_.end(),
              [](const Node* a, const Node* b) { return a->number() < b->number(); });
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      ids_.emplace(nodes_[i], "n" + std::to_string(i));
  }

  void draw_node(const Node& node, bool is_root) {
    const std::string& id = ids_.at(&node);
    std::string label = escaped(operation(node.name()));
    if (const std::string detail = node.detail(); !detail.empty()) {
      label += " (" + escaped(detail) + ")";
    }
    label += "\\n" + shape(node.output_sizes());
    if (const auto name = node_names_.find(&node); name != node_names_.end()) {
      label = escaped(*name->second) + " = " + label;
    }
    if (node.hooks && node.hooks->retained) label += gradient_note(node.hooks->retained->grad);
    out_ << "  " << id << " [shape=box, style=\"rounded,filled\", fillcolor=\""
         << (is_root ? "#ffd9a0" : "#f2f2f2") << "\", label=\"" << label << "\", tooltip=\""
         << escaped(node.name()) << "\"];\n";
    for (int i = 0; i < node.num_edges(); ++i) {
      const Edge& edge = node.edge(i);
      if (edge.node()) out_ << "  " << ids_.at(edge.node()) << " -> " << id << ";\n";
      if (edge.leaf()) out_ << "  " << leaf(edge.leaf()) << " -> " << id << ";\n";
    }
    draw_constants(node, id);
  }

  // Named tensors that the operation saved and that have no edge of their own.
  void draw_constants(const Node& node, const std::string& id) {
    std::unordered_set<const Storage*> drawn;
    for (const Tensor& saved : node.saved()) {
      if (saved.requires_grad()) continue;
      const Storage* storage = saved.impl()->storage.get();
      for (const auto& [name, x] : names_) {
        if (!x.defined() || x.requires_grad() || x.impl()->storage.get() != storage) continue;
        if (drawn.insert(storage).second) {
          out_ << "  " << leaf(x.impl()) << " -> " << id << " [style=dashed];\n";
        }
        break;
      }
    }
  }

  // The id of a leaf, drawn when it is first met.
  std::string leaf(const TensorImpl* x) {
    const auto [at, is_new] = leaf_ids_.try_emplace(x, "x" + std::to_string(leaf_ids_.size()));
    if (is_new) {
      const auto name = leaf_names_.find(x);
      const std::string title = name == leaf_names_.end() ? "leaf" : escaped(*name->second);
      out_ << "  " << at->second << " [shape=box, style=filled, fillcolor=\""
           << (x->requires_grad ? "#cfe5ff" : "#ffffff") << "\", label=\"" << title << "\\n"
           << shape(x->sizes) << gradient_note(x->grad) << "\"];\n";
    }
    return at->second;
  }

  const TensorNames& names_;
  std::unordered_map<const Node*, const std::string*> node_names_;
  std::unordered_map<const TensorImpl*, const std::string*> leaf_names_;
  std::vector<const Node*> nodes_;
  std::unordered_map<const Node*, std::string> ids_;
  std::unordered_map<const TensorImpl*, std::string> leaf_ids_;
  heed::detail::TextStream out_;
};

}  // namespace

std::string to_dot(const Tensor& root, const TensorNames& names) {
  HEED_CHECK(root.defined(), "to_dot: an undefined tensor has no graph");
  return Drawing(names).draw(root);
}

}  // namespace heed::autograd
