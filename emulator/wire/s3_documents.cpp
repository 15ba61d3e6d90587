#include "emulator/wire/s3_documents.hpp"

#include <charconv>
#include <cstring>

#include "emulator/services/s3/checksum.hpp"
#include "emulator/services/s3/faults.hpp"
#include "emulator/wire/s3_settings.hpp"
#include "emulator/wire/xml_document.hpp"

namespace sagemaker::local::wire {
namespace {

namespace s3 = services::s3;

// Element names without their namespace prefix.
std::string_view local_name(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

pugi::xml_document parse(const std::string& xml) { return parse_xml_document(xml, s3::malformed_xml()); }

pugi::xml_node root_named(const pugi::xml_document& document, std::string_view name) {
  const pugi::xml_node root = document.document_element();
  if (local_name(root) != name) throw s3::malformed_xml();
  return root;
}

// Members of one element, as texts. Elements within elements are not part of any of these documents.
json texts_of(const pugi::xml_node& node) {
  json members = json::object();
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() != pugi::node_element) continue;
    for (const pugi::xml_node& grandchild : child.children()) {
      if (grandchild.type() == pugi::node_element) throw s3::malformed_xml();
    }
    members[std::string(local_name(child))] = child.child_value();
  }
  return members;
}

std::int64_t number_in(const pugi::xml_node& node) {
  const std::string_view text = node.child_value();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) throw s3::malformed_xml();
  return number;
}

json bucket_configuration(const std::string& xml) {
  const pugi::xml_document document = parse(xml);
  json configuration = json::object();
  for (const pugi::xml_node& child : root_named(document, "CreateBucketConfiguration").children()) {
    const std::string_view name = local_name(child);
    if (name == "LocationConstraint") {
      configuration["LocationConstraint"] = child.child_value();
    } else if (name == "Tags") {
      for (const pugi::xml_node& tag : child.children()) configuration["Tags"].push_back(texts_of(tag));
    } else if (child.type() == pugi::node_element) {
      throw s3::not_implemented("CreateBucketConfiguration",
                                "The element " + std::string(name) + " is not supported");
    }
  }
  return configuration;
}

json versioning(const std::string& xml) {
  const pugi::xml_document document = parse(xml);
  return texts_of(root_named(document, "VersioningConfiguration"));
}

json restoration(const std::string& xml) {
  const pugi::xml_document document = parse(xml);
  json request = json::object();
  for (const pugi::xml_node& child : root_named(document, "RestoreRequest").children()) {
    const std::string name(local_name(child));
    if (child.type() == pugi::node_element) request[name] = child.child_value();
    if (name == "Days") request[name] = number_in(child);
  }
  return request;
}

json deletion(const std::string& xml) {
  const pugi::xml_document document = parse(xml);
  json request = {{"Objects", json::array()}};
  for (const pugi::xml_node& child : root_named(document, "Delete").children()) {
    const std::string_view name = local_name(child);
    if (name == "Quiet") request["Quiet"] = child.child_value();
    if (name != "Object") continue;
    json object = texts_of(child);
    if (!object.contains("Key")) throw s3::malformed_xml();
    request["Objects"].push_back(std::move(object));
  }
  return request;
}

json completion(const std::string& xml) {
  const pugi::xml_document document = parse(xml);
  json parts = json::array();
  for (const pugi::xml_node& child : root_named(document, "CompleteMultipartUpload").children()) {
    if (local_name(child) != "Part") continue;
    json part = texts_of(child);
    if (!part.contains("PartNumber") || !part.contains("ETag")) throw s3::malformed_xml();
    for (const pugi::xml_node& member : child.children()) {
      if (local_name(member) == "PartNumber") part["PartNumber"] = number_in(member);
    }
    parts.push_back(std::move(part));
  }
  if (parts.empty()) throw s3::malformed_xml();
  return {{"Parts", std::move(parts)}};
}

}  // namespace

bool s3_has_document(std::string_view operation) {
  return s3_has_setting_document(operation) || operation == "CreateBucket" || operation == "DeleteObjects" ||
         operation == "CompleteMultipartUpload" || operation == "PutBucketVersioning" ||
         operation == "PutObjectTagging" || operation == "PutObjectAcl" || operation == "RestoreObject";
}

void read_s3_document(std::string_view operation, const std::string& xml, json& input) {
  if (s3_has_setting_document(operation)) return read_s3_setting(operation, xml, input);
  if (operation == "CreateBucket") {
    if (!xml.empty()) input["CreateBucketConfiguration"] = bucket_configuration(xml);
  } else if (operation == "DeleteObjects") {
    input["Delete"] = deletion(xml);
  } else if (operation == "CompleteMultipartUpload") {
    if (!xml.empty()) input["MultipartUpload"] = completion(xml);
  } else if (operation == "PutObjectAcl") {
    read_s3_setting("PutBucketAcl", xml, input);  // the same document
  } else if (operation == "PutBucketVersioning") {
    input["VersioningConfiguration"] = versioning(xml);
  } else if (operation == "PutObjectTagging") {
    input["Tagging"] = read_s3_tagging(xml);
  } else if (operation == "RestoreObject") {
    input["RestoreRequest"] = restoration(xml);
  }
}

}  // namespace sagemaker::local::wire
