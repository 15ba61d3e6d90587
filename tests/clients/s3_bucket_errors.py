"""What AWS was recorded to answer to bad requests about buckets, and the documents that these requests need."""

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


def cors(**rule):
    return {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], **rule}]}


def lifecycle(**rule):
    return {"Rules": [{"ID": "one", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}, **rule}]}


def website(**document):
    return {"IndexDocument": {"Suffix": "index.html"}, **document}


def routing(condition=None, **redirect):
    rule = {"Redirect": redirect}
    if condition is not None:
        rule["Condition"] = condition
    return website(RoutingRules=[rule])


def encryption(**by_default):
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]}


def notification(arn, rules=()):
    return {
        "LambdaFunctionConfigurations": [
            {
                "LambdaFunctionArn": arn,
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [dict(zip(("Name", "Value"), rule)) for rule in rules]}},
            }
        ]
    }


def tags(*pairs):
    return {"TagSet": [{"Key": key, "Value": value} for key, value in pairs]}


MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"
PROTOCOL = (
    "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically."
)
LAMBDA = "arn:aws:lambda:us-east-1:000000000000:function:f"

# operation, parameters (the bucket is added), code, message, names of further elements
RECORDED = [
    ("get_bucket_policy", {}, "NoSuchBucketPolicy", "The bucket policy does not exist", "BucketName"),
    ("get_bucket_policy_status", {}, "NoSuchBucketPolicy", "The bucket policy does not exist", "BucketName"),
    ("get_bucket_cors", {}, "NoSuchCORSConfiguration", "The CORS configuration does not exist", "BucketName"),
    ("get_bucket_tagging", {}, "NoSuchTagSet", "The TagSet does not exist", "BucketName"),
    (
        "get_bucket_lifecycle_configuration",
        {},
        "NoSuchLifecycleConfiguration",
        "The lifecycle configuration does not exist",
        "BucketName",
    ),
    (
        "get_bucket_website",
        {},
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
        "BucketName",
    ),
    (
        "get_bucket_replication",
        {},
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
        "BucketName",
    ),
    (
        "get_object_lock_configuration",
        {},
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
        "BucketName",
    ),
    (
        "get_bucket_analytics_configuration",
        {"Id": "x"},
        "NoSuchConfiguration",
        "The specified configuration does not exist.",
        "",
    ),
    (
        "get_bucket_policy",
        {"ExpectedBucketOwner": "0000"},
        "InvalidBucketOwnerAWSAccountID",
        "The value of the expected bucket owner parameter must be an AWS Account ID... [0000]",
        "",
    ),
    (
        "put_bucket_policy",
        {"Policy": "not json"},
        "MalformedPolicy",
        "Policies must be valid JSON and the first byte must be '{'",
        "",
    ),
    ("put_bucket_policy", {"Policy": "{}"}, "MalformedPolicy", "Missing required field Statement", ""),
    (
        "put_bucket_cors",
        {"CORSConfiguration": cors(AllowedMethods=["MYMETHOD"])},
        "InvalidRequest",
        "Found unsupported HTTP method in CORS config. Unsupported method is MYMETHOD",
        "",
    ),
    ("put_bucket_cors", {"CORSConfiguration": {"CORSRules": []}}, "MalformedXML", MALFORMED, ""),
    (
        "put_bucket_tagging",
        {"Tagging": tags(("a", "1"), ("a", "2"))},
        "InvalidTag",
        "Cannot provide multiple Tags with the same key",
        "TagKey",
    ),
    (
        "put_bucket_tagging",
        {"Tagging": tags(("aws:a", "1"))},
        "InvalidTag",
        "System tags cannot be added/updated by requester",
        "TagKey",
    ),
    (
        "put_bucket_tagging",
        {"Tagging": tags(("a,b", "1"))},
        "InvalidTag",
        "The TagKey you have provided is invalid",
        "TagKey",
    ),
    (
        "put_bucket_tagging",
        {"Tagging": tags(("a", "1,2"))},
        "InvalidTag",
        "The TagValue you have provided is invalid",
        "TagKey TagValue",
    ),
    (
        "put_bucket_lifecycle_configuration",
        {"LifecycleConfiguration": lifecycle(Expiration={"Date": "2030-01-01T10:00:00Z"})},
        "InvalidArgument",
        "'Date' must be at midnight GMT",
        "ArgumentName ArgumentValue",
    ),
    (
        "put_bucket_lifecycle_configuration",
        {"LifecycleConfiguration": lifecycle(Filter={"And": {"Tags": tags(("a", "1"), ("a", "2"))["TagSet"]}})},
        "InvalidRequest",
        "Duplicate Tag Keys are not allowed.",
        "",
    ),
    ("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": []}}, "MalformedXML", MALFORMED, ""),
    (
        "put_bucket_lifecycle_configuration",
        {"LifecycleConfiguration": lifecycle(), "TransitionDefaultMinimumObjectSize": "value"},
        "InvalidRequest",
        "Invalid TransitionDefaultMinimumObjectSize found: value",
        "",
    ),
    (
        "put_bucket_encryption",
        {"ServerSideEncryptionConfiguration": encryption(SSEAlgorithm="AES256", KMSMasterKeyID="x")},
        "InvalidArgument",
        "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
        "ArgumentName",
    ),
    (
        "put_bucket_encryption",
        {"ServerSideEncryptionConfiguration": encryption(SSEAlgorithm="none")},
        "MalformedXML",
        MALFORMED,
        "",
    ),
    ("put_bucket_ownership_controls", {"OwnershipControls": {"Rules": []}}, "MalformedXML", MALFORMED, ""),
    ("put_public_access_block", {"PublicAccessBlockConfiguration": {}}, "MalformedXML", MALFORMED, ""),
    ("put_bucket_request_payment", {"RequestPaymentConfiguration": {"Payer": "x"}}, "MalformedXML", MALFORMED, ""),
    (
        "put_bucket_accelerate_configuration",
        {"Bucket": "dotted.bucket", "AccelerateConfiguration": {"Status": "Enabled"}},
        "InvalidRequest",
        "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names",
        "",
    ),
    (
        "put_bucket_website",
        {"WebsiteConfiguration": {"ErrorDocument": {"Key": "e"}}},
        "InvalidArgument",
        "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
        "ArgumentName ArgumentValue",
    ),
    (
        "put_bucket_website",
        {"WebsiteConfiguration": {"IndexDocument": {"Suffix": "a/b"}}},
        "InvalidArgument",
        "The IndexDocument Suffix is not well formed",
        "ArgumentName ArgumentValue",
    ),
    (
        "put_bucket_website",
        {"WebsiteConfiguration": website(RedirectAllRequestsTo={"HostName": "h"})},
        "InvalidArgument",
        "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
        "ArgumentName ArgumentValue",
    ),
    (
        "put_bucket_website",
        {"WebsiteConfiguration": {"RedirectAllRequestsTo": {"HostName": "h", "Protocol": "ftp"}}},
        "InvalidRequest",
        PROTOCOL,
        "",
    ),
    (
        "put_bucket_website",
        {"WebsiteConfiguration": routing({}, HostName="h")},
        "InvalidRequest",
        "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be "
        "present.",
        "",
    ),
    (
        "put_bucket_website",
        {"WebsiteConfiguration": routing(ReplaceKeyWith="a", ReplaceKeyPrefixWith="b")},
        "InvalidRequest",
        "You can only define ReplaceKeyPrefix or ReplaceKey but not both.",
        "",
    ),
    (
        "put_bucket_logging",
        {"BucketLoggingStatus": {"LoggingEnabled": {"TargetBucket": "nowhere-at-all", "TargetPrefix": ""}}},
        "InvalidTargetBucketForLogging",
        "The target bucket for logging does not exist",
        "TargetBucket",
    ),
    (
        "put_bucket_logging",
        {"BucketLoggingStatus": {"LoggingEnabled": {"TargetBucket": "western", "TargetPrefix": ""}}},
        "CrossLocationLoggingProhibitted",
        "Cross S3 location logging not allowed. ",
        "TargetBucketLocation",
    ),
    (
        "put_bucket_notification_configuration",
        {"NotificationConfiguration": notification("no-arn")},
        "InvalidArgument",
        "The ARN could not be parsed",
        "ArgumentName ArgumentValue",
    ),
    (
        "put_bucket_notification_configuration",
        {"NotificationConfiguration": notification("arn:aws:sqs:us-east-1:000000000000:q")},
        "InvalidArgument",
        "Unable to validate the following destination configurations",
        "ArgumentName1 ArgumentValue1",
    ),
    (
        "put_bucket_notification_configuration",
        {"NotificationConfiguration": notification(LAMBDA, [("infix", "x")])},
        "InvalidArgument",
        "filter rule name must be either prefix or suffix",
        "ArgumentName ArgumentValue",
    ),
    ("put_bucket_acl", {"ACL": "fake-acl"}, "InvalidArgument", "", "ArgumentName ArgumentValue"),
    (
        "put_bucket_acl",
        {},
        "MissingSecurityHeader",
        "Your request was missing a required header",
        "MissingHeaderName",
    ),
    (
        "put_bucket_acl",
        {"ACL": "private", "GrantRead": f'uri="{ALL_USERS}"'},
        "InvalidRequest",
        "Specifying both Canned ACLs and Header Grants is not allowed",
        "",
    ),
    (
        "put_bucket_acl",
        {"GrantRead": "somebody"},
        "InvalidArgument",
        "Argument format not recognized",
        "ArgumentName ArgumentValue",
    ),
    ("put_bucket_acl", {"GrantRead": 'uri="x"'}, "InvalidArgument", "Invalid group uri", "ArgumentName ArgumentValue"),
    ("put_bucket_acl", {"GrantRead": 'id="x"'}, "InvalidArgument", "Invalid id", "ArgumentName ArgumentValue"),
    (
        "put_bucket_acl",
        {"ACL": "private", "AccessControlPolicy": {"Owner": {"ID": "x"}, "Grants": []}},
        "UnexpectedContent",
        "This request does not support content",
        "",
    ),
    ("put_bucket_acl", {"AccessControlPolicy": {"Grants": []}}, "MalformedACLError", MALFORMED, ""),
    (
        "put_bucket_acl",
        {"AccessControlPolicy": {"Owner": {"ID": "x"}, "Grants": []}},
        "InvalidArgument",
        "Invalid id",
        "ArgumentName ArgumentValue",
    ),
    (
        "list_buckets",
        {"Bucket": None, "BucketRegion": "eu-east-1"},
        "InvalidArgument",
        "Argument value eu-east-1 is not a valid AWS Region",
        "ArgumentName",
    ),
    (
        "create_bucket",
        {"Bucket": "Upper-Case"},
        "InvalidBucketName",
        "The specified bucket is not valid.",
        "BucketName",
    ),
    (
        "create_bucket",
        {"Bucket": "new-bucket", "ObjectOwnership": "RandomValue"},
        "InvalidArgument",
        "Invalid x-amz-object-ownership header: RandomValue",
        "ArgumentName",
    ),
    (
        "create_bucket",
        {"Bucket": "new-bucket", "ObjectOwnership": ""},
        "InvalidArgument",
        "Invalid x-amz-object-ownership header: ",
        "ArgumentName",
    ),
    (
        "create_bucket",
        {"Bucket": "new-bucket", "CreateBucketConfiguration": {"LocationConstraint": "nowhere-1"}},
        "InvalidLocationConstraint",
        "The specified location-constraint is not valid",
        "LocationConstraint",
    ),
    (
        "create_bucket",
        {"Bucket": "new-bucket", "CreateBucketConfiguration": {"Tags": tags(("aws:a", "1"))["TagSet"]}},
        "InvalidTag",
        "User-defined tag keys can't start with \"aws:\". This prefix is reserved for system tags. Remove \"aws:\" "
        "from your tag keys and try again.",
        "",
    ),
    (
        "create_bucket",
        {"Bucket": "western", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}},
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
        "BucketName",
    ),
]
