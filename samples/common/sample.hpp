// What the programs of the samples have in common: options of the command line, a main() that tells what went
// wrong, and a clean-up that takes place whatever happens.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <variant>

namespace sample {

struct Option {
  std::string_view name;  // as it is typed: "--epochs"
  std::variant<std::string*, int*, std::size_t*> value;
};

// Puts the value of each "--NAME VALUE" from argv[first] on where it belongs; numbers are at least 1. Throws
// std::invalid_argument for what is none of the options.
inline void read_options(int argc, char** argv, std::initializer_list<Option> known, int first = 1) {
  for (int index = first; index < argc; index += 2) {
    const std::string name = argv[index];
    const Option* option = nullptr;
    std::string names;
    for (const Option& candidate : known) {
      if (candidate.name == name) option = &candidate;
      names += (names.empty() ? "" : ", ") + std::string(candidate.name);
    }
    if (option == nullptr) throw std::invalid_argument("unknown option " + name + "; known are " + names);
    if (index + 1 == argc) throw std::invalid_argument("the value of " + name + " is missing");
    const std::string_view text = argv[index + 1];
    const auto take = [&](auto& value) {
      if constexpr (std::is_same_v<std::string&, decltype(value)>) {
        value = text;
      } else {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size() || value < 1)
          throw std::invalid_argument(name + " is not a number from 1 on: " + std::string(text));
      }
    };
    std::visit([&](auto* value) { take(*value); }, option->value);
  }
}

// Does the work, and then the clean-up, also where the work fails: what still runs costs money.
template <class Work, class CleanUp>
void finally(const Work& work, const CleanUp& clean_up) {
  try {
    work();
  } catch (...) {
    try {
      clean_up();
    } catch (const std::exception& error) {  // why the work failed matters more
      std::fprintf(stderr, "the clean-up failed too: %s\n", error.what());
    }
    throw;
  }
  clean_up();
}

// The body of main(): the exit code of the work, whose failure is told on standard error.
template <class Work>
int run(const char* name, const Work& work) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // whole lines, also where the output goes to a file
  try {
    work();
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return EXIT_FAILURE;
  }
}

}  // namespace sample
