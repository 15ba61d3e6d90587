// The instances that this machine runs for jobs at once. A job gets all of its instances together, in the
// order in which jobs asked: a large one is not overtaken for ever by small ones.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>

namespace sagemaker::local::services {

class Capacity {
 public:
  explicit Capacity(int instances) : total_(instances), free_(instances) {}
  Capacity(const Capacity&) = delete;
  Capacity& operator=(const Capacity&) = delete;

  // A place in the queue, then the instances; given back at the end of its life. The capacity must outlive
  // it.
  class Claim {
   public:
    // `owner`: who can be woken while this waits, see wake().
    Claim(Capacity& capacity, int instances, const void* owner = nullptr);
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

    bool granted() const;
    // Waits until the instances are there; false as soon as `give_up` says so, which is asked again after
    // every wake() of the owner and at least once a second.
    bool wait(const std::function<bool()>& give_up);

   private:
    friend class Capacity;
    Capacity& capacity_;
    const int instances_;
    const void* const owner_;
    std::condition_variable changed_;
    bool granted_ = false, woken_ = false;
    std::list<Claim*>::iterator place_;  // in the queue, while not granted
  };

  int total() const { return total_; }
  int in_use() const;
  // Something changed that the waiting claim of this owner may want to know: its job was stopped, for
  // example.
  void wake(const void* owner);

 private:
  void grant();  // with the mutex held

  mutable std::mutex mutex_;
  const int total_;
  int free_;
  std::list<Claim*> queue_;
};

}  // namespace sagemaker::local::services
