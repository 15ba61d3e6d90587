#include "emulator/store/background_md5.hpp"

#include <atomic>
#include <stdexcept>
#include <system_error>

#include <sagemaker/aws/crypto.hpp>

namespace sagemaker::local::store {
namespace {

constexpr std::size_t inline_bytes_max = 1 << 20;  // less than this is hashed before a thread would be there

std::atomic<unsigned> threads_running = 0;

}  // namespace

BackgroundMd5::BackgroundMd5() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL offers no MD5 here");
  }
}

BackgroundMd5::~BackgroundMd5() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  --threads_running;
}

void BackgroundMd5::update(std::string_view bytes) {
  if (bytes.empty()) return;
  if (!thread_.joinable()) {
    inline_bytes_ += bytes.size();
    if (inline_bytes_ <= inline_bytes_max || !start_thread()) {
      EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
      return;
    }
  }
  wait_for_all_but(queue_max - 1);
  {
    const std::lock_guard lock(mutex_);
    queue_[(first_ + queued_++) % queue_max] = bytes;
  }
  changed_.notify_all();
}

void BackgroundMd5::wait_for_all_but(std::size_t count) {
  if (!thread_.joinable()) return;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return queued_ <= count; });
}

std::string BackgroundMd5::hex() {
  wait_for_all_but(0);
  const std::unique_ptr<EVP_MD_CTX, Free> copy(EVP_MD_CTX_new());
  std::array<unsigned char, 16> digest{};
  if (!copy || EVP_MD_CTX_copy_ex(copy.get(), context_.get()) != 1 ||
      EVP_DigestFinal_ex(copy.get(), digest.data(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL could not finish an MD5");
  }
  return aws::to_hex(digest);
}

// More threads than processors would only take turns.
bool BackgroundMd5::start_thread() {
  if (++threads_running < std::thread::hardware_concurrency()) {
    try {
      thread_ = std::thread([this] { run(); });
      return true;
    } catch (const std::system_error&) {
      // No thread to be had: it works without.
    }
  }
  --threads_running;
  return false;
}

void BackgroundMd5::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return queued_ > 0 || stopping_; });
    if (stopping_) return;
    const std::string_view bytes = queue_[first_];
    lock.unlock();
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
    lock.lock();
    first_ = (first_ + 1) % queue_max;
    --queued_;
    changed_.notify_all();
  }
}

}  // namespace sagemaker::local::store
