// Settings of a bucket over the protocol: they come back as they were set, end with their bucket, and do what
// clients rely on.
#include "tests/unit/s3_support.hpp"

using namespace sagemaker::tests;
namespace aws = sagemaker::aws;

namespace {

std::string in_root(const std::string& root, const std::string& inner) {
  return "<" + root + " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" + inner + "</" + root + ">";
}

struct RoundTrip {
  const char* subresource;
  const char* root;
  std::string inner;
};

const std::string cors_rule =
    "<CORSRule><ID>one</ID><AllowedHeader>x-*</AllowedHeader><AllowedMethod>GET</AllowedMethod>"
    "<AllowedMethod>PUT</AllowedMethod><AllowedOrigin>http://*.example</AllowedOrigin>"
    "<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds></CORSRule>";
const std::string lifecycle_rules =
    "<Rule><Expiration><Days>3</Days></Expiration><ID>logs</ID><Filter><Prefix>logs/</Prefix></Filter>"
    "<Status>Enabled</Status></Rule>"
    "<Rule><ID>more</ID><Filter><And><Prefix>a</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>"
    "<Status>Disabled</Status><Transition><Date>2030-01-01T00:00:00.000Z</Date>"
    "<StorageClass>GLACIER</StorageClass></Transition></Rule>";

}  // namespace

