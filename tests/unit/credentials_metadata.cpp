// Credentials of containers and instances: whom the providers ask, with which tokens, and what counts as no
// answer.
#include <atomic>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <httplib.h>

#include "tests/unit/credentials_support.hpp"

using namespace sagemaker;
using namespace sagemaker::aws;
using namespace std::chrono_literals;
using tests::CredentialMachine;
using Kind = TransportError::Kind;

namespace {

const char* const good =
    R"({"Code":"Success","AccessKeyId":"META","SecretAccessKey":"s","Token":"t","Expiration":"2013-05-24T06:00:00Z"})";

CredentialMachine container(const std::string& uri) {
  CredentialMachine machine;
  machine.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri);
  return machine;
}

CredentialMachine instance() {
  CredentialMachine machine;
  machine.environment->variables.erase("AWS_EC2_METADATA_DISABLED");
  return machine;
}

const std::string container_error = "Error when retrieving credentials from container-role: ";

}  // namespace

TEST_CASE("a container's relative URI is asked at the agent's address, directly and not for long") {
  CredentialMachine machine;
  machine.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/id?x=1");
  machine.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/never");
  machine.transport->then(200, good);
  const auto credentials = machine.load();
  CHECK(credentials->access_key_id == "META");
  CHECK(credentials->session_token == "t");
  CHECK(credentials->expiration == parse_iso8601("2013-05-24T06:00:00Z"));
  const HttpRequest& request = machine.transport->last();
  CHECK(request.origin == "http://169.254.170.2");
  CHECK(request.target == "/v2/credentials/id?x=1");
  CHECK(request.connect_timeout == 2s);
  CHECK(request.read_timeout == 2s);
  CHECK(request.direct);
  CHECK_FALSE(request.headers.contains("Authorization"));
}

TEST_CASE("only hosts that cannot be out on the network are asked over plain HTTP") {
  for (const char* uri : {"http://169.254.170.2/r", "http://169.254.170.23/v1/credentials",
                          "http://[fd00:ec2::23]/r", "http://localhost:8080/r", "http://127.0.0.1/r",
                          "http://127.1.2.3/r", "http://[::1]/r", "https://credentials.example.com/r"}) {
    CredentialMachine machine = container(uri);
    machine.transport->then(200, good);
    CHECK(machine.access_key() == "META");
  }
  for (const char* uri : {"http://example.com/r", "http://169.254.169.254/r", "http://127.evil.com/r",
                          "http://localhost.evil.com/r", "ftp://localhost/r"}) {
    CredentialMachine machine = container(uri);
    CHECK(machine.error().starts_with("Unsupported host '"));
    CHECK(machine.transport->requests.empty());
  }
  CHECK(container("nonsense").error().starts_with("AWS_CONTAINER_CREDENTIALS_FULL_URI: Invalid URL"));
}

TEST_CASE("a container's token comes from its file before its variable, and is read anew") {
  CredentialMachine machine = container("http://localhost/r");
  machine.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "from variable");
  machine.transport->then(200, good);
  CHECK(machine.access_key() == "META");
  CHECK(machine.transport->last().headers.get("Authorization") == "from variable");
  machine.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token");
  CHECK(machine.error() == container_error + "cannot read the token file /token");
  machine.environment->files["/token"] = "first";
  const auto provider = machine.provider();
  machine.transport->then(200, good).then(200, good);
  provider->load();
  CHECK(machine.transport->last().headers.get("Authorization") == "first");
  machine.environment->files["/token"] = "second";
  provider->refresh();
  provider->load();
  CHECK(machine.transport->last().headers.get("Authorization") == "second");
}

TEST_CASE("a token that would end the header is refused") {
  for (const char* token : {"a\r\nX-Evil: 1", "a\n", "\ra"}) {
    CredentialMachine machine = container("http://localhost/r");
    machine.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", token);
    CHECK(machine.error() == "Auth token value is not a legal header value");
    CHECK(machine.transport->requests.empty());
  }
}

