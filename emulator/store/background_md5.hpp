// MD5 over a stream that is written to disk at the same time. MD5 is the slowest thing that happens to the
// bytes of an upload and cannot be split; so large streams have it done on a thread of their own, one buffer
// behind the writer. Small ones never start that thread, and neither does a machine whose processors are all
// busy so.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <openssl/evp.h>

namespace sagemaker::local::store {

class BackgroundMd5 {
 public:
  BackgroundMd5();
  ~BackgroundMd5();
  BackgroundMd5(const BackgroundMd5&) = delete;
  BackgroundMd5& operator=(const BackgroundMd5&) = delete;

  // Hashes the bytes, now or soon: they must stay as they are up to a later call of wait_for_all_but().
  void update(std::string_view bytes);
  // Waits until no more than `count` of the updates are still under way.
  void wait_for_all_but(std::size_t count);
  // Of everything so far. More may follow.
  std::string hex();

 private:
  static constexpr std::size_t queue_max = 8;
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };

  bool start_thread();
  void run();

  std::unique_ptr<EVP_MD_CTX, Free> context_;  // the thread's as long as something is queued
  std::size_t inline_bytes_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<std::string_view, queue_max> queue_{};  // a ring
  std::size_t first_ = 0;
  std::size_t queued_ = 0;
  bool stopping_ = false;
};

}  // namespace sagemaker::local::store
