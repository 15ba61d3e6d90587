// Puts a script for serving into a model.tar.gz, as the SageMaker Python SDK does it (utils.repack_model):
// what the archive holds stays, and its folder code/ gets the script or the whole source folder, with the
// dependencies in code/lib/. Containers of frameworks look for the script there. One file at a time is in
// memory, and of that a piece.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/detail/temporary_folder.hpp>
#include <sagemaker/source_archive.hpp>

namespace sagemaker {

// A new model.tar.gz: what was trained, and the code that serves it below code/.
struct ModelPacking {
  std::filesystem::path target;                                 // the file to write
  std::map<std::string, std::filesystem::path> artifacts = {};  // path in the archive -> local file or folder
  std::string entry_point = {};                                 // empty: no code
  std::string source_dir = {};
  std::vector<std::string> dependencies = {};  // go to code/lib/
};

struct ModelRepacking {
  std::filesystem::path model = {};            // the model.tar.gz as it is
  std::filesystem::path target = {};           // the file to write
  std::string entry_point = {};                // as for a job; may also be in the archive's code/ already
  std::string source_dir = {};                 // local folder that becomes code/
  std::filesystem::path source_archive = {};   // instead of a folder: a sourcedir.tar.gz
  std::vector<std::string> dependencies = {};  // go to code/lib/
};

namespace detail {

struct ArchiveReaderDeleter {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

// "./model.pt" -> "model.pt". Throws for names that would leave the folder into which an archive is unpacked.
inline std::string archive_name(const std::filesystem::path& archive, const char* raw) {
  const std::filesystem::path name = std::filesystem::path(raw == nullptr ? "" : raw).lexically_normal();
  if (name.is_absolute() || (!name.empty() && *name.begin() == "..")) {
    throw Error("\"" + archive.filename().string() + "\" holds the path \"" + name.string() +
                "\", which leads out of the archive");
  }
  std::string text = name.generic_string();
  while (text.ends_with('/')) text.pop_back();
  return text == "." ? "" : text;
}

// Visits the entries of a .tar.gz; the visitor may read their data.
inline void read_archive(const std::filesystem::path& path,
                         const std::function<void(archive*, archive_entry*, const std::string&)>& visit) {
  std::unique_ptr<archive, ArchiveReaderDeleter> owner(archive_read_new());
  archive* const reader = owner.get();
  const auto check = [&](int code) {
    if (code == ARCHIVE_OK || code == ARCHIVE_WARN) return;
    const char* reason = archive_error_string(reader);
    throw Error("\"" + path.filename().string() +
                "\" is no .tar.gz that can be read: " + (reason != nullptr ? reason : "unknown reason"));
  };
  check(archive_read_support_filter_gzip(reader));
  check(archive_read_support_format_tar(reader));
  check(archive_read_open_filename(reader, path.c_str(), 1u << 20));
  archive_entry* entry = nullptr;
  int code = ARCHIVE_OK;
  while ((code = archive_read_next_header(reader, &entry)) != ARCHIVE_EOF) {
    check(code);
    visit(reader, entry, archive_name(path, archive_entry_pathname(entry)));
  }
}

// Writes one .tar.gz file. Models hardly get smaller by zlib's better levels, but take long.
class ModelArchiveWriter {
 public:
  explicit ModelArchiveWriter(const std::filesystem::path& target) : writer_(archive_write_new()) {
    check(archive_write_set_format_pax_restricted(writer_.get()));
    check(archive_write_add_filter_gzip(writer_.get()));
    check(archive_write_set_options(writer_.get(), "gzip:compression-level=1"));
    check(archive_write_open_filename(writer_.get(), target.c_str()));
  }

  void copy(archive* from, archive_entry* entry, const std::string& name) {
    const bool folder = archive_entry_filetype(entry) == AE_IFDIR;
    archive_entry_set_pathname(entry, (folder ? name + "/" : name).c_str());
    check(archive_write_header(writer_.get(), entry));
    std::array<char, 256 * 1024> buffer;
    la_ssize_t count = 0;
    while ((count = archive_read_data(from, buffer.data(), buffer.size())) > 0) {
      if (archive_write_data(writer_.get(), buffer.data(), static_cast<std::size_t>(count)) != count)
        check(ARCHIVE_FATAL);
    }
    if (count < 0) {
      const char* reason = archive_error_string(from);
      throw Error("The model's archive cannot be read: " +
                  std::string(reason != nullptr ? reason : "unknown reason"));
    }
  }
  void add(const std::string& name, const std::filesystem::path& path) {
    write_archive_entry(writer_.get(), name, path);
  }
  void close() { check(archive_write_close(writer_.get())); }

