// ListObjects, both versions: order, prefixes, delimiters, and pages that together are the whole listing.
#include <algorithm>

#include "tests/unit/s3_support.hpp"

using namespace sagemaker::tests;
namespace aws = sagemaker::aws;

namespace {

using Texts = std::vector<std::string>;

struct ListingFixture : S3BucketFixture {
  ListingFixture() {
    for (const char* key :
         {"a", "photos/2023/x", "photos/2023/y", "photos/2024/z", "photos/index", "photos0", "b c", "zeta"}) {
      REQUIRE(put("/bucket/" + aws::uri_encode(key, true), "12345").status == 200);
    }
  }
  static Texts keys(const S3Answer& answer) { return answer.texts("/ListBucketResult/Contents/Key"); }
  static Texts prefixes(const S3Answer& answer) {
    return answer.texts("/ListBucketResult/CommonPrefixes/Prefix");
  }
  S3Answer list(const std::string& query) { return send("GET", "/bucket?list-type=2&" + query); }

  // Every entry of all pages, keys and common prefixes together, in the order of the pages.
  Texts all_pages_v2(const std::string& query) {
    Texts all;
    std::string token;
    do {
      const S3Answer page =
          list(query + (token.empty() ? "" : "&continuation-token=" + aws::uri_encode(token)));
      Texts entries = keys(page);
      for (const std::string& prefix : prefixes(page)) entries.push_back(prefix);
      std::sort(entries.begin(), entries.end());
      CHECK(page.text("KeyCount") == std::to_string(entries.size()));
      all.insert(all.end(), entries.begin(), entries.end());
      token = page.text("NextContinuationToken");
      CHECK((page.text("IsTruncated") == "true") == !token.empty());
    } while (!token.empty());
    return all;
  }
};

}  // namespace

TEST_CASE_FIXTURE(ListingFixture, "keys come in byte order with what is known about them") {
  const S3Answer answer = list("");
  CHECK(keys(answer) == Texts{"a", "b c", "photos/2023/x", "photos/2023/y", "photos/2024/z", "photos/index",
                              "photos0", "zeta"});
  CHECK(answer.text("Name") == "bucket");
  CHECK(answer.text("KeyCount") == "8");
  CHECK(answer.text("MaxKeys") == "1000");
  CHECK(answer.text("IsTruncated") == "false");
  CHECK(answer.text("Size") == "5");
  CHECK(answer.text("ETag") == "\"" + md5_hex("12345") + "\"");
  CHECK(answer.text("LastModified") == "2013-05-24T00:00:00.000Z");
  CHECK(answer.text("StorageClass") == "STANDARD");
  CHECK(answer.text("Owner").empty());
  CHECK(list("fetch-owner=true").text("ID").size() == 64);
  CHECK(send("GET", "/bucket").text("ID").size() == 64);
}

TEST_CASE_FIXTURE(ListingFixture, "prefix and delimiter make folders") {
  const S3Answer top = list("delimiter=/");
  CHECK(keys(top) == Texts{"a", "b c", "photos0", "zeta"});
  CHECK(prefixes(top) == Texts{"photos/"});
  CHECK(top.text("KeyCount") == "5");
  const S3Answer folder = list("delimiter=/&prefix=photos/");
  CHECK(keys(folder) == Texts{"photos/index"});
  CHECK(prefixes(folder) == Texts{"photos/2023/", "photos/2024/"});
  CHECK(keys(list("prefix=photos/2023/&delimiter=/")) == Texts{"photos/2023/x", "photos/2023/y"});
  CHECK(prefixes(list("prefix=photos/20&delimiter=/")) == Texts{"photos/2023/", "photos/2024/"});
  CHECK(prefixes(list("delimiter=20")) == Texts{"photos/20"});
  CHECK(list("prefix=none").text("KeyCount") == "0");
}

TEST_CASE_FIXTURE(ListingFixture, "pages of any size are together the whole listing") {
  const Texts flat = {"a",       "b c", "photos/2023/x", "photos/2023/y", "photos/2024/z", "photos/index",
                      "photos0", "zeta"};
  const Texts folded = {"a", "b c", "photos/", "photos0", "zeta"};
  const Texts inner = {"photos/2023/", "photos/2024/", "photos/index"};
  for (int size = 1; size <= 9; ++size) {
    const std::string max_keys = "max-keys=" + std::to_string(size);
    CHECK(all_pages_v2(max_keys) == flat);
    CHECK(all_pages_v2(max_keys + "&delimiter=/") == folded);
    CHECK(all_pages_v2(max_keys + "&delimiter=/&prefix=photos/") == inner);
  }
}

