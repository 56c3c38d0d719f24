#include "core/tensor.h"

#include <new>

#include "core/autograd/engine.h"
#include "core/autograd/node.h"
#include "core/memory.h"
#include "core/new_tensor.h"
#include "core/ops/dispatch.h"
#include "core/ops/ops.h"

namespace heed {

namespace {

[[gnu::noinline]] void destroy_company(TensorImpl* impl) noexcept {
  if (impl->retains_grad && impl->grad_fn && impl->grad_fn->hooks) {
    impl->grad_fn->hooks->retained = nullptr;
  }
  delete impl->hooks;
  const Ref<Storage> storage = std::move(impl->storage);  // to the end: impl may lie in it
  const bool in_storage = impl->in_storage;
  impl->~TensorImpl();
  if (!in_storage) detail::deallocate(impl, sizeof(TensorImpl));
}

}  // namespace

// The usual result has nothing but its bytes: for that one, no more than the calls at the end.
void TensorImpl::destroy(TensorImpl* impl) noexcept {
  if (impl->has_company()) return destroy_company(impl);
  Storage* storage = impl->storage.leak();
  if (!impl->in_storage) detail::deallocate(impl, sizeof(TensorImpl));
  if (storage->refs.release()) Storage::destroy(storage);
}

namespace detail {
namespace {

[[gnu::noinline]] Tensor make_large_tensor(const Dims& sizes, std::int64_t numel, DType dtype) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::size_t>(numel), element_size(dtype), &bytes) ||
      bytes > SIZE_MAX / 2) {
    throw std::bad_alloc();
  }
  return new_tensor(allocate_otherwise(sizeof(Storage) + kRoom + bytes), bytes, sizes,
                    contiguous_strides(sizes), numel, dtype);
}

}  // namespace

// Small results come by the thousand: from the lists, without a call.
Tensor make_tensor(const Dims& sizes, DType dtype) {
  const std::int64_t numel = checked_numel(sizes);
  const std::size_t bytes = static_cast<std::size_t>(numel) * element_size(dtype);
  void* block = try_block(numel, bytes);
  if (!block) [[unlikely]]
    return make_large_tensor(sizes, numel, dtype);
  return new_tensor(block, bytes, sizes, contiguous_strides(sizes), numel, dtype);
}

Tensor make_matrix_otherwise(std::int64_t rows, std::int64_t cols, DType dtype) {
  return make_tensor({rows, cols}, dtype);
}

Tensor make_tensor_on(Ref<Storage> storage, const Dims& sizes, std::int64_t numel, DType dtype) {
  void* place = allocate(sizeof(TensorImpl));
  return Tensor(Ref<TensorImpl>::adopt(new (place) TensorImpl(
      sizes, contiguous_strides(sizes), numel, dtype, storage.leak(), false)));
}

Tensor make_alias(const Tensor& x, const Dims& sizes, const Dims& strides, std::int64_t offset) {
  const TensorImpl& from = x.checked();
  std::int64_t numel = 1;
  for (const std::int64_t size : sizes) numel *= size;
  Tensor alias = make_tensor_on(from.storage, sizes, numel, from.dtype);
  TensorImpl& impl = *alias.impl();
  impl.strides = strides;
  impl.offset = offset;
  impl.contiguous = is_contiguous(sizes, strides);
  return alias;
}

