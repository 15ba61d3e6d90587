// AWS Signature Version 4, both ways: clients sign requests and make presigned queries, servers read what a
// request claims and verify it. Follows "Signature Version 4 signing process" and is checked with the vectors
// of awslabs/aws-c-auth.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/credentials.hpp>
#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/headers.hpp>
#include <sagemaker/aws/time.hpp>
#include <sagemaker/aws/uri.hpp>

namespace sagemaker::aws::sigv4 {

using Credentials = aws::Credentials;

inline constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
inline constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";
inline constexpr std::string_view empty_payload_hash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Scope {
  std::string region;
  std::string service;  // the signing name: "sagemaker", "s3"
};

// A request as it goes over the wire. The headers must hold Host.
struct Message {
  std::string method;
  std::string path;   // raw: still percent-encoded
  std::string query;  // raw, without the '?'
  Headers headers;
  std::string payload_hash;  // lower-case hex SHA-256 of the body, or what x-amz-content-sha256 says
  bool s3_path = false;      // S3: the path is not normalised and not encoded a second time
};

// A request whose signature cannot be read. `code` and what() are AWS's; both travel with HTTP status 400 or
// 403.
class SignatureFormatError : public std::runtime_error {
 public:
  SignatureFormatError(std::string code, int http_status, const std::string& message)
      : std::runtime_error(message), code_(std::move(code)), http_status_(http_status) {}
  const std::string& code() const { return code_; }
  int http_status() const { return http_status_; }
  std::string message() const { return what(); }

 private:
  std::string code_;
  int http_status_;
};

namespace detail {

// Dot segments and repeated slashes are resolved; a slash at the end stays.
inline std::string normalize_path(std::string_view path) {
  std::vector<std::string_view> kept;
  bool slash_at_end = path.empty() || path.back() == '/';
  while (!path.empty()) {
    const std::size_t end = path.find('/');
    const std::string_view segment = path.substr(0, end);
    path = end == std::string_view::npos ? std::string_view() : path.substr(end + 1);
    const bool last = path.empty();
    if (segment == "." || segment == "..") {
      if (segment == ".." && !kept.empty()) kept.pop_back();
      if (last) slash_at_end = true;
    } else if (!segment.empty()) {
      kept.push_back(segment);
    }
  }
  std::string normal;
  for (const std::string_view segment : kept) normal.append("/").append(segment);
  if (normal.empty() || slash_at_end) normal += '/';
  return normal;
}

// A piece of a raw target in its one canonical spelling: unreserved characters plain, all others %XX in upper
// case. What is already escaped stays so: %2F never becomes a slash. A '%' that starts no escape is data.
inline std::string canonical_piece(std::string_view raw, std::string_view plain = "") {
  std::string canonical;
  canonical.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    char c = raw[i];
    bool escaped = false;
    if (c == '%' && i + 2 < raw.size()) {
      const int high = aws::detail::hex_value(raw[i + 1]);
      const int low = aws::detail::hex_value(raw[i + 2]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high * 16 + low);
        escaped = true;
        i += 2;
      }
    }
    if (aws::detail::is_unreserved(c) || (!escaped && plain.find(c) != std::string_view::npos)) {
      canonical += c;
    } else {
      aws::detail::append_percent(canonical, c);
    }
  }
  return canonical;
}

inline std::string canonical_path(const Message& message) {
  const std::string_view path = message.path.empty() ? std::string_view("/") : std::string_view(message.path);
  if (message.s3_path) return canonical_piece(path, "/");
  return uri_encode(normalize_path(path), true);
}

using QueryFields = std::vector<std::pair<std::string, std::string>>;

inline QueryFields canonical_fields(std::string_view raw) {
  QueryFields fields;
  while (!raw.empty()) {
    const std::size_t end = raw.find('&');
    const std::string_view piece = raw.substr(0, end);
    raw = end == std::string_view::npos ? std::string_view() : raw.substr(end + 1);
    if (piece.empty()) continue;
    const std::size_t equals = piece.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : piece.substr(equals + 1);
    fields.emplace_back(canonical_piece(piece.substr(0, equals)), canonical_piece(value));
  }
  return fields;
}

inline std::string canonical_query(QueryFields fields, bool presigned, bool with_token) {
  std::sort(fields.begin(), fields.end());
  std::string query;
  for (const auto& [name, value] : fields) {
    if (presigned && name == "X-Amz-Signature") continue;
    if (!with_token && name == "X-Amz-Security-Token") continue;
    if (!query.empty()) query += '&';
    query.append(name).append("=").append(value);
  }
  return query;
}

