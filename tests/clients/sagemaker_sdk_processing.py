"""Version 2 of the SageMaker Python SDK, unchanged: Processor with a program of this machine, ScriptProcessor,
SKLearnProcessor and FrameworkProcessor with scripts, logs, failures, stop, attach.

Run by the interpreter of an environment with the package; see install_python_clients.py.
"""

import contextlib
import io
import os
import time
import unittest

import sagemaker_local
import sagemaker_sdk

os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = os.environ["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"] = os.devnull

try:
    import sagemaker
    from sagemaker.exceptions import UnexpectedStatusException
    from sagemaker.network import NetworkConfig
    from sagemaker.processing import (
        FrameworkProcessor,
        ProcessingInput,
        ProcessingJob,
        ProcessingOutput,
        Processor,
        ScriptProcessor,
    )
    from sagemaker.pytorch import PyTorch
    from sagemaker.s3 import S3Downloader
    from sagemaker.sklearn.processing import SKLearnProcessor
except ImportError as error:
    sagemaker_local.skip(f"the SageMaker Python SDK is not here: {error}")

SPLIT = b"""import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--test-share", type=float)
share = parser.parse_args().test_share
lines = open("/opt/ml/processing/input/numbers.csv").read().split()
cut = round(len(lines) * (1 - share))
for name, part in (("train", lines[:cut]), ("test", lines[cut:])):
    with open(f"/opt/ml/processing/{name}/part.csv", "w") as out:
        out.write(" ".join(part))
print("split", len(lines), os.environ.get("FLAVOUR"))
"""
WAITER = "#!/bin/sh\ntrap 'exit 0' TERM\necho running\nwhile :; do sleep 0.05; done\n"


class Processing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.emulator = sagemaker_sdk.start()
        cls.session = sagemaker.Session()
        cls.numbers = cls.emulator.file("numbers/numbers.csv", b"\n".join(str(i).encode() for i in range(10)))
        cls.split = cls.emulator.file("scripts/split.py", SPLIT)

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()

    def options(self, **more):
        options = {
            "role": sagemaker_local.ROLE,
            "instance_count": 1,
            "instance_type": "ml.m5.large",
            "sagemaker_session": self.session,
        }
        return {**options, **more}

    def processor(self, name, script, **more):
        return Processor(image_uri=self.emulator.program(name, script), **self.options(**more))

    def outputs(self, job):
        """The files of every output, by output and name."""
        files = {}
        for output in job.outputs:
            for uri in S3Downloader.list(output.destination, sagemaker_session=self.session):
                name = f"{output.output_name}/{uri[len(output.destination):].strip('/')}"
                files[name] = S3Downloader.read_file(uri, sagemaker_session=self.session)
        return files

    def run_split(self, processor):
        """Runs the script that splits ten numbers, and returns what was shown."""
        shown = io.StringIO()
        begin = time.monotonic()
        with contextlib.redirect_stdout(shown):
            processor.run(
                code=self.split,
                inputs=[ProcessingInput(source=self.numbers, destination="/opt/ml/processing/input")],
                outputs=[
                    ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}")
                    for name in ("train", "test")
                ],
                arguments=["--test-share", "0.2"],
            )
        self.assertLess(time.monotonic() - begin, 60)
        self.assertEqual(
            self.outputs(processor.latest_job), {"train/part.csv": "0 1 2 3 4 5 6 7", "test/part.csv": "8 9"}
        )
        return shown.getvalue()

    def test_script_processor(self):
        processor = ScriptProcessor(
            image_uri="sagemaker-python",
            command=["python3"],
            env={"FLAVOUR": "sour"},
            base_job_name="split",
            volume_size_in_gb=5,
            max_runtime_in_seconds=300,
            tags=[{"Key": "team", "Value": "a"}],
            network_config=NetworkConfig(enable_network_isolation=False),
            **self.options(),
        )
        self.assertIn("split 10 sour", self.run_split(processor))
        job = processor.latest_job.describe()
        self.assertEqual(job["ProcessingJobStatus"], "Completed")
        self.assertEqual(
            job["AppSpecification"]["ContainerEntrypoint"], ["python3", "/opt/ml/processing/input/code/split.py"]
        )

    def test_sklearn_processor(self):
        processor = SKLearnProcessor(framework_version="1.2-1", **self.options())
        self.assertIn("split 10 None", self.run_split(processor))

    def test_framework_processor_with_a_folder_of_sources(self):
        self.emulator.file("sources/helper.py", b"def flavour():\n    return 'sour'\n")
        self.emulator.file(
            "sources/main.py",
            b"import sys\nfrom helper import flavour\n"
            b"open('/opt/ml/processing/out/flavour', 'w').write(flavour() + ' ' + sys.argv[1])\nprint('framework')\n",
        )
        processor = FrameworkProcessor(PyTorch, framework_version="2.1", py_version="py310", **self.options())
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            processor.run(
                code="main.py",
                source_dir=os.path.join(self.emulator.directory, "sources"),
                outputs=[ProcessingOutput(output_name="out", source="/opt/ml/processing/out")],
                arguments=["sweet"],
            )
        self.assertIn("framework", shown.getvalue())
        self.assertEqual(self.outputs(processor.latest_job), {"out/flavour": "sour sweet"})

    def test_processor_on_two_hosts_and_the_job_again_by_its_name(self):
        processor = self.processor(
            "hosts",
            "#!/bin/sh\nls /opt/ml/processing/in > /opt/ml/processing/out/$(hostname)\necho on $(hostname)\n",
            instance_count=2,
            base_job_name="hosts",
        )
        folder = os.path.dirname(self.numbers)
        self.emulator.file("numbers/other.csv", b"1")
        self.addCleanup(os.remove, os.path.join(folder, "other.csv"))
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            processor.run(
                inputs=[
                    ProcessingInput(
                        source=folder,
                        destination="/opt/ml/processing/in",
                        s3_data_distribution_type="ShardedByS3Key",
                    )
                ],
                outputs=[
                    ProcessingOutput(
                        output_name="out", source="/opt/ml/processing/out", s3_upload_mode="Continuous"
                    )
                ],
            )
        for host in ("algo-1", "algo-2"):
            self.assertIn("on " + host, shown.getvalue())
        files = {"out/algo-1": "numbers.csv\n", "out/algo-2": "other.csv\n"}
        self.assertEqual(self.outputs(processor.latest_job), files)
        name = processor.latest_job.job_name
        job = ProcessingJob.from_processing_name(self.session, name)
        self.assertEqual(self.outputs(job), files)
        arn = job.describe()["ProcessingJobArn"]
        self.assertEqual(ProcessingJob.from_processing_arn(self.session, arn).job_name, name)

    def test_a_job_that_fails_raises_with_its_reason(self):
        processor = self.processor("fails", "#!/bin/sh\necho sour data\nexit 2\n")
        with self.assertRaises(UnexpectedStatusException) as caught:
            processor.run(logs=False)
        self.assertEqual(caught.exception.actual_status, "Failed")
        self.assertIn("AlgorithmError: ", str(caught.exception))

    def test_a_job_in_the_background_is_stopped(self):
        processor = self.processor("waits", WAITER)
        processor.run(wait=False, logs=False)
        job = processor.latest_job
        job.stop()
        self.assertEqual(self.session.wait_for_processing_job(job.job_name, poll=0.1)["ProcessingJobStatus"], "Stopped")


if __name__ == "__main__":
    print("sagemaker", sagemaker.__version__)
    unittest.main()
