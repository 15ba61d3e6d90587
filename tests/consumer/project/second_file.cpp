// A second file with the same headers: whatever is not inline in them would be defined twice.
#include <sagemaker/sagemaker.hpp>

std::string name_in_the_second_file(const sagemaker::Session& session) { return session.default_bucket(); }
