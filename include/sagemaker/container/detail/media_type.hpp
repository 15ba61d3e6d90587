// Content-Type and Accept headers: RFC 9110, 8.3 and 12.5.1. Without libtorch.
#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sagemaker::container::detail {

inline std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n\v\f");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n\v\f") - first + 1);
}

inline std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// What stands before the next `separator` that is in no quoted text; it and the separator are taken from
// `text`.
inline std::string_view take_part(std::string_view& text, char separator) {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < text.size() && (quoted || text[at] != separator); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (quoted && text[at] == '\\') ++at;
  }
  at = std::min(at, text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

// "Text/CSV; label_size=0": the type in lower case, and its parameters, names in lower case and values
// without quotes.
struct MediaType {
  std::string type;
  std::vector<std::pair<std::string, std::string>> parameters;

  static MediaType parse(std::string_view header) {
    MediaType parsed{lower_case(trimmed(take_part(header, ';'))), {}};
    while (!header.empty()) {
      const std::string_view parameter = take_part(header, ';');
      const auto equals = parameter.find('=');
      if (equals == std::string_view::npos) continue;
      std::string_view value = trimmed(parameter.substr(equals + 1));
      if (value.size() > 1 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      parsed.parameters.emplace_back(lower_case(trimmed(parameter.substr(0, equals))), value);
    }
    return parsed;
  }

  // Null where it is not given.
  const std::string* parameter(std::string_view name) const {
    for (const auto& [key, value] : parameters) {
      if (key == name) return &value;
    }
    return nullptr;
  }
};

// One entry of an Accept header, "text/*;q=0.5".
struct MediaRange {
  std::string type;
  double quality = 1;

  // How exactly it names `candidate`: 3 as itself, 2 by its type, 1 by */*, 0 not.
  int precision_for(std::string_view candidate) const {
    if (type == candidate) return 3;
    if (type == "*/*" || type == "*") return 1;
    const std::string_view range(type);
    return range.ends_with("/*") && candidate.starts_with(range.substr(0, range.size() - 1)) ? 2 : 0;
  }
};

// In the order of the header. A quality that is no number from 0 to 1 counts as 1.
inline std::vector<MediaRange> parse_accept(std::string_view header) {
  std::vector<MediaRange> ranges;
  while (!header.empty()) {
    const MediaType entry = MediaType::parse(take_part(header, ','));
    if (entry.type.empty()) continue;
    double quality = 1;
    if (const std::string* given = entry.parameter("q")) {
      const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), quality);
      const bool whole = error == std::errc() && end == given->data() + given->size();
      if (!whole || !(quality >= 0 && quality <= 1)) quality = 1;
    }
    ranges.push_back({entry.type, quality});
  }
  return ranges;
}

// The one of `supported` that the header wants most: the highest quality, then the place in the header, then,
// where a wildcard stands for several, the order of `supported`. Empty where none is acceptable.
inline std::string_view negotiate(const std::vector<MediaRange>& ranges,
                                  const std::vector<std::string_view>& supported) {
  std::string_view best;
  double best_quality = 0;
  std::size_t best_place = ranges.size();
  for (const std::string_view candidate : supported) {
    // The entry that names it most exactly decides: "text/csv;q=0, */*" excludes CSV.
    int precision = 0;
    std::size_t place = 0;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const int here = ranges[i].precision_for(candidate);
      if (here > precision) {
        precision = here;
        place = i;
      }
    }
    const double quality = precision > 0 ? ranges[place].quality : 0;
    if (quality > best_quality || (quality == best_quality && quality > 0 && place < best_place)) {
      best = candidate;
      best_quality = quality;
      best_place = place;
    }
  }
  return best;
}

}  // namespace sagemaker::container::detail
