// Why a script that is there cannot be started. execve says only "No such file or directory", of the
// interpreter.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace sagemaker::local::images {

// The first executable file of that name in the folders of `search_path` (as PATH has them), or the name
// itself where it has a slash and can be executed. Empty where there is none.
std::filesystem::path find_executable(const std::string& name, std::string_view search_path);

// What is wrong with the interpreter that the first line of `program` names ("#!/usr/bin/env python3"): a
// sentence part for "cannot execute 'program': ...". Empty where nothing is, or where the file is no script.
std::string interpreter_fault(const std::filesystem::path& program, std::string_view search_path);

}  // namespace sagemaker::local::images
