// The decoder of event streams: the same messages and the same verdict however the input is divided, and what
// it accepts is encoded to itself.
#include <optional>

#include <sagemaker/aws/event_stream.hpp>

#include "tests/fuzz/target.hpp"

namespace sagemaker::fuzz {
namespace {

using aws::event_stream::Decoder;
using aws::event_stream::encode;
using aws::event_stream::event;
using aws::event_stream::FormatError;
using aws::event_stream::Message;

struct Outcome {
  std::vector<Message> messages;
  bool broken = false;
  bool complete = false;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(std::string_view input, int division) {
  Outcome outcome;
  Decoder decoder;
  in_pieces(input, division, [&](std::string_view piece) {
    if (outcome.broken) return;
    decoder.feed(piece);
    try {
      while (auto message = decoder.next()) outcome.messages.push_back(std::move(*message));
    } catch (const FormatError&) {
      outcome.broken = true;
    }
  });
  outcome.complete = decoder.empty();
  return outcome;
}

const Registered registered({"event_stream",
                             [](std::string_view input) {
                               const Outcome whole = decode(input, 0);
                               for (int division = 1; division < divisions; ++division) {
                                 const Outcome divided = decode(input, division);
                                 require(whole.messages == divided.messages && whole.broken == divided.broken,
                                         "messages and verdict do not depend on how the input is divided");
                               }
                               std::string again;
                               for (const Message& message : whole.messages) again += encode(message);
                               require(decode(again, 1).messages == whole.messages,
                                       "what was accepted is encoded to itself");
                             },
                             {encode({}), encode(event({"PayloadPart", "abc"})),
                              encode({{{"a", true},
                                       {"b", std::int8_t{1}},
                                       {"c", std::int64_t{-1}},
                                       {"d", aws::event_stream::Bytes{"x"}},
                                       {"e", aws::event_stream::Uuid{}}},
                                      "payload"})},
                             {":event-type", ":message-type", "PayloadPart"}});

}  // namespace
}  // namespace sagemaker::fuzz
