// What a requirements.txt asks for, as far as a cache of installed packages has to know.
#pragma once

#include <filesystem>
#include <string>

namespace sagemaker::local::images {

struct Requirements {
  std::string text;       // of the file and of all files that it includes (-r, -c)
  bool local = false;     // names files or folders of this machine, whose content may change
  bool editable = false;  // names a source folder that is used in place (-e)
};

// Files that are missing are left to pip, which names them.
Requirements read_requirements(const std::filesystem::path& file);

}  // namespace sagemaker::local::images
