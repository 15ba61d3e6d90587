#include "emulator/tuning/maximizer.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>
#include <variant>

#include "emulator/tuning/minimize.hpp"
#include "emulator/tuning/quasi_random.hpp"

namespace sagemaker::local::tuning {

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::uint64_t most_places = 256;       // of a dimension that is searched by values
constexpr std::uint64_t most_enumerated = 2048;  // points of a space that is searched as a whole
constexpr std::size_t most_tried = 32;           // values of a dimension tried at once

struct Ranked {
  VectorXd point;
  double value;
};

class Maximizer {
 public:
  Maximizer(const Acquisition& acquisition, const Domain& domain, std::uint64_t seed)
      : acquisition_(acquisition),
        domain_(domain),
        seed_(seed),
        dimensions_(static_cast<Index>(domain.size())) {}

  // A row a point.
  MatrixXd candidates(const MatrixXd& good) const {
    const int spread = 512;
    const int near = 256 / std::max<int>(static_cast<int>(good.rows()), 1);
    MatrixXd all(spread + near * good.rows(), dimensions_);
    const QuasiRandom sequence(domain_.size(), seed_);
    for (int i = 0; i < spread; ++i) {
      const Point point = sequence.point(static_cast<std::uint64_t>(i));
      const Eigen::Map<const VectorXd> share(point.data(), dimensions_);
      set(all, i, share);
    }
    const QuasiRandom steps(domain_.size() + 1, mixed(seed_, 1));
    Index row = spread;
    for (Index g = 0; g < good.rows(); ++g)
      for (int i = 0; i < near; ++i, ++row) {
        const Point step = steps.point(static_cast<std::uint64_t>(row));
        set(all, row, nearby(good.row(g).transpose(), step, static_cast<std::uint64_t>(row)));
      }
    return all;
  }

  // The best of them that lie apart.
  std::vector<VectorXd> starts(const MatrixXd& candidates, const VectorXd& values,
                               const std::function<bool(const VectorXd&)>& allowed, std::size_t count) const {
    std::vector<Index> order(static_cast<std::size_t>(values.size()));
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return values[a] > values[b]; });
    std::vector<VectorXd> chosen;
    const double apart = 0.1 * std::sqrt(static_cast<double>(dimensions_));
    for (const Index i : order) {
      const VectorXd point = candidates.row(i).transpose();
      if (std::any_of(chosen.begin(), chosen.end(),
                      [&](const VectorXd& other) { return (other - point).norm() < apart; }) ||
          !allowed(point))
        continue;
      chosen.push_back(point);
      if (chosen.size() == count) break;
    }
    return chosen;
  }

  Ranked climbed(VectorXd point) const {
    Ranked best{point, acquisition_.at(point.transpose())[0]};
    for (int round = 0; round < 3; ++round) {
      const Ranked smooth = slid(best);
      const Ranked stepped = tried(smooth);
      const bool more = stepped.value > best.value + 1e-4;
      best = stepped;
      if (!more || discrete() == 0) break;
    }
    return best;
  }

 private:
  std::size_t discrete() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < domain_.size(); ++i) count += !domain_.places(i).empty();
    return count;
  }

  void set(MatrixXd& all, Index row, VectorXd point) const {
    point = point.cwiseMax(0.0).cwiseMin(1.0);
    domain_.snap(point);
    all.row(row) = point.transpose();
  }

  // Moved in some of its dimensions, by little or much.
  VectorXd nearby(VectorXd point, const Point& step, std::uint64_t draw) const {
    const double scale = std::pow(10.0, -2.5 + 2 * step.back());
    const std::uint64_t always = mixed(mixed(seed_, 2), draw) % domain_.size();
    for (std::size_t i = 0; i < domain_.size(); ++i) {
      const double chance = static_cast<double>(mixed(mixed(seed_, 3 + i), draw) >> 11) * 0x1p-53;
      if (i != always && chance > std::max(0.5, 3.0 / static_cast<double>(domain_.size()))) continue;
      double& coordinate = point[static_cast<Index>(i)];
      const double part = step[i];
      if (domain_.categorical()[i]) {
        if (i == always || chance < 0.2) coordinate = part;
      } else {
        coordinate =
            std::clamp(coordinate + scale * normal_quantile(std::clamp(part, 1e-9, 1 - 1e-9)), 0.0, 1.0);
      }
    }
    return point;
  }

  // Along the gradient, in the dimensions that are continuous.
  Ranked slid(const Ranked& from) const {
    if (discrete() == domain_.size()) return from;
    VectorXd lower = VectorXd::Zero(dimensions_), upper = VectorXd::Ones(dimensions_);
    for (Index i = 0; i < dimensions_; ++i)
      if (!domain_.places(static_cast<std::size_t>(i)).empty()) lower[i] = upper[i] = from.point[i];
    const Smooth downhill = [&](const VectorXd& point, VectorXd& gradient) {
      const double value = acquisition_.at(point, gradient);
      gradient = -gradient;
      return -value;
    };
    const Minimum end = minimize(downhill, from.point, lower, upper,
                                 {.iterations = 25, .first_step = 0.02, .flat = 1e-3, .unchanging = 1e-4});
    return -end.value > from.value ? Ranked{end.point, -end.value} : from;
  }

  // With other values in its discrete dimensions, one after the other.
  Ranked tried(Ranked from) const {
    for (std::size_t i = 0; i < domain_.size(); ++i) {
      const std::vector<double>& places = domain_.places(i);
      if (places.size() < 2) continue;
      const auto dimension = static_cast<Index>(i);
      std::vector<double> values = places;
      if (places.size() > most_tried) {
        values.clear();
        const auto here =
            std::lower_bound(places.begin(), places.end(), from.point[dimension]) - places.begin();
        for (std::ptrdiff_t step = 1; step < static_cast<std::ptrdiff_t>(places.size()); step *= 2)
          for (const std::ptrdiff_t to : {here - step, here + step})
            if (to >= 0 && to < static_cast<std::ptrdiff_t>(places.size()))
              values.push_back(places[static_cast<std::size_t>(to)]);
      }
      MatrixXd points = from.point.transpose().replicate(static_cast<Index>(values.size()), 1);
      points.col(dimension) = Eigen::Map<const VectorXd>(values.data(), points.rows());
      Index best = 0;
      const double value = acquisition_.at(points).maxCoeff(&best);
      if (value > from.value) from = {points.row(best).transpose(), value};
    }
    return from;
  }

  const Acquisition& acquisition_;
  const Domain& domain_;
  std::uint64_t seed_;
  Index dimensions_;
};

}  // namespace

