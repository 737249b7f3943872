// From how many queries on FAISS hands a flat search to BLAS, set by the environment: with AVX2 kernels the crossing lies
// near 12 queries, and a shard's batches are that size under load (bench/README.md has the figures).
#include <cstdlib>
#include <faiss/utils/distances.h>

namespace {
struct Tuning {
  Tuning() {
    if (const char* value = std::getenv("MAKSDB_FAISS_BLAS_THRESHOLD")) {
      faiss::distance_compute_blas_threshold = std::atoi(value);
    }
  }
} tuning;
}  // namespace
