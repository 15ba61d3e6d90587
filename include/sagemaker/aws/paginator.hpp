// Lists that come in pages: a range over the pages, and a range over the items of all pages. A page is
// fetched when the loop reaches it.
#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>

namespace sagemaker {

// How a list hands out its pages.
struct PageSource {
  std::function<json(const json& input)> fetch;
  json input = json::object();
  std::string input_token = "NextToken";  // member of the request that takes the token
  std::string output_token =
      "NextToken";                 // member of the response that gives it; absent or empty on the last page
  bool end_when_repeated = false;  // CloudWatch Logs gives the same token for ever at its end
};

// for (const json& page : client.pages("ListTrainingJobs", {{"MaxResults", 100}})) ... Each begin() starts
// with the first page again. Throws what the operation throws, and Error where a service gives the same token
// twice, since that would never end.
class Pages {
 public:
  explicit Pages(PageSource source) : source_(std::make_shared<const PageSource>(std::move(source))) {}

  class Iterator {
   public:
    using value_type = json;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(std::shared_ptr<const PageSource> source)
        : source_(std::move(source)), input_(source_->input.is_null() ? json::object() : source_->input) {
      page_ = source_->fetch(input_);
    }
    const json& operator*() const { return page_; }
    const json* operator->() const { return &page_; }
    Iterator& operator++() {
      const auto found = page_.find(source_->output_token);
      std::string next = found != page_.end() && found->is_string() ? found->get<std::string>() : "";
      const bool repeated = !next.empty() && next == token_;
      if (repeated && !source_->end_when_repeated) {
        throw Error("Error during pagination: The same next token was received twice: " + next);
      }
      if (next.empty() || repeated) {
        at_end_ = true;
        return *this;
      }
      token_ = std::move(next);
      input_[source_->input_token] = token_;
      page_ = source_->fetch(input_);
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return at_end_; }

   private:
    std::shared_ptr<const PageSource> source_;
    json input_, page_;
    std::string token_;
    bool at_end_ = false;
  };

  Iterator begin() const { return Iterator(source_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  std::shared_ptr<const PageSource> source_;
};

// The members of the list in all pages, one after the other.
// for (const json& job : client.items("ListTrainingJobs", {{"StatusEquals", "Completed"}})) ...
class PageItems {
 public:
  // `list` names the member of each page; empty: the only array in it.
  explicit PageItems(Pages pages, std::string list = "") : pages_(std::move(pages)), list_(std::move(list)) {}

  class Iterator {
   public:
    using value_type = json;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    Iterator(Pages::Iterator page, std::string list) : page_(std::move(page)), list_(std::move(list)) {
      settle();
    }
    const json& operator*() const { return (*list_of(*page_))[index_]; }
    const json* operator->() const { return &**this; }
    Iterator& operator++() {
      ++index_;
      settle();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t end) const { return page_ == end; }

   private:
    // Goes on until there is an item under the iterator: pages may be empty.
    void settle() {
      while (!(page_ == std::default_sentinel)) {
        const json* items = list_of(*page_);
        if (items && index_ < items->size()) return;
        ++page_;
        index_ = 0;
      }
    }

    const json* list_of(const json& page) const {
      for (const auto& [name, value] : page.items()) {
        if (value.is_array() && (list_.empty() || name == list_)) return &value;
      }
      return nullptr;
    }

    Pages::Iterator page_;
    std::string list_;
    std::size_t index_ = 0;
  };

  Iterator begin() const { return Iterator(pages_.begin(), list_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  Pages pages_;
  std::string list_;
};

}  // namespace sagemaker
