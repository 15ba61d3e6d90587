"""Event streams as botocore reads them: messages that this script encodes go through our decoder and encoder
(event_stream_echo, named by SAGEMAKER_TEST_EVENT_STREAM) and mean the same to botocore before and after."""

import binascii
import os
import struct
import subprocess
import unittest
import uuid

import sagemaker_local

try:
    from botocore.eventstream import EventStreamBuffer
except ImportError as error:
    sagemaker_local.skip(f"botocore is not here: {error}")


def message(headers, payload=b""):
    encoded = b"".join(bytes([len(name)]) + name.encode() + value for name, value in headers)
    start = struct.pack(">II", 16 + len(encoded) + len(payload), len(encoded))
    start += struct.pack(">I", binascii.crc32(start)) + encoded + payload
    return start + struct.pack(">I", binascii.crc32(start))


def text(value):
    return b"\x07" + struct.pack(">H", len(value)) + value


MESSAGES = [
    message([]),
    message([], b"payload"),
    message([(":event-type", text(b"PayloadPart")), (":message-type", text(b"event"))], bytes(range(256)) * 40),
    message([(":exception-type", text(b"ModelStreamError"))], b'{"ErrorCode": "StreamBroken"}'),
    message([
        ("true", b"\x00"), ("false", b"\x01"), ("byte", b"\x02" + struct.pack(">b", -128)),
        ("short", b"\x03" + struct.pack(">h", -2)), ("int", b"\x04" + struct.pack(">i", -40972)),
        ("long", b"\x05" + struct.pack(">q", -5_000_000_000)), ("bytes", b"\x06\x00\x03\x00\xff\x0a"),
        ("text", text("\u03c0".encode())), ("time", b"\x08" + struct.pack(">q", 1_763_700_000_123)),
        ("uuid", b"\x09" + uuid.UUID("01020304-0506-0708-090a-0b0c0d0e0f10").bytes), ("empty", text(b"")),
    ], b"all types"),
]


def meaning(stream):
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    return [(event.headers, event.payload) for event in buffer]


class EventStream(unittest.TestCase):
    @staticmethod
    def echo(stream):
        return subprocess.run([os.environ["SAGEMAKER_TEST_EVENT_STREAM"]], input=stream, capture_output=True)

    def test_the_same_to_botocore(self):
        stream = b"".join(MESSAGES)
        echoed = self.echo(stream)
        self.assertEqual(echoed.returncode, 0, echoed.stderr)
        self.assertEqual(len(meaning(stream)), len(MESSAGES))
        self.assertEqual(meaning(echoed.stdout), meaning(stream))
        self.assertEqual(echoed.stdout, stream)

    def test_what_botocore_refuses(self):
        whole = MESSAGES[-1]
        for broken in (
            whole[:20] + b"\x00" + whole[21:],  # a header
            whole[:3] + b"\x11" + whole[4:],  # the length
            whole[:-1] + bytes([whole[-1] ^ 1]),  # the checksum
            message([("a", text(b"1")), ("a", text(b"2"))]),
        ):
            with self.assertRaises(Exception):
                meaning(broken)
            self.assertEqual(self.echo(broken).returncode, 1)


if __name__ == "__main__":
    unittest.main()
