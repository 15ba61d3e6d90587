"""Modules of AWS's containers that scripts import by name: sagemaker_inference, and the part of sagemaker_containers
that older scikit-learn scripts use. What is installed on this machine is used; the rest is this.
"""

import importlib.abc
import importlib.machinery
import sys
import types

from . import codecs, errors
from .defaults import ArrayDefaults, TorchDefaults


class Response:
    """worker.Response of sagemaker_containers."""

    def __init__(self, response=None, status=None, headers=None, mimetype=None, content_type=None, **_):
        self.response, self.status, self.headers = response, status, headers
        self.mimetype = mimetype or content_type


class DefaultInferenceHandler:
    def default_model_fn(self, model_dir, context=None):
        raise NotImplementedError("Please provide a model_fn implementation.")

    def default_input_fn(self, input_data, content_type, context=None):
        return codecs.decode(input_data, content_type)

    def default_predict_fn(self, data, model, context=None):
        raise NotImplementedError("Please provide a predict_fn implementation.")

    def default_output_fn(self, prediction, accept, context=None):
        return codecs.encode(prediction, accept), accept


class DefaultPytorchInferenceHandler(DefaultInferenceHandler):
    VALID_CONTENT_TYPES = (codecs.JSON, codecs.NPY)

    def default_model_fn(self, model_dir, context=None):
        return TorchDefaults().model_fn(model_dir)

    def default_input_fn(self, input_data, content_type, context=None):
        return TorchDefaults().input_fn(input_data, content_type)

    def default_predict_fn(self, data, model, context=None):
        return TorchDefaults().predict_fn(data, model)


def _decode(obj, content_type=None):
    return codecs.decode(obj, content_type or codecs.JSON)


def _encode(array_like, content_type):
    body = codecs.encode(array_like, content_type)
    return body.decode("utf-8") if content_type in codecs.UTF8_TYPES else body


_CONTENT_TYPES = {
    "JSON": codecs.JSON, "CSV": codecs.CSV, "OCTET_STREAM": codecs.OCTET_STREAM, "ANY": codecs.ANY,
    "NPY": codecs.NPY, "NPZ": codecs.NPZ, "UTF8_TYPES": list(codecs.UTF8_TYPES),
}  # fmt: skip
_ERRORS = {
    "BaseInferenceToolkitError": errors.BaseInferenceToolkitError,
    "GenericInferenceToolkitError": errors.GenericInferenceToolkitError,
    "UnsupportedFormatError": errors.UnsupportedFormatError,
}
_UTILS = {"parse_accept": codecs.parse_accept}
_MODULES = {
    "sagemaker_inference": {},
    "sagemaker_inference.content_types": _CONTENT_TYPES,
    "sagemaker_inference.decoder": {"decode": _decode},
    "sagemaker_inference.encoder": {
        "encode": _encode, "SUPPORTED_CONTENT_TYPES": [codecs.JSON, codecs.CSV, codecs.NPY],
    },
    "sagemaker_inference.errors": _ERRORS,
    "sagemaker_inference.utils": _UTILS,
    "sagemaker_inference.default_inference_handler": {"DefaultInferenceHandler": DefaultInferenceHandler},
    "sagemaker_pytorch_serving_container": {},
    "sagemaker_pytorch_serving_container.default_pytorch_inference_handler": {
        "DefaultPytorchInferenceHandler": DefaultPytorchInferenceHandler
    },
    "sagemaker_containers": {},
    "sagemaker_containers.beta": {},
    "sagemaker_containers.beta.framework": {},
    "sagemaker_containers.beta.framework.content_types": _CONTENT_TYPES,
    "sagemaker_containers.beta.framework.encoders": {"decode": _decode, "encode": _encode},
    "sagemaker_containers.beta.framework.errors": {
        "UnsupportedFormatError": errors.UnsupportedFormatError, "ClientError": errors.BadBody,
    },
    "sagemaker_containers.beta.framework.worker": {"Response": Response},
}  # fmt: skip


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Behind all other finders: a package that is installed wins."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in _MODULES:
            return None
        is_package = any(name.startswith(fullname + ".") for name in _MODULES)
        return importlib.machinery.ModuleSpec(fullname, self, is_package=is_package)

    def create_module(self, spec):
        return types.ModuleType(spec.name)

    def exec_module(self, module):
        vars(module).update(_MODULES[module.__spec__.name])


def install():
    sys.meta_path.append(_Finder())
