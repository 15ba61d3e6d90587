"""The user's functions between a request and its answer, by the rules of AWS's inference toolkit (transformer.py)."""

import http.client
import importlib
import inspect
import json
import sys
import traceback

from . import codecs
from .context import Context
from .defaults import defaults_of
from .errors import BaseInferenceToolkitError, GenericInferenceToolkitError

FUNCTIONS = (
    "model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn", "pre_model_fn", "model_warmup_fn",
)  # fmt: skip
CONFLICT = (
    "Cannot use transform_fn implementation in conjunction with input_fn, predict_fn, and/or output_fn implementation"
)


class Answer:
    """A complete body, or an iterator of pieces."""

    def __init__(self, status, headers, body=b"", pieces=None):
        self.status, self.headers, self.body, self.pieces = status, headers, body, pieces


def as_bytes(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, str):
        return value.encode("utf-8")
    try:
        return json.dumps(value).encode("utf-8")
    except TypeError as error:
        raise TypeError(
            f"output_fn or transform_fn returned {type(value).__name__}: bytes, a str, what JSON can hold, a generator "
            "of those, or a pair of one and its content type is expected"
        ) from error


def is_stream(value):
    return hasattr(value, "__next__") and hasattr(value, "__iter__")


class Transformer:
    def __init__(self, settings):
        self._settings = settings
        self._defaults = defaults_of(settings["framework"])
        self._model = None
        self._functions = {}
        self._user_defined = set()
        self._taken = {}  # numbers of parameters
        self._properties = {}

    # ---- loading

    def load(self):
        module = self._import_user_module()
        self._choose_functions(module)
        model_dir = self._settings["model_dir"]
        self._properties = {
            "model_dir": model_dir,
            "model_name": self._settings["model_name"],
            "gpu_id": 0 if self._settings["gpu"] else None,
            "batch_size": self._settings["batch_size"],
            "server_name": "sagemaker-local",
            "server_version": "1.0",
            "limit_max_image_pixels": True,
        }
        context = Context(self._properties)
        if "pre_model_fn" in self._user_defined:
            self._call("pre_model_fn", (model_dir,), context)
        self._set_threads()
        self._model = self._call("model_fn", (model_dir,), context)
        if hasattr(self._defaults, "model_loaded"):
            self._defaults.model_loaded(self._model)
        self._set_threads()
        if "model_warmup_fn" in self._user_defined:
            self._call("model_warmup_fn", (model_dir, self._model), context)

    def _import_user_module(self):
        name, folder = self._settings["module"], self._settings["code_dir"]
        if not name:
            return None
        if folder and folder not in sys.path:
            sys.path.insert(0, folder)
        return importlib.import_module(name)

    def _choose_functions(self, module):
        for name in FUNCTIONS:
            function = getattr(module, name, None)
            if function is not None:
                self._functions[name] = function
                self._user_defined.add(name)
        if "transform_fn" in self._user_defined and self._user_defined & {"input_fn", "predict_fn", "output_fn"}:
            raise ValueError(CONFLICT)
        for name in ("model_fn", "input_fn", "predict_fn"):
            self._functions.setdefault(name, getattr(self._defaults, name))
        self._functions.setdefault("output_fn", self._default_output)

    def _set_threads(self):
        torch = sys.modules.get("torch")
        if torch is not None and self._settings["threads"] > 0:
            torch.set_num_threads(self._settings["threads"])

    # ---- answering

    def answers(self, requests):
        """Yields (index, Answer) as they are ready."""
        if len(requests) > 1 and "transform_fn" not in self._user_defined:
            yield from self._batch_answers(requests)
            return
        for index, request in enumerate(requests):
            yield index, self._guarded(request, lambda request=request: self._transform(request))

    def _call(self, name, arguments, context):
        function = self._functions[name]
        taken = self._taken.get(name)
        if taken is None:
            taken = self._taken[name] = len(inspect.signature(function).parameters)
        if taken == len(arguments):
            return function(*arguments)
        if taken == len(arguments) + 1:
            return function(*arguments, context)
        raise TypeError(
            f"{getattr(function, '__name__', name)} definition takes {len(arguments)} or {len(arguments) + 1} "
            f"arguments but {taken} were given."
        )

    def _call_context(self, request):
        return Context(self._properties, [request])

    def _input(self, request, context):
        return self._call("input_fn", (self._body(request), request.header("Content-Type")), context)

    def _body(self, request):
        text = codecs.media_type(request.header("Content-Type")) in codecs.UTF8_TYPES
        return codecs.as_text(request.body) if text else request.body

    def _accept(self, request):
        accept = request.header("Accept")
        return self._settings["default_accept"] if not accept or accept.strip() == codecs.ANY else accept

    def _transform(self, request):
        context, accept = self._call_context(request), self._accept(request)
        if "transform_fn" in self._user_defined:
            arguments = (self._model, self._body(request), request.header("Content-Type"), accept)
            return self._finish(request, self._call("transform_fn", arguments, context), accept)
        prediction = self._call("predict_fn", (self._input(request, context), self._model), context)
        return self._output(request, prediction, context)

    def _output(self, request, prediction, context):
        accept = self._accept(request)
        return self._finish(request, self._call("output_fn", (prediction, accept), context), accept)

    def _default_output(self, prediction, accept):
        chosen = codecs.choose(accept, self._settings["default_accept"])
        return codecs.encode(prediction, chosen), chosen

    def _finish(self, request, result, accept):
        content_type = accept
        if isinstance(result, tuple) and len(result) == 2:
            result, content_type = result
        elif hasattr(result, "response") and hasattr(result, "mimetype"):  # worker.Response of older toolkits
            request.response_status = int(getattr(result, "status", None) or request.response_status)
            result, content_type = result.response, result.mimetype
        request.response_headers.setdefault("Content-Type", content_type)
        if is_stream(result):
            return self._begin_stream(request, result)
        return Answer(request.response_status, request.response_headers, as_bytes(result))

    @staticmethod
    def _begin_stream(request, pieces):
        """The first piece is made before anything is sent, so that an error in it still has a status."""
        first = [as_bytes(piece) for _, piece in zip(range(1), pieces)]

        def rest():
            yield from first
            try:
                for piece in pieces:
                    yield as_bytes(piece)
            finally:
                if hasattr(pieces, "close"):
                    pieces.close()

        return Answer(request.response_status, request.response_headers, pieces=rest())

    def _guarded(self, request, work):
        try:
            return work()
        except Exception as error:
            return self._failure(request, error)

    @staticmethod
    def _failure(request, error):
        trace = traceback.format_exc()
        if not isinstance(error, BaseInferenceToolkitError) and not _is_toolkit_error(error):
            status = http.client.INSUFFICIENT_STORAGE if _is_out_of_memory(error) else http.client.INTERNAL_SERVER_ERROR
            error = GenericInferenceToolkitError(status, str(error))
        if int(error.status_code) >= 500:
            sys.stderr.write(trace)
            sys.stderr.flush()
        headers = {name: value for name, value in request.response_headers.items() if name != "Content-Type"}
        headers["Content-Type"] = "text/plain"
        return Answer(int(error.status_code), headers, f"{error.message}\n{trace}".encode("utf-8", "replace"))

    # ---- several requests at once

    def _batch_answers(self, requests):
        """One call of predict_fn for all requests whose inputs can be stacked; errors stay with their request."""
        inputs, groups = {}, {}
        for index, request in enumerate(requests):
            context = self._call_context(request)
            try:
                inputs[index] = (context, self._input(request, context))
                groups.setdefault(_stacking_key(inputs[index][1]) or ("alone", index), []).append(index)
            except Exception as error:
                yield index, self._failure(request, error)
        for members in groups.values():
            predictions = self._predict_together([inputs[index] for index in members])
            for index, prediction in zip(members, predictions):
                yield index, self._guarded(requests[index], lambda i=index, p=prediction: self._batch_output(
                    requests[i], inputs[i], p))

    def _batch_output(self, request, item, prediction):
        context, data = item
        if prediction is None:
            prediction = (self._call("predict_fn", (data, self._model), context),)
        return self._output(request, prediction[0], context)

    def _predict_together(self, items):
        """For each item its prediction in a tuple; None where it must be predicted alone."""
        alone = [None] * len(items)
        if len(items) == 1:
            return alone
        rows = [len(data) for _, data in items]
        try:
            stacked = _stack([data for _, data in items])
            result = self._call("predict_fn", (stacked, self._model), items[0][0])
            if len(getattr(result, "shape", ())) == 0 or result.shape[0] != sum(rows):
                return alone
        except Exception:  # whose fault it is shows when each is predicted alone
            return alone
        begins = [sum(rows[:i]) for i in range(len(rows))]
        return [(result[begin:begin + count],) for begin, count in zip(begins, rows)]


def _is_toolkit_error(error):
    """The installed sagemaker_inference has classes of its own."""
    return any(base.__name__ == "BaseInferenceToolkitError" for base in type(error).__mro__)


def _is_out_of_memory(error):
    return isinstance(error, MemoryError) or "out of memory" in str(error) and "CUDA" in str(error)


def _stacking_key(data):
    """What inputs must share to be stacked along their first dimension; None: this one cannot be."""
    shape = getattr(data, "shape", None)
    if shape is None or len(shape) < 2 or shape[0] == 0 or not hasattr(data, "dtype") or hasattr(data, "toarray"):
        return None
    return type(data).__name__, tuple(shape[1:]), str(data.dtype), str(getattr(data, "device", ""))


def _stack(arrays):
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(arrays[0], torch.Tensor):
        return torch.cat(arrays)
    return sys.modules["numpy"].concatenate(arrays)
