// The laws of the sampler that shares rows out over hosts.
#include <set>

#include <doctest/doctest.h>

#include <sagemaker/container.hpp>

using sagemaker::container::distributed::Group;
using sagemaker::container::distributed::Sampler;
using sagemaker::container::distributed::SamplerOptions;

namespace {

std::vector<std::int64_t> numbers(const torch::Tensor& tensor) {
  return {tensor.data_ptr<std::int64_t>(), tensor.data_ptr<std::int64_t>() + tensor.numel()};
}

std::vector<std::int64_t> rows(std::int64_t size, int world_size, int rank, const SamplerOptions& options,
                               std::uint64_t epoch = 0) {
  Sampler sampler(size, world_size, rank, options);
  sampler.set_epoch(epoch);
  return numbers(sampler.indices());
}

}  // namespace

TEST_CASE("all hosts together take the rows that one host would take, batch by batch") {
  for (const int world_size : {1, 2, 3, 4}) {
    const std::vector<std::int64_t> whole = rows(48, 1, 0, {.seed = 3}, 2);
    const std::size_t batch = 4;  // on each host
    for (std::size_t k = 0; k < 48 / (batch * static_cast<std::size_t>(world_size)); ++k) {
      std::set<std::int64_t> together;
      for (int rank = 0; rank < world_size; ++rank) {
        const auto mine = rows(48, world_size, rank, {.seed = 3}, 2);
        together.insert(mine.begin() + static_cast<std::ptrdiff_t>(k * batch),
                        mine.begin() + static_cast<std::ptrdiff_t>((k + 1) * batch));
      }
      const std::size_t all = batch * static_cast<std::size_t>(world_size);
      const std::set<std::int64_t> alone(whole.begin() + static_cast<std::ptrdiff_t>(k * all),
                                         whole.begin() + static_cast<std::ptrdiff_t>((k + 1) * all));
      CHECK(together == alone);
    }
  }
}

TEST_CASE("hosts get equally many rows: the first are repeated, or the last left out") {
  std::multiset<std::int64_t> all;
  for (int rank = 0; rank < 4; ++rank) {
    const auto mine = rows(10, 4, rank, {.seed = 1});
    CHECK(mine.size() == 3);
    all.insert(mine.begin(), mine.end());
  }
  for (std::int64_t row = 0; row < 10; ++row) CHECK(all.count(row) >= 1);
  const auto order = rows(10, 1, 0, {.seed = 1});
  CHECK(all.count(order[0]) == 2);
  CHECK(all.count(order[1]) == 2);

  std::set<std::int64_t> some;
  for (int rank = 0; rank < 4; ++rank) {
    const auto mine = rows(10, 4, rank, {.drop_last = true, .seed = 1});
    CHECK(mine.size() == 2);
    some.insert(mine.begin(), mine.end());
  }
  CHECK(some == std::set<std::int64_t>(order.begin(), order.begin() + 8));
}

TEST_CASE("fewer rows than hosts") {
  for (int rank = 0; rank < 5; ++rank) {
    CHECK(rows(2, 5, rank, {.shuffle = false}) == std::vector<std::int64_t>{rank % 2});
    CHECK(rows(2, 5, rank, {.drop_last = true}).empty());
    CHECK(rows(0, 5, rank, {}).empty());
  }
}

TEST_CASE("the order follows from seed and epoch alone") {
  CHECK(rows(100, 2, 1, {.seed = 7}, 3) == rows(100, 2, 1, {.seed = 7}, 3));
  CHECK(rows(100, 2, 1, {.seed = 7}, 3) != rows(100, 2, 1, {.seed = 7}, 4));
  CHECK(rows(100, 2, 1, {.seed = 7}) != rows(100, 2, 1, {.seed = 8}));
  CHECK(rows(6, 2, 1, {.shuffle = false}) == std::vector<std::int64_t>{1, 3, 5});
  torch::manual_seed(1);
  const torch::Tensor before = torch::rand({1});
  torch::manual_seed(1);
  rows(100, 2, 0, {});
  CHECK(torch::rand({1}).equal(before));  // the global generator is left alone
}

TEST_CASE("a sampler without a place is refused") {
  CHECK_THROWS_AS(Sampler(10, 2, 2), std::invalid_argument);
  CHECK_THROWS_AS(Sampler(10, 0, 0), std::invalid_argument);
  CHECK_THROWS_AS(Sampler(-1, 1, 0), std::invalid_argument);
}

TEST_CASE("it drives a data loader of torch") {
  struct Squares : torch::data::datasets::Dataset<Squares> {
    torch::data::Example<> get(std::size_t index) override {
      const auto row = static_cast<std::int64_t>(index);
      return {torch::tensor({row}), torch::tensor({row * row})};
    }
    torch::optional<std::size_t> size() const override { return 10; }
  };
  Sampler sampler(10, 2, 1, {.seed = 4});
  auto loader = torch::data::make_data_loader(Squares().map(torch::data::transforms::Stack<>()), sampler, 2);
  for (const std::uint64_t epoch : {0, 1}) {
    sampler.set_epoch(epoch);
    std::vector<std::int64_t> seen;
    for (const auto& batch : *loader) {
      for (const std::int64_t row : numbers(batch.data.flatten())) seen.push_back(row);
    }
    CHECK(seen == rows(10, 2, 1, {.seed = 4}, epoch));
  }
}

TEST_CASE("a sampler goes on where it was saved") {
  Sampler first(10, Group(), {.seed = 2});
  first.set_epoch(6);
  first.reset();
  first.next(4);
  torch::serialize::OutputArchive out;
  first.save(out);
  std::stringstream stream;
  out.save_to(stream);
  torch::serialize::InputArchive in;
  in.load_from(stream);
  Sampler second(10, Group(), {.seed = 2});
  second.load(in);
  CHECK(*second.next(20) == *first.next(20));
  CHECK_FALSE(second.next(1).has_value());
}
