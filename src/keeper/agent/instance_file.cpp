#include "keeper/agent/instance_file.h"

#include <spdlog/spdlog.h>

#include "common/tls/certificate.h"
#include "common/util/place.h"

namespace autoctl::keeper {

namespace {

/// Random enough: two of them are never the same.
constexpr std::size_t link_length = 16;
constexpr Millis link_pause{1000};

std::string random_link() {
  return tls::random_token().substr(0, link_length);
}

}  // namespace

Result<protocol::Instance> load_instance(const config::Files& files) {
  const auto text = config::read_file(files.instance());
  if (!text && text.error().code == Errc::not_found) return protocol::Instance{};
  if (!text) return fail(text.error());
  auto instance = protocol::decode<protocol::Instance>(*text);
  if (!instance)
    return fail(Errc::bad_config, files.instance() + " is damaged: " + instance.error().message,
                "the monitor has the truth: drop this node there and create it again over its data directory");
  return instance;
}

Result<> save_instance(const config::Files& files, const protocol::Instance& instance) {
  return config::write_file(files.instance(), protocol::encode(instance) + "\n");
}

std::string links_of(const config::Files& files) {
  const auto instance = load_instance(files);
  if (!instance) return {};
  std::string links = instance->id;
  for (const std::string& link : instance->former) links += "," + link;
  return links;
}

Result<InstanceChain> begin_chain(const config::Files& files) {
  const auto saved = load_instance(files);
  if (!saved) return fail(saved.error());
  InstanceChain chain(*saved, place_of(files.directory));
  protocol::Instance first = chain.with_link(random_link());
  AUTOCTL_TRY(save_instance(files, first));
  chain.saved(std::move(first), std::chrono::steady_clock::now());
  return chain;
}

Scribe::Scribe(Board& board, const config::Files& files) : board_(board), files_(files), thread_([this] { write(); }) {}

Scribe::~Scribe() {
  thread_.join();
}

void Scribe::write() {
  while (board_.await_link()) {
    protocol::Instance next = board_.with_link(random_link());
    if (const auto saved = save_instance(files_, next); saved) {
      board_.linked(std::move(next));
    } else {
      spdlog::debug("{}", saved.error().message);
      board_.pause(link_pause);
    }
  }
}

}  // namespace autoctl::keeper
