"""boto3's sts and iam clients: who calls, sessions of roles, web identities, presigned calls, roles and policies."""

import base64
import datetime
import json
import os
import re
import stat
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import boto3
import local_emulator
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
ALICE = "arn:aws:iam::111122223333:user/alice"


def credentials_file():
    handle, path = tempfile.mkstemp(suffix=".json")
    with os.fdopen(handle, "w") as file:
        json.dump({"AKIAALICE": {"secret": "her secret", "arn": ALICE}, "AKIAPLAIN": "plain"}, file)
    return path


def id_token(**claims):
    def part(document):
        return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    claims = {"iss": "https://oidc.example.com", "sub": "pod:trainer", "aud": "sts.amazonaws.com", **claims}
    return ".".join([part({"alg": "RS256"}), part(claims), "c2lnbmF0dXJl"])


class IdentityTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.credentials = credentials_file()
        cls.emulator = local_emulator.LocalEmulator("--credentials", cls.credentials)

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()
        os.remove(cls.credentials)

    def client(self, service, key="test", secret="test", token=None, region="us-east-1", **config):
        return boto3.client(
            service,
            endpoint_url=self.emulator.url,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"max_attempts": 0}, **config),
        )

    def client_of(self, service, credentials, **config):
        return self.client(
            service,
            credentials["AccessKeyId"],
            credentials["SecretAccessKey"],
            credentials["SessionToken"],
            **config,
        )

    def refusal(self, call):
        with self.assertRaises(ClientError) as caught:
            call()
        error = caught.exception.response["Error"]
        return error["Code"], error["Message"]


