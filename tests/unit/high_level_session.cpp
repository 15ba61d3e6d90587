// Session: the default bucket, data to and from S3, the role, and how waiting is paced.
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "high_level_support.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::tests;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// An endpoint of one's own makes S3 addresses path style: "PUT /bucket/key".
SessionOptions own_endpoint() { return {.endpoint_url = "http://127.0.0.1:4566"}; }

const std::string bucket = "sagemaker-eu-west-1-111122223333";

std::string listing(const std::vector<std::string>& keys) {
  std::string xml = "<ListBucketResult><IsTruncated>false</IsTruncated>";
  for (const std::string& key : keys) xml += "<Contents><Key>" + key + "</Key><Size>1</Size></Contents>";
  return xml + "</ListBucketResult>";
}

}  // namespace

TEST_CASE("the default bucket is named after region and account, checked once, and made when it is missing") {
  Stage stage(own_endpoint());
  SUBCASE("it is there") {
    CHECK(stage.session.default_bucket() == bucket);
    CHECK(stage.session.default_bucket() == bucket);
    CHECK(stage.aws->calls == std::vector<std::string>{"GetCallerIdentity", "HEAD /" + bucket});
    CHECK(stage.aws->requests.find("HEAD /" + bucket)->second.headers.get("x-amz-expected-bucket-owner") ==
          "111122223333");
  }
  SUBCASE("it is missing") {
    stage.aws->on("HEAD /" + bucket, {answer("", 404)});
    CHECK(stage.session.default_bucket() == bucket);
    CHECK(stage.aws->calls ==
          std::vector<std::string>{"GetCallerIdentity", "HEAD /" + bucket, "PUT /" + bucket});
    CHECK(stage.aws->requests.find("PUT /" + bucket)->second.body.find("<LocationConstraint>eu-west-1<") !=
          std::string::npos);
  }
  SUBCASE("another program makes it in the same moment") {
    stage.aws->on("HEAD /" + bucket, {answer("", 404)});
    stage.aws->on("PUT /" + bucket,
                  {answer("<Error><Code>BucketAlreadyOwnedByYou</Code><Message>m</Message></Error>", 409)});
    CHECK(stage.session.default_bucket() == bucket);
  }
  SUBCASE("it belongs to somebody else") {
    stage.aws->on("HEAD /" + bucket, {answer("", 403)});
    const std::string message = message_of([&] { stage.session.default_bucket(); });
    CHECK(message.find("not owned by account 111122223333") != std::string::npos);
    CHECK(stage.aws->count("PUT /" + bucket) == 0);
  }
}

TEST_CASE("a default bucket of the user's own needs no STS and may be anybody's") {
  SessionOptions options = own_endpoint();
  options.default_bucket = "mine";
  options.default_bucket_prefix = "team/a";
  Stage stage(options);
  CHECK(stage.session.default_location().text() == "s3://mine/team/a");
  CHECK(stage.aws->calls == std::vector<std::string>{"HEAD /mine"});
  CHECK_FALSE(stage.aws->requests.begin()->second.headers.contains("x-amz-expected-bucket-owner"));
  stage.aws->on("HEAD /theirs", {answer("", 403)});
}

TEST_CASE("upload_data: a file, a folder, and what is not there") {
  TemporaryDirectory folder;
  write(folder / "data/train/a.bin", "aaa");
  write(folder / "data/b c.bin", "bb");
  Stage stage(own_endpoint());

  CHECK(stage.session.upload_data(folder / "data", "mnist") == "s3://" + bucket + "/mnist");
  CHECK(stage.aws->requests.find("PUT /" + bucket + "/mnist/train/a.bin")->second.body == "aaa");
  CHECK(stage.aws->count("PUT /" + bucket + "/mnist/b%20c.bin") == 1);
  CHECK(stage.session.upload_data(folder / "data/train/a.bin") == "s3://" + bucket + "/data/a.bin");
  const auto& request = stage.aws->requests.find("PUT /" + bucket + "/data/a.bin")->second;
  CHECK(request.headers.get("x-amz-expected-bucket-owner") == "111122223333");

  CHECK(stage.session.upload_data(folder / "data/train/a.bin", "x/", {.bucket = "other", .kms_key = "key"}) ==
        "s3://other/x/a.bin");
  const auto& encrypted = stage.aws->requests.find("PUT /other/x/a.bin")->second;
  CHECK(encrypted.headers.get("x-amz-server-side-encryption") == "aws:kms");
  CHECK(encrypted.headers.get("x-amz-server-side-encryption-aws-kms-key-id") == "key");
  CHECK_FALSE(encrypted.headers.contains("x-amz-expected-bucket-owner"));

  fs::create_directories(folder / "none");
  CHECK(message_of([&] { stage.session.upload_data(folder / "missing"); }).find("no such file or folder") !=
        std::string::npos);
  CHECK(message_of([&] { stage.session.upload_data(folder / "none"); }).find("holds no files") !=
        std::string::npos);
}

