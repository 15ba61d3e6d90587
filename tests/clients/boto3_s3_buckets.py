"""boto3 on the settings of buckets, pages of other origins, uploads from forms and buckets in host names.

Errors are compared with what AWS was recorded to answer: code, message and the names of the other elements.
"""

import http.client
import json
import unittest
import urllib.parse

import local_emulator
from botocore.exceptions import ClientError
from s3_bucket_errors import LAMBDA, RECORDED, cors, encryption, lifecycle, notification, routing, tags

PLAIN = {"Code", "Message"}


class Buckets(local_emulator.EmulatorTest):
    def setUp(self):
        self.s3 = self.emulator.client("s3", parameter_validation=False)
        parsed = urllib.parse.urlsplit(self.emulator.url)
        self.address = (parsed.hostname, parsed.port)
        self.s3.create_bucket(Bucket="settings")

    def error_of(self, call):
        with self.assertRaises(ClientError) as caught:
            call()
        return caught.exception.response["Error"]

    def request(self, method, target, body=None, **headers):
        """A request that nobody signed."""
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        self.addCleanup(connection.close)
        connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response, response.read().decode()

    def knows(self, operation, parameters):
        """Whether this release of boto3 has the parameters."""
        model = self.s3.meta.service_model.operation_model(self.s3.meta.method_to_api_mapping[operation])
        if "Tags" in parameters.get("CreateBucketConfiguration", {}):
            return "Tags" in model.input_shape.members["CreateBucketConfiguration"].members
        return set(parameters) <= set(model.input_shape.members if model.input_shape else ())

    def test_errors_are_what_aws_was_recorded_to_answer(self):
        self.s3.create_bucket(Bucket="dotted.bucket")
        self.s3.create_bucket(Bucket="western", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        answered = 0
        for operation, parameters, code, message, names in RECORDED:
            parameters = {"Bucket": "settings", **parameters}
            if parameters["Bucket"] is None:
                del parameters["Bucket"]
            if not self.knows(operation, parameters):
                continue
            with self.subTest(operation=operation, message=message):
                error = self.error_of(lambda: getattr(self.s3, operation)(**parameters))
                self.assertEqual((error["Code"], error.get("Message") or ""), (code, message))
                further = set(error) - PLAIN - {"RequestId", "HostId"}
                self.assertEqual(further, set(names.split()))
                answered += 1
        self.assertGreater(answered, 40)

    def test_location_constraints_of_another_region(self):
        emulator = local_emulator.LocalEmulator("--region", "eu-west-1")
        self.addCleanup(emulator.stop)
        s3 = local_emulator.boto3.client(
            "s3",
            endpoint_url=emulator.url,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        words = "The {} location constraint is incompatible for the region specific endpoint this request was sent to."
        for constraint in ("unspecified", "bar", "us-east-2", "aws-global"):
            configuration = {} if constraint == "unspecified" else {"LocationConstraint": constraint}
            options = {"CreateBucketConfiguration": configuration} if configuration else {}
            error = self.error_of(lambda: s3.create_bucket(Bucket="regional", **options))
            self.assertEqual(
                (error["Code"], error["Message"]),
                ("IllegalLocationConstraintException", words.format(constraint)),
            )
        s3.create_bucket(Bucket="regional", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.create_bucket(Bucket="european", CreateBucketConfiguration={"LocationConstraint": "EU"})
        self.assertEqual(s3.get_bucket_location(Bucket="regional")["LocationConstraint"], "eu-west-1")
        self.assertEqual(s3.get_bucket_location(Bucket="european")["LocationConstraint"], "EU")
        head = s3.head_bucket(Bucket="european")["ResponseMetadata"]["HTTPHeaders"]
        self.assertEqual(head["x-amz-bucket-region"], "eu-west-1")

    def test_settings_come_back_and_survive_a_restart(self):
        s3 = self.s3
        policy = json.dumps(
            {
                "Statement": {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": ["arn:aws:s3:::settings", "arn:aws:s3:::settings/*"],
                }
            },
            indent=3,
        )
        rules = cors(AllowedHeaders=["*"], ExposeHeaders=["ETag"], MaxAgeSeconds=30)
        s3.put_bucket_policy(Bucket="settings", Policy=policy)
        s3.put_bucket_cors(Bucket="settings", CORSConfiguration=rules)
        s3.put_bucket_tagging(Bucket="settings", Tagging=tags(("a", "1"), ("b c", "")))
        s3.put_bucket_lifecycle_configuration(Bucket="settings", LifecycleConfiguration=lifecycle())
        s3.put_bucket_notification_configuration(
            Bucket="settings", NotificationConfiguration=notification(LAMBDA, [("prefix", "in/")])
        )
        s3.put_bucket_encryption(
            Bucket="settings", ServerSideEncryptionConfiguration=encryption(SSEAlgorithm="aws:kms", KMSMasterKeyID="k")
        )
        s3.put_bucket_website(Bucket="settings", WebsiteConfiguration=routing(HostName="example.org"))
        self.emulator.kill()
        self.emulator.start()
        s3 = self.emulator.client("s3")
        self.assertEqual(s3.get_bucket_policy(Bucket="settings")["Policy"], policy)
        self.assertEqual(s3.get_bucket_cors(Bucket="settings")["CORSRules"], rules["CORSRules"])
        self.assertEqual(s3.get_bucket_tagging(Bucket="settings")["TagSet"], tags(("a", "1"), ("b c", ""))["TagSet"])
        self.assertEqual(
            s3.get_bucket_lifecycle_configuration(Bucket="settings")["Rules"][0]["Expiration"], {"Days": 1}
        )
        found = s3.get_bucket_notification_configuration(Bucket="settings")["LambdaFunctionConfigurations"][0]
        self.assertEqual(found["LambdaFunctionArn"], LAMBDA)
        self.assertEqual(found["Filter"]["Key"]["FilterRules"], [{"Name": "prefix", "Value": "in/"}])
        self.assertEqual(
            s3.get_bucket_website(Bucket="settings")["RoutingRules"], [{"Redirect": {"HostName": "example.org"}}]
        )
        self.assertEqual(s3.put_object(Bucket="settings", Key="k", Body=b"x")["ServerSideEncryption"], "aws:kms")
        self.assertIn('rule-id="one"', s3.head_object(Bucket="settings", Key="k")["Expiration"])
        s3.delete_object(Bucket="settings", Key="k")
        s3.delete_bucket(Bucket="settings")

    def test_pages_of_other_origins(self):
        s3 = self.s3
        s3.create_bucket(Bucket="pages")
        s3.put_object(Bucket="pages", Key="k", Body=b"x")
        asked = {"Origin": "https://page.example", "Access_Control_Request_Method": "PUT"}
        response, body = self.request("OPTIONS", "/pages/k", **asked)
        self.assertEqual(response.status, 403)
        self.assertIn("CORS is not enabled for this bucket.", body)
        s3.put_bucket_cors(
            Bucket="pages",
            CORSConfiguration=cors(
                AllowedMethods=["PUT", "GET"], AllowedOrigins=["https://page.example"], AllowedHeaders=["*"]
            ),
        )
        response, body = self.request("OPTIONS", "/pages/k", **asked, Access_Control_Request_Headers="x-amz-date")
        self.assertEqual((response.status, body), (200, ""))
        self.assertEqual(response.headers["Access-Control-Allow-Origin"], "https://page.example")
        self.assertEqual(response.headers["Access-Control-Allow-Headers"], "x-amz-date")
        response, body = self.request("OPTIONS", "/nowhere/k", **asked)
        self.assertIn("<Message>CORSResponse: Bucket not found</Message>", body)
        # The page can read answers, and refusals too; a page of another origin cannot.
        response, _ = self.request("GET", "/pages/k", Origin="https://page.example")
        self.assertEqual(response.status, 403)
        self.assertEqual(response.headers["Access-Control-Allow-Origin"], "https://page.example")
        response, _ = self.request("GET", "/pages/k", Origin="https://other.example")
        self.assertIsNone(response.headers["Access-Control-Allow-Origin"])
        url = self.emulator.client("s3", signature_version="s3v4").generate_presigned_url(
            "get_object", Params={"Bucket": "pages", "Key": "k"}
        )
        response, body = self.request("GET", url.replace(self.emulator.url, ""), Origin="https://page.example")
        self.assertEqual((response.status, body), (200, "x"))
        self.assertEqual(response.headers["Access-Control-Allow-Origin"], "https://page.example")
        self.assertEqual(response.headers["Access-Control-Allow-Credentials"], "true")

    def post(self, form, file=b"content", name="photo.jpg", chunked=False):
        boundary = "a-boundary"
        body = b""
        for field, value in form["fields"].items():
            body += f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        body += file + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content_Type": "multipart/form-data; boundary=" + boundary}
        if chunked:
            body = iter([body[i : i + 5000] for i in range(0, len(body), 5000)])
        return self.request("POST", urllib.parse.urlsplit(form["url"]).path, body, **headers)

    def test_uploads_from_forms(self):
        s3 = self.s3
        s3.create_bucket(Bucket="forms")
        session = self.emulator.client("sts").get_session_token()["Credentials"]
        temporary = local_emulator.boto3.client(
            "s3",
            endpoint_url=self.emulator.url,
            region_name=local_emulator.REGION,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
            config=local_emulator.Config(signature_version="s3v4"),
        )
        signers = {
            "version 4": self.emulator.client("s3", signature_version="s3v4"),
            "version 2": self.emulator.client("s3", signature_version="s3"),
            "session": temporary,
        }
        content = bytes(range(256)) * 4000
        for kind, signer in signers.items():
            with self.subTest(kind=kind):
                form = signer.generate_presigned_post(
                    "forms",
                    "uploads/${filename}",
                    Fields={"success_action_status": "201", "x-amz-meta-who": "me", "Content-Type": "image/jpeg"},
                    Conditions=[
                        {"success_action_status": "201"},
                        {"x-amz-meta-who": "me"},
                        ["starts-with", "$Content-Type", "image/"],
                        ["content-length-range", 1, 2_000_000],
                    ],
                )
                response, body = self.post(form, content, kind.replace(" ", "-") + ".jpg", kind == "session")
                self.assertEqual(response.status, 201, body)
                key = "uploads/" + kind.replace(" ", "-") + ".jpg"
                self.assertIn(f"<Key>{key}</Key>", body)
                got = s3.get_object(Bucket="forms", Key=key)
                self.assertEqual(got["Body"].read(), content)
                self.assertEqual((got["ContentType"], got["Metadata"]), ("image/jpeg", {"who": "me"}))

                def refused(form, file=b"content"):
                    response, body = self.post(form, file)
                    code = body.split("<Code>")[1].split("<")[0]
                    return response.status, code

                signature = next(name for name in form["fields"] if name.lower().endswith("signature"))
                right = form["fields"][signature]
                wrong = ("1" if right[0] == "0" else "0") + right[1:]
                changed = {**form, "fields": {**form["fields"], signature: wrong}}
                self.assertEqual(refused(changed), (403, "SignatureDoesNotMatch"))
                self.assertEqual(refused(form, b""), (400, "EntityTooSmall"))
                self.assertEqual(refused(form, b"x" * 2_000_001), (400, "EntityTooLarge"))
                expired = signer.generate_presigned_post("forms", "late", ExpiresIn=-1)
                self.assertEqual(refused(expired), (403, "AccessDenied"))
                self.assertNotIn("late", [o["Key"] for o in s3.list_objects_v2(Bucket="forms")["Contents"]])
                if kind == "session":
                    without = dict(form["fields"])
                    del without["x-amz-security-token"]
                    self.assertEqual(refused({**form, "fields": without}), (403, "InvalidAccessKeyId"))
        unsigned = {"url": self.emulator.url + "/forms", "fields": {"key": "open"}}
        self.assertEqual(refused(unsigned), (403, "AccessDenied"))
        wrong = self.emulator.client("s3", secret="wrong", signature_version="s3v4")
        self.assertEqual(refused(wrong.generate_presigned_post("forms", "k")), (403, "SignatureDoesNotMatch"))

    def test_a_bucket_in_the_name_of_the_host(self):
        s3 = self.s3
        s3.create_bucket(Bucket="by-host")
        s3.put_object(Bucket="by-host", Key="dir/k", Body=b"content")
        port = self.address[1]
        for host in (
            f"by-host.localhost:{port}",
            f"by-host.s3.localhost:{port}",
            f"by-host.s3.us-east-1.localhost:{port}",
            "by-host.s3.amazonaws.com",
            "by-host.s3.us-east-1.amazonaws.com",
            "by-host.s3.dualstack.us-east-1.amazonaws.com",
            "by-host.s3-fips.us-east-1.amazonaws.com",
        ):
            with self.subTest(host=host):
                signer = local_emulator.boto3.client(
                    "s3",
                    endpoint_url="http://" + host,
                    region_name="us-east-1",
                    aws_access_key_id="test",
                    aws_secret_access_key="test",
                    config=local_emulator.Config(signature_version="s3v4", s3={"addressing_style": "path"}),
                )
                # boto3 would put the bucket in front of the path as well: the host alone must do.
                url = signer.generate_presigned_url("list_buckets")
                self.assertTrue(url.startswith("http://" + host))
                target = url[len("http://" + host) :]
                response, body = self.request("GET", target, Host=host)
                self.assertEqual(response.status, 200, body)
                self.assertIn("<Name>by-host</Name>", body)
                self.assertIn("<Key>dir/k</Key>", body)
        # boto3 as it is, where the host's resolver knows the names below localhost.
        virtual = local_emulator.boto3.client(
            "s3",
            endpoint_url=f"http://localhost:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=local_emulator.Config(s3={"addressing_style": "virtual"}),
        )
        seen = []
        virtual.meta.events.register("before-send.s3.*", lambda request, **_: self.through_loopback(request, seen))
        self.assertEqual(virtual.get_object(Bucket="by-host", Key="dir/k")["Body"].read(), b"content")
        virtual.put_object(Bucket="by-host", Key="other", Body=b"y")
        virtual.put_bucket_tagging(Bucket="by-host", Tagging=tags(("a", "b")))
        self.assertEqual(s3.get_object(Bucket="by-host", Key="other")["Body"].read(), b"y")
        self.assertTrue(all(host.startswith("by-host.localhost") for host in seen) and len(seen) == 3, seen)

    def through_loopback(self, request, seen):
        """Resolves BUCKET.localhost for boto3: not every machine's resolver does."""
        parsed = urllib.parse.urlsplit(request.url)
        seen.append(parsed.netloc)
        request.headers["Host"] = parsed.netloc
        request.url = request.url.replace(parsed.netloc, "127.0.0.1:%d" % self.address[1], 1)


if __name__ == "__main__":
    local_emulator.main()
