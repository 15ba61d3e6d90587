// See failure.hpp.
#include "emulator/images/script/failure.hpp"

#include <fstream>
#include <system_error>

namespace sagemaker::local::images {
namespace {

void write_new(const std::filesystem::path& output_dir, const char* name, const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(output_dir, error);
  if (std::filesystem::exists(output_dir / name, error)) return;
  std::ofstream(output_dir / name, std::ios::binary) << text;
}

}  // namespace

std::string failure_text(const FailedCommand& failed) {
  std::string text = failed.error + ":\nExitCode " + std::to_string(failed.exit_code) + "\nErrorMessage \"" +
                     failed.message + "\"\n";
  if (!failed.extra_info.empty()) text += "ExtraInfo \"" + failed.extra_info + "\"\n";
  return text + "Command \"" + failed.command + "\"";
}

void write_failure(const std::filesystem::path& output_dir, const std::string& text) {
  write_new(output_dir, "failure", text);
}

void write_message(const std::filesystem::path& output_dir, const std::string& text) {
  write_new(output_dir, "message", text);
}

void write_success(const std::filesystem::path& output_dir) {
  std::error_code error;
  std::filesystem::create_directories(output_dir, error);
  std::ofstream(output_dir / "success", std::ios::binary);
}

}  // namespace sagemaker::local::images
