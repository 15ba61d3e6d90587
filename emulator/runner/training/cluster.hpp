// The instances of one training job: their names, their groups, and what resourceconfig.json says about them.
#pragma once

#include <string>
#include <vector>

#include <sagemaker/aws/json.hpp>

namespace sagemaker::local::runner {

struct InstanceGroup {
  std::string name;
  std::string instance_type;
  int instance_count = 1;
};

class Cluster {
 public:
  // Hosts are numbered over the groups in their order. No groups: one, under the name that AWS gives it.
  Cluster(std::vector<InstanceGroup> groups, const std::string& instance_type, int instance_count);

  int size() const { return static_cast<int>(names_.size()); }
  const std::string& name(int host) const { return names_[static_cast<std::size_t>(host)]; }
  const InstanceGroup& group(int host) const { return groups_[group_of_[static_cast<std::size_t>(host)]]; }
  const std::vector<std::string>& sorted_names() const { return sorted_names_; }
  int master() const { return master_; }  // the host whose name is the first in sorted_names()

  // The document of resourceconfig.json for a host. Source: the developer guide's "Distributed training
  // configuration", "Modify your training script to assign instance groups".
  json resource_config(int host) const;

  // Which of the hosts in these groups a host is (0-based), of how many; {-1, n}: none of them. No groups:
  // all.
  struct Position {
    int index = 0, count = 1;
  };
  Position position(int host, const std::vector<std::string>& groups) const;

 private:
  std::vector<InstanceGroup> groups_;
  std::vector<std::string> names_, sorted_names_;
  std::vector<std::size_t> group_of_;
  int master_ = 0;
};

}  // namespace sagemaker::local::runner
