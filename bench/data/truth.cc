// truth ROWS DIMENSION QUERIES K: the K nearest rows of each query by squared L2 distance in double precision, each distance
// a sum in the order of the values, ties by row: a plain loop over all pairs, only that several queries are compared with a row
// at a time. Reads the rows and then the queries (float32) from standard input; writes, for all queries, the rows
// (32-bit) and then the distances (float64).
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

/// Queries that are compared with a row at a time: their sums stay in registers.
constexpr size_t TOGETHER = 32;

struct Near {
  double distance;
  uint32_t row;
  bool operator<(const Near& other) const {
    return distance != other.distance ? distance < other.distance : row < other.row;
  }
};

std::vector<float> floats(size_t count) {
  std::vector<float> values(count);
  if (std::fread(values.data(), sizeof(float), count, stdin) != count) std::exit(1);
  return values;
}

/// Keeps the K least in a heap whose top is the greatest.
void note(std::vector<Near>& nearest, size_t k, const Near& one) {
  if (nearest.size() < k) {
    nearest.push_back(one);
    std::push_heap(nearest.begin(), nearest.end());
  } else if (one < nearest.front()) {
    std::pop_heap(nearest.begin(), nearest.end());
    nearest.back() = one;
    std::push_heap(nearest.begin(), nearest.end());
  }
}

void search(const std::vector<float>& rows, size_t dimension, const float* queries, size_t count, size_t k,
            std::vector<Near>* nearest) {
  // Value by value, the queries side by side; those that are missing are 0 and their sums are not looked at.
  std::vector<double> values(dimension * TOGETHER);
  for (size_t query = 0; query < count; query++)
    for (size_t i = 0; i < dimension; i++) values[i * TOGETHER + query] = queries[query * dimension + i];
  for (size_t row = 0; row < rows.size() / dimension; row++) {
    double sums[TOGETHER] = {};
    for (size_t i = 0; i < dimension; i++) {
      const double value = rows[row * dimension + i];
      for (size_t query = 0; query < TOGETHER; query++) {
        const double delta = value - values[i * TOGETHER + query];
        sums[query] += delta * delta;
      }
    }
    for (size_t query = 0; query < count; query++) note(nearest[query], k, {sums[query], static_cast<uint32_t>(row)});
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) return 2;
  const size_t rows = std::strtoul(arguments[1], nullptr, 10);
  const size_t dimension = std::strtoul(arguments[2], nullptr, 10);
  const size_t queries = std::strtoul(arguments[3], nullptr, 10);
  const size_t k = std::min(rows, static_cast<size_t>(std::strtoul(arguments[4], nullptr, 10)));
  const std::vector<float> vectors = floats(rows * dimension);
  const std::vector<float> asked = floats(queries * dimension);
  std::vector<std::vector<Near>> nearest(queries);
  for (size_t at = 0; at < queries; at += TOGETHER)
    search(vectors, dimension, asked.data() + at * dimension, std::min(TOGETHER, queries - at), k, &nearest[at]);
  for (std::vector<Near>& list : nearest) std::sort(list.begin(), list.end());
  for (const std::vector<Near>& list : nearest)
    for (const Near& one : list) std::fwrite(&one.row, sizeof one.row, 1, stdout);
  for (const std::vector<Near>& list : nearest)
    for (const Near& one : list) std::fwrite(&one.distance, sizeof one.distance, 1, stdout);
}