class Sts(IdentityTest):
    def arn(self, client):
        return client.get_caller_identity()["Arn"]

    def test_each_key_has_its_identity(self):
        self.assertEqual(self.arn(self.client("sts")), "arn:aws:iam::000000000000:root")
        self.assertEqual(self.arn(self.client("sts", "AKIAALICE", "her secret")), ALICE)
        self.assertEqual(self.arn(self.client("sts", "AKIAPLAIN", "plain")), "arn:aws:iam::000000000000:root")
        self.assertEqual(
            self.refusal(self.client("sts", "AKIANOBODY", "x").get_caller_identity),
            ("InvalidClientTokenId", "The security token included in the request is invalid."),
        )
        self.assertEqual(
            self.refusal(self.client("sts", "AKIAALICE", "wrong").get_caller_identity)[0], "SignatureDoesNotMatch"
        )
        # The global endpoint signs for us-east-1 whatever the region; another region is refused.
        self.assertEqual(
            self.refusal(self.client("sts", region="eu-west-3").get_caller_identity)[0], "SignatureDoesNotMatch"
        )

    def test_an_assumed_role_works_everywhere_until_its_token_is_wrong(self):
        answer = self.client("sts").assume_role(
            RoleArn="arn:aws:iam::000000000000:role/path/Any",
            RoleSessionName="me",
            DurationSeconds=900,
            Tags=[{"Key": "team", "Value": "a"}],
            Policy=json.dumps(READ),
        )
        self.assertLess(answer["Credentials"]["Expiration"], datetime.datetime.now(datetime.timezone.utc)
                        + datetime.timedelta(seconds=901))
        self.assertGreater(answer["PackedPolicySize"], 0)
        credentials = answer["Credentials"]
        self.assertEqual(
            self.arn(self.client_of("sts", credentials)), "arn:aws:sts::000000000000:assumed-role/Any/me"
        )
        s3 = self.client_of("s3", credentials)
        s3.create_bucket(Bucket="of-the-role")
        self.client_of("sagemaker", credentials).list_models()
        wrong = dict(credentials, SessionToken="forged")
        self.assertEqual(self.refusal(self.client_of("s3", wrong).list_buckets)[0], "InvalidToken")
        self.assertEqual(
            self.refusal(self.client_of("sagemaker", wrong).list_models)[0], "UnrecognizedClientException"
        )
        self.assertEqual(self.refusal(self.client_of("sts", wrong).get_caller_identity)[0], "InvalidClientTokenId")

    def test_a_session_policy_that_is_none(self):
        call = dict(RoleArn="arn:aws:iam::000000000000:role/Any", RoleSessionName="me")
        self.assertEqual(
            self.refusal(lambda: self.client("sts").assume_role(Policy="{", **call)),
            ("MalformedPolicyDocument", "This policy contains invalid Json"),
        )
        self.assertEqual(
            self.refusal(lambda: self.client("sts").assume_role(**dict(call, RoleArn="nothing-valid-in-here"))),
            ("ValidationError", "nothing-valid-in-here is invalid"),
        )

    def test_session_and_federation_tokens(self):
        alice = self.client("sts", "AKIAALICE", "her secret")
        session = alice.get_session_token()["Credentials"]
        self.assertEqual(self.arn(self.client_of("sts", session)), ALICE)
        self.assertEqual(self.refusal(self.client_of("sts", session).get_session_token)[0], "AccessDenied")
        federated = alice.get_federation_token(Name="bob")
        self.assertEqual(
            self.arn(self.client_of("sts", federated["Credentials"])),
            "arn:aws:sts::111122223333:federated-user/bob",
        )
        self.assertEqual(
            alice.get_access_key_info(AccessKeyId=session["AccessKeyId"])["Account"], "111122223333"
        )

    def test_operations_that_are_not_implemented_say_so(self):
        code, message = self.refusal(lambda: self.client("sts").decode_authorization_message(EncodedMessage="x"))
        self.assertEqual(code, "InvalidAction")
        self.assertIn("DecodeAuthorizationMessage is not implemented", message)

    def test_services_that_are_not_here_say_so_in_their_own_protocol(self):
        calls = {
            "ec2": lambda client: client.describe_instances(),  # a form, and XML
            "sns": lambda client: client.list_topics(),
            "route53": lambda client: client.list_hosted_zones(),  # paths, and XML
            "lambda": lambda client: client.list_functions(),  # paths, and JSON
            "dynamodb": lambda client: client.list_tables(),  # JSON
        }
        for name, call in calls.items():
            with self.subTest(name):
                code, message = self.refusal(lambda: call(self.client(name)))
                self.assertEqual(code, "UnknownOperationException")
                self.assertIn("is not implemented by sagemaker-local", message)
        s3 = self.client("s3")
        if hasattr(s3, "create_session"):  # directory buckets, which sign for a service of their own
            code, message = self.refusal(lambda: s3.head_object(Bucket="b--use1-az4--x-s3", Key="k"))
            self.assertEqual(code, "NotImplemented")
            self.assertIn("The service s3express is not implemented", message)

    def test_a_web_identity_needs_no_signature(self):
        unsigned = self.client("sts", signature_version=UNSIGNED)
        call = dict(RoleArn="arn:aws:iam::000000000000:role/Pod", RoleSessionName="pod-1")
        answer = unsigned.assume_role_with_web_identity(
            WebIdentityToken=id_token(exp=int(time.time()) + 3600), **call
        )
        self.assertEqual(answer["SubjectFromWebIdentityToken"], "pod:trainer")
        self.assertEqual(
            self.arn(self.client_of("sts", answer["Credentials"])),
            "arn:aws:sts::000000000000:assumed-role/Pod/pod-1",
        )
        code, message = self.refusal(
            lambda: unsigned.assume_role_with_web_identity(WebIdentityToken=id_token(exp=1000), **call)
        )
        self.assertEqual(code, "ExpiredTokenException")
        self.assertRegex(message, "^Token expired: current date/time [0-9]+ must be before the expiration .* 1000$")
        self.assertEqual(
            self.refusal(lambda: unsigned.assume_role_with_web_identity(WebIdentityToken="opaque", **call))[0],
            "InvalidIdentityToken",
        )

    def test_the_credential_chain_of_botocore_takes_a_web_identity_token_file(self):
        # boto3 finds the endpoint of STS in the environment from 1.28 on.
        if tuple(map(int, boto3.__version__.split(".")[:2])) < (1, 28):
            self.skipTest("boto3 " + boto3.__version__ + " does not know AWS_ENDPOINT_URL_STS")
        token = os.path.join(self.emulator.directory, "token")
        with open(token, "w") as file:
            file.write(id_token(exp=int(time.time()) + 3600))
        variables = {
            "AWS_ROLE_ARN": "arn:aws:iam::000000000000:role/Pod",
            "AWS_WEB_IDENTITY_TOKEN_FILE": token,
            "AWS_ROLE_SESSION_NAME": "chain",
            "AWS_ENDPOINT_URL_STS": self.emulator.url,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        os.environ.update(variables)
        try:
            arn = self.arn(boto3.Session().client("sts"))
        finally:
            for name in variables:
                del os.environ[name]
        self.assertEqual(arn, "arn:aws:sts::000000000000:assumed-role/Pod/chain")

    def test_a_presigned_call_tells_who_made_it(self):
        sts = self.client("sts", "AKIAALICE", "her secret")
        for method in ("GET", "POST"):
            url = sts.generate_presigned_url("get_caller_identity", HttpMethod=method)
            with urllib.request.urlopen(urllib.request.Request(url, method=method)) as response:
                self.assertIn(ALICE, response.read().decode())
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url)  # it was made for POST
        with caught.exception as error:
            self.assertEqual(error.code, 403)
            self.assertIn("<Code>SignatureDoesNotMatch</Code>", error.read().decode())

    def test_sessions_survive_kill_9_and_their_secrets_are_closed_to_others(self):
        emulator = local_emulator.LocalEmulator()
        try:
            session = emulator.client("sts").get_session_token()["Credentials"]
            self.assertEqual(stat.S_IMODE(os.stat(emulator.data).st_mode), 0o700)
            for name in os.listdir(emulator.data):
                if name.startswith("records.db"):
                    self.assertEqual(stat.S_IMODE(os.stat(os.path.join(emulator.data, name)).st_mode), 0o600, name)
            emulator.kill()
            emulator.start()
            client = boto3.client(
                "sts",
                endpoint_url=emulator.url,
                region_name="us-east-1",
                aws_access_key_id=session["AccessKeyId"],
                aws_secret_access_key=session["SecretAccessKey"],
                aws_session_token=session["SessionToken"],
            )
            self.assertEqual(self.arn(client), "arn:aws:iam::000000000000:root")
        finally:
            emulator.stop()

    def test_another_services_endpoint_of_the_region(self):
        # An emulator elsewhere takes its own region, and us-east-1 for the services whose endpoint is global.
        emulator = local_emulator.LocalEmulator("--region", "eu-west-1")
        try:
            for region in ("eu-west-1", "us-east-1"):
                for service in ("sts", "iam"):
                    client = boto3.client(
                        service,
                        endpoint_url=emulator.url,
                        region_name=region,
                        aws_access_key_id="test",
                        aws_secret_access_key="test",
                    )
                    if service == "sts":
                        self.assertEqual(self.arn(client), "arn:aws:iam::000000000000:root")
                    else:
                        self.assertEqual(client.list_roles()["Roles"], [])
        finally:
            emulator.stop()


