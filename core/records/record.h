// SPDX-License-Identifier: Apache-2.0
// What is inside a batch: records and their headers, as views into the bytes of an uncompressed or decompressed body.
// Nothing is allocated and no length is trusted; a record that does not add up exactly is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/records/batch.h"

namespace klog::records {

/// A record header; its key is UTF-8 by convention and never null.
struct Header {
    std::string_view key;
    std::optional<std::string_view> value;
    bool operator==(const Header&) const = default;
};

/// The headers of one record, decoded while iterating. The bytes have been checked by whoever made this.
class Headers {
public:
    class Iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Header;
        using difference_type = std::ptrdiff_t;
        using pointer = const Header*;
        using reference = const Header&;

        Iterator() = default;
        reference operator*() const { return header_; }
        pointer operator->() const { return &header_; }
        Iterator& operator++();
        void operator++(int) { ++*this; }
        bool operator==(const Iterator& other) const { return left_ == other.left_; }

    private:
        friend class Headers;
        Iterator(std::string_view rest, std::int32_t left) : rest_(rest), left_(left) { load(); }
        void load();
        std::string_view rest_;
        std::int32_t left_ = 0;  // Including the one that is loaded.
        Header header_;
    };

    Headers() = default;
    Headers(std::string_view checked_bytes, std::int32_t count) : bytes_(checked_bytes), count_(count) {}

    Iterator begin() const { return {bytes_, count_}; }
    Iterator end() const { return {}; }
    std::int32_t size() const { return count_; }
    bool empty() const { return count_ == 0; }
    /// As encoded, without the count.
    std::string_view bytes() const { return bytes_; }

private:
    std::string_view bytes_;
    std::int32_t count_ = 0;
};

struct Record {
    base::Offset offset;
    base::TimestampMs timestamp = no_timestamp;
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;
    Headers headers;
    /// Bytes that it takes in the (decompressed) body.
    std::size_t size_bytes = 0;
};

/// Reads the records of one batch of format 2, one after the other.
class RecordIterator {
public:
    /// `body` is the body of the batch, decompressed. Both must outlive the iterator and the records.
    RecordIterator(HeaderView header, std::string_view body);

    /// True: `out` holds the next record. False: there are no more, and the body ended exactly there. invalid_record:
    /// a record does not add up, or the body holds more or fewer than the header says. After an error it is over.
    base::Result<bool> next(Record& out);

private:
    std::string_view rest_;
    base::Offset base_offset_;
    base::TimestampMs base_timestamp_;
    std::optional<base::TimestampMs> append_time_;
    std::int32_t left_;
};

/// Opens any batch of format 2 for reading: a compressed body is decompressed into `scratch`, which the iterator then
/// points into. Blocks while it decompresses. too_large: more than `inflated_bytes_max`.
base::Result<RecordIterator> read_records(const BatchView& batch, std::string& scratch, std::size_t inflated_bytes_max);

}  // namespace klog::records
