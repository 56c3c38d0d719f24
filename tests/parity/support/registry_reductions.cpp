// The reductions and the ordering operations of the fixtures.
#include "tests/parity/support/fixture.h"

namespace heed::parity {

namespace {

using In = const std::vector<Tensor>&;
using All = Tensor (*)(const Tensor&);
using Over = Tensor (*)(const Tensor&, const Dims&, bool);
using Along = Tensor (*)(const Tensor&, std::int64_t, bool);

Results both(ValuesIndices result) { return {result.values, result.indices}; }

/// Over all elements, or over a list of dims; a list of one takes the one-dim overload where there
/// is one.
Call over(All all_elements, Over dims, Along dim = nullptr) {
  return [=](In in, const Args& args) -> Results {
    if (!args.has("dims")) return {all_elements(in[0])};
    const Dims list = args.list("dims");
    const bool keepdim = args.flag("keepdim");
    if (dim && list.size() == 1) return {dim(in[0], list[0], keepdim)};
    return {dims(in[0], list, keepdim)};
  };
}

Call along(All all_elements, Along dim) {
  return [=](In in, const Args& args) -> Results {
    if (!args.has("dim")) return {all_elements(in[0])};
    return {dim(in[0], args.whole("dim"), args.flag("keepdim"))};
  };
}

Call extreme(ValuesIndices (*op)(const Tensor&, std::int64_t, bool)) {
  return [op](In in, const Args& args) {
    return both(op(in[0], args.whole("dim"), args.flag("keepdim")));
  };
}

using Position = Tensor (*)(const Tensor&, std::optional<std::int64_t>, bool);
Call position(Position op) {
  return [op](In in, const Args& args) -> Results {
    return {op(in[0], args.maybe_whole("dim"), args.flag("keepdim"))};
  };
}

using Spread = Tensor (*)(const Tensor&, bool);
using SpreadOver = Tensor (*)(const Tensor&, const Dims&, bool, bool);
Call spread(Spread all_elements, SpreadOver dims) {
  return [=](In in, const Args& args) -> Results {
    const bool unbiased = args.flag("unbiased", true);
    if (!args.has("dims")) return {all_elements(in[0], unbiased)};
    return {dims(in[0], args.list("dims"), unbiased, args.flag("keepdim"))};
  };
}

}  // namespace

void add_reductions(Registry& ops) {
  ops["sum"] = over(sum, sum, sum);
  ops["mean"] = over(mean, mean, mean);
  ops["amax"] = over([](const Tensor& x) { return amax(x); }, amax);
  ops["amin"] = over([](const Tensor& x) { return amin(x); }, amin);
  ops["prod"] = along(prod, prod);
  ops["all"] = along(all, all);
  ops["any"] = along(any, any);
  ops["max_all"] = [](In in, const Args&) { return Results{max(in[0])}; };
  ops["min_all"] = [](In in, const Args&) { return Results{min(in[0])}; };
  ops["max"] = extreme(max);
  ops["min"] = extreme(min);
  ops["argmax"] = position(argmax);
  ops["argmin"] = position(argmin);
  ops["var"] = spread(var, var);
  ops["std"] = spread(std, std);
  ops["logsumexp"] = [](In in, const Args& args) {
    return Results{logsumexp(in[0], args.list("dims"), args.flag("keepdim"))};
  };
  ops["norm"] = [](In in, const Args& args) -> Results {
    const double p = args.real("p", 2);
    if (!args.has("dims")) return {norm(in[0], p)};
    return {norm(in[0], p, args.list("dims"), args.flag("keepdim"))};
  };
  ops["cumsum"] = [](In in, const Args& args) { return Results{cumsum(in[0], args.whole("dim"))}; };
  ops["topk"] = [](In in, const Args& args) {
    return both(topk(in[0], args.whole("k"), args.whole("dim", -1), args.flag("largest", true)));
  };
  ops["sort"] = [](In in, const Args& args) {
    return both(sort(in[0], args.whole("dim", -1), args.flag("descending")));
  };
  ops["argsort"] = [](In in, const Args& args) {
    return Results{argsort(in[0], args.whole("dim", -1), args.flag("descending"))};
  };
}

}  // namespace heed::parity
