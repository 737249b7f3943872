// A first pass in 16 bits (bfloat16) for processors with AVX512-BF16, which have products of them at twice the rate of those
// of float32. It finds the panels that have a row which may be among a query's nearest; these are scored again in float32.
#pragma once
#include "kernels.h"

namespace maksdb {

bool has_avx512_bf16();

/// The pass for so many queries; null if there is none.
FirstPass first_pass_of(size_t queries);

}  // namespace maksdb
