#include "common/process/descriptor_limit.h"

#include <algorithm>
#include <optional>

namespace autoctl {

namespace {

/// A daemon never has more open by far, and where there is no limit at all, what closes "all of them" takes seconds.
constexpr rlim_t of_use = 65'536;

std::optional<rlimit>& inherited() {
  static std::optional<rlimit> limit;
  return limit;
}

}  // namespace

DescriptorLimit raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  const DescriptorLimit as_it_is{limit.rlim_cur, limit.rlim_cur};
  const rlim_t wanted = std::min(limit.rlim_max, of_use);
  if (wanted <= limit.rlim_cur) return as_it_is;
  const rlimit raised{wanted, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) return as_it_is;
  inherited() = limit;
  return {limit.rlim_cur, wanted};
}

std::size_t descriptor_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

const rlimit* inherited_descriptor_limit() {
  return inherited() ? &*inherited() : nullptr;
}

}  // namespace autoctl
