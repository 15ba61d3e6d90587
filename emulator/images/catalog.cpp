// See catalog.hpp.
#include "emulator/images/catalog.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <unistd.h>

#include <sagemaker/aws/crypto.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/aws/uri.hpp>

namespace sagemaker::local::images {
namespace {

constexpr std::string_view file_scheme = "file://";
constexpr const char* cpp_name = "sagemaker-cpp";
constexpr const char* cpp_program = "sagemaker-cpp-image";
constexpr const char* python_program = "sagemaker-python-image";

// Repositories of AWS whose containers run a Python script as the training toolkit does, by the beginning of
// their name; what follows may be "-neuronx", "-graviton", "-310" and the like. From the SageMaker Python
// SDK's image_uri_config.
constexpr std::array<std::string_view, 22> python_names = {"sagemaker-python",
                                                           "pytorch-training",
                                                           "pytorch-inference",
                                                           "pytorch-trcomp-training",
                                                           "mxnet-training",
                                                           "mxnet-inference",
                                                           "tensorflow-training",
                                                           "tensorflow-inference",
                                                           "huggingface-pytorch-training",
                                                           "huggingface-pytorch-inference",
                                                           "huggingface-pytorch-trcomp-training",
                                                           "huggingface-tensorflow-training",
                                                           "huggingface-tensorflow-inference",
                                                           "huggingface-tensorflow-trcomp-training",
                                                           "autogluon-training",
                                                           "autogluon-inference",
                                                           "sagemaker-pytorch",
                                                           "sagemaker-mxnet",
                                                           "sagemaker-tensorflow",
                                                           "sagemaker-scikit-learn",
                                                           "sagemaker-base-python",
                                                           "sagemaker-distribution"};

// 000000000000.dkr.ecr.us-east-1.amazonaws.com/team/name:tag -> team/name:tag. As docker tells them apart:
// the first part is a registry where it has a dot or a port, or is localhost.
std::string_view without_registry(std::string_view image) {
  const auto slash = image.find('/');
  if (slash == std::string_view::npos) return image;
  const std::string_view first = image.substr(0, slash);
  const bool registry = first.find_first_of(".:") != std::string_view::npos || first == "localhost";
  return registry ? image.substr(slash + 1) : image;
}

// name:tag or name@sha256:... -> name.
std::string_view without_tag(std::string_view image) {
  image = image.substr(0, image.find('@'));
  const auto colon = image.rfind(':');
  const auto slash = image.rfind('/');
  const bool tagged = colon != std::string_view::npos && (slash == std::string_view::npos || slash < colon);
  return tagged ? image.substr(0, colon) : image;
}

std::string_view last_part(std::string_view image) { return image.substr(image.rfind('/') + 1); }

// Why a file cannot be started; empty where it can.
std::string program_fault(const std::filesystem::path& program) {
  std::error_code error;
  const auto status = std::filesystem::status(program, error);
  if (!std::filesystem::exists(status)) return "there is no file " + program.string();
  if (!std::filesystem::is_regular_file(status)) return program.string() + " is not a file";
  if (::access(program.c_str(), X_OK) != 0) return program.string() + " is not executable";
  return "";
}

bool is_python_name(std::string_view name) {
  return std::any_of(python_names.begin(), python_names.end(), [&](std::string_view known) {
    return name.starts_with(known) && (name.size() == known.size() || name[known.size()] == '-');
  });
}

// Where it cannot be made the image works without a cache, and says so.
std::filesystem::path made(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  return folder;
}

// A folder in which python and pip, by the names that AWS's images have, are links to `program`. Empty where
// it cannot be made. Several emulators may do this at once.
std::filesystem::path made_commands(const std::filesystem::path& folder,
                                    const std::filesystem::path& program) {
  static std::atomic<unsigned> made_links = 0;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  for (const char* const name : {"python", "python3", "pip", "pip3"}) {
    if (std::filesystem::read_symlink(folder / name, error) == program && !error) continue;
    const auto fresh = folder / ("." + std::to_string(::getpid()) + "-" + std::to_string(made_links++));
    std::filesystem::create_symlink(program, fresh, error);
    if (!error) std::filesystem::rename(fresh, folder / name, error);
    if (error) return {};
  }
  return folder;
}

bool in_virtual_environment(const std::filesystem::path& python) {
  std::error_code ignored;
  return !python.empty() &&
         std::filesystem::exists(python.parent_path().parent_path() / "pyvenv.cfg", ignored);
}

// Where pip finds packages, as the person who started the emulator has set it: a container has a home of its
// own.
void add_pip_settings(std::map<std::string, std::string>& variables) {
  const auto value = [](const char* name) -> std::string {
    const char* set = std::getenv(name);
    return set == nullptr ? "" : set;
  };
  for (const char* const name :
       {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST",
        "PIP_CERT", "PIP_PROXY", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES", "PIP_CONFIG_FILE"}) {
    if (const std::string set = value(name); !set.empty()) variables[name] = set;
  }
  for (const char* const proxy : {"HTTPS_PROXY", "https_proxy"}) {
    if (const std::string set = value(proxy); !set.empty()) variables.emplace("PIP_PROXY", set);
  }
  for (const char* const file : {".config/pip/pip.conf", ".pip/pip.conf"}) {
    const std::filesystem::path path = std::filesystem::path(value("HOME")) / file;
    std::error_code ignored;
    if (path.is_absolute() && std::filesystem::exists(path, ignored))
      variables.emplace("PIP_CONFIG_FILE", path.string());
  }
}

std::optional<std::filesystem::path> path_of_file_url(std::string_view url) {
  const auto path = aws::uri_decode(url.substr(file_scheme.size()));
  if (!path || !path->starts_with('/') || path->find('\0') != std::string::npos) return std::nullopt;
  return *path;
}

}  // namespace

bool Image::runs(std::string_view file) const {
  return std::any_of(source_suffixes.begin(), source_suffixes.end(),
                     [&](const std::string& suffix) { return file.ends_with(suffix); });
}

class Catalog::MappingReader {
 public:
  explicit MappingReader(const std::filesystem::path& file) : file_(file) {}

