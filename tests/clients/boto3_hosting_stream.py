"""boto3 reads answers of endpoints while containers still write them."""

import os
import time
import unittest

import endpoints
import local_emulator
from botocore.exceptions import EventStreamError

ANSWER = """
if body == b"refuse": return self.reply(503, b"no words today")
if body == b"sent?": return self.reply(200, str(Handler.sent).encode())
if body == b"plain": return self.reply(200, b"all at once", "text/csv")
self.begin("text/plain", X_Amzn_SageMaker_Custom_Attributes="said-" + self.headers.get(
    "X-Amzn-SageMaker-Custom-Attributes", "nothing") + "-" + self.headers.get("Accept", "-"))
if body == b"break off":
    self.chunk(b"half a se")
    self.close_connection = True
    return self.connection.shutdown(2)
if body == b"endless":
    Handler.sent = 0
    try:
        while True:
            self.chunk(b"x" * 65536)
            Handler.sent += 65536
    finally:
        Handler.sent = "ended"
for word in body.split():
    self.chunk(word)
    while word == b"wait" and not os.path.exists(STATE): time.sleep(0.01)
self.chunk(b"")
"""


class Streams(endpoints.EndpointTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.state = cls.emulator.path("state")
        answer = ANSWER.replace("STATE", repr(cls.state))
        test = cls("test_pieces_arrive_while_the_container_writes")
        test.deploy("streams", answer)

    def setUp(self):
        if os.path.exists(self.state):
            os.unlink(self.state)

    def stream(self, body, **more):
        return self.runtime.invoke_endpoint_with_response_stream(EndpointName="streams", Body=body, **more)

    def test_pieces_arrive_while_the_container_writes(self):
        reply = self.stream(b"first wait last", ContentType="text/x", Accept="text/y", CustomAttributes="c")
        self.assertEqual(
            (reply["ContentType"], reply["InvokedProductionVariant"], reply["CustomAttributes"]),
            ("text/plain", "AllTraffic", "said-c-text/y"),
        )
        events = iter(reply["Body"])
        received = b""
        while received != b"firstwait":
            received += next(events)["PayloadPart"]["Bytes"]
        open(self.state, "w").close()  # only now does the container go on
        self.assertEqual(b"".join(event["PayloadPart"]["Bytes"] for event in events), b"last")

    def test_an_answer_that_is_no_stream_is_one_of_a_few_parts(self):
        reply = self.stream(b"plain")
        self.assertEqual(b"".join(event["PayloadPart"]["Bytes"] for event in reply["Body"]), b"all at once")
        self.assertEqual(reply["ContentType"], "text/csv")

    def test_errors_before_the_first_byte_are_answers(self):
        code, message = self.refusal(lambda: self.stream(b"refuse"))
        self.assertEqual(code, "ModelError")
        self.assertIn('Received server error (503) from primary with message "no words today"', message)
        self.assertEqual(
            self.refusal(
                lambda: self.runtime.invoke_endpoint_with_response_stream(EndpointName="nowhere", Body=b"x")
            ),
            ("ValidationError", "Endpoint nowhere of account 000000000000 not found."),
        )

    def test_a_stream_that_breaks_off_ends_in_an_error(self):
        events = iter(self.stream(b"break off")["Body"])
        self.assertEqual(next(events)["PayloadPart"]["Bytes"], b"half a se")
        with self.assertRaises(EventStreamError) as caught:
            next(events)
        error = caught.exception.response
        self.assertEqual(error["Error"]["Code"], "ModelStreamError")
        self.assertIn("was reset or closed", error["Error"]["Message"])

    def test_a_client_that_does_not_read_holds_the_container_back(self):
        reply = self.stream(b"endless")
        next(iter(reply["Body"]))

        def sent():
            return self.runtime.invoke_endpoint(EndpointName="streams", Body=b"sent?")["Body"].read().decode()

        # What is on its way fits into the buffers of the sockets: the container stops when they are full.
        before, last_change = "", time.monotonic()
        while time.monotonic() < last_change + 1:
            if sent() != before:
                before, last_change = sent(), time.monotonic()
            time.sleep(0.02)
        self.assertNotEqual(before, "ended")
        self.assertLess(int(before), 64 << 20)
        reply["Body"].close()  # and ends when nobody will ever read it
        self.eventually(lambda: sent() == "ended")

    def test_many_streams_at_once(self):
        replies = [self.stream(b"wait " + str(i).encode()) for i in range(100)]
        open(self.state, "w").close()
        for i, reply in enumerate(replies):
            text = b"".join(event["PayloadPart"]["Bytes"] for event in reply["Body"])
            self.assertEqual(text, b"wait" + str(i).encode())


if __name__ == "__main__":
    local_emulator.main()
