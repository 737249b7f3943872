// faiss-node 0.5.1 speaks of faiss::idx_t, which FAISS has had only since 1.7.4; before, it was Index::idx_t.
#pragma once
#ifdef __cplusplus
#include <faiss/Index.h>
#if FAISS_VERSION_MAJOR == 1 && (FAISS_VERSION_MINOR < 7 || (FAISS_VERSION_MINOR == 7 && FAISS_VERSION_PATCH < 4))
namespace faiss {
using idx_t = Index::idx_t;
}
#endif
#endif
