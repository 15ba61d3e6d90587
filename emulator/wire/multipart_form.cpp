// See multipart_form.hpp. The buffer never holds more than the fields may, or a delimiter that is cut in two.
#include "emulator/wire/multipart_form.hpp"

#include <algorithm>

#include <sagemaker/aws/headers.hpp>

namespace sagemaker::local::wire {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::size_t boundary_length_max = 200;  // RFC 2046 allows 70

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The value of a parameter such as name="a \" quoted one" or boundary=plain; nullopt: it is not there.
std::optional<std::string> parameter(std::string_view header, std::string_view wanted) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos) {
    header.remove_prefix(at + 1);
    const std::size_t equals = header.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const bool found = aws::iequals(trim(header.substr(0, equals)), wanted);
    header.remove_prefix(equals + 1);
    while (!header.empty() && header.front() == ' ') header.remove_prefix(1);
    std::string value;
    if (header.starts_with('"')) {
      std::size_t i = 1;
      // Browsers escape nothing but the quote; a backslash is part of a Windows path.
      while (i < header.size() && header[i] != '"') {
        if (header[i] == '\\' && i + 1 < header.size() && header[i + 1] == '"') ++i;
        value += header[i++];
      }
      if (i == header.size()) return std::nullopt;
      header.remove_prefix(i + 1);
      at = header.find(';');
    } else {
      at = header.find(';');
      value = trim(header.substr(0, at));
    }
    if (found) return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> form_boundary(std::string_view content_type) {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  if (!aws::iequals(type, "multipart/form-data")) return std::nullopt;
  std::optional<std::string> boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > boundary_length_max) return std::nullopt;
  return boundary;
}

FormReader::FormReader(const std::string& boundary, const FormLimits& limits)
    : limits_(limits),
      delimiter_("\r\n--" + boundary),
      buffer_(line_end) {}  // the first delimiter may begin the body

bool FormReader::push_fields(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::file && state_ != State::epilogue) {
    // In portions, so that a large piece is not copied beyond the beginning of the file for nothing.
    const std::size_t count = std::min<std::size_t>(bytes.size(), limits_.part_header_bytes_max);
    buffer_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    while (step()) {
    }
    if (fields_bytes_ + buffer_.size() > limits_.fields_bytes_max + limits_.part_header_bytes_max &&
        state_ != State::file) {
      throw FormError{true};
    }
  }
  if (state_ == State::file) buffer_.append(bytes);
  return state_ == State::file;
}

void FormReader::push_file(std::string_view bytes, const Sink& sink) {
  if (state_ != State::file) return;
  // Most pieces hold no delimiter: only what could be the beginning of one is kept back.
  buffer_.append(bytes);
  const std::size_t end = buffer_.find(delimiter_);
  if (end != std::string::npos) {
    if (end > 0) sink(std::string_view(buffer_).substr(0, end));
    buffer_.clear();
    state_ = State::epilogue;
    return;
  }
  if (buffer_.size() < delimiter_.size()) return;
  std::size_t sure = buffer_.size() - (delimiter_.size() - 1);
  // Without a CR in the tail nothing of it can begin a delimiter.
  if (buffer_.find('\r', sure) == std::string::npos) sure = buffer_.size();
  sink(std::string_view(buffer_).substr(0, sure));
  buffer_.erase(0, sure);
}

bool FormReader::step() {
  switch (state_) {
    case State::preamble:
      return take_preamble();
    case State::after_boundary:
      return take_boundary_end();
    case State::part_header:
      return take_part_header();
    case State::field:
      return take_field();
    case State::file:
    case State::epilogue:
      break;
  }
  return false;
}

bool FormReader::take_preamble() {
  const std::size_t at = buffer_.find(delimiter_);
  if (at == std::string::npos) return false;
  buffer_.erase(0, at + delimiter_.size());
  state_ = State::after_boundary;
  return true;
}

// "--" ends the form; otherwise a line end, perhaps behind blanks, begins a part.
bool FormReader::take_boundary_end() {
  const std::size_t end = buffer_.find(line_end);
  if (buffer_.starts_with("--")) {
    state_ = State::epilogue;
    return false;
  }
  if (end == std::string::npos) return false;
  if (!trim(std::string_view(buffer_).substr(0, end)).empty()) throw FormError{};
  buffer_.erase(0, end + line_end.size());
  state_ = State::part_header;
  return true;
}

bool FormReader::take_part_header() {
  const std::size_t end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (buffer_.size() > limits_.part_header_bytes_max) throw FormError{};
    return false;
  }
  const std::string header = buffer_.substr(0, end);
  fields_bytes_ += header.size();
  begin_part(header);
  // The line end before the content stays for a field: it may be the first half of the next delimiter.
  buffer_.erase(0, end + (state_ == State::file ? 4 : 2));
  return true;
}

void FormReader::begin_part(std::string_view header) {
  std::optional<std::string> name;
  std::optional<std::string> file_name;
  while (!header.empty()) {
    const std::size_t end = header.find(line_end);
    const std::string_view line = header.substr(0, end);
    header = end == std::string_view::npos ? std::string_view() : header.substr(end + line_end.size());
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) throw FormError{};
    if (!aws::iequals(trim(line.substr(0, colon)), "Content-Disposition")) continue;
    name = parameter(line, "name");
    file_name = parameter(line, "filename");
  }
  if (!name) throw FormError{};
  if (aws::iequals(*name, "file")) {
    has_file_ = true;
    file_name_ = file_name.value_or("");
    state_ = State::file;
    return;
  }
  fields_.push_back({*name, ""});
  state_ = State::field;
}

bool FormReader::take_field() {
  const std::size_t end = buffer_.find(delimiter_);
  if (end == std::string::npos) return false;
  fields_.back().value = buffer_.substr(line_end.size(), end < line_end.size() ? 0 : end - line_end.size());
  fields_bytes_ += fields_.back().value.size();
  if (fields_bytes_ > limits_.fields_bytes_max) throw FormError{true};
  buffer_.erase(0, end + delimiter_.size());
  state_ = State::after_boundary;
  return true;
}

}  // namespace sagemaker::local::wire
