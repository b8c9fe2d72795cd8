// A file descriptor that is closed with its owner.
#pragma once

#include <unistd.h>

#include <utility>

namespace autoctl {

class Descriptor {
 public:
  Descriptor() = default;
  /// Takes over what open(), socket() and their like return; -1 is nothing.
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    const int taken = other.release();
    reset();
    fd_ = taken;
    return *this;
  }
  ~Descriptor() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace autoctl
