"""The SageMaker Python SDK's HyperparameterTuner and ours make the same CreateHyperParameterTuningJob.

The SDK's clients are stubs: nothing is sent. Ours are those of the program tuning_documents, named by
SAGEMAKER_TEST_DOCUMENTS, whose cases have the same names. The SDK's names tell the minute alone, and it forgets metric
definitions when a tuner is made of another one: both are put in here. Texts of a plain Estimator's script have no
quotation marks in the SDK, which is as good to the container.
"""

import sagemaker_local
import sdk_documents
from sdk_documents import IMAGE, ROLE, calls_of

try:
    from sagemaker.estimator import Estimator
    from sagemaker.inputs import TrainingInput
    from sagemaker.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter
    from sagemaker.pytorch import PyTorch
    from sagemaker.tuner import (
        HyperbandStrategyConfig, HyperparameterTuner, InstanceConfig, StrategyConfig,
        TuningJobCompletionCriteriaConfig, WarmStartConfig, WarmStartTypes)
except ImportError as error:
    sagemaker_local.skip(f"the SageMaker Python SDK is not here: {error}")

DATA = "s3://d/rows"
METRICS = [{"Name": "accuracy", "Regex": "accuracy=(.*)"}]


def in_order(document):
    """The lists whose order says nothing, in order; what is None is not sent."""
    if isinstance(document, dict):
        document = {key: in_order(value) for key, value in document.items() if value is not None}
    elif isinstance(document, list):
        document = [in_order(value) for value in document]
        for name in ("Name", "HyperParameterTuningJobName"):
            if document and all(isinstance(one, dict) and name in one for one in document):
                document = sorted(document, key=lambda one: one[name])
    return document


