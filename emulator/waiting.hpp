// "This thread waits for somebody outside": said by code that waits for a client or for a container, heard by
// whoever owns the thread, who may let another one work meanwhile. Neither needs to know the other.
#pragma once

namespace sagemaker::local {

class Waiting {
 public:
  // Told about the waits of the threads for which it is set.
  class Observer {
   public:
    virtual void begin_wait() noexcept = 0;
    virtual void end_wait() noexcept = 0;

   protected:
    ~Observer() = default;
  };

  // Of the calling thread; null for none. It must outlive the thread's waits.
  static void set_observer(Observer* observer) noexcept { observer_ = observer; }

  // From here to the end of the scope the calling thread waits. No effect on threads without an observer.
  Waiting() noexcept : told_(observer_) {
    if (told_) told_->begin_wait();
  }
  ~Waiting() {
    if (told_) told_->end_wait();
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  inline static thread_local Observer* observer_ = nullptr;
  Observer* const told_;
};

}  // namespace sagemaker::local
