// The tables of s3_request.cpp: which operation a method and a sub-resource mean, which member of the input a
// header becomes, which member a query parameter becomes.
#pragma once

#include <string_view>

namespace sagemaker::local::wire {

enum class Level { service, bucket, object };

struct OperationRow {
  std::string_view method;
  Level level;
  std::string_view subresource;
  std::string_view operation;
};

// Those of the settings of a bucket are in s3_settings.cpp.
inline constexpr OperationRow operation_rows[] = {
    {"GET", Level::service, "", "ListBuckets"},
    {"GET", Level::bucket, "", "ListObjects"},  // or ListObjectsV2
    {"PUT", Level::bucket, "", "CreateBucket"},
    {"HEAD", Level::bucket, "", "HeadBucket"},
    {"DELETE", Level::bucket, "", "DeleteBucket"},
    {"POST", Level::bucket, "delete", "DeleteObjects"},
    {"GET", Level::bucket, "location", "GetBucketLocation"},
    {"GET", Level::bucket, "uploads", "ListMultipartUploads"},
    {"GET", Level::bucket, "versioning", "GetBucketVersioning"},
    {"PUT", Level::bucket, "versioning", "PutBucketVersioning"},
    {"GET", Level::bucket, "versions", "ListObjectVersions"},
    {"GET", Level::object, "", "GetObject"},
    {"HEAD", Level::object, "", "HeadObject"},
    {"PUT", Level::object, "", "PutObject"},  // or CopyObject
    {"DELETE", Level::object, "", "DeleteObject"},
    {"GET", Level::object, "acl", "GetObjectAcl"},
    {"PUT", Level::object, "acl", "PutObjectAcl"},
    {"GET", Level::object, "tagging", "GetObjectTagging"},
    {"PUT", Level::object, "tagging", "PutObjectTagging"},
    {"DELETE", Level::object, "tagging", "DeleteObjectTagging"},
    {"GET", Level::object, "attributes", "GetObjectAttributes"},
    {"GET", Level::object, "retention", "GetObjectRetention"},
    {"PUT", Level::object, "retention", "PutObjectRetention"},
    {"GET", Level::object, "legal-hold", "GetObjectLegalHold"},
    {"PUT", Level::object, "legal-hold", "PutObjectLegalHold"},
    {"POST", Level::object, "restore", "RestoreObject"},
    {"POST", Level::object, "uploads", "CreateMultipartUpload"},
    {"PUT", Level::object, "uploadId", "UploadPart"},  // or UploadPartCopy
    {"POST", Level::object, "uploadId", "CompleteMultipartUpload"},
    {"DELETE", Level::object, "uploadId", "AbortMultipartUpload"},
    {"GET", Level::object, "uploadId", "ListParts"},
};

// Query parameters that turn a request into another one, beyond those in the table. S3 ignores any other
// parameter.
inline constexpr std::string_view other_subresources[] = {"abac",
                                                          "append",
                                                          "metadataTable",
                                                          "metadataConfiguration",
                                                          "metadataInventoryTable",
                                                          "metadataJournalTable",
                                                          "renameObject",
                                                          "select",
                                                          "session",
                                                          "torrent"};

enum class Kind { text, number, date };

struct MemberRow {
  std::string_view name;  // of the header or query parameter, in lower case for headers
  const char* member;
  Kind kind = Kind::text;
};

inline constexpr MemberRow header_rows[] = {
    {"content-type", "ContentType"},
    {"cache-control", "CacheControl"},
    {"content-disposition", "ContentDisposition"},
    {"content-language", "ContentLanguage"},
    {"content-md5", "ContentMD5"},
    {"expires", "Expires"},
    {"range", "Range"},
    {"if-match", "IfMatch"},
    {"if-none-match", "IfNoneMatch"},
    {"if-range", "IfRange"},
    {"if-modified-since", "IfModifiedSince", Kind::date},
    {"if-unmodified-since", "IfUnmodifiedSince", Kind::date},
    {"x-amz-acl", "ACL"},
    {"x-amz-grant-full-control", "GrantFullControl"},
    {"x-amz-grant-read", "GrantRead"},
    {"x-amz-grant-read-acp", "GrantReadACP"},
    {"x-amz-grant-write", "GrantWrite"},
    {"x-amz-grant-write-acp", "GrantWriteACP"},
    {"x-amz-storage-class", "StorageClass"},
    {"x-amz-server-side-encryption", "ServerSideEncryption"},
    {"x-amz-server-side-encryption-aws-kms-key-id", "SSEKMSKeyId"},
    {"x-amz-server-side-encryption-bucket-key-enabled", "BucketKeyEnabled"},
    {"x-amz-server-side-encryption-customer-algorithm", "SSECustomerAlgorithm"},
    {"x-amz-server-side-encryption-customer-key", "SSECustomerKey"},
    {"x-amz-server-side-encryption-customer-key-md5", "SSECustomerKeyMD5"},
    {"x-amz-server-side-encryption-context", "SSEKMSEncryptionContext"},
    {"x-amz-copy-source-server-side-encryption-customer-algorithm", "CopySourceSSECustomerAlgorithm"},
    {"x-amz-copy-source-server-side-encryption-customer-key", "CopySourceSSECustomerKey"},
    {"x-amz-copy-source-server-side-encryption-customer-key-md5", "CopySourceSSECustomerKeyMD5"},
    {"x-amz-website-redirect-location", "WebsiteRedirectLocation"},
    {"x-amz-tagging", "Tagging"},
    {"x-amz-tagging-directive", "TaggingDirective"},
    {"x-amz-object-attributes", "ObjectAttributes"},
    {"x-amz-max-parts", "MaxParts", Kind::number},
    {"x-amz-part-number-marker", "PartNumberMarker", Kind::number},
    {"x-amz-mfa", "MFA"},
    {"x-amz-metadata-directive", "MetadataDirective"},
    {"x-amz-object-lock-mode", "ObjectLockMode"},
    {"x-amz-object-lock-retain-until-date", "ObjectLockRetainUntilDate"},
    {"x-amz-object-lock-legal-hold", "ObjectLockLegalHoldStatus"},
    {"x-amz-bypass-governance-retention", "BypassGovernanceRetention"},
    {"x-amz-write-offset-bytes", "WriteOffsetBytes"},
    {"x-amz-bucket-object-lock-enabled", "ObjectLockEnabledForBucket"},
    {"x-amz-object-ownership", "ObjectOwnership"},
    {"x-amz-transition-default-minimum-object-size", "TransitionDefaultMinimumObjectSize"},
    {"x-amz-expected-bucket-owner", "ExpectedBucketOwner"},
    {"x-amz-source-expected-bucket-owner", "ExpectedSourceBucketOwner"},
    {"x-amz-checksum-crc32", "ChecksumCRC32"},
    {"x-amz-checksum-crc32c", "ChecksumCRC32C"},
    {"x-amz-checksum-crc64nvme", "ChecksumCRC64NVME"},
    {"x-amz-checksum-sha1", "ChecksumSHA1"},
    {"x-amz-checksum-sha256", "ChecksumSHA256"},
    {"x-amz-checksum-mode", "ChecksumMode"},
    {"x-amz-checksum-type", "ChecksumType"},
    {"x-amz-checksum-algorithm", "ChecksumAlgorithm"},
    {"x-amz-sdk-checksum-algorithm", "ChecksumAlgorithm"},
    {"x-amz-mp-object-size", "MpuObjectSize", Kind::number},
    {"x-amz-copy-source-range", "CopySourceRange"},
    {"x-amz-copy-source-if-match", "CopySourceIfMatch"},
    {"x-amz-copy-source-if-none-match", "CopySourceIfNoneMatch"},
    {"x-amz-copy-source-if-modified-since", "CopySourceIfModifiedSince", Kind::date},
    {"x-amz-copy-source-if-unmodified-since", "CopySourceIfUnmodifiedSince", Kind::date},
    {"x-amz-if-match-last-modified-time", "IfMatchLastModifiedTime"},
    {"x-amz-if-match-size", "IfMatchSize"},
};

inline constexpr MemberRow query_rows[] = {
    {"prefix", "Prefix"},
    {"delimiter", "Delimiter"},
    {"marker", "Marker"},
    {"start-after", "StartAfter"},
    {"continuation-token", "ContinuationToken"},
    {"encoding-type", "EncodingType"},
    {"fetch-owner", "FetchOwner"},
    {"key-marker", "KeyMarker"},
    {"upload-id-marker", "UploadIdMarker"},
    {"version-id-marker", "VersionIdMarker"},
    {"uploadId", "UploadId"},
    {"versionId", "VersionId"},
    {"bucket-region", "BucketRegion"},
    {"id", "Id"},
    {"max-keys", "MaxKeys", Kind::number},
    {"max-uploads", "MaxUploads", Kind::number},
    {"max-parts", "MaxParts", Kind::number},
    {"max-buckets", "MaxBuckets", Kind::number},
    {"part-number-marker", "PartNumberMarker", Kind::number},
    {"partNumber", "PartNumber", Kind::number},
    {"response-content-type", "ResponseContentType"},
    {"response-content-encoding", "ResponseContentEncoding"},
    {"response-content-language", "ResponseContentLanguage"},
    {"response-content-disposition", "ResponseContentDisposition"},
    {"response-cache-control", "ResponseCacheControl"},
    {"response-expires", "ResponseExpires"},
};

// Presigned requests may carry headers of the service in the query. These ones do not count there: they
// belong to the signature, or name a checksum of a body that the signer did not have. S3 checks a checksum
// only where the sender of the body says it, in a header; the JavaScript SDK presigns the CRC-32 of nothing.
inline constexpr std::string_view no_query_headers[] = {
    "x-amz-algorithm",      "x-amz-credential",      "x-amz-date",
    "x-amz-expires",        "x-amz-signature",       "x-amz-signedheaders",
    "x-amz-security-token", "x-amz-content-sha256",  "x-amz-sdk-checksum-algorithm",
    "x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",  "x-amz-checksum-sha256"};

}  // namespace sagemaker::local::wire
