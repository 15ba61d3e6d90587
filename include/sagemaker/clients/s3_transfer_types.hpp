// What S3Client's upload, upload_stream, download and copy take and give.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <sagemaker/clients/s3_progress.hpp>
#include <sagemaker/clients/s3_types.hpp>
#include <sagemaker/clients/s3_uri.hpp>

namespace sagemaker {

// What is on the other side: `automatic` finds out (a key that ends with '/' is a folder; so is one that is
// no object but has objects below it). `folder` takes the keys below KEY/, `path` those and the object KEY,
// `prefix` all that begin with KEY.
enum class S3Scope { automatic, object, folder, path, prefix };

// One object that has arrived.
struct S3TransferredObject {
  S3Uri uri;
  std::filesystem::path file = {};  // of uploads and downloads
  std::uint64_t size = 0;
};

// How the work is done. What is empty is as the `s3` section of the profile says (max_concurrent_requests,
// multipart_threshold, multipart_chunksize), else as boto3 and the AWS command line do it: 10 threads and 8
// MiB.
struct S3TransferOptions {
  std::optional<int> threads = {};
  // Files from this size on go in parts. A part is at least 5 MiB, and as large as it takes to need at most
  // 10,000 of them: an object may have 5 TiB.
  std::optional<std::uint64_t> multipart_threshold = {};
  std::optional<std::uint64_t> part_size = {};
  // What has arrived of a large file is kept where the transfer fails or the program ends, and the next
  // transfer of the same goes on from there. Without it a failed upload is aborted, and nothing is left
  // behind.
  bool resume = false;
  // Where the state of uploads is kept; empty: $XDG_STATE_HOME/sagemaker/transfers, else
  // ~/.local/state/sagemaker/transfers. That of a download lies beside its file.
  std::filesystem::path state_folder = {};
  // One object that fails does not end the others: S3TransferResult::failures says which.
  bool keep_going = false;
  std::function<void(const S3Progress&)> progress = {};            // called by one thread at a time
  std::function<void(const S3TransferredObject&)> on_object = {};  // likewise
  std::stop_token stop = {};  // then TransferCancelled, as soon as the next bytes move
};

// What of a folder takes part.
struct S3FolderOptions {
  // Shell patterns of paths inside the folder ("*.csv"; '*' also matches '/').
  std::vector<std::string> include = {};
  std::vector<std::string> exclude = {};
  // Leaves out what is there already with the same size and is not older than its source.
  bool only_changed = false;
  // Deletes what the other side has below the folder and this one has not, except what the patterns leave
  // out.
  bool delete_extraneous = false;
};

// A file, or a folder with all below it. A file goes to the key, or below it where it is empty or ends with
// '/'. Links to files are followed, links to folders are not, and what is neither file nor folder is left
// out.
struct S3Upload {
  std::filesystem::path from;
  S3Uri to;
  S3FolderOptions folder = {};
  bool empty_folders = false;  // as objects of no bytes whose keys end with '/'
  std::string content_type = "binary/octet-stream";
  std::map<std::string, std::string> metadata = {};
  S3Tags tags = {};
  aws::Headers headers = {};  // any further ones: x-amz-storage-class, x-amz-server-side-encryption ...
  S3ChecksumChoice checksum = {};
  S3ChecksumType checksum_type = S3ChecksumType::automatic;
  std::string if_none_match = {};  // "*": PreconditionFailed where an object is there already
  S3TransferOptions options = {};
};

// Bytes of unknown number, from a function or a stream: .reader = s3_reader(stream). Parts are held in memory
// until they are sent, about threads + 1 of them; they grow from part_size when there are thousands.
struct S3UploadStream {
  S3Reader reader;
  S3Uri to;
  std::string content_type = "binary/octet-stream";
  std::map<std::string, std::string> metadata = {};
  S3Tags tags = {};
  aws::Headers headers = {};
  S3ChecksumChoice checksum = {};
  S3ChecksumType checksum_type = S3ChecksumType::automatic;
  S3TransferOptions options = {};
};

// An object goes to the file, or into the folder where `to` is one or ends with '/'; a folder into the
// folder. Files appear under their name when they are complete and verified, and are as old as their object.
// Keys that lead out of the folder are refused; keys that end with '/' become folders.
struct S3Download {
  S3Uri from;
  std::filesystem::path to;
  S3Scope scope = S3Scope::automatic;
  std::string version_id = {};  // of one object
  S3FolderOptions folder = {};
  aws::Headers headers = {};
  S3TransferOptions options = {};
};

// Inside S3, with metadata, content type and tags; above 5 GiB in parts, many at a time.
struct S3Copy {
  S3Uri from;
  S3Uri to;
  S3Scope scope = S3Scope::automatic;
  std::string version_id = {};  // of one object
  S3FolderOptions folder = {};
  aws::Headers headers = {};
  S3TransferOptions options = {};  // parts of 128 MiB above 5 GiB, where nothing else is said
};

struct S3TransferFailure {
  std::string name;  // s3://bucket/key
  std::string message;
};

struct S3TransferResult {
  std::uint64_t objects = 0;  // that were moved
  std::uint64_t bytes = 0;    // of those objects
  std::uint64_t unchanged = 0;
  std::uint64_t deleted = 0;
  std::vector<S3TransferFailure> failures;  // only with keep_going
};

}  // namespace sagemaker
