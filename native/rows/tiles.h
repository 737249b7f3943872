// What the kernels of all instruction sets share.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels.h"
#include "panel-store.h"

#define UNROLL _Pragma("GCC unroll 16")

namespace maksdb {

/// Values of a panel that are read ahead where the next panel is not known: two kilobytes.
constexpr size_t AHEAD = 32;

inline uint16_t rows_of_any(const Group& group, size_t queries, size_t panel, size_t panels) {
  uint16_t any = 0;
  for (size_t j = 0; j < queries; j++)
    for (size_t p = 0; p < panels; p++) any |= group.masks[j][panel + p];
  return any;
}

/// How many of the panels have rows of any mask.
inline int panels_of_any(const Group& group, size_t queries, size_t panel, size_t panels) {
  int count = 0;
  for (size_t p = 0; p < panels; p++) count += rows_of_any(group, queries, panel + p, 1) != 0;
  return count;
}

/// Pushes the rows of a panel whose bits are set. Rarely called; within a tile it would take the registers of its sums, and the tile 1.4 times as long.
__attribute__((noinline)) inline void push(Candidates& to, const float* scores, unsigned bits, size_t panel) {
  for (; bits != 0; bits &= bits - 1) {
    const unsigned lane = static_cast<unsigned>(__builtin_ctz(bits));
    to.scores[to.count] = scores[lane];
    to.rows[to.count++] = static_cast<uint32_t>(panel * PANEL_ROWS + lane);
  }
  if (to.count >= to.full) to.make_room();
}

}  // namespace maksdb
