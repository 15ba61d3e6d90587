"""Prints how many signatures and presigned queries a second botocore makes of the request in signatures.cpp.

    signatures_botocore.py SECONDS
"""

import sys
import time

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
HEADERS = {
    "Content-Type": "application/octet-stream",
    "x-amz-meta-one": "first",
    "x-amz-sdk-checksum-algorithm": "CRC32",
    "x-amz-checksum-crc32": "PiG0Cw==",
}
URL = (
    "http://127.0.0.1:4566/bucket/folder/a%20key.bin"
    "?partNumber=7&uploadId=VXBsb2FkIElEIGZvciBlbHZpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA"
)


def rate(signer, seconds):
    count, start = 0, time.perf_counter()
    while True:
        for _ in range(20):
            request = AWSRequest(method="PUT", url=URL, headers=HEADERS)
            request.context["payload_signing_enabled"] = False
            signer.add_auth(request)
        count += 20
        passed = time.perf_counter() - start
        if passed >= seconds:
            return count / passed


def main():
    seconds = float(sys.argv[1])
    print(rate(S3SigV4Auth(KEYS, "s3", "us-east-1"), seconds), rate(S3SigV4QueryAuth(KEYS, "s3", "us-east-1"), seconds))


if __name__ == "__main__":
    main()
