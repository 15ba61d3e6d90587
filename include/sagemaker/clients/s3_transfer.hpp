// Files, folders and streams of any size to and from S3, and objects from one place in S3 to another:
//   s3.upload({.from = "data", .to = "s3://bucket/data"});
//   s3.download({.from = "s3://bucket/model.tar.gz", .to = "model.tar.gz"});
// Many parts travel at a time, straight between file and socket, so memory does not grow with the size. Every
// request is retried by the client's rules; bytes are verified on both ways; a failed upload leaves nothing
// in S3 and a failed download no file, unless `resume` keeps what has arrived.
#pragma once

#include <sagemaker/clients/detail/s3_copy.hpp>
#include <sagemaker/clients/detail/s3_download.hpp>
#include <sagemaker/clients/detail/s3_upload.hpp>
#include <sagemaker/clients/s3.hpp>
#include <sagemaker/clients/s3_transfer_types.hpp>

namespace sagemaker {

inline S3TransferResult S3Client::upload(const S3Upload& upload) const {
  return detail::Uploader(*this, upload).run();
}

inline S3TransferResult S3Client::upload_stream(const S3UploadStream& upload) const {
  return detail::StreamUploader(*this, upload).run();
}

inline S3TransferResult S3Client::download(const S3Download& download) const {
  return detail::Downloader(*this, download).run();
}

inline S3TransferResult S3Client::copy(const S3Copy& copy) const { return detail::Copier(*this, copy).run(); }

}  // namespace sagemaker
