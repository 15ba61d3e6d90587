// A container's loopback address for as long as it is needed, and ports on it.
#pragma once

#include <string>
#include <utility>

#include "emulator/runner/container.hpp"

namespace sagemaker::local::runner {

class AddressLease {
 public:
  explicit AddressLease(AddressPool& pool) : pool_(&pool), address_(pool.acquire()) {}
  AddressLease(AddressLease&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), address_(std::move(other.address_)) {}
  AddressLease& operator=(AddressLease&&) = delete;
  ~AddressLease() {
    if (pool_) pool_->release(address_);
  }
  const std::string& address() const { return address_; }

 private:
  AddressPool* pool_;
  std::string address_;
};

// `preferred` where nothing listens there, else a port that was free a moment ago. Containers share the
// host's network: a server on all addresses takes the port from every container. `address` may be "0.0.0.0".
// `past_closing`: connections of an earlier server that are still closing (TIME_WAIT) are no obstacle, as they
// are none for servers that set SO_REUSEADDR. Not all do.
int free_port(const std::string& address, int preferred, bool past_closing);

}  // namespace sagemaker::local::runner
