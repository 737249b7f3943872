#include "first-pass.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace maksdb {
namespace {

/// Half of what a value may lose with its lower half, relative to it.
constexpr double CUT = 0x1p-8;
/// Products of two lengths, and squares of one, stay far below the end of float32.
constexpr double LENGTH_MAX = 0x1p60;
/// The first pass does not pay if it leaves more than a share of 3 in 8 for float32.
constexpr size_t LEFT_MAX = 3;
constexpr size_t LEFT_OF = 8;

uint16_t nearest_half(double value) {
  const float single = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &single, sizeof bits);
  bits += 0x7fff + (bits >> 16 & 1);
  const bool normal = (bits & 0x7f800000) != 0;
  return normal ? static_cast<uint16_t>(bits >> 16) : uint16_t{0};
}

double value_of(uint16_t half) {
  const uint32_t bits = static_cast<uint32_t>(half) << 16;
  float single;
  std::memcpy(&single, &bits, sizeof single);
  return single;
}

}  // namespace

ShortQuery shortened(const float* vector, double scale, int dimension, double length) {
  ShortQuery query{{}, 0};
  query.values.reserve(static_cast<size_t>(dimension));
  double squares = 0;
  for (int k = 0; k < dimension; k++) {
    const double wanted = vector[k] * scale * (1 + CUT);
    query.values.push_back(nearest_half(wanted));
    const double off = wanted - value_of(query.values.back());
    squares += off * off;
  }
  // With room for the roundings of these sums.
  query.off = (CUT * length + std::sqrt(squares)) * (1 + 0x1p-20);
  return query;
}

bool short_enough(double query_length, double longest_row) { return query_length <= LENGTH_MAX && longest_row <= LENGTH_MAX; }

std::vector<uint32_t> pairs_of(const std::vector<ShortQuery>& queries, size_t first, size_t count) {
  const auto has_none = [](const ShortQuery& query) { return query.values.empty(); };
  const auto begin = queries.begin() + static_cast<std::ptrdiff_t>(first);
  if (std::any_of(begin, begin + static_cast<std::ptrdiff_t>(count), has_none)) return {};
  const size_t dimension = queries[first].values.size();
  std::vector<uint32_t> pairs((dimension + 1) / 2 * count, 0);
  for (size_t j = 0; j < count; j++)
    for (size_t k = 0; k < dimension; k++)
      pairs[k / 2 * count + j] |= static_cast<uint32_t>(queries[first + j].values[k]) << (k % 2 == 0 ? 0 : 16);
  return pairs;
}

bool FirstPassTurns::due(const Group& group) {
  if (group.pairs.empty()) return false;
  if (wait_ > 0) {
    wait_--;
    return false;
  }
  const auto open = std::count_if(group.candidates.begin(), group.candidates.end(), [](const Candidates* one) {
    return one->first_threshold == -std::numeric_limits<float>::infinity();
  });
  return static_cast<size_t>(open) * LEFT_OF <= group.candidates.size() * LEFT_MAX;
}

void FirstPassTurns::ended(const Looked& looked) {
  if (looked.again * LEFT_OF > looked.panels * LEFT_MAX) {
    wait_ = pause_;
    pause_ *= 2;
  } else {
    pause_ = std::max<size_t>(1, pause_ / 2);
  }
}

}  // namespace maksdb
