// See source.hpp.
#include "emulator/images/script/source.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <system_error>

#include <archive.h>
#include <archive_entry.h>

#include <sagemaker/aws/uri.hpp>
#include <sagemaker/clients/s3.hpp>
#include <sagemaker/s3_uri.hpp>

namespace sagemaker::local::images {
namespace {

namespace fs = std::filesystem;

struct Names {
  std::string program;
  std::string submit_directory;
};

Names names_of(const std::string& command, const container::TrainingEnvironment& env,
               const container::Variables& variables) {
  const auto parameter = [&](const char* name) -> std::string {
    const auto given = env.platform_parameters.find(name);
    const bool train = command == "train" && given != env.platform_parameters.end();
    return train ? container::detail::hyperparameter_text(given->second) : "";
  };
  const auto variable = [&](const char* name) -> std::string {
    const auto given = variables.find(name);
    return given == variables.end() ? "" : given->second;
  };
  Names names{variable("SAGEMAKER_PROGRAM"), parameter("sagemaker_submit_directory")};
  if (names.program.empty()) names.program = parameter("sagemaker_program");
  if (names.submit_directory.empty()) names.submit_directory = variable("SAGEMAKER_SUBMIT_DIRECTORY");
  return names;
}

struct ArchiveCloser {
  void operator()(struct archive* open) const { archive_free(open); }
};
using Archive = std::unique_ptr<struct archive, ArchiveCloser>;

bool holds_files(const fs::path& directory) {
  std::error_code error;
  const fs::directory_iterator entries(directory, error);
  return !error && entries != fs::directory_iterator();
}

void download(const std::string& uri, const fs::path& file, const container::TrainingEnvironment& env) {
  try {
    ClientConfig config;
    if (env.region.empty()) {
      const auto given = env.platform_parameters.find("sagemaker_region");
      if (given != env.platform_parameters.end())
        config.region = container::detail::hyperparameter_text(given->second);
    }
    const S3Uri from(uri);
    S3Client(config).get_object_to_file({.bucket = from.bucket(), .key = from.key()}, file);
  } catch (const Error& error) {
    throw std::runtime_error("the code at " + uri + " cannot be downloaded: " + error.what());
  }
}

// Whether libarchive knows it for an archive that `unpack` takes.
bool is_archive(const fs::path& file) {
  const Archive from(archive_read_new());
  archive_read_support_filter_all(from.get());
  archive_read_support_format_tar(from.get());
  archive_read_support_format_zip(from.get());
  archive_entry* entry = nullptr;
  return archive_read_open_filename(from.get(), file.c_str(), 1 << 17) == ARCHIVE_OK &&
         archive_read_next_header(from.get(), &entry) == ARCHIVE_OK;
}

bool has_archive_name(const fs::path& file) {
  const std::string extension = file.extension().string();
  return extension == ".gz" || extension == ".tgz" || extension == ".tar" || extension == ".zip";
}

std::string uri_of(const std::string& from) {
  if (!from.starts_with("https://") && !from.starts_with("http://")) return from;
  const char* endpoint = std::getenv("AWS_ENDPOINT_URL");
  const std::string uri = s3_uri_of_url(from, endpoint == nullptr ? "" : endpoint);
  if (uri.empty()) throw std::runtime_error("the code at " + from + " is not in S3, and not a local path");
  return uri;
}

// Into a folder beside, which then takes the place of the empty one: a half-unpacked code folder is never
// seen.
void fetch(const std::string& given, const fs::path& code_dir, const container::TrainingEnvironment& env) {
  const std::string from = uri_of(given);
  if (fs::path(from) == code_dir) return;
  const fs::path temporary = code_dir.string() + ".new";
  fs::remove_all(temporary);
  fs::create_directories(temporary);
  if (from.starts_with("s3://")) {
    const fs::path archive = code_dir.string() + ".tar.gz";
    download(from, archive, env);
    unpack(archive, temporary);
    fs::remove(archive);
  } else if (fs::is_directory(from)) {
    fs::copy(from, temporary, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  } else if (fs::exists(from) && !has_archive_name(from) && !is_archive(from)) {
    fs::copy_file(from, temporary / fs::path(from).filename());
  } else if (fs::exists(from)) {
    unpack(from, temporary);
  } else {
    throw std::runtime_error("there is no code at " + given);
  }
  fs::rename(temporary, code_dir);
}

// "train.cpp, lib/net.hpp, ..." for a message.
std::string contents_of(const fs::path& directory) {
  std::string list;
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_directory()) continue;
    if (++count > 20) return list + ", ...";
    list += (list.empty() ? "" : ", ") + entry.path().lexically_relative(directory).string();
  }
  return list.empty() ? "nothing" : list;
}

void check_program(const Source& source, const ScriptImage& image) {
  const fs::path program = fs::path(source.program).lexically_normal();
  if (program.is_absolute() || program.string().starts_with("..")) {
    throw std::runtime_error("the entry point " + source.program + " must lie inside the source folder");
  }
  if (fs::exists(source.directory / program) || fs::exists(source.directory / image.project_file)) return;
  throw std::runtime_error("there is no entry point " + source.program +
                           " in the source archive; it holds: " + contents_of(source.directory));
}

[[noreturn]] void bad_archive(const fs::path& file, struct archive* open) {
  const char* const why = archive_error_string(open);
  throw std::runtime_error("the source archive " + file.filename().string() +
                           " cannot be unpacked: " + (why == nullptr ? "it is damaged" : why));
}

void copy_data(const fs::path& file, struct archive* from, struct archive* to) {
  for (;;) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int result = archive_read_data_block(from, &data, &size, &offset);
    if (result == ARCHIVE_EOF) return;
    if (result != ARCHIVE_OK) bad_archive(file, from);
    if (archive_write_data_block(to, data, size, offset) < ARCHIVE_OK) bad_archive(file, to);
  }
}

}  // namespace