Domain::Domain(const Space& space) : all_(space.size()) {
  std::uint64_t count = 1;
  for (std::size_t i = 0; i < space.size(); ++i) {
    const Parameter& parameter = space.parameters()[i];
    const Space alone({parameter});
    const std::uint64_t values = alone.count().value_or(0);
    if (values == 1) continue;
    kept_.push_back(i);
    categorical_.push_back(std::holds_alternative<Categorical>(parameter.range));
    places_.emplace_back();
    const bool listed = values > 0 && values <= most_places;
    count = listed && count <= most_enumerated ? count * values : most_enumerated + 1;
    if (!listed) continue;
    const auto* range = std::get_if<Integer>(&parameter.range);
    for (std::uint64_t value = 0; value < values; ++value) {
      const std::string text = range ? std::to_string(range->min + static_cast<std::int64_t>(value))
                                     : std::get<Categorical>(parameter.range).values[value];
      places_.back().push_back(alone.point({{parameter.name, text}}).value().front());
    }
  }
  count_ = count > most_enumerated ? 0 : static_cast<std::size_t>(count);
}

VectorXd Domain::nth(std::size_t index) const {
  VectorXd point(static_cast<Index>(size()));
  for (std::size_t i = 0; i < size(); ++i) {
    point[static_cast<Index>(i)] = places_[i][index % places_[i].size()];
    index /= places_[i].size();
  }
  return point;
}

VectorXd Domain::reduced(const Point& point) const {
  VectorXd result(static_cast<Index>(size()));
  for (std::size_t i = 0; i < size(); ++i) result[static_cast<Index>(i)] = point[kept_[i]];
  return result;
}

Point Domain::whole(const VectorXd& reduced) const {
  Point point(all_, 0.5);
  for (std::size_t i = 0; i < size(); ++i) point[kept_[i]] = reduced[static_cast<Index>(i)];
  return point;
}

void Domain::snap(VectorXd& point) const {
  for (std::size_t i = 0; i < size(); ++i) {
    const std::vector<double>& places = places_[i];
    if (places.empty()) continue;
    double& coordinate = point[static_cast<Index>(i)];
    const auto above = std::lower_bound(places.begin(), places.end(), coordinate);
    if (above == places.end())
      coordinate = places.back();
    else if (above == places.begin() || *above - coordinate < coordinate - *(above - 1))
      coordinate = *above;
    else
      coordinate = *(above - 1);
  }
}

VectorXd maximize(const Acquisition& acquisition, const Domain& domain, const MatrixXd& good,
                  const std::function<bool(const VectorXd&)>& allowed, std::uint64_t seed) {
  const Maximizer maximizer(acquisition, domain, seed);
  MatrixXd candidates;
  if (domain.count() > 0) {
    std::vector<VectorXd> open;
    for (std::size_t i = 0; i < domain.count(); ++i)
      if (VectorXd point = domain.nth(i); allowed(point)) open.push_back(std::move(point));
    if (open.empty()) return {};
    candidates.resize(static_cast<Index>(open.size()), static_cast<Index>(domain.size()));
    for (std::size_t i = 0; i < open.size(); ++i) candidates.row(static_cast<Index>(i)) = open[i].transpose();
  } else {
    candidates = maximizer.candidates(good);
  }
  const VectorXd values = acquisition.at(candidates);
  std::vector<Ranked> ranked;
  for (Index i = 0; i < candidates.rows(); ++i) ranked.push_back({candidates.row(i).transpose(), values[i]});
  if (domain.count() == 0)
    for (const VectorXd& start : maximizer.starts(candidates, values, allowed, 6))
      ranked.push_back(maximizer.climbed(start));
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Ranked& a, const Ranked& b) { return a.value > b.value; });
  for (const Ranked& one : ranked)
    if (allowed(one.point)) return one.point;
  return {};
}

}  // namespace sagemaker::local::tuning
