"""Makes a virtual environment with the current boto3 and aws CLI, or with other packages, once:
install_python_clients.py FOLDER [PACKAGE ...].

Where PyPI does not answer, a boto3 of the running interpreter that is new enough serves in place of the former.
"""

import os
import subprocess
import sys

import sagemaker_local

PACKAGES = ["boto3==1.43.11", "awscli==1.45.11"]
NEW_ENOUGH = (1, 36)  # from there on boto3 sends and expects CRC checksums by default


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=380)


def has_new_boto3():
    try:
        import boto3
    except ImportError:
        return False
    return tuple(int(part) for part in boto3.__version__.split(".")[:2]) >= NEW_ENOUGH


def main(folder, *packages):
    done = os.path.join(folder, "installed")
    wanted = " ".join(packages or PACKAGES).encode()
    if os.path.exists(done) and sagemaker_local.read(done) == wanted:
        return
    made = run(sys.executable, "-m", "venv", "--clear", folder)
    if made.returncode != 0:
        sagemaker_local.skip(f"{sys.executable} makes no virtual environments (Debian: python3-venv)")
    python = os.path.join(folder, "bin", "python")
    installed = run(python, "-m", "pip", "install", "--quiet", "--retries", "1", *(packages or PACKAGES))
    if installed.returncode == 0:
        with open(done, "wb") as file:
            file.write(wanted)
        return
    if not packages and has_new_boto3():
        run(sys.executable, "-m", "venv", "--clear", "--system-site-packages", "--without-pip", folder)
        return
    os.remove(python)  # the tests that need it say that it is missing
    lines = installed.stderr.strip().splitlines() or ["pip says nothing"]
    sagemaker_local.skip(f"{wanted.decode()} could not be installed: {lines[-1]}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except subprocess.TimeoutExpired as error:
        sagemaker_local.skip(f"{' '.join(error.cmd)} takes longer than {error.timeout:.0f} s")
