// The emulator's certificate authority: what it keeps, renews and issues, and for whom.
#include <algorithm>
#include <fstream>

#include <doctest/doctest.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "emulator/http/certificate_authority.hpp"
#include "emulator/http/host_names.hpp"
#include "emulator/http/tls.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker;
using namespace sagemaker::local;
using namespace sagemaker::tests;
using http::CertificateAuthority;
using std::chrono::hours;
namespace fs = std::filesystem;

namespace {

class FixedClock final : public aws::Clock {
 public:
  aws::TimePoint now() const override { return now_; }
  void sleep_for(std::chrono::milliseconds) override {}
  std::chrono::steady_clock::time_point steady() const override { return {}; }
  void pass(hours time) { now_ += time; }

 private:
  aws::TimePoint now_ = std::chrono::system_clock::now();
};

struct Folder {
  TemporaryDirectory temporary;
  std::shared_ptr<FixedClock> clock = std::make_shared<FixedClock>();

  fs::path path() const { return temporary / "tls"; }
  std::unique_ptr<CertificateAuthority> open(std::vector<std::string> hosts = {}, bool any_host = false) {
    return std::make_unique<CertificateAuthority>(
        CertificateAuthority::Options{path(), std::move(hosts), any_host, clock});
  }
  std::string read(const std::string& name) const {
    std::ifstream file(path() / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  http::Certificate ca() const { return http::certificate_from_pem(read("ca.pem")); }
};

int mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

// As a strict client does it: purpose, chain, key identifiers, name.
bool is_good_for(const http::Certificate& certificate, const http::Certificate& ca, const std::string& name) {
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), X509_STORE_free);
  X509_STORE_add_cert(store.get(), ca.get());
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(X509_STORE_CTX_new(),
                                                                                X509_STORE_CTX_free);
  X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr);
  X509_VERIFY_PARAM* wanted = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(wanted, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_purpose(wanted, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_auth_level(wanted, 2);
  if (name.find(':') != std::string::npos || name.find_first_not_of("0123456789.") == std::string::npos) {
    X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str());
  } else {
    X509_VERIFY_PARAM_set1_host(wanted, name.c_str(), 0);
  }
  return X509_verify_cert(context.get()) == 1;
}

}  // namespace

TEST_CASE("an authority and a server certificate are made once and kept, keys for their owner only") {
  Folder folder;
  folder.open();
  const std::string ca = folder.read("ca.pem"), server = folder.read("server.pem");
  CHECK(ca.find("BEGIN CERTIFICATE") != std::string::npos);
  CHECK(mode_of(folder.path()) == 0700);
  CHECK(mode_of(folder.path() / "ca.key") == 0600);
  CHECK(mode_of(folder.path() / "server.key") == 0600);
  folder.open();
  CHECK(folder.read("ca.pem") == ca);
  CHECK(folder.read("server.pem") == server);
  fs::permissions(folder.path() / "ca.key", fs::perms::all);
  folder.open();
  CHECK(mode_of(folder.path() / "ca.key") == 0600);
  CHECK(folder.read("ca.pem") == ca);
}

TEST_CASE("certificates hold before strict clients, for each name that can mean the emulator") {
  Folder folder;
  const auto authority = folder.open({"emulator.example", "192.168.7.7"});
  for (const std::string name :
       {"localhost", "127.0.0.1", "::1", "127.0.1.2", "emulator.example", "192.168.7.7", "bucket.localhost",
        "my.dotted.bucket.s3.localhost", "sts.us-west-2.amazonaws.com",
        "sm-pysdk-t-us-west-2.s3.us-west-2.amazonaws.com", "sts.cn-north-1.amazonaws.com.cn",
        "s3.dualstack.eu-west-1.api.aws"}) {
    CAPTURE(name);
    CHECK(authority->covers(name));
    CHECK(is_good_for(authority->certificate_for(name), folder.ca(), name));
  }
  CHECK_FALSE(is_good_for(authority->certificate_for("localhost"), folder.ca(), "example.com"));
  const auto made = authority->certificate_for("sts.us-east-1.amazonaws.com");
  CHECK(authority->certificate_for("sts.us-east-1.amazonaws.com") == made);  // not made again
  CHECK(http::names_of(made) == std::vector<std::string>{"sts.us-east-1.amazonaws.com"});
}

TEST_CASE("no certificate is made for names of others") {
  Folder folder;
  const auto authority = folder.open();
  for (const std::string name :
       {"example.com", "amazonaws.com.example.com", "evilamazonaws.com", "amazonaws.com", "a b.amazonaws.com",
        "*.amazonaws.com", "", "..amazonaws.com", "10.0.0.1", "DNS:x,IP:1.2.3.4", "x\r\n.amazonaws.com"}) {
    CAPTURE(name);
    CHECK_FALSE(authority->covers(name));
    CHECK(authority->certificate_for(name) == authority->certificate_for("localhost"));
  }
  CHECK_FALSE(authority->covers(std::string(300, 'a') + ".amazonaws.com"));
  // On all addresses the machine's names are not known: any may be right, but only if it is a name.
  const auto open_to_all = folder.open({}, true);
  CHECK(is_good_for(open_to_all->certificate_for("build-host"), folder.ca(), "build-host"));
  CHECK(is_good_for(open_to_all->certificate_for("10.0.0.1"), folder.ca(), "10.0.0.1"));
  CHECK_FALSE(open_to_all->covers("*.example"));
}

