#include "panel-index.h"

#include <faiss/impl/FaissAssert.h>
#ifdef MAKSDB_FAISS_SELECTORS
#include <faiss/impl/IDSelector.h>
#endif

#include <limits>

namespace maksdb {

PanelIndex::PanelIndex(int dimension, faiss::MetricType metric, const Kernel* kernel, size_t chunk_rows)
    : faiss::Index(dimension, metric), store_(dimension, metric == faiss::METRIC_L2, chunk_rows), kernel_(kernel) {
  FAISS_THROW_IF_NOT_MSG(metric == faiss::METRIC_L2 || metric == faiss::METRIC_INNER_PRODUCT,
                         "rows in panels are compared by L2 and by inner product only");
  is_trained = true;
}

void PanelIndex::add(idx_t n, const float* x) {
  store_.append(x, static_cast<size_t>(n));
  ntotal = static_cast<idx_t>(store_.rows());
}

bool PanelIndex::drop_first() {
  const bool dropped = store_.drop_first();
  ntotal = static_cast<idx_t>(store_.rows());
  return dropped;
}

void PanelIndex::reset() {
  store_.clear();
  ntotal = 0;
}

void PanelIndex::reconstruct(idx_t key, float* recons) const { reconstruct_n(key, 1, recons); }

void PanelIndex::reconstruct_n(idx_t first, idx_t count, float* recons) const {
  FAISS_THROW_IF_NOT(first >= 0 && count >= 0 && first + count <= ntotal);
  store_.read(static_cast<size_t>(first), static_cast<size_t>(count), recons);
}

#ifdef MAKSDB_FAISS_SELECTORS
void PanelIndex::search(idx_t n, const float* x, idx_t k, float* distances, idx_t* labels,
                        const faiss::SearchParameters* params) const {
  std::shared_ptr<Mask> mask;
  if (params != nullptr && params->sel != nullptr) {
    mask = std::make_shared<Mask>((static_cast<size_t>(ntotal) + PANEL_ROWS - 1) / PANEL_ROWS, uint16_t{0});
    for (idx_t row = 0; row < ntotal; row++)
      if (params->sel->is_member(row)) (*mask)[row / PANEL_ROWS] |= static_cast<uint16_t>(1u << row % PANEL_ROWS);
  }
  search_masked(n, x, k, distances, labels, mask);
}
#else
void PanelIndex::search(idx_t n, const float* x, idx_t k, float* distances, idx_t* labels) const {
  search_masked(n, x, k, distances, labels, nullptr);
}
#endif

void PanelIndex::search_masked(idx_t n, const float* x, idx_t k, float* distances, idx_t* labels,
                               std::shared_ptr<const Mask> mask) const {
  FAISS_THROW_IF_NOT(k > 0);
  std::vector<Query> queries;
  for (idx_t i = 0; i < n; i++) queries.push_back({x + i * d, static_cast<size_t>(k), mask});
  const SearchOptions options{l2(), std::numeric_limits<double>::infinity(), kernel_};
  const std::vector<Answer> answers = maksdb::search(store_.view(), store_, queries, options);
  const float beyond = l2() ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity();
  for (idx_t i = 0; i < n; i++) {
    const Answer& answer = answers[static_cast<size_t>(i)];
    FAISS_THROW_IF_NOT_MSG(answer.complete, "too many rows are as near as each other");
    for (idx_t j = 0; j < k; j++) {
      const bool there = static_cast<size_t>(j) < answer.found.size();
      const Found found = there ? answer.found[static_cast<size_t>(j)] : Found{0, 0};
      labels[i * k + j] = there ? static_cast<idx_t>(found.row) : -1;
      distances[i * k + j] = !there ? beyond : static_cast<float>(l2() ? found.distance : -found.distance);
    }
  }
}

}  // namespace maksdb
