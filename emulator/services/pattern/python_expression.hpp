// Python's regular expressions (re, for str, as of Python 3.11) in PCRE2's words. What Python refuses is
// refused in its words; what is left out of it: named characters (\N{...}) and repetitions beyond 65535.
#pragma once

#include <string>
#include <string_view>

namespace sagemaker::local {

// An expression that PCRE2, with PCRE2_UTF, PCRE2_UCP, PCRE2_ALT_CIRCUMFLEX and line feed as the end of
// lines, takes for the same. Groups keep their numbers and lose their names. Throws PatternError.
std::string python_to_pcre(std::string_view expression);

}  // namespace sagemaker::local
