"""Errors about objects that AWS was recorded to answer: what provokes each, and what it says.

A row is (operation, parameters, code, message, names of the further elements). `world` is what the test made before.
"""

import base64
import hashlib

CHECKSUMS = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
KEY = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
OTHER_KEY = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "x" * 32}
KEYS_MUST = "Requests specifying Server Side Encryption with Customer provided keys must provide "
TAGGING_HEADER = (
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name"
    " duplicates."
)
PRECONDITION = "At least one of the pre-conditions you specified did not hold"
NOT_IMPLEMENTED = "A header you provided implies functionality that is not implemented"
ENCODING = "Invalid Encoding Method specified in Request"
PART_NUMBER = "Part number must be an integer between 1 and 10000, inclusive"
NO_LOCK = "Bucket is missing Object Lock Configuration"
NO_PART = (
    "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified"
    " entity tag may not match the part's entity tag."
)
NO_UPLOAD = (
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or"
    " completed."
)
COPY_RANGE = (
    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based"
    " offsets of the first and last bytes to copy"
)
SAME_OBJECT = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's"
    " metadata, storage class, website redirect location or encryption attributes."
)
NO_CUSTOMER_KEY = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to"
    " retrieve the object."
)
PART_WITHOUT_KEY = (
    "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate"
    " encryption parameters."
)
ARGUMENT = "ArgumentName ArgumentValue"


def tags(*pairs):
    return {"TagSet": [{"Key": key, "Value": value} for key, value in pairs]}


def parts(*pairs, **checksums):
    return {"Parts": [{"PartNumber": number, "ETag": etag, **checksums} for number, etag in pairs]}


def md5_of(text):
    return base64.b64encode(hashlib.md5(text).digest()).decode()


def reads(world):
    key, copy = {"Key": "key"}, {"Key": "copy"}
    kept = {"Bucket": "kept", "Key": "key"}
    return [
        ("head_object", {"Key": "none"}, "404", "Not Found", ""),
        ("head_object", {**kept, "VersionId": world["marker"]}, "405", "Method Not Allowed", ""),
        ("head_object", {**key, "IfMatch": "other"}, "412", "Precondition Failed", ""),
        ("head_object", {**key, "IfNoneMatch": world["etag"]}, "304", "Not Modified", ""),
        ("head_object", {"Key": "secret"}, "400", "Bad Request", ""),
        ("head_object", {"Key": "secret", **OTHER_KEY}, "403", "Forbidden", ""),
        (
            "get_object",
            {"Bucket": "nowhere", **key},
            "NoSuchBucket",
            "The specified bucket does not exist",
            "BucketName",
        ),
        ("get_object", {"Key": "none"}, "NoSuchKey", "The specified key does not exist.", "Key"),
        ("get_object", kept, "NoSuchKey", "The specified key does not exist.", "Key"),
        (
            "get_object",
            {**kept, "VersionId": world["marker"]},
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            "Method ResourceType",
        ),
        (
            "get_object",
            {**kept, "VersionId": world["other_version"]},
            "NoSuchVersion",
            "The specified version does not exist.",
            "Key VersionId",
        ),
        ("get_object", {**kept, "VersionId": "x"}, "InvalidArgument", "Invalid version id specified", ARGUMENT),
        ("get_object", {**key, "VersionId": "x"}, "InvalidArgument", "Invalid version id specified", ARGUMENT),
        ("get_object", {**key, "IfMatch": "other"}, "PreconditionFailed", PRECONDITION, "Condition"),
        (
            "get_object",
            {**key, "Range": "bytes=10-20"},
            "InvalidRange",
            "The requested range is not satisfiable",
            "ActualObjectSize RangeRequested",
        ),
        (
            "get_object",
            {**key, "PartNumber": 2},
            "InvalidPartNumber",
            "The requested partnumber is not satisfiable",
            "ActualPartCount PartNumberRequested",
        ),
        (
            "get_object",
            {**key, "PartNumber": 1, "Range": "bytes=0-1"},
            "InvalidRequest",
            "Cannot specify both Range header and partNumber query parameter",
            "",
        ),
        (
            "get_object",
            {"Key": "cold"},
            "InvalidObjectState",
            "The operation is not valid for the object's storage class",
            "StorageClass",
        ),
        ("get_object", {"Key": "secret"}, "InvalidRequest", NO_CUSTOMER_KEY, ""),
        ("get_object", {"Key": "secret", **OTHER_KEY}, "AccessDenied", KEYS_MUST + "the correct secret key.", ""),
        (
            "get_object",
            {**key, "ExpectedBucketOwner": "abcd"},
            "InvalidBucketOwnerAWSAccountID",
            "The value of the expected bucket owner parameter must be an AWS Account ID... [abcd]",
            "",
        ),
        ("get_object_retention", key, "InvalidRequest", NO_LOCK, ""),
        ("list_objects", {"EncodingType": "other"}, "InvalidArgument", ENCODING, ARGUMENT),
        ("list_objects_v2", {"EncodingType": "other"}, "InvalidArgument", ENCODING, ARGUMENT),
        ("list_multipart_uploads", {"EncodingType": "other"}, "InvalidArgument", ENCODING, ARGUMENT),
        ("list_object_versions", {"EncodingType": "other"}, "InvalidArgument", ENCODING, ARGUMENT),
        (
            "list_objects_v2",
            {"ContinuationToken": "x"},
            "InvalidArgument",
            "The continuation token provided is incorrect",
            "ArgumentName",
        ),
        (
            "list_object_versions",
            {"VersionIdMarker": world["version"]},
            "InvalidArgument",
            "A version-id marker cannot be specified without a key marker.",
            ARGUMENT,
        ),
        (
            "list_object_versions",
            {"KeyMarker": "key", "VersionIdMarker": "x"},
            "InvalidArgument",
            "Invalid version id specified",
            ARGUMENT,
        ),
        (
            "list_multipart_uploads",
            {"KeyMarker": "key", "UploadIdMarker": "x"},
            "InvalidArgument",
            "Invalid uploadId marker",
            ARGUMENT,
        ),
        ("copy_object", {**copy, "CopySource": "plain/none"}, "NoSuchKey", "The specified key does not exist.", "Key"),
        (
            "copy_object",
            {**copy, "CopySource": {**kept, "VersionId": world["marker"]}},
            "InvalidRequest",
            "The source of a copy request may not specifically refer to a delete marker by version id.",
            "",
        ),
        (
            "copy_object",
            {**copy, "CopySource": "plain/"},
            "InvalidArgument",
            "Invalid copy source object key",
            ARGUMENT,
        ),
        ("copy_object", {**key, "CopySource": "plain/key"}, "InvalidRequest", SAME_OBJECT, ""),
        (
            "copy_object",
            {**copy, "CopySource": "plain/key", "CopySourceIfMatch": "other"},
            "PreconditionFailed",
            PRECONDITION,
            "Condition",
        ),
    ]


