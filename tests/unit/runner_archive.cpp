// Goal: nothing that an archive says can write outside the folder or exhaust the machine, and packing and
// unpacking give back what went in. Method: archives built member by member with libarchive, among them the
// known attacks.
#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include "emulator/runner/archive.hpp"
#include "tests/unit/runner_support.hpp"

using namespace sagemaker::local;
using namespace sagemaker::tests;
using runner::ArchiveError;
using runner::pack_tar_gz;
using runner::unpack_tar_gz;

namespace {

struct Member {
  std::string name;
  unsigned type = AE_IFREG;
  std::string content;
  std::string link = {};
  bool hard_link = false;
  unsigned mode = 0644;
  std::int64_t hole = 0;  // a sparse file of that size
};

void build(const fs::path& file, const std::vector<Member>& members, bool gzip = true) {
  archive* handle = archive_write_new();
  if (gzip) archive_write_add_filter_gzip(handle);
  archive_write_set_format_pax(handle);
  REQUIRE(archive_write_open_filename(handle, file.c_str()) == ARCHIVE_OK);
  for (const Member& member : members) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, member.name.c_str());
    archive_entry_set_mode(entry, member.type | member.mode);
    archive_entry_set_size(entry,
                           member.hole ? member.hole : static_cast<std::int64_t>(member.content.size()));
    if (member.hole) archive_entry_sparse_add_entry(entry, member.hole - 1, 1);
    if (member.hard_link) archive_entry_set_hardlink(entry, member.link.c_str());
    if (member.type == AE_IFLNK) archive_entry_set_symlink(entry, member.link.c_str());
    REQUIRE(archive_write_header(handle, entry) >= ARCHIVE_WARN);
    archive_write_data(handle, member.content.data(), member.content.size());
    archive_entry_free(entry);
  }
  REQUIRE(archive_write_close(handle) == ARCHIVE_OK);
  archive_write_free(handle);
}

