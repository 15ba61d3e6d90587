// The codecs of the container toolkit: see toolkit.cpp. Here nothing else does the work, so they are
// optimised.
#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/detail/codecs.hpp>
