"""DataProcessing of transform jobs through boto3: the developer guide's examples, and what is refused."""

import local_emulator
from transform_jobs import TransformTest

JSON_LINES = {"SplitType": "Line", "ContentType": "application/jsonlines"}
JSON_LINES_OUT = {"AssembleWith": "Line", "Accept": "application/jsonlines"}
# Adds up the numbers of every line, an array.
SUM = """
sums = [sum(json.loads(line)) for line in body.decode().splitlines()]
self.reply(200, "".join(json.dumps({"label": each}) + "\\n" for each in sums).encode())
"""


class DataProcessing(TransformTest):
    def test_json_lines_are_filtered_joined_and_filtered_again(self):
        self.model("joined", SUM)
        self.put(
            "joined",
            a__jsonl=b'{"id": 12345678901234567890123, "features": [1, 2], "x": 1.0}\n{"features": [3], "id": "b"}\n',
        )
        self.create(
            "joined",
            input=JSON_LINES,
            output=JSON_LINES_OUT,
            DataProcessing={
                "InputFilter": "$.features",
                "JoinSource": "Input",
                "OutputFilter": "$['id','SageMakerOutput']",
            },
        )
        self.completed("joined")
        self.assertEqual(
            self.outputs("joined"),
            {
                "a.jsonl.out": b'{"id":12345678901234567890123,"SageMakerOutput":{"label":3}}\n'
                b'{"id":"b","SageMakerOutput":{"label":3}}\n'
            },
        )

    def test_a_whole_json_document_is_joined(self):
        self.model("document", 'self.reply(200, b\'{"rows": %d}\' % len(json.loads(body)))')
        self.put("document", a__json=b"[1.0,\n 2,\n 3]\n")
        self.create(
            "document",
            input={"ContentType": "application/json"},
            output={"Accept": "application/json"},
            DataProcessing={"JoinSource": "Input"},
        )
        self.completed("document")
        self.assertEqual(
            self.outputs("document")["a.json.out"].strip(),
            b'{"SageMakerInput":[1.0,2,3],"SageMakerOutput":{"rows":3}}',
        )

    def test_the_answer_alone_is_filtered(self):
        self.model("answer", SUM)
        self.put("answer", a__jsonl=b"[1]\n[2, 3]\n")
        self.create("answer", input=JSON_LINES, output=JSON_LINES_OUT, DataProcessing={"OutputFilter": "$.label"})
        self.completed("answer")
        self.assertEqual(self.outputs("answer"), {"a.jsonl.out": b"1\n5\n"})

    def test_a_record_without_what_the_filter_names_fails_its_object_only(self):
        self.model("lacking", SUM)
        self.put("lacking", a__jsonl=b'{"features": [1]}\n{"feature": [1]}\n', b__jsonl=b'{"features": [1]}\n')
        self.create(
            "lacking", input=JSON_LINES, output=JSON_LINES_OUT, DataProcessing={"InputFilter": "$.features"}
        )
        self.failed("lacking")
        self.assertEqual(self.outputs("lacking"), {"b.jsonl.out": b'{"label": 1}\n'})
        self.assertIn("no member 'features'", "\n".join(self.data_log("lacking")))

    def test_what_does_not_go_together_is_refused(self):
        self.model("refused", SUM)
        self.put("refused", a__csv=b"1\n")

        def refusal(processing, **more):
            job = {"input": JSON_LINES, "output": JSON_LINES_OUT, "DataProcessing": processing, **more}
            code, message = self.refusal(self.create, "refused", **job)
            self.assertEqual(code, "ValidationException")
            return message

        self.assertIn("deep scan", refusal({"InputFilter": "$..features"}))
        self.assertIn("63", refusal({"InputFilter": "$." + "x" * 62}))
        join = {"JoinSource": "Input"}
        self.assertIn("ContentType and Accept", refusal(join, output={**JSON_LINES_OUT, "Accept": "application/json"}))
        self.assertIn("SplitType and AssembleWith", refusal(join, output={**JSON_LINES_OUT, "AssembleWith": "None"}))
        self.assertIn("image/png", refusal(join, input={"ContentType": "image/png"}))
        csv = {"SplitType": "Line", "ContentType": "text/csv"}
        self.assertIn("only index based", refusal({"InputFilter": "$.x"}, input=csv))


if __name__ == "__main__":
    local_emulator.main()
