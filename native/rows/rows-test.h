// What the tests of the native rows share: drawn numbers, and a search by a plain loop in double precision.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "scan.h"

namespace maksdb {

inline std::mt19937 engine(7);

inline int below(int bound) { return static_cast<int>(engine() % static_cast<unsigned>(bound)); }

/// Ordinary numbers, ties, subnormals, and numbers whose squares are near the ends of float32.
inline float draw(int kind) {
  const float normal = std::normal_distribution<float>()(engine);
  switch (kind) {
    case 0: return normal;
    case 1: return static_cast<float>(below(3));
    case 2: return std::ldexp(static_cast<float>(below(20) - 10), -149);
    case 3: return normal * 1e-20f;
    case 4: return normal * 1e15f;
    default: return 1000.0f + normal * 1e-3f;
  }
}

inline std::vector<float> drawn(size_t count, int kind) {
  std::vector<float> values(count);
  for (float& value : values) value = draw(kind);
  return values;
}

inline double plain_distance(const float* row, const float* query, int dimension, bool l2) {
  double sum = 0;
  for (int k = 0; k < dimension; k++) {
    const double delta = static_cast<double>(query[k]) - row[k];
    sum += l2 ? delta * delta : static_cast<double>(query[k]) * row[k];
  }
  return l2 ? sum : -sum;
}

inline std::vector<Found> plain(const std::vector<float>& rows, const float* query, int dimension, bool l2, size_t k,
                         const std::vector<bool>& there) {
  std::vector<Found> all;
  for (uint32_t row = 0; row < there.size(); row++)
    if (there[row]) all.push_back({row, plain_distance(rows.data() + row * static_cast<size_t>(dimension), query, dimension, l2)});
  std::sort(all.begin(), all.end(), [](const Found& a, const Found& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
  });
  size_t kept = std::min(k, all.size());
  while (kept > 0 && kept < all.size() && all[kept].distance == all[kept - 1].distance) kept++;
  all.resize(kept);
  return all;
}

inline bool same(const Answer& answer, const std::vector<Found>& expected) {
  if (!answer.complete || answer.found.size() != expected.size()) return false;
  for (size_t i = 0; i < expected.size(); i++)
    if (answer.found[i].row != expected[i].row || answer.found[i].distance != expected[i].distance) return false;
  return true;
}

inline void fail(const char* what, const Kernel& kernel, int dimension, size_t rows, size_t queries) {
  std::fprintf(stderr, "%s: kernel %s, %d values, %zu rows, %zu queries\n", what, kernel.name, dimension, rows, queries);
  std::exit(1);
}

/// The `main` of a test: `compare` gets each kernel that runs here and how often to try, and returns how many answers it compared.
template <typename Compare>
int with_each_kernel(int argc, char** argv, Compare compare) {
  const int times = argc > 1 ? std::atoi(argv[1]) : 100;
  size_t compared = 0;
  for (const Kernel& kernel : kernels())
    if (kernel.runs_here()) compared += compare(kernel, times);
  std::printf("%zu answers\n", compared);
  return 0;
}

}  // namespace maksdb
