// Host names by which clients reach an emulator: its own, and those of AWS that end here.
#pragma once

#include <string>
#include <string_view>

namespace sagemaker::local::http {

// Of a Host header or an authority: the name alone, in lower case, without port and without a final dot. An
// IPv6 address keeps its brackets.
std::string host_name_of(std::string_view authority);

// A name of AWS's, in any partition: "sts.us-west-2.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn".
bool is_aws_host(std::string_view name);

// "localhost", "BUCKET.localhost", or an address of this machine's loopback network.
bool is_loopback_host(std::string_view name);

// Host names and addresses as they may stand in a certificate: letters, digits, hyphens, dots and
// underscores.
bool is_plain_host_name(std::string_view name);

}  // namespace sagemaker::local::http
