// SPDX-License-Identifier: Apache-2.0
// --grep [!]k:|v:|h.NAME:REGEX: which records are shown. All filters must agree.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "cmd/record_text.h"
#include "core/base/error.h"

namespace klog::cmd {

class RecordFilter {
public:
    RecordFilter();
    ~RecordFilter();
    RecordFilter(RecordFilter&&) noexcept;
    RecordFilter& operator=(RecordFilter&&) noexcept;

    /// Adds one filter. A regular expression is RE2's, unanchored.
    base::Result<> add(std::string_view text);
    bool empty() const;
    bool matches(const RecordText& record) const;

private:
    struct One;
    std::vector<std::unique_ptr<One>> filters_;
};

}  // namespace klog::cmd
