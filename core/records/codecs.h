// SPDX-License-Identifier: Apache-2.0
// The codecs behind compression.h, one .cc each, and what they share: contexts that a thread keeps. Internal to this
// room.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/error.h"
#include "core/records/compression.h"

namespace klog::records::detail {

/// A context borrowed from this thread's store, which holds one of each type; a second one at the same time is made
/// fresh. T is default-constructible and has `bool worth_keeping() const`.
template <class T>
class Borrowed {
public:
    Borrowed() : context_(std::exchange(kept(), nullptr)) {
        if (!context_) context_ = std::make_unique<T>();
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    ~Borrowed() {
        if (context_->worth_keeping() && !kept()) kept() = std::move(context_);
    }
    T& operator*() const { return *context_; }
    T* operator->() const { return context_.get(); }

private:
    static std::unique_ptr<T>& kept() {
        thread_local std::unique_ptr<T> context;
        return context;
    }
    std::unique_ptr<T> context_;
};

/// A piece of memory that grows and is not cleared.
struct Buffer {
    static constexpr std::size_t kept_bytes_max = 256u << 10;
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;

    char* room_for(std::size_t n) {
        if (n > size) {
            bytes.reset();  // First free, then allocate.
            bytes = std::make_unique_for_overwrite<char[]>(n);
            size = n;
        }
        return bytes.get();
    }
    bool worth_keeping() const { return size <= kept_bytes_max; }
};

/// Calls write(char*, n) -> bytes used, on n fresh bytes at the end of `out`, which keeps the used ones.
template <class Write>
void append_with(std::string& out, std::size_t n, Write write) {
    const std::size_t before = out.size();
    out.resize_and_overwrite(before + n, [&](char* bytes, std::size_t) { return before + write(bytes + before); });
}

std::unique_ptr<Inflater> open_gzip(std::string_view compressed, std::size_t bytes_max);
std::unique_ptr<Inflater> open_snappy(std::string_view compressed, std::size_t bytes_max);
std::unique_ptr<Inflater> open_lz4(std::string_view compressed, std::size_t bytes_max, Lz4Header header);
std::unique_ptr<Inflater> open_zstd(std::string_view compressed, std::size_t bytes_max);

base::Result<> deflate_gzip(int level, std::string_view plain, std::string& out);
base::Result<> deflate_snappy(std::string_view plain, std::string& out);
base::Result<> deflate_lz4(int level, std::string_view plain, std::string& out);
base::Result<> deflate_zstd(int level, std::string_view plain, std::string& out);

std::unexpected<base::Error> inflates_too_far(std::size_t bytes_max);
std::unexpected<base::Error> cut_off(Codec codec);
std::unexpected<base::Error> damaged(Codec codec, std::string_view why);

}  // namespace klog::records::detail
