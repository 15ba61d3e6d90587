// The files of a model on this machine. They are kept for as long as the endpoint lives: an instance can be
// restarted after the objects were deleted, as on AWS, where the instance has them.
#pragma once

#include <filesystem>
#include <string>

#include <sagemaker/aws/json.hpp>

#include "emulator/store/objects.hpp"

namespace sagemaker::local::services::hosting {

// Where the definition's model lies: ModelDataUrl, or the URI of ModelDataSource; empty: it has none.
std::string model_uri(const json& container_definition);

// The second name of an object's bytes: `target` is a hard link to them, or a copy on another file system.
void keep_object(const store::Objects& objects, const store::ObjectInfo& info,
                 const std::filesystem::path& target);

// An archive, a folder, or an empty path where the container has no model. `folder` tells what was kept there
// before: files are complete when they have their name, and are used again. Throws std::runtime_error where
// there is nothing at the URI.
std::filesystem::path keep_model(const store::Objects& objects, const json& container_definition,
                                 const std::filesystem::path& folder);

}  // namespace sagemaker::local::services::hosting
