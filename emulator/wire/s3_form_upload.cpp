// See s3_form_upload.hpp.
#include "emulator/wire/s3_form_upload.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <sagemaker/aws/headers.hpp>
#include <sagemaker/aws/uri.hpp>

#include "emulator/services/s3/faults.hpp"
#include "emulator/utf8.hpp"
#include "emulator/wire/multipart_form.hpp"
#include "emulator/wire/s3_address.hpp"
#include "emulator/wire/s3_post_policy.hpp"
#include "emulator/wire/s3_request.hpp"
#include "emulator/wire/s3_settings.hpp"
#include "emulator/wire/s3_xml.hpp"

namespace sagemaker::local::wire {
namespace {

namespace s3 = services::s3;

ServiceFault fault_of(const FormError& error) {
  if (error.too_large) {
    return {"MaxPostPreDataLengthExceededError", 400,
            "Your POST request fields preceding the upload file were too large."};
  }
  return {"MalformedPOSTRequest", 400,
          "The body of your POST request is not well-formed multipart/form-data."};
}

ServiceFault missing_field(const std::string& name) {
  return s3::invalid_argument("Bucket POST must contain a field named '" + name +
                                  "'.  If it is specified, please check the order of the fields.",
                              name, "");
}

// The file as the service reads it: from where the fields ended.
class FormFile final : public s3::BodySource {
 public:
  FormFile(FormReader& form, http::BodyReader& body, const LengthRange& range)
      : form_(form), body_(body), range_(range) {}

  std::optional<std::uint64_t> length() const override { return std::nullopt; }

  void read(const std::function<void(std::string_view)>& sink) override {
    std::uint64_t size = 0;
    const auto take = [&](std::string_view piece) {
      size += piece.size();
      if (size > range_.max) {
        throw ServiceFault("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size",
                           {{"ProposedSize", size}, {"MaxSizeAllowed", range_.max}});
      }
      sink(piece);
    };
    try {
      form_.push_file("", take);
      body_.read([&](std::string_view bytes) { form_.push_file(bytes, take); });
    } catch (const FormError& error) {
      throw fault_of(error);
    }
    if (!form_.complete()) throw fault_of(FormError{});
    if (size >= range_.min) return;
    throw ServiceFault("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size",
                       {{"ProposedSize", size}, {"MinSizeAllowed", range_.min}});
  }

