// Percent encoding by the rules of RFC 3986 that SigV4 asks for, query strings, and URLs taken apart.
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/headers.hpp>

namespace sagemaker::aws {

namespace detail {

inline bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

inline int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

inline void append_percent(std::string& out, char c) {
  static constexpr char digits[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += digits[byte >> 4];
  out += digits[byte & 15];
}

}  // namespace detail

// Everything but A-Z a-z 0-9 - . _ ~ becomes %XX in upper case; '/' stays where `keep_slash`.
inline std::string uri_encode(std::string_view text, bool keep_slash = false) {
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (detail::is_unreserved(c) || (keep_slash && c == '/')) {
      encoded += c;
    } else {
      detail::append_percent(encoded, c);
    }
  }
  return encoded;
}

// nullopt: a '%' that two hexadecimal digits do not follow.
inline std::optional<std::string> uri_decode(std::string_view text, bool plus_is_space = false) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = detail::hex_value(text[i + 1]);
      const int low = detail::hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

// Names and values of a query string or form, decoded, in their order; '+' is a space. A name without '=' has
// an empty value. A piece with a malformed % escape is taken as it stands, and empty pieces are left out.
inline std::vector<std::pair<std::string, std::string>> parse_query(std::string_view raw) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (!raw.empty()) {
    const std::size_t end = raw.find('&');
    const std::string_view piece = raw.substr(0, end);
    raw = end == std::string_view::npos ? std::string_view() : raw.substr(end + 1);
    if (piece.empty()) continue;
    const std::size_t equals = piece.find('=');
    const std::string_view name = piece.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : piece.substr(equals + 1);
    fields.emplace_back(uri_decode(name, true).value_or(std::string(name)),
                        uri_decode(value, true).value_or(std::string(value)));
  }
  return fields;
}

// A URL in its parts. `host` is in lower case for http and https, an IPv6 address stands without brackets.
// `port` is the scheme's own where none was given, 0 where the scheme has none. `path` and `query` keep their
// encoding.
struct Uri {
  std::string scheme;
  std::string host;
  int port = 0;
  std::string path;
  std::string query;

  // host, or host:port where the port is not the scheme's own: the value of the Host header.
  std::string authority() const {
    const bool ipv6 = host.find(':') != std::string::npos;
    std::string text;
    if (ipv6) text += '[';
    text += host;
    if (ipv6) text += ']';
    const int usual = scheme == "https" ? 443 : scheme == "http" ? 80 : 0;
    if (port != usual) text.append(":").append(std::to_string(port));
    return text;
  }
  std::string origin() const { return scheme + "://" + authority(); }
};

// Whether a host is this machine.
inline bool is_loopback(std::string_view host) {
  const bool numeric = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host.ends_with(".localhost") || (numeric && host.starts_with("127.")) ||
         host == "::1";
}

// Throws std::invalid_argument that names the text: no scheme, no host, a port that is none, or white space
// inside.
inline Uri parse_uri(std::string_view text) {
  const auto fail = [&](const char* why) -> Uri {
    throw std::invalid_argument("Invalid URL '" + std::string(text) + "': " + why);
  };
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0) return fail("it has no scheme such as http://");
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f')
      return fail("it contains white space or control characters");
  }
  Uri uri;
  uri.scheme = to_lower(text.substr(0, colon));
  const bool web = uri.scheme == "http" || uri.scheme == "https";
  std::string_view rest = text.substr(colon + 3);
  const std::size_t authority_end = rest.find_first_of(web ? "/?#" : "/");
  std::string_view authority = rest.substr(0, authority_end);
  rest = authority_end == std::string_view::npos ? std::string_view() : rest.substr(authority_end);
  if (const std::size_t at = authority.rfind('@'); web && at != std::string_view::npos) {
    return fail("user names and passwords in URLs are not supported");
  }
  std::string_view port;
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return fail("the bracket of the address is not closed");
    uri.host = std::string(authority.substr(1, bracket - 1));
    if (uri.host.find(':') == std::string::npos || uri.host.find_first_of("[]") != std::string::npos) {
      return fail("there is no IPv6 address between the brackets");
    }
    port = authority.substr(bracket + 1);
    if (!port.empty() && port.front() != ':')
      return fail("there is something else than a port behind the address");
  } else {
    const std::size_t separator = authority.find(':');
    uri.host = std::string(authority.substr(0, separator));
    if (separator != std::string_view::npos) port = authority.substr(separator);
  }
  if (uri.host.empty()) return fail("it has no host");
  if (web) uri.host = to_lower(uri.host);
  uri.port = uri.scheme == "https" ? 443 : uri.scheme == "http" ? 80 : 0;
  if (port.size() > 1) {
    const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), uri.port);
    if (error != std::errc() || end != port.data() + port.size() || uri.port < 1 || uri.port > 65535) {
      return fail("the port is not a number from 1 to 65535");
    }
  }
  if (web) {
    rest = rest.substr(0, rest.find('#'));
    const std::size_t question = rest.find('?');
    uri.path = std::string(rest.substr(0, question));
    if (question != std::string_view::npos) uri.query = std::string(rest.substr(question + 1));
  } else {
    uri.path = std::string(rest);
  }
  return uri;
}

}  // namespace sagemaker::aws
