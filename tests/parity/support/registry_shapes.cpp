// Products, views, copies and indexing of the fixtures.
#include "tests/parity/support/fixture.h"

namespace heed::parity {

namespace {

using In = const std::vector<Tensor>&;

Call unary(Tensor (*op)(const Tensor&)) {
  return [op](In in, const Args&) { return Results{op(in[0])}; };
}
Call binary(Tensor (*op)(const Tensor&, const Tensor&)) {
  return [op](In in, const Args&) { return Results{op(in[0], in[1])}; };
}
/// An operation whose only argument is a list of integers.
Call with_list(Tensor (*op)(const Tensor&, const Dims&), const char* name) {
  return [op, name](In in, const Args& args) { return Results{op(in[0], args.list(name))}; };
}

}  // namespace

std::vector<TensorIndex> indices(const std::vector<Tensor>& in, const Json& what) {
  std::vector<TensorIndex> list;
  std::size_t next = 1;
  const auto bound = [](const Json& value) -> std::optional<std::int64_t> {
    return value.is_null() ? std::nullopt : std::optional(value.get<std::int64_t>());
  };
  for (const Json& one : what) {
    const std::string kind = one[0];
    if (kind == "int") {
      list.emplace_back(one[1].get<std::int64_t>());
    } else if (kind == "slice") {
      list.emplace_back(Slice(bound(one[1]), bound(one[2]), bound(one[3]).value_or(1)));
    } else if (kind == "none") {
      list.emplace_back(None);
    } else if (kind == "ellipsis") {
      list.emplace_back(Ellipsis);
    } else {
      list.emplace_back(in[next++]);
    }
  }
  return list;
}

void add_products(Registry& ops) {
  ops["matmul"] = binary(matmul);
  ops["mm"] = binary(mm);
  ops["bmm"] = binary(bmm);
  ops["mv"] = binary(mv);
  ops["dot"] = binary(dot);
  ops["outer"] = binary(outer);
  ops["addmm"] = [](In in, const Args& args) {
    return Results{addmm(in[0], in[1], in[2], args.real("beta", 1), args.real("alpha", 1))};
  };
  ops["baddbmm"] = [](In in, const Args& args) {
    return Results{baddbmm(in[0], in[1], in[2], args.real("beta", 1), args.real("alpha", 1))};
  };
  ops["linear"] = [](In in, const Args&) {
    return Results{linear(in[0], in[1], in.size() > 2 ? in[2] : Tensor())};
  };
  ops["einsum"] = [](In in, const Args& args) {
    return Results{einsum(args.text("equation", ""), in)};
  };
}

void add_shapes(Registry& ops) {
  ops["view"] = with_list(view, "sizes");
  ops["reshape"] = with_list(reshape, "sizes");
  ops["expand"] = with_list(expand, "sizes");
  ops["broadcast_to"] = with_list(broadcast_to, "sizes");
  ops["permute"] = with_list(permute, "dims");
  ops["repeat"] = with_list(repeat, "repeats");
  ops["flip"] = with_list(flip, "dims");
  ops["flatten"] = [](In in, const Args& args) {
    return Results{flatten(in[0], args.whole("start_dim", 0), args.whole("end_dim", -1))};
  };
  ops["unflatten"] = [](In in, const Args& args) {
    return Results{unflatten(in[0], args.whole("dim"), args.list("sizes"))};
  };
  ops["transpose"] = [](In in, const Args& args) {
    return Results{transpose(in[0], args.whole("a"), args.whole("b"))};
  };
  ops["t"] = unary(t);
  ops["T"] = [](In in, const Args&) { return Results{in[0].T()}; };
  ops["mT"] = [](In in, const Args&) { return Results{in[0].mT()}; };
  ops["movedim"] = [](In in, const Args& args) {
    return Results{movedim(in[0], args.whole("source"), args.whole("destination"))};
  };
  ops["squeeze"] = [](In in, const Args& args) {
    return Results{args.has("dim") ? squeeze(in[0], args.whole("dim")) : squeeze(in[0])};
  };
  ops["unsqueeze"] = [](In in, const Args& args) {
    return Results{unsqueeze(in[0], args.whole("dim"))};
  };
  ops["narrow"] = [](In in, const Args& args) {
    return Results{narrow(in[0], args.whole("dim"), args.whole("start"), args.whole("length"))};
  };
  ops["slice"] = [](In in, const Args& args) {
    return Results{slice(in[0], args.whole("dim"), args.maybe_whole("start"),
                         args.maybe_whole("end"), args.whole("step", 1))};
  };
  ops["select"] = [](In in, const Args& args) {
    return Results{select(in[0], args.whole("dim"), args.whole("index"))};
  };
  ops["chunk"] = [](In in, const Args& args) {
    return chunk(in[0], args.whole("chunks"), args.whole("dim", 0));
  };
  ops["split"] = [](In in, const Args& args) {
    if (!args.is_list("size")) return split(in[0], args.whole("size"), args.whole("dim", 0));
    return split(in[0], args.json("size").get<std::vector<std::int64_t>>(), args.whole("dim", 0));
  };
  ops["cat"] = [](In in, const Args& args) { return Results{cat(in, args.whole("dim", 0))}; };
  ops["stack"] = [](In in, const Args& args) { return Results{stack(in, args.whole("dim", 0))}; };
  ops["roll"] = [](In in, const Args& args) -> Results {
    const Dims shifts = args.list("shifts");
    if (!args.has("dims")) return {roll(in[0], shifts[0])};
    const Dims over = args.list("dims");
    if (shifts.size() == 1 && over.size() == 1) return {roll(in[0], shifts[0], over[0])};
    return {roll(in[0], shifts, over)};
  };
  ops["tril"] = [](In in, const Args& args) {
    return Results{tril(in[0], args.whole("diagonal", 0))};
  };
  ops["triu"] = [](In in, const Args& args) {
    return Results{triu(in[0], args.whole("diagonal", 0))};
  };
  ops["diagonal"] = [](In in, const Args& args) {
    return Results{
        diagonal(in[0], args.whole("offset", 0), args.whole("dim1", 0), args.whole("dim2", 1))};
  };
  ops["as_strided"] = [](In in, const Args& args) {
    return Results{
        as_strided(in[0], args.list("sizes"), args.list("strides"), args.maybe_whole("offset"))};
  };
  ops["contiguous"] = unary(contiguous);
  ops["clone"] = unary(clone);
  ops["unfold"] = [](In in, const Args& args) {
    return Results{unfold(in[0], args.whole("dim"), args.whole("size"), args.whole("step"))};
  };
}

void add_indexing(Registry& ops) {
  ops["index"] = [](In in, const Args& args) {
    return Results{index(in[0], indices(in, args.json("what")))};
  };
  ops["index_select"] = [](In in, const Args& args) {
    return Results{index_select(in[0], args.whole("dim"), in[1])};
  };
  ops["gather"] = [](In in, const Args& args) {
    return Results{gather(in[0], args.whole("dim"), in[1])};
  };
  ops["scatter_add"] = [](In in, const Args& args) {
    return Results{scatter_add(in[0], args.whole("dim"), in[1], in[2])};
  };
  ops["masked_select"] = binary(masked_select);
  ops["nonzero"] = unary(nonzero);
  ops["one_hot"] = [](In in, const Args& args) {
    return Results{one_hot(in[0], args.whole("num_classes", -1))};
  };
  ops["embedding"] = [](In in, const Args& args) {
    return Results{embedding(in[1], in[0], args.maybe_whole("padding_idx"))};
  };
}

}  // namespace heed::parity
