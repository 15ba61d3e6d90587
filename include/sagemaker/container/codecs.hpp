// Bytes of a request to a tensor, and a tensor to the bytes of an answer: application/json, text/csv and
// application/x-npy, as the default input_fn and output_fn of the SageMaker PyTorch inference toolkit do it.
// Shapes: JSON and NPY keep the shape that was sent; a line of CSV is always a row, so CSV gives [lines,
// columns]. JSON and CSV become float32, NPY keeps its type.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include <torch/torch.h>

#include <sagemaker/container/linkage.hpp>

namespace sagemaker::container {

// What a request did wrong, with the HTTP status that says so: 400 bad content, 406 cannot be accepted, 413
// too large, 415 unknown content type. Hooks may throw it with any 4xx or 5xx. Every other exception becomes
// 500.
class RequestError : public std::runtime_error {
 public:
  RequestError(int status, const std::string& message) : std::runtime_error(message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

struct Output {
  std::string body;
  std::string content_type;
};

// Throws RequestError 415 for a content type that is none of the three (empty: JSON), 400 for content that is
// not valid.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode(std::string_view body, std::string_view content_type);

// In the first media type of an Accept header that is supported; "*/*" and nothing mean `default_accept`.
// Throws RequestError 406 where none is, or where the shape does not fit (CSV has one or two dimensions).
SAGEMAKER_CONTAINER_FUNCTION Output encode(const torch::Tensor& prediction, std::string_view accept,
                                           const std::string& default_accept = "application/json");

// {"instances": [...]}, {"inputs": [...]} or the bare array, nested to any depth; also a single number. NaN,
// Infinity and -Infinity are read and written, as Python's json does.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_json(std::string_view body);
SAGEMAKER_CONTAINER_FUNCTION std::string encode_json(const torch::Tensor& tensor);

// One row a line; an empty field is NaN, as numpy.genfromtxt reads it.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_csv(std::string_view body);
SAGEMAKER_CONTAINER_FUNCTION std::string encode_csv(const torch::Tensor& tensor);

// NumPy's file format, versions 1 to 3, both byte orders and both memory orders; bool, integers, float16 to
// float64.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_npy(std::string_view body);
SAGEMAKER_CONTAINER_FUNCTION std::string encode_npy(const torch::Tensor& tensor);

}  // namespace sagemaker::container

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/codecs.hpp>
#include <sagemaker/container/detail/json_codec.hpp>
#include <sagemaker/container/detail/npy_codec.hpp>
#endif
