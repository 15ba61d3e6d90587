// Serves a PyTorch model with a Python script in AWS's containers: the SageMaker Python SDK's PyTorchModel.
//   sm::PyTorchModel model{session, {.model_data = "s3://bucket/model.tar.gz", .entry_point = "inference.py",
//                                    .framework_version = "2.4", .py_version = "py311"}};
//   sm::NpyArray scores = model.deploy({.instance_type = "ml.m5.large"}).predict(rows);
#pragma once

#include <optional>
#include <utility>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/model.hpp>
#include <sagemaker/serializers.hpp>

namespace sagemaker {

class PyTorchModel : public Model {
 public:
  // Options of its own: framework_version and py_version (or image_uri), and model_server_workers. The script
  // is packed into the model's archive, in its folder code/, when the model is created. The predictor speaks
  // NumPy's format unless told otherwise. Unlike in the SDK a model without a script has no empty
  // SAGEMAKER_PROGRAM. Throws ConfigError for what no image is known for; nothing is sent.
  PyTorchModel(Session session, ModelOptions options)
      : Model(std::move(session), checked(std::move(options)),
              detail::FrameworkTraits{"pytorch", NumpySerializer{}, NumpyDeserializer{}}) {}

 private:
  static ModelOptions checked(ModelOptions options) {
    if (options.image_uri.empty() && (options.framework_version.empty() || options.py_version.empty())) {
      throw ConfigError(
          "framework_version or py_version is missing, yet image_uri also is. Either specify both "
          "framework_version and py_version, or specify image_uri.");
    }
    return options;
  }
};

}  // namespace sagemaker
