// SPDX-License-Identifier: Apache-2.0
#include "core/log/checkpoint_file.h"

#include <charconv>

#include <fmt/format.h>

#include "core/log/partition_log.h"

namespace klog::log {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr int version = 0;

/// Takes one line; an unfinished last line counts as one. None at the end.
std::optional<std::string_view> take_line(std::string_view& text) {
    if (text.empty()) return std::nullopt;
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

template <class I>
bool parse_number(std::string_view text, I& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

/// Takes the word before the next blank; all that is left when there is none.
std::string_view take_word(std::string_view& line) {
    const auto end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    return word;
}

/// Checks the two head lines and hands each entry line to `entry`, which says whether it parsed.
template <class Entry>
Result<> parse_lines(std::string_view text, Entry entry) {
    int found_version = 0;
    const auto version_line = take_line(text);
    if (!version_line || !parse_number(*version_line, found_version) || found_version != version)
        return fail(Errc::corrupt, "not a checkpoint file of version {}", version);
    std::int64_t count = 0;
    const auto count_line = take_line(text);
    if (!count_line || !parse_number(*count_line, count) || count < 0)
        return fail(Errc::corrupt, "bad number of entries");
    std::int64_t seen = 0;
    while (const auto line = take_line(text)) {
        if (!entry(*line)) return fail(Errc::corrupt, "bad entry in line {}", seen + 3);
        ++seen;
    }
    if (seen != count) return fail(Errc::corrupt, "{} entries announced, {} there", count, seen);
    return {};
}

}  // namespace

std::string format_offsets(const OffsetMap& offsets) {
    std::string text = fmt::format("{}\n{}\n", version, offsets.size());
    for (const auto& [name, offset] : offsets)
        fmt::format_to(std::back_inserter(text), "{} {} {}\n", name.topic, name.partition, offset);
    return text;
}

Result<OffsetMap> parse_offsets(std::string_view text) {
    OffsetMap offsets;
    KLOG_TRY_VOID(parse_lines(text, [&](std::string_view line) {
        PartitionName name;
        name.topic = take_word(line);
        base::Offset offset;
        if (!parse_number(take_word(line), name.partition.value) || !parse_number(line, offset.value)) return false;
        if (name.topic.empty() || name.partition.value < 0 || offset.value < 0) return false;
        return offsets.emplace(std::move(name), offset).second;
    }));
    return offsets;
}

std::string format_epochs(const std::vector<EpochEntry>& entries) {
    std::string text = fmt::format("{}\n{}\n", version, entries.size());
    for (const auto& entry : entries)
        fmt::format_to(std::back_inserter(text), "{} {}\n", entry.epoch, entry.start_offset);
    return text;
}

Result<std::vector<EpochEntry>> parse_epochs(std::string_view text) {
    std::vector<EpochEntry> entries;
    KLOG_TRY_VOID(parse_lines(text, [&](std::string_view line) {
        EpochEntry entry{};
        if (!parse_number(take_word(line), entry.epoch.value) || !parse_number(line, entry.start_offset.value))
            return false;
        if (entry.epoch.value < 0 || entry.start_offset.value < 0) return false;
        if (!entries.empty() &&
            (entries.back().epoch >= entry.epoch || entries.back().start_offset > entry.start_offset))
            return false;
        entries.push_back(entry);
        return true;
    }));
    return entries;
}

std::string format_partition_metadata(const base::Uuid& topic_id) {
    return fmt::format("version: 0\ntopic_id: {}", topic_id.to_string());
}

std::optional<base::Uuid> parse_partition_metadata(std::string_view text) {
    std::optional<base::Uuid> id;
    bool version_seen = false;
    while (const auto line = take_line(text)) {
        if (*line == "version: 0") version_seen = true;
        constexpr std::string_view key = "topic_id: ";
        if (line->starts_with(key)) id = base::Uuid::parse(line->substr(key.size()));
    }
    return version_seen ? id : std::nullopt;
}

std::map<std::string, std::string> parse_properties(std::string_view text) {
    const auto trim = [](std::string_view part) {
        const auto first = part.find_first_not_of(" \t");
        if (first == std::string_view::npos) return std::string_view{};
        return part.substr(first, part.find_last_not_of(" \t") - first + 1);
    };
    std::map<std::string, std::string> properties;
    while (const auto line = take_line(text)) {
        const std::string_view whole = trim(*line);
        if (whole.empty() || whole[0] == '#' || whole[0] == '!') continue;
        const auto separator = whole.find_first_of("=:");
        if (separator == std::string_view::npos) continue;
        properties[std::string(trim(whole.substr(0, separator)))] = trim(whole.substr(separator + 1));
    }
    return properties;
}

}  // namespace klog::log
