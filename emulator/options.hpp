// The command line of sagemaker-local.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>

#include "emulator/limits.hpp"
#include "emulator/runner/container.hpp"
#include "emulator/services/sagemaker/training/settings.hpp"
#include "emulator/store/database.hpp"

namespace sagemaker::local {

struct TlsOptions {
  enum class Kind { off, self_made, given };  // self_made: by the emulator's own certificate authority
  Kind kind = Kind::off;
  std::filesystem::path certificate_file;  // of a given certificate
  std::filesystem::path key_file;
};

// Whose requests for the state of a running job are answered when there is news, or after `longest`.
struct LongPollOptions {
  enum class Who { sdk, nobody, everybody };  // sdk: the SageMaker Python SDK, as its User-Agent says
  Who who = Who::sdk;
  std::chrono::seconds longest{50};  // below the 60 s after which clients of AWS give up an answer

  // "auto", "off", "all", the first and the last also with a number of seconds: "all:20". Throws
  // std::invalid_argument.
  static LongPollOptions parse(const std::string& text);
};

struct Options {
  std::string host = "127.0.0.1";
  int port = 4566;  // 0: a free one
  std::filesystem::path data_directory;
  std::string region = "us-east-1";
  std::string account = "000000000000";
  bool authenticate = true;
  std::map<std::string, std::string> credentials = {{"test", "test"}};  // access key -> secret key
  std::map<std::string, std::string>
      identities;  // access key -> ARN, where it is not the account's root user
  std::filesystem::path images_file;
  std::filesystem::path python;  // the interpreter of Python scripts; empty: python3 on the PATH
  runner::Sandbox::Mode sandbox = runner::Sandbox::Mode::detect;
  store::Durability durability = store::Durability::full;
  int capacity = 8;  // instances of jobs, running at once; further jobs wait
  services::TrainingSettings training;
  std::string log_level = "info";
  TlsOptions tls;
  LongPollOptions long_poll;
  int alarm_minute_s = 60;  // how many seconds stand for a minute in alarms and scaling policies
  Limits limits;

  // What clients have to trust; empty where there is no certificate authority of the emulator's own.
  std::filesystem::path ca_file() const {
    return tls.kind == TlsOptions::Kind::self_made ? data_directory / "tls" / "ca.pem"
                                                   : std::filesystem::path();
  }
};

// Reads the arguments. Prints help, version or what is wrong and exits where there is nothing to run.
Options parse_options(int argc, char** argv);

}  // namespace sagemaker::local
