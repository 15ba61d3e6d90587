"""What tests of the SageMaker Python SDK share: an emulator in place of AWS's own addresses, a Python with torch, real
MNIST. Nothing of the SDK is imported here.
"""

import os
import shutil
import subprocess

import sagemaker_local

REGION = "us-west-2"  # not the emulator's default: the SDK builds its addresses from the region
MNIST_FILES = [
    f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
]


def python_with_torch():
    """The interpreter that jobs are to run with; None where none of this machine's has torch."""
    for python in (os.environ.get("SAGEMAKER_TEST_PYTHON_TORCH"), "/usr/bin/python3", shutil.which("python3")):
        if python and subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0:
            return python
    return None


def mnist():
    """The folder with the four files; None where there is none."""
    source = os.environ["SAGEMAKER_SOURCE_DIR"]
    for data in (os.environ.get("SAGEMAKER_DATA_DIR"), os.path.join(source, "..", "shared", "data")):
        folder = os.path.join(data or "/nonexistent", "mnist")
        if all(os.path.exists(os.path.join(folder, name)) for name in MNIST_FILES):
            return folder
    return None


def start(*arguments):
    """An emulator, and the environment with which the SDK finds it at AWS's addresses."""
    emulator = sagemaker_local.LocalEmulator("--region", REGION, *arguments, tls=True)
    os.environ.update(
        HTTPS_PROXY=emulator.url.replace("https:", "http:"),
        AWS_CA_BUNDLE=emulator.ca_file,
        REQUESTS_CA_BUNDLE=emulator.ca_file,
        AWS_ACCESS_KEY_ID=sagemaker_local.ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=sagemaker_local.SECRET_KEY,
        AWS_DEFAULT_REGION=REGION,
    )
    return emulator
