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

// On which network a container of the image serves. automatic: on the machine's, or on one of its own once
// its program turns out to listen on port 8080 whatever it is told.
enum class Network { automatic, host, own };

struct Image {
  std::string name;                                // as asked for
  std::vector<std::string> command;                // argv; "train" or "serve" is appended as docker run would
  std::map<std::string, std::string> environment;  // what the image itself sets (docker's ENV)
  std::vector<std::filesystem::path>
      writable;  // host folders that the image needs to write (its compile cache)
  Network network = Network::host;
  // Source files that the image's program runs, by the end of their names: a file of them may be the entry
  // point of a processing job, as if it were executable.
  std::vector<std::string> source_suffixes = {};
  // The folder with the image's own commands, which the entry points of processing jobs find first on their
  // PATH; empty: those of this machine will do.
  std::filesystem::path commands = {};

  bool runs(std::string_view file) const;
};

class Catalog {
 public:
  struct Options {
    std::filesystem::path programs;  // where the images' own programs lie: beside sagemaker-local
    // Compiled C++ entry points and installed Python packages, shared between emulators of one user.
    std::filesystem::path cache;
    // --images FILE: JSON {"name, name:tag or pattern*": command}, where a command is "program arguments",
    // ["argv"...] or {"command": either of them, "network": "private" or "host"}
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
  struct Mapping {
    std::string name;
    std::vector<std::string> command;
    Network network = Network::automatic;
  };
  class MappingReader;
  std::vector<Mapping> mappings_;
};

}  // namespace sagemaker::local::images
