// What SageMaker demands of every request and its service model does not say.
#pragma once

#include "emulator/services/operation.hpp"

namespace sagemaker::local::services {

// The operations behind the rules, which throw ServiceFault ValidationException, before an operation sees
// its request, for
// - tag keys in the prefix that is AWS's own (Tags, and TagKeys of DeleteTags), and two tags with one key,
// - environments and command lines (Environment, ContainerEntrypoint, ContainerArguments at any depth) with a
//   NUL character: no process can be given one, and what stands behind it would be lost without a word.
OperationTable with_request_rules(OperationTable operations);

}  // namespace sagemaker::local::services
