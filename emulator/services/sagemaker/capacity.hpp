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
    Claim(Capacity& capacity, int instances);
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

    bool granted() const;
    // Waits until the instances are there; false as soon as `give_up` says so, which is asked again after
    // every Capacity::wake() and at least once a second.
    bool wait(const std::function<bool()>& give_up);

   private:
    friend class Capacity;
    Capacity& capacity_;
    const int instances_;
    bool granted_ = false;
    std::list<Claim*>::iterator place_;  // in the queue, while not granted
  };

  int total() const { return total_; }
  int in_use() const;
  // Something changed that a waiting job may want to know: it was stopped, for example.
  void wake();

 private:
  void grant();  // with the mutex held

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  const int total_;
  int free_;
  std::list<Claim*> queue_;
};

}  // namespace sagemaker::local::services
