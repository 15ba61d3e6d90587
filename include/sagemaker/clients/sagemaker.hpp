// The SageMaker control plane: boto3's "sagemaker" client in C++. One method an operation, documents in and
// out.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sagemaker/aws/client.hpp>
#include <sagemaker/aws/paginator.hpp>
#include <sagemaker/aws/waiter.hpp>

namespace sagemaker {

// A client of the API "Amazon SageMaker Service" (2017-07-24, JSON 1.1). Members of the documents are named
// as in AWS's API reference; times come back as seconds since 1970. Every operation throws ServiceError where
// the service refuses, TransportError where it cannot be reached and CredentialsError where there are no
// credentials. Copies share one connection pool and retry quota; all methods may be called from several
// threads.
//
//   sagemaker::SageMakerClient client({.region = "eu-central-1"});
//   auto job = client.describe_training_job({{"TrainingJobName", "my-job"}});
//   auto models = client.call("ListModels", {{"MaxResults", 10}});   // any of the 400 operations by its name
class SageMakerClient {
 public:
  explicit SageMakerClient(const ClientConfig& config = {})
      : client_({"SageMaker", "api.sagemaker", "sagemaker", aws::Protocol::json, "SageMaker"}, config) {}

  // Any operation by its name.
  json call(std::string_view operation, const json& input = json::object()) const {
    return client_.call_json(operation, input);
  }

  // The pages of a List operation or Search, and the summaries in all of them.
  Pages pages(std::string_view operation, const json& input = json::object()) const {
    return Pages({.fetch = [client = client_, name = std::string(operation)](
                               const json& document) { return client.call_json(name, document); },
                  .input = input});
  }
  PageItems items(std::string_view operation, const json& input = json::object()) const {
    return PageItems(pages(operation, input));
  }

  // Training
  json create_training_job(const json& input) const { return call("CreateTrainingJob", input); }
  json describe_training_job(const json& input) const { return call("DescribeTrainingJob", input); }
  json list_training_jobs(const json& input = json::object()) const {
    return call("ListTrainingJobs", input);
  }
  json stop_training_job(const json& input) const { return call("StopTrainingJob", input); }
  json update_training_job(const json& input) const { return call("UpdateTrainingJob", input); }
  json delete_training_job(const json& input) const { return call("DeleteTrainingJob", input); }

  // Models and hosting
  json create_model(const json& input) const { return call("CreateModel", input); }
  json describe_model(const json& input) const { return call("DescribeModel", input); }
  json list_models(const json& input = json::object()) const { return call("ListModels", input); }
  json delete_model(const json& input) const { return call("DeleteModel", input); }
  json create_endpoint_config(const json& input) const { return call("CreateEndpointConfig", input); }
  json describe_endpoint_config(const json& input) const { return call("DescribeEndpointConfig", input); }
  json list_endpoint_configs(const json& input = json::object()) const {
    return call("ListEndpointConfigs", input);
  }
  json delete_endpoint_config(const json& input) const { return call("DeleteEndpointConfig", input); }
  json create_endpoint(const json& input) const { return call("CreateEndpoint", input); }
  json describe_endpoint(const json& input) const { return call("DescribeEndpoint", input); }
  json update_endpoint(const json& input) const { return call("UpdateEndpoint", input); }
  json list_endpoints(const json& input = json::object()) const { return call("ListEndpoints", input); }
  json delete_endpoint(const json& input) const { return call("DeleteEndpoint", input); }
  json update_endpoint_weights_and_capacities(const json& input) const {
    return call("UpdateEndpointWeightsAndCapacities", input);
  }

  // Batch transform
  json create_transform_job(const json& input) const { return call("CreateTransformJob", input); }
  json describe_transform_job(const json& input) const { return call("DescribeTransformJob", input); }
  json list_transform_jobs(const json& input = json::object()) const {
    return call("ListTransformJobs", input);
  }
  json stop_transform_job(const json& input) const { return call("StopTransformJob", input); }

  // Hyperparameter tuning
  json create_hyper_parameter_tuning_job(const json& input) const {
    return call("CreateHyperParameterTuningJob", input);
  }
  json describe_hyper_parameter_tuning_job(const json& input) const {
    return call("DescribeHyperParameterTuningJob", input);
  }
  json list_hyper_parameter_tuning_jobs(const json& input = json::object()) const {
    return call("ListHyperParameterTuningJobs", input);
  }
  json list_training_jobs_for_hyper_parameter_tuning_job(const json& input) const {
    return call("ListTrainingJobsForHyperParameterTuningJob", input);
  }
  json stop_hyper_parameter_tuning_job(const json& input) const {
    return call("StopHyperParameterTuningJob", input);
  }
  json delete_hyper_parameter_tuning_job(const json& input) const {
    return call("DeleteHyperParameterTuningJob", input);
  }

