// A first pass in 16 bits (bfloat16: the upper half of a float32), which finds the rows that float32 has to look at.
//
// The bound. A row is read as the upper halves x' of its values: each is x'(1 + e) with 0 <= e < 2^-7, so with the middle
// c = 1 + 2^-8 of that, |x - c x'| <= 2^-8 |x|. A query q becomes q', the values of c q rounded to 16 bits, and how far that
// is off is measured: |c q - q'|. By Cauchy and Schwarz
//   |q.x - q'.x'| <= |q.(x - c x')| + |x'.(c q - q')| <= (2^-8 |q| + |c q - q'|) |x|.
// Products of 16 bits are exact in float32. The sums are not: `vdpbf16ps` rounds to the nearest, in an order that we do not rely
// on, at most twice a product; and it takes subnormals for zero, which is off by less than 2^-126 a value, a product and a sum.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels.h"

namespace maksdb {

/// A smaller batch waits for memory, which the first pass reads as float32 does.
constexpr size_t FIRST_PASS_QUERIES_MIN = 8;

/// A query in 16 bits.
struct ShortQuery {
  std::vector<uint16_t> values;
  /// The score of a row of the length l is off by `off * l` at most, without the rounding of sums. In double precision.
  double off;
};

/// @param length of the query after it was scaled
ShortQuery shortened(const float* vector, double scale, int dimension, double length);

/// Whether nothing of the first pass can overflow.
bool short_enough(double query_length, double longest_row);

/// The values of the queries of a group as `Group::pairs` has them; none if one of the queries has none.
std::vector<uint32_t> pairs_of(const std::vector<ShortQuery>& queries, size_t first, size_t count);

/// Of one group: which strips begin with the first pass. It pays where it leaves few panels for float32: not while thresholds
/// are not known, and not where most rows are about as near as the nearest.
class FirstPassTurns {
 public:
  bool due(const Group& group);
  void ended(const Looked& looked);

 private:
  /// Strips that go without it.
  size_t wait_ = 0;
  /// Of the next time that it did not pay: doubled each time, so that data on which it never pays costs a few strips.
  size_t pause_ = 1;
};

}  // namespace maksdb
