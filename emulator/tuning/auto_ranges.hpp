// The range of a hyperparameter of which only an example is known (AutoParameters of Autotune). AWS says that
// it selects an optimal range where a hyperparameter is eligible, and not which: these are ours.
// https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AutoParameter.html
#pragma once

#include <string>

#include "emulator/tuning/space.hpp"

namespace sagemaker::local::tuning {

// By the text of the example:
//   "64"           integers from a tenth of it, at least 1, to ten times it; of 0 from 0 to 10
//   "0.001"        an order of magnitude to each side, logarithmic; below 1, where ten times it would be 1 or
//   more,
//                  up to a tenth of its distance to 1, and from 0.5 on by that distance to both sides,
//                  reverse logarithmic (0.9: from 0 to 0.99); of 0.0 from 0 to 1
//   "-0.5", "-3"   the range of the positive number, mirrored, linear
//   "true"         this and its opposite, written as it is (true, True, TRUE)
//   anything else  it is not eligible: its only value
Parameter auto_range(std::string name, const std::string& value_hint);

}  // namespace sagemaker::local::tuning
