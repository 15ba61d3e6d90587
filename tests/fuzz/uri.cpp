// Percent encoding, query strings and URLs: what is written is read back as it was.
#include <sagemaker/aws/uri.hpp>

#include "tests/fuzz/target.hpp"

namespace sagemaker::fuzz {
namespace {

void check_encoding(std::string_view text) {
  for (const bool keep_slash : {false, true}) {
    const std::string encoded = aws::uri_encode(text, keep_slash);
    for (const char c : encoded) {
      require(aws::detail::is_unreserved(c) || c == '%' || (keep_slash && c == '/'),
              "an encoded text is plain");
    }
    require(aws::uri_decode(encoded) == text, "an encoded text is decoded to itself");
    require(aws::uri_decode(encoded, true) == text, "an encoded text has no plus sign");
  }
  if (const auto decoded = aws::uri_decode(text)) {
    require(decoded->size() <= text.size(), "decoding makes nothing longer");
    require(aws::uri_decode(aws::uri_encode(*decoded)) == decoded, "a decoded text survives");
  }
}

void check_query(std::string_view text) {
  const auto fields = aws::parse_query(text);
  std::string written;
  for (const auto& [name, value] : fields) {
    written.append(written.empty() ? "" : "&")
        .append(aws::uri_encode(name))
        .append("=")
        .append(aws::uri_encode(value));
  }
  require(aws::parse_query(written) == fields, "a written query has the same fields");
}

void check_url(std::string_view text) {
  aws::Uri uri;
  try {
    uri = aws::parse_uri(text);
  } catch (const std::invalid_argument&) {
    return;
  }
  require(uri.port >= 0 && uri.port <= 65535, "a port is in range");
  const std::string written = uri.origin() + uri.path + (uri.query.empty() ? "" : "?" + uri.query);
  const aws::Uri again = aws::parse_uri(written);
  require(again.scheme == uri.scheme && again.host == uri.host && again.port == uri.port &&
              again.path == uri.path && again.query == uri.query,
          "a written URL has the same parts");
}

const Registered registered(
    {"uri",
     [](std::string_view input) {
       check_encoding(input);
       check_query(input);
       check_url(input);
     },
     {"http://127.0.0.1:4566/bucket/a%20key?x=1&y=%2F&z", "https://[::1]:8443/?q",
      "s3://bucket/key with spaces+plus", "http+unix:///tmp/socket", "a=b&c&=d&%zz=%4",
      "HTTPS://Example.COM#fragment", "http://[[]/", "https://[a]:1"},
     {"://", "http", "s3", "[", "]", "%", "%2F", "?", "&", "=", "+", "@", "#", ":0", ":65536"}});

}  // namespace
}  // namespace sagemaker::fuzz