 private:
  FormReader& form_;
  http::BodyReader& body_;
  LengthRange range_;
};

FormFields fields_of(const FormReader& form) {
  FormFields fields;
  for (const FormField& field : form.fields()) {
    // Which of two would count is anybody's guess.
    if (!fields.emplace(aws::to_lower(field.name), field.value).second) throw fault_of(FormError{});
  }
  return fields;
}

std::string value_of(const FormFields& fields, const std::string& name) {
  const auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

// Every field of one of the two kinds of signatures, or none of either.
std::optional<PolicySignature> signature_of(const FormFields& fields) {
  constexpr std::array<const char*, 4> version_4 = {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date",
                                                    "X-Amz-Signature"};
  constexpr std::array<const char*, 2> version_2 = {"AWSAccessKeyId", "Signature"};
  const auto is_there = [&](const char* name) { return fields.contains(aws::to_lower(name)); };
  const auto require = [&](const auto& names) {
    for (const char* name : names) {
      if (!is_there(name)) throw missing_field(name);
    }
  };
  PolicySignature signature;
  signature.security_token = value_of(fields, "x-amz-security-token");
  if (std::any_of(version_4.begin(), version_4.end(), is_there)) {
    require(version_4);
    if (value_of(fields, "x-amz-algorithm") != "AWS4-HMAC-SHA256") {
      throw s3::invalid_argument("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"", "X-Amz-Algorithm",
                                 value_of(fields, "x-amz-algorithm"));
    }
    signature.credential = value_of(fields, "x-amz-credential");
    signature.date = value_of(fields, "x-amz-date");
    signature.signature = value_of(fields, "x-amz-signature");
  } else if (std::any_of(version_2.begin(), version_2.end(), is_there)) {
    require(version_2);
    signature.version_2 = true;
    signature.credential = value_of(fields, "awsaccesskeyid");
    signature.signature = value_of(fields, "signature");
  } else {
    return std::nullopt;
  }
  if (!fields.contains("policy")) throw missing_field("policy");
  return signature;
}

// The last part of what browsers send as a file name, which may be a path.
std::string base_name(const std::string& path) {
  const std::size_t slash = path.find_last_of("/\\");
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

void put_file_name(std::string& key, const std::string& file_name) {
  constexpr std::string_view variable = "${filename}";
  const std::string name = base_name(file_name);
  for (std::size_t at = key.find(variable); at != std::string::npos;
       at = key.find(variable, at + name.size())) {
    key.replace(at, variable.size(), name);
  }
}

// <Tagging> as the header of other uploads says it.
std::string tagging_header(const std::string& xml) {
  std::string header;
  for (const json& tag : read_s3_tagging(xml)["TagSet"]) {
    header += (header.empty() ? "" : "&") + aws::uri_encode(tag["Key"].get<std::string>()) + "=" +
              aws::uri_encode(tag["Value"].get<std::string>());
  }
  return header;
}

// Fields that are headers of other uploads. Others, such as "submit", mean nothing to the object.
bool is_header_field(std::string_view name) {
  constexpr std::array<std::string_view, 7> plain = {
      "content-type",  "content-encoding", "content-disposition", "content-language",
      "cache-control", "expires",          "content-md5"};
  constexpr std::array<std::string_view, 7> beginnings = {
      "x-amz-meta-",         "x-amz-server-side-encryption",    "x-amz-checksum-",   "x-amz-sdk-checksum-",
      "x-amz-storage-class", "x-amz-website-redirect-location", "x-amz-object-lock-"};
  return std::find(plain.begin(), plain.end(), name) != plain.end() ||
         std::any_of(beginnings.begin(), beginnings.end(),
                     [&](std::string_view beginning) { return name.starts_with(beginning); });
}

json input_of(const FormFields& fields, const std::string& bucket) {
  json input = json::object();
  for (const auto& [name, value] : fields) {
    if (is_header_field(name)) add_s3_header(name, value, input);
    if (name == "acl") add_s3_header("x-amz-acl", value, input);
    if (name == "tagging") input["Tagging"] = tagging_header(value);
  }
  input["Bucket"] = bucket;
  input["Key"] = value_of(fields, "key");
  return input;
}

std::string etag_in_query(const std::string& etag) { return aws::uri_encode(etag); }

http::Response answer(const FormFields& fields, const std::string& bucket, const json& stored,
                      const http::Request& request) {
  const std::string key = value_of(fields, "key");
  const std::string etag = stored["ETag"].get<std::string>();
  std::string base = s3_origin(request) + request.path;
  if (!base.ends_with('/')) base += '/';
  const std::string location = base + aws::uri_encode(key, true);
  http::Response response;
  response.headers.set("ETag", etag);
  std::string redirect = value_of(fields, "success_action_redirect");
  if (redirect.empty()) redirect = value_of(fields, "redirect");
  if (redirect.starts_with("http://") || redirect.starts_with("https://")) {
    response.status = 303;
    redirect += redirect.find('?') == std::string::npos ? '?' : '&';
    redirect +=
        "bucket=" + aws::uri_encode(bucket) + "&key=" + aws::uri_encode(key) + "&etag=" + etag_in_query(etag);
    // Whatever the field held: the header is one line.
    std::replace_if(
        redirect.begin(), redirect.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; }, '+');
    response.headers.set("Location", redirect);
    return response;
  }
  response.headers.set("Location", location);
  const std::string status = value_of(fields, "success_action_status");
  response.status = status == "200" ? 200 : status == "201" ? 201 : 204;
  if (response.status == 201) {
    XmlWriter xml("PostResponse", "");
    xml.element("Location", location);
    xml.element("Bucket", bucket);
    xml.element("Key", key);
    xml.element("ETag", etag);
    response.headers.set("Content-Type", "application/xml");
    response.body = xml.finish();
  }
  return response;
}

}  // namespace

bool is_s3_form_upload(const http::Request& request) {
  if (request.method != "POST" || has_s3_subresource(request)) return false;
  const S3Address address = s3_address_of(request);
  return !address.bucket.empty() && address.key.empty();
}

http::Response handle_s3_form_upload(s3::Service& service, CallContext& context, http::Request& request,
                                     const PolicyVerifier& verify, aws::TimePoint now) {
  const std::optional<std::string> boundary = form_boundary(request.headers.get("Content-Type"));
  if (!boundary)
    throw s3::precondition_failed("Bucket POST must be of the enclosure-type multipart/form-data");
  const std::string bucket = s3_address_of(request).bucket;
  FormReader form(*boundary, FormLimits{});
  try {
    request.body->read_while([&](std::string_view bytes) { return !form.push_fields(bytes); });
  } catch (const FormError& error) {
    throw fault_of(error);
  }
  FormFields fields = fields_of(form);
  if (!form.has_file()) {
    throw s3::invalid_argument("POST requires exactly one file upload per request.", "file", "0");
  }
  if (value_of(fields, "key").empty()) throw missing_field("key");
  put_file_name(fields["key"], form.file_name());
  if (!is_utf8(fields["key"])) throw s3::invalid_argument("The key is not text in UTF-8.", "key", "");
  const std::string policy = value_of(fields, "policy");
  const std::optional<PolicySignature> signature = signature_of(fields);
  context.access_key = verify(signature, policy);
  LengthRange range;
  if (signature || !policy.empty()) {  // who signs an empty one has allowed nothing
    FormFields named = fields;
    named.insert_or_assign("bucket", bucket);
    range = check_post_policy(policy, named, now);
  }
  FormFile file(form, *request.body, range);
  const s3::Reply stored = service.call("PutObject", context, input_of(fields, bucket), file);
  http::Response response = answer(fields, bucket, stored.document, request);
  for (const char* member : {"VersionId", "ServerSideEncryption", "Expiration"}) {
    if (!stored.document.contains(member)) continue;
    const std::string name = member == std::string_view("VersionId")    ? "x-amz-version-id"
                             : member == std::string_view("Expiration") ? "x-amz-expiration"
                                                                        : "x-amz-server-side-encryption";
    response.headers.set(name, stored.document[member].get<std::string>());
  }
  return response;
}

}  // namespace sagemaker::local::wire
