// Bytes of a request to a tensor, and a tensor to the bytes of an answer: what the default input_fn and
// output_fn of the SageMaker PyTorch inference toolkit read and write, and the formats of AWS's built-in
// algorithms. Shapes: what can hold a shape keeps it (JSON, NPY, tensor/pt); where a line or a record is a
// row, the result is [rows, columns]. Text, records and sparse matrices become float32; NPY, NPZ and
// tensor/pt keep their type. Tensors are on the CPU.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <torch/torch.h>

#include <sagemaker/container/linkage.hpp>
#include <sagemaker/container/request_error.hpp>

namespace sagemaker::container {

struct Output {
  std::string body;
  std::string content_type;
};

// By the content type; empty means JSON. Throws RequestError 415 for a type that is none of these, or for a
// charset other than UTF-8 and its subsets, 400 for content that is not valid.
//   application/json, application/jsonlines
//   text/csv; label_size=N               the first N columns are labels, which are dropped (default 0)
//   text/libsvm; feature_dim=N           N columns; without it as many as the highest index needs
//   application/x-recordio-protobuf; feature_dim=N
//   application/x-npy, application/x-npz
//   tensor/pt                            of torch.save, or NumPy's format
//   image/png, image/jpeg, application/x-image; channels=1 or 3
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode(std::string_view body, std::string_view content_type);

// In the media type that the Accept header wants most: by quality (q=), then by order. "*/*", another
// wildcard and no header at all mean `default_accept` where it fits, else JSON. Can be written:
// application/json, application/jsonlines, text/csv, application/x-npy, application/x-recordio-protobuf and
// tensor/pt (NumPy's format, as the SageMaker Python SDK reads it). Throws RequestError 406 where none is
// acceptable, or where the shape does not fit (CSV has one or two dimensions).
SAGEMAKER_CONTAINER_FUNCTION Output encode(const torch::Tensor& prediction, std::string_view accept,
                                           const std::string& default_accept = "application/json");

// A bare array, nested to any depth, a single number, or an object with it: {"instances": ...}, {"inputs":
// ...}, {"data": ...}, {"features": ...} or {"values": ...}, also inside the array: {"instances":
// [{"features": [1, 2]}]}. NaN, Infinity and -Infinity are read and written, as Python's json does.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_json(std::string_view body);
SAGEMAKER_CONTAINER_FUNCTION std::string encode_json(const torch::Tensor& tensor);

// One JSON value a line; lines become rows. A tensor of one dimension is written one number a line.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_jsonlines(std::string_view body);
SAGEMAKER_CONTAINER_FUNCTION std::string encode_jsonlines(const torch::Tensor& tensor);

// One row a line; an empty field is NaN, as numpy.genfromtxt reads it.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_csv(std::string_view body, std::int64_t label_size = 0);
SAGEMAKER_CONTAINER_FUNCTION std::string encode_csv(const torch::Tensor& tensor);

// NumPy's file format, versions 1 to 3, both byte orders and both memory orders; bool, integers, float16 to
// float64.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_npy(std::string_view body);
SAGEMAKER_CONTAINER_FUNCTION std::string encode_npy(const torch::Tensor& tensor);

// One array of numpy.savez or savez_compressed, or a sparse matrix of scipy.sparse.save_npz (csr, csc, coo,
// bsr, dia), which becomes dense.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_npz(std::string_view body);

// "[label] index:value ..." a line, indices from 0, as SageMaker's XGBoost reads it; the label is dropped.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_libsvm(std::string_view body, std::int64_t feature_dim = 0);

// Records of AWS's built-in algorithms: the feature "values" of each, dense or sparse. Written is a record a
// row whose label "score" holds the row as a Float32Tensor.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_recordio(std::string_view body,
                                                           std::int64_t feature_dim = 0);
SAGEMAKER_CONTAINER_FUNCTION std::string encode_recordio(const torch::Tensor& tensor);

// What torch.save(tensor) and torch::pickle_save write, and what torch.load reads: one dense tensor of bool,
// integers, float16 to float64 or bfloat16.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_torch(std::string_view body);
SAGEMAKER_CONTAINER_FUNCTION std::string encode_torch(const torch::Tensor& tensor);

// PNG or JPEG as torchvision's ToTensor gives it, with a batch of one around: [1, channels, height, width],
// float32 from 0 to 1. Grey pictures have one channel and all others three (RGB), unless `channels` says 1 or
// 3; transparency is dropped, 16 bits become 8, EXIF orientation is left alone. At most 8192 pixels in each
// direction and 256 MB of tensor (22 million pixels in colour). Throws RequestError 415 where the program was
// compiled without stb_image.
SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_image(std::string_view body, int channels = 0);

}  // namespace sagemaker::container

#if !defined(SAGEMAKER_CONTAINER_COMPILED)
#include <sagemaker/container/detail/codecs.hpp>
#endif
