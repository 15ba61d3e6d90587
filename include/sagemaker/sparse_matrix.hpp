// Matrices with few numbers that are not zero, in the file that SciPy writes (scipy.sparse.save_npz, content
// type application/x-npz): a ZIP archive of NumPy arrays. The SageMaker Python SDK's SparseMatrixSerializer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include <sagemaker/aws/errors.hpp>
#include <sagemaker/npy.hpp>
#include <sagemaker/serializers.hpp>

namespace sagemaker {

// Compressed rows (CSR): row r holds values[indptr[r]] to values[indptr[r + 1] - 1], in the columns that
// `indices` names.
struct SparseMatrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<std::int32_t> indptr = {0};  // rows + 1
  std::vector<std::int32_t> indices = {};
  std::vector<double> values = {};

  // Appends a row of all columns. Throws SerializationError where it is not as long as the others.
  void append_row(const std::vector<double>& row) {
    if (rows == 0) columns = row.size();
    if (row.size() != columns) throw SerializationError("The rows of a sparse matrix are not equally long");
    for (std::size_t column = 0; column < row.size(); ++column) {
      if (row[column] == 0) continue;
      indices.push_back(static_cast<std::int32_t>(column));
      values.push_back(row[column]);
    }
    indptr.push_back(static_cast<std::int32_t>(values.size()));
    ++rows;
  }

  // The .npz file, with float64 values. Throws SerializationError where the parts do not fit together.
  std::string encode() const;

  bool operator==(const SparseMatrix&) const = default;
};

namespace detail {

struct ZipWriterDeleter {
  void operator()(archive* writer) const { archive_write_free(writer); }
};

// A ZIP archive of files in memory, without their times.
inline std::string zip(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string bytes;
  const std::unique_ptr<archive, ZipWriterDeleter> owner(archive_write_new());
  archive* const writer = owner.get();
  const auto check = [&](bool fine) {
    if (fine) return;
    const char* reason = archive_error_string(writer);
    throw SerializationError("A ZIP archive cannot be written: " +
                             std::string(reason != nullptr ? reason : "unknown reason"));
  };
  const auto append = [](archive*, void* target, const void* data, std::size_t size) -> la_ssize_t {
    static_cast<std::string*>(target)->append(static_cast<const char*>(data), size);
    return static_cast<la_ssize_t>(size);
  };
  check(archive_write_set_format_zip(writer) == ARCHIVE_OK);
  check(archive_write_set_bytes_in_last_block(writer, 1) == ARCHIVE_OK);
  check(archive_write_open(writer, &bytes, nullptr, append, nullptr) == ARCHIVE_OK);
  for (const auto& [name, content] : files) {
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    const int code = archive_write_header(writer, entry);
    archive_entry_free(entry);
    check(code == ARCHIVE_OK);
    check(archive_write_data(writer, content.data(), content.size()) ==
          static_cast<la_ssize_t>(content.size()));
  }
  check(archive_write_close(writer) == ARCHIVE_OK);
  return bytes;
}

// SciPy's name of the layout: a NumPy array of one text of three bytes, which NpyArray has no type for.
inline std::string npy_of_csr() {
  std::string header = "{'descr': '|S3', 'fortran_order': False, 'shape': (), }";
  header.resize(128 - 10 - 1, ' ');  // numbers begin at a multiple of 64
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header + "csr";
}

inline std::string to_npz(const json& data) {
  if (!data.is_array()) throw SerializationError("NPZ: the data must be an array of rows of numbers");
  SparseMatrix matrix;
  for (const json& row : data) {
    std::vector<std::size_t> shape;
    std::vector<double> values;
    flatten(row, 0, shape, values);
    if (shape.size() != 1) throw SerializationError("NPZ: the data must be an array of rows of numbers");
    matrix.append_row(values);
  }
  return matrix.encode();
}

}  // namespace detail

inline std::string SparseMatrix::encode() const {
  if (indptr.size() != rows + 1 || indices.size() != values.size() || indptr.front() != 0 ||
      static_cast<std::size_t>(indptr.back()) != values.size())
    throw SerializationError("The parts of a sparse matrix do not fit together");
  const std::vector<std::int64_t> shape{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)};
  return detail::zip({{"indices.npy", NpyArray(indices, {indices.size()}).encode()},
                      {"indptr.npy", NpyArray(indptr, {indptr.size()}).encode()},
                      {"format.npy", detail::npy_of_csr()},
                      {"shape.npy", NpyArray(shape, {2}).encode()},
                      {"data.npy", NpyArray(values, {values.size()}).encode()}});
}

// Rows of numbers, most of them zero. A SparseMatrix itself goes to Predictor::predict as it is.
struct SparseMatrixSerializer : Serializer {
  SparseMatrixSerializer() : Serializer{"application/x-npz", detail::to_npz} {}
};

}  // namespace sagemaker
