#include "scan.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "first-pass.h"

namespace maksdb {
namespace {

/// Rows of one block stay in the second-level cache while the groups of a batch go through them.
constexpr size_t BLOCK_BYTES = size_t{512} << 10;

double length_of(const float* vector, int dimension) {
  double squares = 0;
  for (int k = 0; k < dimension; k++) squares += static_cast<double>(vector[k]) * vector[k];
  return std::sqrt(squares);
}

/// Under products a power of two that brings a query to a length of about one: the order of its products stays as it is, and
/// none of them overflows or underflows for the query's sake.
double scale_of(double length, bool l2) {
  if (l2 || length == 0) return 1;
  const long exponent = std::lround(std::log2(length));
  return std::abs(exponent) <= 1 ? 1.0 : std::ldexp(1.0, static_cast<int>(-exponent));
}

/// The sizes of groups that so many queries are cut into: as great as the kernel has them, and no rest of one if two groups of
/// a middle size do.
std::vector<const GroupSize*> sizes_for(const Kernel& kernel, size_t queries) {
  std::vector<const GroupSize*> sizes;
  for (size_t left = queries; left > 0;) {
    const GroupSize* size = &kernel.sizes.back();
    for (const GroupSize& one : kernel.sizes)
      if (one.queries <= left) {
        size = &one;
        break;
      }
    if (left > kernel.sizes[0].queries && left < kernel.sizes[0].queries + 4 && kernel.sizes.size() > 1)
      size = &kernel.sizes[1];
    sizes.push_back(size);
    left -= size->queries;
  }
  return sizes;
}

struct Planned {
  const GroupSize* size;
  Group group;
  FirstPassTurns turns;

  Looked scan(const Strip& strip, int dimension) {
    if (!turns.due(group)) {
      size->scan(strip, dimension, group);
      return {0, 0};
    }
    const Looked looked = size->first_pass(strip, dimension, group);
    turns.ended(looked);
    return looked;
  }
};

std::vector<Planned> groups_of(const Kernel& kernel, int dimension, const std::vector<Query>& queries,
                               const std::vector<double>& scales, const std::vector<ShortQuery>& halves, const uint16_t* every,
                               std::vector<Candidates>& candidates) {
  std::vector<Planned> groups;
  size_t at = 0;
  for (const GroupSize* size : sizes_for(kernel, queries.size())) {
    Planned planned{size, {}, {}};
    planned.group.values.resize(static_cast<size_t>(dimension) * size->queries);
    if (size->first_pass != nullptr) planned.group.pairs = pairs_of(halves, at, size->queries);
    for (size_t j = 0; j < size->queries; j++, at++) {
      const Query& query = queries[at];
      for (int k = 0; k < dimension; k++)
        planned.group.values[k * size->queries + j] = static_cast<float>(query.vector[k] * scales[at]);
      planned.group.candidates.push_back(&candidates[at]);
      planned.group.masks.push_back(query.mask ? query.mask->data() : every);
    }
    groups.push_back(std::move(planned));
  }
  return groups;
}

/// Not contracted to fused operations (see the flags of the build): JavaScript's sums are the same to the bit.
double distance(const float* values, size_t lane, const float* query, int dimension, bool l2) {
  double sum = 0;
  const float* value = values + lane;
  if (l2) {
    for (int k = 0; k < dimension; k++, value += PANEL_ROWS) {
      const double delta = static_cast<double>(query[k]) - static_cast<double>(*value);
      sum += delta * delta;
    }
    return sum;
  }
  for (int k = 0; k < dimension; k++, value += PANEL_ROWS) sum += static_cast<double>(query[k]) * static_cast<double>(*value);
  return -sum;
}

class Panels {
 public:
  Panels(const PanelView& view, const PanelStore& store)
      : view_(view), dimension_(static_cast<size_t>(store.dimension())), per_chunk_(store.panels_per_chunk()) {}

  size_t whole() const { return view_.rows / PANEL_ROWS; }
  size_t all() const { return (view_.rows + PANEL_ROWS - 1) / PANEL_ROWS; }

  const float* values(size_t panel) const {
    if (panel == whole()) return view_.tail.data();
    return view_.chunks[panel / per_chunk_]->values() + panel % per_chunk_ * PANEL_ROWS * dimension_;
  }

