// One request to a service: it is signed, sent, sent again where that may help, and its error answer read,
// for the four protocols that AWS speaks. Clients are built on this, and so are the credentials providers
// that ask a service: a Sender has a complete configuration and looks nothing up.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/rate_limiter.hpp>
#include <sagemaker/aws/retry.hpp>
#include <sagemaker/aws/service.hpp>
#include <sagemaker/aws/sigv4.hpp>
#include <sagemaker/aws/transport.hpp>
#include <sagemaker/aws/xml.hpp>

namespace sagemaker {
inline constexpr std::string_view library_version = "0.1.0";
}

namespace sagemaker::aws {

// One call of one operation, before it is signed.
struct ApiRequest {
  std::string operation;  // "CreateTrainingJob", for errors
  std::string method = "POST";
  std::string path = "/";  // percent-encoded
  std::string query;       // percent-encoded, without '?'
  std::string host_label;  // goes before the endpoint's host: "bucket."
  Headers headers;
  std::string body;
  std::shared_ptr<BodySource> stream;  // instead of body; payload_hash must then be set
  std::string payload_hash;            // empty: that of body
  BodySink* sink = nullptr;            // takes the body of a success
  bool sign = true;                    // false: the request carries its proof itself, as SSO's do
  bool idempotent = true;              // false: never sent again where it may have been carried out
  std::optional<std::chrono::milliseconds> read_timeout;
  std::stop_token stop;  // ends the call from another thread, with a TransportError; nothing is sent again
  // S3 begins to answer long operations before it knows how they end: their 200 may carry an <Error>.
  bool error_in_success = false;
  // Called before each attempt with its signature, for bodies whose chunks are signed one after the other.
  std::function<void(const sigv4::ChunkContext&, const std::string& signature)> on_signed;
};

// The error document of a response, whatever the protocol.
struct ErrorDocument {
  std::string code, message, request_id;
  json details = json::object();
};

namespace detail {

inline std::string request_id_of(const Headers& headers) {
  for (const char* name : {"x-amzn-RequestId", "x-amz-request-id", "x-amzn-request-id"}) {
    if (const std::string* value = headers.find(name)) return *value;
  }
  return "";
}

// "prefix#Code:http://..." -> "Code"
inline std::string bare_code(std::string_view code) {
  if (const std::size_t colon = code.find(':'); colon != std::string_view::npos) code = code.substr(0, colon);
  if (const std::size_t hash = code.rfind('#'); hash != std::string_view::npos) code = code.substr(hash + 1);
  return std::string(trim(code));
}

inline void read_json_error(const HttpResponse& response, ErrorDocument& document) {
  json body;
  try {
    body = response.body.empty() ? json::object() : parse_json(response.body);
  } catch (const JsonError&) {
    body = nullptr;
  }
  const auto text = [&](const char* name) -> std::string {
    if (!body.is_object()) return "";
    const auto found = body.find(name);
    return found != body.end() && found->is_string() ? found->get<std::string>() : "";
  };
  document.code = bare_code(response.headers.get("x-amzn-ErrorType"));
  for (const char* name : {"__type", "code", "Code"}) {
    if (document.code.empty()) document.code = bare_code(text(name));
  }
  for (const char* name : {"message", "Message", "errorMessage"}) {
    if (document.message.empty()) document.message = text(name);
  }
  if (!body.is_object()) return;
  for (auto member = body.begin(); member != body.end(); ++member) {
    const std::string& name = member.key();
    if (name != "__type" && name != "message" && name != "Message") document.details[name] = *member;
  }
}

inline void read_xml_error(const HttpResponse& response, ErrorDocument& document) {
  if (response.body.empty()) return;
  try {
    const auto xml = parse_xml(response.body);
    pugi::xml_node root = xml->document_element();
    // S3 puts the error at the top, the query protocol wraps it in an ErrorResponse.
    if (const std::string id = xml_text(root, "RequestId"); !id.empty()) document.request_id = id;
    const pugi::xml_node error = std::string_view(root.name()) == "Error" ? root : root.child("Error");
    document.code = xml_text(error, "Code");
    document.message = xml_text(error, "Message");
    for (const pugi::xml_node& child : error.children()) {
      const std::string name = child.name();
      if (name.empty() || name == "Code" || name == "Message" || name == "RequestId") continue;
      document.details[name] = child.child_value();
    }
  } catch (const Error&) {
    // Not XML: a proxy's page. The HTTP status says what there is to say.
  }
}

}  // namespace detail

// Reads an error answer. Where it has no code (a HEAD request, a proxy's page) the code is the HTTP status as
// a number and the message its reason, as botocore does it.
inline ErrorDocument read_error(Protocol protocol, const HttpResponse& response) {
  ErrorDocument document;
  document.request_id = detail::request_id_of(response.headers);
  if (protocol == Protocol::json || protocol == Protocol::rest_json) {
    detail::read_json_error(response, document);
  } else {
    detail::read_xml_error(response, document);
  }
  if (document.code.empty()) document.code = std::to_string(response.status);
  if (document.message.empty()) document.message = response.reason.empty() ? "Unknown" : response.reason;
  return document;
}

// Copies share their state; all members are safe to call from several threads.
class Sender {
 public:
  Sender(const ServiceDescription& service, ResolvedConfig config)
      : state_(std::make_shared<State>(service, std::move(config))) {}