Source locate_source(const std::string& command, const container::TrainingEnvironment& env,
                     const container::Variables& variables, const ScriptImage& image) {
  const Names names = names_of(command, env, variables);
  const fs::path in_model = env.model_dir / "code";
  const bool serving = command == "serve";
  Source source{env.code_dir, names.program};
  if (!holds_files(env.code_dir)) {
    std::error_code ignored;
    fs::create_directories(env.code_dir, ignored);
    if (!names.submit_directory.empty()) {
      fetch(names.submit_directory, env.code_dir, env);
    } else if (serving && holds_files(in_model)) {
      source.directory = in_model;
    } else {
      throw std::runtime_error(
          "the " + image.name + " image needs code: " +
          (serving ? "set SAGEMAKER_PROGRAM and SAGEMAKER_SUBMIT_DIRECTORY, or put it into "
                     "code/ of the model archive; only a TorchScript model (*.pt) does without"
                   : "give the hyperparameters sagemaker_program and "
                     "sagemaker_submit_directory, as an Estimator with an entry_point does"));
    }
  }
  if (source.program.empty()) source.program = serving ? image.serve_program : image.train_program;
  if (source.program.empty()) {
    throw std::runtime_error("the " + image.name +
                             " image needs the name of the script to run: give the hyperparameter "
                             "sagemaker_program; the source folder holds: " +
                             contents_of(source.directory));
  }
  check_program(source, image);
  return source;
}

bool is_model_without_code(const container::ServingEnvironment& env, const container::Variables& variables) {
  const auto given = [&](const char* name) {
    const auto found = variables.find(name);
    return found != variables.end() && !found->second.empty();
  };
  if (given("SAGEMAKER_PROGRAM") || given("SAGEMAKER_SUBMIT_DIRECTORY")) return false;
  if (holds_files(env.base_dir / "code") || holds_files(env.model_dir / "code")) return false;
  if (env.multi_model) return true;  // the models come later, and have none
  std::error_code error;
  const fs::directory_iterator files(env.model_dir, error);
  return !error && std::any_of(begin(files), end(files), [](const fs::directory_entry& entry) {
    const std::string extension = entry.path().extension().string();
    return extension == ".pt" || extension == ".pth";
  });
}

std::string s3_uri_of_url(const std::string& url, const std::string& endpoint) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return "";
  const auto slash = url.find('/', scheme + 3);
  if (slash == std::string::npos) return "";
  const std::string host = url.substr(scheme + 3, slash - scheme - 3);
  std::string path = url.substr(slash + 1, url.find_first_of("?#", slash) - slash - 1);
  if (const auto decoded = aws::uri_decode(path)) path = *decoded;
  const bool own = !endpoint.empty() && url.starts_with(endpoint + "/");
  const bool amazon = host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
  if (own || (amazon && (host.starts_with("s3.") || host.starts_with("s3-")))) return "s3://" + path;
  for (const char* const mark : {".s3.", ".s3-"}) {
    const auto at = host.find(mark);
    if (amazon && at != std::string::npos) return "s3://" + host.substr(0, at) + "/" + path;
  }
  return "";
}

void unpack(const fs::path& file, const fs::path& into) {
  const fs::path directory = fs::canonical(into);  // libarchive refuses every path with a symbolic link in it
  const Archive from(archive_read_new());
  const Archive to(archive_write_disk_new());
  archive_read_support_filter_all(from.get());
  archive_read_support_format_tar(from.get());
  archive_read_support_format_zip(from.get());
  archive_write_disk_set_options(to.get(), ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                                               ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_UNLINK);
  if (archive_read_open_filename(from.get(), file.c_str(), 1 << 17) != ARCHIVE_OK)
    bad_archive(file, from.get());
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(from.get(), &entry);
    if (result == ARCHIVE_EOF) return;
    if (result != ARCHIVE_OK) bad_archive(file, from.get());
    const std::string name = archive_entry_pathname(entry) == nullptr ? "" : archive_entry_pathname(entry);
    const fs::path target(name);
    if (name.empty() || target.is_absolute() || archive_entry_hardlink(entry) != nullptr) {
      throw std::runtime_error("the source archive holds a member that is not accepted: '" + name + "'");
    }
    archive_entry_set_pathname(entry, (directory / target).c_str());
    archive_entry_set_perm(
        entry, archive_entry_filetype(entry) == AE_IFDIR ? 0755 : (archive_entry_perm(entry) & 0777) | 0600);
    if (archive_write_header(to.get(), entry) != ARCHIVE_OK) bad_archive(file, to.get());
    copy_data(file, from.get(), to.get());
    if (archive_write_finish_entry(to.get()) != ARCHIVE_OK) bad_archive(file, to.get());
  }
}

}  // namespace sagemaker::local::images
