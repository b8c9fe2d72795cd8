#include "common/http/budget.h"

#include <algorithm>

namespace autoctl::http {

namespace {

constexpr std::size_t fewest_connections = 16;
/// Of the connections of strangers, or of members, one owner has so large a part at most.
constexpr std::size_t owners_part = 4;
/// A keeper needs two connections, and for some seconds those that it had before; an operator's scripts need more.
constexpr std::size_t members_of_one_max = 256;

std::size_t part(std::size_t all) {
  return std::max<std::size_t>(all / owners_part, 1);
}

}  // namespace

Budget budget_of(const ServerOptions& options) {
  const std::size_t strangers = std::min(options.strangers_max, part(options.connections_max));
  const std::size_t newcomers = std::min(options.newcomers_max, part(options.connections_max));
  const std::size_t others = strangers + newcomers;
  const std::size_t members = options.connections_max > others ? options.connections_max - others : 1;
  return {.strangers = {.all = strangers, .of_one_owner = part(strangers)},
          .newcomers = {.all = newcomers, .of_one_owner = newcomers},
          .members = {.all = members, .of_one_owner = std::min(members, members_of_one_max)}};
}

ServerOptions fitted(ServerOptions options, std::size_t descriptors, std::size_t own) {
  const std::size_t left = descriptors > own ? descriptors - own : 0;
  options.connections_max = std::min(options.connections_max, std::max(left, fewest_connections));
  return options;
}

}  // namespace autoctl::http
