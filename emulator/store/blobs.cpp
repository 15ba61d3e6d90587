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
#include <sys/stat.h>
#include <unistd.h>

#include <sagemaker/aws/crypto.hpp>

#include "emulator/store/background_md5.hpp"
#include "emulator/store/file.hpp"

namespace sagemaker::local::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t buffer_bytes = 256 * 1024;  // what goes to the disk and to the hash in one piece
constexpr std::uint64_t writeback_bytes = 16 << 20;
constexpr std::string_view clean_marker = "closed-in-order";

std::string random_name() {
  std::string name = aws::uuid4();
  std::erase(name, '-');
  return name;
}

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
    size_ += bytes.size();
    while (!bytes.empty()) {
      std::string& buffer = buffers_[filling_];
      if (buffer.size() + bytes.size() > buffer.capacity()) grow(buffer, bytes.size());
      const std::size_t count = std::min(bytes.size(), buffer_bytes - buffer.size());
      buffer.append(bytes.substr(0, count));
      bytes.remove_prefix(count);
      if (buffer.size() == buffer_bytes) flush();
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
    file_.read(0, size_, [this](std::string_view bytes) {
      md5_.update(bytes);
      md5_.wait_for_all_but(0);
    });
  }

  std::uint64_t size() const override { return size_; }
  std::string md5_hex() override {
    hash_filled();
    return md5_.hex();
  }

  void settle(const fs::path& target) {
    flush();
    if (durability_ == Durability::full) file_.sync_data();
    file_.close();
    fs::rename(path_, target);
    path_.clear();
  }

 private:
  // Most objects are small: the first buffer begins small, and the others are made when they are needed.
  static void grow(std::string& buffer, std::size_t more) {
    const std::size_t wanted = std::max({buffer.size() + more, 2 * buffer.capacity(), std::size_t{4096}});
    buffer.reserve(std::min(wanted, buffer_bytes));
  }

  // What stands in the buffer and was not hashed yet.
  void hash_filled() {
    const std::string& buffer = buffers_[filling_];
    md5_.update(std::string_view(buffer).substr(hashed_));
    hashed_ = buffer.size();
  }

  void flush() {
    hash_filled();  // on its own thread while the bytes go to the disk
    write(buffers_[filling_]);
    filling_ = (filling_ + 1) % buffers_.size();
    md5_.wait_for_all_but(buffers_.size() - 1);  // the next one is free again
    buffers_[filling_].clear();
    hashed_ = 0;
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
  std::array<std::string, 4> buffers_;  // one is filled, the others are being hashed
  std::size_t filling_ = 0;
  std::size_t hashed_ = 0;  // so much of the one that is filled
  std::uint64_t size_ = 0;
  std::uint64_t unsynced_ = 0;
  BackgroundMd5 md5_;  // the first to go: it reads the buffers
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
  sync_home_of(name);
  return name;
}

std::string Blobs::duplicate(const std::string& name) {
  const std::string twin = random_name();
  make_home_of(twin);
  if (::link(path_of(name).c_str(), path_of(twin).c_str()) == 0) {
    sync_home_of(twin);
    return twin;
  }
  if (errno == ENOENT) throw std::system_error(ENOENT, std::generic_category(), "the blob is gone");
  return settle(join({name}));  // a file system without links, or too many of them
}

void Blobs::remove(const std::string& name) noexcept {
  if (is_blob_name(name)) ::unlink(path_of(name).c_str());
}

void Blobs::publish(const std::vector<std::string>& names, Database& database,
                    const std::function<void(Connection&)>& work) {
  try {
    database.write(work);
  } catch (const UnknownOutcome&) {
    swept_ = false;
    throw;
  } catch (...) {
    for (const std::string& name : names) remove(name);
    throw;
  }
}

fs::path Blobs::path_of(const std::string& name) const {
  return directory_ / name.substr(0, 1) / name.substr(1, 1) / name;
}

// One at a time: who finds a folder that another thread has just made may rely on it being there for good.
void Blobs::make_home_of(const std::string& name) {
  const std::lock_guard lock(homes_mutex_);
  const fs::path home = path_of(name).parent_path();
  if (!fs::create_directories(home) || durability_ != Durability::full) return;
  sync_directory(home.parent_path());
  sync_directory(directory_);
}

// A name that is not known to last is taken back: nobody will ever ask for it.
void Blobs::sync_home_of(const std::string& name) {
  if (durability_ != Durability::full) return;
  try {
    sync_directory(path_of(name).parent_path());
  } catch (...) {
    remove(name);
    throw;
  }
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