// Unpacks into dir/model and gives the error's text; empty where it succeeded.
std::string unpack_error(const TemporaryDirectory& dir, const std::vector<Member>& members,
                         RunnerLimits limits = {}) {
  build(dir / "a.tar.gz", members);
  try {
    unpack_tar_gz(dir / "a.tar.gz", dir / "model", limits);
  } catch (const ArchiveError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a packed folder is unpacked as it was") {
  TemporaryDirectory dir;
  fs::create_directories(dir / "in/sub/empty");
  std::ofstream(dir / "in/weights.bin") << std::string(300'000, 'w');
  write_script(dir / "in/sub/run.sh", "#!/bin/sh\n");
  std::ofstream(dir / "in/gr\xC3\xBC\xC3\x9F e.txt") << "umlaut";
  std::ofstream(dir / ("in/" + std::string(200, 'n'))) << "long name";
  fs::create_symlink("sub/run.sh", dir / "in/link");
  fs::create_symlink("../weights.bin", dir / "in/sub/up");
  pack_tar_gz(dir / "in", dir / "a.tar.gz");
  unpack_tar_gz(dir / "a.tar.gz", dir / "out", {});
  CHECK(read_text(dir / "out/weights.bin") == std::string(300'000, 'w'));
  CHECK(read_text(dir / "out/gr\xC3\xBC\xC3\x9F e.txt") == "umlaut");
  CHECK(read_text(dir / ("out/" + std::string(200, 'n'))) == "long name");
  CHECK(fs::is_directory(dir / "out/sub/empty"));
  CHECK((fs::status(dir / "out/sub/run.sh").permissions() & fs::perms::owner_exec) != fs::perms::none);
  CHECK((fs::status(dir / "out/weights.bin").permissions() & fs::perms::owner_exec) == fs::perms::none);
  CHECK(fs::read_symlink(dir / "out/link") == "sub/run.sh");
  CHECK(read_text(dir / "out/sub/up") == std::string(300'000, 'w'));
}

TEST_CASE("the same contents give the same archive, whenever and in whatever order they were written") {
  TemporaryDirectory dir;
  for (const char* folder : {"one", "two"}) fs::create_directories(dir / folder);
  for (const char* name : {"a", "b", "c"}) std::ofstream(dir / "one" / name) << name;
  for (const char* name : {"c", "a", "b"}) std::ofstream(dir / "two" / name) << name;
  fs::last_write_time(dir / "two/b", fs::last_write_time(dir / "two/b") - std::chrono::hours(24));
  pack_tar_gz(dir / "one", dir / "1.tar.gz");
  pack_tar_gz(dir / "two", dir / "2.tar.gz");
  CHECK(read_text(dir / "1.tar.gz") == read_text(dir / "2.tar.gz"));
  CHECK(!fs::exists(dir / "1.tar.gz.partial"));
}

TEST_CASE("packing follows no link out of the folder") {
  TemporaryDirectory dir;
  fs::create_directories(dir / "in");
  std::ofstream(dir / "secret") << "of the host";
  fs::create_symlink(dir / "secret", dir / "in/link");
  pack_tar_gz(dir / "in", dir / "a.tar.gz");
  CHECK_THROWS_WITH_AS(unpack_tar_gz(dir / "a.tar.gz", dir / "out", {}),
                       doctest::Contains("'link' is a symbolic link"), ArchiveError);
}

TEST_CASE("a member that leads out of the folder is refused and named, and nothing is written outside") {
  TemporaryDirectory dir;
  std::vector<Member> members;
  std::string reason;
  SUBCASE("absolute path") { members = {{"/etc/evil"}}, reason = "'/etc/evil'"; }
  SUBCASE("parent") { members = {{"../evil"}}, reason = "'../evil'"; }
  SUBCASE("parent in the middle") { members = {{"a/../../evil"}}, reason = "'a/../../evil'"; }
  SUBCASE("sibling with the same prefix") { members = {{"../model-evil/x"}}, reason = "'../model-evil/x'"; }
  SUBCASE("folder") { members = {{"../evil/", AE_IFDIR}}, reason = "'../evil/'"; }
  SUBCASE("absolute link") { members = {{"l", AE_IFLNK, "", "/etc"}}, reason = "'l' is a symbolic link"; }
  SUBCASE("link up") { members = {{"d/l", AE_IFLNK, "", "../../x"}}, reason = "'d/l' is a symbolic link"; }
  SUBCASE("link through a link") {
    members = {{"s", AE_IFLNK, "", "."}, {"t", AE_IFLNK, "", "s/s/../../evil"}};
    reason = "'t' is a symbolic link";
  }
  SUBCASE("write through a link") {
    members = {{"d/", AE_IFDIR}, {"l", AE_IFLNK, "", "d"}, {"l/evil"}};
    reason = "'l/evil' lies below 'l'";
  }
  SUBCASE("hard link out") {
    members = {{"h", AE_IFREG, "", "../evil", true}}, reason = "'h' is a hard link";
  }
  SUBCASE("hard link to an absolute path") {
    members = {{"h", AE_IFREG, "", "/etc/passwd", true}};
    reason = "'h' is a hard link";
  }
  SUBCASE("hard link to what is not there") {
    members = {{"h", AE_IFREG, "", "x", true}}, reason = "'h' is a hard link";
  }
  SUBCASE("FIFO") { members = {{"f", AE_IFIFO}}, reason = "'f' is a FIFO"; }
  SUBCASE("device") { members = {{"c", AE_IFCHR}}, reason = "'c' is a device"; }
  const std::string error = unpack_error(dir, members);
  CHECK(error.find(reason) != std::string::npos);
  CAPTURE(error);
  // Only the archive and the folder itself are there.
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(dir.path())) left.push_back(entry.path().filename());
  CHECK(left.size() == 2);
  CHECK(!fs::exists("/etc/evil"));
}

TEST_CASE("an archive may name the folder itself, as Python's tarfile does with the arcname /") {
  TemporaryDirectory dir;
  CHECK(unpack_error(dir, {{"/", AE_IFDIR}, {"code/", AE_IFDIR}, {"code/inference.py", AE_IFREG, "x"}}) ==
        "");
  CHECK(read_text(dir / "model/code/inference.py") == "x");
  CHECK(unpack_error(dir, {{"/code/", AE_IFDIR}}).find("is absolute: refused") != std::string::npos);
}

TEST_CASE("a name in an error cannot forge a log line") {
  TemporaryDirectory dir;
  CHECK(unpack_error(dir, {{"../a\nb\x1b[31m"}}).find_first_of("\n\x1b") == std::string::npos);
}

TEST_CASE("links and repeated members inside the folder work") {
  TemporaryDirectory dir;
  std::ofstream(dir / "outside") << "untouched";
  // Also the folder itself as a member, as `tar -C dir .` writes it.
  CHECK(unpack_error(dir, {{"./", AE_IFDIR},
                           {"d/f", AE_IFREG, "first"},
                           {"d/f", AE_IFREG, "second"},
                           {"h", AE_IFREG, "", "d/f", true},
                           {"l", AE_IFLNK, "", "d/f"},
                           {"l", AE_IFREG, "file"},
                           {"d/f", AE_IFREG, "", "d/f", true}}) == "");
  CHECK(read_text(dir / "model/d/f") == "second");
  CHECK(read_text(dir / "model/h") == "second");
  CHECK(read_text(dir / "model/l") == "file");
}

TEST_CASE("special permission bits are not restored") {
  TemporaryDirectory dir;
  CHECK(unpack_error(dir, {{.name = "s", .content = "x", .mode = 06755},
                           {.name = "n", .content = "x", .mode = 0000}}) == "");
  struct stat status {};
  REQUIRE(::stat((dir / "model/s").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0755);
  REQUIRE(::stat((dir / "model/n").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE("limits on members, bytes and ratio hold before the disk is full") {
  TemporaryDirectory dir;
  RunnerLimits limits;
  SUBCASE("members") {
    limits.archive_entries_max = 3;
    CHECK(unpack_error(dir, {{"a"}, {"b"}, {"c"}}, limits) == "");
    CHECK(unpack_error(dir, {{"a"}, {"b"}, {"c"}, {"d"}}, limits).find("more than 3 members") !=
          std::string::npos);
  }
  SUBCASE("bytes, all members together") {
    limits.archive_bytes_max = 1000;
    CHECK(unpack_error(dir, {{"a", AE_IFREG, std::string(1000, 'x')}}, limits) == "");
    CHECK(unpack_error(dir, {{"a", AE_IFREG, std::string(600, 'x')}, {"b", AE_IFREG, std::string(401, 'x')}},
                       limits)
              .find("'b' makes the archive larger than 1000 bytes") != std::string::npos);
  }
  SUBCASE("ratio") {
    CHECK(unpack_error(dir, {{.name = "bomb", .content = "x", .hole = 20ll << 30}}, limits)
              .find("decompression bomb") != std::string::npos);
    limits.archive_ratio_max = 100'000'000'000;
    CHECK(unpack_error(dir, {{.name = "sparse", .content = "x", .hole = 20ll << 30}}, limits) == "");
    CHECK(fs::file_size(dir / "model/sparse") == 20ull << 30);
  }
}

TEST_CASE("what is no whole gzip-compressed tar archive is refused") {
  TemporaryDirectory dir;
  const fs::path file = dir / "a.tar.gz";
  std::string noise;
  for (unsigned i = 0, x = 1; i < 200'000; ++i)
    noise += static_cast<char>((x = x * 1664525u + 1013904223u) >> 24);
  build(file, {{"a", AE_IFREG, noise}, {"b", AE_IFREG, noise}});
  const std::string whole = read_text(file);
  SUBCASE("truncated") {
    for (const std::size_t size : {whole.size() / 3, whole.size() / 2, whole.size() - 2000}) {
      std::ofstream(file, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
      CHECK_THROWS_AS(unpack_tar_gz(file, dir / "model", {}), ArchiveError);
    }
  }
  SUBCASE("plain tar") {
    build(file, {{"a", AE_IFREG, "x"}}, false);
    CHECK_THROWS_WITH_AS(unpack_tar_gz(file, dir / "model", {}), doctest::Contains("gzip"), ArchiveError);
  }
  SUBCASE("empty file, text, absent") {
    std::ofstream(file, std::ios::trunc) << "";
    CHECK_THROWS_AS(unpack_tar_gz(file, dir / "model", {}), ArchiveError);
    std::ofstream(file, std::ios::trunc) << "this is a text";
    CHECK_THROWS_AS(unpack_tar_gz(file, dir / "model", {}), ArchiveError);
    CHECK_THROWS_AS(unpack_tar_gz(dir / "absent.tar.gz", dir / "model", {}), ArchiveError);
  }
}

TEST_CASE("packing and unpacking give up when they are told to, and half an archive does not take the name") {
  TemporaryDirectory dir;
  fs::create_directories(dir / "in");
  std::ofstream(dir / "in/weights.bin") << "w";
  fs::resize_file(dir / "in/weights.bin", 1ull << 33);  // a hole: it would take half a minute
  int asked = 0;
  const runner::Cancelled third_time = [&asked] { return ++asked >= 3; };
  const auto begin = std::chrono::steady_clock::now();
  CHECK_THROWS_AS(pack_tar_gz(dir / "in", dir / "out.tar.gz", third_time), runner::ArchiveCancelled);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
  CHECK(asked == 3);
  CHECK_FALSE(fs::exists(dir / "out.tar.gz"));
  CHECK_FALSE(fs::exists(dir / "out.tar.gz.partial"));

  build(dir / "a.tar.gz", {{"one", AE_IFREG, "1"}, {"two", AE_IFREG, "2"}, {"three", AE_IFREG, "3"}});
  asked = 0;
  CHECK_THROWS_AS(unpack_tar_gz(dir / "a.tar.gz", dir / "model", {}, third_time), runner::ArchiveCancelled);
  CHECK(fs::exists(dir / "model/one"));
  CHECK_FALSE(fs::exists(dir / "model/three"));
  unpack_tar_gz(dir / "a.tar.gz", dir / "model", {}, [] { return false; });
  CHECK(fs::exists(dir / "model/three"));
}