def writes(world):
    key = {"Key": "key", "Body": b"x"}
    tagged = {"Key": "key"}
    rows = [
        (
            "put_object",
            {**key, f"Checksum{name}": base64.b64encode(b"x" * size).decode()},
            "BadDigest",
            f"The {name} you specified did not match the calculated checksum.",
            "",
        )
        for name, size in CHECKSUMS.items()
    ]
    rows += [
        (
            "put_object",
            {**key, f"Checksum{name}": "x"},
            "InvalidRequest",
            f"Value for x-amz-checksum-{name.lower()} header is invalid.",
            "",
        )
        for name in CHECKSUMS
    ]
    return rows + [
        (
            "put_object",
            {**key, "ChecksumSHA1": base64.b64encode(b"x" * 20).decode(), "ChecksumCRC32": "AAAAAA=="},
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            "",
        ),
        (
            "put_object",
            {**key, "ContentMD5": md5_of(b"other")},
            "BadDigest",
            "The Content-MD5 you specified did not match what we received.",
            "CalculatedDigest ExpectedDigest",
        ),
        (
            "put_object",
            {**key, "ContentMD5": "bad"},
            "InvalidDigest",
            "The Content-MD5 you specified was invalid.",
            "Content-MD5",
        ),
        (
            "put_object",
            {**key, "StorageClass": "CHEAP"},
            "InvalidStorageClass",
            "The storage class you specified is not valid",
            "StorageClassRequested",
        ),
        ("put_object", {**key, "Tagging": "a=1&a=2"}, "InvalidArgument", TAGGING_HEADER, ARGUMENT),
        ("put_object", {**key, "IfNoneMatch": "*"}, "PreconditionFailed", PRECONDITION, "Condition"),
        ("put_object", {**key, "IfMatch": "other"}, "PreconditionFailed", PRECONDITION, "Condition"),
        (
            "put_object",
            {"Key": "none", "Body": b"", "IfMatch": "other"},
            "NoSuchKey",
            "The specified key does not exist.",
            "Key",
        ),
        (
            "put_object",
            {**key, "IfNoneMatch": "other"},
            "NotImplemented",
            NOT_IMPLEMENTED,
            "Header additionalMessage",
        ),
        ("put_object", {**key, "IfMatch": "*"}, "NotImplemented", NOT_IMPLEMENTED, "Header additionalMessage"),
        ("put_object", {**key, "ObjectLockLegalHoldStatus": "ON"}, "InvalidRequest", NO_LOCK, ""),
        (
            "put_object",
            {**key, **KEY, "SSECustomerAlgorithm": "AES128"},
            "InvalidEncryptionAlgorithmError",
            "The Encryption request you specified is not valid. Supported value: AES256.",
            ARGUMENT,
        ),
        (
            "put_object",
            {**key, "SSECustomerKey": "k" * 32},
            "InvalidArgument",
            KEYS_MUST + "a valid encryption algorithm.",
            "ArgumentName",
        ),
        (
            "put_object",
            {**key, "SSECustomerAlgorithm": "AES256"},
            "InvalidArgument",
            KEYS_MUST + "an appropriate secret key.",
            "ArgumentName",
        ),
        (
            "put_object",
            {**key, **KEY, "SSECustomerKey": "short"},
            "InvalidArgument",
            "The secret key was invalid for the specified algorithm.",
            "ArgumentName",
        ),
        (
            "put_object",
            {
                **key,
                **KEY,
                "SSECustomerKey": base64.b64encode(b"k" * 32).decode(),
                "SSECustomerKeyMD5": md5_of(b"other"),
            },
            "InvalidArgument",
            "The calculated MD5 hash of the key did not match the hash that was provided.",
            "ArgumentName",
        ),
        (
            "put_object",
            {**key, **KEY, "ServerSideEncryption": "aws:kms"},
            "InvalidArgument",
            "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
            ARGUMENT,
        ),
        (
            "put_object_tagging",
            {**tagged, "Tagging": tags(("a", "1"), ("a", "2"))},
            "InvalidTag",
            "Cannot provide multiple Tags with the same key",
            "TagKey",
        ),
        (
            "put_object_tagging",
            {**tagged, "Tagging": tags(("aws:a", "1"))},
            "InvalidTag",
            "Your TagKey cannot be prefixed with aws:",
            "TagKey",
        ),
        (
            "put_object_tagging",
            {**tagged, "Tagging": tags(("a?", "1"))},
            "InvalidTag",
            "The TagKey you have provided is invalid",
            "TagKey",
        ),
        (
            "put_object_tagging",
            {**tagged, "Tagging": tags(("a", "1?"))},
            "InvalidTag",
            "The TagValue you have provided is invalid",
            "TagKey TagValue",
        ),
        (
            "put_bucket_versioning",
            {"VersioningConfiguration": {}},
            "IllegalVersioningConfigurationException",
            "The Versioning element must be specified",
            "",
        ),
        (
            "put_bucket_versioning",
            {"VersioningConfiguration": {"Status": "On"}},
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
            "",
        ),
        ("delete_bucket", {}, "BucketNotEmpty", "The bucket you tried to delete is not empty", "BucketName"),
        (
            "delete_bucket",
            {"Bucket": "kept"},
            "BucketNotEmpty",
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
            "BucketName",
        ),
        (
            "delete_object",
            {**tagged, "BypassGovernanceRetention": True},
            "InvalidArgument",
            "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
            "ArgumentName",
        ),
    ]