TEST_CASE("a container is asked three times, a second apart") {
  CredentialMachine machine = container("http://localhost/r");
  machine.transport->fail(Kind::connect).then(500, "busy").then(200, good);
  CHECK(machine.access_key() == "META");
  CHECK(machine.clock->sleeps == std::vector<std::chrono::milliseconds>{1s, 1s});
  machine.transport->then(500, "a").then(200, "not JSON").then(404, "gone");
  CHECK(machine.error() ==
        container_error +
            "Error retrieving metadata: Received non 200 response 404 from container metadata: gone");
  for (int i = 0; i < 3; ++i) machine.transport->then(200, "not JSON");
  CHECK(machine.error() ==
        container_error +
            "Error retrieving metadata: Unable to parse JSON returned from container metadata "
            "services");
  for (int i = 0; i < 3; ++i) machine.transport->fail(Kind::connect_timeout);
  CHECK(machine.error() ==
        container_error +
            "Error retrieving metadata: Received error when attempting to retrieve container "
            "metadata: scripted");
  machine.transport->then(200, R"({"AccessKeyId":"A","SecretAccessKey":"S"})");
  CHECK(machine.error() == container_error + "the response did not contain: Token, Expiration");
  CHECK(machine.transport->used_up());
}

TEST_CASE("an instance is asked with a session token") {
  CredentialMachine machine = instance();
  machine.transport->then(200, "tok").then(200, "my-role").then(200, good);
  CHECK(machine.access_key() == "META");
  const auto& requests = machine.transport->requests;
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].method == "PUT");
  CHECK(requests[0].origin == "http://169.254.169.254");
  CHECK(requests[0].target == "/latest/api/token");
  CHECK(requests[0].headers.get("x-aws-ec2-metadata-token-ttl-seconds") == "21600");
  CHECK(requests[0].connect_timeout == 1s);
  CHECK(requests[0].read_timeout == 1s);
  CHECK(requests[0].direct);
  CHECK(requests[1].method == "GET");
  CHECK(requests[1].target == "/latest/meta-data/iam/security-credentials/");
  CHECK(requests[1].headers.get("x-aws-ec2-metadata-token") == "tok");
  CHECK(requests[2].target == "/latest/meta-data/iam/security-credentials/my-role");
  CHECK(requests[2].headers.get("x-aws-ec2-metadata-token") == "tok");
}

TEST_CASE("version 1 is used where the service knows no tokens, unless it is switched off") {
  for (const int status : {404, 403, 405}) {
    CredentialMachine machine = instance();
    machine.transport->then(status, "").then(200, "my-role").then(200, good);
    CHECK(machine.access_key() == "META");
    CHECK_FALSE(machine.transport->last().headers.contains("x-aws-ec2-metadata-token"));
    machine.set("AWS_EC2_METADATA_V1_DISABLED", "true");
    machine.transport->then(status, "");
    CHECK(machine.error() ==
          "Error retrieving metadata: Unable to retrieve token for use in IMDSv2 call and IMDSv1 has been "
          "disabled");
  }
  CredentialMachine slow = instance();
  slow.transport->fail(Kind::timeout).then(200, "my-role").then(200, good);
  CHECK(slow.access_key() == "META");
}

TEST_CASE("what is no instance gives no credentials after one attempt") {
  for (const Kind kind : {Kind::connect, Kind::connect_timeout, Kind::reset}) {
    CredentialMachine machine = instance();
    machine.transport->fail(kind);
    CHECK(machine.access_key() == "none");
    CHECK(machine.transport->requests.size() == 1);
  }
  CredentialMachine bad = instance();
  bad.transport->then(400, "");
  CHECK(bad.access_key() == "none");
  CredentialMachine no_role = instance();
  no_role.transport->then(200, "tok").then(404, "");
  CHECK(no_role.access_key() == "none");
  CredentialMachine empty_role = instance();
  empty_role.transport->then(200, "tok").then(200, "");
  CHECK(empty_role.access_key() == "none");
  for (const char* document :
       {"not JSON", "[]", R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"no"})"}) {
    CredentialMachine machine = instance();
    machine.transport->then(200, "tok").then(200, "role").then(200, document);
    CHECK(machine.access_key() == "none");
  }
}