  std::vector<Mapping> read() const {
    std::ifstream stream(file_, std::ios::binary);
    if (!stream) fail("it cannot be opened");
    const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    json document;
    try {
      document = aws::parse_json(text);
    } catch (const aws::JsonError& error) {
      fail(error.what());
    }
    if (!document.is_object()) fail("it must hold a JSON object: {\"image name\": \"command\"}");
    std::vector<Mapping> mappings;
    for (const auto& [name, value] : document.items()) mappings.push_back(mapping(check_name(name), value));
    return mappings;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error("--images " + file_.string() + ": " + why);
  }

  std::string check_name(const std::string& name) const {
    const auto star = name.find('*');
    if (name.empty()) fail("an image without a name");
    if (star != std::string::npos && star + 1 != name.size())
      fail("\"" + name + "\": * may stand at the end only");
    return name;
  }

  Mapping mapping(const std::string& name, const json& value) const {
    if (!value.is_object()) return {name, command(name, value)};
    for (const auto& [key, ignored] : value.items()) {
      if (key != "command" && key != "network")
        fail("\"" + name + "\": \"" + key + "\" is not known, only \"command\" and \"network\" are");
    }
    if (!value.contains("command")) fail("\"" + name + "\": there is no \"command\"");
    Mapping mapping{name, command(name, value.at("command"))};
    if (!value.contains("network")) return mapping;
    const json& network = value.at("network");
    if (network != "private" && network != "host")
      fail("\"" + name + "\": the network must be \"private\" or \"host\"");
    mapping.network = network == "private" ? Network::own : Network::host;
    return mapping;
  }

  // A text is a program, or a program and its arguments with blanks between them.
  std::vector<std::string> command(const std::string& name, const json& value) const {
    std::vector<std::string> argv;
    if (value.is_string()) {
      const auto& text = value.get_ref<const std::string&>();
      if (program_fault(resolve(text)).empty()) {
        argv = {text};
      } else {
        std::istringstream words(text);
        argv.assign(std::istream_iterator<std::string>(words), {});
      }
    } else if (value.is_array()) {
      for (const json& word : value) {
        if (!word.is_string()) fail("\"" + name + "\": the command must hold texts only");
        argv.push_back(word.get<std::string>());
      }
    } else {
      fail("\"" + name + "\": the command must be a text or a list of texts");
    }
    if (argv.empty() || argv.front().empty()) fail("\"" + name + "\": the command is empty");
    argv.front() = resolve(argv.front()).string();
    if (argv.front().find('/') != std::string::npos) {
      if (const std::string fault = program_fault(argv.front()); !fault.empty())
        fail("\"" + name + "\": " + fault);
    }
    return argv;
  }

  // file:///path and paths relative to the mapping file; a name without a slash is looked up in PATH when it
  // is started.
  std::filesystem::path resolve(const std::string& program) const {
    if (program.starts_with(file_scheme)) {
      const auto path = path_of_file_url(program);
      if (!path) fail("\"" + program + "\" is not a file:///path URL");
      return *path;
    }
    if (program.find('/') == std::string::npos || program.starts_with('/')) return program;
    return (std::filesystem::absolute(file_).parent_path() / program).lexically_normal();
  }

