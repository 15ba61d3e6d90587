// tensor/pt: what torch.save writes of one tensor, and what torch.load reads. Read and written here, not by
// libtorch, whose unpickler is not made for what strangers send.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sagemaker/container/codecs.hpp>
#include <sagemaker/container/detail/decoded_size.hpp>
#include <sagemaker/container/detail/pickle.hpp>
#include <sagemaker/container/detail/zip_reader.hpp>
#include <sagemaker/container/detail/zip_writer.hpp>

namespace sagemaker::container::detail {

inline constexpr std::array<std::pair<std::string_view, torch::ScalarType>, 10> torch_storages = {
    {{"FloatStorage", torch::kFloat},
     {"DoubleStorage", torch::kDouble},
     {"HalfStorage", torch::kHalf},
     {"BFloat16Storage", torch::kBFloat16},
     {"LongStorage", torch::kLong},
     {"IntStorage", torch::kInt},
     {"ShortStorage", torch::kShort},
     {"CharStorage", torch::kChar},
     {"ByteStorage", torch::kByte},
     {"BoolStorage", torch::kBool}}};

class TorchFileReader {
 public:
  explicit TorchFileReader(std::string_view body)
      : body_bytes_(body.size()), archive_(open(body), "invalid tensor/pt input") {}

  torch::Tensor read() {
    const ZipEntry& pickle = entry("data.pkl");
    if (find("constants.pkl") != nullptr)
      archive_.fail(
          "it is TorchScript, as torch::save writes it in C++; torch.save or torch::pickle_save of a "
          "tensor is expected");
    std::string buffer;
    PickleValue value = PickleReader(archive_.content(pickle, buffer)).read();
    if (value.kind == Kind::call && value.text == "torch._utils._rebuild_parameter" &&
        !value.items->empty()) {
      const PickleValue data = value.items->front();
      value = data;
    }
    if (value.kind != Kind::call || value.text != "torch._utils._rebuild_tensor_v2" ||
        value.items->size() < 4)
      archive_.fail("it is not one dense tensor");
    return rebuild(*value.items);
  }

 private:
  using Kind = PickleValue::Kind;

  static std::string_view open(std::string_view body) {
    if (body.starts_with("PK")) return body;
    throw RequestError(400,
                       "invalid tensor/pt input: it is not what torch.save writes (since 1.6, without "
                       "_use_new_zipfile_serialization=False)");
  }

  // All files are in one folder, whose name does not matter.
  const ZipEntry* find(std::string_view name) const {
    for (const ZipEntry& entry : archive_.entries()) {
      const auto slash = entry.name.find('/');
      if (slash != std::string_view::npos && entry.name.substr(slash + 1) == name) return &entry;
    }
    return nullptr;
  }
  const ZipEntry& entry(const std::string& name) const {
    const ZipEntry* const found = find(name);
    if (found == nullptr) archive_.fail("it has no " + name);
    return *found;
  }

  std::vector<std::int64_t> sizes(const PickleValue& value) const {
    if (value.kind != Kind::tuple || value.items->size() > 64) archive_.fail("a shape cannot be read");
    std::vector<std::int64_t> out;
    for (const PickleValue& item : *value.items) {
      if (item.kind != Kind::integer || item.integer < 0) archive_.fail("a shape cannot be read");
      out.push_back(item.integer);
    }
    return out;
  }

  torch::ScalarType type_of(const PickleValue& name) const {
    for (const auto& [storage, type] : torch_storages) {
      if (name.kind == Kind::name && name.text == "torch." + std::string(storage)) return type;
    }
    archive_.fail("the type " + name.text.substr(0, 60) + " is not supported");
  }

