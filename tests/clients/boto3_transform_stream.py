"""MaxPayloadInMB=0 through boto3: an object is one request whose body comes while it is read."""

import local_emulator
from transform_jobs import TransformTest

# Sends every chunk of the request back as soon as it has come.
ECHO_CHUNKS = """
assert self.headers["Transfer-Encoding"] == "chunked" and "Content-Length" not in self.headers
self.begin()
while True:
    size = int(self.rfile.readline(), 16)
    piece = self.rfile.read(size)
    self.rfile.readline()
    self.chunk(piece.upper())
    if size == 0: return
"""
# Says no before it has read anything, and is not heard with its answer if it closes too early.
REFUSE = """
self.reply(400, b"not for this model")
while self.rfile.read1(65536): pass
"""


class Streams(TransformTest):
    def test_an_object_passes_through_a_model_that_answers_while_it_reads(self):
        self.model("stream", ECHO_CHUNKS)
        # More than the buffers between them hold.
        large = b"".join(b"line %d\n" % number for number in range(1_000_000))
        self.put("stream", a__txt=large, b__txt=b"small")
        self.create("stream", MaxPayloadInMB=0)
        self.completed("stream")
        outputs = self.outputs("stream")
        self.assertEqual(outputs["b.txt.out"], b"SMALL")
        self.assertTrue(outputs["a.txt.out"] == large.upper())  # no message with all of it
        self.assertIn("MaxPayloadInMB=0", self.data_log("stream")[0])

    def test_a_model_may_refuse_what_it_has_not_read(self):
        self.model("refuses", REFUSE)
        self.put("refuses", a__txt=b"x" * 20_000_000)
        self.create("refuses", MaxPayloadInMB=0)
        self.failed("refuses")
        self.assertEqual(self.outputs("refuses"), {})
        self.assertIn("not for this model", "\n".join(self.data_log("refuses")))


if __name__ == "__main__":
    local_emulator.main()
