#include "kernels.h"

#include <cstring>

#include "kernel-bf16.h"
#include "tiles.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace maksdb {
namespace {

constexpr size_t P = PANEL_ROWS;

#if defined(__x86_64__)

#define AVX512 __attribute__((target("avx512f")))
#define AVX2 __attribute__((target("avx2,fma")))

/// NP panels and NQ queries: as many accumulators as there are registers beside the rows and a query's value.
/// @param ahead what is to be in the cache next: NP panels, or their last values
template <int NP, int NQ>
AVX512 inline void tile_avx512(const float* values, const float* ahead, const float* bias, size_t panel, int dimension, const Group& group) {
  const size_t stride = P * static_cast<size_t>(dimension);
  const float* q = group.values.data();
  __m512 sums[NQ][NP];
  UNROLL for (int p = 0; p < NP; p++) {
    const __m512 start = _mm512_loadu_ps(bias + p * P);
    UNROLL for (int j = 0; j < NQ; j++) sums[j][p] = start;
  }
  for (int k = 0; k < dimension; k++) {
    __m512 rows[NP];
    UNROLL for (int p = 0; p < NP; p++) {
      rows[p] = _mm512_loadu_ps(values + p * stride + k * P);
      // The panels of the next tile: rows come from memory once a group. They go to the second-level cache, for those of this
      // tile fill the first: with the first-level hint, one query took 1.5 times as long on an EPYC, and eight 1.8 times.
      _mm_prefetch(reinterpret_cast<const char*>(ahead + p * stride + k * P), _MM_HINT_T1);
    }
    UNROLL for (int j = 0; j < NQ; j++) {
      const __m512 value = _mm512_set1_ps(q[k * NQ + j]);
      UNROLL for (int p = 0; p < NP; p++) sums[j][p] = _mm512_fmadd_ps(rows[p], value, sums[j][p]);
    }
  }
  UNROLL for (int j = 0; j < NQ; j++) {
    Candidates& to = *group.candidates[j];
    UNROLL for (int p = 0; p < NP; p++) {
      const __mmask16 passed = _mm512_mask_cmp_ps_mask(group.masks[j][panel + p], sums[j][p],
                                                       _mm512_set1_ps(to.threshold), _CMP_GT_OQ);
      if (__builtin_expect(passed == 0, 1)) continue;
      alignas(64) float scores[P];
      _mm512_store_ps(scores, sums[j][p]);
      push(to, scores, passed, panel + p);
    }
  }
}

/// The panels that have rows of a mask, one by one: the others are not read, not even ahead.
template <int NQ>
AVX512 inline void each_avx512(const Strip& strip, size_t from, size_t to, int dimension, const Group& group) {
  const size_t stride = P * static_cast<size_t>(dimension);
  for (size_t p = from; p < to; p++) {
    if (rows_of_any(group, NQ, strip.first + p, 1) == 0) continue;
    const float* values = strip.values + p * stride;
    tile_avx512<1, NQ>(values, values + AHEAD * P, strip.bias + p * P, strip.first + p, dimension, group);
  }
}

template <int NP, int NQ>
AVX512 void scan_avx512(const Strip& strip, int dimension, const Group& group) {
  const size_t stride = P * static_cast<size_t>(dimension);
  size_t p = 0;
  for (; p + NP <= strip.panels; p += NP) {
    if (rows_of_any(group, NQ, strip.first + p, NP) == 0) continue;
    const float* values = strip.values + p * stride;
    if (panels_of_any(group, NQ, strip.first + p, NP) > NP / 2)
      tile_avx512<NP, NQ>(values, values + NP * stride, strip.bias + p * P, strip.first + p, dimension, group);
    else
      each_avx512<NQ>(strip, p, p + NP, dimension, group);
  }
  each_avx512<NQ>(strip, p, strip.panels, dimension, group);
}

template <int NQ>
AVX2 void scan_avx2(const Strip& strip, int dimension, const Group& group) {
  const size_t stride = P * static_cast<size_t>(dimension);
  const float* q = group.values.data();
  for (size_t p = 0; p < strip.panels; p++) {
    const size_t panel = strip.first + p;
    if (rows_of_any(group, NQ, panel, 1) == 0) continue;
    const float* values = strip.values + p * stride;
    __m256 sums[NQ][2];
    UNROLL for (int half = 0; half < 2; half++) {
      const __m256 start = _mm256_loadu_ps(strip.bias + p * P + half * 8);
      UNROLL for (int j = 0; j < NQ; j++) sums[j][half] = start;
    }
    for (int k = 0; k < dimension; k++) {
      const __m256 low = _mm256_loadu_ps(values + k * P);
      const __m256 high = _mm256_loadu_ps(values + k * P + 8);
      _mm_prefetch(reinterpret_cast<const char*>(values + stride + k * P), _MM_HINT_T0);
      UNROLL for (int j = 0; j < NQ; j++) {
        const __m256 value = _mm256_broadcast_ss(q + k * NQ + j);
        sums[j][0] = _mm256_fmadd_ps(low, value, sums[j][0]);
        sums[j][1] = _mm256_fmadd_ps(high, value, sums[j][1]);
      }
    }
    UNROLL for (int j = 0; j < NQ; j++) {
      Candidates& to = *group.candidates[j];
      const __m256 threshold = _mm256_set1_ps(to.threshold);
      const unsigned low = _mm256_movemask_ps(_mm256_cmp_ps(sums[j][0], threshold, _CMP_GT_OQ));
      const unsigned high = _mm256_movemask_ps(_mm256_cmp_ps(sums[j][1], threshold, _CMP_GT_OQ));
      const unsigned passed = (low | high << 8) & group.masks[j][panel];
      if (__builtin_expect(passed == 0, 1)) continue;
      alignas(32) float scores[P];
      _mm256_store_ps(scores, sums[j][0]);
      _mm256_store_ps(scores + 8, sums[j][1]);
      push(to, scores, passed, panel);
    }
  }
}

#endif

/// Four floats, in the registers that every processor of today has: SSE's and NEON's.
typedef float Four __attribute__((vector_size(16)));

inline Four four(const float* from) {
  Four value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

inline Four multiply_add(Four a, float b, Four sum) {
#if defined(__aarch64__)
  return vfmaq_n_f32(sum, a, b);
#else
  return sum + a * Four{b, b, b, b};
#endif
}

template <int NQ>
void scan_portable(const Strip& strip, int dimension, const Group& group) {
  const size_t stride = P * static_cast<size_t>(dimension);
  const float* q = group.values.data();
  for (size_t p = 0; p < strip.panels; p++) {
    const size_t panel = strip.first + p;
    if (rows_of_any(group, NQ, panel, 1) == 0) continue;
    const float* values = strip.values + p * stride;
    Four sums[NQ][4];
    UNROLL for (int part = 0; part < 4; part++) {
      const Four start = four(strip.bias + p * P + part * 4);
      UNROLL for (int j = 0; j < NQ; j++) sums[j][part] = start;
    }
    for (int k = 0; k < dimension; k++) {
      const float* column = values + k * P;
      __builtin_prefetch(column + stride);
      UNROLL for (int j = 0; j < NQ; j++) {
        const float value = q[k * NQ + j];
        UNROLL for (int part = 0; part < 4; part++) sums[j][part] = multiply_add(four(column + part * 4), value, sums[j][part]);
      }
    }
    UNROLL for (int j = 0; j < NQ; j++) {
      Candidates& to = *group.candidates[j];
      float scores[P];
      std::memcpy(scores, sums[j], sizeof scores);
      unsigned passed = 0;
      for (unsigned lane = 0; lane < P; lane++) passed |= static_cast<unsigned>(scores[lane] > to.threshold) << lane;
      passed &= group.masks[j][panel];
      if (__builtin_expect(passed == 0, 1)) continue;
      push(to, scores, passed, panel);
    }
  }
}

bool always() { return true; }
#if defined(__x86_64__)
bool has_avx512() { return __builtin_cpu_supports("avx512f"); }
bool has_first_pass() { return has_avx512() && has_avx512_bf16(); }
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

#if defined(__x86_64__)
std::vector<GroupSize> sizes_avx512(bool first_pass) {
  std::vector<GroupSize> sizes{{12, scan_avx512<2, 12>, nullptr},
                               {8, scan_avx512<3, 8>, nullptr},
                               {6, scan_avx512<4, 6>, nullptr},
                               {4, scan_avx512<4, 4>, nullptr},
                               {3, scan_avx512<4, 3>, nullptr},
                               {2, scan_avx512<6, 2>, nullptr},
                               {1, scan_avx512<8, 1>, nullptr}};
  if (first_pass)
    for (GroupSize& size : sizes) size.first_pass = first_pass_of(size.queries);
  return sizes;
}
#endif

}  // namespace

const std::vector<Kernel>& kernels() {
  static const std::vector<Kernel> all{
#if defined(__x86_64__)
      {"avx512-bf16", has_first_pass, sizes_avx512(true)},
      {"avx512", has_avx512, sizes_avx512(false)},
      {"avx2",
       has_avx2,
       {{6, scan_avx2<6>, nullptr},
        {5, scan_avx2<5>, nullptr},
        {4, scan_avx2<4>, nullptr},
        {3, scan_avx2<3>, nullptr},
        {2, scan_avx2<2>, nullptr},
        {1, scan_avx2<1>, nullptr}}},
#endif
      {"portable",
       always,
       {{3, scan_portable<3>, nullptr}, {2, scan_portable<2>, nullptr}, {1, scan_portable<1>, nullptr}}},
  };
  return all;
}

const Kernel* kernel_of(const char* name) {
  for (const Kernel& kernel : kernels())
    if (kernel.runs_here() && (name == nullptr || std::strcmp(kernel.name, name) == 0)) return &kernel;
  return nullptr;
}

}  // namespace maksdb
