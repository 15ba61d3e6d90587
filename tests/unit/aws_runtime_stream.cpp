// An endpoint's answer as a stream, from a real server that writes it piece by piece: what is there is
// delivered before the rest is written, errors of every kind arrive, and a reader that leaves is noticed.
#include <chrono>
#include <future>
#include <iterator>
#include <ranges>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/aws/event_stream.hpp>
#include <sagemaker/clients/runtime.hpp>

#include "tests/unit/loopback_servers.hpp"

using namespace sagemaker;
using aws::event_stream::encode;
using aws::event_stream::event;
using aws::event_stream::exception;
using aws::event_stream::Message;
using tests::RawServer;

static_assert(std::ranges::input_range<ByteIterator>);
static_assert(std::ranges::input_range<LineIterator>);

namespace {

const std::string head =
    "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n"
    "X-Amzn-SageMaker-Content-Type: text/plain\r\nx-Amzn-Invoked-Production-Variant: AllTraffic\r\n"
    "X-Amzn-SageMaker-Custom-Attributes: c\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string last_chunk = "0\r\n\r\n";

std::string chunk(const std::string& bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + bytes + "\r\n";
}
std::string part(const std::string& payload) { return encode(event({"PayloadPart", payload})); }
std::string failure(const std::string& type, const json& document) {
  return encode(exception({type, document.dump(), "application/json"}));
}

SageMakerRuntimeClient client_of(const RawServer& server) {
  ClientConfig config{.region = "us-east-1", .endpoint_url = server.origin()};
  config.credentials = aws::Credentials{"AKID", "secret", "", std::nullopt};
  config.max_attempts = 1;
  return SageMakerRuntimeClient(config);
}

InvokeEndpointWithResponseStreamOutput invoke(const RawServer& server) {
  return client_of(server).invoke_endpoint_with_response_stream({.endpoint_name = "e", .body = "{}"});
}

// A server that answers its first request with these bytes.
RawServer answering(const std::string& answer) {
  return RawServer([answer](int, int socket) {
    RawServer::read_head(socket);
    RawServer::write(socket, answer);
  });
}

std::vector<std::string> pieces_of(const std::string& answer) {
  const RawServer server = answering(answer);
  auto output = invoke(server);
  std::vector<std::string> pieces;
  for (const std::string& piece : output.body) pieces.push_back(piece);
  CHECK_FALSE(output.body.next());
  return pieces;
}

std::vector<std::string> lines_of(const std::vector<std::string>& pieces) {
  std::string answer = head;
  for (const std::string& piece : pieces) answer += chunk(part(piece));
  const RawServer server = answering(answer + last_chunk);
  std::vector<std::string> lines;
  for (const std::string& line : LineIterator(invoke(server).body)) lines.push_back(line);
  return lines;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a stream's request and head say what those of an invocation say, under other names") {
  std::promise<std::string> received;
  const RawServer server([&](int, int socket) {
    received.set_value(RawServer::read_head(socket));
    RawServer::write(socket, head + chunk(part("a")) + last_chunk);
  });
  auto output = client_of(server).invoke_endpoint_with_response_stream({.endpoint_name = "my e",
                                                                        .body = "in",
                                                                        .content_type = "text/csv",
                                                                        .accept = "text/plain",
                                                                        .target_variant = "v",
                                                                        .target_container_hostname = "h",
                                                                        .inference_component_name = "ic",
                                                                        .inference_id = "id",
                                                                        .custom_attributes = "a",
                                                                        .session_id = "s"});
  const std::string request = received.get_future().get();
  CHECK(request.starts_with("POST /endpoints/my%20e/invocations-response-stream HTTP/1.1\r\n"));
  for (const char* field :
       {"Content-Type: text/csv", "X-Amzn-SageMaker-Accept: text/plain", "X-Amzn-SageMaker-Target-Variant: v",
        "X-Amzn-SageMaker-Target-Container-Hostname: h", "X-Amzn-SageMaker-Inference-Component: ic",
        "X-Amzn-SageMaker-Inference-Id: id", "X-Amzn-SageMaker-Custom-Attributes: a",
        "X-Amzn-SageMaker-Session-Id: s"}) {
    CAPTURE(field);
    CHECK(request.find(std::string("\r\n") + field + "\r\n") != std::string::npos);
  }
  CHECK(output.content_type == "text/plain");
  CHECK(output.invoked_production_variant == "AllTraffic");
  CHECK(output.custom_attributes == "c");
  CHECK(output.body.next() == "a");
  CHECK_THROWS_AS(client_of(server).invoke_endpoint_with_response_stream(
                      {.endpoint_name = "e", .target_model = "m.tar.gz"}),
                  Error);
}

TEST_CASE("a piece is delivered before the next one is written") {
  std::promise<void> first_read, second_read;
  const RawServer server([&](int, int socket) {
    RawServer::read_head(socket);
    RawServer::write(socket, head + chunk(part("first")));
    first_read.get_future().wait();
    const std::string second = chunk(part("second"));
    RawServer::write(socket, second.substr(0, 20));  // a half event is waited for
    RawServer::write(socket, second.substr(20));
    second_read.get_future().wait();
    RawServer::write(socket, last_chunk);
  });
  auto output = invoke(server);
  CHECK(output.body.next() == "first");
  first_read.set_value();
  CHECK(output.body.next() == "second");
  second_read.set_value();
  CHECK_FALSE(output.body.next());
  CHECK_FALSE(output.body.next());
}

TEST_CASE("events come one by one however the transfer divides them") {
  const std::string two = part("a") + part("b");
  CHECK(pieces_of(head + chunk(two) + last_chunk) == Texts{"a", "b"});
  CHECK(pieces_of(head + chunk(two.substr(0, 5)) + chunk(two.substr(5)) + last_chunk) == Texts{"a", "b"});
  CHECK(pieces_of(head + last_chunk).empty());
}

TEST_CASE("events that this version does not know are passed over") {
  const std::string answer = head +
                             chunk(encode(event({"initial-response", "{}"})) + part("") + part("a") +
                                   encode(event({"Later", "x"}))) +
                             last_chunk;
  CHECK(pieces_of(answer) == Texts{"a"});
}

TEST_CASE("lines are put together again over pieces") {
  CHECK(lines_of({"one\ntw", "o\n", "\nfo", "ur"}) == Texts{"one", "two", "", "four"});
  CHECK(lines_of({"one\n"}) == Texts{"one"});
  CHECK(lines_of({"no end"}) == Texts{"no end"});  // the Python SDK waits for ever here
  CHECK(lines_of({}).empty());
  CHECK(lines_of({"a", "b", "c", "\r\n", "d\n\n"}) == Texts{"abc\r", "d", ""});
}

TEST_CASE("an answer that the model or the service breaks off throws after what came before") {
  const auto error_after = [](const std::string& message) {
    const RawServer server = answering(head + chunk(part("before") + message) + last_chunk);
    auto output = invoke(server);
    CHECK(output.body.next() == "before");
    output.body.next();
  };
  try {
    error_after(failure("ModelStreamError", {{"Message", "too slow"}, {"ErrorCode", "StreamBroken"}}));
    FAIL("no error");
  } catch (const ModelStreamError& error) {
    CHECK(error.code() == "StreamBroken");
    CHECK(std::string(error.what()) == "too slow (Code: StreamBroken)");
  }
  CHECK_THROWS_WITH_AS(error_after(failure("InternalStreamFailure", {{"Message", "ours"}})), "ours",
                       InternalStreamFailure);
  CHECK_THROWS_AS(error_after(failure("ModelStreamError", nullptr)), ModelStreamError);
  try {
    error_after(failure("ThrottlingException", {{"message", "slower"}}));
    FAIL("no error");
  } catch (const ServiceError& error) {
    CHECK(error.code() == "ThrottlingException");
    CHECK(error.message() == "slower");
  }
  const Message unmodeled{{{":message-type", std::string("error")},
                           {":error-code", std::string("InternalError")},
                           {":error-message", std::string("sorry")}},
                          ""};
  CHECK_THROWS_AS(error_after(encode(unmodeled)), ServiceError);
  CHECK_THROWS_AS(error_after("this is no event stream"), aws::event_stream::FormatError);
}

TEST_CASE("a connection that breaks in the middle is an error, not an end") {
  for (const std::string& answer :
       {head + chunk(part("a")),                                            // no last chunk
        head + chunk(part("a") + part("b").substr(0, 20)) + last_chunk}) {  // a half event
    const RawServer server = answering(answer);
    auto output = invoke(server);
    CHECK(output.body.next() == "a");
    CHECK_THROWS_AS(output.body.next(), TransportError);
  }
}

TEST_CASE("a refusal is thrown by the call itself") {
  const RawServer server = answering(
      "HTTP/1.1 424 Failed Dependency\r\nx-amzn-ErrorType: ModelError\r\nContent-Length: 17\r\n\r\n"
      "{\"Message\":\"bad\"}");
  try {
    invoke(server);
    FAIL("no error");
  } catch (const ServiceError& error) {
    CHECK(error.code() == "ModelError");
    CHECK(error.operation() == "InvokeEndpointWithResponseStream");
  }
}

TEST_CASE("a reader that leaves closes the connection, also while nothing comes") {
  std::promise<void> closed;
  const RawServer server([&](int, int socket) {
    RawServer::read_head(socket);
    RawServer::write(socket, head + chunk(part("a")));
    RawServer::read_head(socket);  // the body, and then the end of the connection
    closed.set_value();
  });
  const auto start = std::chrono::steady_clock::now();
  {
    auto output = invoke(server);
    CHECK(output.body.next() == "a");
  }
  closed.get_future().wait();
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));  // not the read timeout
}

TEST_CASE("a reader that is slow holds the sender back, and one that leaves then frees it") {
  const std::string large = chunk(part(std::string(1u << 20, 'x')));
  const RawServer server([&](int, int socket) {
    RawServer::read_head(socket);
    ::send(socket, head.data(), head.size(), MSG_NOSIGNAL);
    while (::send(socket, large.data(), large.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  auto output = invoke(server);
  std::size_t bytes = 0;
  for (int piece = 0; piece < 10; ++piece) bytes += output.body.next().value_or("").size();
  CHECK(bytes == 10u << 20);
}
