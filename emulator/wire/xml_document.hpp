// Reading XML of a client. pugixml alone takes much that is no XML, and answers made of it would be none
// either.
#pragma once

#include <string>

#include <pugixml.hpp>

#include "emulator/services/service_error.hpp"

namespace sagemaker::local::wire {

// Throws `malformed` for what is not one well-formed element in UTF-8, and for document types. References to
// control characters are taken, as it is the only way to name a key with one in a document.
pugi::xml_document parse_xml_document(const std::string& xml, const ServiceFault& malformed);

}  // namespace sagemaker::local::wire
