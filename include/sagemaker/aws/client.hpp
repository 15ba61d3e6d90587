// The base of all clients: a sender that is configured as the AWS SDKs are. Services differ only in their
// description and in the documents they take.
#pragma once

#include <sagemaker/aws/config.hpp>
#include <sagemaker/aws/sender.hpp>

namespace sagemaker::aws {

// A client of one service. Copies share their state; all members are safe to call from several threads.
class ServiceClient : public Sender {
 public:
  ServiceClient(const ServiceDescription& service, const ClientConfig& config)
      : Sender(service, resolve_config(config, service)) {}
};

}  // namespace sagemaker::aws