TEST_CASE_FIXTURE(S3BucketFixture, "what is set comes back, element for element") {
  const RoundTrip rows[] = {
      {"tagging", "Tagging",
       "<TagSet><Tag><Key>a b</Key><Value> </Value></Tag><Tag><Key>c</Key><Value></Value></Tag></TagSet>"},
      {"cors", "CORSConfiguration", cors_rule},
      {"lifecycle", "LifecycleConfiguration", lifecycle_rules},
      {"ownershipControls", "OwnershipControls",
       "<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>"},
      {"encryption", "ServerSideEncryptionConfiguration",
       "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>"
       "<KMSMasterKeyID>key-1</KMSMasterKeyID></ApplyServerSideEncryptionByDefault>"
       "<BucketKeyEnabled>true</BucketKeyEnabled></Rule>"},
      {"publicAccessBlock", "PublicAccessBlockConfiguration",
       "<BlockPublicAcls>false</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>"
       "<BlockPublicPolicy>false</BlockPublicPolicy><RestrictPublicBuckets>false</RestrictPublicBuckets>"},
      {"website", "WebsiteConfiguration",
       "<IndexDocument><Suffix>index.html</Suffix></IndexDocument><ErrorDocument><Key>e</Key></ErrorDocument>"
       "<RoutingRules><RoutingRule><Condition><KeyPrefixEquals>d/</KeyPrefixEquals></Condition>"
       "<Redirect><ReplaceKeyPrefixWith>n/</ReplaceKeyPrefixWith></Redirect></RoutingRule></RoutingRules>"},
      {"notification", "NotificationConfiguration",
       "<QueueConfiguration><Id>q</Id><Queue>arn:aws:sqs:us-east-1:111122223333:queue</Queue>"
       "<Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>suffix</Name><Value>.csv</Value>"
       "</FilterRule></S3Key></Filter></QueueConfiguration><EventBridgeConfiguration></"
       "EventBridgeConfiguration>"},
      {"logging", "BucketLoggingStatus",
       "<LoggingEnabled><TargetBucket>bucket</TargetBucket><TargetPrefix>l/</TargetPrefix></LoggingEnabled>"},
      {"requestPayment", "RequestPaymentConfiguration", "<Payer>Requester</Payer>"},
      {"accelerate", "AccelerateConfiguration", "<Status>Enabled</Status>"},
  };
  for (const RoundTrip& setting : rows) {
    CAPTURE(setting.subresource);
    const std::string target = std::string("/bucket?") + setting.subresource;
    const std::string document = in_root(setting.root, setting.inner);
    const S3Answer written = put(target, document);
    CHECK_MESSAGE(written.status / 100 == 2, written.body);
    const S3Answer read = send("GET", target);
    CHECK(read.status == 200);
    CHECK(read.headers.get("Content-Type") == "application/xml");
    CHECK(read.body == "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + document);
    // Another root, an element that does not belong there, no XML at all: refused, and nothing changes.
    for (const std::string& bad :
         {std::string("<Other/>"), in_root(setting.root, setting.inner + "<Other>1</Other>"),
          std::string("<" + std::string(setting.root)), std::string()}) {
      CHECK(put(target, bad).code() == "MalformedXML");
    }
    CHECK(send("GET", target).body == read.body);
  }
  // A new bucket of the same name has none of it.
  CHECK(send("DELETE", "/bucket").status == 204);
  CHECK(send("PUT", "/bucket").status == 200);
  CHECK(send("GET", "/bucket?cors").code() == "NoSuchCORSConfiguration");
  CHECK(send("GET", "/bucket?requestPayment").text("Payer") == "BucketOwner");
  CHECK(settings_of_bucket() == 0);
}

TEST_CASE_FIXTURE(S3BucketFixture, "what a bucket has before anything is set, and after it was deleted") {
  CHECK(send("GET", "/bucket?encryption").text("SSEAlgorithm") == "AES256");
  CHECK(send("GET", "/bucket?ownershipControls").text("ObjectOwnership") == "BucketOwnerEnforced");
  CHECK(send("GET", "/bucket?publicAccessBlock").text("BlockPublicPolicy") == "true");
  CHECK(send("DELETE", "/bucket?publicAccessBlock").status == 204);
  CHECK(send("GET", "/bucket?publicAccessBlock").code() == "NoSuchPublicAccessBlockConfiguration");
  CHECK(send("DELETE", "/bucket?ownershipControls").status == 204);
  CHECK(send("GET", "/bucket?ownershipControls").code() == "OwnershipControlsNotFoundError");
  CHECK(send("DELETE", "/bucket?encryption").status == 204);
  CHECK(send("GET", "/bucket?encryption").text("SSEAlgorithm") == "AES256");
  for (const char* name : {"tagging", "cors", "lifecycle", "policy", "website"}) {
    CHECK(send("DELETE", std::string("/bucket?") + name).status == 204);
    CHECK(send("GET", std::string("/bucket?") + name).status == 404);
  }
  for (const char* name : {"analytics", "inventory", "metrics", "intelligent-tiering"}) {
    CHECK(send("GET", std::string("/bucket?") + name).text("IsTruncated") == "false");
    CHECK(send("GET", std::string("/bucket?id=x&") + name).code() == "NoSuchConfiguration");
    CHECK(send("DELETE", std::string("/bucket?id=x&") + name).code() == "NoSuchConfiguration");
    CHECK(put(std::string("/bucket?id=x&") + name, "<x/>").status == 501);
  }
  CHECK(send("GET", "/bucket?replication").code() == "ReplicationConfigurationNotFoundError");
  CHECK(put("/bucket?replication", "<x/>").status == 501);
  CHECK(put("/bucket?object-lock", "<x/>").status == 501);
  CHECK(put("/nowhere?cors", in_root("CORSConfiguration", cors_rule)).code() == "NoSuchBucket");
}

TEST_CASE_FIXTURE(S3BucketFixture, "a policy comes back byte for byte and is judged") {
  const auto statement = [](const std::string& principal, const std::string& more = "") {
    return "{ \"Version\": \"2012-10-17\",\n  \"Statement\": {\"Effect\": \"Allow\", \"Principal\": " +
           principal + ", \"Action\": [\"s3:GetObject\"], \"Resource\": \"arn:aws:s3:::bucket/*\"" + more +
           "} }";
  };
  const std::string closed = statement("{\"AWS\": \"arn:aws:iam::111122223333:root\"}");
  const std::string open = statement("\"*\"");
  CHECK(put("/bucket?policy", closed).status == 204);
  const S3Answer read = send("GET", "/bucket?policy");
  CHECK(read.body == closed);
  CHECK(read.headers.get("Content-Type") == "application/json");
  CHECK(send("GET", "/bucket?policyStatus").text("IsPublic") == "false");
  CHECK(put("/bucket?policy", open).code() == "AccessDenied");  // the public access block
  CHECK(send("DELETE", "/bucket?publicAccessBlock").status == 204);
  CHECK(put("/bucket?policy", open).status == 204);
  CHECK(send("GET", "/bucket?policyStatus").text("IsPublic") == "true");
  const std::string conditional =
      statement("{\"AWS\": [\"*\"]}", ", \"Condition\": {\"Bool\": {\"a\": \"b\"}}");
  CHECK(put("/bucket?policy", conditional).status == 204);
  CHECK(send("GET", "/bucket?policyStatus").text("IsPublic") == "false");
  for (const std::string& bad :
       {std::string(""), std::string(" {}"), std::string("{"), std::string("{\"Statement\": []}"),
        std::string("{\"Statement\": [1]}"), statement("\"*\"", ", \"Extra\": 1"),
        std::string("{\"Statement\": {\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"s3:*\", "
                    "\"Resource\": \"arn:aws:s3:::other/*\"}}")}) {
    CHECK_MESSAGE(put("/bucket?policy", bad).code() == "MalformedPolicy", bad);
  }
  CHECK(send("GET", "/bucket?policy").body == conditional);
}

TEST_CASE_FIXTURE(S3BucketFixture, "access control lists need a bucket that allows them") {
  CHECK(send("GET", "/bucket?acl").text("Permission") == "FULL_CONTROL");
  CHECK(put("/bucket?acl", "", {{"x-amz-acl", "private"}}).code() == "AccessControlListNotSupported");
  CHECK(put("/bucket/key", "x", {{"x-amz-acl", "public-read"}}).code() == "AccessControlListNotSupported");
  CHECK(put("/bucket/key", "x", {{"x-amz-acl", "bucket-owner-full-control"}}).status == 200);
  CHECK(send("PUT", "/second", {{"x-amz-acl", "public-read"}}).code() ==
        "InvalidBucketAclWithObjectOwnership");
  CHECK(send("PUT", "/second", {{"x-amz-object-ownership", "ObjectWriter"}, {"x-amz-acl", "public-read"}})
            .code() == "InvalidBucketAclWithBlockPublicAccessError");
  CHECK(send("PUT", "/second", {{"x-amz-object-ownership", "ObjectWriter"}}).status == 200);
  CHECK(put("/second?acl", "", {{"x-amz-acl", "public-read"}}).code() == "AccessDenied");
  CHECK(send("DELETE", "/second?publicAccessBlock").status == 204);
  CHECK(put("/second?acl", "", {{"x-amz-acl", "public-read"}}).status == 200);
  const S3Answer read = send("GET", "/second?acl");
  CHECK(read.texts("//Permission") == std::vector<std::string>{"FULL_CONTROL", "READ"});
  CHECK(read.text("URI") == "http://acs.amazonaws.com/groups/global/AllUsers");
  CHECK(read.body.find("xsi:type=\"Group\"") != std::string::npos);
  // The document that was read is one that can be written.
  CHECK(put("/second?acl", read.body).status == 200);
  CHECK(send("GET", "/second?acl").body == read.body);
  CHECK(
      put("/second?ownershipControls",
          in_root("OwnershipControls", "<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>"))
          .code() == "InvalidBucketAclWithObjectOwnership");
  // Lists of objects.
  CHECK(put("/second/key", "x", {{"x-amz-acl", "authenticated-read"}}).status == 200);
  CHECK(send("GET", "/second/key?acl").text("URI") ==
        "http://acs.amazonaws.com/groups/global/AuthenticatedUsers");
  CHECK(send("HEAD", "/second/key").headers.contains("AccessControlPolicy") == false);
}

TEST_CASE_FIXTURE(S3BucketFixture, "objects are encrypted as the bucket says") {
  CHECK(put("/bucket/plain", "x").headers.get("x-amz-server-side-encryption") == "AES256");
  CHECK(
      put("/bucket?encryption",
          in_root(
              "ServerSideEncryptionConfiguration",
              "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>"
              "key-1</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule>"))
          .status == 200);
  CHECK(put("/bucket/key", "x").headers.get("x-amz-server-side-encryption") == "aws:kms");
  const S3Answer head = send("HEAD", "/bucket/key");
  CHECK(head.headers.get("x-amz-server-side-encryption") == "aws:kms");
  CHECK(head.headers.get("x-amz-server-side-encryption-aws-kms-key-id") ==
        "arn:aws:kms:us-east-1:111122223333:key/key-1");
  CHECK(put("/bucket/own", "x", {{"x-amz-server-side-encryption", "AES256"}})
            .headers.get("x-amz-server-side-encryption") == "AES256");
  CHECK(send("HEAD", "/bucket/plain").headers.get("x-amz-server-side-encryption") == "AES256");
}

TEST_CASE_FIXTURE(S3BucketFixture, "answers about an object tell when a rule ends it") {
  CHECK(put("/bucket?lifecycle", in_root("LifecycleConfiguration", lifecycle_rules))
            .headers.get("x-amz-transition-default-minimum-object-size") == "all_storage_classes_128K");
  const std::string expected = "expiry-date=\"Tue, 28 May 2013 00:00:00 GMT\", rule-id=\"logs\"";
  CHECK(put("/bucket/logs/1", "x").headers.get("x-amz-expiration") == expected);
  CHECK(send("HEAD", "/bucket/logs/1").headers.get("x-amz-expiration") == expected);
  CHECK(send("GET", "/bucket/logs/1").headers.get("x-amz-expiration") == expected);
  CHECK_FALSE(put("/bucket/other", "x").headers.contains("x-amz-expiration"));
  // The sooner of two rules, and conditions on the size.
  CHECK(put("/bucket?lifecycle",
            in_root("LifecycleConfiguration",
                    "<Rule><ID>late</ID><Prefix></Prefix><Status>Enabled</Status><Expiration><Date>"
                    "2030-01-01T00:00:00Z</Date></Expiration></Rule><Rule><ID>a "
                    "b</ID><Filter><ObjectSizeGreaterThan>1"
                    "</ObjectSizeGreaterThan></Filter><Status>Enabled</Status><Expiration><Days>1</Days>"
                    "</Expiration></Rule>"))
            .status == 200);
  CHECK(put("/bucket/k", "xx").headers.get("x-amz-expiration") ==
        "expiry-date=\"Sun, 26 May 2013 00:00:00 GMT\", rule-id=\"a%20b\"");
  CHECK(put("/bucket/k", "x").headers.get("x-amz-expiration").find("\"late\"") != std::string::npos);
  // Days are 32 bits wide: more would lie before the object's beginning.
  for (const char* days : {"2147483648", "9223372036854775807"}) {
    CHECK(put("/bucket?lifecycle",
              in_root("LifecycleConfiguration", std::string("<Rule><Prefix></Prefix><Status>Enabled</Status>"
                                                            "<Expiration><Days>") +
                                                    days + "</Days></Expiration></Rule>"))
              .code() == "MalformedXML");
  }
}
