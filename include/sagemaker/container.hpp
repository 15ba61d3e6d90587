// The container toolkit: everything for a program that SageMaker runs with "train" and "serve". The only part
// of the library that needs libtorch (1.13 or any 2.x).
#pragma once

#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/datasets.hpp>
#include <sagemaker/container/device.hpp>
#include <sagemaker/container/distributed.hpp>
#include <sagemaker/container/environment.hpp>
#include <sagemaker/container/hooks.hpp>
#include <sagemaker/container/run.hpp>
#include <sagemaker/container/stop.hpp>
