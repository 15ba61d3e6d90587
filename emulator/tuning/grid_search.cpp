// Grid search: every combination of the values once, the last parameter changing fastest.
#include <set>
#include <stdexcept>
#include <utility>

#include "emulator/tuning/search.hpp"

namespace sagemaker::local::tuning {
namespace {

using Key = std::vector<std::size_t>;  // places of the values, a parameter each

class GridSearch : public Search {
 public:
  explicit GridSearch(Space space) : space_(std::move(space)) {
    for (const Parameter& parameter : space_.parameters()) {
      const auto* range = std::get_if<Categorical>(&parameter.range);
      if (!range) throw std::invalid_argument("parameter " + parameter.name + ": a grid is of categories");
      values_.push_back(&range->values);
    }
  }

  std::vector<Assignment> propose(const History& history, std::size_t count) override {
    const std::set<Key> tried = keys(history, true);
    std::vector<Assignment> result;
    Key key(values_.size(), 0);
    do {
      if (result.size() == count) break;
      if (!tried.contains(key)) result.push_back(assignment(key));
    } while (advance(key));
    return result;
  }

  // What has not been tried may be better by any amount.
  bool converged(const History& history) const override {
    const auto count = space_.count();
    return count && keys(history, false).size() == *count;
  }

 private:
  std::set<Key> keys(const History& history, bool with_running) const;
  Assignment assignment(const Key& key) const;
  bool advance(Key& key) const;

  const Space space_;
  std::vector<const std::vector<std::string>*> values_;
};

std::set<Key> GridSearch::keys(const History& history, bool with_running) const {
  std::set<Key> result;
  for (const Trial& trial : history.trials) {
    if (!with_running && trial.state == Trial::State::running) continue;
    const auto point = space_.point(trial.parameters);
    if (!point) continue;
    Key key;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      key.push_back(static_cast<std::size_t>((*point)[i] * static_cast<double>(values_[i]->size())));
    }
    result.insert(std::move(key));
  }
  return result;
}

Assignment GridSearch::assignment(const Key& key) const {
  Assignment result;
  for (std::size_t i = 0; i < key.size(); ++i)
    result.emplace(space_.parameters()[i].name, (*values_[i])[key[i]]);
  return result;
}

// The next combination; false behind the last one.
bool GridSearch::advance(Key& key) const {
  for (std::size_t i = key.size(); i-- > 0;) {
    if (++key[i] < values_[i]->size()) return true;
    key[i] = 0;
  }
  return false;
}

}  // namespace

std::unique_ptr<Search> grid_search(Space space, Goal, std::uint64_t) {
  return std::make_unique<GridSearch>(std::move(space));
}

}  // namespace sagemaker::local::tuning
