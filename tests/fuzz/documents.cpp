// Every document that crosses the wire: what is accepted can be said again, and means the same then. The first byte
// chooses the type.
#include <array>

#include "common/protocol/protocol.h"
#include "common/protocol/tokens.h"
#include "fuzz.h"

namespace autoctl::fuzz {
namespace {

template <class T>
void read(const std::string& text) {
  const auto value = protocol::decode<T>(text);
  if (!value) return;
  const std::string said = protocol::encode(*value);
  const auto again = protocol::decode<T>(said);
  require(again.has_value());
  require(protocol::encode(*again) == said);
}

constexpr std::array readers = {
    read<protocol::Report>,
    read<protocol::RegisterRequest>,
    read<protocol::RegisterAnswer>,
    read<protocol::Assignment>,
    read<protocol::StateDocument>,
    read<protocol::ExplanationsDocument>,
    read<protocol::EventsDocument>,
    read<protocol::OperationRequest>,
    read<protocol::OperationDocument>,
    read<protocol::SettingsDocument>,
    read<protocol::FormationDocument>,
    read<protocol::ErrorDocument>,
    read<protocol::TokenRequest>,
    read<protocol::TokensDocument>,
    read<protocol::TrustDocument>,
    read<protocol::Instance>,
    read<Goal>,
    read<NodeFacts>,
};

}  // namespace
}  // namespace autoctl::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace autoctl::fuzz;
  if (size == 0) return 0;
  // Letters, so that a corpus can be read: 'a' is a report.
  readers.at(static_cast<std::size_t>(data[0] - 'a' + 256) % readers.size())(text_of(data + 1, size - 1));
  return 0;
}
