// The folders of one host of a job on this machine: made before the container starts, read after it
// has ended. The job owned them in between, so reading follows no link that it may have left.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <sagemaker/aws/json.hpp>

#include "emulator/runner/unique_fd.hpp"

namespace sagemaker::local::runner {

// root/ml with all folders that a job of that kind may count on. What was there before is removed.
void make_training_tree(const std::filesystem::path& root);
void make_processing_tree(const std::filesystem::path& root);

void write_json_file(const std::filesystem::path& file, const json& value);

// The bytes of a file into another one: shared with it where the file system can do that, else copied inside
// the kernel. `target` names it in a std::system_error. False where `stopped` said so meanwhile.
bool copy_bytes(int from, int to, const std::filesystem::path& target,
                const std::function<bool()>& stopped = {});

// `relative` as a path that stays below its folder, or std::runtime_error.
std::filesystem::path checked_relative(const std::string& relative);

// A channel's folder while it is filled.
class InputFolder {
 public:
  explicit InputFolder(std::filesystem::path directory) : directory_(std::move(directory)) {}
  // The next input goes to `relative`, or std::runtime_error where that would lead out. Makes the folders on
  // the way. False for a name that ends in '/': it is a folder only.
  bool place(const std::string& relative);
  // The bytes of an open file. False where `stopped` said so meanwhile; the input is incomplete then.
  bool copy(const UniqueFd& from, const std::function<bool()>& stopped = {}) const;
  // A second name for a file; false where that is not possible.
  bool link(const std::filesystem::path& source) const;

 private:
  UniqueFd create() const;

  std::filesystem::path directory_, path_;
  std::string relative_, made_;  // made_: the parent that is known to be there
};

// root/relative where every component is a real folder; nullopt otherwise.
std::optional<std::filesystem::path> real_folder(const std::filesystem::path& root,
                                                 const std::filesystem::path& relative);

// The beginning of root/ml/output/`name` ("failure", "message"), at most output_bytes_max; empty where there
// is no such file.
inline constexpr std::size_t output_bytes_max = 8192;  // more than any text of AWS holds in any encoding
std::string read_output(const std::filesystem::path& root, const char* name);

// Lets the owner of a tree remove it, whatever permissions its folders were given. What fails stays.
void make_removable(const std::filesystem::path& folder) noexcept;

// Moves the contents of `from` into `to` (made where missing); what has the same name there is replaced.
void merge_folder(const std::filesystem::path& from, const std::filesystem::path& to);

// At most `chars_max` characters of valid UTF-8: bytes that are none become '?', white space at the end goes.
std::string clean_text(std::string_view text, std::size_t chars_max);

}  // namespace sagemaker::local::runner
