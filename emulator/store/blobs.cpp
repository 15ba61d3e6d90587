// incoming/ holds what is being written; a/b/ab... holds what is settled: 256 folders, so that none grows
// large.
#include "emulator/store/blobs.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/store/file.hpp"

namespace sagemaker::local::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t buffer_bytes = 128 * 1024;  // small pieces are gathered; large ones go straight through
constexpr std::uint64_t writeback_bytes = 16 << 20;
constexpr std::string_view clean_marker = "closed-in-order";

std::string random_name() {
  std::string name = aws::uuid4();
  std::erase(name, '-');
  return name;
}

// MD5 of which an intermediate value can be taken: md5_hex() may be asked before the end.
class RunningMd5 {
 public:
  RunningMd5() : context_(EVP_MD_CTX_new()) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr) != 1) {
      throw std::runtime_error("OpenSSL offers no MD5 here");
    }
  }
  void update(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() const {
    const std::unique_ptr<EVP_MD_CTX, Free> copy(EVP_MD_CTX_new());
    std::array<unsigned char, 16> digest{};
    if (!copy || EVP_MD_CTX_copy_ex(copy.get(), context_.get()) != 1 ||
        EVP_DigestFinal_ex(copy.get(), digest.data(), nullptr) != 1) {
      throw std::runtime_error("OpenSSL could not finish an MD5");
    }
    return aws::to_hex(digest);
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

class FileBlob final : public BlobWriter {
 public:
  FileBlob(fs::path path, Durability durability)
      : path_(std::move(path)), file_(File::create(path_)), durability_(durability) {}
  ~FileBlob() override {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  FileBlob(const FileBlob&) = delete;
  FileBlob& operator=(const FileBlob&) = delete;

  void append(std::string_view bytes) override {
    md5_.update(bytes);
    size_ += bytes.size();
    if (buffer_.size() + bytes.size() < buffer_bytes) {
      buffer_.append(bytes);
      return;
    }
    flush();
    if (bytes.size() < buffer_bytes) {
      buffer_.reserve(buffer_bytes);
      buffer_.append(bytes);
    } else {
      write(bytes);
    }
  }

  // The whole of another file, without MD5.
  void append_file(const File& source) {
    flush();
    const std::uint64_t length = source.size();
    file_.append_from(source, 0, length);
    size_ += length;
  }

  // MD5 over what the file holds: what was stored, even where the source changed meanwhile.
  void hash_contents() {
    file_.read(0, size_, [this](std::string_view bytes) { md5_.update(bytes); });
  }

  std::uint64_t size() const override { return size_; }
  std::string md5_hex() const override { return md5_.hex(); }

  void settle(const fs::path& target) {
    flush();
    if (durability_ == Durability::full) file_.sync_data();
    file_.close();
    fs::rename(path_, target);
    path_.clear();
  }

 private:
  void flush() {
    write(buffer_);
    buffer_.clear();
  }

  void write(std::string_view bytes) {
    file_.write(bytes);
    unsynced_ += bytes.size();
    if (durability_ == Durability::full && unsynced_ >= writeback_bytes) {
      // The disk starts now instead of at the final sync. A mere hint: its failure shows there.
      ::sync_file_range(file_.descriptor(), 0, 0, SYNC_FILE_RANGE_WRITE);
      unsynced_ = 0;
    }
  }

  fs::path path_;
  File file_;
  Durability durability_;
  std::string buffer_;
  std::uint64_t size_ = 0;
  std::uint64_t unsynced_ = 0;
  RunningMd5 md5_;
};

bool is_blob_name(const std::string& name) {
  return name.size() == 32 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

Blobs::Blobs(fs::path directory, Durability durability)
    : directory_(std::move(directory)), incoming_(directory_ / "incoming"), durability_(durability) {
  fs::create_directories(incoming_);
}

Blobs::~Blobs() {
  if (!swept_) return;
  const std::ofstream marker(directory_ / clean_marker);  // where it cannot be made, the next start sweeps
}

std::unique_ptr<BlobWriter> Blobs::create() {
  return std::make_unique<FileBlob>(incoming_ / random_name(), durability_);
}

std::unique_ptr<BlobWriter> Blobs::join(const std::vector<std::string>& names) {
  auto blob = std::make_unique<FileBlob>(incoming_ / random_name(), durability_);
  for (const std::string& name : names) blob->append_file(File::open_to_read(path_of(name)));
  return blob;
}

std::unique_ptr<BlobWriter> Blobs::import(const fs::path& file) {
  auto blob = std::make_unique<FileBlob>(incoming_ / random_name(), durability_);
  const File source = File::open_to_read(file);
  if (!fs::is_regular_file(file)) {
    throw std::system_error(EINVAL, std::generic_category(), "not a regular file: " + file.string());
  }
  blob->append_file(source);
  blob->hash_contents();
  return blob;
}

std::string Blobs::settle(std::unique_ptr<BlobWriter> blob) {
  auto* file = dynamic_cast<FileBlob*>(blob.get());
  if (!file) throw std::logic_error("store: a blob of another store");
  const std::string name = random_name();
  make_home_of(name);
  file->settle(path_of(name));
  if (durability_ == Durability::full) sync_directory(path_of(name).parent_path());
  return name;
}

std::string Blobs::duplicate(const std::string& name) {
  const std::string twin = random_name();
  make_home_of(twin);
  if (::link(path_of(name).c_str(), path_of(twin).c_str()) == 0) {
    if (durability_ == Durability::full) sync_directory(path_of(twin).parent_path());
    return twin;
  }
  if (errno == ENOENT) throw std::system_error(ENOENT, std::generic_category(), "the blob is gone");
  return settle(join({name}));  // a file system without links, or too many of them
}

void Blobs::remove(const std::string& name) noexcept {
  if (is_blob_name(name)) ::unlink(path_of(name).c_str());
}

fs::path Blobs::path_of(const std::string& name) const {
  return directory_ / name.substr(0, 1) / name.substr(1, 1) / name;
}

void Blobs::make_home_of(const std::string& name) {
  const fs::path home = path_of(name).parent_path();
  if (!fs::create_directories(home) || durability_ != Durability::full) return;
  sync_directory(home.parent_path());
  sync_directory(directory_);
}

void Blobs::sweep(const std::function<bool(const std::string&)>& is_used) {
  for (const fs::directory_entry& entry : fs::directory_iterator(incoming_)) fs::remove(entry.path());
  swept_ = fs::remove(directory_ / clean_marker);
  if (swept_) return;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory_)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && is_blob_name(name) && !is_used(name)) fs::remove(entry.path());
  }
  swept_ = true;
}

}  // namespace sagemaker::local::store