def uploads(world):
    plain = {"Key": "big", "UploadId": world["upload"]}
    crc32 = {"Key": "big", "UploadId": world["upload_crc32"]}
    full = {"Key": "big", "UploadId": world["upload_full"]}
    etag = world["part"]
    copied = {**plain, "PartNumber": 1, "CopySource": "plain/key"}
    wrong = base64.b64encode(b"x" * 4).decode()
    wrong_sha256 = base64.b64encode(b"x" * 32).decode()
    return [
        (
            "create_multipart_upload",
            {"Key": "big", "ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"},
            "InvalidRequest",
            "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.",
            "",
        ),
        *(
            (
                "create_multipart_upload",
                {"Key": "big", "ChecksumAlgorithm": name, "ChecksumType": "FULL_OBJECT"},
                "InvalidRequest",
                f"The FULL_OBJECT checksum type cannot be used with the {name.lower()} checksum algorithm.",
                "",
            )
            for name in ("SHA1", "SHA256")
        ),
        (
            "create_multipart_upload",
            {"Key": "big", "ChecksumAlgorithm": "CRC13"},
            "InvalidRequest",
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C,"
            " CRC64NVME, SHA1, SHA256]",
            "",
        ),
        (
            "create_multipart_upload",
            {"Key": "big", "ChecksumType": "COMPOSITE"},
            "InvalidRequest",
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            "",
        ),
        ("upload_part", {**plain, "PartNumber": 0, "Body": b"x"}, "InvalidArgument", PART_NUMBER, ARGUMENT),
        ("upload_part", {**plain, "PartNumber": 10001, "Body": b"x"}, "InvalidArgument", PART_NUMBER, ARGUMENT),
        (
            "upload_part",
            {"Key": "big", "UploadId": "none", "PartNumber": 1, "Body": b"x"},
            "NoSuchUpload",
            NO_UPLOAD,
            "UploadId",
        ),
        (
            "upload_part",
            {"Key": "big", "UploadId": world["upload_secret"], "PartNumber": 1, "Body": b"x"},
            "InvalidRequest",
            PART_WITHOUT_KEY,
            "",
        ),
        (
            "upload_part",
            {"Key": "big", "UploadId": world["upload_secret"], "PartNumber": 1, "Body": b"x", **OTHER_KEY},
            "InvalidRequest",
            "The provided encryption parameters did not match the ones used originally.",
            "",
        ),
        (
            "upload_part_copy",
            {**copied, "CopySourceRange": "bytes=0-20"},
            "InvalidArgument",
            "Range specified is not valid for source object of size: 10",
            ARGUMENT,
        ),
        (
            "upload_part_copy",
            {**copied, "CopySourceRange": "bytes=10-20"},
            "InvalidRequest",
            "The specified copy range is invalid for the source object size",
            "",
        ),
        ("upload_part_copy", {**copied, "CopySourceRange": "0-5"}, "InvalidArgument", COPY_RANGE, ARGUMENT),
        ("complete_multipart_upload", plain, "InvalidRequest", "You must specify at least one part", ""),
        (
            "complete_multipart_upload",
            {**plain, "MultipartUpload": parts((1, "other"))},
            "InvalidPart",
            NO_PART,
            "ETag PartNumber UploadId",
        ),
        (
            "complete_multipart_upload",
            {**plain, "MultipartUpload": parts((2, etag), (1, etag))},
            "InvalidPartOrder",
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
            "UploadId",
        ),
        (
            "complete_multipart_upload",
            {**plain, "MultipartUpload": parts((1, etag), (2, etag))},
            "EntityTooSmall",
            "Your proposed upload is smaller than the minimum allowed size",
            "ETag MinSizeAllowed PartNumber ProposedSize",
        ),
        (
            "complete_multipart_upload",
            {**plain, "MultipartUpload": parts((1, etag)), "MpuObjectSize": 5},
            "InvalidRequest",
            "The provided 'x-amz-mp-object-size' header value 5 does not match what was computed: 4",
            "",
        ),
        (
            "complete_multipart_upload",
            {**plain, "MultipartUpload": parts((1, etag)), "ChecksumType": "COMPOSITE"},
            "InvalidRequest",
            "The upload was created using the null checksum mode. The complete request must use the same checksum"
            " mode.",
            "",
        ),
        (
            "complete_multipart_upload",
            {**crc32, "MultipartUpload": parts((1, etag))},
            "InvalidRequest",
            "The upload was created using a crc32 checksum. The complete request must include the checksum for each"
            " part. It was missing for part 1 in the request.",
            "",
        ),
        (
            "complete_multipart_upload",
            {**full, "MultipartUpload": parts((1, etag)), "ChecksumCRC32C": wrong},
            "BadDigest",
            "The crc32c you specified did not match the calculated checksum.",
            "",
        ),
        (
            "complete_multipart_upload",
            {**full, "MultipartUpload": parts((1, etag)), "ChecksumType": "COMPOSITE"},
            "InvalidRequest",
            "The upload was created using the FULL_OBJECT checksum mode. The complete request must use the same"
            " checksum mode.",
            "",
        ),
        (
            "complete_multipart_upload",
            {**crc32, "MultipartUpload": parts((1, etag), ChecksumSHA256=wrong_sha256)},
            "BadDigest",
            "The sha256 you specified for part 1 did not match what we received.",
            "",
        ),
        (
            "complete_multipart_upload",
            {
                "Key": "big",
                "UploadId": world["upload_sha256"],
                "MultipartUpload": parts((1, etag), ChecksumSHA256=wrong_sha256),
            },
            "InvalidPart",
            NO_PART,
            "ETag PartNumber UploadId",
        ),
        (
            "upload_part",
            {**full, "PartNumber": 2, "Body": b"x", "ChecksumAlgorithm": "CRC32"},
            "InvalidRequest",
            "Checksum Type mismatch occurred, expected checksum Type: crc32c, actual checksum Type: crc32",
            "",
        ),
        (
            "complete_multipart_upload",
            {
                "Key": "raced",
                "UploadId": world["upload_raced"],
                "MultipartUpload": parts((1, etag)),
                "IfNoneMatch": "*",
            },
            "ConditionalRequestConflict",
            "The conditional request cannot succeed due to a conflicting operation against this resource.",
            "Condition Key",
        ),
        ("abort_multipart_upload", {"Key": "big", "UploadId": "none"}, "NoSuchUpload", NO_UPLOAD, "UploadId"),
        ("list_parts", {"Key": "big", "UploadId": "none"}, "NoSuchUpload", NO_UPLOAD, "UploadId"),
    ]


def rows(world):
    return reads(world) + writes(world) + uploads(world)
