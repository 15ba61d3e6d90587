// See failure.hpp.
#include "emulator/images/script/failure.hpp"

#include <fstream>
#include <system_error>

namespace sagemaker::local::images {

std::string failure_text(const FailedCommand& failed) {
  std::string text = failed.error + ":\nExitCode " + std::to_string(failed.exit_code) + "\nErrorMessage \"" +
                     failed.message + "\"\n";
  if (!failed.extra_info.empty()) text += "ExtraInfo \"" + failed.extra_info + "\"\n";
  return text + "Command \"" + failed.command + "\"";
}

void write_failure(const std::filesystem::path& output_dir, const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(output_dir, error);
  if (std::filesystem::exists(output_dir / "failure", error)) return;
  std::ofstream(output_dir / "failure", std::ios::binary) << text;
}

void write_success(const std::filesystem::path& output_dir) {
  std::error_code error;
  std::filesystem::create_directories(output_dir, error);
  std::ofstream(output_dir / "success", std::ios::binary);
}

}  // namespace sagemaker::local::images
