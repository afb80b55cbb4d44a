// SPDX-License-Identifier: Apache-2.0
// What is sent: a chain of pieces, each either bytes in memory or a slice of a file. Encoding a response yields a chain
// whose length is known before the first byte leaves; the stream decides how each piece travels (writev, sendfile, or
// read and encrypt).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/error.h"

namespace klog::base {

/// Something that can be read at a position; os::File is one. Shared, because a slice may outlive the segment that it
/// was cut from: a removed file stays readable until the last slice is gone.
class ByteSource {
public:
    virtual ~ByteSource() = default;
    /// Reads up to `into.size()` bytes; fewer only at the end of the source.
    virtual Result<std::size_t> read_at(std::uint64_t position, std::span<char> into) const = 0;
    /// A descriptor for sendfile, or -1 where there is none (a memory disk).
    virtual int descriptor() const { return -1; }
};

/// `length` bytes of `source` from `position` on.
struct FileSlice {
    std::shared_ptr<const ByteSource> source;
    std::uint64_t position = 0;
    std::uint32_t length = 0;
    bool operator==(const FileSlice&) const = default;
};

/// Bytes in memory, kept alive by `owner`.
struct SharedBytes {
    std::shared_ptr<const void> owner;
    std::string_view view;

    /// Takes the text over.
    static SharedBytes own(std::string text) {
        auto kept = std::make_shared<const std::string>(std::move(text));
        const std::string_view view = *kept;
        return {std::move(kept), view};
    }
    bool operator==(const SharedBytes& other) const { return view == other.view; }
};

class Chain {
public:
    using Piece = std::variant<SharedBytes, FileSlice>;

    void append(SharedBytes bytes) {
        size_ += bytes.view.size();
        if (!bytes.view.empty()) pieces_.emplace_back(std::move(bytes));
    }
    void append(FileSlice slice) {
        size_ += slice.length;
        if (slice.length != 0) pieces_.emplace_back(std::move(slice));
    }
    void append(Chain other) {
        size_ += other.size_;
        for (auto& piece : other.pieces_) pieces_.push_back(std::move(piece));
    }

    std::uint64_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    const std::vector<Piece>& pieces() const { return pieces_; }

    /// All bytes in one string: for tests, memory streams and TLS. Fails where a slice cannot be read whole.
    Result<std::string> flatten() const;

private:
    std::vector<Piece> pieces_;
    std::uint64_t size_ = 0;
};

}  // namespace klog::base
