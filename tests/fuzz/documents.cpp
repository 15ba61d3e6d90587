// The documents that clients send: S3's XML, JSON with its validation, and forms of the query protocol.
// Whatever arrives is read or refused by a fault of the client, and what is written is read back as it was.
#include <sagemaker/aws/xml.hpp>

#include "emulator/services/service_error.hpp"
#include "emulator/wire/cbor.hpp"
#include "emulator/wire/json_protocol.hpp"
#include "emulator/wire/query_protocol.hpp"
#include "emulator/wire/s3_documents.hpp"
#include "emulator/wire/s3_xml.hpp"
#include "emulator/wire/validation.hpp"
#include "tests/fuzz/target.hpp"

namespace sagemaker::fuzz {
namespace {

using namespace local::wire;
using local::ServiceFault;

// Runs `work`; a fault must be the client's and writable as an answer.
template <class Work>
bool accepted(Work work) {
  try {
    work();
    return true;
  } catch (const ServiceFault& fault) {
    require((fault.http_status() >= 400 && fault.http_status() < 500) || fault.http_status() == 501,
            "a refusal is the client's fault");
    require(!fault.code().empty(), "a refusal has a code");
    const std::string body = std::get<std::string>(encode_json_fault(fault, "id").body);
    require(aws::parse_json(body)["__type"] == fault.code(), "a refusal is written as JSON");
    return false;
  }
}

// ---- XML ---------------------------------------------------------------------------------------

void check_text_in_xml(std::string_view text) {
  if (text.find('\0') != std::string_view::npos)
    return;  // no XML can hold it, and no request reaches this far with it
  // Bytes that are no UTF-8 become U+FFFD, so compare with what JSON makes of them by the same rule.
  const bool valid = aws::parse_json(aws::dump_json(json(text))).get<std::string>() == text;
  XmlWriter writer("Root");
  writer.open("Item");
  writer.element("Key", text);
  const std::string written = writer.finish();
  const auto document = aws::parse_xml(written);
  const std::string read = document->child("Root").child("Item").child_value("Key");
  if (valid) require(read == text, "a text survives XML");
  require(document->child("Root").select_nodes("*").size() == 1, "a text opens no element");
}

const Registered s3_xml(
    {"s3_xml",
     [](std::string_view input) {
       static constexpr const char* operations[] = {
           "CreateBucket",  "DeleteObjects",    "CompleteMultipartUpload", "PutBucketTagging",
           "PutBucketCors", "PutObjectTagging", "PutBucketVersioning",     "PutBucketLifecycleConfiguration"};
       Choices choices(input);
       const std::string operation = operations[choices.below(std::size(operations))];
       check_text_in_xml(input);
       if (!s3_has_document(operation)) return;
       json document = json::object();
       if (accepted([&] { read_s3_document(operation, std::string(input), document); })) {
         aws::dump_json(document);
       }
     },
     {std::string(1, '\0') + "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint>"
                             "</CreateBucketConfiguration>",
      "\x01<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet><Object><Key>a &amp; "
      "b</Key>"
      "<VersionId>null</VersionId></Object></Delete>",
      "\x02<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;x&quot;</ETag></Part>"
      "</CompleteMultipartUpload>",
      "\x03<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>",
      "\x04<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></"
      "CORSRule>"
      "</CORSConfiguration>"},
     {"<Delete>",
      "</Delete>",
      "<Object>",
      "</Object>",
      "<Key>",
      "</Key>",
      "<Part>",
      "</Part>",
      "<PartNumber>",
      "</PartNumber>",
      "<ETag>",
      "</ETag>",
      "<![CDATA[",
      "]]>",
      "<!--",
      "-->",
      "<?xml version=\"1.0\"?>",
      "<!DOCTYPE",
      "<!ENTITY",
      "&#",
      "&amp;",
      "s3:",
      "/>"}});

// ---- JSON --------------------------------------------------------------------------------------

bool holds_null(const json& value) {
  if (value.is_null()) return true;
  if (!value.is_structured()) return false;
  for (const json& element : value) {
    if (holds_null(element)) return true;
  }
  return false;
}

struct ModelOperation {
  Model model;
  const char* name;
};

constexpr ModelOperation model_operations[] = {{Model::sagemaker, "CreateTrainingJob"},
                                               {Model::sagemaker, "CreateEndpointConfig"},
                                               {Model::sagemaker, "CreateModel"},
                                               {Model::sagemaker, "ListTrainingJobs"},
                                               {Model::logs, "PutLogEvents"},
                                               {Model::logs, "FilterLogEvents"},
                                               {Model::sts, "AssumeRole"}};

const Registered json_request(
    {"json_request",
     [](std::string_view input) {
       Choices choices(input);
       const ModelOperation operation = model_operations[choices.below(std::size(model_operations))];
       json document;
       if (!accepted([&] { document = decode_json(std::string(input), 64); })) return;
       require(document.is_object(), "a request is an object");
       const std::string written = aws::dump_json(document);
       require(aws::dump_json(decode_json(written, 64)) == written, "a written document is read back");
       if (!accepted([&] { validate(operation.model, operation.name, document); })) return;
       drop_nulls(document);
       require(!holds_null(document), "no null is left");
     },
     {std::string(1, '\0') +
          R"({"TrainingJobName":"a","AlgorithmSpecification":{"TrainingImage":"x",)"
          R"("TrainingInputMode":"File"},"RoleArn":"arn:aws:iam::000000000000:role/r","OutputDataConfig":)"
          R"({"S3OutputPath":"s3://b"},"ResourceConfig":{"InstanceType":"ml.m5.large","InstanceCount":1,)"
          R"("VolumeSizeInGB":1},"StoppingCondition":{"MaxRuntimeInSeconds":60},"HyperParameters":{"a":"b"}})",
      std::string(1, '\3') +
          R"({"MaxResults":10,"CreationTimeAfter":1.7e9,"SortBy":"Name","NameContains":null})",
      std::string(1, '\4') +
          R"({"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":"\u00e9"}]})"},
     {"{", "}", "[", "]", "null", "true", "1e400", "-0", "\\u0000", "\\ud800", "9223372036854775808",
      "TrainingJobName", "logEvents", "timestamp", "message"}});

// ---- CBOR --------------------------------------------------------------------------------------

const Registered cbor_document(
    {"cbor_document",
     [](std::string_view input) {
       json document;
       try {
         document = decode_cbor(input, 32);
       } catch (const CborError& error) {
         require(error.offset() <= input.size(), "an error is inside the document");
         return;
       }
       // Texts and names may hold bytes that are no UTF-8; what is written then holds the same ones.
       const auto no_time = [](std::string_view) { return false; };
       const std::string written = encode_cbor(document, no_time);
       require(encode_cbor(decode_cbor(written, 32), no_time) == written, "a written document is read back");
       aws::dump_json(document);
     },
     {"\xa2\x64Name\x65"
      "Alice\x63"
      "Age\x18\x2a",
      "\x9f\x01\x20\xf5\xf6\xff",
      std::string("\xbf\x61T\xc1\xfb\x41\xd9\x54\0\0\0\0\0\x61"
                  "B\x43"
                  "abc\xff",
                  20),
      "\x7f\x62hi\x63you\xff"},
     {"\xbf", "\x9f", "\xff", "\xc1", "\xfb", "\xfa", "\xf9", "\x1b", "\x5b", "\x7b", "\xd9", "\xf6"}});

// ---- query protocol ----------------------------------------------------------------------------

const Registered query_request(
    {"query_request",
     [](std::string_view input) {
       QueryCall call;
       if (!accepted([&] { call = parse_query_call(input); })) return;
       aws::parse_json(aws::dump_json(call.input), 4096);
       json converted = call.input;
       const bool valid = accepted([&] {
         convert_query_values(Model::sts, "AssumeRole", converted);
         validate(Model::sts, "AssumeRole", converted);
       });
       if (valid) require(converted.contains("RoleArn"), "a required member is there");
       // Its values in an answer: well-formed, with every text as it was.
       const std::string name = call.input.contains("RoleArn") && call.input["RoleArn"].is_string()
                                    ? call.input["RoleArn"].get<std::string>()
                                    : "";
       const QueryCall answered{"AssumeRole", "2011-06-15", json::object()};
       const auto document = aws::parse_xml(render_query_response(
           answered, "https://sts.amazonaws.com/doc/2011-06-15/", {{"RoleArn", name}}, "id"));
       const std::string read = document->document_element().child("AssumeRoleResult").child_value("RoleArn");
       const bool printable = std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < ' '; });
       if (printable) require(read == name, "a text survives the answer");
     },
     {"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A000000000000%3Arole%2Fr&"
      "RoleSessionName=s&"
      "DurationSeconds=900&Tags.member.1.Key=k&Tags.member.1.Value=v",
      "Action=GetCallerIdentity", "Action=X&A.entry.1.key=a&A.entry.1.value=b&B.2=c&B.1=d"},
     {"Action=", "&", "=", ".member.", ".entry.", ".key", ".value", ".1", ".0", ".99999999999", "RoleArn",
      "RoleSessionName", "DurationSeconds", "Tags", "%00", "%FF", "."}});

}  // namespace
}  // namespace sagemaker::fuzz
