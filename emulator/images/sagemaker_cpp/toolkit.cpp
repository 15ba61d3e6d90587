// The bodies of the container toolkit, compiled once; those of the codecs are in codecs.cpp. Programs that
// define SAGEMAKER_CONTAINER_COMPILED link this library and compile only their own code.
#include <sagemaker/container.hpp>
#include <sagemaker/container/batcher.hpp>
#include <sagemaker/container/detail/batcher.hpp>
#include <sagemaker/container/detail/beacon.hpp>
#include <sagemaker/container/detail/c10d.hpp>
#include <sagemaker/container/detail/context.hpp>
#include <sagemaker/container/detail/datasets.hpp>
#include <sagemaker/container/detail/device.hpp>
#include <sagemaker/container/detail/distributed.hpp>
#include <sagemaker/container/detail/environment.hpp>
#include <sagemaker/container/detail/gradient_reducer.hpp>
#include <sagemaker/container/detail/hooks.hpp>
#include <sagemaker/container/detail/log.hpp>
#include <sagemaker/container/detail/membership.hpp>
#include <sagemaker/container/detail/run.hpp>
#include <sagemaker/container/detail/serving.hpp>
#include <sagemaker/container/detail/stop.hpp>
#include <sagemaker/container/detail/training.hpp>
#include <sagemaker/container/detail/transport.hpp>
