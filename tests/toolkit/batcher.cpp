// Dynamic batching: what shares a call of the model, what waits, and what happens when a call fails. No
// threads and no clock are needed: the time is handed in.
// clang-format off: libtorch has a CHECK of its own, and doctest's is to be the one in use.
#include <sagemaker/container.hpp>
#include <sagemaker/container/batcher.hpp>
#undef CHECK
#include <doctest/doctest.h>
// clang-format on
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace sagemaker::container;
using std::chrono::milliseconds;

namespace {

struct TestItem : Batcher::Item {
  bool abandoned() const override { return given_up; }
  bool given_up = false;
};

std::shared_ptr<TestItem> item(torch::Tensor input) {
  auto made = std::make_shared<TestItem>();
  made->input = std::move(input);
  return made;
}

std::shared_ptr<TestItem> rows(std::int64_t count, float value = 1.0F) {
  return item(torch::full({count, 2}, value));
}

std::string failure(const Batcher::Item& failed) {
  if (!failed.error) return "none";
  try {
    std::rethrow_exception(failed.error);
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("what waits and fits together is one call, and each gets its rows") {
  Batcher batcher({.rows_max = 64});
  const std::vector items = {rows(1, 1),
                             rows(3, 2),
                             rows(1, 3),
                             item(torch::full({1, 4}, 4.0F)),  // another row shape: a call of its own
                             item(torch::full({2}, 5.0F)),     // no rows: never shared
                             item(torch::full({1, 2}, 6.0F, torch::kLong))};
  for (const auto& each : items) batcher.push(each);
  std::vector<std::int64_t> calls;
  while (const auto turn = batcher.begin()) {
    batcher.run(turn->items, [&](const torch::Tensor& batch) {
      calls.push_back(batch.numel());
      return batch * 10;
    });
    CHECK(batcher.end(*turn) == (batcher.waiting() > 0));
  }
  CHECK(calls == std::vector<std::int64_t>{10, 4, 2, 2});
  CHECK(torch::equal(items[0]->output, torch::full({1, 2}, 10.0F)));
  CHECK(torch::equal(items[1]->output, torch::full({3, 2}, 20.0F)));
  CHECK(torch::equal(items[3]->output, torch::full({1, 4}, 40.0F)));
  CHECK(torch::equal(items[4]->output, torch::full({2}, 50.0F)));
}

TEST_CASE("a call has at most the rows that were allowed, and a larger request runs alone") {
  Batcher batcher({.rows_max = 4});
  for (const std::int64_t count : {3, 3, 9, 1}) batcher.push(rows(count));
  std::vector<std::size_t> shared;
  while (const auto turn = batcher.begin()) {
    shared.push_back(turn->items.size());
    batcher.end(*turn);
  }
  CHECK(shared == std::vector<std::size_t>{2, 1, 1});  // 3 with the 1, then 3, then 9
}

TEST_CASE("an idle worker takes a request at once; busy ones let requests gather") {
  Batcher batcher({.workers = 2});
  batcher.push(rows(1));
  const auto first = batcher.begin();
  REQUIRE(first);
  CHECK(first->items.size() == 1);
  batcher.push(rows(1));
  const auto second = batcher.begin();
  REQUIRE(second);
  CHECK(second->worker != first->worker);
  for (int i = 0; i < 5; ++i) batcher.push(rows(1));
  CHECK_FALSE(batcher.begin());
  CHECK(batcher.end(*first));
  const auto third = batcher.begin();
  REQUIRE(third);
  CHECK(third->items.size() == 5);
  CHECK(third->worker == first->worker);
}

TEST_CASE("with a delay a request waits for others, until there are enough or the delay is over") {
  Batcher batcher({.rows_max = 3, .delay = milliseconds(10)});
  const auto now = Batcher::Clock::now();
  CHECK_FALSE(batcher.due());
  batcher.push(rows(1), now);
  CHECK(batcher.due() == now + milliseconds(10));
  CHECK_FALSE(batcher.begin(now + milliseconds(9)));
  SUBCASE("the delay is over") {
    const auto turn = batcher.begin(now + milliseconds(10));
    REQUIRE(turn);
    CHECK(turn->items.size() == 1);
  }
  SUBCASE("there are enough") {
    batcher.push(rows(2), now + milliseconds(1));
    const auto turn = batcher.begin(now + milliseconds(1));
    REQUIRE(turn);
    CHECK(turn->items.size() == 2);
  }
  SUBCASE("one that cannot share waits for nobody") {
    const auto turn = batcher.begin(now + milliseconds(10));
    batcher.end(*turn);
    batcher.push(item(torch::ones({2})), now + milliseconds(20));
    CHECK(batcher.begin(now + milliseconds(20)));
  }
}

TEST_CASE("a bad item of a batch fails alone") {
  Batcher batcher({.rows_max = 64});
  std::vector<std::shared_ptr<TestItem>> items;
  for (int i = 0; i < 16; ++i) items.push_back(rows(1, i == 5 ? -1.0F : 1.0F));
  for (const auto& each : items) batcher.push(each);
  const auto turn = batcher.begin();
  REQUIRE(turn);
  int calls = 0;
  batcher.run(turn->items, [&](const torch::Tensor& batch) {
    ++calls;
    if (batch.lt(0).any().item<bool>()) throw std::runtime_error("negative");
    return batch;
  });
  CHECK(calls == 9);  // 16, then two halves each of 16, 8, 4 and 2
  for (std::size_t i = 0; i < items.size(); ++i) CHECK(failure(*items[i]) == (i == 5 ? "negative" : "none"));
}

TEST_CASE("a model that does not answer row by row is asked one by one") {
  Batcher batcher({.rows_max = 64});
  for (int round = 0; round < 2; ++round) {
    const std::vector items = {rows(2), rows(2), rows(2)};
    for (const auto& each : items) batcher.push(each);
    while (const auto turn = batcher.begin()) {
      if (round == 1) CHECK(turn->items.size() == 1);
      batcher.run(turn->items, [](const torch::Tensor& batch) { return batch.sum(); });
      batcher.end(*turn);
    }
    for (const auto& each : items) CHECK(each->output.item<float>() == 4.0F);
  }
}

TEST_CASE("a large request alone is cut into calls, where its rows are independent") {
  const auto calls_of = [](const Batcher::Options& options, const std::shared_ptr<TestItem>& large,
                           bool row_wise) {
    Batcher batcher(options);
    batcher.push(large);
    std::vector<std::int64_t> calls;
    const auto turn = batcher.begin();
    batcher.run(turn->items, [&](const torch::Tensor& batch) {
      calls.push_back(batch.dim() == 0 ? 0 : batch.size(0));
      return row_wise ? batch * 10 : batch.sum();
    });
    return calls;
  };
  using Calls = std::vector<std::int64_t>;
  const Batcher::Options parts{.rows_max = 2, .bytes_max = 5 * 8};  // rows of two floats
  const auto large = item(torch::arange(24, torch::kFloat).view({12, 2}));
  CHECK(calls_of(parts, large, true) == Calls{5, 5, 2});
  CHECK(large->output.equal(large->input * 10));
  CHECK(calls_of({.rows_max = 2}, large, true) == Calls{12});
  CHECK(calls_of({.rows_max = 8, .bytes_max = 1}, large, true) == Calls{8, 4});  // rows_max at least
  CHECK(calls_of(parts, large, false) == Calls{5, 12});                          // not row by row: whole
  CHECK(large->output.item<float>() == 276);
  CHECK(calls_of(parts, item(torch::ones({12})), true) == Calls{12});
  const auto alone = rows(12);
  alone->alone = true;
  CHECK(calls_of(parts, alone, true) == Calls{12});
}

TEST_CASE("a request whose parts have answers of different shapes is answered whole") {
  Batcher batcher({.rows_max = 2, .bytes_max = 5 * 4});  // rows of one float
  const auto large = item(torch::arange(12, torch::kFloat).view({12, 1}));
  // As wide as the largest number, as answers are that are filled up to the longest.
  const auto widened = [](const torch::Tensor& batch) {
    return batch.expand({batch.size(0), batch.max().item<std::int64_t>() + 1});
  };
  batcher.push(large);
  const auto turn = batcher.begin();
  REQUIRE(turn);
  batcher.run(turn->items, widened);
  REQUIRE(failure(*large) == "none");
  CHECK(large->output.equal(widened(large->input)));
}

TEST_CASE("a request that nobody waits for any more costs the model nothing") {
  Batcher batcher({.rows_max = 64});
  const std::vector items = {rows(1), rows(1), rows(1)};
  for (const auto& each : items) batcher.push(each);
  items[0]->given_up = items[2]->given_up = true;
  const auto turn = batcher.begin();
  REQUIRE(turn);
  CHECK(turn->items.size() == 1);
  CHECK_FALSE(batcher.end(*turn));
}
