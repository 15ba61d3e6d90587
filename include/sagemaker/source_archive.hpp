// Packs a script and what it needs into the sourcedir.tar.gz that a job unpacks into /opt/ml/code. The same
// files give the same bytes wherever and whenever they are packed, so that the program compiled from them can
// be found again. Rules of the SageMaker Python SDK (fw_utils.tar_and_upload_dir): the contents of
// source_dir, or the entry point alone, at the top of the archive, and every dependency beside them under its
// own name.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <sagemaker/aws/errors.hpp>

namespace sagemaker {

struct SourceFiles {
  std::string entry_point;                // a local file; with a source_dir its path inside that folder
  std::string source_dir;                 // a local folder, packed whole
  std::vector<std::string> dependencies;  // files and folders put beside the entry point
};

struct SourceArchive {
  std::string program;  // the entry point's path inside the archive: sagemaker_program
  std::string bytes;    // sourcedir.tar.gz
};

namespace detail {

// Path inside the archive -> file or folder on this machine, in the order in which it is written.
using ArchivePlan = std::map<std::string, std::filesystem::path>;

// Follows symbolic links, as the SDK does. `above` are the real paths of the folders that we are in: a link
// back into one of them would never end.
inline void plan_entry(const std::filesystem::path& path, const std::string& name, ArchivePlan& plan,
                       std::vector<std::filesystem::path>& above) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) throw ConfigError("\"" + path.string() + "\" cannot be packed: no such file");
  if (!fs::is_directory(status) && !fs::is_regular_file(status)) {
    throw ConfigError("\"" + path.string() + "\" cannot be packed: it is neither a file nor a folder");
  }
  if (!name.empty() && !plan.emplace(name, path).second) {
    throw ConfigError("\"" + path.string() + "\" cannot be packed: \"" + name +
                      "\" would be twice in the archive, also from \"" + plan.at(name).string() + "\"");
  }
  if (!fs::is_directory(status)) return;

  const fs::path real = fs::canonical(path);
  if (std::find(above.begin(), above.end(), real) != above.end()) {
    throw ConfigError("\"" + path.string() + "\" cannot be packed: the symbolic link leads back to \"" +
                      real.string() + "\"");
  }
  above.push_back(real);
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string leaf = entry.path().filename().string();
    if (leaf == ".git" || leaf == "__pycache__") continue;  // history and caches are no source
    plan_entry(entry.path(), name.empty() ? leaf : name + "/" + leaf, plan, above);
  }
  above.pop_back();
}

inline ArchivePlan plan_archive(const SourceFiles& files, std::string& program) {
  namespace fs = std::filesystem;
  if (files.entry_point.empty()) throw ConfigError("entry_point is empty: name the script that the job runs");
  if (files.entry_point.starts_with("s3://")) {
    throw ConfigError("Invalid entry point script: " + files.entry_point +
                      ". Must be a path to a local file.");
  }
  ArchivePlan plan;
  std::vector<fs::path> above;
  if (files.source_dir.empty()) {
    const fs::path script = files.entry_point;
    if (!fs::is_regular_file(script)) {
      throw ConfigError("No file named \"" + files.entry_point + "\" was found in \"" +
                        fs::current_path().string() + "\".");
    }
    program = script.filename().string();
    plan_entry(script, program, plan, above);
  } else {
    const fs::path script = fs::path(files.entry_point).lexically_normal();
    if (!fs::is_directory(files.source_dir)) {
      throw ConfigError("source_dir \"" + files.source_dir + "\" is not a folder.");
    }
    if (script.is_absolute() || *script.begin() == ".." || !fs::is_regular_file(files.source_dir / script)) {
      throw ConfigError("No file named \"" + files.entry_point + "\" was found in directory \"" +
                        files.source_dir + "\".");
    }
    program = script.generic_string();
    plan_entry(files.source_dir, "", plan, above);
  }
  for (const std::string& dependency : files.dependencies) {
    fs::path path = fs::path(dependency).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();  // "lib/" is the folder lib
    if (path.filename() == ".." || path.filename() == ".") path = fs::canonical(path);
    plan_entry(path, path.filename().string(), plan, above);
  }
  return plan;
}

