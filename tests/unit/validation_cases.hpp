// Shared by the validation tests: what a request is answered with, and requests that are in order.
#pragma once

#include <string>

#include "emulator/services/service_error.hpp"
#include "emulator/wire/validation.hpp"

namespace sagemaker::tests {

// "s", 3 -> "s3"
inline std::string numbered(std::string prefix, std::size_t number) {
  return prefix.append(std::to_string(number));
}

struct Answer {
  std::string code;  // empty: the request passed
  std::string message;
  int http_status = 200;
};

inline Answer answer(local::wire::Model model, const std::string& operation, const json& input) {
  try {
    local::wire::validate(model, operation, input);
    return {};
  } catch (const local::ServiceFault& fault) {
    return {fault.code(), fault.message(), fault.http_status()};
  }
}

inline Answer answer(const std::string& operation, const json& input) {
  return answer(local::wire::Model::sagemaker, operation, input);
}

inline json training_job() {
  return json::parse(R"json({
    "TrainingJobName": "mnist-2024-01-01",
    "RoleArn": "arn:aws:iam::000000000000:role/SageMakerRole",
    "HyperParameters": {"epochs": "5", "learning-rate": "\"0.1\""},
    "AlgorithmSpecification": {
      "TrainingImage": "000000000000.dkr.ecr.us-east-1.amazonaws.com/sagemaker-cpp:1",
      "TrainingInputMode": "File",
      "MetricDefinitions": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}],
      "ContainerArguments": ["--fast"]},
    "InputDataConfig": [{
      "ChannelName": "training",
      "DataSource": {"S3DataSource": {
        "S3DataType": "S3Prefix", "S3Uri": "s3://bucket/mnist",
        "S3DataDistributionType": "FullyReplicated"}}}],
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/output"},
    "ResourceConfig": {"InstanceType": "ml.c5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30},
    "VpcConfig": {"SecurityGroupIds": ["sg-0123"], "Subnets": ["subnet-0123"]},
    "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
    "Tags": [{"Key": "team", "Value": "vision"}],
    "EnableNetworkIsolation": false,
    "Environment": {"LOG_LEVEL": "debug"}})json");
}

inline json endpoint_config() {
  return json::parse(R"json({
    "EndpointConfigName": "mnist-config",
    "ProductionVariants": [{
      "VariantName": "AllTraffic", "ModelName": "mnist", "InitialInstanceCount": 1,
      "InstanceType": "ml.m5.large", "InitialVariantWeight": 1.0}],
    "DataCaptureConfig": {
      "EnableCapture": true, "InitialSamplingPercentage": 20, "DestinationS3Uri": "s3://bucket/capture",
      "CaptureOptions": [{"CaptureMode": "Input"}]},
    "KmsKeyId": "alias/key",
    "Tags": [{"Key": "team", "Value": ""}]})json");
}

inline json model() {
  return json::parse(R"json({
    "ModelName": "mnist",
    "ExecutionRoleArn": "arn:aws:iam::000000000000:role/SageMakerRole",
    "PrimaryContainer": {
      "Image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/sagemaker-cpp:1",
      "ModelDataUrl": "s3://bucket/model.tar.gz",
      "Environment": {"SAGEMAKER_PROGRAM": "mnist.cpp"}}})json");
}

}  // namespace sagemaker::tests
