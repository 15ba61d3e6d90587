// The commands python, python3, pip and pip3 of a container: AWS's images have all of them, this machine may
// call its own otherwise, or have starters for them that do not work in a container (pyenv's pip wants to
// write beside itself). Links of these names to sagemaker-python-image lie in images::Image::commands.
#pragma once

#include <string>
#include <vector>

namespace sagemaker::local::images {

bool is_python_command(const std::string& name);

// Becomes the Python that find_python() knows, with `arguments`, or its pip. Returns, with the status to exit
// with, only where there is none.
int become_python_command(const std::string& name, std::vector<std::string> arguments);

}  // namespace sagemaker::local::images