  // Sends the request until it succeeds or may not be tried again. Throws ServiceError, TransportError,
  // CredentialsError.
  HttpResponse send(const ApiRequest& request) const {
    State& state = *state_;
    RetrySession session(state.quota, state.config.max_attempts, request.idempotent, state.config.retry_mode);
    const std::string invocation_id = uuid4();
    Repairs repairs;
    while (true) {
      FailedAttempt failure;
      std::optional<TransportError> broken;
      std::optional<ErrorDocument> refused;
      HttpResponse response;
      SinkWatch watch(request.sink);
      // Outside of what is retried: a provider that has to ask a service has its own retries.
      const HttpRequest raw = prepare(request, invocation_id, session.attempt(), watch);
      try {
        if (state.limiter) state.limiter->acquire();
        response = state.config.transport->send(raw);
        if (request.error_in_success && holds_error(response)) response.status = 500;
        if (response.status >= 200 && response.status < 300) {
          session.succeeded();
          if (state.limiter) state.limiter->answered(false);
          return response;
        }
        refused = read_error(state.service.protocol, response);
        failure = classify(response.status, refused->code, state.config.retry_mode);
        if (state.limiter) state.limiter->answered(failure.kind == FailedAttempt::Kind::throttling);
      } catch (const TransportError& error) {
        broken = error;
        failure = classify(error.kind());
        if (state.limiter) state.limiter->answered(false);
      }
      if (watch.replayable() && can_send_again(request) && !request.stop.stop_requested()) {
        if (refused && repair(*refused, response, repairs) && session.repair()) continue;
        if (const auto delay = session.next_delay(failure, state.config.random)) {
          state.config.clock->sleep_for(*delay);
          continue;
        }
      }
      if (broken) throw *broken;
      throw service_error(request, response, std::move(*refused), session.attempt());
    }
  }

  // json 1.0 and 1.1: a document in, a document out. A response that is no JSON is a sagemaker::Error.
  json call_json(std::string_view operation, const json& input) const {
    ApiRequest request;
    request.operation = std::string(operation);
    request.headers.add("Content-Type", "application/x-amz-json-" + std::string(service().json_version));
    request.headers.add("X-Amz-Target", std::string(state_->service.target_prefix) + "." + request.operation);
    request.body = input.is_null() ? "{}" : dump_json(input);
    return json_body(request.operation, send(request));
  }

  // The query protocol: parameters in, the XML document out; <OPERATIONResult> in it holds the answer.
  std::unique_ptr<pugi::xml_document> call_query(
      std::string_view operation, const std::vector<std::pair<std::string, std::string>>& parameters) const {
    ApiRequest request;
    request.operation = std::string(operation);
    request.headers.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    request.body = "Action=" + request.operation + "&Version=" + std::string(state_->service.version);
    for (const auto& [name, value] : parameters)
      request.body += "&" + uri_encode(name) + "=" + uri_encode(value);
    return parse_xml(send(request).body);
  }