struct ArchiveDeleter {
  void operator()(archive* writer) const { archive_write_free(writer); }
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

inline void check_archive(archive* writer, int code) {
  if (code != ARCHIVE_OK) {
    const char* reason = archive_error_string(writer);
    throw Error(std::string("sourcedir.tar.gz cannot be written: ") +
                (reason != nullptr ? reason : "unknown reason"));
  }
}

inline void write_archive_file(archive* writer, const std::filesystem::path& path, std::uintmax_t size) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw ConfigError("\"" + path.string() + "\" cannot be packed: it cannot be read");
  std::array<char, 64 * 1024> buffer;
  std::uintmax_t written = 0;
  while (file.read(buffer.data(), buffer.size()), file.gcount() > 0) {
    const auto count = static_cast<std::size_t>(file.gcount());
    written += count;
    if (written > size || archive_write_data(writer, buffer.data(), count) != static_cast<la_ssize_t>(count))
      break;
  }
  if (written != size) throw Error("\"" + path.string() + "\" changed while it was packed");
}

inline void write_archive_entry(archive* writer, const std::string& name, const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  const bool is_folder = fs::is_directory(path);
  const auto permissions = fs::status(path).permissions();
  const bool executable = is_folder || (permissions & fs::perms::owner_exec) != fs::perms::none;
  const std::uintmax_t size = is_folder ? 0 : fs::file_size(path);
  std::unique_ptr<archive_entry, ArchiveDeleter> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), (is_folder ? name + "/" : name).c_str());
  archive_entry_set_filetype(entry.get(), is_folder ? AE_IFDIR : AE_IFREG);
  archive_entry_set_perm(entry.get(), executable ? 0755 : 0644);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
  archive_entry_set_mtime(entry.get(), 0, 0);  // the only time that is the same everywhere
  archive_entry_set_uid(entry.get(), 0);
  archive_entry_set_gid(entry.get(), 0);
  check_archive(writer, archive_write_header(writer, entry.get()));
  if (!is_folder) write_archive_file(writer, path, size);
}

}  // namespace detail

// Throws ConfigError naming the file that is missing or cannot be packed. Folders named .git and __pycache__
// are left out.
inline SourceArchive pack_sources(const SourceFiles& files) {
  SourceArchive result;
  const detail::ArchivePlan plan = detail::plan_archive(files, result.program);
  std::unique_ptr<archive, detail::ArchiveDeleter> writer(archive_write_new());
  archive* const raw = writer.get();
  detail::check_archive(raw, archive_write_set_format_pax_restricted(raw));
  detail::check_archive(raw, archive_write_add_filter_gzip(raw));
  detail::check_archive(raw, archive_write_set_options(raw, "gzip:!timestamp"));
  detail::check_archive(raw, archive_write_set_bytes_in_last_block(raw, 1));
  const auto append = [](archive*, void* target, const void* data, std::size_t size) -> la_ssize_t {
    static_cast<std::string*>(target)->append(static_cast<const char*>(data), size);
    return static_cast<la_ssize_t>(size);
  };
  detail::check_archive(raw, archive_write_open(raw, &result.bytes, nullptr, append, nullptr));
  for (const auto& [name, path] : plan) detail::write_archive_entry(raw, name, path);
  detail::check_archive(raw, archive_write_close(raw));
  return result;
}

// Whether the sagemaker-cpp image has to compile the entry point before it can run it.
inline bool is_cpp_source(std::string_view entry_point) {
  return entry_point.ends_with(".cpp") || entry_point.ends_with(".cc") || entry_point.ends_with(".cxx");
}

}  // namespace sagemaker
