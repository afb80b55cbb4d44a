// SPDX-License-Identifier: Apache-2.0
#include "core/net/asio_socket.h"

#include <errno.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "core/base/check.h"
#include "core/runtime/root.h"

namespace klog::net {

namespace asio = boost::asio;

namespace {

// Of one wait or read in Asio 1.24; a larger one falls back to the heap.
constexpr std::size_t operation_bytes = 192;

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

struct AsioSocket::ReadyHandler {
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

struct AsioSocket::ReadHandler {
    using allocator_type = SlotAllocator<char>;
    allocator_type get_allocator() const noexcept { return {core, 0U}; }
    void operator()(const boost::system::error_code& error, std::size_t bytes) const {
        runtime::AsioShard& shard = *read->socket_->home_;
        read->received_ = {bytes, error && error != asio::error::eof ? error.value() : 0};
        read->frame_.resume();  // Destroys what `read` points to.
        shard.drain();
    }
    Read* read;
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

AsioSocket::Core* AsioSocket::registered() {
    KLOG_CHECK(runtime::Shard::current() == home_, "a stream is used on its shard");
    if (!core_) core_ = new Core(home_->io());
    if (core_->descriptor.is_open()) return core_;
    boost::system::error_code error;
    core_->descriptor.assign(descriptor_, error);
    return error ? nullptr : core_;
}

bool AsioSocket::Ready::await_suspend(std::coroutine_handle<> frame) {
    Core* const core = socket_->registered();
    failed_ = !core;
    if (failed_) return false;
    frame_ = frame;
    const auto what = to_write_ ? asio::posix::descriptor_base::wait_write : asio::posix::descriptor_base::wait_read;
    core->descriptor.async_wait(what, ReadyHandler{this, core});
    return true;
}

bool AsioSocket::Read::await_suspend(std::coroutine_handle<> frame) {
    Core* const core = socket_->registered();
    if (!core) {
        received_.error = ENOSPC;
        return false;
    }
    frame_ = frame;
    core->descriptor.async_read_some(asio::buffer(into_.data(), into_.size()), ReadHandler{this, core});
    return true;
}

}  // namespace klog::net
