#include "panel-store.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

namespace maksdb {
namespace {

/// Of a huge page, so that a chunk can be one.
constexpr size_t CHUNK_BYTES = size_t{2} << 20;
constexpr size_t PAGE_BYTES = 4096;
/// Of short rows a huge page holds more than should be cleaned, and kept for one dead row, at once.
constexpr size_t CHUNK_ROWS_MAX = 16384;

size_t panel_floats(int dimension) { return PANEL_ROWS * (static_cast<size_t>(dimension) + 1); }

size_t panels_per_chunk(int dimension) {
  constexpr size_t step = CHUNK_ROWS_STEP / PANEL_ROWS;
  const size_t panels = std::min(CHUNK_BYTES / (panel_floats(dimension) * sizeof(float)), CHUNK_ROWS_MAX / PANEL_ROWS);
  return std::max(step, panels / step * step);
}

size_t rounded_up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

/// Zeroed memory at a multiple of `CHUNK_BYTES`; pages are taken only when they are written.
void* map_aligned(size_t bytes) {
  const size_t over = bytes + CHUNK_BYTES;
  void* whole = mmap(nullptr, over, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (whole == MAP_FAILED) throw std::bad_alloc();
  const auto begin = reinterpret_cast<uintptr_t>(whole);
  const uintptr_t aligned = rounded_up(begin, CHUNK_BYTES);
  if (aligned > begin) munmap(whole, aligned - begin);
  const size_t behind = begin + over - (aligned + bytes);
  if (behind > 0) munmap(reinterpret_cast<void*>(aligned + bytes), behind);
  return reinterpret_cast<void*>(aligned);
}

}  // namespace

Chunk::Chunk(size_t panels, int dimension, bool huge_pages)
    : bytes_(rounded_up(panels * panel_floats(dimension) * sizeof(float), PAGE_BYTES)) {
  mapping_ = map_aligned(bytes_);
  if (huge_pages) madvise(mapping_, bytes_, MADV_HUGEPAGE);
  values_ = static_cast<float*>(mapping_);
  bias_ = values_ + panels * PANEL_ROWS * static_cast<size_t>(dimension);
}

Chunk::~Chunk() { munmap(mapping_, bytes_); }

PanelStore::PanelStore(int dimension, bool squared_norms, size_t chunk_rows)
    : dimension_(dimension),
      squared_norms_(squared_norms),
      panels_per_chunk_(chunk_rows == 0 ? maksdb::panels_per_chunk(dimension) : chunk_rows / PANEL_ROWS) {}

uint64_t PanelStore::first() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return first_;
}

size_t PanelStore::rows() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return rows_;
}

size_t PanelStore::bytes() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}

void PanelStore::append(const float* vectors, size_t count) {
  std::lock_guard<std::mutex> lock(mutex_);
  const size_t per_chunk = panels_per_chunk_ * PANEL_ROWS;
  const size_t d = static_cast<size_t>(dimension_);
  for (size_t i = 0; i < count;) {
    const size_t row = rows_ + i;
    // A cell of few rows keeps to small pages.
    if (row / per_chunk == chunks_.size()) {
      chunks_.push_back(std::make_shared<Chunk>(panels_per_chunk_, dimension_, !chunks_.empty()));
      bytes_ += chunks_.back()->bytes();
    }
    const size_t lanes = std::min(PANEL_ROWS - row % PANEL_ROWS, count - i);
    write_lanes(*chunks_[row / per_chunk], row % per_chunk, vectors + i * d, lanes);
    i += lanes;
  }
  rows_ += count;
}

/// Value by value: every value of a panel is a cache line, which is written once for all the rows that come together.
void PanelStore::write_lanes(Chunk& chunk, size_t row, const float* vectors, size_t lanes) const {
  const size_t d = static_cast<size_t>(dimension_);
  float* to = chunk.values() + row / PANEL_ROWS * PANEL_ROWS * d + row % PANEL_ROWS;
  double squares[PANEL_ROWS] = {};
  for (size_t k = 0; k < d; k++)
    for (size_t lane = 0; lane < lanes; lane++) {
      const float value = vectors[lane * d + k];
      to[k * PANEL_ROWS + lane] = value;
      squares[lane] += static_cast<double>(value) * value;
    }
  for (size_t lane = 0; lane < lanes; lane++) {
    chunk.longest = std::max(chunk.longest, std::sqrt(squares[lane]));
    if (squared_norms_) chunk.bias()[row + lane] = static_cast<float>(-squares[lane] / 2);
  }
}

void PanelStore::read(size_t at, size_t count, float* out) const {
  std::lock_guard<std::mutex> lock(mutex_);
  const size_t per_chunk = panels_per_chunk_ * PANEL_ROWS;
  const size_t d = static_cast<size_t>(dimension_);
  for (size_t i = 0; i < count; i++) {
    const size_t row = at + i;
    const Chunk& chunk = *chunks_[row / per_chunk];
    const float* from = chunk.values() + row % per_chunk / PANEL_ROWS * PANEL_ROWS * d + row % PANEL_ROWS;
    for (size_t k = 0; k < d; k++) out[i * d + k] = from[k * PANEL_ROWS];
  }
}

bool PanelStore::drop_first() {
  // Freed after the lock, for an unmap takes longer than all else here.
  std::shared_ptr<Chunk> dropped;
  std::lock_guard<std::mutex> lock(mutex_);
  if (rows_ < chunk_rows()) return false;
  dropped = std::move(chunks_.front());
  chunks_.erase(chunks_.begin());
  first_ += chunk_rows();
  rows_ -= chunk_rows();
  bytes_ -= dropped->bytes();
  return true;
}

void PanelStore::clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  chunks_.clear();
  first_ = 0;
  rows_ = 0;
  bytes_ = 0;
}

PanelView PanelStore::view() const {
  std::lock_guard<std::mutex> lock(mutex_);
  PanelView view;
  view.first = first_;
  view.rows = rows_;
  for (const std::shared_ptr<Chunk>& chunk : chunks_) view.longest = std::max(view.longest, chunk->longest);
  view.chunks.assign(chunks_.begin(), chunks_.end());
  if (rows_ % PANEL_ROWS == 0) return view;
  const size_t d = static_cast<size_t>(dimension_);
  const size_t panel = rows_ / PANEL_ROWS % panels_per_chunk_;
  const Chunk& last = *chunks_.back();
  view.tail.resize(panel_floats(dimension_));
  std::memcpy(view.tail.data(), last.values() + panel * PANEL_ROWS * d, PANEL_ROWS * d * sizeof(float));
  std::memcpy(view.tail.data() + PANEL_ROWS * d, last.bias() + panel * PANEL_ROWS, PANEL_ROWS * sizeof(float));
  return view;
}

}  // namespace maksdb
