// All rows.
#pragma once

#include "compare.h"
#include "elementwise.h"
#include "linear_algebra.h"
#include "neural.h"
#include "reduce.h"
#include "shape.h"

namespace heed::testing {

inline std::vector<Row> table() {
  std::vector<Row> rows;
  for (auto family : {arithmetic_rows(), elementwise_rows(), comparison_rows(), reduction_rows(),
                      product_rows(), shape_rows(), index_rows(), neural_rows(), loss_rows()}) {
    rows.insert(rows.end(), family.begin(), family.end());
  }
  return rows;
}

}  // namespace heed::testing
