// The AWS config and credentials files: ~/.aws/config with [default], [profile NAME], [services NAME] and
// [sso-session NAME], and ~/.aws/credentials with [NAME]. The rules are those of botocore (configloader.py on
// Python's configparser): keys without case, '=' or ':' behind a key, whole-line comments with '#' or ';',
// values that continue on deeper lines, and one level of nesting where a key has only deeper lines.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/aws/environment.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/headers.hpp>

namespace sagemaker::aws {

// One section: plain values, and nested ones such as `s3 =` with deeper lines `addressing_style = path`.
struct ProfileSection {
  std::map<std::string, std::string> values;
  std::map<std::string, std::map<std::string, std::string>> nested;

  std::optional<std::string> get(const std::string& key) const {
    const auto found = values.find(key);
    if (found == values.end() || found->second.empty()) return std::nullopt;
    return found->second;
  }
  std::optional<std::string> get_nested(const std::string& group, const std::string& key) const {
    const auto found = nested.find(group);
    if (found == nested.end()) return std::nullopt;
    const auto value = found->second.find(key);
    if (value == found->second.end() || value->second.empty()) return std::nullopt;
    return value->second;
  }
};

namespace detail {

inline std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\f\v");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n\f\v") - first + 1);
}

inline bool is_utf8(std::string_view text) {
  std::size_t following = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (following > 0) {
      if ((byte & 0xc0) != 0x80) return false;
      --following;
    } else if (byte >= 0x80) {
      following = byte >= 0xf0 && byte < 0xf5   ? 3
                  : byte >= 0xe0 && byte < 0xf0 ? 2
                  : byte >= 0xc2 && byte < 0xe0 ? 1
                                                : 0;
      if (following == 0) return false;
    }
  }
  return following == 0;
}

using IniSections = std::map<std::string, ProfileSection>;

// Reads one file. Section names are kept as written between the brackets.
class IniReader {
 public:
  IniReader(std::string_view text, const std::string& path) : text_(text), path_(path) {}

  IniSections read() {
    if (!is_utf8(text_)) fail("it is not UTF-8 text");
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
    while (!text_.empty()) {
      const std::size_t end = text_.find('\n');
      const std::string_view line = text_.substr(0, end);
      text_ = end == std::string_view::npos ? std::string_view() : text_.substr(end + 1);
      ++line_number_;
      read_line(line);
    }
    finish_key();
    return std::move(sections_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw ConfigError("Unable to parse config file: " + path_ + " (" + why + ")");
  }
  [[noreturn]] void fail_here(const std::string& why) const {
    fail("line " + std::to_string(line_number_) + ": " + why);
  }

  void read_line(std::string_view line) {
    const std::string_view content = trim(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') return;
    const std::size_t indent = line.find_first_not_of(" \t");
    if (section_ && !key_.empty() && indent > key_indent_) {
      deeper_lines_.emplace_back(content);
      return;
    }
    finish_key();
    if (content.front() == '[') {
      const std::size_t close = content.rfind(']');
      if (close == std::string_view::npos) fail_here("the section name is not closed with ']'");
      const std::string name(content.substr(1, close - 1));
      if (name.empty()) fail_here("the section has no name");
      if (sections_.contains(name)) fail_here("section [" + name + "] is there twice");
      section_ = &sections_[name];
      return;
    }
    if (!section_) fail_here("there is no section header above it");
    const std::size_t delimiter = content.find_first_of("=:");
    if (delimiter == std::string_view::npos || delimiter == 0) fail_here("expected KEY = VALUE");
    key_ = to_lower(trim(content.substr(0, delimiter)));
    first_value_ = std::string(trim(content.substr(delimiter + 1)));
    key_indent_ = indent;
    if (section_->values.contains(key_) || section_->nested.contains(key_))
      fail_here("'" + key_ + "' is there twice");
  }

  void finish_key() {
    if (key_.empty()) return;
    if (first_value_.empty() && !deeper_lines_.empty()) {
      auto& group = section_->nested[key_];
      for (const std::string& line : deeper_lines_) {
        const std::size_t equals = line.find('=');
        if (equals == std::string::npos)
          fail_here("expected KEY = VALUE below '" + key_ + "', found: " + line);
        group[std::string(trim(std::string_view(line).substr(0, equals)))] =
            std::string(trim(std::string_view(line).substr(equals + 1)));
      }
    } else {
      std::string value = first_value_;
      for (const std::string& line : deeper_lines_) value += "\n" + line;
      section_->values[key_] = value;
    }
    key_.clear();
    deeper_lines_.clear();
  }

  std::string_view text_;
  const std::string& path_;
  IniSections sections_;
  ProfileSection* section_ = nullptr;
  std::string key_, first_value_;
  std::vector<std::string> deeper_lines_;
  std::size_t key_indent_ = 0;
  int line_number_ = 0;
};

// `profile "my name"` -> `my name`; nullopt where the section is not of that kind.
inline std::optional<std::string> section_name(std::string_view section, std::string_view kind) {
  section = trim(section);
  if (!section.starts_with(kind) || section.size() == kind.size()) return std::nullopt;
  const char separator = section[kind.size()];
  if (separator != ' ' && separator != '\t') return std::nullopt;
  std::string_view name = trim(section.substr(kind.size()));
  if (name.size() >= 2 && (name.front() == '"' || name.front() == '\'') && name.back() == name.front()) {
    name = name.substr(1, name.size() - 2);
  }
  if (name.empty()) return std::nullopt;
  return std::string(name);
}

}  // namespace detail

// Both files of one user. Credentials are looked up in each file on its own, since values of a profile are
// never merged for them; all other settings see the credentials file laid over the config file, as botocore
// does it.
class Profiles {
 public:
  Profiles() = default;

