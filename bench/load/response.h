// An answer of HTTP/1.1, as its bytes arrive: its status, and where it ends. The body is dropped.
#pragma once
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace maksdb {

class Response {
 public:
  int status() const { return status_; }
  /// Will the server keep the connection open? Known once the answer has ended.
  bool keep_alive() const { return keep_alive_; }

  /// True once the answer has ended. Throws if this is no answer, or one whose end is not stated.
  bool feed(const char* data, size_t size) {
    while (size > 0 && state_ != State::ended) {
      if (state_ == State::body || state_ == State::chunk) {
        const size_t taken = std::min(size, left_);
        left_ -= taken;
        data += taken;
        size -= taken;
        if (left_ == 0) state_ = state_ == State::body ? State::ended : State::chunk_end;
        continue;
      }
      const char next = *data++;
      size--;
      if (next == '\n') {
        end_line();
        line_.clear();
      } else if (next != '\r') {
        line_ += next;
        if (line_.size() > LINE_MAX) throw std::runtime_error("a line of an answer is too long");
      }
    }
    return state_ == State::ended;
  }

 private:
  enum class State { status, headers, body, chunk_size, chunk, chunk_end, trailer, ended };
  static constexpr size_t LINE_MAX = 65'536;

  void end_line() {
    switch (state_) {
      case State::status:
        if (line_.rfind("HTTP/1.", 0) != 0 || line_.size() < 12) throw std::runtime_error("no HTTP answer: " + line_);
        status_ = std::stoi(line_.substr(9, 3));
        state_ = State::headers;
        break;
      case State::headers:
        if (line_.empty()) begin_body();
        else header();
        break;
      case State::chunk_size:
        left_ = std::stoul(line_, nullptr, 16);
        state_ = left_ == 0 ? State::trailer : State::chunk;
        break;
      case State::chunk_end:
        state_ = State::chunk_size;
        break;
      default:
        if (line_.empty()) state_ = State::ended;
    }
  }

  void header() {
    std::string lower = line_;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const size_t colon = lower.find(':');
    if (colon == std::string::npos) throw std::runtime_error("no header: " + line_);
    const std::string name = lower.substr(0, colon);
    const std::string value = lower.substr(std::min(lower.size(), lower.find_first_not_of(' ', colon + 1)));
    if (name == "content-length") {
      left_ = std::stoul(value);
      has_length_ = true;
    }
    if (name == "transfer-encoding") chunked_ = value == "chunked";
    if (name == "connection") keep_alive_ = value != "close";
  }

  void begin_body() {
    if (!chunked_ && !has_length_) throw std::runtime_error("an answer without a length");
    state_ = chunked_ ? State::chunk_size : left_ == 0 ? State::ended : State::body;
  }

  State state_ = State::status;
  std::string line_;
  size_t left_ = 0;
  int status_ = 0;
  bool keep_alive_ = true;
  bool chunked_ = false;
  bool has_length_ = false;
};

}  // namespace maksdb
