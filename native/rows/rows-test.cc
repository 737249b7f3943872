// The native rows under sanitizers: shapes of every kind against a plain loop, and appends beside searches. Prints the number
// of answers that it compared; ends with status 1 at the first that is wrong.
#include <atomic>
#include <thread>

#include "rows-test.h"

using namespace maksdb;

namespace {

size_t shapes(const Kernel& kernel, int times) {
  size_t compared = 0;
  for (int time = 0; time < times; time++) {
    const bool l2 = below(2) == 0;
    const int dimension = time % 20 == 0 ? 3000 + below(70'000) : 1 + below(time % 3 == 0 ? 200 : 20);
    const size_t count = dimension > 1000 ? static_cast<size_t>(below(70)) : static_cast<size_t>(below(1200));
    const int kind = below(6);
    const size_t chunk_rows = time % 2 == 0 ? 0 : CHUNK_ROWS_STEP * static_cast<size_t>(1 + below(8));
    PanelStore store(dimension, l2, chunk_rows);
    const std::vector<float> rows = drawn(count * static_cast<size_t>(dimension), kind);
    for (size_t at = 0; at < count;) {
      const size_t some = std::min(count - at, static_cast<size_t>(1 + below(50)));
      store.append(rows.data() + at * static_cast<size_t>(dimension), some);
      at += some;
    }
    std::vector<float> back(rows.size());
    store.read(0, count, back.data());
    if (back != rows) fail("rows come back otherwise", kernel, dimension, count, 0);
    const size_t queries = static_cast<size_t>(1 + below(40));
    const std::vector<float> values = drawn(queries * static_cast<size_t>(dimension), below(3) == 0 ? below(6) : kind);
    std::vector<Query> asked;
    std::vector<std::vector<bool>> there;
    for (size_t i = 0; i < queries; i++) {
      const int share = below(5);
      there.emplace_back(count);
      std::vector<uint32_t> words((count + 31) / 32 + static_cast<size_t>(below(3)), 0);
      for (size_t row = 0; row < count; row++) {
        there.back()[row] = share == 4 || below(4) < share;
        if (there.back()[row]) words[row / 32] |= 1u << row % 32;
      }
      // Bits beyond the rows mean nothing.
      if (words.size() > count / 32 && count % 32 != 0) words[count / 32] |= ~0u << count % 32;
      asked.push_back({values.data() + i * static_cast<size_t>(dimension), static_cast<size_t>(below(30)),
                       share == 4 ? nullptr : std::make_shared<const Mask>(mask_of(words.data(), words.size(), count))});
    }
    const std::vector<Answer> answers =
        search(store.view(), store, asked, {l2, std::numeric_limits<double>::infinity(), &kernel});
    for (size_t i = 0; i < queries; i++, compared++)
      if (!same(answers[i], plain(rows, asked[i].vector, dimension, l2, asked[i].k, there[i])))
        fail("a wrong answer", kernel, dimension, count, queries);
  }
  return compared;
}

/// Rows are appended while two threads search: each answer is that of the rows which its view showed.
size_t beside_appends(const Kernel& kernel) {
  constexpr int DIMENSION = 24;
  constexpr size_t ROWS = 3000;
  const std::vector<float> rows = drawn(ROWS * DIMENSION, 0);
  const std::vector<float> queries = drawn(8 * DIMENSION, 0);
  PanelStore store(DIMENSION, true);
  std::atomic<bool> done{false};
  std::atomic<size_t> compared{0};
  auto searching = [&] {
    while (!done) {
      const PanelView view = store.view();
      std::vector<Query> asked;
      for (size_t i = 0; i < 8; i++) asked.push_back({queries.data() + i * DIMENSION, 5, nullptr});
      const std::vector<Answer> answers = search(view, store, asked, {true, std::numeric_limits<double>::infinity(), &kernel});
      for (size_t i = 0; i < 8; i++, compared++)
        if (!same(answers[i], plain(rows, asked[i].vector, DIMENSION, true, 5, std::vector<bool>(view.rows, true))))
          fail("a wrong answer beside appends", kernel, DIMENSION, view.rows, 8);
    }
  };
  std::thread first(searching);
  std::thread second(searching);
  for (size_t row = 0; row < ROWS; row += 3) store.append(rows.data() + row * DIMENSION, 3);
  while (compared < 16) std::this_thread::yield();
  done = true;
  first.join();
  second.join();
  return compared;
}

/// The oldest chunks are dropped and rows appended while two threads search: each answer is that of the rows which its view showed.
size_t beside_drops(const Kernel& kernel) {
  constexpr int DIMENSION = 8;
  constexpr size_t CHUNK = 64;
  constexpr size_t ROWS = 60 * CHUNK;
  const std::vector<float> rows = drawn(ROWS * DIMENSION, 0);
  const std::vector<float> queries = drawn(4 * DIMENSION, 0);
  PanelStore store(DIMENSION, true, CHUNK);
  std::atomic<bool> done{false};
  std::atomic<size_t> compared{0};
  auto searching = [&] {
    while (!done) {
      const PanelView view = store.view();
      const std::vector<float> shown(rows.begin() + static_cast<std::ptrdiff_t>(view.first * DIMENSION),
                                     rows.begin() + static_cast<std::ptrdiff_t>((view.first + view.rows) * DIMENSION));
      std::vector<Query> asked;
      for (size_t i = 0; i < 4; i++) asked.push_back({queries.data() + i * DIMENSION, 5, nullptr});
      const std::vector<Answer> answers = search(view, store, asked, {true, std::numeric_limits<double>::infinity(), &kernel});
      for (size_t i = 0; i < 4; i++, compared++)
        if (!same(answers[i], plain(shown, asked[i].vector, DIMENSION, true, 5, std::vector<bool>(view.rows, true))))
          fail("a wrong answer beside drops", kernel, DIMENSION, view.rows, 4);
    }
  };
  std::thread first(searching);
  std::thread second(searching);
  if (store.drop_first()) fail("a chunk that is not full was dropped", kernel, DIMENSION, 0, 0);
  for (size_t row = 0; row < ROWS; row += 16) {
    store.append(rows.data() + row * DIMENSION, 16);
    if (store.rows() < 4 * CHUNK) continue;
    if (!store.drop_first()) fail("a full chunk was not dropped", kernel, DIMENSION, store.rows(), 0);
    float back[DIMENSION];
    store.read(0, 1, back);
    if (!std::equal(back, back + DIMENSION, rows.data() + store.first() * DIMENSION))
      fail("the first row is another one", kernel, DIMENSION, store.rows(), 0);
    if (store.bytes() > 5 * CHUNK * (DIMENSION + 1) * sizeof(float) + 5 * 4096)
      fail("dropped chunks are still mapped", kernel, DIMENSION, store.rows(), 0);
  }
  while (compared < 16) std::this_thread::yield();
  done = true;
  first.join();
  second.join();
  return compared;
}

/// More equal rows than candidates are kept: no answer, rather than a wrong one.
void too_many_equal(const Kernel& kernel) {
  PanelStore store(2, true);
  const std::vector<float> rows(2 * 20'000, 1.0f);
  store.append(rows.data(), 20'000);
  const float query[] = {1, 1};
  const std::vector<Answer> answers =
      search(store.view(), store, {{query, 3, nullptr}}, {true, std::numeric_limits<double>::infinity(), &kernel});
  if (answers[0].complete) fail("an answer that cannot be sure", kernel, 2, 20'000, 1);
}

}  // namespace

int main(int argc, char** argv) {
  return with_each_kernel(argc, argv, [](const Kernel& kernel, int times) {
    too_many_equal(kernel);
    return shapes(kernel, times) + beside_appends(kernel) + beside_drops(kernel);
  });
}
