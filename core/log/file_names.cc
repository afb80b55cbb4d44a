// SPDX-License-Identifier: Apache-2.0
#include "core/log/file_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace klog::log {
namespace {

constexpr std::size_t offset_digits = 20;
constexpr std::size_t directory_name_bytes_max = 255;  // NAME_MAX
constexpr std::size_t uuid_digits = 32;
/// KRaft keeps its own log beside the topics; it is not a topic.
constexpr std::string_view metadata_topic = "__cluster_metadata";

constexpr std::array<std::pair<FileKind, std::string_view>, 5> kind_suffixes{{
    {FileKind::log, ".log"},
    {FileKind::offset_index, ".index"},
    {FileKind::time_index, ".timeindex"},
    {FileKind::transaction_index, ".txnindex"},
    {FileKind::producer_snapshot, ".snapshot"},
}};
constexpr std::array<std::pair<FileStage, std::string_view>, 3> stage_suffixes{{
    {FileStage::deleted, ".deleted"},
    {FileStage::cleaned, ".cleaned"},
    {FileStage::swap, ".swap"},
}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// "<something>.<32 hex digits><suffix>"
bool has_uuid_suffix(std::string_view name, std::string_view suffix) {
    if (!name.ends_with(suffix)) return false;
    name.remove_suffix(suffix.size());
    if (name.size() <= uuid_digits || name[name.size() - uuid_digits - 1] != '.') return false;
    return std::ranges::all_of(name.substr(name.size() - uuid_digits), is_hex_digit);
}

std::string with_uuid_suffix(std::string_view name, const base::Uuid& id, std::string_view suffix) {
    std::string end = ".";
    for (const auto octet : id.octets) end += fmt::format("{:02x}", octet);
    end += suffix;
    return std::string(name.substr(0, directory_name_bytes_max - end.size())) + end;
}

}  // namespace

std::string PartitionName::to_string() const { return fmt::format("{}-{}", topic, partition); }

std::string partition_directory_name(const PartitionName& partition) {
    return fmt::format("{}_{}", partition.topic, partition.partition);
}

DirectoryName parse_directory_name(std::string_view name) {
    if (has_uuid_suffix(name, "-delete")) return {DirectoryKind::deleted, {}};
    if (has_uuid_suffix(name, "-stray")) return {DirectoryKind::stray, {}};
    if (has_uuid_suffix(name, "-future")) return {DirectoryKind::future, {}};
    const auto separator = name.find_last_of("_-");
    if (separator == std::string_view::npos || separator == 0) return {};
    const std::string_view digits = name.substr(separator + 1);
    std::int32_t partition = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), partition);
    // One way to write each number: no sign, no leading zero.
    if (error != std::errc{} || end != digits.data() + digits.size() || !is_digit(digits[0])) return {};
    if (digits.size() > 1 && digits[0] == '0') return {};
    DirectoryName parsed;
    parsed.partition = {std::string(name.substr(0, separator)), {partition}};
    if (parsed.partition.topic == metadata_topic) return {};
    parsed.kind = name[separator] == '_' ? DirectoryKind::partition : DirectoryKind::kafka_partition;
    return parsed;
}

std::string deleted_directory_name(std::string_view name, const base::Uuid& id) {
    return with_uuid_suffix(name, id, "-delete");
}
std::string stray_directory_name(std::string_view name, const base::Uuid& id) {
    return with_uuid_suffix(name, id, "-stray");
}

std::string segment_file_name(base::Offset base_offset, FileKind kind) {
    std::string name = fmt::format("{:0{}}", base_offset.value, offset_digits);
    for (const auto& [each, suffix] : kind_suffixes)
        if (each == kind) name += suffix;
    return name;
}

std::optional<SegmentFileName> parse_segment_file_name(std::string_view name) {
    SegmentFileName parsed{};
    for (const auto& [stage, suffix] : stage_suffixes) {
        if (!name.ends_with(suffix)) continue;
        parsed.stage = stage;
        name.remove_suffix(suffix.size());
        break;
    }
    if (name.size() <= offset_digits || !std::ranges::all_of(name.substr(0, offset_digits), is_digit))
        return std::nullopt;
    const auto [end, error] = std::from_chars(name.data(), name.data() + offset_digits, parsed.base_offset.value);
    if (error != std::errc{} || end != name.data() + offset_digits) return std::nullopt;
    name.remove_prefix(offset_digits);
    for (const auto& [kind, suffix] : kind_suffixes) {
        if (name != suffix) continue;
        parsed.kind = kind;
        return parsed;
    }
    return std::nullopt;
}

std::string_view suffix_of(FileStage stage) {
    for (const auto& [each, suffix] : stage_suffixes)
        if (each == stage) return suffix;
    return "";
}

std::string join(std::string_view directory, std::string_view name) { return fmt::format("{}/{}", directory, name); }

}  // namespace klog::log
