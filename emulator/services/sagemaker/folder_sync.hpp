// Keeps a folder of running containers and a prefix of a bucket in step: checkpoints, intermediate output.
// Runs on the thread of whoever calls it; what a step costs depends on what has changed.
#pragma once

#include <functional>
#include <map>
#include <optional>
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
  // `metadata`: of every object that is written, as for store::Objects::put_file.
  FolderSync(store::Objects& objects, S3Location location, std::vector<runner::GuardedFolder> folders,
             std::function<void(const std::string& line)> say, json metadata = json::object());

  // Puts every object below the prefix into every folder, until `cancelled`. Nothing may run in them yet.
  // Where a job has written "a" and later "a/b", which no folder holds at once, the newer one is restored.
  // Throws std::runtime_error naming the object.
  void restore(const std::function<bool()>& cancelled = {});

  // Files that changed go up, what failed before less and less often; a file that is still being written,
  // which is one that changes from one step to the next, waits until it rests. At the `last` step, when
  // nothing writes any more, everything goes. False where `cancelled` said so before the end.
  bool upload(bool last, const std::function<bool()>& cancelled = {});

  // A file that the last step should have stored and could not.
  struct Failure {
    std::string reason;    // "data/a.csv: the bucket b does not exist"
    bool machine = false;  // this machine's fault (its disk is full), nothing that the job's owner did
  };
  std::optional<Failure> failure() const;

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

  // What did not work is tried again after so many steps, each time after twice as many.
  class Patience {
   public:
    bool resting(const std::string& name);
    void failed(const std::string& name);
    void succeeded(const std::string& name) { waits_.erase(name); }

   private:
    struct Wait {
      int next = 1, left = 0;
    };
    std::map<std::string, Wait> waits_;
  };

  bool upload(Host& host, const runner::GuardedFolder::File& file);
  bool bring(Host& host, const std::string& name, store::ObjectInfo& object);
  void download(const std::string& name, store::ObjectInfo& object);
  std::map<std::string, store::ObjectInfo> restorable() const;
  void complain(const std::string& name, const std::string& why, bool machine = false);
  std::string key_of(const std::string& name) const { return prefix_ + name; }
  std::vector<store::ObjectInfo> objects() const;

  store::Objects& objects_;
  const std::string bucket_;
  std::string prefix_;  // of keys; ends in '/' unless it is empty
  std::vector<Host> hosts_;
  std::function<void(const std::string& line)> say_;
  const json metadata_;
  std::map<std::string, std::string> versions_;  // key -> ETag that is known here, ours or brought down
  std::map<std::string, Failure> complaints_;    // name -> what was said about it
  Patience uploads_, downloads_;
};

}  // namespace sagemaker::local::services