TEST_CASE("texts and listings of S3") {
  Stage stage(own_endpoint());
  CHECK(stage.session.upload_string("hello", "s3://b/dir/a.txt") == "s3://b/dir/a.txt");
  CHECK(stage.aws->requests.find("PUT /b/dir/a.txt")->second.body == "hello");
  stage.aws->on("GET /b/dir/a.txt", {answer("hello")});
  CHECK(stage.session.read_s3_file("s3://b/dir/a.txt") == "hello");
  stage.aws->on("GET /b", {answer(listing({"dir/a.txt", "dir/b.txt"}))});
  CHECK(stage.session.list_s3_files("s3://b/dir") == std::vector<std::string>{"dir/a.txt", "dir/b.txt"});
}

TEST_CASE("download_data keeps the folders below the prefix and never leaves the target") {
  TemporaryDirectory folder;
  Stage stage(own_endpoint());
  SUBCASE("a prefix") {
    stage.aws->on("GET /b", {answer(listing({"out/", "out/a.txt", "out/sub/b.txt"}))});
    stage.aws->on("GET /b/out/a.txt", {answer("A")});
    stage.aws->on("GET /b/out/sub/b.txt", {answer("B")});
    const auto files = stage.session.download_data(folder / "here", "s3://b/out");
    CHECK(files == std::vector<fs::path>{folder / "here" / "a.txt", folder / "here" / "sub" / "b.txt"});
    CHECK(read(folder / "here/a.txt") == "A");
    CHECK(read(folder / "here/sub/b.txt") == "B");
  }
  SUBCASE("keys that only begin with the same text are somebody else's") {
    stage.aws->on("GET /b", {answer(listing({"out", "out-labels/a.txt", "out.txt", "out/a.txt"}))});
    stage.aws->on("GET /b/out", {answer("O")});
    stage.aws->on("GET /b/out/a.txt", {answer("A")});
    const auto files = stage.session.download_data(folder / "here", "s3://b/out");
    CHECK(files == std::vector<fs::path>{folder / "here" / "out", folder / "here" / "a.txt"});
  }
  SUBCASE("one object") {
    stage.aws->on("GET /b", {answer(listing({"out/model.tar.gz"}))});
    stage.aws->on("GET /b/out/model.tar.gz", {answer("M")});
    stage.session.download_data(folder.path(), "s3://b/out/model.tar.gz");
    CHECK(read(folder / "model.tar.gz") == "M");
  }
  SUBCASE("keys that point elsewhere") {
    for (const char* key : {"out/../../evil", "out/a/../../../evil", "out/."}) {
      stage.aws->on("GET /b", {answer(listing({key}))});
      CHECK(message_of([&] {
              stage.session.download_data(folder / "here", "s3://b/out");
            }).find("cannot become a file name") != std::string::npos);
    }
    CHECK_FALSE(fs::exists(folder / "evil"));
  }
}

TEST_CASE("S3 URIs") {
  CHECK(S3Uri("s3://b").text() == "s3://b");
  CHECK(S3Uri("s3://b/").key() == "");
  CHECK(S3Uri("s3://b/k/l").key() == "k/l");
  CHECK((S3Uri("s3://b/") / "x").text() == "s3://b/x");
  CHECK((S3Uri("s3://b/k/") / "/x").text() == "s3://b/k/x");
  CHECK((S3Uri("s3://b/k") / "").text() == "s3://b/k");
  for (const char* bad : {"", "b/k", "https://b/k", "s3://", "s3:///k"})
    CHECK_THROWS_AS(S3Uri{bad}, ConfigError);
}

