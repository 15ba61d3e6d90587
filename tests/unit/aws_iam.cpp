// The IAM client and documents on the query protocol: what goes over the wire, and what comes back of it.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <sagemaker/aws/query_document.hpp>
#include <sagemaker/aws/xml.hpp>
#include <sagemaker/clients/iam.hpp>
#include <sagemaker/clients/sts.hpp>

#include "tests/unit/aws_support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;

TEST_CASE("a document becomes the parameters of a form") {
  const json document = {{"RoleName", "r"},
                         {"Tags", {{{"Key", "a"}, {"Value", "1"}}, {{"Key", "b"}, {"Value", ""}}}},
                         {"TagKeys", json::array({"x", "y"})},
                         {"Empty", json::array()},
                         {"MaxItems", 5},
                         {"Flag", true},
                         {"Absent", nullptr}};
  const aws::QueryParameters parameters = aws::query_parameters(document);
  const aws::QueryParameters expected = {{"Empty", ""},
                                         {"Flag", "true"},
                                         {"MaxItems", "5"},
                                         {"RoleName", "r"},
                                         {"TagKeys.member.1", "x"},
                                         {"TagKeys.member.2", "y"},
                                         {"Tags.member.1.Key", "a"},
                                         {"Tags.member.1.Value", "1"},
                                         {"Tags.member.2.Key", "b"},
                                         {"Tags.member.2.Value", ""}};
  CHECK(parameters == expected);
}

TEST_CASE("the XML of an answer becomes a document") {
  const auto xml = aws::parse_xml(
      "<R>\n <A>text &amp; more</A>\n <L><member>1</member><member>2</member></L>\n"
      " <S><member><B>x</B></member></S>\n <E/>\n</R>");
  CHECK(aws::query_document(xml->document_element()) ==
        json{{"A", "text & more"}, {"L", {"1", "2"}}, {"S", json::array({{{"B", "x"}}})}, {"E", ""}});
}

TEST_CASE("a role is made with its policy as a document, and comes back with types") {
  Bench bench;
  const IamClient iam(bench.config());
  bench.transport->then(
      200,
      "<GetRoleResponse "
      "xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetRoleResult><Role><Path>/p/</Path>"
      "<RoleName>R</RoleName><MaxSessionDuration>7200</MaxSessionDuration><Tags/>"
      "<AssumeRolePolicyDocument>%7B%22Statement%22%3A%5B%5D%7D</AssumeRolePolicyDocument></Role></"
      "GetRoleResult>"
      "<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetRoleResponse>");
  CHECK(iam.get_role({{"RoleName", "R"}}).at("Role") ==
        json{{"Path", "/p/"},
             {"RoleName", "R"},
             {"MaxSessionDuration", 7200},
             {"Tags", json::array()},
             {"AssumeRolePolicyDocument", {{"Statement", json::array()}}}});
  CHECK(bench.transport->last().body == "Action=GetRole&Version=2010-05-08&RoleName=R");

  bench.transport->then(200, "<PutRolePolicyResponse><ResponseMetadata/></PutRolePolicyResponse>");
  CHECK(iam.put_role_policy({{"RoleName", "R"}, {"PolicyName", "p"}, {"PolicyDocument", {{"a", "b c"}}}}) ==
        json::object());
  CHECK(bench.transport->last().body.find("&PolicyDocument=%7B%22a%22%3A%22b%20c%22%7D&") !=
        std::string::npos);
}

TEST_CASE("a number that is none stays a text") {
  Bench bench;
  const IamClient iam(bench.config());
  for (const std::string wrong : {"", "1h", "99999999999999999999"}) {
    bench.transport->then(200, "<GetRoleResponse><GetRoleResult><Role><MaxSessionDuration>" + wrong +
                                   "</MaxSessionDuration></Role></GetRoleResult></GetRoleResponse>");
    CHECK(iam.get_role({{"RoleName", "R"}}).at("Role").at("MaxSessionDuration") == wrong);
  }
}

TEST_CASE("roles are listed over all pages") {
  Bench bench;
  const IamClient iam(bench.config());
  const auto page = [](const std::string& role, const std::string& rest) {
    return "<ListRolesResponse><ListRolesResult><Roles><member><RoleName>" + role +
           "</RoleName></member></Roles>" + rest + "</ListRolesResult></ListRolesResponse>";
  };
  bench.transport->then(200, page("a", "<IsTruncated>true</IsTruncated><Marker>m1</Marker>"))
      .then(200, page("b", "<IsTruncated>false</IsTruncated>"));
  std::string names;
  for (const json& role : iam.roles({{"MaxItems", 1}})) names += role.at("RoleName").get<std::string>();
  CHECK(names == "ab");
  CHECK(bench.transport->last().body.find("&Marker=m1") != std::string::npos);
}

TEST_CASE("IAM's errors are service errors") {
  Bench bench;
  const IamClient iam(bench.config());
  bench.transport->then(
      404,
      "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The role with "
      "name R cannot be found.</Message></Error><RequestId>id</RequestId></ErrorResponse>");
  try {
    iam.get_role({{"RoleName", "R"}});
    FAIL("it did not throw");
  } catch (const ServiceError& error) {
    CHECK(error.code() == "NoSuchEntity");
    CHECK(error.http_status() == 404);
    CHECK(error.message().find("The role with name R cannot be found.") != std::string::npos);
  }
}

TEST_CASE("STS gives session tokens, and answers any operation with a document") {
  Bench bench;
  const StsClient sts(bench.config());
  bench.transport->then(
      200,
      "<GetSessionTokenResponse><GetSessionTokenResult><Credentials><AccessKeyId>ASIA</AccessKeyId>"
      "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
      "<Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></GetSessionTokenResult>"
      "</GetSessionTokenResponse>");
  CHECK(sts.get_session_token(900).session_token == "t");
  CHECK(bench.transport->last().body == "Action=GetSessionToken&Version=2011-06-15&DurationSeconds=900");
  bench.transport->then(200,
                        "<GetAccessKeyInfoResponse><GetAccessKeyInfoResult><Account>111122223333</Account>"
                        "</GetAccessKeyInfoResult></GetAccessKeyInfoResponse>");
  CHECK(sts.call("GetAccessKeyInfo", {{"AccessKeyId", "AKIA"}}) == json{{"Account", "111122223333"}});
}
