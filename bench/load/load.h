// A load on one HTTP server: requests over a number of connections, one at a time on each.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "histogram.h"
#include "response.h"

namespace maksdb {

struct Plan {
  std::string host = "127.0.0.1";
  int port = 0;
  /// Whole requests, sent in turn.
  std::vector<std::string> requests;
  size_t connections = 1;
  /// Requests a second, whatever the server does; 0: each connection sends its next request when it has its answer.
  double rate = 0;
  /// Nanoseconds.
  int64_t warm_up = 0;
  int64_t duration = 0;
  /// How long answers are waited for when the time is up.
  int64_t drain = 10'000'000'000;
};

struct Result {
  /// Of the answers with status 200 of the measured time. A request's latency begins when it was to be sent: with a rate
  /// this counts the time that it waited for a free connection, and a server that stalls has all its victims counted.
  Histogram latencies;
  /// Other answers by status, and lost connections as "closed".
  std::map<std::string, uint64_t> failed;
  /// Requests that were due and have no answer at the end. Their latency so far is among the others.
  uint64_t unfinished = 0;
  double seconds = 0;
  /// Of this process, in the measured time.
  double cpu_seconds = 0;
};

/// Prints a line when the measured time begins, for those who measure the server meanwhile.
/// Throws if the server cannot be reached, or does not speak HTTP.
class Load {
 public:
  explicit Load(Plan plan);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  Result run();

 private:
  struct Connection {
    int fd = -1;
    /// Of the request that is on its way.
    bool busy = false;
    int64_t due = 0;
    const std::string* request = nullptr;
    size_t sent = 0;
    bool waits_to_write = false;
    int64_t idle_since = 0;
    Response response;
  };

  void open(size_t number);
  void watch(size_t number, bool for_writing);
  void send_due(int64_t now);
  void send(size_t number, int64_t due);
  void write(size_t number);
  void read(size_t number);
  void end(size_t number, const std::string& failure);
  void begin_measuring();
  void set_timer();
  void count_unfinished(int64_t now);
  bool is_over(int64_t now) const;
  /// When the next request is to be sent; nothing once the time is up.
  std::optional<int64_t> next_due(int64_t now) const;
  bool measured(int64_t due) const { return due >= measured_from_ && due < until_; }

  const Plan plan_;
  const int epoll_;
  const int timer_;
  std::vector<Connection> connections_;
  /// Numbers of the connections that wait for a request.
  std::vector<size_t> idle_;
  Result result_;
  uint64_t started_ = 0;
  int64_t begun_ = 0;
  int64_t measured_from_ = 0;
  int64_t until_ = 0;
  int64_t last_answer_ = 0;
  double cpu_before_ = 0;
  bool measuring_ = false;
};

}  // namespace maksdb
