// What the emulator adds to an invocation: the same small request at 1, 8 and 32 connections, straight to a
// container that computes nothing, and through InvokeEndpoint with a signature. The container is this
// program.
#include <csignal>
#include <sstream>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>

#include "emulator/runner/unique_fd.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/load.hpp"

namespace {
using namespace sagemaker::bench;
namespace sm = sagemaker;
using sm::local::runner::checked;
using sm::local::runner::UniqueFd;

constexpr double seconds = 2;

// ---- the container: a thread for each connection, one read and one write for each request

void answer_requests(UniqueFd connection) {
  const int on = 1;
  ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::string_view answer =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 26\r\n\r\n{\"predictions\": "
      "[[0.125]]}";
  std::string received;
  std::vector<char> buffer(65536);
  for (;;) {
    std::size_t end = received.find("\r\n\r\n");
    std::size_t wanted = std::string::npos;
    if (end != std::string::npos) {
      const std::size_t length = received.find("Content-Length: ");
      const std::size_t body = length < end ? std::strtoul(received.c_str() + length + 16, nullptr, 10) : 0;
      wanted = end + 4 + body;
    }
    if (received.size() >= wanted) {
      received.erase(0, wanted);
      if (::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
      continue;
    }
    const ssize_t count = ::recv(connection.get(), buffer.data(), buffer.size(), 0);
    if (count <= 0) return;
    received.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

sockaddr_in loopback(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

[[noreturn]] void serve(const UniqueFd& listener) {
  for (;;) {
    UniqueFd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection) std::thread(answer_requests, std::move(connection)).detach();
  }
}

UniqueFd listen_on(const std::string& host, int port) {
  UniqueFd listener(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  const sockaddr_in address = loopback(host, port);
  checked(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  checked(::listen(listener.get(), 128), "listen");
  return listener;
}

[[noreturn]] void serve_as_container() {
  const char* host = std::getenv("SAGEMAKER_BIND_TO_HOST");
  const char* port = std::getenv("SAGEMAKER_BIND_TO_PORT");
  if (!host || !port) throw std::runtime_error("this is no container");
  serve(listen_on(host, std::atoi(port)));
}

// ---- the load

std::string body() {
  std::string text = "{\"instances\": [[0.5";
  for (int i = 1; i < 784; ++i) text += ", 0.5";
  return text + "]]}";
}

std::string http_request(const std::string& path, const sm::aws::Headers& headers,
                         const std::string& content) {
  std::string text = "POST " + path + " HTTP/1.1\r\n";
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  return text + "Content-Length: " + std::to_string(content.size()) + "\r\n\r\n" + content;
}

// Signed once: a signature is good for a quarter of an hour.
std::string signed_request(const sm::LocalEmulator& emulator, const std::string& endpoint) {
  const std::string content = body();
  const sm::ClientConfig config = emulator.config();
  sm::aws::sigv4::Message message{
      .method = "POST",
      .path = "/endpoints/" + endpoint + "/invocations",
      .query = "",
      .headers = {{"Host", sm::aws::parse_uri(emulator.endpoint_url()).authority()},
                  {"Content-Type", "application/json"}},
      .payload_hash = sm::aws::sha256_hex(content)};
  sm::aws::sigv4::sign(message, *config.credentials, {"us-east-1", "sagemaker"},
                       std::chrono::system_clock::now());
  return http_request(message.path, message.headers, content);
}

void create_endpoint(const sm::Session& session, const std::string& name, const std::string& program) {
  session.sagemaker().create_model({{"ModelName", name},
                                    {"ExecutionRoleArn", role_arn()},
                                    {"PrimaryContainer", {{"Image", "file://" + program}}}});
  session.sagemaker().create_endpoint_config(
      {{"EndpointConfigName", name},
       {"ProductionVariants", sm::json::array({{{"VariantName", "AllTraffic"},
                                                {"ModelName", name},
                                                {"InitialInstanceCount", 1},
                                                {"InstanceType", "ml.m5.large"}}})}});
  session.sagemaker().create_endpoint({{"EndpointName", name}, {"EndpointConfigName", name}});
  using std::chrono::milliseconds;
  session.sagemaker().wait_for_endpoint_in_service(
      name,
      {.poll_interval = milliseconds(5), .first_interval = milliseconds(5), .timeout = milliseconds(60'000)});
}

// Microseconds of processor time that a process has used, in user code and in the kernel.
double processor_us(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0, kernel = 0;
  fields >> user >> kernel;
  return (user + kernel) * 1e6 / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

void measure() {
  const UniqueFd listener = listen_on("127.0.0.1", 0);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  const pid_t container = ::fork();  // a process of its own, as behind the emulator
  if (container == 0) serve(listener);
  const sm::LocalEmulator emulator;
  create_endpoint(emulator.session(), "bench", std::filesystem::read_symlink("/proc/self/exe").string());
  const std::string straight =
      http_request("/invocations", {{"Host", "127.0.0.1"}, {"Content-Type", "application/json"}}, body());
  const std::string through = signed_request(emulator, "bench");
  const int port = sm::aws::parse_uri(emulator.endpoint_url()).port;
  for (const int connections : {1, 8, 32}) {
    const LoadResult direct = LoadGenerator(ntohs(address.sin_port), connections, straight).run(seconds);
    const double used_before = processor_us(emulator.pid());
    const LoadResult gateway = LoadGenerator(port, connections, through).run(seconds);
    // The generator warms up for a quarter of the time before it measures.
    const double requests = gateway.per_second * seconds * 1.25;
    const double used = (processor_us(emulator.pid()) - used_before) / requests;
    const std::string what = "InvokeEndpoint, " + std::to_string(connections) + " connections";
    print({what + ", p50",
           "ms",
           gateway.p50_ms,
           {"the container alone", direct.p50_ms},
           connections == 1 ? Budget{0.3, Judged::excess} : Budget{}});
    print({what + ", p99", "ms", gateway.p99_ms, {"the container alone", direct.p99_ms}});
    print({what + ", processor time", "us", used});
    print({what + ", requests", "/s", gateway.per_second, {"the container alone", direct.per_second}});
  }
  ::kill(container, SIGKILL);
}
}  // namespace

int main(int count, char** arguments) {
  if (count == 2 && std::string_view(arguments[1]) == "serve")
    return run("bench_gateway", serve_as_container);
  return run("bench_gateway", measure);
}
