// SPDX-License-Identifier: Apache-2.0
// Reading and writing Kafka's primitive values: Reader goes over one frame, Measure adds up, Encode writes. The codec
// (wire/visitors.h) is built on these; what is not a declared message (the frame headers) uses them by hand.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/base/big_endian.h"
#include "core/base/varint.h"
#include "core/wire/codec.h"
#include "core/wire/records.h"

namespace klog::wire {

/// The longest STRING of Kafka, whatever the encoding of its length. A longer one is refused when decoded, and cut to
/// this when encoded (error messages; names are validated long before).
inline constexpr std::size_t text_bytes_max = 0x7fff;

/// What decoding one frame may allocate for the elements of its arrays: allowance + factor times the frame. Elements
/// are wider in memory than on the wire, so that a frame of tiny strings would otherwise grow 32-fold.
inline constexpr std::size_t decode_allowance_bytes = 1 << 20;
inline constexpr std::size_t decode_growth_factor_max = 8;

/// A cursor over one frame. The first failure sticks: the cursor jumps to the end, so that every later read fails too
/// and returns zero, and callers look at ok() once. Points into the frame, which must outlive it.
class Reader {
public:
    Reader(std::string_view frame, Version version, bool flexible)
        : begin_(frame.data()),
          p_(begin_),
          end_(begin_ + frame.size()),
          budget_(decode_allowance_bytes + decode_growth_factor_max * frame.size()),
          version_(version),
          flexible_(flexible) {}

    Version version() const { return version_; }
    bool flexible() const { return flexible_; }
    bool ok() const { return !failed_; }
    std::size_t left() const { return static_cast<std::size_t>(end_ - p_); }
    std::string_view rest() const { return {p_, left()}; }
    const DecodeError& error() const { return error_; }

    [[gnu::cold, gnu::noinline]] void fail(const char* field, const char* what) {
        if (!failed_) error_ = {field, what, static_cast<std::size_t>(p_ - begin_)};
        failed_ = true;
        p_ = end_;
    }

    template <std::integral I>
    I integer(const char* name) {
        if (left() < sizeof(I)) [[unlikely]] {
            fail(name, "truncated");
            return I{};
        }
        const I x = base::load_big<I>(p_);
        p_ += sizeof(I);
        return x;
    }

    /// UNSIGNED_VARINT, at most 32 bits.
    std::uint32_t uvarint(const char* name) {
        if (p_ != end_ && static_cast<signed char>(*p_) >= 0) [[likely]]
            return static_cast<std::uint8_t>(*p_++);
        return uvarint_long(name);
    }

    std::string_view take(const char* name, std::size_t n) {
        if (left() < n) [[unlikely]] {
            fail(name, "length exceeds the frame");
            return {};
        }
        std::string_view s(p_, n);
        p_ += n;
        return s;
    }

    /// Accounts for memory that an array is about to take. False: too much for a frame of this size.
    bool charge(const char* name, std::size_t bytes) {
        if (bytes > budget_) [[unlikely]] {
            fail(name, "elements need too much memory for a frame of this size");
            return false;
        }
        budget_ -= bytes;
        return true;
    }

    /// Narrows the frame to its next n bytes while a tagged field is read; returns the end to give to widen().
    const char* narrow(const char* name, std::size_t n) {
        const char* outer = end_;
        if (left() < n)
            fail(name, "tagged field exceeds the frame");
        else
            end_ = p_ + n;
        return outer;
    }
    void widen(const char* name, const char* outer) {
        if (p_ != end_) fail(name, "tagged field has trailing bytes");
        end_ = outer;
        if (failed_) p_ = end_;
    }

private:
    [[gnu::noinline]] std::uint32_t uvarint_long(const char* name) {
        std::uint32_t x = 0;
        for (int shift = 0; shift < 35; shift += 7) {
            const auto b = integer<std::uint8_t>(name);
            if (shift == 28 && b > 0x0f) break;
            x |= static_cast<std::uint32_t>(b & 0x7f) << shift;
            if (b < 0x80) return x;
        }
        fail(name, "varint longer than 32 bits");
        return 0;
    }

    const char* begin_;
    const char* p_;
    const char* end_;
    std::size_t budget_;
    Version version_;
    bool flexible_;
    bool failed_ = false;
    DecodeError error_;
};

// Encoding is two passes of the same walk: Measure adds up, Encode writes into exactly that much.

struct Measure {
    Size size;
    template <std::integral I>
    void integer(I) {
        size.bytes += sizeof(I);
    }
    void uvarint(std::uint32_t x) { size.bytes += base::uvarint_size(x); }
    void raw(const void*, std::size_t n) { size.bytes += n; }
    void records(const Records& records) {
        size.bytes += records.size();
        size.outside += records.referenced_bytes();
    }
};

/// Where in the buffer of a frame pieces of records go that are not copied into it.
struct Splice {
    const char* at;
    const Records* records;
};

struct Encode {
    char* p;
    std::vector<Splice>* splices = nullptr;  // Null: everything is copied, and file slices have no place.

    template <std::integral I>
    void integer(I x) {
        base::store_big(p, x);
        p += sizeof(I);
    }
    void uvarint(std::uint32_t x) { p = base::write_uvarint(p, x); }
    void raw(const void* from, std::size_t n) {
        if (n != 0) std::memcpy(p, from, n);
        p += n;
    }
    void records(const Records& records) {
        if (splices != nullptr && records.referenced_bytes() != 0)
            splices->push_back({p, &records});
        else
            p = records.copy_to(p);
    }
};

}  // namespace klog::wire
