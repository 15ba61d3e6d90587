#!/usr/bin/env python3
"""Trains and serves samples/01_mnist on the GPU and on the CPU and compares what they say.

Usage: check_mnist.py PROGRAM DATA_FOLDER
"""
import gzip
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

EPOCHS = 2
ACCURACY_TOLERANCE = 0.01   # the devices shuffle differently
PROBABILITY_TOLERANCE = 1e-3
faults = 0


def check(holds, what):
    global faults
    print("%s: %s" % ("ok" if holds else "FAULT", what), flush=True)
    faults += not holds


def environment(base, gpus, **more):
    return dict(os.environ, SAGEMAKER_BASE_DIR=base, SM_NUM_GPUS=str(gpus), **more)


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


def train(program, base, data, gpus):
    """(the program's output, the last test accuracy, seconds)"""
    config = os.path.join(base, "input", "config")
    write_json(os.path.join(config, "hyperparameters.json"), {"epochs": str(EPOCHS), "batch-size": "128"})
    write_json(os.path.join(config, "resourceconfig.json"), {"current_host": "algo-1", "hosts": ["algo-1"]})
    write_json(os.path.join(config, "inputdataconfig.json"), {"training": {"TrainingInputMode": "File"}})
    os.makedirs(os.path.join(base, "input", "data"))
    os.symlink(data, os.path.join(base, "input", "data", "training"))
    start = time.monotonic()
    done = subprocess.run([program, "train"], env=environment(base, gpus), timeout=400, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seconds = time.monotonic() - start
    print(done.stdout, end="")
    if done.returncode != 0:
        raise SystemExit("FAULT: training with %d GPUs ended with %d" % (gpus, done.returncode))
    accuracies = re.findall(r"test_accuracy=([0-9.]+)", done.stdout)
    if not accuracies:
        raise SystemExit("FAULT: the script printed no test_accuracy")
    return done.stdout, float(accuracies[-1]), seconds


def first_images(data, count):
    """Rows of 784 pixels from 0 to 1."""
    path = os.path.join(data, "t10k-images-idx3-ubyte")
    opened = open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb")
    with opened as file:
        _, total, height, width = struct.unpack(">IIII", file.read(16))
        size = height * width
        return [[byte / 255.0 for byte in file.read(size)] for _ in range(min(count, total))]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def predict(program, base, images, gpus):
    port = free_port()
    url = "http://127.0.0.1:%d" % port
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    server = subprocess.Popen([program, "serve"], env=environment(
        base, gpus, SAGEMAKER_BIND_TO_HOST="127.0.0.1", SAGEMAKER_BIND_TO_PORT=str(port)))
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                opener.open(url + "/ping", timeout=5).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("FAULT: serving with %d GPUs did not come up" % gpus) from None
                time.sleep(0.05)
        request = urllib.request.Request(url + "/invocations", json.dumps({"instances": images}).encode(),
                                         {"Content-Type": "application/json", "Accept": "application/json"})
        with opener.open(request, timeout=60) as response:
            answer = json.load(response)
        return answer.get("predictions", answer) if isinstance(answer, dict) else answer
    finally:
        server.terminate()
        try:
            server.wait(40)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def main():
    program, data = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        gpu, cpu = os.path.join(folder, "gpu"), os.path.join(folder, "cpu")
        output, gpu_accuracy, gpu_s = train(program, gpu, data, 1)
        check("device cuda" in output, "the script trains on the GPU")
        output, cpu_accuracy, cpu_s = train(program, cpu, data, 0)
        check("device cpu" in output, "and without one on the CPU")
        print("%d epochs, start and data included: %.1f s on the GPU, %.1f s on the CPU" % (EPOCHS, gpu_s, cpu_s))
        check(gpu_accuracy > 0.9, "accuracy on the GPU is %.4f" % gpu_accuracy)
        check(abs(gpu_accuracy - cpu_accuracy) <= ACCURACY_TOLERANCE,
              "and %.4f on the CPU: within %g" % (cpu_accuracy, ACCURACY_TOLERANCE))
        images = first_images(data, 100)
        on_gpu, on_cpu = predict(program, gpu, images, 1), predict(program, gpu, images, 0)
        shaped = len(on_gpu) == len(on_cpu) == len(images) and all(len(row) == 10 for row in on_gpu + on_cpu)
        check(shaped, "each of %d images gets ten probabilities from both" % len(images))
        worst = max((abs(a - b) for x, y in zip(on_gpu, on_cpu) for a, b in zip(x, y)), default=1.0)
        check(worst <= PROBABILITY_TOLERANCE, "the model of the GPU says the same on both: they differ by %.1e" % worst)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
