// See cluster.hpp.
#include "emulator/runner/training/cluster.hpp"

#include <algorithm>

#include "emulator/runner/host_group.hpp"

namespace sagemaker::local::runner {

Cluster::Cluster(std::vector<InstanceGroup> groups, const std::string& instance_type, int instance_count)
    : groups_(std::move(groups)) {
  if (groups_.empty()) groups_ = {{"homogeneousCluster", instance_type, std::max(1, instance_count)}};
  for (std::size_t at = 0; at < groups_.size(); ++at) {
    for (int i = 0; i < std::max(1, groups_[at].instance_count); ++i) {
      group_of_.push_back(at);
      names_.push_back(host_name(static_cast<int>(names_.size())));
    }
  }
  sorted_names_ = names_;
  std::sort(sorted_names_.begin(), sorted_names_.end());
  master_ = static_cast<int>(std::find(names_.begin(), names_.end(), sorted_names_.front()) - names_.begin());
}

json Cluster::resource_config(int host) const {
  json groups = json::array();
  for (std::size_t at = 0; at < groups_.size(); ++at) {
    std::vector<std::string> hosts;
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (group_of_[i] == at) hosts.push_back(names_[i]);
    std::sort(hosts.begin(), hosts.end());
    groups.push_back({{"instance_group_name", groups_[at].name},
                      {"instance_type", groups_[at].instance_type},
                      {"hosts", hosts}});
  }
  return {{"current_host", name(host)},
          {"current_instance_type", group(host).instance_type},
          {"current_group_name", group(host).name},
          {"hosts", sorted_names_},
          {"instance_groups", groups},
          {"network_interface_name", "lo"}};  // the hosts' addresses are loopback addresses
}

Cluster::Position Cluster::position(int host, const std::vector<std::string>& groups) const {
  Position position{-1, 0};
  for (int i = 0; i < size(); ++i) {
    if (!groups.empty() && std::find(groups.begin(), groups.end(), group(i).name) == groups.end()) continue;
    if (i == host) position.index = position.count;
    ++position.count;
  }
  return position;
}

}  // namespace sagemaker::local::runner
