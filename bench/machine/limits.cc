// What one core of this machine can do at most. `limits sgemm`: products of two square matrices by OpenBLAS, in GFLOPS, and
// the name of its kernel. `limits read`: reads of an array far beyond the caches, in GB/s. Each is the best of many runs.
#include <cblas.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" char* openblas_get_corename();

namespace {

constexpr int MATRIX = 1'536;
constexpr size_t ARRAY_BYTES = size_t{1} << 30;
constexpr double LEAST_SECONDS = 1.0;
constexpr int LEAST_RUNS = 5;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// CPU seconds of the fastest run: what other programs do on the same core does not count.
template <class Work>
double fastest(const Work& work) {
  double best = 1e9;
  double sum = 0;
  for (int run = 0; run < LEAST_RUNS || sum < LEAST_SECONDS; run++) {
    const double begun = cpu_seconds();
    work();
    const double seconds = cpu_seconds() - begun;
    best = std::min(best, seconds);
    sum += seconds;
  }
  return best;
}

void sgemm() {
  std::vector<float> a(MATRIX * MATRIX, 0.5f), b(MATRIX * MATRIX, 0.25f), c(MATRIX * MATRIX);
  const double seconds = fastest([&] {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, MATRIX, MATRIX, MATRIX, 1.0f, a.data(), MATRIX, b.data(), MATRIX, 0.0f,
                c.data(), MATRIX);
  });
  std::printf("{\"gflops\":%.3f,\"core\":\"%s\"}\n", 2e-9 * MATRIX * MATRIX * MATRIX / seconds, openblas_get_corename());
}

void read() {
  void* mapping = mmap(nullptr, ARRAY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) throw std::runtime_error("no memory");
  // As the rows lie: pages of 2 MiB where the system gives them.
  madvise(mapping, ARRAY_BYTES, MADV_HUGEPAGE);
  std::memset(mapping, 1, ARRAY_BYTES);
  const auto* values = static_cast<const uint64_t*>(mapping);
  constexpr size_t LANES = 64;
  uint64_t sums[LANES] = {};
  const double seconds = fastest([&] {
    for (size_t at = 0; at < ARRAY_BYTES / sizeof *values; at += LANES)
      for (size_t lane = 0; lane < LANES; lane++) sums[lane] += values[at + lane];
  });
  // Printed, so that no compiler leaves the sums out.
  uint64_t sum = 0;
  for (const uint64_t one : sums) sum += one;
  std::printf("{\"gigabytes\":%.3f,\"sum\":\"%llx\"}\n", 1e-9 * ARRAY_BYTES / seconds, static_cast<unsigned long long>(sum));
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && std::string(arguments[1]) == "sgemm") sgemm();
  else read();
}
