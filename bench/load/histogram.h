// Latencies in the buckets of HdrHistogram (Gil Tene): exact below 2,048 ns, above it 1,024 buckets to each power of two, so
// that a quantile is off by less than a thousandth.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace maksdb {

class Histogram {
 public:
  Histogram() : counts_(index_of(LARGEST) + 1) {}

  /// A value below 0 counts as 0, and one above 18 minutes as that, but for `max`.
  void record(int64_t nanoseconds) {
    const uint64_t value = nanoseconds < 0 ? 0 : static_cast<uint64_t>(nanoseconds);
    counts_[index_of(std::min(value, LARGEST))]++;
    count_++;
    max_ = std::max(max_, value);
  }

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }

  /// The least value that at least this share of all values do not exceed; 0 if there are none.
  /// @param share from 0 to 1
  uint64_t quantile(double share) const {
    const auto rank = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_))));
    uint64_t seen = 0;
    for (size_t index = 0; index < counts_.size(); index++) {
      seen += counts_[index];
      if (seen >= rank) return std::min(highest_of(index), max_);
    }
    return max_;
  }

 private:
  static constexpr uint64_t HALF = 1024;
  static constexpr int HALF_BITS = 10;
  static constexpr uint64_t LARGEST = (uint64_t{1} << 40) - 1;

  static int shift_of(uint64_t value) {
    return value < 2 * HALF ? 0 : 63 - __builtin_clzll(value) - HALF_BITS;
  }

  static size_t index_of(uint64_t value) {
    const int shift = shift_of(value);
    return static_cast<size_t>(shift) * HALF + static_cast<size_t>(value >> shift);
  }

  /// The highest value of a bucket.
  static uint64_t highest_of(size_t index) {
    if (index < 2 * HALF) return index;
    const auto shift = static_cast<int>(index / HALF) - 1;
    return ((index - static_cast<size_t>(shift) * HALF + 1) << shift) - 1;
  }

  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace maksdb