  static json json_body(const std::string& operation, const HttpResponse& response) {
    if (response.body.empty()) return json::object();
    try {
      return parse_json(response.body);
    } catch (const JsonError& error) {
      throw Error("Unable to parse the response of the " + operation +
                  " operation, received invalid JSON: " + error.what());
    }
  }

  // A URL that carries this request's signature, made with the client's credentials and good for `expires`.
  std::string presigned_url(const ApiRequest& request, std::chrono::seconds expires) const {
    sigv4::Message message = unsigned_message(request);
    message.payload_hash = request.payload_hash;
    check(message.headers);
    const std::string query = sigv4::presign(message, credentials(), scope(), now(), expires);
    return origin(request) + message.path + "?" + query;
  }

  const std::string& region() const { return state_->config.region; }
  const ResolvedConfig& config() const { return state_->config; }
  const ServiceDescription& service() const { return state_->service; }

  Credentials credentials() const {
    if (auto found = state_->config.credentials->load()) return *found;
    throw CredentialsError("Unable to locate credentials");
  }

  // The machine's time as the service sees it: corrected by what earlier answers said.
  TimePoint now() const {
    return state_->config.clock->now() + std::chrono::milliseconds(state_->clock_offset_ms.load());
  }

 private:
  struct State {
    State(const ServiceDescription& description, ResolvedConfig resolved)
        : service(description), config(std::move(resolved)) {
      if (config.retry_mode == RetryMode::adaptive) limiter = std::make_unique<RateLimiter>(config.clock);
    }
    const ServiceDescription service;
    const ResolvedConfig config;
    RetryQuota quota;
    std::unique_ptr<RateLimiter> limiter;  // of the adaptive mode
    std::atomic<std::int64_t> clock_offset_ms{0};
  };

  struct Repairs {
    bool clock = false, credentials = false;
  };

  // Notices whether a caller's sink already got bytes that cannot be taken back.
  class SinkWatch final : public BodySink {
   public:
    explicit SinkWatch(BodySink* sink) : sink_(sink) {}
    BodySink* get() { return sink_ ? this : nullptr; }
    bool replayable() const { return !started_ || sink_->can_restart(); }
    void start(const HttpResponse& head) override { sink_->start(head); }
    void write(std::string_view piece) override {
      started_ = true;
      sink_->write(piece);
    }
    bool can_restart() const override { return replayable(); }

   private:
    BodySink* sink_;
    bool started_ = false;
  };

  static bool holds_error(const HttpResponse& response) {
    if (response.status != 200 || response.body.find("<Error>") == std::string::npos) return false;
    const auto document = parse_xml(response.body);
    return std::string_view(document->document_element().name()) == "Error";
  }

  // A line break in a value would end the header and start another one.
  static void check(const Headers& headers) {
    constexpr std::string_view breaks("\r\n\0", 3);
    for (const Header& field : headers) {
      if (field.name.find_first_of(breaks) == std::string::npos &&
          field.value.find_first_of(breaks) == std::string::npos)
        continue;
      throw Error("Parameter validation failed: the value of " + field.name + " contains a line break");
    }
  }

  static bool can_send_again(const ApiRequest& request) {
    return !request.stream || request.stream->can_rewind();
  }

  std::string origin(const ApiRequest& request) const {
    Uri uri = state_->config.endpoint;
    uri.host = request.host_label + uri.host;
    return uri.origin();
  }

  sigv4::Scope scope() const {
    return {state_->config.signing_region, std::string(state_->service.signing_name)};
  }

  sigv4::Message unsigned_message(const ApiRequest& request) const {
    Uri uri = state_->config.endpoint;
    uri.host = request.host_label + uri.host;
    sigv4::Message message;
    message.method = request.method;
    message.path = uri.path + request.path;
    message.query = request.query;
    message.headers = request.headers;
    message.headers.set("Host", uri.authority());
    message.s3_path = state_->service.signing_name == "s3";
    return message;
  }

