// Rows of one dimension in panels, for kernels that compare a query with 16 rows at a time: within a panel the values stand
// by their number, 16 rows side by side. Panels lie in chunks that never move and are never written again once they are
// full, so that searches read them without a lock while rows are appended.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace maksdb {

constexpr size_t PANEL_ROWS = 16;

/// Panels side by side in memory: `values` has `PANEL_ROWS * dimension` floats a panel, `bias` one float a row.
class Chunk {
 public:
  Chunk(size_t panels, int dimension, bool huge_pages);
  ~Chunk();
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  float* values() const { return values_; }
  float* bias() const { return bias_; }
  size_t bytes() const { return bytes_; }

 private:
  void* mapping_;
  size_t bytes_;
  float* values_;
  float* bias_;
};

/// The rows of a store at one moment. What it shows does not change, also if rows are appended or the store is cleared.
struct PanelView {
  size_t rows = 0;
  /// No row is longer.
  double longest = 0;
  std::vector<std::shared_ptr<const Chunk>> chunks;
  /// The last panel if it is not full, which later rows are written into: a copy. Values, then bias.
  std::vector<float> tail;
};

class PanelStore {
 public:
  /// @param squared_norms a row's bias is minus half of its squared length, as L2 wants it; else it is 0
  PanelStore(int dimension, bool squared_norms);

  int dimension() const { return dimension_; }
  size_t panels_per_chunk() const { return panels_per_chunk_; }
  size_t rows() const;
  /// Memory that is mapped for rows.
  size_t bytes() const;

  /// Appends `count` rows of `dimension` values each. One thread at a time; readers may run beside it.
  void append(const float* vectors, size_t count);
  /// Copies rows `first` to `first + count - 1`, one after the other. The caller checks the range.
  void read(size_t first, size_t count, float* out) const;
  void clear();
  PanelView view() const;

 private:
  const int dimension_;
  const bool squared_norms_;
  const size_t panels_per_chunk_;
  mutable std::mutex mutex_;
  size_t rows_ = 0;
  double longest_ = 0;
  size_t bytes_ = 0;
  std::vector<std::shared_ptr<Chunk>> chunks_;
};

}  // namespace maksdb
