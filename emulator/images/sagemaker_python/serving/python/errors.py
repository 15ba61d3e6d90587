"""Errors that decide about the status of an answer: the classes of AWS's inference toolkit
(sagemaker_inference.errors), which scripts raise too.
"""

import http.client


class BaseInferenceToolkitError(Exception):
    def __init__(self, status_code, message, phrase):
        super().__init__(message)
        self.status_code = status_code
        self.message = message
        self.phrase = phrase


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    def __init__(self, status_code, message=None, phrase=None):
        message = message or "Invalid Request"
        super().__init__(status_code, message, phrase or message)


class UnsupportedFormatError(BaseInferenceToolkitError):
    """The toolkit answers 500 for this; HTTP's own words for it are 415 and 406."""

    def __init__(self, content_type, status_code=http.client.UNSUPPORTED_MEDIA_TYPE, supported=()):
        message = f"Content type {content_type} is not supported by this framework."
        if supported:
            message += " Supported: " + ", ".join(supported) + "."
        super().__init__(status_code, message, message)


class BadBody(BaseInferenceToolkitError):
    def __init__(self, message):
        super().__init__(http.client.BAD_REQUEST, message, message)


class MissingPackage(GenericInferenceToolkitError):
    def __init__(self, name, reason):
        super().__init__(
            http.client.INTERNAL_SERVER_ERROR,
            f"{reason} needs the Python package {name}, which this machine's interpreter does not have: install it, "
            f"name it in requirements.txt, or start sagemaker-local with --python FILE",
        )
