// The files of the user's source folder: which of them belong into the program.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "emulator/images/script/source.hpp"

namespace sagemaker::local::images {

// The entry point first, then the other .cpp, .cc and .cxx files without a main function, relative to the
// folder. Hidden files and folders are left out.
std::vector<std::filesystem::path> translation_units(const Source& source);

// Whether any file includes libtorch or the toolkit, so that the precompiled header of them saves time.
bool includes_torch(const Source& source);

// Whether the text of a C++ file defines main, comments and texts left aside.
bool defines_main(const std::string& text);

}  // namespace sagemaker::local::images
