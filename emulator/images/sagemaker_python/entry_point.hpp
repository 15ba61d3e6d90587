// What the user's entry point is, and how it is started: the rules of AWS's training toolkit
// (sagemaker-training-toolkit: _entry_point_type.py, process.py).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "emulator/images/script/source.hpp"

namespace sagemaker::local::images {

enum class EntryKind {
  command,  // *.sh, or neither *.py nor in a package: any executable, started by a shell
  package,  // a folder with setup.py: installed, and run as a module
  script    // *.py
};

EntryKind kind_of(const Source& source);

// Throws std::runtime_error where the name could be taken for an option, or leads out of the folder.
void check_entry_point(const std::string& program);

// How one process of it is started. Makes the file of a command executable.
std::vector<std::string> command_of(const Source& source, EntryKind kind, const std::filesystem::path& python,
                                    const std::vector<std::string>& arguments);

// For messages: the words with blanks between them.
std::string joined(const std::vector<std::string>& words);

}  // namespace sagemaker::local::images
