#include "kernel-bf16.h"

#include "tiles.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace maksdb {

#if defined(__x86_64__)
namespace {

constexpr size_t P = PANEL_ROWS;

#define BF16 __attribute__((target("avx512f,avx512bw,avx512bf16")))

/// The upper halves of two lines side by side: value 2k of each row below value 2k + 1. The lower bits are cut off, not rounded.
BF16 inline __m512bh pairs_of(const float* lines) {
  const __m512i below = _mm512_maskz_srli_epi32(0xFFFF, _mm512_loadu_si512(lines), 16);
  return (__m512bh)_mm512_mask_loadu_epi16(below, 0xAAAAAAAA, lines + P);
}

BF16 inline __m512bh last_of(const float* line) { return (__m512bh)_mm512_maskz_srli_epi32(0xFFFF, _mm512_loadu_si512(line), 16); }

/// Pushes the rows of `passed` whose scores in float32 pass, too.
BF16 __attribute__((noinline)) void score_again(const float* values, const float* bias, size_t panel, int dimension, const float* query,
                                                size_t step, unsigned passed, Candidates& to) {
  constexpr int SUMS = 8;
  __m512 sums[SUMS];
  sums[0] = _mm512_loadu_ps(bias);
  UNROLL for (int s = 1; s < SUMS; s++) sums[s] = _mm512_setzero_ps();
  int k = 0;
  for (; k + SUMS <= dimension; k += SUMS)
    UNROLL for (int s = 0; s < SUMS; s++)
      sums[s] = _mm512_fmadd_ps(_mm512_loadu_ps(values + static_cast<size_t>(k + s) * P),
                                _mm512_set1_ps(query[static_cast<size_t>(k + s) * step]), sums[s]);
  for (; k < dimension; k++)
    sums[0] = _mm512_fmadd_ps(_mm512_loadu_ps(values + static_cast<size_t>(k) * P),
                              _mm512_set1_ps(query[static_cast<size_t>(k) * step]), sums[0]);
  UNROLL for (int s = 1; s < SUMS; s++) sums[0] = _mm512_add_ps(sums[0], sums[s]);
  const __mmask16 nearer = _mm512_mask_cmp_ps_mask(static_cast<__mmask16>(passed), sums[0], _mm512_set1_ps(to.threshold), _CMP_GT_OQ);
  if (nearer == 0) return;
  alignas(64) float scores[P];
  _mm512_store_ps(scores, sums[0]);
  push(to, scores, nearer, panel);
}

/// NP panels and NQ queries. @returns how many times a panel was scored again for a query
template <int NP, int NQ>
BF16 inline size_t tile(const float* values, const float* ahead, const float* bias, size_t panel, int dimension, const Group& group) {
  const size_t stride = P * static_cast<size_t>(dimension);
  const uint32_t* q = group.pairs.data();
  __m512 sums[NQ][NP];
  UNROLL for (int p = 0; p < NP; p++) {
    const __m512 start = _mm512_loadu_ps(bias + p * P);
    // Half of the squared length is there under L2 only; under products it is in the threshold.
    const __m512 length = _mm512_maskz_sqrt_ps(0xFFFF, _mm512_mul_ps(start, _mm512_set1_ps(-2.0f)));
    UNROLL for (int j = 0; j < NQ; j++) sums[j][p] = _mm512_fmadd_ps(length, _mm512_set1_ps(group.candidates[j]->off_by_length), start);
  }
  const int whole = dimension / 2 * 2;
  for (int k = 0; k < whole; k += 2, q += NQ) {
    __m512bh rows[NP];
    UNROLL for (int p = 0; p < NP; p++) {
      rows[p] = pairs_of(values + p * stride + k * P);
      _mm_prefetch(reinterpret_cast<const char*>(ahead + p * stride + k * P), _MM_HINT_T1);
      _mm_prefetch(reinterpret_cast<const char*>(ahead + p * stride + (k + 1) * P), _MM_HINT_T1);
    }
    UNROLL for (int j = 0; j < NQ; j++) {
      const __m512bh pair = (__m512bh)_mm512_set1_epi32(static_cast<int>(q[j]));
      UNROLL for (int p = 0; p < NP; p++) sums[j][p] = _mm512_dpbf16_ps(sums[j][p], rows[p], pair);
    }
  }
  if (whole < dimension) {
    UNROLL for (int p = 0; p < NP; p++) {
      const __m512bh row = last_of(values + p * stride + whole * P);
      UNROLL for (int j = 0; j < NQ; j++) sums[j][p] = _mm512_dpbf16_ps(sums[j][p], row, (__m512bh)_mm512_set1_epi32(static_cast<int>(q[j])));
    }
  }
  size_t again = 0;
  UNROLL for (int j = 0; j < NQ; j++) {
    Candidates& to = *group.candidates[j];
    UNROLL for (int p = 0; p < NP; p++) {
      const __mmask16 passed = _mm512_mask_cmp_ps_mask(group.masks[j][panel + p], sums[j][p],
                                                       _mm512_set1_ps(to.first_threshold), _CMP_GT_OQ);
      if (__builtin_expect(passed == 0, 1)) continue;
      again++;
      score_again(values + p * stride, bias + p * P, panel + p, dimension, group.values.data() + j, NQ, passed, to);
    }
  }
  return again;
}

template <int NP, int NQ>
BF16 Looked scan(const Strip& strip, int dimension, const Group& group) {
  const size_t stride = P * static_cast<size_t>(dimension);
  Looked looked{0, 0};
  size_t p = 0;
  for (; p + NP <= strip.panels; p += NP) {
    if (rows_of_any(group, NQ, strip.first + p, NP) == 0) continue;
    const float* values = strip.values + p * stride;
    looked.again += tile<NP, NQ>(values, values + NP * stride, strip.bias + p * P, strip.first + p, dimension, group);
    looked.panels += NP * NQ;
  }
  for (; p < strip.panels; p++) {
    if (rows_of_any(group, NQ, strip.first + p, 1) == 0) continue;
    const float* values = strip.values + p * stride;
    looked.again += tile<1, NQ>(values, values + AHEAD * P, strip.bias + p * P, strip.first + p, dimension, group);
    looked.panels += NQ;
  }
  return looked;
}

}  // namespace

bool has_avx512_bf16() { return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512bf16"); }

FirstPass first_pass_of(size_t queries) {
  switch (queries) {
    case 12: return scan<2, 12>;
    case 8: return scan<3, 8>;
    case 6: return scan<4, 6>;
    case 4: return scan<6, 4>;
    default: return nullptr;
  }
}

#else

bool has_avx512_bf16() { return false; }
FirstPass first_pass_of(size_t) { return nullptr; }

#endif

}  // namespace maksdb
