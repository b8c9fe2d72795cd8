// How many files and sockets this process may have open.
#pragma once

#include <sys/resource.h>

#include <cstddef>

namespace autoctl {

struct DescriptorLimit {
  std::size_t inherited = 0;
  std::size_t now = 0;
};

/// Raises the limit as far as is allowed and is of use. Child::spawn() gives children the inherited one, which Postgres
/// fits itself to. To be called once, by a daemon, before it has threads and children.
DescriptorLimit raise_descriptor_limit();

/// What holds now.
std::size_t descriptor_limit();

/// What children get; nullptr where it was not raised.
const rlimit* inherited_descriptor_limit();

}  // namespace autoctl
