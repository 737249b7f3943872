// The first pass in 16 bits: its bound at its ends, near-duplicates, and where it does not pay or cannot be. Prints the number of
// answers that it compared; ends with status 1 at the first that is wrong.
#include "rows-test.h"

using namespace maksdb;

namespace {

/// Small chunks make short strips: there are thresholds after the first ones.
constexpr size_t CHUNK = 64;
constexpr size_t QUERIES = 12;

struct Searched {
  size_t compared;
  Looked looked;
};

/// Ends the program if an answer is not that of a plain loop.
Searched searched(const char* what, const Kernel& kernel, const std::vector<float>& rows, const std::vector<float>& queries, int dimension,
                  bool l2, size_t k) {
  const size_t d = static_cast<size_t>(dimension);
  const size_t count = rows.size() / d;
  PanelStore store(dimension, l2, CHUNK);
  store.append(rows.data(), count);
  std::vector<Query> asked;
  for (size_t at = 0; at < queries.size(); at += d) asked.push_back({queries.data() + at, k, nullptr});
  Looked looked{0, 0};
  const std::vector<Answer> answers =
      search(store.view(), store, asked, {l2, std::numeric_limits<double>::infinity(), &kernel, &looked});
  for (size_t i = 0; i < asked.size(); i++)
    if (!same(answers[i], plain(rows, asked[i].vector, dimension, l2, k, std::vector<bool>(count, true))))
      fail(what, kernel, dimension, count, asked.size());
  return {asked.size(), looked};
}

void put(std::vector<float>& rows, size_t at, const std::vector<float>& row) {
  std::copy(row.begin(), row.end(), rows.begin() + static_cast<std::ptrdiff_t>(at * row.size()));
}

/// Almost all that 16 bits can lose: the nearest row's values lie just below those with a zero lower half, so that it loses
/// 2^-7 of each, and the query's are rounded down by half of that. The row that is nearly as near loses nothing, and is known first.
size_t ends_of_the_bound(const Kernel& kernel, int times) {
  size_t compared = 0;
  for (int time = 0; time < times; time++) {
    const bool l2 = time % 2 == 0;
    const int dimension = 40 + below(300);
    const size_t d = static_cast<size_t>(dimension);
    const float unit = std::ldexp(1.0f, below(60) - 30);
    std::vector<float> rows = drawn(1000 * d, 0);
    for (float& value : rows) value *= 0.01f * unit;
    std::vector<float> query(d), nearest(d), known(d);
    for (size_t k = 0; k < d; k++) {
      const float sign = below(2) == 0 ? unit : -unit;
      query[k] = 4 * sign;
      known[k] = (1 + 0x1p-7f) * sign;
      nearest[k] = std::nextafter(known[k], 0.0f);
    }
    known[0] *= 0.9375f;
    put(rows, static_cast<size_t>(below(50)), known);
    put(rows, 300 + static_cast<size_t>(below(700)), nearest);
    std::vector<float> queries;
    for (size_t i = 0; i < QUERIES; i++) queries.insert(queries.end(), query.begin(), query.end());
    const Searched result = searched("a row was lost at an end of the bound", kernel, rows, queries, dimension, l2, 1);
    if (result.looked.again == 0) fail("no row was scored again", kernel, dimension, 1000, QUERIES);
    compared += result.compared;
  }
  return compared;
}

/// Among others there are rows that 16 bits cannot tell apart, and that differ in float32 or only beyond it.
size_t near_duplicates(const Kernel& kernel, int times) {
  size_t compared = 0;
  for (int time = 0; time < times; time++) {
    const bool l2 = time % 2 == 0;
    const int dimension = 2 + below(150);
    const size_t d = static_cast<size_t>(dimension);
    std::vector<float> rows = drawn(1500 * d, 0);
    std::vector<float> queries = drawn(QUERIES * d, 0);
    const float apart = std::ldexp(1.0f, -below(26));
    for (size_t i = 0; i < 200; i++) {
      const size_t like = static_cast<size_t>(below(QUERIES));
      const size_t row = static_cast<size_t>(below(1500));
      for (size_t k = 0; k < d; k++) rows[row * d + k] = queries[like * d + k] * (1 + apart * draw(0));
    }
    for (float& value : queries) value *= 1 + 0.1f * draw(0);
    compared += searched("a near duplicate was lost", kernel, rows, queries, dimension, l2, static_cast<size_t>(1 + below(12))).compared;
  }
  return compared;
}

/// Where rows are near each other against their lengths, a search goes back to float32; elsewhere it scores few panels again.
size_t turns(const Kernel& kernel) {
  constexpr int DIMENSION = 32;
  constexpr size_t ROWS = 8000;
  constexpr size_t ALL = ROWS / PANEL_ROWS * QUERIES;
  const Searched spread = searched("a wrong answer", kernel, drawn(ROWS * DIMENSION, 0), drawn(QUERIES * DIMENSION, 0), DIMENSION, true, 10);
  if (spread.looked.panels < ALL / 2 || spread.looked.again > spread.looked.panels / 4)
    fail("the first pass left too much", kernel, DIMENSION, ROWS, QUERIES);
  std::vector<float> rows = drawn(ROWS * DIMENSION, 0);
  std::vector<float> queries = drawn(QUERIES * DIMENSION, 0);
  for (float& value : rows) value += 300;
  for (float& value : queries) value += 300;
  const Searched close = searched("a wrong answer far from the origin", kernel, rows, queries, DIMENSION, true, 10);
  if (close.looked.panels == 0 || close.looked.panels > ALL / 8) fail("the search did not go back to float32", kernel, DIMENSION, ROWS, QUERIES);
  return spread.compared + close.compared;
}

/// Rows or queries too long for sums in 16 bits, and too few queries: all in float32.
size_t without(const Kernel& kernel) {
  constexpr int DIMENSION = 9;
  constexpr size_t ROWS = 3000;
  std::vector<float> rows = drawn(ROWS * DIMENSION, 0);
  std::vector<float> queries = drawn(QUERIES * DIMENSION, 0);
  std::vector<float> long_rows = rows;
  long_rows[7 * DIMENSION] = 0x1.8p60f;
  std::vector<float> long_queries = queries;
  long_queries[3] = -0x1.8p60f;
  const std::vector<float> one(queries.begin(), queries.begin() + DIMENSION);
  const Searched results[] = {searched("a wrong answer with a long row", kernel, long_rows, queries, DIMENSION, false, 3),
                              searched("a wrong answer with a long query", kernel, rows, long_queries, DIMENSION, true, 3),
                              searched("a wrong answer", kernel, rows, one, DIMENSION, true, 3)};
  size_t compared = 0;
  for (const Searched& result : results) {
    if (result.looked.panels != 0) fail("a first pass that cannot be sure, or does not pay", kernel, DIMENSION, ROWS, QUERIES);
    compared += result.compared;
  }
  return compared;
}

}  // namespace

int main(int argc, char** argv) {
  return with_each_kernel(argc, argv, [](const Kernel& kernel, int times) {
    const size_t compared = near_duplicates(kernel, times);
    if (kernel.sizes[0].first_pass == nullptr) return compared;
    return compared + ends_of_the_bound(kernel, times) + turns(kernel) + without(kernel);
  });
}
