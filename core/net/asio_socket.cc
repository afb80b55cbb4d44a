// SPDX-License-Identifier: Apache-2.0
#include "core/net/asio_socket.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "core/base/check.h"
#include "core/runtime/root.h"

namespace klog::net {

namespace asio = boost::asio;

namespace {

constexpr std::size_t operation_bytes = 192;  // Of one wait in Asio 1.24; a larger one falls back to the heap.

}  // namespace

struct AsioSocket::Core {
    explicit Core(asio::io_context& io) : descriptor(io) {}

    struct Slot {
        alignas(std::max_align_t) std::byte bytes[operation_bytes];
        bool used = false;
    };
    void release() {
        if (--users == 0) delete this;
    }

    asio::posix::basic_stream_descriptor<asio::io_context::executor_type> descriptor;
    Slot slots[2];  // For reading, for writing.
    // The socket, and the slots in use: in a teardown, Asio destroys its operations after the socket is gone.
    int users = 1;
};

namespace {

/// Gives Asio the slot of the socket instead of the heap. One thread, so plain counts do.
template <class T>
struct SlotAllocator {
    using value_type = T;
    AsioSocket::Core* core;
    std::size_t index;

    SlotAllocator(AsioSocket::Core* of, std::size_t slot) : core(of), index(slot) {}
    template <class U>
    SlotAllocator(const SlotAllocator<U>& other) : core(other.core), index(other.index) {}
    bool operator==(const SlotAllocator&) const = default;

    T* allocate(std::size_t n) {
        auto& slot = core->slots[index];
        if (slot.used || n * sizeof(T) > sizeof slot.bytes) return static_cast<T*>(operator new(n * sizeof(T)));
        slot.used = true;
        ++core->users;
        return reinterpret_cast<T*>(slot.bytes);
    }
    void deallocate(T* at, std::size_t) {
        auto& slot = core->slots[index];
        if (static_cast<void*>(at) != slot.bytes) return operator delete(at);
        slot.used = false;
        core->release();
    }
};

}  // namespace

struct AsioSocket::Handler {
    using allocator_type = SlotAllocator<char>;
    allocator_type get_allocator() const noexcept { return {core, ready->to_write_ ? 1U : 0U}; }
    void operator()(const boost::system::error_code& error) const {
        runtime::AsioShard& shard = *ready->socket_->home_;
        ready->failed_ = static_cast<bool>(error);
        ready->frame_.resume();  // Destroys what `ready` points to.
        shard.drain();
    }
    Ready* ready;
    Core* core;
};

AsioSocket::AsioSocket(runtime::AsioShard& home, int descriptor) : home_(&home), descriptor_(descriptor) {}

AsioSocket::AsioSocket(AsioSocket&& other) noexcept
    : home_(other.home_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      core_(std::exchange(other.core_, nullptr)) {}

AsioSocket::~AsioSocket() {
    close();
    if (core_) core_->release();
}

void AsioSocket::close() {
    if (closed()) return;
    if (core_ && core_->descriptor.is_open()) {
        boost::system::error_code ignored;
        core_->descriptor.close(ignored);
    } else {
        ::close(descriptor_);
    }
    descriptor_ = -1;
}

bool AsioSocket::Ready::await_suspend(std::coroutine_handle<> frame) {
    KLOG_CHECK(runtime::Shard::current() == socket_->home_, "a stream is used on its shard");
    if (!socket_->core_) socket_->core_ = new Core(socket_->home_->io());
    Core* const core = socket_->core_;
    if (!core->descriptor.is_open()) {
        boost::system::error_code error;
        core->descriptor.assign(socket_->descriptor_, error);
        failed_ = static_cast<bool>(error);
        if (failed_) return false;  // The kernel watches no more descriptors.
    }
    frame_ = frame;
    const auto what = to_write_ ? asio::posix::descriptor_base::wait_write : asio::posix::descriptor_base::wait_read;
    core->descriptor.async_wait(what, Handler{this, core});
    return true;
}

}  // namespace klog::net