 private:
  void check(int code) const {
    if (code == ARCHIVE_OK || code == ARCHIVE_WARN) return;
    const char* reason = archive_error_string(writer_.get());
    throw Error("The repacked model.tar.gz cannot be written: " +
                std::string(reason != nullptr ? reason : "unknown reason"));
  }

  std::unique_ptr<archive, ArchiveDeleter> writer_;
};

// The local files that go below code/.
inline ArchivePlan code_plan(const ModelRepacking& repacking, std::string& program) {
  namespace fs = std::filesystem;
  ArchivePlan plan;
  program = repacking.entry_point;
  const bool local = !repacking.source_dir.empty() || fs::exists(repacking.entry_point);
  if (repacking.source_archive.empty() && local) {
    for (const auto& [name, path] : plan_archive({repacking.entry_point, repacking.source_dir, {}}, program))
      plan.emplace("code/" + name, path);
  }
  std::vector<fs::path> above;
  for (const std::string& dependency : repacking.dependencies) {
    fs::path path = fs::path(dependency).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();  // "lib/" is the folder lib
    plan_entry(path, "code/lib/" + path.filename().string(), plan, above);
  }
  return plan;
}

}  // namespace detail

// Returns the script's path inside code/. Throws ConfigError for sources that are missing, Error for a model
// that is no .tar.gz.
inline std::string repack_model(const ModelRepacking& repacking) {
  std::string program;
  const detail::ArchivePlan plan = detail::code_plan(repacking, program);
  std::set<std::string> replaced;
  for (const auto& [name, path] : plan) replaced.insert(name);
  if (!repacking.source_archive.empty()) {
    detail::read_archive(repacking.source_archive, [&](archive*, archive_entry*, const std::string& name) {
      if (!name.empty()) replaced.insert("code/" + name);
    });
  }
  detail::ModelArchiveWriter writer(repacking.target);
  const bool whole_folder = !repacking.source_dir.empty();
  bool found = replaced.contains("code/" + program);
  detail::read_archive(repacking.model, [&](archive* from, archive_entry* entry, const std::string& name) {
    const bool of_code = name == "code" || name.starts_with("code/");
    if (name.empty() || replaced.contains(name) || (whole_folder && of_code)) return;
    found = found || name == "code/" + program;
    writer.copy(from, entry, name);
  });
  if (!found) {
    throw ConfigError("No file named \"" + repacking.entry_point + "\" was found, neither here nor in the " +
                      "folder code/ of the model's archive.");
  }
  for (const auto& [name, path] : plan) writer.add(name, path);
  if (!repacking.source_archive.empty()) {
    detail::read_archive(repacking.source_archive,
                         [&](archive* from, archive_entry* entry, const std::string& name) {
                           if (!name.empty()) writer.copy(from, entry, "code/" + name);
                         });
  }
  writer.close();
  return program;
}

// Returns the script's path inside code/; "" where there is none. Throws ConfigError for files that are
// missing.
inline std::string pack_model(const ModelPacking& packing) {
  std::string program;
  detail::ArchivePlan plan;
  if (!packing.entry_point.empty() || !packing.dependencies.empty()) {
    plan = detail::code_plan({.entry_point = packing.entry_point,
                              .source_dir = packing.source_dir,
                              .dependencies = packing.dependencies},
                             program);
    if (!plan.contains("code/" + program))
      throw ConfigError("No file named \"" + packing.entry_point + "\" was found.");
  }
  std::vector<std::filesystem::path> above;
  for (const auto& [name, path] : packing.artifacts) detail::plan_entry(path, name, plan, above);
  detail::ModelArchiveWriter writer(packing.target);
  for (const auto& [name, path] : plan) writer.add(name, path);
  writer.close();
  return program;
}

}  // namespace sagemaker