  // Reads AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/config and ~/.aws/credentials. A file
  // that is not there is empty. Throws ConfigError for one that cannot be parsed.
  static Profiles load(const Environment& environment) {
    Profiles profiles;
    profiles.config_path_ =
        environment.expand_user(environment.value("AWS_CONFIG_FILE").value_or("~/.aws/config"));
    profiles.credentials_path_ = environment.expand_user(
        environment.value("AWS_SHARED_CREDENTIALS_FILE").value_or("~/.aws/credentials"));
    if (const auto text = environment.read_file(profiles.config_path_)) {
      for (auto& [name, section] : detail::IniReader(*text, profiles.config_path_).read()) {
        if (const auto profile = detail::section_name(name, "profile")) {
          profiles.config_[*profile] = std::move(section);
        } else if (const auto services = detail::section_name(name, "services")) {
          profiles.services_[*services] = std::move(section);
        } else if (const auto session = detail::section_name(name, "sso-session")) {
          profiles.sso_sessions_[*session] = std::move(section);
        } else if (name == "default") {
          profiles.config_.emplace(name, std::move(section));
        }
      }
    }
    if (const auto text = environment.read_file(profiles.credentials_path_)) {
      profiles.credentials_ = detail::IniReader(*text, profiles.credentials_path_).read();
    }
    return profiles;
  }

  bool contains(const std::string& profile) const {
    return config_.contains(profile) || credentials_.contains(profile);
  }

  // A setting of a profile: credentials file over config file.
  std::optional<std::string> get(const std::string& profile, const std::string& key) const {
    if (const auto value = get_from(credentials_, profile, key)) return value;
    return get_from(config_, profile, key);
  }
  std::optional<std::string> get_nested(const std::string& profile, const std::string& group,
                                        const std::string& key) const {
    for (const auto* file : {&credentials_, &config_}) {
      const auto found = file->find(profile);
      if (found == file->end()) continue;
      if (const auto value = found->second.get_nested(group, key)) return value;
    }
    return std::nullopt;
  }

  // nullptr where the file has no such profile.
  const ProfileSection* config_profile(const std::string& name) const { return find(config_, name); }
  const ProfileSection* credentials_profile(const std::string& name) const {
    return find(credentials_, name);
  }
  const ProfileSection* services(const std::string& name) const { return find(services_, name); }
  const ProfileSection* sso_session(const std::string& name) const { return find(sso_sessions_, name); }
  const std::string& config_path() const { return config_path_; }
  const std::string& credentials_path() const { return credentials_path_; }

 private:
  static const ProfileSection* find(const detail::IniSections& sections, const std::string& name) {
    const auto found = sections.find(name);
    return found == sections.end() ? nullptr : &found->second;
  }
  static std::optional<std::string> get_from(const detail::IniSections& file, const std::string& profile,
                                             const std::string& key) {
    const ProfileSection* section = find(file, profile);
    return section ? section->get(key) : std::nullopt;
  }

  detail::IniSections config_, credentials_, services_, sso_sessions_;
  std::string config_path_, credentials_path_;
};

}  // namespace sagemaker::aws
