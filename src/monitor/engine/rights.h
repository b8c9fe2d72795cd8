// Which role may do what: all of it. In which formations, identity.h knows.
#pragma once

namespace autoctl::monitor {

enum class Role : unsigned char {
  nobody,
  join,      // a join token
  entry,     // who can log in to the monitor's Postgres as autoctl_node
  node,      // a node's own credential
  viewer,    // operators' tokens: docs/security.md
  operates,  // "operator" in tokens
  admin,     // the credential on the monitor's host, too
};

/// What a request needs.
enum class Right : unsigned char {
  join,        // register nodes
  report,      // speak as a node: that one only
  look,        // at states, events, settings, operations
  own_node,    // drop a node, or take it out of service: the node itself, and who may operate
  operate,     // operations, settings and nodes of a formation
  administer,  // formations and tokens
};

constexpr bool grants(Role role, Right right) {
  switch (role) {
    case Role::nobody: return false;
    case Role::join: return right == Right::join;
    case Role::entry: return right == Right::join || right == Right::look;
    case Role::node: return right == Right::report || right == Right::look || right == Right::own_node;
    case Role::viewer: return right == Right::look;
    case Role::operates: return right != Right::report && right != Right::administer;
    case Role::admin: return right != Right::report;
  }
  return false;
}

}  // namespace autoctl::monitor
