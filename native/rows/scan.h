// An exact search of the rows of a view: candidates in float32, compared again in double precision.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels.h"
#include "panel-store.h"

namespace maksdb {

/// A bit for each row, row 0 first; rows beyond its end are not in it.
using Mask = std::vector<uint16_t>;

struct Query {
  const float* vector;
  /// How many rows it wants.
  size_t k;
  /// Null: every row.
  std::shared_ptr<const Mask> mask;
};

struct Found {
  uint32_t row;
  /// Squared L2 distance or negated inner product, summed in the order of the values in double precision.
  double distance;
};

/// The nearest rows of a query, by distance and then row: as many as it wants, and those that are as near as the last one. Nothing if
/// more rows lie too close to each other than candidates are kept.
struct Answer {
  bool complete;
  std::vector<Found> found;
};

struct SearchOptions {
  bool l2;
  /// No row of a mask is longer; infinity if only the longest of all rows is known.
  double longest_row;
  const Kernel* kernel;
  /// Where the first passes of all groups are counted; null: nowhere.
  Looked* looked = nullptr;
};

/// A mask of `words` 32-bit words for the rows of a view.
Mask mask_of(const uint32_t* words, size_t count, size_t rows);

std::vector<Answer> search(const PanelView& view, const PanelStore& store, const std::vector<Query>& queries,
                           const SearchOptions& options);

}  // namespace maksdb
