// Quantiles of random values of all sizes, next to those of the sorted values. Prints how many were compared.
#include <cstdio>
#include <cstdlib>
#include <random>

#include "histogram.h"

int main() {
  std::mt19937_64 random(1);
  size_t compared = 0;
  for (int bits = 1; bits <= 40; bits++) {
    maksdb::Histogram histogram;
    std::vector<uint64_t> values;
    for (int i = 0; i < 2'000; i++) {
      values.push_back(random() & ((uint64_t{1} << (1 + random() % static_cast<uint64_t>(bits))) - 1));
      histogram.record(static_cast<int64_t>(values.back()));
    }
    std::sort(values.begin(), values.end());
    for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const auto exact = values[static_cast<size_t>(std::ceil(share * 2'000)) - 1];
      const uint64_t told = histogram.quantile(share);
      compared++;
      if (told >= exact && static_cast<double>(told - exact) <= static_cast<double>(exact) / 1'000) continue;
      std::printf("the quantile %g of values of %d bits is %llu, not %llu\n", share, bits,
                  static_cast<unsigned long long>(told), static_cast<unsigned long long>(exact));
      return 1;
    }
    if (histogram.max() != values.back() || histogram.count() != values.size()) return 1;
  }
  std::printf("%zu quantiles\n", compared);
}
