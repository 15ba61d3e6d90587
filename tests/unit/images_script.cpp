// What the images of script mode share: commands with their signals, caches of a bounded size, hashes of
// folders, addresses of S3.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <unistd.h>

#include "emulator/images/script/cache.hpp"
#include "emulator/images/script/command.hpp"
#include "emulator/images/script/failure.hpp"
#include "emulator/images/script/folder_hash.hpp"
#include "emulator/images/script/source.hpp"
#include "tests/support/support.hpp"

using namespace sagemaker::local::images;
using sagemaker::tests::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

CommandEnd run_shell(const std::string& script, std::string* output = nullptr) {
  Command command{.argv = {"/bin/sh", "-c", script}, .directory = "/"};
  command.shown = false;
  command.on_output = [&](std::string_view text) {
    if (output != nullptr) output->append(text);
  };
  return run(command);
}

// An entry of `bytes`, used `hours` ago.
void add_entry(const fs::path& cache, const std::string& name, std::size_t bytes, int hours) {
  write(cache / name / "file", std::string(bytes, 'x'));
  fs::last_write_time(cache / name, fs::file_time_type::clock::now() - std::chrono::hours(hours));
}

}  // namespace

TEST_CASE("a command's end: its code, its signal, and what could not be started") {
  std::string output;
  CommandEnd end = run_shell("echo out; echo err >&2; exit 3", &output);
  CHECK(output == "out\nerr\n");
  CHECK(end.exit_code() == 3);
  CHECK(end.return_code() == 3);
  end = run_shell("kill -KILL $$");
  CHECK(end.exit_code() == 137);
  CHECK(end.return_code() == -9);
  CHECK_FALSE(end.stopped);
  Command absent{.argv = {"/nowhere/program"}, .directory = "/"};
  absent.shown = false;
  CHECK(run(absent).exit_code() == 127);
}

TEST_CASE("a command has the environment that it is given, and no other") {
  std::string output;
  Command command{.argv = {"/usr/bin/env"}, .directory = "/", .environment = {{"ONLY", "this"}}};
  command.shown = false;
  command.on_output = [&](std::string_view text) { output.append(text); };
  CHECK(run(command).exit_code() == 0);
  CHECK(output == "ONLY=this\n");
}

TEST_CASE("what a command leaves in the background may write without end") {
  const TemporaryDirectory folder;
  Command command{
      .argv = {"/bin/sh", "-c", "echo $$ > pid; yes & while [ ! -e go ]; do sleep 0.01; done; exit 3"},
      .directory = folder.path()};
  command.shown = false;
  bool ended = false;
  std::size_t bytes_after_its_end = 0;
  command.on_output = [&](std::string_view text) {
    if (ended) bytes_after_its_end += text.size();
    while (!ended) {
      write(folder / "go", "");
      std::string pid, line;
      std::getline(std::ifstream(folder / "pid") >> std::ws, pid);
      std::getline(std::ifstream("/proc/" + pid + "/stat"), line);
      ended = line.find(") Z ") != std::string::npos;
    }
  };
  CHECK(run(command).exit_code() == 3);      // then nobody reads the pipe any more, which ends the writer
  CHECK(bytes_after_its_end <= 128 * 1024);  // a pipe holds 64 KiB
}

TEST_CASE("SIGTERM goes on to the command") {
  Command command{
      .argv = {"/bin/sh", "-c", "trap 'echo told; exit 5' TERM; echo up; while :; do sleep 0.01; done"},
      .directory = "/"};
  command.shown = false;
  std::string output;
  command.on_output = [&](std::string_view text) {
    output.append(text);
    if (text.find("up") != std::string_view::npos) ::kill(::getpid(), SIGTERM);  // is blocked meanwhile
  };
  const CommandEnd end = run(command);
  CHECK(end.stopped);
  CHECK(end.exit_code() == 5);
  CHECK(output == "up\ntold\n");
}

TEST_CASE("a failure has the training toolkit's form, and the user's own words stay") {
  CHECK(failure_text({.exit_code = 2, .message = "why", .command = "python3 a.py"}) ==
        "ExecuteUserScriptError:\nExitCode 2\nErrorMessage \"why\"\nCommand \"python3 a.py\"");
  CHECK(failure_text(
            {.error = "InstallModuleError", .message = "why", .extra_info = "more", .command = "pip"}) ==
        "InstallModuleError:\nExitCode 1\nErrorMessage \"why\"\nExtraInfo \"more\"\nCommand \"pip\"");
  const TemporaryDirectory folder;
  write_failure(folder / "output", "first");
  write_failure(folder / "output", "second");
  std::ifstream stream(folder / "output/failure");
  std::string text;
  std::getline(stream, text);
  CHECK(text == "first");
}

