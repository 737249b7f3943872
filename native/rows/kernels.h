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
  /// Their values in 16 bits, value 2k below value 2k + 1: of query j at `k * size + j`. Empty if there is no first pass.
  std::vector<uint32_t> pairs;
};

/// What a first pass did, counted in panels times queries.
struct Looked {
  size_t panels;
  /// Scored again in float32.
  size_t again;

  void operator+=(const Looked& other) {
    panels += other.panels;
    again += other.again;
  }
};

/// Panels that lie one behind the other.
struct Strip {
  const float* values;
  const float* bias;
  size_t panels;
  /// Number of the first panel.
  size_t first;
};

using FirstPass = Looked (*)(const Strip&, int dimension, const Group&);

/// Queries of a group, and the functions that compare them with a strip.
struct GroupSize {
  size_t queries;
  void (*scan)(const Strip&, int dimension, const Group&);
  /// The same in 16 bits first (`first-pass.h`); null if the kernel has none for so many queries.
  FirstPass first_pass;
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