class Documents(sdk_documents.Documents):
    files = {"train.py": "print('trained')\n"}
    argument = "train.py"
    patches = {"sagemaker.utils.sagemaker_short_timestamp": lambda: "261121-070000-123"}

    def estimator(self, estimator=Estimator, **arguments):
        if estimator is Estimator:
            arguments["image_uri"] = IMAGE
        return estimator(
            role=ROLE, sagemaker_session=self.session,
            **{"instance_count": 1, "instance_type": "ml.m5.large"} | arguments)

    def tuner(self, estimator=None, **arguments):
        ranges = {
            "lr": ContinuousParameter(0.001, 1.5, "Logarithmic"), "optimizer": CategoricalParameter(["sgd", "adam"]),
            "width": IntegerParameter(8, 512)}
        return HyperparameterTuner(**{
            "estimator": estimator or self.estimator(), "objective_metric_name": "accuracy",
            "hyperparameter_ranges": ranges, "metric_definitions": METRICS} | arguments)

    def compare(self, name, tuner, inputs=DATA, **arguments):
        tuner.fit(inputs, wait=False, **arguments)
        self.ours[name] = in_order(self.ours[name])
        theirs = in_order(calls_of(self.client, "create_hyper")[-1][1])
        self.compare_documents(name, theirs)

    def test_plain(self):
        self.compare("plain", self.tuner())

    def test_ranges(self):
        self.compare("ranges", self.tuner(hyperparameter_ranges={
            "a": ContinuousParameter(1e-6, 0.5, "ReverseLogarithmic"), "b": ContinuousParameter(-2.5, 1e20, "Linear"),
            "c": IntegerParameter(-3, 5, "Linear"), "d": CategoricalParameter([1, 2.5, "x"])}))

    def test_full(self):
        estimator = self.estimator(
            instance_count=2, instance_type="ml.c5.xlarge", volume_size=50, volume_kms_key="volume-key", max_run=100,
            input_mode="FastFile", output_path="s3://out/p", output_kms_key="output-key",
            hyperparameters={"epochs": 5, "lr": 0.5, "loss": "mse"}, environment={"A": "b"},
            tags=[{"Key": "team", "Value": "x"}, {"Key": "own", "Value": "y"}], use_spot_instances=True, max_wait=200,
            max_retry_attempts=3, checkpoint_s3_uri="s3://c/p", checkpoint_local_path="/opt/ml/c",
            subnets=["subnet-1"], security_group_ids=["sg-1"], enable_network_isolation=True,
            encrypt_inter_container_traffic=True, keep_alive_period_in_seconds=60, disable_output_compression=True,
            model_uri="s3://m/model.tar.gz", model_channel_name="start")
        self.compare("full", self.tuner(
            estimator, strategy="Random", objective_type="Minimize", max_jobs=20, max_parallel_jobs=3,
            max_runtime_in_seconds=3600, tags=[{"Key": "own", "Value": "y"}], base_tuning_job_name="mine",
            early_stopping_type="Auto", random_seed=42),
            {"train": TrainingInput("s3://d/t", content_type="text/csv"), "test": "s3://d/e"})

    def test_strategies(self):
        self.compare("grid", self.tuner(
            strategy="Grid", hyperparameter_ranges={"optimizer": CategoricalParameter(["sgd", "adam"])}))
        self.compare("hyperband", self.tuner(
            self.estimator(hyperparameters={"epochs": 27}), strategy="Hyperband", max_jobs=30,
            strategy_config=StrategyConfig(HyperbandStrategyConfig(max_resource=27, min_resource=1))))

    def test_completion(self):
        self.compare("completion", self.tuner(
            completion_criteria_config=TuningJobCompletionCriteriaConfig(5, True, 0.95)))
        self.compare("completion-off", self.tuner(
            completion_criteria_config=TuningJobCompletionCriteriaConfig(complete_on_convergence=False)))

    def test_autotune(self):
        estimator = self.estimator(hyperparameters={"decay": 0.001, "loss": "mse"})
        self.compare("autotune", self.tuner(estimator, autotune=True, hyperparameters_to_keep_static=["loss"]))
        estimator = self.estimator(hyperparameters={"decay": 0.001})
        self.compare("autotune-alone", self.tuner(estimator, autotune=True, hyperparameter_ranges=None))

    def test_pipe(self):
        self.compare("pipe", self.tuner(), TrainingInput(DATA, input_mode="Pipe"))

    def test_instances(self):
        tuner = self.tuner(self.estimator(volume_kms_key="volume-key"))
        tuner.override_resource_config([InstanceConfig(1, "ml.m5.large"), InstanceConfig(2, "ml.c5.large", 50)])
        self.compare("instances", tuner, job_name="named")

    def test_warm_start(self):
        self.compare("warm-start", self.tuner(
            warm_start_config=WarmStartConfig(WarmStartTypes.TRANSFER_LEARNING, {"parent"})))
        tuner = self.tuner(max_jobs=4, random_seed=1)
        tuner.fit(DATA, wait=False, job_name="first")
        child = tuner.identical_dataset_and_algorithm_tuner({"other"})
        child.metric_definitions = METRICS
        self.compare("identical", child)
        tuner = self.tuner()
        tuner.fit(DATA, wait=False, job_name="first")
        child = tuner.transfer_learning_tuner(estimator=self.estimator(instance_count=2))
        child.metric_definitions = METRICS
        self.compare("transfer", child)

    def test_scripts(self):
        for name, arguments in {"script": {}, "script-named": {"job_name": "named"}}.items():
            estimator = self.estimator(entry_point=self.argument_path, hyperparameters={"epochs": 5})
            self.compare(name, self.tuner(estimator), **arguments)
        estimator = self.estimator(
            PyTorch, entry_point=self.argument_path, framework_version="2.4", py_version="py311",
            hyperparameters={"epochs": 5, "name": "x", "lr": 1})
        self.compare("pytorch", self.tuner(estimator))

    def test_several(self):
        self.compare("one-named", self.tuner(estimator_name="only"), {"only": DATA}, include_cls_metadata={})
        tuner = HyperparameterTuner.create(
            {"linear": self.estimator(hyperparameters={"epochs": 5}, tags=[{"Key": "team", "Value": "x"}]),
             "deep": self.estimator(instance_count=2, hyperparameters={"decay": 0.5})},
            {"linear": "accuracy", "deep": "precision"},
            {"linear": {"lr": ContinuousParameter(0.001, 0.1)}, "deep": {"layers": IntegerParameter(1, 9)}},
            {"linear": METRICS, "deep": [{"Name": "precision", "Regex": "precision=(.*)"}]},
            objective_type="Minimize", max_jobs=6, base_tuning_job_name="both", autotune=True,
            hyperparameters_to_keep_static_dict={"deep": ["decay"]})
        tuner.override_resource_config({"deep": [InstanceConfig(1, "ml.p3.2xlarge")]})
        self.compare("several", tuner, {"deep": DATA}, include_cls_metadata={})


if __name__ == "__main__":
    sdk_documents.main()