void bump_version(const Tensor& x) {
  x.impl()->storage->version.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace detail

void Tensor::undefined() { throw Error("an undefined tensor was used where values are needed"); }

void Tensor::wrong_dtype(DType wanted) const {
  detail::fail("expected scalar type ", scalar_type_name(wanted), " but found ",
               scalar_type_name(dtype()), " (data of a tensor of size ", sizes(), ")");
}

std::int64_t Tensor::size(std::int64_t d) const {
  HEED_CHECK(dim() > 0, "Dimension specified as ", d, " but tensor has no dimensions");
  return sizes()[wrap_dim(d, dim())];
}

std::int64_t Tensor::stride(std::int64_t d) const {
  HEED_CHECK(dim() > 0, "Dimension specified as ", d, " but tensor has no dimensions");
  return strides()[wrap_dim(d, dim())];
}

Scalar Tensor::item_scalar() const {
  HEED_CHECK(numel() == 1,
             "only one element tensors can be converted to C++ scalars; this one has size ",
             sizes());
  return detail::dispatch(dtype(), [&]<class T>() { return Scalar(*data<T>()); });
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  const Tensor flat = detach().contiguous();
  std::vector<T> out(static_cast<std::size_t>(numel()));
  detail::dispatch(dtype(), [&]<class From>() {
    const From* from = flat.data<From>();
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(from[i]);
  });
  return out;
}
template std::vector<float> Tensor::to_vector<float>() const;
template std::vector<double> Tensor::to_vector<double>() const;
template std::vector<std::int64_t> Tensor::to_vector<std::int64_t>() const;
template std::vector<bool> Tensor::to_vector<bool>() const;

const Tensor& Tensor::requires_grad_(bool wanted) const {
  HEED_CHECK(!wanted || is_floating_point(),
             "Only Tensors of floating point dtype can require gradients; this one is ",
             dtype_name(dtype()), " of size ", sizes());
  HEED_CHECK(is_leaf(),
             wanted ? "you can only change requires_grad flags of leaf variables."
                    : "you can only change requires_grad flags of leaf variables. If you want to "
                      "use a computed variable in a subgraph that doesn't require differentiation "
                      "use var_no_grad = var.detach().");
  if (wanted && impl_->number == 0) impl_->number = autograd::next_number();
  impl_->requires_grad = wanted;
  return *this;
}

autograd::NodeRef Tensor::grad_fn() const {
  if (checked().is_stale_view()) autograd::gradient_edge(*this);
  return impl_->grad_fn;
}

void Tensor::set_grad(const Tensor& grad) const {
  checked();
  if (grad.defined()) {
    HEED_CHECK(grad.sizes() == sizes(), "assigned grad has data of a different size: expected ",
               sizes(), ", got ", grad.sizes());
    HEED_CHECK(grad.dtype() == dtype(), "assigned grad has data of a different type: expected ",
               dtype_name(dtype()), ", got ", dtype_name(grad.dtype()));
    HEED_CHECK(!grad.is(*this), "can't assign a tensor as its own grad");
  }
  impl_->grad = grad.ref();
}

void Tensor::backward(const Tensor& gradient, std::optional<bool> retain_graph,
                      bool create_graph) const {
  autograd::backward(*this, gradient, retain_graph, create_graph);
}

Tensor Tensor::detach() const {
  return detail::make_alias(*this, sizes(), strides(), storage_offset());
}

void Tensor::retain_grad() const {
  HEED_CHECK(requires_grad(), "can't retain_grad on Tensor that has requires_grad=False");
  if (is_leaf() || impl_->retains_grad) return;
  const autograd::NodeRef node = grad_fn();
  if (!node->hooks) node->hooks = std::make_unique<autograd::NodeHooks>();
  node->hooks->retained = impl_.get();
  impl_->retains_grad = true;
}

HookHandle Tensor::register_hook(autograd::TensorHook hook) const {
  HEED_CHECK(requires_grad(), "cannot register a hook on a tensor that doesn't require gradient");
  std::shared_ptr<autograd::HookList> list;
  if (const autograd::NodeRef node = grad_fn()) {
    if (!node->hooks) node->hooks = std::make_unique<autograd::NodeHooks>();
    list = node->hooks->list;
  } else {
    if (!impl_->hooks) impl_->hooks = new autograd::LeafHooks;
    list = impl_->hooks->list;
  }
  const std::uint64_t id = list->next_id++;
  // The handle first: a hook without one could never be removed.
  HookHandle handle([weak = std::weak_ptr(list), id] {
    if (const auto alive = weak.lock()) {
      std::erase_if(alive->hooks, [id](const auto& entry) { return entry.first == id; });
    }
  });
  list->hooks.emplace_back(id, std::move(hook));
  return handle;
}

}  // namespace heed
