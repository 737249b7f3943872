// The candidates of one query: rows whose float32 score leaves it open whether they are among the k nearest. A score is
// q.x for inner products and q.x - |x|^2/2 for L2; greater is nearer.
//
// The bound (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1 and 4.2): a score of d products, summed in
// any order, with or without fused multiply-adds, starting from a rounded bias, is off by at most
//   g * (|bias| + |q| |x|) + underflow,   g = n u / (1 - n u), n = d + 2, u = 2^-24.
// k candidates of score t or more prove that the k-th nearest row is no farther than `farthest`; a row that is as near has at
// least the score `least`. What scores lower is dropped, and only that. See shard-server/DESIGN.md (S7).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace maksdb {

/// Scores that leave a row out.
struct Least {
  float score;
  /// Of a first pass in 16 bits, which adds to each row's score what is off by its length (`off_by_length`).
  float first;
};

struct ErrorBound {
  bool l2;
  /// |q|, in double precision.
  double query_length;
  /// No row that may be found is longer.
  double longest_row;
  /// By how much a first pass is off for each unit of a row's length, without the rounding of sums.
  double first_off;
  double gamma;
  double first_gamma;
  double underflow;

  ErrorBound(bool l2_, int dimension, double query_length_, double longest_row_, double first_off_)
      : l2(l2_), query_length(query_length_), longest_row(longest_row_), first_off(first_off_) {
    gamma = gamma_of(dimension + 2);
    first_gamma = gamma_of(2 * (dimension + 4));
    underflow = (dimension + 2) * SMALLEST * (1 + query_length) * (1 + longest_row);
  }

  /// How far the score of a row of this length may be off.
  double error(double row_length) const {
    const double norm = l2 ? row_length * row_length / 2 : 0;
    return gamma * (norm + query_length * row_length) + underflow;
  }

  /// The score of a first pass, without `off_by_length`.
  double first_error(double row_length) const {
    const double norm = l2 ? row_length * row_length / 2 : 0;
    // The halves of a query and its rows are longer than they are, by less than 2^-6 together.
    const double sums = first_gamma * (norm + (query_length * (1 + 0x1p-6) + first_off) * row_length) + underflow;
    return sums + first_off * (l2 ? SHORTEST : row_length);
  }

  /// What a first pass adds to a row's score for each unit of its length, which it knows under L2.
  float off_by_length() const { return l2 ? static_cast<float>(first_off * (1 + 8 * UNIT)) : 0; }

  /// The scores below which no row is among the k nearest, if k rows have the score `kth` or more.
  Least least(float kth) const {
    if (!l2) return {rounded_down(kth - 2 * error(longest_row)), rounded_down(kth - error(longest_row) - first_error(longest_row))};
    // No row at the distance D is longer than |q| + sqrt(D).
    const double distance = std::max(0.0, farthest(kth));
    const double length = std::min(longest_row, query_length + std::sqrt(distance));
    const double exact = (query_length * query_length - distance) / 2;
    return {rounded_down(exact - error(length)), rounded_down(exact - first_error(length))};
  }

 private:
  static constexpr double UNIT = 1.0 / (1 << 24);
  /// Below it float32 has fewer digits, or none where a processor takes subnormals for zero.
  static constexpr double SMALLEST = 0x1p-123;
  /// Of the few double precision operations of this file, relative to their greatest operand.
  static constexpr double DOUBLES = 0x1p-48;
  /// A row whose half of a squared length is no float32 is not longer.
  static constexpr double SHORTEST = 0x1p-62;

  static double gamma_of(double roundings) { return roundings * UNIT / (1 - roundings * UNIT); }

  /// With room for the roundings of this very computation.
  float rounded_down(double threshold) const {
    threshold -= std::abs(threshold) * 4 * UNIT + query_length * query_length * DOUBLES + SMALLEST;
    return std::nextafter(static_cast<float>(threshold), -std::numeric_limits<float>::infinity());
  }

  /// Squared distance that the k-th nearest row does not exceed: D <= |q|^2 - 2 kth + 2 error(|q| + sqrt(D)), solved with
  /// 2 |q| sqrt(D) <= |q|^2 + D.
  double farthest(float kth) const {
    const double squared = query_length * query_length;
    const double by_query = (squared - 2 * static_cast<double>(kth) + gamma * 5 * squared + 2 * underflow) / (1 - 3 * gamma);
    const double by_rows = squared - 2 * static_cast<double>(kth) + 2 * error(longest_row);
    return std::min(by_query, by_rows);
  }
};

/// Where kernels put what passes a query's threshold.
struct Candidates {
  /// Rows score above it; grows with what is found.
  float threshold = -std::numeric_limits<float>::infinity();
  /// The same for the scores of a first pass.
  float first_threshold = -std::numeric_limits<float>::infinity();
  /// What a first pass adds to the score of a row, for each unit of its length.
  const float off_by_length;
  size_t count = 0;
  std::vector<float> scores;
  std::vector<uint32_t> rows;
  /// False if more rows were too close to each other than are kept: then the candidates prove nothing.
  bool complete = true;

  Candidates(size_t k, const ErrorBound& bound)
      : off_by_length(bound.off_by_length()), k_(std::max<size_t>(1, k)), limit_(std::max(LIMIT_MIN, 4 * k)), bound_(bound) {
    resize(std::max<size_t>(64, 2 * k));
  }

  /// Called when `count` has reached `full`: makes room.
  void make_room() {
    tighten();
    if (2 * count <= full) return;
    if (full < limit_) return resize(std::min(limit_, 2 * full));
    complete = false;
    threshold = std::numeric_limits<float>::infinity();
    first_threshold = threshold;
    count = 0;
  }

  /// Drops what is proven not to be among the nearest.
  void tighten() {
    if (count <= k_) return;
    std::vector<float> order(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(count));
    const auto kth = order.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::nth_element(order.begin(), kth, order.end(), [](float a, float b) { return a > b; });
    const Least least = bound_.least(*kth);
    threshold = std::max(threshold, least.score);
    first_threshold = std::max(first_threshold, least.first);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
      if (!(scores[i] > threshold)) continue;
      scores[kept] = scores[i];
      rows[kept++] = rows[i];
    }
    count = kept;
  }

  /// Up to here kernels push, a panel at a time; there is room for one more.
  size_t full;

 private:
  /// Of the rows that one query keeps; more are kept only if four times `k` is.
  static constexpr size_t LIMIT_MIN = 16384;
  static constexpr size_t SLACK = 16;

  void resize(size_t size) {
    full = size;
    scores.resize(size + SLACK);
    rows.resize(size + SLACK);
  }

  const size_t k_;
  const size_t limit_;
  const ErrorBound bound_;
};

}  // namespace maksdb