TEST_CASE_FIXTURE(ListingFixture, "the first version pages by marker") {
  for (const std::string delimiter : {"", "/"}) {
    Texts all;
    std::string marker;
    while (true) {
      const S3Answer page =
          send("GET", "/bucket?max-keys=2&delimiter=" + delimiter + "&marker=" + aws::uri_encode(marker));
      Texts entries = keys(page);
      for (const std::string& prefix : prefixes(page)) entries.push_back(prefix);
      std::sort(entries.begin(), entries.end());
      all.insert(all.end(), entries.begin(), entries.end());
      CHECK(page.text("Marker") == marker);
      if (page.text("IsTruncated") == "false") break;
      CHECK(page.text("NextMarker").empty() == delimiter.empty());
      marker = delimiter.empty() ? entries.back() : page.text("NextMarker");
    }
    CHECK(all.size() == (delimiter.empty() ? 8 : 5));
    CHECK(std::is_sorted(all.begin(), all.end()));
  }
}

TEST_CASE_FIXTURE(ListingFixture, "start-after, max-keys and encoding") {
  CHECK(keys(list("start-after=photos/index")) == Texts{"photos0", "zeta"});
  CHECK(keys(list("start-after=photos/&delimiter=/")) == Texts{"photos0", "zeta"});
  CHECK(prefixes(list("start-after=photos/&delimiter=/")) == Texts{"photos/"});
  CHECK(keys(list("max-keys=0")).empty());
  CHECK(list("max-keys=0").text("IsTruncated") == "false");
  CHECK(list("max-keys=5000").text("MaxKeys") == "1000");
  const S3Answer encoded = list("encoding-type=url&prefix=b%20c&delimiter=%2B");
  CHECK(keys(encoded) == Texts{"b%20c"});
  CHECK(encoded.text("Prefix") == "b%20c");
  CHECK(encoded.text("Delimiter") == "%2B");
  CHECK(encoded.text("EncodingType") == "url");
  CHECK(list("prefix=b+c").text("KeyCount") == "1");
}

TEST_CASE_FIXTURE(ListingFixture, "arguments that mean nothing are refused in S3's words") {
  CHECK(list("max-keys=many").code() == "InvalidArgument");
  CHECK(list("max-keys=-1").code() == "InvalidArgument");
  CHECK(list("encoding-type=rot13").text("Message") == "Invalid Encoding Method specified in Request");
  for (const char* token : {"", "x", "!!", "WFhY"}) {
    const S3Answer answer = list(std::string("continuation-token=") + token);
    CHECK(answer.code() == "InvalidArgument");
    CHECK(answer.text("Message") == "The continuation token provided is incorrect");
  }
}

TEST_CASE_FIXTURE(S3BucketFixture,
                  "a folder with very many keys is one entry and does not slow its neighbours down") {
  for (int i = 0; i < 500; ++i) put("/bucket/deep/" + std::to_string(i), "");
  for (const char* key : {"a", "deep0", "deeper/x", "z"}) put(std::string("/bucket/") + key, "");
  const S3Answer answer = send("GET", "/bucket?list-type=2&delimiter=/");
  CHECK(answer.texts("/ListBucketResult/Contents/Key") == std::vector<std::string>{"a", "deep0", "z"});
  CHECK(answer.texts("/ListBucketResult/CommonPrefixes/Prefix") ==
        std::vector<std::string>{"deep/", "deeper/"});
}

TEST_CASE_FIXTURE(S3BucketFixture, "pages stay stable while keys come and go") {
  for (int i = 100; i < 140; ++i) put("/bucket/k" + std::to_string(i), "");
  std::vector<std::string> seen;
  std::string token;
  int round = 0;
  do {
    const S3Answer page =
        send("GET", "/bucket?list-type=2&max-keys=7" +
                        (token.empty() ? "" : "&continuation-token=" + aws::uri_encode(token)));
    for (const std::string& key : page.texts("/ListBucketResult/Contents/Key")) seen.push_back(key);
    send("DELETE", "/bucket/" + seen.back());  // the very key the token stands at
    put("/bucket/k100-" + std::to_string(round++), "behind the reader");
    token = page.text("NextContinuationToken");
  } while (!token.empty());
  CHECK(seen.size() == 40);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
}
