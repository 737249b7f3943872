// A flat index of FAISS whose rows lie in panels: what FAISS does with an index works on them, too.
#pragma once
#include <faiss/Index.h>

#include "scan.h"

namespace maksdb {

#if FAISS_VERSION_MAJOR > 1 || FAISS_VERSION_MINOR > 7 || FAISS_VERSION_PATCH >= 3
#define MAKSDB_FAISS_SELECTORS 1
#endif

/// FAISS counts the rows that are there from 0 on, however many were dropped.
class PanelIndex : public faiss::Index {
 public:
  using idx_t = faiss::Index::idx_t;

  /// @param kernel one that runs on this processor
  /// @param chunk_rows see `PanelStore`
  PanelIndex(int dimension, faiss::MetricType metric, const Kernel* kernel, size_t chunk_rows = 0);

  void add(idx_t n, const float* x) override;
  /// Distances are FAISS': squared L2 distances, or inner products. With fewer than k rows the rest has the label -1.
#ifdef MAKSDB_FAISS_SELECTORS
  void search(idx_t n, const float* x, idx_t k, float* distances, idx_t* labels,
              const faiss::SearchParameters* params = nullptr) const override;
#else
  void search(idx_t n, const float* x, idx_t k, float* distances, idx_t* labels) const override;
#endif
  void reset() override;
  /// Drops the oldest chunk; false if it is not full.
  bool drop_first();
  void reconstruct(idx_t key, float* recons) const override;
  void reconstruct_n(idx_t first, idx_t count, float* recons) const override;

  PanelStore& store() { return store_; }
  const PanelStore& store() const { return store_; }
  bool l2() const { return metric_type == faiss::METRIC_L2; }
  const Kernel& kernel() const { return *kernel_; }

 private:
  void search_masked(idx_t n, const float* x, idx_t k, float* distances, idx_t* labels,
                     std::shared_ptr<const Mask> mask) const;

  PanelStore store_;
  const Kernel* kernel_;
};

}  // namespace maksdb
