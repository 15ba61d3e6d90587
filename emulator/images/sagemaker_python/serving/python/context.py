"""What handlers get as `context`, where they ask for it: the names of TorchServe's Context, as far as AWS's inference
toolkit gives them a meaning.
"""


class RequestProcessor:
    def __init__(self, request):
        self._request = request

    def get_request_property(self, key):
        return self._request.header(key)

    def get_request_properties(self):
        return dict(self._request.headers)


class Context:
    def __init__(self, system_properties, requests=()):
        self.system_properties = system_properties
        self.manifest = {"model": {"modelName": system_properties.get("model_name", "model")}}
        self.model_name = system_properties.get("model_name", "model")
        self.metrics = None
        self._requests = list(requests)
        self.request_ids = {index: str(index) for index in range(len(self._requests))}

    @property
    def request_processor(self):
        return [RequestProcessor(request) for request in self._requests]

    def get_request_id(self, idx=0):
        return self.request_ids.get(idx)

    def get_request_header(self, idx, key):
        return self._requests[idx].header(key)

    def get_all_request_header(self, idx):
        return dict(self._requests[idx].headers)

    def set_response_content_type(self, idx, value):
        self._requests[idx].response_headers["Content-Type"] = value

    def get_response_content_type(self, idx):
        return self._requests[idx].response_headers.get("Content-Type")

    def set_response_header(self, idx, key, value):
        self._requests[idx].response_headers[key] = value

    def get_response_headers(self, idx):
        return dict(self._requests[idx].response_headers)

    def set_response_status(self, code=200, phrase="", idx=0):
        self._requests[idx].response_status = int(code)

    def set_all_response_status(self, code=200, phrase=""):
        for request in self._requests:
            request.response_status = int(code)

    def get_response_status(self, idx):
        return self._requests[idx].response_status, ""


class Request:
    """One invocation, and what is decided about its answer on the way."""

    def __init__(self, headers, body):
        self.headers = headers  # (name, value) pairs as they came
        self.body = body
        self.response_headers = {}
        self.response_status = 200

    def header(self, name):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None
