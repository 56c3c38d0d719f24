// The methods of Tensor that are free functions of ops.h.
#include "core/ops/ops.h"

namespace heed {

Tensor Tensor::add(const Tensor& b, Scalar alpha) const { return heed::add(*this, b, alpha); }
Tensor Tensor::add(Scalar b) const { return heed::add(*this, b); }
Tensor Tensor::sub(const Tensor& b, Scalar alpha) const { return heed::sub(*this, b, alpha); }
Tensor Tensor::sub(Scalar b) const { return heed::sub(*this, b); }
Tensor Tensor::mul(const Tensor& b) const { return heed::mul(*this, b); }
Tensor Tensor::mul(Scalar b) const { return heed::mul(*this, b); }
Tensor Tensor::div(const Tensor& b) const { return heed::div(*this, b); }
Tensor Tensor::div(Scalar b) const { return heed::div(*this, b); }
Tensor Tensor::pow(const Tensor& b) const { return heed::pow(*this, b); }
Tensor Tensor::pow(Scalar b) const { return heed::pow(*this, b); }
Tensor Tensor::maximum(const Tensor& b) const { return heed::maximum(*this, b); }
Tensor Tensor::minimum(const Tensor& b) const { return heed::minimum(*this, b); }
Tensor Tensor::neg() const { return heed::neg(*this); }
Tensor Tensor::abs() const { return heed::abs(*this); }
Tensor Tensor::sign() const { return heed::sign(*this); }
Tensor Tensor::exp() const { return heed::exp(*this); }
Tensor Tensor::log() const { return heed::log(*this); }
Tensor Tensor::log1p() const { return heed::log1p(*this); }
Tensor Tensor::expm1() const { return heed::expm1(*this); }
Tensor Tensor::sqrt() const { return heed::sqrt(*this); }
Tensor Tensor::rsqrt() const { return heed::rsqrt(*this); }
Tensor Tensor::reciprocal() const { return heed::reciprocal(*this); }
Tensor Tensor::square() const { return heed::square(*this); }
Tensor Tensor::tanh() const { return heed::tanh(*this); }
Tensor Tensor::sigmoid() const { return heed::sigmoid(*this); }
Tensor Tensor::relu() const { return heed::relu(*this); }
Tensor Tensor::erf() const { return heed::erf(*this); }
Tensor Tensor::sin() const { return heed::sin(*this); }
Tensor Tensor::cos() const { return heed::cos(*this); }
Tensor Tensor::clamp(std::optional<Scalar> min, std::optional<Scalar> max) const {
  return heed::clamp(*this, min, max);
}
Tensor Tensor::where(const Tensor& condition, const Tensor& other) const {
  return heed::where(condition, *this, other);
}
Tensor Tensor::masked_fill(const Tensor& mask, Scalar value) const {
  return heed::masked_fill(*this, mask, value);
}
Tensor Tensor::to(DType dtype) const { return heed::to(*this, dtype); }
Tensor Tensor::eq(const Tensor& b) const { return heed::eq(*this, b); }
Tensor Tensor::ne(const Tensor& b) const { return heed::ne(*this, b); }
Tensor Tensor::lt(const Tensor& b) const { return heed::lt(*this, b); }
Tensor Tensor::le(const Tensor& b) const { return heed::le(*this, b); }
Tensor Tensor::gt(const Tensor& b) const { return heed::gt(*this, b); }
Tensor Tensor::ge(const Tensor& b) const { return heed::ge(*this, b); }
Tensor Tensor::eq(Scalar b) const { return heed::eq(*this, b); }
Tensor Tensor::ne(Scalar b) const { return heed::ne(*this, b); }
Tensor Tensor::lt(Scalar b) const { return heed::lt(*this, b); }
Tensor Tensor::le(Scalar b) const { return heed::le(*this, b); }
Tensor Tensor::gt(Scalar b) const { return heed::gt(*this, b); }
Tensor Tensor::ge(Scalar b) const { return heed::ge(*this, b); }
Tensor Tensor::logical_and(const Tensor& b) const { return heed::logical_and(*this, b); }
Tensor Tensor::logical_or(const Tensor& b) const { return heed::logical_or(*this, b); }
Tensor Tensor::logical_xor(const Tensor& b) const { return heed::logical_xor(*this, b); }
Tensor Tensor::logical_not() const { return heed::logical_not(*this); }
Tensor Tensor::isnan() const { return heed::isnan(*this); }
Tensor Tensor::isinf() const { return heed::isinf(*this); }
Tensor Tensor::isfinite() const { return heed::isfinite(*this); }
bool Tensor::equal(const Tensor& b) const { return heed::equal(*this, b); }
bool Tensor::allclose(const Tensor& b, double rtol, double atol, bool equal_nan) const {
  return heed::allclose(*this, b, rtol, atol, equal_nan);
}
Tensor Tensor::sum() const { return heed::sum(*this); }
Tensor Tensor::sum(std::int64_t dim, bool keepdim) const { return heed::sum(*this, dim, keepdim); }
Tensor Tensor::sum(const Dims& dims, bool keepdim) const { return heed::sum(*this, dims, keepdim); }
Tensor Tensor::mean() const { return heed::mean(*this); }
Tensor Tensor::mean(std::int64_t dim, bool keepdim) const {
  return heed::mean(*this, dim, keepdim);
}
Tensor Tensor::mean(const Dims& dims, bool keepdim) const {
  return heed::mean(*this, dims, keepdim);
}
Tensor Tensor::prod() const { return heed::prod(*this); }
Tensor Tensor::prod(std::int64_t dim, bool keepdim) const {
  return heed::prod(*this, dim, keepdim);
}
Tensor Tensor::max() const { return heed::max(*this); }
Tensor Tensor::min() const { return heed::min(*this); }
ValuesIndices Tensor::max(std::int64_t dim, bool keepdim) const {
  return heed::max(*this, dim, keepdim);
}
ValuesIndices Tensor::min(std::int64_t dim, bool keepdim) const {
  return heed::min(*this, dim, keepdim);
}
Tensor Tensor::amax(const Dims& dims, bool keepdim) const {
  return heed::amax(*this, dims, keepdim);
}
Tensor Tensor::amin(const Dims& dims, bool keepdim) const {
  return heed::amin(*this, dims, keepdim);
}
Tensor Tensor::argmax(std::optional<std::int64_t> dim, bool keepdim) const {
  return heed::argmax(*this, dim, keepdim);
}
Tensor Tensor::argmin(std::optional<std::int64_t> dim, bool keepdim) const {
  return heed::argmin(*this, dim, keepdim);
}
Tensor Tensor::var(bool unbiased) const { return heed::var(*this, unbiased); }
Tensor Tensor::var(const Dims& dims, bool unbiased, bool keepdim) const {
  return heed::var(*this, dims, unbiased, keepdim);
}
Tensor Tensor::std(bool unbiased) const { return heed::std(*this, unbiased); }
Tensor Tensor::std(const Dims& dims, bool unbiased, bool keepdim) const {
  return heed::std(*this, dims, unbiased, keepdim);
}
Tensor Tensor::logsumexp(const Dims& dims, bool keepdim) const {
  return heed::logsumexp(*this, dims, keepdim);
}
Tensor Tensor::norm(double p) const { return heed::norm(*this, p); }
Tensor Tensor::norm(double p, const Dims& dims, bool keepdim) const {
  return heed::norm(*this, p, dims, keepdim);
}
Tensor Tensor::cumsum(std::int64_t dim) const { return heed::cumsum(*this, dim); }
Tensor Tensor::all() const { return heed::all(*this); }
Tensor Tensor::all(std::int64_t dim, bool keepdim) const { return heed::all(*this, dim, keepdim); }
Tensor Tensor::any() const { return heed::any(*this); }
Tensor Tensor::any(std::int64_t dim, bool keepdim) const { return heed::any(*this, dim, keepdim); }
ValuesIndices Tensor::topk(std::int64_t k, std::int64_t dim, bool largest, bool sorted) const {
  return heed::topk(*this, k, dim, largest, sorted);
}
ValuesIndices Tensor::sort(std::int64_t dim, bool descending) const {
  return heed::sort(*this, dim, descending);
}
Tensor Tensor::argsort(std::int64_t dim, bool descending) const {
  return heed::argsort(*this, dim, descending);
}
Tensor Tensor::matmul(const Tensor& b) const { return heed::matmul(*this, b); }
Tensor Tensor::mm(const Tensor& b) const { return heed::mm(*this, b); }
Tensor Tensor::bmm(const Tensor& b) const { return heed::bmm(*this, b); }
Tensor Tensor::mv(const Tensor& b) const { return heed::mv(*this, b); }
Tensor Tensor::dot(const Tensor& b) const { return heed::dot(*this, b); }
Tensor Tensor::outer(const Tensor& b) const { return heed::outer(*this, b); }
Tensor Tensor::addmm(const Tensor& a, const Tensor& b, double beta, double alpha) const {
  return heed::addmm(*this, a, b, beta, alpha);
}
Tensor Tensor::baddbmm(const Tensor& a, const Tensor& b, double beta, double alpha) const {
  return heed::baddbmm(*this, a, b, beta, alpha);
}
Tensor Tensor::view(const Dims& sizes) const { return heed::view(*this, sizes); }
Tensor Tensor::reshape(const Dims& sizes) const { return heed::reshape(*this, sizes); }
Tensor Tensor::flatten(std::int64_t start_dim, std::int64_t end_dim) const {
  return heed::flatten(*this, start_dim, end_dim);
}
Tensor Tensor::unflatten(std::int64_t dim, const Dims& sizes) const {
  return heed::unflatten(*this, dim, sizes);
}
Tensor Tensor::transpose(std::int64_t a, std::int64_t b) const {
  return heed::transpose(*this, a, b);
}
Tensor Tensor::t() const { return heed::t(*this); }
Tensor Tensor::permute(const Dims& dims) const { return heed::permute(*this, dims); }
Tensor Tensor::movedim(std::int64_t source, std::int64_t destination) const {
  return heed::movedim(*this, source, destination);
}
Tensor Tensor::movedim(const Dims& source, const Dims& destination) const {
  return heed::movedim(*this, source, destination);
}
Tensor Tensor::squeeze() const { return heed::squeeze(*this); }
Tensor Tensor::squeeze(std::int64_t dim) const { return heed::squeeze(*this, dim); }
Tensor Tensor::unsqueeze(std::int64_t dim) const { return heed::unsqueeze(*this, dim); }
Tensor Tensor::expand(const Dims& sizes) const { return heed::expand(*this, sizes); }
Tensor Tensor::broadcast_to(const Dims& sizes) const { return heed::broadcast_to(*this, sizes); }
Tensor Tensor::repeat(const Dims& repeats) const { return heed::repeat(*this, repeats); }
Tensor Tensor::narrow(std::int64_t dim, std::int64_t start, std::int64_t length) const {
  return heed::narrow(*this, dim, start, length);
}
Tensor Tensor::slice(std::int64_t dim, std::optional<std::int64_t> start,
                     std::optional<std::int64_t> end, std::int64_t step) const {
  return heed::slice(*this, dim, start, end, step);
}
Tensor Tensor::select(std::int64_t dim, std::int64_t index) const {
  return heed::select(*this, dim, index);
}
std::vector<Tensor> Tensor::chunk(std::int64_t chunks, std::int64_t dim) const {
  return heed::chunk(*this, chunks, dim);
}
std::vector<Tensor> Tensor::split(std::int64_t size, std::int64_t dim) const {
  return heed::split(*this, size, dim);
}
std::vector<Tensor> Tensor::split(const std::vector<std::int64_t>& sizes, std::int64_t dim) const {
  return heed::split(*this, sizes, dim);
}
Tensor Tensor::flip(const Dims& dims) const { return heed::flip(*this, dims); }
Tensor Tensor::roll(std::int64_t shift, std::int64_t dim) const {
  return heed::roll(*this, shift, dim);
}
Tensor Tensor::roll(const Dims& shifts, const Dims& dims) const {
  return heed::roll(*this, shifts, dims);
}
Tensor Tensor::roll(std::int64_t shift) const { return heed::roll(*this, shift); }
Tensor Tensor::tril(std::int64_t diagonal) const { return heed::tril(*this, diagonal); }
Tensor Tensor::triu(std::int64_t diagonal) const { return heed::triu(*this, diagonal); }
Tensor Tensor::diagonal(std::int64_t offset, std::int64_t dim1, std::int64_t dim2) const {
  return heed::diagonal(*this, offset, dim1, dim2);
}
Tensor Tensor::contiguous() const { return heed::contiguous(*this); }
Tensor Tensor::clone() const { return heed::clone(*this); }
Tensor Tensor::unfold(std::int64_t dim, std::int64_t size, std::int64_t step) const {
  return heed::unfold(*this, dim, size, step);
}
Tensor Tensor::as_strided(const Dims& sizes, const Dims& strides,
                          std::optional<std::int64_t> offset) const {
  return heed::as_strided(*this, sizes, strides, offset);
}
Tensor Tensor::index(const std::vector<TensorIndex>& indices) const {
  return heed::index(*this, indices);
}
Tensor Tensor::index_select(std::int64_t dim, const Tensor& index) const {
  return heed::index_select(*this, dim, index);
}
Tensor Tensor::gather(std::int64_t dim, const Tensor& index) const {
  return heed::gather(*this, dim, index);
}
Tensor Tensor::scatter_add(std::int64_t dim, const Tensor& index, const Tensor& src) const {
  return heed::scatter_add(*this, dim, index, src);
}
Tensor Tensor::masked_select(const Tensor& mask) const { return heed::masked_select(*this, mask); }
Tensor Tensor::nonzero() const { return heed::nonzero(*this); }
Tensor Tensor::softmax(std::int64_t dim) const { return heed::softmax(*this, dim); }
Tensor Tensor::log_softmax(std::int64_t dim) const { return heed::log_softmax(*this, dim); }

}  // namespace heed
