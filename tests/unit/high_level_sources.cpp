// sourcedir.tar.gz: what goes in, and that the same files always give the same bytes.
#include <fstream>
#include <map>
#include <string>

#include <doctest/doctest.h>

#include <sagemaker/source_archive.hpp>

#include "tests/support/support.hpp"

using namespace sagemaker;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

struct Entry {
  std::string content;
  int permissions = 0;
};

// Read with libarchive, as whoever unpacks it does.
std::map<std::string, Entry> unpack(const std::string& bytes) {
  std::map<std::string, Entry> entries;
  archive* reader = archive_read_new();
  archive_read_support_filter_gzip(reader);
  archive_read_support_format_tar(reader);
  REQUIRE(archive_read_open_memory(reader, bytes.data(), bytes.size()) == ARCHIVE_OK);
  archive_entry* header = nullptr;
  while (archive_read_next_header(reader, &header) == ARCHIVE_OK) {
    std::string content(static_cast<std::size_t>(archive_entry_size(header)), '\0');
    REQUIRE(archive_read_data(reader, content.data(), content.size()) ==
            static_cast<la_ssize_t>(content.size()));
    entries[archive_entry_pathname(header)] = {content, static_cast<int>(archive_entry_perm(header))};
  }
  archive_read_free(reader);
  return entries;
}

std::string reason(const SourceFiles& files) {
  try {
    pack_sources(files);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("an entry point alone is packed under its own name") {
  tests::TemporaryDirectory folder;
  write(folder / "train.cpp", "int main() {}\n");
  write(folder / "other.cpp", "not asked for");
  const SourceArchive packed = pack_sources({.entry_point = (folder / "train.cpp").string()});
  CHECK(packed.program == "train.cpp");
  const auto entries = unpack(packed.bytes);
  REQUIRE(entries.size() == 1);
  CHECK(entries.at("train.cpp").content == "int main() {}\n");
}

TEST_CASE("a source folder is packed whole, dependencies lie beside it") {
  tests::TemporaryDirectory folder;
  write(folder / "src/app/train.cpp", "main");
  write(folder / "src/include/net.hpp", "net");
  write(folder / "src/run.sh", "#!/bin/sh\n");
  fs::permissions(folder / "src/run.sh", fs::perms::owner_exec, fs::perm_options::add);
  write(folder / "src/.git/config", "history");
  fs::create_directories(folder / "src/empty");
  write(folder / "lib/tools/a.hpp", "a");
  write(folder / "shared/b.hpp", "b");
  fs::create_symlink(folder / "shared/b.hpp", folder / "src/linked.hpp");

  const SourceArchive packed =
      pack_sources({.entry_point = "app/train.cpp",
                    .source_dir = (folder / "src").string(),
                    .dependencies = {(folder / "lib/tools/").string(), (folder / "shared/b.hpp").string()}});
  CHECK(packed.program == "app/train.cpp");
  const auto entries = unpack(packed.bytes);
  CHECK(entries.at("app/train.cpp").content == "main");
  CHECK(entries.at("include/net.hpp").content == "net");
  CHECK(entries.at("tools/a.hpp").content == "a");
  CHECK(entries.at("b.hpp").content == "b");
  CHECK(entries.at("linked.hpp").content == "b");
  CHECK(entries.contains("empty/"));
  CHECK(entries.at("run.sh").permissions == 0755);
  CHECK(entries.at("app/train.cpp").permissions == 0644);
  for (const auto& entry : entries) CHECK(entry.first.find(".git") == std::string::npos);
}

TEST_CASE("the same files give the same bytes, whenever and wherever they are packed") {
  tests::TemporaryDirectory one;
  tests::TemporaryDirectory other;
  for (const auto* folder : {&one, &other}) {
    write(*folder / "b.cpp", "b");
    write(*folder / "a/train.cpp", "main");
  }
  fs::last_write_time(other / "b.cpp", fs::file_time_type::clock::now() - std::chrono::hours(1000));
  fs::permissions(other / "b.cpp", fs::perms::group_read | fs::perms::others_read, fs::perm_options::remove);
  const auto first = pack_sources({.entry_point = "a/train.cpp", .source_dir = one.path().string()});
  const auto second = pack_sources({.entry_point = "a/train.cpp", .source_dir = other.path().string()});
  CHECK(first.bytes == second.bytes);
  write(other / "b.cpp", "c");
  CHECK(pack_sources({.entry_point = "a/train.cpp", .source_dir = other.path().string()}).bytes !=
        first.bytes);
}

TEST_CASE("what cannot be packed is named") {
  tests::TemporaryDirectory folder;
  write(folder / "src/train.cpp", "main");
  write(folder / "outside.cpp", "x");
  const std::string source_dir = (folder / "src").string();
  CHECK(reason({.entry_point = (folder / "missing.cpp").string()}).find("missing.cpp") != std::string::npos);
  CHECK(reason({.entry_point = "missing.cpp", .source_dir = source_dir}) ==
        "No file named \"missing.cpp\" was found in directory \"" + source_dir + "\".");
  CHECK(reason({.entry_point = "../outside.cpp", .source_dir = source_dir}).find("No file named") == 0);
  CHECK(reason({.entry_point = "train.cpp", .source_dir = (folder / "nowhere").string()})
            .find("is not a folder") != std::string::npos);
  CHECK(reason({.entry_point = "s3://bucket/train.cpp"}).find("Must be a path to a local file") !=
        std::string::npos);
  CHECK(reason({}).find("entry_point is empty") == 0);
  CHECK(reason({.entry_point = "train.cpp",
                .source_dir = source_dir,
                .dependencies = {(folder / "src/train.cpp").string()}})
            .find("twice") != std::string::npos);
  fs::create_directory_symlink(folder / "src", folder / "src/again");
  CHECK(reason({.entry_point = "train.cpp", .source_dir = source_dir}).find("leads back") !=
        std::string::npos);
}

TEST_CASE("C++ entry points are known by their names") {
  for (const char* name : {"a.cpp", "dir/a.cc", "a.cxx"}) CHECK(is_cpp_source(name));
  for (const char* name : {"a.py", "train", "train.sh", "cpp", "a.hpp"}) CHECK_FALSE(is_cpp_source(name));
}
