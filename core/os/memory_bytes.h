// SPDX-License-Identifier: Apache-2.0
// The bytes of one file of the memory disk: sparse, and copied on write, so that a copy of a whole disk costs little.
// Copies share pages without atomics of their own: all copies of one disk are used on one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace klog::os {

class MemoryBytes {
public:
    static constexpr std::uint64_t page_bytes = 4096;

    std::uint64_t size() const { return size_; }
    /// Cuts, or grows by zeros.
    void resize(std::uint64_t size);
    /// Grows as needed; what lies between the old end and `position` is zeros.
    void write(std::uint64_t position, std::string_view bytes);
    /// Copies what there is from `position` on and returns how much that was.
    std::size_t read(std::uint64_t position, std::span<char> into) const;

private:
    using Page = std::array<char, page_bytes>;
    using Table = std::vector<std::shared_ptr<Page>>;  // Null: a page of zeros. May end before the file does.

    Table& own_table();
    Page& own_page(std::uint64_t index);

    std::shared_ptr<Table> table_;
    std::uint64_t size_ = 0;
};

}  // namespace klog::os
