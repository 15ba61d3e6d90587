"""What tests of processing jobs share: requests, the ends of jobs, their logs and objects."""

import local_emulator
from botocore.exceptions import ClientError
from job_restarts import call
from waiting import Waiting


def s3_input(name, uri, local_path=None, **changes):
    """An input that is copied to a folder named after it, unless `local_path` says where to."""
    source = {
        "S3Uri": uri,
        "LocalPath": local_path or f"/opt/ml/processing/{name}",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    source.update(changes)
    return {"InputName": name, "S3Input": source}


def s3_output(name, uri, mode="EndOfJob", local_path=None):
    output = {"S3Uri": uri, "LocalPath": local_path or f"/opt/ml/processing/{name}", "S3UploadMode": mode}
    return {"OutputName": name, "S3Output": output}


class ProcessingJobs(Waiting):
    """For a unittest.TestCase. attach() gives it an emulator."""

    bucket = "jobs"
    log_group = "/aws/sagemaker/ProcessingJobs"
    job_messages = local_emulator.TrainingJobs.messages

    def attach(self, emulator):
        self.emulator = emulator
        self.sagemaker = emulator.client("sagemaker", retries=False)
        self.s3 = emulator.client("s3")
        self.logs = emulator.client("logs")

    def request(self, name, script=None, inputs=(), outputs=(), **changes):
        """`script`: an executable that is the image; `outputs`: of one, by name, in s3://jobs/NAME/output."""
        request = {
            "ProcessingJobName": name,
            "RoleArn": local_emulator.ROLE,
            "ProcessingResources": self.cluster(1),
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},  # machines may be slow
        }
        if script is not None:
            request["AppSpecification"] = {"ImageUri": self.emulator.program(name, script)}
        if inputs:
            request["ProcessingInputs"] = list(inputs)
        if outputs:
            request["ProcessingOutputConfig"] = {"Outputs": list(outputs)}
        request.update(changes)
        return request

    def create(self, *arguments, **changes):
        return self.sagemaker.create_processing_job(**self.request(*arguments, **changes))["ProcessingJobArn"]

    @staticmethod
    def cluster(count):
        return {"ClusterConfig": {"InstanceCount": count, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}}

    def describe(self, name):
        return self.sagemaker.describe_processing_job(ProcessingJobName=name)

    def stop(self, name):
        self.sagemaker.stop_processing_job(ProcessingJobName=name)

    def delete(self, name):
        call(self.emulator, "DeleteProcessingJob", ProcessingJobName=name)

    def ended(self, name):
        """The description of a job when it has ended."""
        return self.until(
            lambda: (job := self.describe(name))["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped") and job,
            f"the end of {name}",
        )

    def runs(self, name, line="running"):
        """Waits until the job has said so."""
        self.until(lambda: line in self.job_messages(name), f"{name} says {line}")

    def completed(self, name):
        job = self.ended(name)
        told = (job.get("FailureReason"), job.get("ExitMessage"), self.job_messages(name))
        self.assertEqual(job["ProcessingJobStatus"], "Completed", told)
        return job

    def put(self, key, text):
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=text if isinstance(text, bytes) else text.encode())
        return f"s3://{self.bucket}/{key}"

    def objects(self, prefix):
        """Every object below the prefix as text, by the rest of its key."""
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return {
            item["Key"][len(prefix) :]: self.s3.get_object(Bucket=self.bucket, Key=item["Key"])["Body"].read().decode()
            for item in listed
        }

    def refusal(self, call):
        with self.assertRaises(ClientError) as caught:
            call()
        error = caught.exception.response["Error"]
        return error["Code"], error["Message"]
