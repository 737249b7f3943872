// load --port P --path /p --bodies FILE --seconds S [--connections 1] [--rate R] [--warm-up S] [--drain S] [--host A]
// Sends POST requests of JSON; FILE has them one after the other, each behind its length (32 bits, little endian).
// Prints what came of it as one line of JSON, latencies in milliseconds.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "load.h"

namespace {

std::vector<std::string> requests_of(const std::string& file, const std::string& path, const std::string& host) {
  std::ifstream in(file, std::ios::binary);
  std::vector<std::string> requests;
  uint32_t length = 0;
  while (in.read(reinterpret_cast<char*>(&length), sizeof length)) {
    std::string body(length, '\0');
    if (!in.read(body.data(), length)) throw std::runtime_error(file + " ends within a body");
    requests.push_back("POST " + path + " HTTP/1.1\r\nhost: " + host + "\r\ncontent-type: application/json\r\ncontent-length: " +
                       std::to_string(length) + "\r\n\r\n" + body);
  }
  if (requests.empty()) throw std::runtime_error("no bodies in " + file);
  return requests;
}

maksdb::Plan plan_of(int count, char** arguments) {
  maksdb::Plan plan;
  std::string path = "/";
  std::string bodies;
  const auto nanoseconds = [](const std::string& seconds) { return static_cast<int64_t>(std::stod(seconds) * 1e9); };
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = arguments[i];
    const std::string value = arguments[i + 1];
    if (name == "--host") plan.host = value;
    else if (name == "--port") plan.port = std::stoi(value);
    else if (name == "--path") path = value;
    else if (name == "--bodies") bodies = value;
    else if (name == "--connections") plan.connections = std::stoul(value);
    else if (name == "--rate") plan.rate = std::stod(value);
    else if (name == "--warm-up") plan.warm_up = nanoseconds(value);
    else if (name == "--seconds") plan.duration = nanoseconds(value);
    else if (name == "--drain") plan.drain = nanoseconds(value);
    else throw std::runtime_error("no option " + name);
  }
  plan.requests = requests_of(bodies, path, plan.host);
  return plan;
}

void print(const maksdb::Result& result) {
  const auto ms = [&](double share) { return static_cast<double>(result.latencies.quantile(share)) / 1e6; };
  const uint64_t count = result.latencies.count() - result.unfinished;
  std::printf("{\"count\":%llu,\"unfinished\":%llu,\"seconds\":%.6f,\"rate\":%.3f,\"cpuSeconds\":%.6f,",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(result.unfinished), result.seconds,
              result.seconds > 0 ? static_cast<double>(count) / result.seconds : 0, result.cpu_seconds);
  std::printf("\"p50\":%.6f,\"p90\":%.6f,\"p99\":%.6f,\"p999\":%.6f,\"max\":%.6f,\"failed\":{", ms(0.5), ms(0.9), ms(0.99),
              ms(0.999), static_cast<double>(result.latencies.max()) / 1e6);
  const char* comma = "";
  for (const auto& [what, times] : result.failed) {
    std::printf("%s\"%s\":%llu", comma, what.c_str(), static_cast<unsigned long long>(times));
    comma = ",";
  }
  std::puts("}}");
}

}  // namespace

int main(int count, char** arguments) {
  try {
    print(maksdb::Load(plan_of(count, arguments)).run());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    return 1;
  }
}