  // Processing
  json create_processing_job(const json& input) const { return call("CreateProcessingJob", input); }
  json describe_processing_job(const json& input) const { return call("DescribeProcessingJob", input); }
  json list_processing_jobs(const json& input = json::object()) const {
    return call("ListProcessingJobs", input);
  }
  json stop_processing_job(const json& input) const { return call("StopProcessingJob", input); }
  json delete_processing_job(const json& input) const { return call("DeleteProcessingJob", input); }

  // Model registry
  json create_model_package_group(const json& input) const { return call("CreateModelPackageGroup", input); }
  json describe_model_package_group(const json& input) const {
    return call("DescribeModelPackageGroup", input);
  }
  json list_model_package_groups(const json& input = json::object()) const {
    return call("ListModelPackageGroups", input);
  }
  json delete_model_package_group(const json& input) const { return call("DeleteModelPackageGroup", input); }
  json create_model_package(const json& input) const { return call("CreateModelPackage", input); }
  json describe_model_package(const json& input) const { return call("DescribeModelPackage", input); }
  json list_model_packages(const json& input) const { return call("ListModelPackages", input); }
  json update_model_package(const json& input) const { return call("UpdateModelPackage", input); }
  json delete_model_package(const json& input) const { return call("DeleteModelPackage", input); }

  // Tags
  json add_tags(const json& input) const { return call("AddTags", input); }
  json list_tags(const json& input) const { return call("ListTags", input); }
  json delete_tags(const json& input) const { return call("DeleteTags", input); }

  // Pipelines
  json create_pipeline(const json& input) const { return call("CreatePipeline", input); }
  json update_pipeline(const json& input) const { return call("UpdatePipeline", input); }
  json describe_pipeline(const json& input) const { return call("DescribePipeline", input); }
  json delete_pipeline(const json& input) const { return call("DeletePipeline", input); }
  json list_pipelines(const json& input = json::object()) const { return call("ListPipelines", input); }
  json start_pipeline_execution(const json& input) const { return call("StartPipelineExecution", input); }
  json stop_pipeline_execution(const json& input) const { return call("StopPipelineExecution", input); }
  json retry_pipeline_execution(const json& input) const { return call("RetryPipelineExecution", input); }
  json describe_pipeline_execution(const json& input) const {
    return call("DescribePipelineExecution", input);
  }
  json list_pipeline_executions(const json& input) const { return call("ListPipelineExecutions", input); }
  json list_pipeline_execution_steps(const json& input) const {
    return call("ListPipelineExecutionSteps", input);
  }
  json list_pipeline_parameters_for_execution(const json& input) const {
    return call("ListPipelineParametersForExecution", input);
  }
  json describe_pipeline_definition_for_execution(const json& input) const {
    return call("DescribePipelineDefinitionForExecution", input);
  }

  // Inference components
  json create_inference_component(const json& input) const { return call("CreateInferenceComponent", input); }
  json describe_inference_component(const json& input) const {
    return call("DescribeInferenceComponent", input);
  }
  json list_inference_components(const json& input = json::object()) const {
    return call("ListInferenceComponents", input);
  }
  json update_inference_component(const json& input) const { return call("UpdateInferenceComponent", input); }
  json delete_inference_component(const json& input) const { return call("DeleteInferenceComponent", input); }
  json update_inference_component_runtime_config(const json& input) const {
    return call("UpdateInferenceComponentRuntimeConfig", input);
  }

  // Search
  json search(const json& input) const { return call("Search", input); }

  // Waiters. Jobs: return the description once the job is Completed or Stopped, as the SageMaker Python SDK
  // does; throw UnexpectedStatus (or CapacityError) where it Failed, with the FailureReason.
  json wait_for_training_job(const std::string& name, const WaitOptions& options = {}) const {
    return wait_for_job({"DescribeTrainingJob", "TrainingJobName", "TrainingJobStatus", "Training job "},
                        name, options);
  }
  json wait_for_transform_job(const std::string& name, const WaitOptions& options = {}) const {
    return wait_for_job({"DescribeTransformJob", "TransformJobName", "TransformJobStatus", "Transform job "},
                        name, options);
  }
  json wait_for_processing_job(const std::string& name, const WaitOptions& options = {}) const {
    return wait_for_job(
        {"DescribeProcessingJob", "ProcessingJobName", "ProcessingJobStatus", "Processing job "}, name,
        options);
  }
  json wait_for_hyper_parameter_tuning_job(const std::string& name, const WaitOptions& options = {}) const {
    return wait_for_job({"DescribeHyperParameterTuningJob", "HyperParameterTuningJobName",
                         "HyperParameterTuningJobStatus", "HyperParameterTuning job "},
                        name, options);
  }

