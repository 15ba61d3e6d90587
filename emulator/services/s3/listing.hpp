// What all listings of keys have in common: the walk over a page of them, prefixes that end at a delimiter,
// and encoding-type.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::services::s3 {

// Greater than every key that begins with this: no key is longer than 1,024 bytes.
std::string behind_all_with(const std::string& prefix);

// The part of a key up to and including the first delimiter behind the prefix; "" where there is none.
std::string common_prefix_of(const std::string& key, const std::string& prefix, const std::string& delimiter);

// Whether a marker is itself a common prefix, as one that a page ended with may be: it stands for all the
// keys under it.
bool marks_common_prefix(const std::string& marker, const std::string& prefix, const std::string& delimiter);

// Throws InvalidArgument for an EncodingType other than "url".
void check_encoding(const json& input);

struct PageRequest {
  std::string prefix;
  std::string delimiter;
  std::size_t limit = 0;
};

template <typename Entry>
struct Page {
  std::vector<Entry> entries;
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  bool ends_with_prefix = false;  // the last of all is a common prefix

  std::size_t size() const { return entries.size() + common_prefixes.size(); }
  // The key or common prefix that the page ends with; "": it is empty.
  std::string last() const {
    if (ends_with_prefix) return common_prefixes.back();
    return entries.empty() ? "" : entries.back().key;
  }
};

// A page of objects, versions or uploads in byte order of their keys. Everything between the prefix and the
// next delimiter counts as one entry and is skipped in a single step. `fetch` reads so many entries with the
// prefix behind a position, `place_of` is the position of an entry, and Position{key} lies behind all of a
// key.
template <typename Entry, typename Position, typename Fetch, typename PlaceOf>
Page<Entry> walk_keys(const PageRequest& asked, Position behind, const Fetch& fetch,
                      const PlaceOf& place_of) {
  constexpr std::size_t batch_with_delimiter = 64;
  Page<Entry> page;
  if (asked.limit == 0) return page;
  while (true) {
    const std::size_t batch = asked.delimiter.empty() ? asked.limit - page.size() + 1 : batch_with_delimiter;
    std::vector<Entry> found = fetch(behind, batch);
    for (Entry& entry : found) {
      std::string common = common_prefix_of(entry.key, asked.prefix, asked.delimiter);
      if (!common.empty() && page.ends_with_prefix && common == page.common_prefixes.back()) continue;
      if (page.size() == asked.limit) {
        page.truncated = true;
        return page;
      }
      behind = place_of(entry);
      page.ends_with_prefix = !common.empty();
      if (common.empty()) {
        page.entries.push_back(std::move(entry));
      } else {
        page.common_prefixes.push_back(std::move(common));
      }
    }
    if (found.size() < batch) return page;
    if (page.ends_with_prefix) behind = Position{behind_all_with(page.common_prefixes.back())};
  }
}

}  // namespace sagemaker::local::services::s3
