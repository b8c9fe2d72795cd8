#include "keeper/postgres/instance.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "keeper/postgres/instance_impl.h"
#include "keeper/postgres/swap.h"

namespace autoctl::keeper {

Instance::Instance(config::Config config, config::Files files, Tools tools)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(files), std::move(tools))) {
  // Before anything else looks at PGDATA: half of it may be under another name.
  if (const auto finished = finish_interrupted_swap(impl_->files); !finished)
    spdlog::error("{}", finished.error().message);
}

Instance::~Instance() = default;

const Tools& Instance::tools() const {
  return impl_->tools;
}

void Instance::change_config(config::Config config) {
  impl_->config = std::move(config);
}

const config::Config& Instance::config() const {
  return impl_->config;
}

Result<DataDirectory> Instance::inspect() const {
  return keeper::inspect(impl_->tools, impl_->files.pgdata);
}

std::vector<std::string> Instance::take_news() {
  return std::exchange(impl_->news, {});
}

void Instance::Impl::tell(std::string sentence) {
  spdlog::warn("{}", sentence);
  news.push_back(std::move(sentence));
}

}  // namespace autoctl::keeper
