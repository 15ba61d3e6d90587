// Where the user's code comes from and how it gets into /opt/ml/code: the rules of the SageMaker training and
// inference toolkits.
#pragma once

#include <filesystem>
#include <string>

#include <sagemaker/container/environment.hpp>

namespace sagemaker::local::images {

struct Source {
  std::filesystem::path directory;  // what sourcedir.tar.gz held
  std::string program;              // entry point, relative to it
};

// What differs between the images.
struct ScriptImage {
  std::string name;           // "sagemaker-cpp"
  std::string train_program;  // the entry point where none is named; empty: one must be named
  std::string serve_program;
  std::string project_file;  // where the folder holds it, the entry point need not be a file
};

// For "train": the variable SAGEMAKER_PROGRAM, else the hyperparameter sagemaker_program, and the
// hyperparameter sagemaker_submit_directory, else the variable SAGEMAKER_SUBMIT_DIRECTORY. For "serve": the
// variables, else /opt/ml/model/code. The submit directory is an s3:// URI or an https address of S3, or the
// local path of an archive, a file or a folder; an /opt/ml/code that holds something already is used as it
// is. Throws std::runtime_error naming what is missing and what is there.
Source locate_source(const std::string& command, const container::TrainingEnvironment& env,
                     const container::Variables& variables, const ScriptImage& image);

// Whether "serve" has a saved torch model and no code to load it with: *.pt or *.pth is in /opt/ml/model, no
// variable names a program or a submit directory, and neither /opt/ml/code nor /opt/ml/model/code holds
// anything.
bool is_model_without_code(const container::ServingEnvironment& env, const container::Variables& variables);

// s3://bucket/key of an address of S3, path style or virtual host, of AWS or of `endpoint`; empty where it is
// none.
std::string s3_uri_of_url(const std::string& url, const std::string& endpoint);

// Throws std::runtime_error naming the member that cannot be unpacked. Nothing leaves `directory`.
void unpack(const std::filesystem::path& archive, const std::filesystem::path& directory);

}  // namespace sagemaker::local::images
