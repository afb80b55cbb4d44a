// SPDX-License-Identifier: Apache-2.0
#include "cmd/record_filter.h"

#include <algorithm>
#include <string>

#include <re2/re2.h>

namespace klog::cmd {

struct RecordFilter::One {
    enum Part { key, value, header } part;
    std::string header_name;
    bool negated;
    re2::RE2 expression;

    One(Part its_part, std::string name, bool is_negated, std::string_view pattern)
        : part(its_part),
          header_name(std::move(name)),
          negated(is_negated),
          expression(re2::StringPiece(pattern.data(), pattern.size()), options()) {}

    static re2::RE2::Options options() {
        re2::RE2::Options options(re2::RE2::Latin1);  // Bytes: values need not be UTF-8.
        options.set_log_errors(false);
        return options;
    }
    bool found_in(const std::optional<std::string_view>& text) const {
        return text && re2::RE2::PartialMatch(re2::StringPiece(text->data(), text->size()), expression);
    }
    bool matches(const RecordText& record) const {
        bool found = false;
        if (part == key)
            found = found_in(record.key);
        else if (part == value)
            found = found_in(record.value);
        else if (record.headers != nullptr)
            found = std::any_of(record.headers->begin(), record.headers->end(),
                                [&](const HeaderText& h) { return h.key == header_name && found_in(h.value); });
        return found != negated;
    }
};

RecordFilter::RecordFilter() = default;
RecordFilter::~RecordFilter() = default;
RecordFilter::RecordFilter(RecordFilter&&) noexcept = default;
RecordFilter& RecordFilter::operator=(RecordFilter&&) noexcept = default;

bool RecordFilter::empty() const { return filters_.empty(); }

base::Result<> RecordFilter::add(std::string_view text) {
    const auto bad = [&] {
        return base::fail(base::Errc::invalid_argument,
                          "'{}' is not a filter: write k:REGEX, v:REGEX or h.NAME:REGEX, ! before it negates", text);
    };
    std::string_view rest = text;
    const bool negated = rest.starts_with('!');
    if (negated) rest.remove_prefix(1);
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return bad();
    const std::string_view where = rest.substr(0, colon), pattern = rest.substr(colon + 1);
    One::Part part = One::value;
    std::string name;
    if (where == "k" || where == "key")
        part = One::key;
    else if (where == "v" || where == "value")
        part = One::value;
    else if (where.starts_with("h.") && where.size() > 2)
        part = One::header, name = where.substr(2);
    else
        return bad();
    auto filter = std::make_unique<One>(part, std::move(name), negated, pattern);
    if (!filter->expression.ok())
        return base::fail(base::Errc::invalid_argument, "'{}': {}", pattern, filter->expression.error());
    filters_.push_back(std::move(filter));
    return {};
}

bool RecordFilter::matches(const RecordText& record) const {
    return std::all_of(filters_.begin(), filters_.end(), [&](const auto& filter) { return filter->matches(record); });
}

}  // namespace klog::cmd
