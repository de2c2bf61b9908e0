// A slot in which threads exchange immutable values: the newest wins, nobody waits for more than a pointer.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace reverie {

template <class T>
class Latest {
 public:
  void Set(std::shared_ptr<const T> value) {
    {
      const std::lock_guard lock(mutex_);
      value_.swap(value);
    }  // the old value is freed here, outside the lock
  }
  std::shared_ptr<const T> Get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace reverie