inline bool has_authorization(const Message& message) {
  const std::string* field = message.headers.find("Authorization");
  return field && field->starts_with(algorithm);
}

inline bool is_presigned(const Message& message) {
  return !has_authorization(message) && ("&" + message.query).find("&X-Amz-Signature=") != std::string::npos;
}

// White space at both ends goes, runs of it inside (also folded lines) become one space.
inline void append_trimmed(std::string& out, std::string_view value) {
  const std::size_t start = out.size();
  bool pending = false;
  for (const char c : value) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      pending = out.size() > start;
    } else {
      if (pending) out += ' ';
      pending = false;
      out += c;
    }
  }
}

// Fields that proxies change on the way: never signed (botocore: auth.py).
inline bool never_signed(std::string_view lower_name) {
  static constexpr std::array<std::string_view, 12> names{"authorization",
                                                          "connection",
                                                          "expect",
                                                          "keep-alive",
                                                          "proxy-authenticate",
                                                          "proxy-authorization",
                                                          "te",
                                                          "trailer",
                                                          "transfer-encoding",
                                                          "upgrade",
                                                          "user-agent",
                                                          "x-amzn-trace-id"};
  return std::find(names.begin(), names.end(), lower_name) != names.end();
}

inline std::vector<std::string> signed_names(const Headers& headers) {
  std::vector<std::string> names;
  for (const Header& field : headers) {
    std::string name = to_lower(field.name);
    if (!never_signed(name)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

inline std::string join_names(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined.append(joined.empty() ? "" : ";").append(name);
  return joined;
}

inline std::vector<std::string> split_names(std::string_view joined) {
  std::vector<std::string> names;
  while (!joined.empty()) {
    const std::size_t end = joined.find(';');
    if (end != 0) names.emplace_back(joined.substr(0, end));
    joined = end == std::string_view::npos ? std::string_view() : joined.substr(end + 1);
  }
  return names;
}

inline std::string canonical_request(const Message& message, const std::vector<std::string>& names,
                                     std::string_view path, std::string_view query) {
  std::string text;
  text.reserve(512 + path.size() + query.size());
  text.append(message.method).append("\n").append(path).append("\n").append(query).append("\n");
  for (const std::string& name : names) {
    text.append(name).append(":");
    bool first = true;
    for (const Header& field : message.headers) {
      if (!iequals(field.name, name)) continue;
      if (!first) text += ',';
      first = false;
      append_trimmed(text, field.value);
    }
    text += '\n';
  }
  text.append("\n").append(join_names(names)).append("\n").append(message.payload_hash);
  return text;
}

inline void require_unsigned(const Message& message) {
  for (const std::string_view name : {"Authorization", "X-Amz-Date", "X-Amz-Security-Token"}) {
    if (message.headers.contains(name)) {
      throw std::invalid_argument("The request already carries the header " + std::string(name) +
                                  ": it is added by signing");
    }
  }
  for (const auto& [name, value] : parse_query(message.query)) {
    if (name == "X-Amz-Signature" || name == "X-Amz-Algorithm" || name == "X-Amz-Credential" ||
        name == "X-Amz-Date") {
      throw std::invalid_argument("The query already carries " + name + ": it is added by signing");
    }
  }
  if (!message.headers.contains("Host"))
    throw std::invalid_argument("A request without a Host header cannot be signed");
}

inline std::string_view view(const Digest256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace detail

// The canonical request. `signed_headers`: lower-case names in order. X-Amz-Signature is left out of a
// presigned query.
inline std::string canonical_request(const Message& message, const std::vector<std::string>& signed_headers) {
  return detail::canonical_request(
      message, signed_headers, detail::canonical_path(message),
      detail::canonical_query(detail::canonical_fields(message.query), detail::is_presigned(message), true));
}

// date/region/service/aws4_request, where the date is the first 8 characters of `amz_date`.
inline std::string scope_text(std::string_view amz_date, const Scope& scope) {
  return std::string(amz_date.substr(0, 8)) + "/" + scope.region + "/" + scope.service + "/aws4_request";
}

inline std::string string_to_sign(std::string_view amz_date, const Scope& scope, std::string_view canonical) {
  std::string text(algorithm);
  text.append("\n").append(amz_date).append("\n").append(scope_text(amz_date, scope)).append("\n");
  return text.append(sha256_hex(canonical));
}

// The key of one day, region and service: four HMACs, so the latest ones of each thread are kept.
inline Digest256 signing_key(std::string_view secret, std::string_view date, std::string_view region,
                             std::string_view service) {
  struct Entry {
    std::string secret, date, region, service;
    Digest256 key{};
  };
  thread_local std::array<Entry, 8> cache;
  thread_local std::size_t next = 0;
  for (const Entry& entry : cache) {
    if (!entry.date.empty() && entry.secret == secret && entry.date == date && entry.region == region &&
        entry.service == service) {
      return entry.key;
    }
  }
  Digest256 key = hmac_sha256("AWS4" + std::string(secret), date);
  for (const std::string_view step : {region, service, std::string_view("aws4_request")}) {
    key = hmac_sha256(detail::view(key), step);
  }
  cache[next++ % cache.size()] = {std::string(secret), std::string(date), std::string(region),
                                  std::string(service), key};
  return key;
}

inline std::string signature(const Digest256& key, std::string_view text) {
  return to_hex(hmac_sha256(detail::view(key), text));
}

// Adds X-Amz-Date, X-Amz-Security-Token, x-amz-content-sha256 (S3) and Authorization; signs every header that
// is there except those that proxies change. Throws std::invalid_argument where the request is signed already
// or has no Host.
inline void sign(Message& message, const Credentials& credentials, const Scope& scope, TimePoint time) {
  detail::require_unsigned(message);
  if (message.payload_hash.empty()) message.payload_hash = std::string(empty_payload_hash);
  const std::string amz_date = format_amz_date(time);
  message.headers.add("X-Amz-Date", amz_date);
  if (!credentials.session_token.empty())
    message.headers.add("X-Amz-Security-Token", credentials.session_token);
  if (message.s3_path || scope.service == "s3")
    message.headers.set("x-amz-content-sha256", message.payload_hash);
  const std::vector<std::string> names = detail::signed_names(message.headers);
  const Digest256 key = signing_key(credentials.secret_access_key, std::string_view(amz_date).substr(0, 8),
                                    scope.region, scope.service);
  const std::string text = string_to_sign(amz_date, scope, canonical_request(message, names));
  message.headers.add("Authorization", std::string(algorithm) + " Credential=" + credentials.access_key_id +
                                           "/" + scope_text(amz_date, scope) + ", SignedHeaders=" +
                                           detail::join_names(names) + ", Signature=" + signature(key, text));
}

// The query string, the message's own first, that lets anyone send this request until `expires` after `time`
// (S3 allows 1 s to 7 days). Every header of the message must then be sent as it is here. For S3 payload_hash
// is UNSIGNED-PAYLOAD where it was left empty.
inline std::string presign(const Message& message, const Credentials& credentials, const Scope& scope,
                           TimePoint time, std::chrono::seconds expires) {
  detail::require_unsigned(message);
  Message copy = message;
  if (copy.payload_hash.empty()) {
    copy.payload_hash = std::string(scope.service == "s3" ? unsigned_payload : empty_payload_hash);
  }
  const std::string amz_date = format_amz_date(time);
  const std::vector<std::string> names = detail::signed_names(copy.headers);
  std::string query = copy.query.empty() ? "" : copy.query + "&";
  query += "X-Amz-Algorithm=" + std::string(algorithm);
  query += "&X-Amz-Credential=" + uri_encode(credentials.access_key_id + "/" + scope_text(amz_date, scope));
  query += "&X-Amz-Date=" + amz_date;
  query.append("&X-Amz-Expires=").append(std::to_string(expires.count()));
  query += "&X-Amz-SignedHeaders=" + uri_encode(detail::join_names(names));
  if (!credentials.session_token.empty())
    query += "&X-Amz-Security-Token=" + uri_encode(credentials.session_token);
  copy.query = query;
  const Digest256 key = signing_key(credentials.secret_access_key, std::string_view(amz_date).substr(0, 8),
                                    scope.region, scope.service);
  return query + "&X-Amz-Signature=" +
         signature(key, string_to_sign(amz_date, scope, canonical_request(copy, names)));
}

// What a signed request says about itself; nothing of it is proven before verify().
struct Claim {
  std::string access_key;
  std::string date;  // yyyymmdd of the scope
  std::string region;
  std::string service;
  std::string signed_headers;  // lower-case names joined with ';'
  std::string signature;       // lower-case hex
  std::string amz_date;        // yyyymmddThhmmssZ
  bool presigned = false;
  std::optional<int> expires_s;  // presigned only
  std::string security_token;

  Scope scope() const { return {region, service}; }
};

namespace detail {

inline void read_credential(Claim& claim, std::string_view credential, bool s3) {
  // The access key may itself hold slashes, so the scope is taken from the end.
  std::array<std::string_view, 4> scope{};
  std::string_view rest = credential;
  for (std::size_t i = scope.size(); i-- > 0;) {
    const std::size_t slash = rest.rfind('/');
    if (slash == std::string_view::npos) {
      rest = {};
      break;
    }
    scope[i] = rest.substr(slash + 1);
    rest = rest.substr(0, slash);
  }
  if (rest.empty() || scope[0].size() != 8 || scope[3] != "aws4_request") {
    if (claim.presigned) {
      throw SignatureFormatError(
          "AuthorizationQueryParametersError", 400,
          "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
          "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
    }
    if (s3) {
      throw SignatureFormatError(
          "AuthorizationHeaderMalformed", 400,
          "The authorization header is malformed; the Credential is mal-formed; expecting "
          "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
    }
    throw SignatureFormatError("IncompleteSignatureException", 400,
                               "Credential must have exactly 5 slash-delimited elements, e.g. "
                               "keyid/date/region/service/term, got '" +
                                   std::string(credential) + "'");
  }
  claim.access_key = std::string(rest);
  claim.date = std::string(scope[0]);
  claim.region = std::string(scope[1]);
  claim.service = std::string(scope[2]);
}

inline Claim presigned_claim(const Message& message) {
  Claim claim;
  claim.presigned = true;
  std::string credential, expires;
  bool has_algorithm = false;
  for (const auto& [name, value] : parse_query(message.query)) {
    if (name == "X-Amz-Algorithm") has_algorithm = value == algorithm;
    if (name == "X-Amz-Credential") credential = value;
    if (name == "X-Amz-Date") claim.amz_date = value;
    if (name == "X-Amz-Expires") expires = value;
    if (name == "X-Amz-SignedHeaders") claim.signed_headers = value;
    if (name == "X-Amz-Signature") claim.signature = value;
    if (name == "X-Amz-Security-Token") claim.security_token = value;
  }
  const char* const code = "AuthorizationQueryParametersError";
  if (!has_algorithm || credential.empty() || claim.amz_date.empty() || expires.empty() ||
      claim.signed_headers.empty() || claim.signature.empty()) {
    throw SignatureFormatError(
        code, 400,
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
  }
  read_credential(claim, credential, message.s3_path);
  if (!parse_amz_date(claim.amz_date)) {
    throw SignatureFormatError(code, 400,
                               "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  }
  int seconds = 0;
  const auto [end, error] = std::from_chars(expires.data(), expires.data() + expires.size(), seconds);
  if (error == std::errc::result_out_of_range) {
    seconds = expires.front() == '-' ? -1 : 604'801;  // refused by the limits that the service applies
  } else if (error != std::errc() || end != expires.data() + expires.size()) {
    throw SignatureFormatError(code, 400, "X-Amz-Expires should be a number");
  }
  claim.expires_s = seconds;
  return claim;
}

// "name=value" pieces behind the algorithm, separated by commas and white space.
inline std::string authorization_field(std::string_view header, std::string_view name) {
  std::string_view rest = header.substr(algorithm.size());
  while (!rest.empty()) {
    const std::size_t start = rest.find_first_not_of(", \t");
    if (start == std::string_view::npos) break;
    rest = rest.substr(start);
    const std::string_view piece = rest.substr(0, rest.find_first_of(", \t"));
    const std::size_t equals = piece.find('=');
    if (equals != std::string_view::npos && piece.substr(0, equals) == name) {
      return std::string(piece.substr(equals + 1));
    }
    rest = rest.substr(piece.size());
  }
  return "";
}

inline Claim header_claim(const Message& message) {
  const std::string header = message.headers.get("Authorization");
  Claim claim;
  const std::string credential = authorization_field(header, "Credential");
  claim.signed_headers = authorization_field(header, "SignedHeaders");
  claim.signature = authorization_field(header, "Signature");
  claim.security_token = message.headers.get("X-Amz-Security-Token");
  claim.amz_date = message.headers.get("X-Amz-Date");
  if (claim.amz_date.empty()) {
    // Some clients sign the HTTP date instead.
    if (const auto date = parse_http_date(message.headers.get("Date")))
      claim.amz_date = format_amz_date(*date);
  }
  std::string missing;
  if (credential.empty()) missing += "Authorization header requires 'Credential' parameter. ";
  if (claim.signature.empty()) missing += "Authorization header requires 'Signature' parameter. ";
  if (claim.signed_headers.empty()) missing += "Authorization header requires 'SignedHeaders' parameter. ";
  if (!parse_amz_date(claim.amz_date)) {
    if (message.s3_path && missing.empty()) {
      throw SignatureFormatError("AccessDenied", 403,
                                 "AWS authentication requires a valid Date or x-amz-date header");
    }
    missing += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  }
  if (!missing.empty()) {
    if (message.s3_path) {
      throw SignatureFormatError(
          "AuthorizationHeaderMalformed", 400,
          "The authorization header is malformed; the authorization header requires three "
          "components: Credential, SignedHeaders, and Signature.");
    }
    // The signature itself must not travel back and into logs: AWS names the header, we name its algorithm
    // only.
    throw SignatureFormatError("IncompleteSignatureException", 400,
                               missing + "Authorization=" + std::string(algorithm));
  }
  read_credential(claim, credential, message.s3_path);
  return claim;
}

}  // namespace detail

// nullopt where the request carries no version 4 signature at all. Throws SignatureFormatError with AWS's
// code and words.
inline std::optional<Claim> claim_of(const Message& message) {
  if (detail::has_authorization(message)) return detail::header_claim(message);
  const std::string query = "&" + message.query;
  if (query.find("&X-Amz-Algorithm=") != std::string::npos ||
      query.find("&X-Amz-Signature=") != std::string::npos ||
      query.find("&X-Amz-Credential=") != std::string::npos) {
    return detail::presigned_claim(message);
  }
  return std::nullopt;
}

// Whether the signature is the one that `secret` gives for this message: constant time, no look at clocks,
// expiry or the payload itself. Clients disagree on two details, so each is tried: '+' in a query (a plus, or
// a space), and whether the session token of a presigned query is signed. A Host header must be among those
// signed.
inline bool verify(const Message& message, const Claim& claim, std::string_view secret) {
  const std::vector<std::string> names = detail::split_names(claim.signed_headers);
  if (std::find(names.begin(), names.end(), "host") == names.end()) return false;
  if (claim.date != std::string_view(claim.amz_date).substr(0, 8)) return false;
  const Digest256 key = signing_key(secret, claim.date, claim.region, claim.service);
  const std::string path = detail::canonical_path(message);
  const auto matches = [&](std::string_view query) {
    const std::string text =
        string_to_sign(claim.amz_date, claim.scope(), detail::canonical_request(message, names, path, query));
    return constant_time_equal(signature(key, text), claim.signature);
  };
  const detail::QueryFields fields = detail::canonical_fields(message.query);
  if (matches(detail::canonical_query(fields, claim.presigned, true))) return true;
  if (message.query.find('+') != std::string::npos) {
    std::string spaced = message.query;
    for (std::size_t at = 0; (at = spaced.find('+', at)) != std::string::npos;) spaced.replace(at, 1, "%20");
    if (matches(detail::canonical_query(detail::canonical_fields(spaced), claim.presigned, true)))
      return true;
  }
  return claim.presigned && !claim.security_token.empty() &&
         matches(detail::canonical_query(fields, true, false));
}

// ---- aws-chunked bodies (S3): each chunk is signed with the one before it
// -------------------------------------------

struct ChunkContext {
  Digest256 key{};
  std::string amz_date;
  Scope scope;
};

inline std::string chunk_signature(const ChunkContext& context, std::string_view previous_signature,
                                   std::string_view chunk_sha256_hex) {
  std::string text = "AWS4-HMAC-SHA256-PAYLOAD\n" + context.amz_date + "\n" +
                     scope_text(context.amz_date, context.scope) + "\n";
  text.append(previous_signature)
      .append("\n")
      .append(empty_payload_hash)
      .append("\n")
      .append(chunk_sha256_hex);
  return signature(context.key, text);
}

// `trailer`: the lines "name:value\n" as they were sent, names in lower case.
inline std::string trailer_signature(const ChunkContext& context, std::string_view previous_signature,
                                     std::string_view trailer) {
  std::string text = "AWS4-HMAC-SHA256-TRAILER\n" + context.amz_date + "\n" +
                     scope_text(context.amz_date, context.scope) + "\n";
  text.append(previous_signature).append("\n").append(sha256_hex(trailer));
  return signature(context.key, text);
}

}  // namespace sagemaker::aws::sigv4
