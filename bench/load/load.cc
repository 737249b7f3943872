#include "load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <stdexcept>

namespace maksdb {
namespace {

constexpr int64_t SECOND = 1'000'000'000;
constexpr uint64_t TIMER = UINT64_MAX;
constexpr int EVENTS = 256;
/// A connection that has been idle for longer is opened again before it is used: servers close those that are idle for 5 s,
/// and a request that is sent at this moment is lost.
constexpr int64_t IDLE_MAX = 3 * SECOND;

int64_t clock_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

int64_t now_ns() { return clock_of(CLOCK_MONOTONIC); }

double own_cpu_seconds() { return static_cast<double>(clock_of(CLOCK_PROCESS_CPUTIME_ID)) / SECOND; }

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

}  // namespace

Load::Load(Plan plan)
    : plan_(std::move(plan)),
      epoll_(epoll_create1(0)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)),
      connections_(plan_.connections) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = TIMER;
  if (epoll_ < 0 || timer_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, timer_, &event) != 0) fail("no epoll");
  for (size_t number = 0; number < connections_.size(); number++) {
    open(number);
    idle_.push_back(number);
  }
}

Load::~Load() {
  for (const Connection& connection : connections_)
    if (connection.fd >= 0) close(connection.fd);
  close(timer_);
  close(epoll_);
}

void Load::open(size_t number) {
  Connection& connection = connections_[number];
  if (connection.fd >= 0) close(connection.fd);
  connection = Connection{};
  connection.idle_since = now_ns();
  connection.fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(plan_.port));
  if (inet_pton(AF_INET, plan_.host.c_str(), &address.sin_addr) != 1) throw std::runtime_error("no address: " + plan_.host);
  if (connect(connection.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail(plan_.host + ":" + std::to_string(plan_.port));
  const int on = 1;
  setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(connection.fd, F_SETFL, O_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = number;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) != 0) fail("epoll_ctl");
}

void Load::watch(size_t number, bool for_writing) {
  epoll_event event{};
  event.events = for_writing ? EPOLLIN | EPOLLOUT : EPOLLIN;
  connections_[number].waits_to_write = for_writing;
  event.data.u64 = number;
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, connections_[number].fd, &event) != 0) fail("epoll_ctl");
}

Result Load::run() {
  begun_ = now_ns();
  measured_from_ = begun_ + plan_.warm_up;
  until_ = measured_from_ + plan_.duration;
  last_answer_ = measured_from_;
  for (;;) {
    const int64_t now = now_ns();
    if (!measuring_ && now >= measured_from_) begin_measuring();
    send_due(now);
    if (is_over(now)) break;
    set_timer();
    epoll_event events[EVENTS];
    const int count = epoll_wait(epoll_, events, EVENTS, -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; i++) {
      const uint64_t number = events[i].data.u64;
      if (number == TIMER) continue;
      if ((events[i].events & EPOLLOUT) != 0) write(number);
      if ((events[i].events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) read(number);
    }
  }
  count_unfinished(now_ns());
  result_.seconds = static_cast<double>(last_answer_ - measured_from_) / SECOND;
  result_.cpu_seconds = own_cpu_seconds() - cpu_before_;
  return std::move(result_);
}

void Load::begin_measuring() {
  measuring_ = true;
  std::puts("{\"measuring\":true}");
  std::fflush(stdout);
  cpu_before_ = own_cpu_seconds();
}

std::optional<int64_t> Load::next_due(int64_t now) const {
  const int64_t due = plan_.rate == 0 ? now : begun_ + static_cast<int64_t>(static_cast<double>(started_) * SECOND / plan_.rate);
  return due < until_ ? std::optional(due) : std::nullopt;
}

void Load::send_due(int64_t now) {
  while (!idle_.empty()) {
    const std::optional<int64_t> due = next_due(now);
    if (!due || *due > now) return;
    const size_t number = idle_.back();
    idle_.pop_back();
    send(number, *due);
  }
}

bool Load::is_over(int64_t now) const {
  if (now >= until_ + plan_.drain) return true;
  return now >= until_ && !next_due(now) && idle_.size() == connections_.size();
}

/// At the next moment at which something is to be done without an answer.
void Load::set_timer() {
  const int64_t now = now_ns();
  int64_t at = until_ + plan_.drain;
  if (now < until_) at = until_;
  if (!measuring_) at = std::min(at, measured_from_);
  const std::optional<int64_t> due = next_due(now);
  if (due && !idle_.empty()) at = std::min(at, *due);
  itimerspec time{};
  time.it_value.tv_sec = at / SECOND;
  time.it_value.tv_nsec = at % SECOND;
  timerfd_settime(timer_, TFD_TIMER_ABSTIME, &time, nullptr);
}

void Load::send(size_t number, int64_t due) {
  Connection& connection = connections_[number];
  if (now_ns() - connection.idle_since > IDLE_MAX) open(number);
  connection.busy = true;
  connection.due = due;
  connection.request = &plan_.requests[started_++ % plan_.requests.size()];
  connection.sent = 0;
  connection.response = Response{};
  write(number);
}

void Load::write(size_t number) {
  Connection& connection = connections_[number];
  if (!connection.busy) return;
  const std::string& request = *connection.request;
  while (connection.sent < request.size()) {
    const ssize_t count =
        ::send(connection.fd, request.data() + connection.sent, request.size() - connection.sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) return watch(number, true);
    // Lost: the next event of this connection is its end.
    if (count < 0) return;
    connection.sent += static_cast<size_t>(count);
  }
  if (connection.waits_to_write) watch(number, false);
}

void Load::read(size_t number) {
  Connection& connection = connections_[number];
  char buffer[65'536];
  const ssize_t count = recv(connection.fd, buffer, sizeof buffer, 0);
  if (count < 0 && errno == EAGAIN) return;
  if (!connection.busy) return open(number);
  if (count <= 0) return end(number, "closed");
  if (!connection.response.feed(buffer, static_cast<size_t>(count))) return;
  end(number, connection.response.status() == 200 ? "" : std::to_string(connection.response.status()));
}

/// The request of a connection has ended: with status 200 if there is no failure.
void Load::end(size_t number, const std::string& failure) {
  Connection& connection = connections_[number];
  const int64_t now = now_ns();
  if (measured(connection.due)) {
    last_answer_ = now;
    if (failure.empty()) result_.latencies.record(now - connection.due);
    else result_.failed[failure]++;
  }
  connection.busy = false;
  connection.idle_since = now;
  if (failure == "closed" || !connection.response.keep_alive()) open(number);
  idle_.push_back(number);
}

void Load::count_unfinished(int64_t now) {
  const auto count = [&](int64_t due) {
    if (!measured(due)) return;
    result_.unfinished++;
    result_.latencies.record(now - due);
  };
  for (const Connection& connection : connections_)
    if (connection.busy) count(connection.due);
  if (plan_.rate == 0) return;
  for (std::optional<int64_t> due = next_due(now); due; due = next_due(now)) {
    count(*due);
    started_++;
  }
}

}  // namespace maksdb
