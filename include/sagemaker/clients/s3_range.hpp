// A listing as a range: for (const S3Object& object : s3.list_objects({...})) ... Pages are fetched as the
// loop goes on, so a listing of any length takes the memory of one page.
#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <sagemaker/aws/errors.hpp>

namespace sagemaker {

// Each begin() starts again.
template <class Item>
class S3Range {
 public:
  struct Page {
    std::vector<Item> items;
    std::string next;  // where the next page begins; empty: this is the last one
  };
  using Fetch = std::function<Page(const std::string& from)>;

  explicit S3Range(Fetch fetch) : fetch_(std::move(fetch)) {}

  class Iterator {
   public:
    using value_type = Item;
    using difference_type = std::ptrdiff_t;

    explicit Iterator(Fetch fetch) : fetch_(std::move(fetch)), page_(fetch_("")) { settle(); }
    const Item& operator*() const { return page_.items[index_]; }
    const Item* operator->() const { return &page_.items[index_]; }
    Iterator& operator++() {
      ++index_;
      settle();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return index_ >= page_.items.size(); }

   private:
    // Goes on to the next page that is not empty, if there is one.
    void settle() {
      while (index_ >= page_.items.size() && !page_.next.empty()) {
        const std::string from = page_.next;
        page_ = fetch_(from);
        if (page_.next == from) {
          throw Error("Error during pagination: The same next token was received twice: " + from);
        }
        index_ = 0;
      }
    }

    Fetch fetch_;
    Page page_;
    std::size_t index_ = 0;
  };

  Iterator begin() const { return Iterator(fetch_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  Fetch fetch_;
};

}  // namespace sagemaker
