// What stands in for container images: the name of an image as a request gives it -> the command that runs
// here.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sagemaker::local::images {

struct Image {
  std::string name;                                // as asked for
  std::vector<std::string> command;                // argv; "train" or "serve" is appended as docker run would
  std::map<std::string, std::string> environment;  // what the image itself sets (docker's ENV)
  std::vector<std::filesystem::path>
      writable;  // host folders that the image needs to write (its compile cache)
};

class Catalog {
 public:
  struct Options {
    std::filesystem::path programs;  // where the images' own programs lie: beside sagemaker-local
    // Compiled C++ entry points and installed Python packages, shared between emulators of one user.
    std::filesystem::path cache;
    // --images FILE: JSON {"name, name:tag or pattern*": "command" or ["argv"...]}
    std::filesystem::path mapping_file;
    std::filesystem::path python = {};  // --python FILE; empty: python3 on the PATH
    bool isolated = true;               // containers see the machine's own files read-only
  };
  explicit Catalog(Options options);  // throws std::runtime_error naming what is wrong in the mapping file

  // nullopt: nobody knows this image; `explain_unknown` then says how to map it.
  std::optional<Image> resolve(std::string_view image) const;
  std::string explain_unknown(std::string_view image) const;

 private:
  std::optional<Image> cpp_image(const std::string& name) const;
  std::optional<Image> python_image(const std::string& name) const;

  Options options_;
  std::vector<std::pair<std::string, std::vector<std::string>>> mappings_;
};

}  // namespace sagemaker::local::images
