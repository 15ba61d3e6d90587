// Keeps a folder of running containers and a prefix of a bucket in step: checkpoints, intermediate output.
// Runs on the thread of whoever calls it; what a step costs depends on what has changed.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/runner/guarded_folder.hpp"
#include "emulator/services/sagemaker/s3_locations.hpp"
#include "emulator/store/objects.hpp"

namespace sagemaker::local::services {

class FolderSync {
 public:
  // One folder for each host. `say` is told, once for each file, what cannot be kept in step and why.
  FolderSync(store::Objects& objects, S3Location location, std::vector<runner::GuardedFolder> folders,
             std::function<void(const std::string& line)> say);

  // Puts every object below the prefix into every folder. Nothing may run in them yet. Throws
  // std::runtime_error naming the object.
  void restore();

  // Files that changed go up; a file that is still being written, which is one that changes from one step to
  // the next, waits until it rests. At the `last` step, when nothing writes any more, everything goes.
  void upload(bool last);

  // Objects that others have put below the prefix, or changed there, come down to every host.
  void download();

 private:
  struct Known {
    runner::GuardedFolder::File seen;     // at the last step
    runner::GuardedFolder::File in_step;  // the content that S3 has, as far as this host goes
    int restless = 0;                     // steps in a row at which it had changed
  };
  struct Host {
    runner::GuardedFolder folder;
    std::map<std::string, Known> files;  // by name
  };

  bool upload(Host& host, const runner::GuardedFolder::File& file);
  void bring(Host& host, const std::string& name, const store::ObjectInfo& object);
  void complain(const std::string& name, const std::string& why);
  std::string key_of(const std::string& name) const { return prefix_ + name; }
  std::vector<store::ObjectInfo> objects() const;

  store::Objects& objects_;
  const std::string bucket_;
  std::string prefix_;  // of keys; ends in '/' unless it is empty
  std::vector<Host> hosts_;
  std::function<void(const std::string& line)> say_;
  std::map<std::string, std::string> versions_;    // key -> ETag that is known here, ours or brought down
  std::map<std::string, std::string> complaints_;  // name -> what was said about it
};

}  // namespace sagemaker::local::services