class Iam(IdentityTest):
    def setUp(self):
        self.iam = self.client("iam")

    def test_the_role_of_a_set_up_script(self):
        role = self.iam.create_role(
            RoleName="Trainer",
            Path="/service-role/",
            AssumeRolePolicyDocument=json.dumps(TRUST),
            Description="for training",
            Tags=[{"Key": "team", "Value": "a"}],
        )["Role"]
        self.assertEqual(role["Arn"], "arn:aws:iam::000000000000:role/service-role/Trainer")
        managed = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
        self.iam.attach_role_policy(RoleName="Trainer", PolicyArn=managed)
        self.iam.put_role_policy(RoleName="Trainer", PolicyName="own", PolicyDocument=json.dumps(READ))

        read = self.iam.get_role(RoleName="Trainer")["Role"]
        self.assertEqual(read["AssumeRolePolicyDocument"], TRUST)
        self.assertEqual((read["RoleId"], read["CreateDate"]), (role["RoleId"], role["CreateDate"]))
        self.assertEqual(self.iam.get_role_policy(RoleName="Trainer", PolicyName="own")["PolicyDocument"], READ)
        self.assertEqual(
            self.iam.list_attached_role_policies(RoleName="Trainer")["AttachedPolicies"],
            [{"PolicyName": "AmazonSageMakerFullAccess", "PolicyArn": managed}],
        )
        self.assertEqual(self.iam.list_role_tags(RoleName="Trainer")["Tags"], [{"Key": "team", "Value": "a"}])
        self.iam.update_assume_role_policy(RoleName="Trainer", PolicyDocument=json.dumps(TRUST))
        self.iam.update_role(RoleName="Trainer", MaxSessionDuration=7200)
        self.assertEqual(self.iam.get_role(RoleName="Trainer")["Role"]["MaxSessionDuration"], 7200)

        self.assertEqual(
            self.refusal(lambda: self.iam.delete_role(RoleName="Trainer")),
            ("DeleteConflict", "Cannot delete entity, must detach all policies first."),
        )
        with self.assertRaises(self.iam.exceptions.EntityAlreadyExistsException):
            self.iam.create_role(RoleName="Trainer", AssumeRolePolicyDocument=json.dumps(TRUST))
        self.iam.detach_role_policy(RoleName="Trainer", PolicyArn=managed)
        self.iam.delete_role_policy(RoleName="Trainer", PolicyName="own")
        self.iam.delete_role(RoleName="Trainer")
        with self.assertRaises(self.iam.exceptions.NoSuchEntityException) as caught:
            self.iam.get_role(RoleName="Trainer")
        self.assertIn("The role with name Trainer cannot be found.", str(caught.exception))

    def test_boto3s_resource_waiter_and_paginator(self):
        for i in range(5):
            self.iam.create_role(
                RoleName=f"paged{i}", Path="/paged/", AssumeRolePolicyDocument=json.dumps(TRUST)
            )
        self.iam.get_waiter("role_exists").wait(RoleName="paged4", WaiterConfig={"Delay": 1, "MaxAttempts": 1})
        pages = self.iam.get_paginator("list_roles").paginate(
            PathPrefix="/paged/", PaginationConfig={"PageSize": 2}
        )
        self.assertEqual([r["RoleName"] for page in pages for r in page["Roles"]], [f"paged{i}" for i in range(5)])
        resource = boto3.resource(
            "iam",
            endpoint_url=self.emulator.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.assertEqual(resource.Role("paged0").arn, "arn:aws:iam::000000000000:role/paged/paged0")

    def test_the_user_behind_a_key(self):
        user = self.client("iam", "AKIAALICE", "her secret").get_user()["User"]
        self.assertEqual((user["UserName"], user["Arn"]), ("alice", ALICE))
        self.assertEqual(self.refusal(lambda: self.iam.get_user(UserName="nobody"))[0], "NoSuchEntity")

    def test_policies_and_operations_that_iam_refuses(self):
        self.assertEqual(
            self.refusal(lambda: self.iam.create_role(RoleName="x", AssumeRolePolicyDocument="nonsense")),
            ("MalformedPolicyDocument", "This policy contains invalid Json"),
        )
        self.assertEqual(self.refusal(lambda: self.iam.create_user(UserName="x"))[0], "InvalidAction")


class Unverified(unittest.TestCase):
    """With --auth off whatever comes is answered, signed or not."""

    @classmethod
    def setUpClass(cls):
        cls.emulator = local_emulator.LocalEmulator("--auth", "off")

    @classmethod
    def tearDownClass(cls):
        cls.emulator.stop()

    def client(self, service, **config):
        return boto3.client(
            service,
            endpoint_url=self.emulator.url,
            region_name="mars-north-1",
            aws_access_key_id="anybody",
            aws_secret_access_key="anything",
            config=Config(retries={"max_attempts": 0}, **config),
        )

    def test_every_service_answers_strange_keys_and_no_keys(self):
        for options in ({}, {"signature_version": UNSIGNED}):
            self.assertEqual(self.client("sts", **options).get_caller_identity()["Account"], "000000000000")
            self.assertEqual(self.client("iam", **options).list_roles()["Roles"], [])
            self.client("sagemaker", **options).list_models()
            self.client("logs", **options).describe_log_groups()
            self.client("s3", **options).list_buckets()

    def test_plain_requests_and_odd_authorization_headers(self):
        for header in (None, "Basic dGVzdA==", "AWS4-HMAC-SHA256 nonsense", "AWS test:abc", "Bearer x"):
            for target in ("/", "/?Action=GetCallerIdentity&Version=2011-06-15", "/?X-Amz-Signature=1&X-Amz-Expires=x"):
                request = urllib.request.Request(self.emulator.url + target)
                if header:
                    request.add_header("Authorization", header)
                with urllib.request.urlopen(request) as response:
                    self.assertEqual(response.status, 200, (header, target))
                    text = response.read().decode()
                expected = "GetCallerIdentityResult" if "Action" in target else "ListAllMyBucketsResult"
                self.assertTrue(re.search(expected, text), (header, target, text))


if __name__ == "__main__":
    local_emulator.main()
