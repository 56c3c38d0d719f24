// The pieces that in-place operations are made of, and value copies without autograd.
#pragma once

#include "core/tensor.h"

namespace heed::detail {

/// Writes the values of `source`, converted and broadcast, into `target`, whatever the strides of
/// either. No autograd; the version is not raised.
void copy_values(const Tensor& target, const Tensor& source);

/// target += source (broadcast). No autograd; raises the version.
void add_in_place(const Tensor& target, const Tensor& source);

/// Throws where writing into `self` is a mistake: a leaf that requires grad, or a view of one,
/// while grad mode is on; a tensor whose elements share memory.
void check_writable(const Tensor& self);

/// Makes `self` hold `result`, computed out of place from it: values, version and history.
const Tensor& assign(const Tensor& self, const Tensor& result);

/// What `self` was before a write, for operations whose backward needs the old values.
Tensor before_write(const Tensor& self, bool backward_reads_it);

}  // namespace heed::detail