  // ('storage', torch.FloatStorage, '0', 'cpu', 6)
  torch::Tensor rebuild(const PickleTuple& arguments) {
    const PickleValue& storage = arguments[0];
    if (storage.kind != Kind::persistent || storage.items->size() != 5 ||
        (*storage.items)[2].kind != Kind::text || arguments[1].kind != Kind::integer) {
      archive_.fail("its storage cannot be read");
    }
    const torch::ScalarType type = type_of((*storage.items)[1]);
    const std::vector<std::int64_t> shape = sizes(arguments[2]), strides = sizes(arguments[3]);
    const std::int64_t offset = arguments[1].integer;
    std::string buffer;
    const std::string_view bytes = archive_.content(entry("data/" + (*storage.items)[2].text), buffer);
    check_byte_order();
    const std::size_t item_bytes = torch::elementSize(type);
    if (std::find(shape.begin(), shape.end(), 0) != shape.end()) {
      check_decoded_shape("invalid tensor/pt input: its shape", shape, item_bytes, body_bytes_);
      return torch::empty(shape, type);
    }
    check_extent(shape, strides, offset, bytes.size() / item_bytes, item_bytes);
    // Only as a source of copies: never changed, and gone when this function returns.
    const torch::Tensor stored =
        torch::from_blob(const_cast<char*>(bytes.data()),
                         {static_cast<std::int64_t>(bytes.size() / item_bytes * item_bytes)}, torch::kByte);
    const torch::Tensor whole = stored.clone();
    if (type == torch::kBool) whole.copy_(whole.ne(0));  // other bytes would be undefined behaviour in a bool
    return whole.view(type).as_strided(shape, strides, offset).contiguous();
  }

  void check_byte_order() const {
    const ZipEntry* const order = find("byteorder");
    std::string buffer;
    if (order != nullptr && archive_.content(*order, buffer) != "little")
      archive_.fail("its byte order is not little-endian");
  }

  // All items lie inside the storage, and what repeats them (a stride of 0) does not make them too many.
  void check_extent(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides,
                    std::int64_t offset, std::size_t stored, std::size_t item_bytes) const {
    if (shape.size() != strides.size() || offset < 0) archive_.fail("a shape cannot be read");
    std::size_t items = 1, last = static_cast<std::size_t>(offset);
    for (const std::int64_t size : shape) items = product_of(items, static_cast<std::size_t>(size));
    check_decoded_size("invalid tensor/pt input: a tensor of " + std::to_string(items) + " items", items,
                       item_bytes, body_bytes_);
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const std::size_t reach =
          product_of(static_cast<std::size_t>(shape[i] - 1), static_cast<std::size_t>(strides[i]));
      if (reach > stored || last > stored) archive_.fail("its shape does not fit its storage");
      last += reach;
    }
    if (last >= stored) archive_.fail("its shape does not fit its storage");
  }

  const std::size_t body_bytes_;
  const ZipReader archive_;
};

}  // namespace sagemaker::container::detail

namespace sagemaker::container {

SAGEMAKER_CONTAINER_FUNCTION torch::Tensor decode_torch(std::string_view body) {
  return detail::TorchFileReader(body).read();
}

SAGEMAKER_CONTAINER_FUNCTION std::string encode_torch(const torch::Tensor& tensor) {
  torch::Tensor plain = tensor.detach().to(torch::kCPU).contiguous();
  const auto storage = std::find_if(detail::torch_storages.begin(), detail::torch_storages.end(),
                                    [&](const auto& known) { return known.second == plain.scalar_type(); });
  if (storage == detail::torch_storages.end())
    throw std::runtime_error("a prediction of type " + std::string(toString(plain.scalar_type())) +
                             " cannot be written as tensor/pt");
  // torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)
  detail::PickleWriter pickle;
  pickle.name("torch._utils", "_rebuild_tensor_v2");
  pickle.opcodes("((");
  pickle.text("storage");
  pickle.name("torch", storage->first);
  pickle.text("0");
  pickle.text("cpu");
  pickle.integer(plain.numel());
  pickle.opcodes("tQ");
  pickle.integer(0);
  pickle.integers(plain.sizes().vec());
  pickle.integers(plain.strides().vec());
  pickle.opcodes("\x89");
  pickle.name("collections", "OrderedDict");
  pickle.opcodes(")RtR");
  detail::ZipWriter archive;
  archive.add("archive/data.pkl", pickle.finished());
  archive.add("archive/data/0",
              {static_cast<const char*>(plain.data_ptr()),
               static_cast<std::size_t>(plain.numel()) * static_cast<std::size_t>(plain.element_size())});
  archive.add("archive/version", "3\n");
  return archive.finish();
}

}  // namespace sagemaker::container
