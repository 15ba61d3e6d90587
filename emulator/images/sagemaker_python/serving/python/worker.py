"""The loop of a worker: requests come, and answers go, as frames over a Unix socket (see frame.hpp)."""

import json
import os
import select
import signal
import struct
import sys
import time
import traceback

from . import compatibility
from .context import Request
from .handlers import Transformer, _is_out_of_memory

HEADER = struct.Struct("<IQ")
ANSWER_BYTES_MAX = 1 << 30


class Channel:
    def __init__(self, connection):
        self._connection = connection

    def send(self, head, body=b""):
        text = json.dumps(head).encode("utf-8")
        self._connection.sendall(HEADER.pack(len(text), len(body)) + text + (body if len(body) < 65536 else b""))
        if len(body) >= 65536:
            self._connection.sendall(body)

    def receive(self):
        """(head, body), or None at the end."""
        header = self._exactly(HEADER.size)
        if header is None:
            return None
        head_size, body_size = HEADER.unpack(header)
        head = self._exactly(head_size)
        body = self._exactly(body_size)
        return None if head is None or body is None else (json.loads(bytes(head)), body)

    def has_input(self):
        return bool(select.select([self._connection], [], [], 0)[0])

    def _exactly(self, size):
        data = bytearray(size)
        view, done = memoryview(data), 0
        while done < size:
            got = self._connection.recv_into(view[done:])
            if got == 0:
                return None
            done += got
        return bytes(data)


def send_answer(channel, index, answer, alone):
    headers = [[str(name), str(value)] for name, value in answer.headers.items() if value is not None]
    head = {"op": "reply", "index": index, "status": answer.status, "headers": headers}
    if answer.pieces is not None and alone:
        send_stream(channel, dict(head, op="begin"), answer.pieces)
        return
    try:
        body = answer.body if answer.pieces is None else b"".join(answer.pieces)
    except Exception as failure:  # of a generator in a batch: the other requests go on
        traceback.print_exc()
        head.update(status=500, headers=[["Content-Type", "text/plain"]])
        body = f"the generator of the answer failed: {failure}".encode("utf-8", "replace")
    if len(body) > ANSWER_BYTES_MAX:
        head.update(status=500, headers=[["Content-Type", "text/plain"]])
        body = f"The answer has {len(body)} bytes, at most {ANSWER_BYTES_MAX} can be sent".encode()
    channel.send(head, body)


def send_stream(channel, begin, pieces):
    channel.send(begin)
    error = ""
    try:
        for piece in pieces:
            if channel.has_input():  # the client is gone, or the server
                break
            if piece:
                channel.send({"op": "piece"}, piece)
    except ConnectionError:
        raise
    except Exception as failure:
        traceback.print_exc()
        error = str(failure) or type(failure).__name__
    finally:
        pieces.close()
    channel.send({"op": "end", "error": error})


def requests_of(head, body):
    requests, begin = [], 0
    for item in head["requests"]:
        requests.append(Request([tuple(pair) for pair in item["headers"]], body[begin:begin + item["size"]]))
        begin += item["size"]
    return requests


def serve(channel, transformer):
    while True:
        frame = channel.receive()
        if frame is None:
            return
        head, body = frame
        if head["op"] != "invoke":  # "cancel" of a stream that had ended by itself
            continue
        requests = requests_of(head, body)
        del frame, body
        try:
            for index, answer in transformer.answers(requests):
                send_answer(channel, index, answer, len(requests) == 1)
        except (BrokenPipeError, ConnectionResetError):
            return


def main(connection, settings):
    # Who stops the server lets requests that run end: a worker ends when its socket does.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    channel = Channel(connection)
    compatibility.install()
    begun = time.monotonic()
    transformer = Transformer(settings)
    try:
        transformer.load()
    except BaseException as error:
        traceback.print_exc()
        sys.stderr.flush()
        status = 507 if _is_out_of_memory(error) else 500
        text = f"{error}\n{traceback.format_exc()}"
        channel.send({"op": "failed", "status": status}, text.encode("utf-8", "replace"))
        os._exit(1)
    channel.send({"op": "ready", "milliseconds": int(1000 * (time.monotonic() - begun))})
    serve(channel, transformer)
    sys.stdout.flush()
    os._exit(0)  # threads of the user's code, and of libraries, may have no end