TEST_CASE("the instance service can be switched off, moved, and given more time") {
  CredentialMachine off;
  CHECK(off.access_key() == "none");
  CHECK(off.transport->requests.empty());

  CredentialMachine machine = instance();
  const auto origin = [&] {
    machine.transport->requests.clear();
    machine.transport->fail(Kind::connect);
    machine.load();
    return machine.transport->requests.at(0).origin + machine.transport->requests.at(0).target;
  };
  machine.set("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6");
  CHECK(origin() == "http://[fd00:ec2::254]/latest/api/token");
  machine.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338/");
  CHECK(origin() == "http://127.0.0.1:1338/latest/api/token");
  machine.set("AWS_METADATA_SERVICE_TIMEOUT", "5").set("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2");
  machine.transport->fail(Kind::connect);
  origin();
  CHECK(machine.transport->requests.size() == 2);
  CHECK(machine.transport->last().read_timeout == 5s);
  machine.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "nonsense");
  CHECK(machine.error() == "Invalid endpoint EC2 Instance Metadata endpoint: nonsense");
  machine.set("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv5");
  CHECK(machine.error() ==
        "Invalid EC2 Instance Metadata endpoint mode: ipv5 Valid endpoint modes (case-insensitive): ['ipv4', "
        "'ipv6'].");
}

TEST_CASE("credentials that the service could not replace in time are used a little longer") {
  CredentialMachine machine = instance();
  const std::string body(good);
  for (const char* expiration : {"2013-05-23T23:00:00Z", "2013-05-24T00:04:00Z"}) {
    std::string old = body;
    old.replace(old.find("2013-05-24T06:00:00Z"), 20, expiration);
    machine.transport->then(200, "tok").then(200, "my-role").then(200, old);
    CHECK(machine.load()->expiration == machine.clock->now() + 20min);  // with the largest random pause
  }
}

TEST_CASE("a document with an empty member, or a time that is none, gives no credentials") {
  const std::string body(good);
  for (const std::string member : {"META", "2013-05-24T06:00:00Z"}) {
    for (const std::string value : {"", "soon"}) {
      if (member == "META" && value == "soon") continue;
      std::string damaged = body;
      damaged.replace(damaged.find(member), member.size(), value);
      CredentialMachine instances = instance();
      instances.transport->then(200, "tok").then(200, "my-role").then(200, damaged);
      CHECK(instances.access_key() == "none");
      CredentialMachine containers = container("http://localhost/r");
      containers.transport->then(200, damaged);
      CHECK(containers.error() == container_error + "the response did not contain: " +
                                      (member == "META" ? "AccessKeyId" : "Expiration"));
    }
  }
}

TEST_CASE("a real server of metadata, over a real connection") {
  httplib::Server server;
  server.Put("/latest/api/token", [](const httplib::Request& request, httplib::Response& response) {
    response.set_content("tok-" + request.get_header_value("x-aws-ec2-metadata-token-ttl-seconds"),
                         "text/plain");
  });
  const std::string folder = "/latest/meta-data/iam/security-credentials/";
  server.Get(folder + "(.*)", [](const httplib::Request& request, httplib::Response& response) {
    if (request.get_header_value("x-aws-ec2-metadata-token") != "tok-21600") {
      response.status = 401;
    } else if (request.matches[1].length() == 0) {
      response.set_content("a-role", "text/plain");
    } else {
      response.set_content(good, "application/json");
    }
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();
  {
    CredentialMachine machine = instance();
    machine.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:" + std::to_string(port));
    ClientConfig config = machine.client();
    config.transport = std::make_shared<HttplibTransport>();
    CHECK(resolve_config(config, tests::sagemaker_service).credentials->load()->access_key_id == "META");
  }
  server.stop();
  thread.join();
}
