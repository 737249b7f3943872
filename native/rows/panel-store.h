// Rows of one dimension in panels, for kernels that compare a query with 16 rows at a time: within a panel the values stand
// by their number, 16 rows side by side. Panels lie in chunks that never move and are never written again once they are
// full, so that searches read them without a lock while rows are appended. Rows are a window of a log: they are appended at its
// end, and its oldest chunk is dropped; a view keeps the chunks that it shows.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace maksdb {

constexpr size_t PANEL_ROWS = 16;
/// A chunk has a multiple of so many rows: whole words of a row mask.
constexpr size_t CHUNK_ROWS_STEP = 32;

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

  /// No row of it is longer. Of the thread that appends.
  double longest = 0;

 private:
  void* mapping_;
  size_t bytes_;
  float* values_;
  float* bias_;
};

/// The rows of a store at one moment, numbered from 0. What it shows does not change, also if rows are appended or dropped.
struct PanelView {
  /// Rows that had been dropped: what is to be added to a row's number here.
  uint64_t first = 0;
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
  /// @param chunk_rows rows of a chunk, a multiple of CHUNK_ROWS_STEP; 0: as many as a huge page holds, within bounds
  PanelStore(int dimension, bool squared_norms, size_t chunk_rows = 0);

  int dimension() const { return dimension_; }
  size_t panels_per_chunk() const { return panels_per_chunk_; }
  size_t chunk_rows() const { return panels_per_chunk_ * PANEL_ROWS; }
  /// Rows that were dropped.
  uint64_t first() const;
  /// Rows that are there.
  size_t rows() const;
  /// Memory that is mapped for rows.
  size_t bytes() const;

  /// Appends `count` rows of `dimension` values each. One thread at a time; readers may run beside it.
  void append(const float* vectors, size_t count);
  /// Copies `count` rows from the `at`-th that is there on, one after the other. The caller checks the range.
  void read(size_t at, size_t count, float* out) const;
  /// Drops the oldest chunk; false if it is not full. Views that show it keep it.
  bool drop_first();
  void clear();
  PanelView view() const;

 private:
  /// Writes up to a panel's rest of rows, from the `row`-th of the chunk on.
  void write_lanes(Chunk& chunk, size_t row, const float* vectors, size_t lanes) const;

  const int dimension_;
  const bool squared_norms_;
  const size_t panels_per_chunk_;
  mutable std::mutex mutex_;
  uint64_t first_ = 0;
  size_t rows_ = 0;
  size_t bytes_ = 0;
  std::vector<std::shared_ptr<Chunk>> chunks_;
};

}  // namespace maksdb