  // Returns the description once the endpoint is InService; throws UnexpectedStatus where it ends anywhere
  // else.
  json wait_for_endpoint_in_service(const std::string& name, const WaitOptions& options = {}) const {
    aws::WaitSpec spec{"Endpoint " + name, describe_by({"DescribeEndpoint", "EndpointName"}, name), {}};
    spec.done = [resource = spec.resource](const std::optional<json>& description) {
      const std::string status = text(*description, "EndpointStatus");
      if (status == "InService") return true;
      for (const char* pending : {"Creating", "Updating", "SystemUpdating", "RollingBack"}) {
        if (status == pending) return false;
      }
      throw_unexpected_status({resource, status, text(*description, "FailureReason")});
    };
    return aws::wait(spec, options, *client_.config().clock);
  }

  // Returns once the endpoint is gone; throws UnexpectedStatus where its deletion failed.
  void wait_for_endpoint_deleted(const std::string& name, const WaitOptions& options = {}) const {
    aws::WaitSpec spec{"Endpoint " + name, {}, {}};
    spec.describe = until_missing(describe_by({"DescribeEndpoint", "EndpointName"}, name));
    spec.done = [resource = spec.resource](const std::optional<json>& description) {
      if (!description) return true;
      const std::string status = text(*description, "EndpointStatus");
      if (status == "Failed")
        throw_unexpected_status({resource, status, text(*description, "FailureReason")});
      return false;
    };
    aws::wait(spec, options, *client_.config().clock);
  }

  // The same of an inference component.
  json wait_for_inference_component_in_service(const std::string& name,
                                               const WaitOptions& options = {}) const {
    aws::WaitSpec spec{"Inference component " + name,
                       describe_by({"DescribeInferenceComponent", "InferenceComponentName"}, name),
                       {}};
    spec.done = [resource = spec.resource](const std::optional<json>& description) {
      const std::string status = text(*description, "InferenceComponentStatus");
      if (status == "Creating" || status == "Updating" || status == "Deleting") return false;
      if (status == "InService") return true;
      throw_unexpected_status({resource, status, text(*description, "FailureReason")});
    };
    return aws::wait(spec, options, *client_.config().clock);
  }
  void wait_for_inference_component_deleted(const std::string& name, const WaitOptions& options = {}) const {
    aws::WaitSpec spec{"Inference component " + name, {}, {}};
    spec.describe =
        until_missing(describe_by({"DescribeInferenceComponent", "InferenceComponentName"}, name));
    spec.done = [resource = spec.resource](const std::optional<json>& description) {
      if (!description) return true;
      const std::string status = text(*description, "InferenceComponentStatus");
      if (status == "Failed")
        throw_unexpected_status({resource, status, text(*description, "FailureReason")});
      return false;
    };
    aws::wait(spec, options, *client_.config().clock);
  }

  const std::string& region() const { return client_.region(); }
  // What the client resolved its configuration to, and the means for calls of one's own.
  const aws::ServiceClient& service() const { return client_; }

 private:
  struct Description {
    std::string_view operation = {}, name_member = {}, status_member = {}, title = {};
  };

  static std::string text(const json& document, std::string_view member) {
    const auto found = document.find(member);
    return found != document.end() && found->is_string() ? found->get<std::string>() : "";
  }

  std::function<std::optional<json>()> describe_by(const Description& what, const std::string& name) const {
    json input = json::object();
    input[std::string(what.name_member)] = name;
    return [client = client_, operation = std::string(what.operation), input]() -> std::optional<json> {
      return client.call_json(operation, input);
    };
  }

  // What is not there (any more) is described by nothing.
  static std::function<std::optional<json>()> until_missing(std::function<std::optional<json>()> describe) {
    return [describe = std::move(describe)]() -> std::optional<json> {
      try {
        return describe();
      } catch (const ServiceError& error) {
        if (error.code() == "ValidationException" || error.code() == "ResourceNotFound") return std::nullopt;
        throw;
      }
    };
  }

  json wait_for_job(const Description& what, const std::string& name, const WaitOptions& options) const {
    aws::WaitSpec spec{std::string(what.title) + name, describe_by(what, name), {}};
    spec.done = [resource = spec.resource,
                 member = what.status_member](const std::optional<json>& description) {
      const std::string status = text(*description, member);
      if (status == "Failed")
        throw_unexpected_status({resource, status, text(*description, "FailureReason")});
      return status == "Completed" || status == "Stopped";
    };
    return aws::wait(spec, options, *client_.config().clock);
  }

  aws::ServiceClient client_;
};

}  // namespace sagemaker