  /// Up to `most` panels from `first` on that lie one behind the other.
  Strip strip(size_t first, size_t most) const {
    if (first == whole()) return {view_.tail.data(), view_.tail.data() + PANEL_ROWS * dimension_, 1, first};
    const Chunk& chunk = *view_.chunks[first / per_chunk_];
    const size_t at = first % per_chunk_;
    const size_t panels = std::min({most, per_chunk_ - at, whole() - first});
    return {chunk.values() + at * PANEL_ROWS * dimension_, chunk.bias() + at * PANEL_ROWS, panels, first};
  }

 private:
  const PanelView& view_;
  const size_t dimension_;
  const size_t per_chunk_;
};

Answer answer_of(Candidates& candidates, const Panels& panels, const Query& query, int dimension,
                 const SearchOptions& options) {
  Answer answer{candidates.complete, {}};
  if (!answer.complete || query.k == 0) return answer;
  candidates.tighten();
  answer.found.reserve(candidates.count);
  for (size_t i = 0; i < candidates.count; i++) {
    const uint32_t row = candidates.rows[i];
    const float* values = panels.values(row / PANEL_ROWS);
    answer.found.push_back({row, distance(values, row % PANEL_ROWS, query.vector, dimension, options.l2)});
  }
  std::sort(answer.found.begin(), answer.found.end(), [](const Found& a, const Found& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.row < b.row;
  });
  size_t kept = std::min(query.k, answer.found.size());
  while (kept > 0 && kept < answer.found.size() && answer.found[kept].distance == answer.found[kept - 1].distance) kept++;
  answer.found.resize(kept);
  return answer;
}

}  // namespace

Mask mask_of(const uint32_t* words, size_t count, size_t rows) {
  const size_t panels = (rows + PANEL_ROWS - 1) / PANEL_ROWS;
  Mask mask(panels, 0);
  const size_t given = std::min(panels, 2 * count);
  for (size_t panel = 0; panel < given; panel++)
    mask[panel] = static_cast<uint16_t>(words[panel / 2] >> (panel % 2 == 0 ? 0 : 16));
  if (given == panels && rows % PANEL_ROWS != 0)
    mask[panels - 1] &= static_cast<uint16_t>((1u << rows % PANEL_ROWS) - 1);
  return mask;
}

std::vector<Answer> search(const PanelView& view, const PanelStore& store, const std::vector<Query>& queries,
                           const SearchOptions& options) {
  const int dimension = store.dimension();
  if (view.rows == 0) return std::vector<Answer>(queries.size(), Answer{true, {}});
  const Panels panels(view, store);
  Mask every;
  if (std::any_of(queries.begin(), queries.end(), [](const Query& query) { return !query.mask; })) {
    const std::vector<uint32_t> ones((view.rows + 31) / 32, ~0u);
    every = mask_of(ones.data(), ones.size(), view.rows);
  }
  const double longest = std::min(options.longest_row, view.longest);
  std::vector<Candidates> candidates;
  candidates.reserve(queries.size());
  std::vector<double> scales;
  std::vector<ShortQuery> halves;
  const bool first_pass = options.kernel->sizes[0].first_pass != nullptr && queries.size() >= FIRST_PASS_QUERIES_MIN;
  for (const Query& query : queries) {
    const double length = length_of(query.vector, dimension);
    scales.push_back(scale_of(length, options.l2));
    const double scaled = length * scales.back();
    halves.push_back(first_pass && short_enough(scaled, longest) ? shortened(query.vector, scales.back(), dimension, scaled)
                                                                 : ShortQuery{{}, 0});
    candidates.emplace_back(query.k, ErrorBound(options.l2, dimension, scaled, longest, halves.back().off));
  }
  std::vector<Planned> groups = groups_of(*options.kernel, dimension, queries, scales, halves, every.data(), candidates);
  const size_t panel_bytes = PANEL_ROWS * static_cast<size_t>(dimension) * sizeof(float);
  const size_t block = std::max<size_t>(1, BLOCK_BYTES / panel_bytes);
  Looked looked{0, 0};
  for (size_t at = 0; at < panels.all();) {
    const Strip strip = panels.strip(at, block);
    for (Planned& planned : groups) looked += planned.scan(strip, dimension);
    at += strip.panels;
  }
  if (options.looked != nullptr) *options.looked = looked;
  std::vector<Answer> answers;
  answers.reserve(queries.size());
  for (size_t i = 0; i < queries.size(); i++)
    answers.push_back(answer_of(candidates[i], panels, queries[i], dimension, options));
  return answers;
}

}  // namespace maksdb