  HttpRequest prepare(const ApiRequest& request, const std::string& invocation_id, int attempt,
                      SinkWatch& sink) const {
    const ResolvedConfig& config = state_->config;
    sigv4::Message message = unsigned_message(request);
    message.payload_hash = !request.payload_hash.empty() ? request.payload_hash : sha256_hex(request.body);
    if (request.sign && config.credentials) {
      const Credentials identity = credentials();
      sigv4::sign(message, identity, scope(), now());
      if (request.on_signed) announce_signature(request, message, identity);
    }
    HttpRequest raw;
    raw.method = message.method;
    raw.origin = origin(request);
    raw.target = message.query.empty() ? message.path : message.path + "?" + message.query;
    raw.headers = std::move(message.headers);
    raw.headers.set("User-Agent", user_agent());
    raw.headers.set("amz-sdk-invocation-id", invocation_id);
    raw.headers.set("amz-sdk-request",
                    "attempt=" + std::to_string(attempt) + "; max=" + std::to_string(config.max_attempts));
    raw.body = request.body;
    raw.stream = request.stream;
    raw.sink = sink.get();
    raw.idempotent = request.idempotent;
    raw.stop = request.stop;
    raw.connect_timeout = config.connect_timeout;
    raw.read_timeout = request.read_timeout.value_or(config.read_timeout);
    check(raw.headers);
    return raw;
  }

  void announce_signature(const ApiRequest& request, const sigv4::Message& message,
                          const Credentials& identity) const {
    sigv4::ChunkContext context{{}, message.headers.get("X-Amz-Date"), scope()};
    context.key =
        sigv4::signing_key(identity.secret_access_key, std::string_view(context.amz_date).substr(0, 8),
                           context.scope.region, context.scope.service);
    const std::string authorization = message.headers.get("Authorization");
    request.on_signed(context, authorization.substr(authorization.rfind('=') + 1));
  }

  std::string user_agent() const {
    std::string text = "sagemaker-cpp/" + std::string(library_version) +
                       " ua/2.0 os/linux lang/c++#20 cfg/retry-mode#" +
                       std::string(name_of(state_->config.retry_mode));
    if (!state_->config.app_id.empty()) text += " app/" + state_->config.app_id;
    if (!state_->config.user_agent_extra.empty()) text += " " + state_->config.user_agent_extra;
    return text;
  }

  // Whether the request now stands a better chance: the clock was corrected, or expired credentials were
  // replaced. Each is done once in a call.
  bool repair(const ErrorDocument& error, const HttpResponse& response, Repairs& done) const {
    const auto is_one_of = [&](std::initializer_list<std::string_view> codes) {
      return std::find(codes.begin(), codes.end(), error.code) != codes.end();
    };
    if (!done.credentials && is_one_of({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})) {
      done.credentials = true;
      return state_->config.credentials && state_->config.credentials->refresh();
    }
    // "403" alone is the answer to a HEAD request, which has no document to say more.
    if (done.clock ||
        !is_one_of({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", "AuthFailure",
                    "InvalidSignatureException", "SignatureDoesNotMatch", "403"})) {
      return false;
    }
    const auto server_time = parse_http_date(response.headers.get("Date"));
    if (!server_time) return false;
    const auto difference = *server_time - now();
    if (difference < std::chrono::minutes(4) && difference > -std::chrono::minutes(4)) return false;
    done.clock = true;
    state_->clock_offset_ms = to_epoch_ms(*server_time) - to_epoch_ms(state_->config.clock->now());
    return true;
  }

  static ServiceError service_error(const ApiRequest& request, const HttpResponse& response,
                                    ErrorDocument document, int attempts) {
    ServiceErrorInfo info;
    info.retryable = is_retryable(response.status, document.code);
    info.code = std::move(document.code);
    info.message = std::move(document.message);
    info.operation = request.operation;
    info.request_id = std::move(document.request_id);
    info.http_status = response.status;
    info.details = std::move(document.details);
    info.attempts = attempts;
    return ServiceError(std::move(info));
  }

  std::shared_ptr<State> state_;
};

}  // namespace sagemaker::aws
