// The services that speak the query protocol (a form in, XML out), one row each: how a request for one of
// them is recognised, and what its documents look like. A service is added by a row here, a model in
// validation.hpp and an operation table of the same name.
#pragma once

#include <array>
#include <string_view>

#include "emulator/wire/validation.hpp"

namespace sagemaker::local::wire {

struct QueryService {
  std::string_view name;           // of its operation table, and the service in the credential scope
  std::string_view host;           // first label of its host names: sts.us-east-1.amazonaws.com
  std::string_view version;        // of the API: tells unsigned calls apart
  std::string_view xml_namespace;  // of answers and errors
  Model model;
  bool signs_for_us_east_1;             // clients of its global endpoint do, whatever their region is
  std::string_view unsigned_operation;  // the one that needs no signature; empty: none
};

inline constexpr std::array query_services{
    QueryService{"sts", "sts", "2011-06-15", "https://sts.amazonaws.com/doc/2011-06-15/", Model::sts, true,
                 "AssumeRoleWithWebIdentity"},
    QueryService{"iam", "iam", "2010-05-08", "https://iam.amazonaws.com/doc/2010-05-08/", Model::iam, true,
                 ""},
    QueryService{"monitoring", "monitoring", "2010-08-01", "http://monitoring.amazonaws.com/doc/2010-08-01/",
                 Model::metrics, false, ""},
};

// The first row whose `member` is `value`; nullptr: none.
inline const QueryService* find_query_service(std::string_view QueryService::*member,
                                              std::string_view value) {
  for (const QueryService& service : query_services)
    if (service.*member == value) return &service;
  return nullptr;
}

}  // namespace sagemaker::local::wire
