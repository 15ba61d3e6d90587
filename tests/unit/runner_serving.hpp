// What tests of an endpoint's instances share: a small HTTP server in Python as the image, which misbehaves
// on request, and an instance of it.
#pragma once

#include "emulator/runner/archive.hpp"
#include "emulator/runner/serving_instance.hpp"
#include "tests/unit/runner_support.hpp"

namespace sagemaker::tests {

using local::RunnerLimits;
using local::runner::Invocation;
using local::runner::InvocationResult;
using local::runner::ServingInstance;
using local::runner::ServingSpec;
using State = ServingInstance::State;
using Kind = InvocationResult::Kind;

inline const char* const server_text = R"(
import http.server, os, signal, socketserver, sys, time, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    def answer(self, status, body, headers={}):
        self.send_response(status)
        for name, value in headers.items(): self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if os.path.exists('hold-ping'):
            with open('held', 'a') as file: file.write('x')
            time.sleep(1000)
        self.answer(503 if os.path.exists('refuse-ping') else 200, b'')
    def do_DELETE(self): self.answer(200, b'deleted ' + self.path.encode())
    def chunks(self):
        while True:
            size = int(self.rfile.readline(), 16)
            yield self.rfile.read(size)
            self.rfile.readline()
            if size == 0: return
    def do_POST(self):
        if self.headers['Transfer-Encoding'] == 'chunked':
            if self.headers['Content-Length']: return self.answer(400, b'two lengths')
            body = b''.join(self.chunks())
        else: body = self.rfile.read(int(self.headers['Content-Length']))
        command = body[:40].decode('latin-1').strip()
        if command == 'crash': os._exit(3)
        if command == 'slow': time.sleep(1000)
        if command == 'pid': return self.answer(200, str(os.getpid()).encode())
        if command == 'peer': return self.answer(200, str(self.client_address[1]).encode())
        if command == 'error': return self.answer(500, b'bad input')
        if command == 'large': return self.answer(200, b'x' * 5000)
        if command == 'count':
            with open('count', 'a') as file: file.write('x')
            self.close_connection = True
            return
        if command == 'chunked':
            self.send_response(200)
            self.send_header('Transfer-Encoding', 'chunked')
            self.end_headers()
            for part in (b'hello ', b'chunked', b' world'):
                self.wfile.write(b'%x\r\n%s\r\n' % (len(part), part))
            return self.wfile.write(b'0\r\n\r\n')
        if command == 'pieces':  # one at a time, the next when the last was seen to arrive
            self.send_response(200)
            self.send_header('Transfer-Encoding', 'chunked')
            self.send_header('Content-Type', 'text/pieces')
            self.end_headers()
            for number in range(3):
                while not os.path.exists('piece-%d' % number): time.sleep(0.001)
                self.wfile.write(b'7\r\npiece-%d\r\n' % number)
            return self.wfile.write(b'0\r\n\r\n')
        if command == 'break':
            self.send_response(200)
            self.send_header('Content-Length', '1000')
            self.end_headers()
            self.wfile.write(b'the beginning')
            self.close_connection = True
            return
        if command == 'endless':
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            while True: self.wfile.write(b'x' * 1000)
        if command == 'garbage':
            self.close_connection = True
            return self.wfile.write(b'\x16\x03\x01 no HTTP at all\r\n\r\n')
        if command == 'models':
            base = os.environ.get('SAGEMAKER_BASE_DIR', '/opt/ml')
            return self.answer(200, ','.join(os.listdir(base + '/models')).encode())
        if command.startswith('fetch '):
            try:
                with urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + command[6:], timeout=10) as answer:
                    return self.answer(200, answer.read())
            except OSError as error: return self.answer(200, b'cannot: ' + str(error).encode())
        if command == 'host':
            told = os.environ['SAGEMAKER_BIND_TO_HOST'] + ' ' + os.environ['SAGEMAKER_BIND_TO_PORT']
            return self.answer(200, told.encode())
        if command == 'flood':
            for number in range(200000): print('a line of a log that nobody will read', number)
            return self.answer(200, b'flooded')
        if command == 'path': return self.answer(200, self.path.encode())
        if command == 'close':
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'until the end')
            self.close_connection = True
            return
        if command == 'model':
            with open(os.environ['SM_MODEL_DIR'] + '/weights') as file: return self.answer(200, file.read().encode())
        seen = '|'.join(self.headers[name] for name in ('Content-Type', 'Accept', 'X-Amzn-SageMaker-Custom-Attributes'))
        self.answer(200, body[::-1], {'Content-Type': 'text/x', 'X-Seen': seen})
    def log_message(self, *arguments): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64
if sys.argv[1] != 'serve': sys.exit(9)
if os.path.exists('exit-at-start'): print('no weights'); sys.exit(7)
def end(*arguments):
    print('saying goodbye', flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print('starting', flush=True)
address = (os.environ['SAGEMAKER_BIND_TO_HOST'], int(os.environ['SAGEMAKER_BIND_TO_PORT']))
if 'HARD_CODED' in os.environ: address = (os.environ['HARD_CODED'], 8080)
Server(address, Handler).serve_forever()
)";

inline std::string find_python() {
  for (const char* path : {"/usr/bin/python3", "/usr/local/bin/python3"}) {
    if (fs::exists(path)) return path;
  }
  return "";
}

class Endpoint {
 public:
  explicit Endpoint(const Sandbox& sandbox) : sandbox_(sandbox) {
    spec.image = {
        .name = "test",
        .command = {find_python(), "-u", "-S", write_script(directory_ / "server.py", server_text)}};
    spec.root = directory_ / "instance";
    spec.hostname = "model-1";
    spec.environment = {{"PATH", "/usr/bin:/bin"}};
    spec.startup_timeout = std::chrono::seconds(20);
    spec.on_line = [this](std::string_view line) { lines.add(line); };
    fs::create_directories(spec.root / "work");
  }

  ServingInstance& start() {
    instance = ServingInstance::start(spec, sandbox_, addresses, limits);
    return *instance;
  }
  void start_ready() {
    const State state = start().wait_started(30s);
    CAPTURE(instance->failure_detail());
    REQUIRE(state == State::in_service);
  }
  InvocationResult invoke(const std::string& body, std::chrono::milliseconds timeout = 20s) {
    return instance->invoke({.content_type = "text/csv",
                             .accept = "*/*",
                             .headers = {{"X-Amzn-SageMaker-Custom-Attributes", "c000b4f9"}},
                             .body = body},
                            timeout);
  }
  std::string text(const std::string& body) { return invoke(body).body; }
  void order(const char* misbehaviour) { std::ofstream(spec.root / "work" / misbehaviour) << "x"; }

  const fs::path& directory() const { return directory_.path(); }
  ServingSpec spec;
  RunnerLimits limits;
  Lines lines;
  local::runner::AddressPool addresses;

 private:
  const Sandbox& sandbox_;
  TemporaryDirectory directory_;

 public:
  std::unique_ptr<ServingInstance> instance;
};

// Runs a check in both kinds of sandbox where there is a Python.
inline void with_endpoint(const std::function<void(Endpoint&)>& check) {
  if (find_python().empty()) return skip("no python3 in /usr/bin");
  in_both_sandboxes([&](const Sandbox& sandbox) {
    Endpoint endpoint(sandbox);
    check(endpoint);
  });
}

}  // namespace sagemaker::tests
