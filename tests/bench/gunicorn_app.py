"""What bench_serving_stacks compares with: the model of model.cpp behind gunicorn, written as a Python programmer who
minds speed would: plain WSGI, torch with one thread, no framework in between. The variable BENCH_MODEL chooses the
network."""
import io
import json
import os

import numpy
import torch

torch.set_num_threads(1)

if os.environ.get("BENCH_MODEL") == "cnn":
    model = torch.nn.Sequential(torch.nn.Unflatten(1, (1, 28, 28)), torch.nn.Conv2d(1, 16, 3), torch.nn.ReLU(),
                                torch.nn.MaxPool2d(2), torch.nn.Conv2d(16, 32, 3), torch.nn.ReLU(),
                                torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(800, 10),
                                torch.nn.Softmax(1))
else:
    model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10),
                                torch.nn.Softmax(1))
model.eval()


@torch.inference_mode()
def application(environ, start_response):
    if environ["PATH_INFO"] == "/ping":
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    content_type = environ["CONTENT_TYPE"]
    if content_type == "application/x-npy":
        rows = torch.from_numpy(numpy.load(io.BytesIO(body)))
        out = io.BytesIO()
        numpy.save(out, model(rows).numpy())
        answer = out.getvalue()
    else:
        rows = torch.tensor(json.loads(body)["instances"], dtype=torch.float32)
        answer = json.dumps(model(rows).tolist()).encode()
    start_response("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(answer)))])
    return [answer]
