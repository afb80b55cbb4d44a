// SPDX-License-Identifier: Apache-2.0
#include "core/os/memory_bytes.h"

#include <algorithm>
#include <cstring>

namespace klog::os {

MemoryBytes::Table& MemoryBytes::own_table() {
    if (table_ == nullptr) {
        table_ = std::make_shared<Table>();
    } else if (table_.use_count() > 1) {
        table_ = std::make_shared<Table>(*table_);
    }
    return *table_;
}

MemoryBytes::Page& MemoryBytes::own_page(std::uint64_t index) {
    Table& table = own_table();
    if (index >= table.size()) table.resize(index + 1);
    std::shared_ptr<Page>& page = table[index];
    if (page == nullptr) {
        page = std::make_shared<Page>();
    } else if (page.use_count() > 1) {
        page = std::make_shared<Page>(*page);
    }
    return *page;
}

void MemoryBytes::resize(std::uint64_t size) {
    if (size < size_ && table_ != nullptr) {
        const std::uint64_t pages = (size + page_bytes - 1) / page_bytes;
        if (pages < table_->size()) own_table().resize(pages);
        const std::uint64_t used = size % page_bytes;
        if (used != 0 && pages <= table_->size() && (*table_)[pages - 1] != nullptr)
            std::ranges::fill(std::span(own_page(pages - 1)).subspan(used), '\0');
    }
    size_ = size;
}

void MemoryBytes::write(std::uint64_t position, std::string_view bytes) {
    if (bytes.empty()) return;
    size_ = std::max(size_, position + bytes.size());
    while (!bytes.empty()) {
        const std::uint64_t within = position % page_bytes;
        const std::string_view part = bytes.substr(0, page_bytes - within);
        std::memcpy(own_page(position / page_bytes).data() + within, part.data(), part.size());
        bytes.remove_prefix(part.size());
        position += part.size();
    }
}

std::size_t MemoryBytes::read(std::uint64_t position, std::span<char> into) const {
    if (position >= size_) return 0;
    into = into.first(std::min<std::uint64_t>(into.size(), size_ - position));
    const std::size_t total = into.size();
    while (!into.empty()) {
        const std::uint64_t index = position / page_bytes;
        const std::uint64_t within = position % page_bytes;
        const auto part = into.first(std::min<std::uint64_t>(into.size(), page_bytes - within));
        if (table_ == nullptr || index >= table_->size() || (*table_)[index] == nullptr) {
            std::ranges::fill(part, '\0');
        } else {
            std::memcpy(part.data(), (*table_)[index]->data() + within, part.size());
        }
        into = into.subspan(part.size());
        position += part.size();
    }
    return total;
}

}  // namespace klog::os