TEST_CASE("a cache keeps the entries that were used last, within its number and its bytes") {
  const TemporaryDirectory cache;
  for (int i = 0; i < 5; ++i) add_entry(cache.path(), "entry" + std::to_string(i), 100, i);
  remove_least_recently_used(cache.path(), {.entries = 4, .bytes = 1000});
  CHECK(fs::exists(cache / "entry3"));
  CHECK_FALSE(fs::exists(cache / "entry4"));
  remove_least_recently_used(cache.path(), {.entries = 4, .bytes = 250});
  CHECK(fs::exists(cache / "entry1"));
  CHECK_FALSE(fs::exists(cache / "entry2"));
  CHECK_FALSE(fs::exists(cache / "entry3"));
  mark_used(cache / "entry1");
  remove_least_recently_used(cache.path(), {.entries = 1, .bytes = 1000});
  CHECK(fs::exists(cache / "entry1"));
  CHECK_FALSE(fs::exists(cache / "entry0"));
  // The newest stays even where it is too large by itself: it is about to be used.
  remove_least_recently_used(cache.path(), {.entries = 1, .bytes = 10});
  CHECK(fs::exists(cache / "entry1"));
}

TEST_CASE("an entry in use stays, and its lock goes with it") {
  const TemporaryDirectory cache;
  add_entry(cache.path(), "new", 100, 0);
  add_entry(cache.path(), "old", 100, 1);
  {
    const FileLock in_use(cache / "old.lock", FileLock::Mode::shared);
    remove_least_recently_used(cache.path(), {.entries = 1, .bytes = 1000});
    CHECK(fs::exists(cache / "old"));
  }
  remove_least_recently_used(cache.path(), {.entries = 1, .bytes = 1000});
  CHECK_FALSE(fs::exists(cache / "old"));
  CHECK_FALSE(fs::exists(cache / "old.lock"));
}

TEST_CASE("who waits for a lock whose file is removed takes a new one") {
  const TemporaryDirectory folder;
  const fs::path file = folder / "a.lock";
  std::optional<FileLock> first(std::in_place, file, FileLock::Mode::exclusive);
  auto second = std::async(std::launch::async, [&] { return FileLock(file, FileLock::Mode::exclusive); });
  first->discard();
  first.reset();
  const FileLock taken = second.get();
  CHECK(fs::exists(file));
  CHECK_FALSE(FileLock::try_exclusive(file));
}

TEST_CASE("the hash of a folder sees contents, names, links and hidden files, and no version control") {
  const TemporaryDirectory base;
  const fs::path folder = base / "source";
  write(folder / "a.cpp", "a");
  write(base / "linked/b.hpp", "b");
  fs::create_directory_symlink(base / "linked", folder / "lib");
  fs::create_directory_symlink(folder, folder / "around");  // a circle ends
  std::string before = hash_of_folder(folder);
  const auto changed = [&] {
    const std::string now = hash_of_folder(folder);
    return std::exchange(before, now) != now;
  };
  CHECK_FALSE(changed());
  CHECK(files_of(folder) == std::vector<fs::path>{"a.cpp", "lib/b.hpp"});
  write(base / "linked/b.hpp", "c");
  CHECK(changed());
  write(folder / ".hidden/c.hpp", "c");
  CHECK(changed());
  fs::rename(folder / "a.cpp", folder / "d.cpp");
  CHECK(changed());
  write(folder / ".git/index", "1");
  CHECK_FALSE(changed());
}

TEST_CASE("addresses of S3 are s3 URIs") {
  CHECK(s3_uri_of_url("https://bucket.s3.us-west-2.amazonaws.com/a/source.tar.gz", "") ==
        "s3://bucket/a/source.tar.gz");
  CHECK(s3_uri_of_url("https://my.bucket.s3.amazonaws.com/a%20b.tar.gz?versionId=1", "") ==
        "s3://my.bucket/a b.tar.gz");
  CHECK(s3_uri_of_url("https://s3.us-west-2.amazonaws.com/bucket/key", "") == "s3://bucket/key");
  CHECK(s3_uri_of_url("https://s3-us-west-2.amazonaws.com/bucket/key", "") == "s3://bucket/key");
  CHECK(s3_uri_of_url("http://127.0.0.1:4566/bucket/key", "http://127.0.0.1:4566") == "s3://bucket/key");
  CHECK(s3_uri_of_url("https://example.com/bucket/key", "http://127.0.0.1:4566").empty());
  CHECK(s3_uri_of_url("https://example.com", "").empty());
}
