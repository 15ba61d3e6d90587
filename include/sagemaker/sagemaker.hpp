// Everything that a client program needs: #include <sagemaker/sagemaker.hpp>. Code that runs inside a
// container includes <sagemaker/container.hpp> instead.
#pragma once

#include <sagemaker/analytics.hpp>
#include <sagemaker/aws/errors.hpp>
#include <sagemaker/aws/json.hpp>
#include <sagemaker/clients/iam.hpp>
#include <sagemaker/clients/logs.hpp>
#include <sagemaker/clients/metrics.hpp>
#include <sagemaker/clients/runtime.hpp>
#include <sagemaker/clients/s3.hpp>
#include <sagemaker/clients/s3_transfer.hpp>
#include <sagemaker/clients/sagemaker.hpp>
#include <sagemaker/clients/sts.hpp>
#include <sagemaker/estimator.hpp>
#include <sagemaker/execution_role.hpp>
#include <sagemaker/image_uris.hpp>
#include <sagemaker/inputs.hpp>
#include <sagemaker/job_logs.hpp>
#include <sagemaker/local.hpp>
#include <sagemaker/model.hpp>
#include <sagemaker/npy.hpp>
#include <sagemaker/predictor.hpp>
#include <sagemaker/pytorch.hpp>
#include <sagemaker/s3_uri.hpp>
#include <sagemaker/serializers.hpp>
#include <sagemaker/session.hpp>
#include <sagemaker/source_archive.hpp>