TEST_CASE("execution_role: environment, notebook, assumed role, local default, else a clear error") {
  SUBCASE("SAGEMAKER_ROLE as an ARN or as a name") {
    Stage stage;
    stage.environment->variables["SAGEMAKER_ROLE"] = "arn:aws:iam::1:role/path/R";
    CHECK(execution_role(stage.session) == "arn:aws:iam::1:role/path/R");
    CHECK(stage.aws->calls.empty());
    stage.environment->variables["SAGEMAKER_ROLE"] = "R";
    CHECK(execution_role(stage.session) == "arn:aws:iam::111122223333:role/R");
  }
  SUBCASE("Studio says it") {
    Stage stage;
    stage.environment->files["/opt/ml/metadata/resource-metadata.json"] =
        R"({"ExecutionRoleArn": "arn:aws:iam::1:role/S"})";
    CHECK(execution_role(stage.session) == "arn:aws:iam::1:role/S");
  }
  SUBCASE("a notebook instance is asked about itself") {
    Stage stage;
    stage.environment->files["/opt/ml/metadata/resource-metadata.json"] = R"({"ResourceName": "nb"})";
    stage.aws->on_json("DescribeNotebookInstance", {{"RoleArn", "arn:aws:iam::1:role/N"}});
    CHECK(execution_role(stage.session) == "arn:aws:iam::1:role/N");
    CHECK(stage.aws->document("DescribeNotebookInstance")["NotebookInstanceName"] == "nb");
  }
  SUBCASE("the role behind the credentials") {
    Stage stage;
    CHECK(execution_role(stage.session) == "arn:aws:iam::111122223333:role/Trainer");
    CHECK(detail::role_of_identity("arn:aws-cn:sts::1:assumed-role/AmazonSageMaker-ExecutionRole-2026/x") ==
          "arn:aws-cn:iam::1:role/service-role/AmazonSageMaker-ExecutionRole-2026");
  }
  SUBCASE("IAM knows where a role is") {
    Stage stage;
    stage.aws->on("GetRole",
                  {answer("<GetRoleResponse><GetRoleResult><Role><RoleName>Trainer</RoleName>"
                          "<Arn>arn:aws:iam::111122223333:role/team/Trainer</Arn></Role></GetRoleResult>"
                          "</GetRoleResponse>")});
    CHECK(execution_role(stage.session) == "arn:aws:iam::111122223333:role/team/Trainer");
    CHECK(stage.aws->requests.find("GetRole")->second.body.ends_with("&RoleName=Trainer"));
    CHECK(expand_role(stage.session, "Trainer") == "arn:aws:iam::111122223333:role/team/Trainer");
    stage.aws->on("GetRole", {answer("<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>none</Message>"
                                     "</Error></ErrorResponse>",
                                     404)});
    CHECK(execution_role(stage.session) == "arn:aws:iam::111122223333:role/Trainer");
  }
  const std::vector<aws::HttpResponse> user{
      answer("<R><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/me</Arn><Account>111122223333</"
             "Account>"
             "</GetCallerIdentityResult></R>")};
  SUBCASE("an emulator takes any role") {
    Stage stage(own_endpoint());
    stage.aws->on("GetCallerIdentity", user);
    CHECK(execution_role(stage.session) == "arn:aws:iam::111122223333:role/SageMakerRole");
  }
  SUBCASE("a user on AWS has none") {
    Stage stage;
    stage.aws->on("GetCallerIdentity", user);
    CHECK(message_of([&] {
            execution_role(stage.session);
          }).find("The current AWS identity is not a role: arn:aws:iam::111122223333:user/me") == 0);
  }
}

TEST_CASE("waiting for an endpoint: the SDK's 30 s against AWS, short and growing on this machine") {
  const auto described = [](const char* status) {
    return answer_json(json{{"EndpointStatus", status}, {"FailureReason", "no ping"}});
  };
  const std::vector<aws::HttpResponse> slow{described("Creating"), described("Creating"),
                                            described("Creating"), described("InService")};
  SUBCASE("AWS") {
    Stage stage;
    stage.aws->on("DescribeEndpoint", slow);
    CHECK(stage.session.wait_for_endpoint("e")["EndpointStatus"] == "InService");
    CHECK(stage.clock->sleeps == std::vector<long long>{30'000, 30'000, 30'000});
  }
  SUBCASE("this machine") {
    Stage stage(own_endpoint());
    stage.aws->on("DescribeEndpoint", slow);
    stage.session.wait_for_endpoint("e");
    REQUIRE(stage.clock->sleeps.size() == 3);
    CHECK(stage.clock->sleeps[0] == 50);
    CHECK(stage.clock->sleeps[2] > stage.clock->sleeps[0]);
    CHECK(stage.clock->sleeps[2] <= 1'000);
  }
  SUBCASE("an endpoint that fails says why") {
    Stage stage;
    stage.aws->on("DescribeEndpoint", {described("Creating"), described("Failed")});
    CHECK(message_of([&] { stage.session.wait_for_endpoint("e"); }) ==
          "Error for Endpoint e: Failed. Reason: no ping");
  }
}

TEST_CASE("stopping a job that has ended is no error") {
  Stage stage;
  stage.aws->on("StopTrainingJob", {refusal("ValidationException",
                                            "The request was rejected because the training job is in status "
                                            "Stopped.")});
  CHECK_NOTHROW(stage.session.stop_training_job("j"));
  stage.aws->on("StopTrainingJob", {refusal("ValidationException", "Requested resource not found.")});
  CHECK_THROWS_AS(stage.session.stop_training_job("j"), ServiceError);
}
