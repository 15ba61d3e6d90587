// multipart/form-data (RFC 7578) as it arrives: fields are collected, the content of the file is handed on
// piece by piece and never kept. What follows the file is skipped, as S3 does.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sagemaker::local::wire {

// The boundary in a Content-Type header; nullopt where it is no multipart/form-data or has none.
std::optional<std::string> form_boundary(std::string_view content_type);

struct FormField {
  std::string name;  // as sent
  std::string value;
};

struct FormLimits {
  std::size_t fields_bytes_max = 20 * 1024;  // everything before the file, which is S3's own limit
  std::size_t part_header_bytes_max = 8 * 1024;
};

// Not a well-formed form, or one that is too large: `too_large` tells which.
struct FormError {
  bool too_large = false;
};

class FormReader {
 public:
  using Sink = std::function<void(std::string_view)>;

  FormReader(const std::string& boundary, const FormLimits& limits);

  // Takes bytes until the file begins; true: it has begun, and what came behind is kept for the first
  // file_bytes(). Throws FormError.
  bool push_fields(std::string_view bytes);
  // Takes bytes of the file and hands on what is surely its content. Throws FormError.
  void push_file(std::string_view bytes, const Sink& sink);
  // The boundary behind the file was seen.
  bool complete() const { return state_ == State::epilogue; }

  const std::vector<FormField>& fields() const { return fields_; }
  bool has_file() const { return has_file_; }
  const std::string& file_name() const { return file_name_; }

 private:
  enum class State { preamble, after_boundary, part_header, field, file, epilogue };

  bool step();  // false: more bytes are needed
  bool take_preamble();
  bool take_boundary_end();
  bool take_part_header();
  bool take_field();
  void begin_part(std::string_view header);

  const FormLimits limits_;
  const std::string delimiter_;  // CR LF -- boundary
  State state_ = State::preamble;
  std::string buffer_;
  std::size_t fields_bytes_ = 0;
  std::vector<FormField> fields_;
  bool has_file_ = false;
  std::string file_name_;
};

}  // namespace sagemaker::local::wire
