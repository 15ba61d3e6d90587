"""Bodies and arrays: the default decoders and encoders of AWS's inference toolkit (decoder.py, encoder.py). numpy and
scipy are imported when a body needs them.
"""

import importlib
import io
import json

from .errors import BadBody, MissingPackage, UnsupportedFormatError

JSON = "application/json"
CSV = "text/csv"
OCTET_STREAM = "application/octet-stream"
ANY = "*/*"
NPY = "application/x-npy"
NPZ = "application/x-npz"
UTF8_TYPES = (JSON, CSV)


def need(package, reason):
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingPackage(package.split(".")[0], reason) from error


def media_type(content_type):
    """application/json of "Application/JSON; charset=utf-8"."""
    return (content_type or "").split(";")[0].strip().lower()


def as_text(data):
    try:
        return data if isinstance(data, str) else bytes(data).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadBody(f"The body is not UTF-8: {error}") from None


def _from_json(data):
    numpy = need("numpy", "decoding JSON")
    try:
        value = json.loads(as_text(data))
    except ValueError as error:
        raise BadBody(f"The body is not JSON: {error}") from None
    if isinstance(value, dict):
        for name in ("instances", "inputs", "data"):
            if name in value:
                value = value[name]
                break
    try:
        array = numpy.array(value)
    except ValueError as error:  # rows of different lengths
        raise BadBody(f"The body is no array: {error}") from None
    if array.dtype == object:
        raise BadBody("The body is no array: it must be a list of numbers, or of lists of equal lengths")
    return array


def _from_csv(data):
    numpy = need("numpy", "decoding CSV")
    try:
        return numpy.genfromtxt(io.StringIO(as_text(data)), delimiter=",")
    except ValueError as error:
        raise BadBody(f"The body is no table: {error}") from None


def _from_npy(data):
    numpy = need("numpy", "decoding NPY")
    try:
        return numpy.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise BadBody(f"The body is not in NumPy's format: {error}") from None


def _from_npz(data):
    numpy = need("numpy", "decoding NPZ")
    try:
        archive = numpy.load(io.BytesIO(data), allow_pickle=False)
        names = archive.files
    except Exception as error:
        raise BadBody(f"The body is not in NumPy's format: {error}") from None
    if "format" in names:
        sparse = need("scipy.sparse", "decoding a sparse matrix")
        try:
            return sparse.load_npz(io.BytesIO(data))
        except (ValueError, KeyError, OSError) as error:
            raise BadBody(f"The body is no sparse matrix: {error}") from None
    if len(names) != 1:
        raise BadBody(f"The body holds {len(names)} arrays: one is expected")
    try:
        return archive[names[0]]
    except (ValueError, OSError) as error:
        raise BadBody(f"The body is not in NumPy's format: {error}") from None


_DECODERS = {JSON: _from_json, CSV: _from_csv, NPY: _from_npy, NPZ: _from_npz}


def decode(data, content_type):
    """A numpy array, or a scipy matrix of a sparse NPZ."""
    decoder = _DECODERS.get(media_type(content_type))
    if decoder is None:
        raise UnsupportedFormatError(content_type, supported=tuple(_DECODERS))
    return decoder(data)


def _plain(value):
    """A tensor as an array; everything else as it is."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _json_default(value):
    value = _plain(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _to_json(value):
    return json.dumps(value, default=_json_default).encode("utf-8")


def _to_csv(value):
    numpy = need("numpy", "writing CSV")
    stream = io.StringIO()
    numpy.savetxt(stream, numpy.atleast_1d(numpy.asarray(_plain(value))), delimiter=",", fmt="%s")
    return stream.getvalue().encode("utf-8")


def _to_npy(value):
    numpy = need("numpy", "writing NPY")
    stream = io.BytesIO()
    numpy.save(stream, numpy.asarray(_plain(value)), allow_pickle=False)
    return stream.getvalue()


_ENCODERS = {JSON: _to_json, CSV: _to_csv, NPY: _to_npy}


def parse_accept(accept):
    """The types of an Accept header, the most wanted first; what has q=0 is left out."""
    wanted = []
    for item in (accept or "").split(","):
        name, *parameters = [part.strip() for part in item.split(";")]
        quality = 1.0
        for parameter in parameters:
            if parameter.lower().startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        if name and quality > 0:
            wanted.append((-quality, len(wanted), name.lower()))
    return [name for _, _, name in sorted(wanted)]


def choose(accept, default):
    """The type to answer in. `default`: for */*."""
    for name in parse_accept(accept):
        if name == ANY:
            name = media_type(default)
        for known in _ENCODERS:
            if name == known or (name.endswith("/*") and known.startswith(name[:-1])):
                return known
    raise UnsupportedFormatError(accept, status_code=406, supported=tuple(_ENCODERS))


def encode(value, content_type):
    encoder = _ENCODERS.get(media_type(content_type))
    if encoder is None:
        raise UnsupportedFormatError(content_type, status_code=406, supported=tuple(_ENCODERS))
    return encoder(value)
