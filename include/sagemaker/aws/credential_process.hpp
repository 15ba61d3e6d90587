// Credentials from a program of the user's: `credential_process = command arguments`. The command is taken
// apart as a shell would do it, but no shell runs.
#pragma once

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/refreshing.hpp>
#include <sagemaker/aws/settings.hpp>
#include <sagemaker/aws/time.hpp>

namespace sagemaker::aws {

// Words of a command line by the rules of a POSIX shell: quotes and backslashes, but no expansions. nullopt
// where a quotation is not closed.
inline std::optional<std::vector<std::string>> split_command(std::string_view command) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    const bool escapes = c == '\\' && quote != '\'';
    if (escapes) {
      if (i + 1 == command.size()) return std::nullopt;
      const char next = command[++i];
      // Between double quotes a backslash only protects itself and the quote.
      if (quote == '"' && next != '"' && next != '\\') word += c;
      word += next;
      in_word = true;
    } else if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != '\0') return std::nullopt;
  if (in_word) words.push_back(word);
  return words;
}

struct ProcessOutput {
  int exit_status = 0;  // 128 + signal where a signal ended it
  std::string output, errors;
};

// Runs programs to their end. Tests pass one that only pretends.
struct ProcessRunner {
  virtual ~ProcessRunner() = default;
  // Throws std::system_error where the program cannot be started.
  virtual ProcessOutput run(const std::vector<std::string>& arguments) = 0;
};

namespace detail {

// Both ends of a pipe, closed at scope end.
struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() {
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close(std::size_t end) {
    if (ends[end] >= 0) ::close(std::exchange(ends[end], -1));
  }
};

// Takes in both streams until the other side has closed them. What goes beyond a megabyte is dropped.
inline void read_both(Pipe& output, Pipe& errors, ProcessOutput& result) {
  constexpr std::size_t bytes_max = 1u << 20;
  std::array<pollfd, 2> open{pollfd{output.ends[0], POLLIN, 0}, pollfd{errors.ends[0], POLLIN, 0}};
  std::array<std::string*, 2> texts{&result.output, &result.errors};
  std::array<char, 8192> buffer{};
  while (open[0].fd >= 0 || open[1].fd >= 0) {
    if (::poll(open.data(), open.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (open[i].fd < 0 || open[i].revents == 0) continue;
      const ssize_t count = ::read(open[i].fd, buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        open[i].fd = -1;
      } else if (texts[i]->size() < bytes_max) {
        texts[i]->append(buffer.data(), static_cast<std::size_t>(count));
      }
    }
  }
}

class SpawningRunner final : public ProcessRunner {
 public:
  ProcessOutput run(const std::vector<std::string>& arguments) override {
    std::vector<std::string> copies = arguments;
    std::vector<char*> argv;
    for (std::string& argument : copies) argv.push_back(argument.data());
    argv.push_back(nullptr);
    Pipe output, errors;
    const pid_t child = spawn(argv, output, errors);
    output.close(1);
    errors.close(1);
    ProcessOutput result;
    read_both(output, errors, result);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    result.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
  }

 private:
  static pid_t spawn(const std::vector<char*>& argv, const Pipe& output, const Pipe& errors) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_adddup2(&actions, output.ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, errors.ends[1], STDERR_FILENO);
    sigset_t set;
    ::sigemptyset(&set);
    ::posix_spawnattr_setsigmask(&attributes, &set);  // this thread's blocked signals are its own business
    ::sigaddset(&set, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes, &set);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t child = -1;
    const int error = ::posix_spawnp(&child, argv[0], &actions, &attributes, argv.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::system_error(error, std::generic_category(), argv[0]);
    return child;
  }
};

}  // namespace detail

inline std::shared_ptr<ProcessRunner> system_process_runner() {
  static const std::shared_ptr<ProcessRunner> runner = std::make_shared<detail::SpawningRunner>();
  return runner;
}

// What the program prints: {"Version": 1, "AccessKeyId": ..., "SecretAccessKey": ..., "SessionToken": ...,
// "Expiration": ...}; the last two may be absent. Its standard error is only looked at where it fails.
class ProcessCredentials final : public RefreshingCredentials {
 public:
  ProcessCredentials(std::shared_ptr<Clock> clock, std::shared_ptr<const Profiles> profiles,
                     std::string profile, std::shared_ptr<ProcessRunner> runner)
      : RefreshingCredentials(std::move(clock)),
        profiles_(std::move(profiles)),
        profile_(std::move(profile)),
        runner_(std::move(runner)) {}

  std::string name() const override { return "custom-process"; }

 protected:
  std::optional<Credentials> fetch() override {
    const auto command = profiles_->get(profile_, "credential_process");
    if (!command) return std::nullopt;
    const auto arguments = split_command(*command);
    if (!arguments) fail("No closing quotation in credential_process: " + *command);
    if (arguments->empty()) fail("credential_process names no program");
    ProcessOutput result;
    try {
      result = runner_->run(*arguments);
    } catch (const std::system_error& error) {
      fail(error.what());
    }
    if (result.exit_status != 0) {
      fail(result.errors.empty() ? "the process exited with status " + std::to_string(result.exit_status)
                                 : result.errors);
    }
    return read(result.output);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw CredentialRetrievalError(name(), why); }

  Credentials read(const std::string& output) const {
    json document;
    try {
      document = parse_json(output);
    } catch (const JsonError& error) {
      // Not in the parser's words: these quote the document, which holds a secret.
      fail("the process did not print a JSON document (error at byte " + std::to_string(error.offset()) +
           ")");
    }
    if (!document.is_object()) fail("the process did not print a JSON object");
    const auto version = document.find("Version");
    const std::string found = version == document.end() ? "<Version key not provided>" : dump_json(*version);
    if (found != "1") {
      fail("Unsupported version '" + found + "' for credential process provider, supported versions: 1");
    }
    const auto text = [&](const char* key, bool required) -> std::string {
      const auto value = document.find(key);
      if (value == document.end() || value->is_null()) {
        if (required) fail("Missing required key in response: '" + std::string(key) + "'");
        return "";
      }
      if (!value->is_string()) fail("The key '" + std::string(key) + "' in the response is no text");
      return value->get<std::string>();
    };
    Credentials credentials{text("AccessKeyId", true), text("SecretAccessKey", true),
                            text("SessionToken", false), std::nullopt};
    if (const std::string expiration = text("Expiration", false); !expiration.empty()) {
      credentials.expiration = parse_iso8601(expiration);
      if (!credentials.expiration) fail("The Expiration in the response is no ISO 8601 time: " + expiration);
    }
    return credentials;
  }

  std::shared_ptr<const Profiles> profiles_;
  std::string profile_;
  std::shared_ptr<ProcessRunner> runner_;
};

}  // namespace sagemaker::aws
