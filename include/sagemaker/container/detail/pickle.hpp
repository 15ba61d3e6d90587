// Python's pickle, as far as torch.save uses it for one tensor. Nothing is executed: names of functions are
// compared, never called. The opcodes: https://docs.python.org/3/library/pickletools.html. Without libtorch.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sagemaker/container/request_error.hpp>

namespace sagemaker::container::detail {

struct PickleValue;
using PickleTuple = std::vector<PickleValue>;

struct PickleValue {
  enum class Kind { none, mark, boolean, integer, text, name, tuple, call, persistent };
  Kind kind = Kind::none;
  std::int64_t integer = 0;
  std::string text = {};  // of `name`: "module.name"; of `call`: the name of what is called
  std::shared_ptr<const PickleTuple> items = {};  // of tuple, call and persistent
};

class PickleReader {
 public:
  explicit PickleReader(std::string_view pickle) : rest_(pickle) {
    if (pickle.size() > bytes_max) fail("it is larger than that of a tensor");
  }

  PickleValue read() {
    for (;;) {
      const char opcode = take(1).front();
      if (opcode == '.') return pop();
      if (!constant(opcode) && !memo(opcode)) build(opcode);
    }
  }

 private:
  using Kind = PickleValue::Kind;
  static constexpr std::size_t bytes_max = 4096;

  [[noreturn]] static void fail(const std::string& what) {
    throw RequestError(400, "invalid tensor/pt input: its data.pkl cannot be read: " + what);
  }

  std::string_view take(std::size_t size) {
    if (size > rest_.size()) fail("it is truncated");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  // Little-endian.
  std::int64_t number(std::size_t bytes, bool is_signed) {
    const std::string_view text = take(bytes);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i)
      value |= std::uint64_t{static_cast<unsigned char>(text[i])} << 8 * i;
    if (is_signed && bytes > 0 && bytes < 8 && (value >> (8 * bytes - 1) & 1) != 0)
      value |= ~std::uint64_t{0} << 8 * bytes;
    return static_cast<std::int64_t>(value);
  }

  std::string line() {
    const auto end = rest_.find('\n');
    if (end == std::string_view::npos) fail("it is truncated");
    const std::string text(take(end));
    take(1);
    return text;
  }

  void push(PickleValue value) { stack_.push_back(std::move(value)); }
  PickleValue pop() {
    if (stack_.empty()) fail("a value is missing");
    PickleValue value = std::move(stack_.back());
    stack_.pop_back();
    return value;
  }

  bool constant(char opcode) {
    switch (opcode) {
      case '\x80':  // PROTO
        take(1);
        return true;
      case '\x95':  // FRAME
        take(8);
        return true;
      case 'N':
        push({});
        return true;
      case '\x88':
      case '\x89':
        push({Kind::boolean, opcode == '\x88'});
        return true;
      case 'K':
        push({Kind::integer, number(1, false)});
        return true;
      case 'M':
        push({Kind::integer, number(2, false)});
        return true;
      case 'J':
        push({Kind::integer, number(4, true)});
        return true;
      case '\x8A':  // LONG1
        read_long(static_cast<std::size_t>(number(1, false)));
        return true;
      case 'X':
      case '\x8C':
        push({Kind::text, 0,
              std::string(take(static_cast<std::size_t>(number(opcode == 'X' ? 4 : 1, false))))});
        return true;
      default:
        return false;
    }
  }

  void read_long(std::size_t bytes) {
    if (bytes > 8) fail("a number is too large");
    push({Kind::integer, number(bytes, true)});
  }

  bool memo(char opcode) {
    if (opcode == 'q' || opcode == 'r' || opcode == '\x94') {
      const std::int64_t key =
          opcode == '\x94' ? static_cast<std::int64_t>(memo_.size()) : number(opcode == 'q' ? 1 : 4, false);
      if (stack_.empty()) fail("a value is missing");
      memo_[key] = stack_.back();
      return true;
    }
    if (opcode != 'h' && opcode != 'j') return false;
    const auto found = memo_.find(number(opcode == 'h' ? 1 : 4, false));
    if (found == memo_.end()) fail("a value is missing");
    push(found->second);
    return true;
  }

  void push_tuple(std::size_t count, Kind kind = Kind::tuple) {
    if (count > stack_.size()) fail("a value is missing");
    auto items = std::make_shared<PickleTuple>();
    items->assign(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    push({kind, 0, {}, std::move(items)});
  }

  void build(char opcode) {
    switch (opcode) {
      case 'c': {  // GLOBAL
        const std::string module = line();
        return push({Kind::name, 0, module + "." + line()});
      }
      case '(':
        return push({Kind::mark});
      case ')':
        return push_tuple(0);
      case '}':  // an empty dictionary, which is only ever the hooks of a tensor
        return push({});
      case '\x85':
      case '\x86':
      case '\x87':
        return push_tuple(static_cast<std::size_t>(static_cast<unsigned char>(opcode) - 0x84));
      case 't': {
        std::size_t count = 0;
        while (count < stack_.size() && stack_[stack_.size() - 1 - count].kind != Kind::mark) ++count;
        push_tuple(count);
        PickleValue tuple = pop();
        if (pop().kind != Kind::mark) fail("a tuple has no beginning");
        return push(std::move(tuple));
      }
      case 'Q': {  // BINPERSID
        PickleValue id = pop();
        if (id.kind != Kind::tuple) fail("a storage has no description");
        return push({Kind::persistent, 0, {}, std::move(id.items)});
      }
      case 'R': {
        PickleValue arguments = pop(), function = pop();
        if (function.kind != Kind::name || arguments.kind != Kind::tuple) fail("a call cannot be read");
        return push({Kind::call, 0, std::move(function.text), std::move(arguments.items)});
      }
      default:
        fail("it is no plain tensor; torch.save(tensor.detach()) of one dense tensor is expected");
    }
  }

  std::string_view rest_;
  std::vector<PickleValue> stack_;
  std::unordered_map<std::int64_t, PickleValue> memo_;
};

// The opcodes that one tensor needs.
class PickleWriter {
 public:
  PickleWriter() : out_("\x80\x02") {}
  void opcodes(std::string_view text) { out_ += text; }
  void name(std::string_view module, std::string_view function) {
    out_.append("c").append(module).append("\n").append(function).append("\n");
  }
  void text(std::string_view value) {
    out_ += 'X';
    bytes(value.size(), 4);
    out_ += value;
  }
  void integer(std::int64_t value) {
    const bool small = value >= INT32_MIN && value <= INT32_MAX;
    out_ += small ? std::string_view("J") : std::string_view("\x8A\x08");
    bytes(static_cast<std::uint64_t>(value), small ? 4 : 8);
  }
  void integers(const std::vector<std::int64_t>& values) {
    out_ += '(';
    for (const std::int64_t value : values) integer(value);
    out_ += 't';
  }
  const std::string& finished() {
    out_ += '.';
    return out_;
  }

 private:
  void bytes(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) out_ += static_cast<char>(value >> 8 * i & 0xFF);
  }

  std::string out_;
};

}  // namespace sagemaker::container::detail
