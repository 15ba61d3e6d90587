"""What the handlers do that a script leaves out: as AWS's PyTorch containers do (default_pytorch_inference_handler.py),
and as its scikit-learn containers do (serving.py). torch is imported only where a model or a script needs it.
"""

import json
import os
import sys

from . import codecs
from .errors import GenericInferenceToolkitError

MODEL_FILE = "model.pt"
PLEASE_PROVIDE = (
    "Please provide a model_fn implementation. See documentation for model_fn at "
    "https://github.com/aws/sagemaker-python-sdk"
)


def torch_device(torch):
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def is_torch_module(model):
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


class TorchDefaults:
    def model_fn(self, model_dir):
        path = os.path.join(model_dir, MODEL_FILE)
        if not os.path.exists(path):
            files = sorted(name for name in os.listdir(model_dir) if name.endswith((".pt", ".pth")))
            if len(files) != 1:
                raise ValueError(f"Exactly one .pth or .pt file is required for PyTorch models: {files}")
            path = os.path.join(model_dir, files[0])
        torch = codecs.need("torch", "loading a TorchScript model without a model_fn")
        return torch.jit.load(path, map_location=torch_device(torch))

    def input_fn(self, data, content_type):
        array = codecs.decode(data, content_type)
        torch = codecs.need("torch", "making a tensor without an input_fn")
        if hasattr(array, "toarray"):
            array = array.toarray()
        if codecs.media_type(content_type) in codecs.UTF8_TYPES:
            try:
                return torch.from_numpy(array.astype("float32")).to(torch_device(torch))
            except ValueError as error:
                raise codecs.BadBody(f"The body is no array of numbers: {error}") from None
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        try:
            return torch.from_numpy(array).to(torch_device(torch))
        except TypeError as error:  # unsigned numbers of 16 bits and more, texts
            raise codecs.BadBody(f"The body is no array that a tensor can hold: {error}") from None

    def predict_fn(self, data, model):
        torch = codecs.need("torch", "predicting without a predict_fn")
        with torch.no_grad():
            device = torch_device(torch)
            if hasattr(model, "eval") and getattr(model, "training", True):
                model.eval()
            if device.type != "cpu":  # else there is nowhere to go, and looking at every parameter takes its time
                model = model.to(device) if hasattr(model, "to") else model
                data = data.to(device) if hasattr(data, "to") else data
            return model(data)


class ArrayDefaults:
    """Models with a method predict that takes a numpy array."""

    def model_fn(self, model_dir):
        raise NotImplementedError(PLEASE_PROVIDE)

    def input_fn(self, data, content_type):
        array = codecs.decode(data, content_type)
        if codecs.media_type(content_type) not in codecs.UTF8_TYPES:
            return array
        try:
            return array.astype("float32")
        except ValueError as error:
            raise codecs.BadBody(f"The body is no array of numbers: {error}") from None

    def predict_fn(self, data, model):
        return model.predict(data)


class HuggingFaceDefaults(ArrayDefaults):
    """A document goes to the model as it is (sagemaker-huggingface-inference-toolkit, handler_service.py)."""

    def model_fn(self, model_dir):
        raise NotImplementedError(
            "A pipeline of transformers without a model_fn is not implemented by sagemaker-local: define model_fn"
        )

    def input_fn(self, data, content_type):
        if codecs.media_type(content_type) != codecs.JSON:
            return super().input_fn(data, content_type)
        try:
            return json.loads(codecs.as_text(data))
        except ValueError as error:
            raise codecs.BadBody(f"The body is not JSON: {error}") from None

    def predict_fn(self, data, model):
        if not isinstance(data, dict):
            return model(data)
        inputs = data.pop("inputs", data)
        parameters = data.pop("parameters", None) or {}
        return model(inputs, **parameters)


class TensorFlowDefaults(ArrayDefaults):
    def model_fn(self, model_dir):
        raise NotImplementedError(
            "TensorFlow Serving, with input_handler and output_handler, is not implemented by sagemaker-local: define "
            "model_fn and predict_fn, or map the image to a program with --images FILE"
        )


class AutomaticDefaults:
    """An image that names no framework: the model decides."""

    def __init__(self):
        self._torch, self._array = TorchDefaults(), ArrayDefaults()
        self._of_model = self._array

    def model_fn(self, model_dir):
        if any(name.endswith((".pt", ".pth")) for name in os.listdir(model_dir)):
            return self._torch.model_fn(model_dir)
        return self._array.model_fn(model_dir)

    def model_loaded(self, model):
        self._of_model = self._torch if is_torch_module(model) else self._array

    def input_fn(self, data, content_type):
        return self._of_model.input_fn(data, content_type)

    def predict_fn(self, data, model):
        if not is_torch_module(model) and not hasattr(model, "predict"):
            raise GenericInferenceToolkitError(
                500, f"A model of the type {type(model).__name__} has no method predict: define predict_fn"
            )
        return self._of_model.predict_fn(data, model)


def defaults_of(framework):
    known = {
        "pytorch": TorchDefaults, "scikit-learn": ArrayDefaults, "huggingface": HuggingFaceDefaults,
        "tensorflow": TensorFlowDefaults,
    }  # fmt: skip
    return known.get(framework, AutomaticDefaults)()
