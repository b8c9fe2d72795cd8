// One seed, one stream of numbers: everything that is left to chance in a simulation comes from here.
#pragma once

#include <cstdint>

namespace autoctl::simulator {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 0xD1B54A32D192ED03ULL) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  /// 0 … bound - 1.
  int below(int bound) { return static_cast<int>((next() >> 33) % static_cast<std::uint64_t>(bound)); }
  /// low … high, both included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  /// True so many times in a thousand.
  bool permille(int times) { return below(1000) < times; }
  bool coin() { return (next() >> 63) != 0; }
  /// As often as not below `low * 8`, seldom up to `high`: how long real things take.
  std::int64_t skewed(std::int64_t low, std::int64_t high) {
    const int halvings = below(8);
    return low + (between(0, high - low) >> halvings >> halvings / 2);
  }

 private:
  std::uint64_t state_;
};

}  // namespace autoctl::simulator
