// The kernels: each compares the queries of a group with panels of rows, and pushes the rows whose scores pass a query's
// threshold. One source in several shapes for the instruction sets of processors, of which one is chosen at run time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "candidates.h"

namespace maksdb {

/// Queries that go through the rows together.
struct Group {
  /// Their values side by side: value k of query j at `k * size + j`.
  std::vector<float> values;
  std::vector<Candidates*> candidates;
  /// Of each query a bit for each row, 16 to a panel: which rows it may find.
  std::vector<const uint16_t*> masks;
};

/// Panels that lie one behind the other.
struct Strip {
  const float* values;
  const float* bias;
  size_t panels;
  /// Number of the first panel.
  size_t first;
};

/// Queries of a group, and the function that compares them with a strip.
struct GroupSize {
  size_t queries;
  void (*scan)(const Strip&, int dimension, const Group&);
};

struct Kernel {
  const char* name;
  bool (*runs_here)();
  /// Greatest first; the last one is of one query.
  std::vector<GroupSize> sizes;
};

/// Fastest first; the last one, "portable", runs everywhere.
const std::vector<Kernel>& kernels();

/// The fastest kernel that this processor runs, or the one of this name; null if there is none.
const Kernel* kernel_of(const char* name = nullptr);

}  // namespace maksdb