TEST_CASE("a thousand names do not use up memory, and all are served") {
  Folder folder;
  const auto authority = folder.open();
  for (int i = 0; i < 1'000; ++i) {
    const std::string name = "bucket-" + std::to_string(i) + ".localhost";
    REQUIRE(http::names_of(authority->certificate_for(name)) == std::vector<std::string>{name});
  }
}

TEST_CASE("the server certificate is renewed before its end and for other hosts; the authority stays") {
  Folder folder;
  folder.open();
  const std::string ca = folder.read("ca.pem"), server = folder.read("server.pem");
  folder.clock->pass(hours(24 * 300));
  folder.open();
  CHECK(folder.read("server.pem") == server);
  folder.clock->pass(hours(24 * 80));
  folder.open();
  const std::string renewed = folder.read("server.pem");
  CHECK(renewed != server);
  folder.open({"emulator.example"});
  CHECK(folder.read("server.pem") != renewed);
  const std::vector<std::string> names =
      http::names_of(http::certificate_from_pem(folder.read("server.pem")));
  CHECK(std::find(names.begin(), names.end(), "emulator.example") != names.end());
  CHECK(folder.read("ca.pem") == ca);
}

TEST_CASE("an emulator that runs longer than its certificates makes new ones") {
  Folder folder;
  const auto authority = folder.open();
  const auto own = authority->certificate_for("localhost");
  const auto other = authority->certificate_for("bucket.localhost");
  folder.clock->pass(hours(24 * 380));
  CHECK(http::end_of(authority->certificate_for("localhost")) > http::end_of(own));
  CHECK(http::end_of(authority->certificate_for("bucket.localhost")) > http::end_of(other));
}

TEST_CASE("an authority near its end, or broken files, are replaced") {
  Folder folder;
  folder.open();
  const std::string ca = folder.read("ca.pem"), server = folder.read("server.pem");
  SUBCASE("near its end") { folder.clock->pass(hours(24 * 3300)); }
  SUBCASE("the key is cut off") { fs::resize_file(folder.path() / "ca.key", 20); }
  SUBCASE("the key is another one") {
    std::ofstream(folder.path() / "ca.key") << http::to_pem(http::make_key());
  }
  SUBCASE("the certificate is missing") { fs::remove(folder.path() / "ca.pem"); }
  const auto authority = folder.open();
  CHECK(folder.read("ca.pem") != ca);
  CHECK(folder.read("server.pem") != server);
  CHECK(http::issued_by(authority->certificate_for("localhost"), folder.ca()));
}

TEST_CASE("a broken server certificate is replaced, and clients need not trust anew") {
  Folder folder;
  folder.open();
  const std::string ca = folder.read("ca.pem");
  SUBCASE("certificate") { std::ofstream(folder.path() / "server.pem") << "junk"; }
  SUBCASE("key") { fs::remove(folder.path() / "server.key"); }
  const auto authority = folder.open();
  CHECK(folder.read("ca.pem") == ca);
  CHECK(is_good_for(http::certificate_from_pem(folder.read("server.pem")), folder.ca(), "localhost"));
}

TEST_CASE("a folder that cannot be made says which and why") {
  TemporaryDirectory folder;
  std::ofstream(folder / "file") << "x";
  try {
    const CertificateAuthority authority({.directory = folder / "file/tls", .hosts = {}});
    FAIL("opened");
  } catch (const std::runtime_error& error) {
    CHECK(std::string(error.what()).find((folder / "file/tls").string()) != std::string::npos);
  }
}

TEST_CASE("given certificates are checked when the server starts") {
  Folder folder;
  folder.open();
  const auto message_of = [](const fs::path& certificate, const fs::path& key) -> std::string {
    try {
      const http::Tls tls(certificate, key);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  };
  const fs::path certificate = folder.path() / "server.pem", key = folder.path() / "server.key";
  CHECK(message_of(certificate, key).empty());
  CHECK(message_of(folder.path() / "none.pem", key).find("cannot read") == 0);
  CHECK(message_of(key, key).find("holds no certificate") != std::string::npos);
  CHECK(message_of(certificate, certificate).find("holds no private key") != std::string::npos);
  CHECK(message_of(certificate, folder.path() / "ca.key").find(folder.path() / "ca.key") !=
        std::string::npos);
  const http::Tls tls(certificate, key);
  CHECK(tls.covers("localhost"));
  CHECK(tls.covers("bucket.s3.localhost"));
  CHECK_FALSE(tls.covers("sts.us-east-1.amazonaws.com"));
}

TEST_CASE("host names lose port, case and final dot") {
  CHECK(http::host_name_of("STS.us-east-1.AmazonAWS.com.:443") == "sts.us-east-1.amazonaws.com");
  CHECK(http::host_name_of("localhost") == "localhost");
  CHECK(http::host_name_of("[::1]:80") == "[::1]");
  CHECK(http::host_name_of("[::1") == "[::1");
  CHECK(http::host_name_of("").empty());
  CHECK(http::is_loopback_host("[::1]"));
  CHECK(http::is_loopback_host("127.0.1.2"));
  CHECK_FALSE(http::is_loopback_host("127.example.com"));
}