  const std::filesystem::path& file_;
};

Catalog::Catalog(Options options) : options_(std::move(options)) {
  if (!options_.mapping_file.empty()) mappings_ = MappingReader(options_.mapping_file).read();
}

std::optional<Image> Catalog::resolve(std::string_view image) const {
  const std::string name(image);
  // What the user maps wins, the most exact first: the whole name, without registry, without tag, then the
  // longest pattern.
  const std::string_view unregistered = without_registry(image);
  for (const std::string_view wanted : {image, unregistered, without_tag(image), without_tag(unregistered)}) {
    for (const Mapping& mapping : mappings_) {
      if (mapping.name == wanted) return Image{name, mapping.command, {}, {}, mapping.network};
    }
  }
  const Mapping* best = nullptr;
  for (const Mapping& mapping : mappings_) {
    if (!mapping.name.ends_with('*') || (best != nullptr && mapping.name.size() <= best->name.size()))
      continue;
    const std::string_view prefix = std::string_view(mapping.name).substr(0, mapping.name.size() - 1);
    if (!image.starts_with(prefix) && !unregistered.starts_with(prefix)) continue;
    best = &mapping;
  }
  if (best != nullptr) return Image{name, best->command, {}, {}, best->network};

  if (image.starts_with(file_scheme)) {
    const auto program = path_of_file_url(image);
    if (!program || !program_fault(*program).empty()) return std::nullopt;
    return Image{name, {program->string()}, {}, {}, Network::automatic};
  }
  const std::string_view last = last_part(without_tag(image));
  if (last == cpp_name) return cpp_image(name);
  if (is_python_name(last)) return python_image(name);
  return std::nullopt;
}

std::optional<Image> Catalog::cpp_image(const std::string& name) const {
  const std::filesystem::path program = options_.programs / cpp_program;
  if (!program_fault(program).empty()) return std::nullopt;
  const std::filesystem::path cache = made(options_.cache / "cpp");
  Image image{name, {program.string()}, {{"SAGEMAKER_CPP_CACHE", cache.string()}}, {cache}};
  image.source_suffixes = {".cpp", ".cc", ".cxx"};
  return image;
}

std::optional<Image> Catalog::python_image(const std::string& name) const {
  const std::filesystem::path program = options_.programs / python_program;
  if (!program_fault(program).empty()) return std::nullopt;
  const std::filesystem::path cache = made(options_.cache / "python");
  const std::filesystem::path downloads = made(options_.cache / "pip");
  Image image{name,
              {program.string()},
              {{"SAGEMAKER_PYTHON_CACHE", cache.string()}, {"PIP_CACHE_DIR", downloads.string()}},
              {cache, downloads}};
  // Emulators of several builds share the cache.
  const std::filesystem::path linked = std::filesystem::absolute(program);
  const std::string build = aws::sha256_hex(linked.string()).substr(0, 16);
  image.commands = made_commands(options_.cache / "python-commands" / build, linked);
  auto& variables = image.environment;
  // What the handlers do that a script leaves out.
  for (const char* const framework : {"huggingface", "pytorch", "scikit-learn", "tensorflow"}) {
    if (last_part(without_tag(name)).find(framework) != std::string_view::npos)
      variables.emplace("SAGEMAKER_PYTHON_FRAMEWORK", framework);
  }
  add_pip_settings(variables);
  // For programs that call pip themselves, as the drivers of the SDK's version 3 do. In the sandbox it finds
  // the machine's packages read-only and installs into the container's home; without one it is told to.
  variables["PIP_BREAK_SYSTEM_PACKAGES"] = "1";
  if (!options_.isolated && !in_virtual_environment(options_.python)) variables["PIP_USER"] = "1";
  if (!options_.python.empty()) {
    variables["SAGEMAKER_PYTHON"] = options_.python.string();
    const char* path = std::getenv("PATH");
    variables["PATH"] =
        options_.python.parent_path().string() + (path && *path ? std::string(":") + path : "");
  }
  return image;
}

std::string Catalog::explain_unknown(std::string_view image) const {
  const std::string name(image);
  if (image.starts_with(file_scheme)) {
    const auto program = path_of_file_url(image);
    return "Image '" + name + "' cannot be used: " +
           (program ? program_fault(*program) : "the form is file:///absolute/path/of/program");
  }
  if (is_python_name(last_part(without_tag(image)))) {
    return "Image '" + name + "' is Python script mode, and its program " +
           (options_.programs / python_program).string() + " is missing beside sagemaker-local";
  }
  if (last_part(without_tag(image)) == cpp_name) {
    return "Image '" + name + "' is C++ script mode, and its program " +
           (options_.programs / cpp_program).string() +
           " is missing: build sagemaker-cpp where libtorch is installed";
  }
  return "Image '" + name +
         "' is not known to sagemaker-local: start it with --images FILE, where FILE holds " +
         aws::dump_json({{std::string(without_tag(without_registry(image))), "/path/to/program"}}) +
         ", or use file:///path/to/program as the image";
}

}  // namespace sagemaker::local::images
