// SPDX-License-Identifier: Apache-2.0
#include "core/meta/journal.h"

#include <charconv>
#include <tuple>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/log.h"
#include "core/records/batch.h"
#include "core/records/builder.h"
#include "core/records/record.h"

namespace klog::meta {

using base::Errc;
using base::fail;
using base::Offset;
using base::Result;

namespace {

constexpr std::string_view checkpoint_suffix = ".checkpoint";
constexpr std::string_view journal_suffix = ".log";
constexpr std::string_view unfinished_suffix = ".tmp";
constexpr std::string_view stat_header = "stat";
constexpr std::string_view durable_header = "durable";
constexpr std::size_t name_digits = 20;
/// A batch of a checkpoint is closed at this size.
constexpr std::size_t checkpoint_batch_bytes = 1u << 20;
/// A transaction is limited by its paths and data; each of its records adds a little to that.
constexpr std::size_t batch_bytes_max = 64u << 20;

std::string file_name(std::int64_t base, std::string_view suffix) { return fmt::format("{:020}{}", base, suffix); }

std::optional<std::int64_t> base_of(std::string_view name, std::string_view suffix) {
    if (name.size() != name_digits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
    std::int64_t base = 0;
    const char* end = name.data() + name_digits;
    const auto [stop, error] = std::from_chars(name.data(), end, base);
    if (error != std::errc() || stop != end || base < 0) return std::nullopt;
    return base;
}

std::string stat_text(const NodeState& state) {
    return fmt::format("{} {} {} {} {}", state.czxid, state.mzxid, state.version, state.children_made,
                       state.ephemeral_owner);
}

template <class Integer>
bool take_decimal(std::string_view& text, Integer& out) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    if (text.starts_with(' ')) text.remove_prefix(1);
    return true;
}

bool parse_stat(std::string_view text, NodeState& state) {
    return take_decimal(text, state.czxid) && take_decimal(text, state.mzxid) && take_decimal(text, state.version) &&
           take_decimal(text, state.children_made) && take_decimal(text, state.ephemeral_owner) && text.empty();
}

std::optional<std::string_view> header_of(const records::Record& record, std::string_view key) {
    for (const auto& header : record.headers) {
        if (header.key == key) return header.value;
    }
    return std::nullopt;
}

void add_node(records::BatchBuilder& builder, std::string_view path, const NodeState& state, std::string_view durable,
              base::TimestampMs now_ms) {
    const std::string stat = stat_text(state);
    const records::Header headers[] = {{stat_header, stat}, {durable_header, durable}};
    builder.append({.timestamp = now_ms,
                    .key = path,
                    .value = *state.data,
                    .headers = std::span(headers).first(durable.empty() ? 1 : 2)});
}

void add_removal(records::BatchBuilder& builder, std::string_view path, std::string_view durable,
                 base::TimestampMs now_ms) {
    const records::Header headers[] = {{durable_header, durable}};
    builder.append({.timestamp = now_ms,
                    .key = path,
                    .value = std::nullopt,
                    .headers = std::span(headers).first(durable.empty() ? 0 : 1)});
}

Result<std::string> encode(const JournalTransaction& transaction, std::uint64_t durable, base::TimestampMs now_ms) {
    records::BatchBuilder builder;
    builder.options().base_offset = Offset{transaction.zxid - 1};
    std::string mark = std::to_string(durable);
    for (const auto& [path, state] : transaction.changes) {
        if (state)
            add_node(builder, path, *state, mark, now_ms);
        else
            add_removal(builder, path, mark, now_ms);
        mark.clear();
    }
    return builder.build();
}

Result<NodeChange> decode(const records::Record& record) {
    if (!record.key) return fail(Errc::corrupt, "offset {}: a record without a path", record.offset);
    NodeChange change{std::string(*record.key), std::nullopt};
    if (!record.value) return change;
    auto& state = change.state.emplace();
    const auto stat = header_of(record, stat_header);
    if (!stat || !parse_stat(*stat, state)) return fail(Errc::corrupt, "{}: a record without its stat", change.path);
    state.data = std::make_shared<const std::string>(*record.value);
    return change;
}

/// The batch at the front if it is whole and its CRC is right.
std::optional<records::BatchView> sound_batch(std::string_view bytes) {
    auto batch = records::BatchView::parse(bytes);
    if (!batch || batch->size() > batch_bytes_max || batch->compressed() || !batch->crc_matches()) return std::nullopt;
    return *batch;
}

/// The journal's durable size as this batch says it was when it was written.
std::uint64_t durable_mark(const records::BatchView& batch) {
    records::RecordIterator records(batch, batch.body());
    records::Record record;
    std::uint64_t mark = 0;
    if (auto first = records.next(record); !first || !*first) return 0;
    auto text = header_of(record, durable_header).value_or("");
    return take_decimal(text, mark) ? mark : 0;
}

/// Does anything behind the bad place say that the bad place had been durable? Then it is damage and no torn tail.
bool was_durable(std::string_view journal, std::size_t bad, Offset expected) {
    for (std::size_t at = bad + 1; at + records::batch_header_bytes <= journal.size(); ++at) {
        const records::HeaderView header(journal.data() + at);
        if (header.magic() != records::batch_magic || header.base_offset() <= expected) continue;
        const auto batch = sound_batch(journal.substr(at));
        if (batch && durable_mark(*batch) > bad) return true;
    }
    return false;
}

Result<> restore_all(Tree& tree, const records::BatchView& batch, bool count_children) {
    records::RecordIterator records(batch, batch.body());
    records::Record record;
    for (;;) {
        KLOG_TRY(const bool more, records.next(record));
        if (!more) return {};
        KLOG_TRY(auto change, decode(record));
        KLOG_TRY_VOID(tree.restore(std::move(change), count_children));
    }
}

Result<std::string> encode_checkpoint(const Tree& tree, base::TimestampMs now_ms) {
    std::string bytes;
    std::int64_t offset = 0;
    records::BatchBuilder builder;
    const auto close_batch = [&]() -> Result<> {
        builder.options().base_offset = Offset{offset};
        KLOG_TRY(const auto batch, builder.build());
        bytes += batch;
        offset += builder.count();
        builder.clear();
        return {};
    };
    for (const auto& [path, node] : tree.nodes()) {  // A parent's path sorts before those of its children.
        add_node(builder, path, node, "", now_ms);
        if (builder.size() >= checkpoint_batch_bytes) KLOG_TRY_VOID(close_batch());
    }
    const std::string count = std::to_string(tree.nodes().size());
    builder.append({.timestamp = now_ms, .key = std::nullopt, .value = count, .headers = {}});
    KLOG_TRY_VOID(close_batch());
    return bytes;
}

Result<> in_file(const std::string& path, Result<> result) {
    if (result) return {};
    return fail(Errc::corrupt, "{}: {}", path, result.error().message);
}

}  // namespace

std::string Journal::path_of(std::string_view suffix) const {
    return options_.directory + "/" + file_name(base_, suffix);
}

Result<std::unique_ptr<Journal>> Journal::open(os::Disk& disk, Options options, Tree& tree) {
    std::unique_ptr<Journal> journal(new Journal(disk, std::move(options)));
    KLOG_TRY_VOID(journal->recover(tree));
    return journal;
}

Result<> Journal::recover(Tree& tree) {
    KLOG_TRY_VOID(os::make_directory_durable(disk_, options_.directory));
    KLOG_TRY(const auto entries, disk_.list(options_.directory));
    bool checkpoint = false;
    for (const auto& entry : entries) {  // In the order of their names, which is that of their bases.
        if (const auto base = base_of(entry.name, checkpoint_suffix)) {
            base_ = *base;
            checkpoint = true;
        }
    }
    for (const auto& entry : entries) {
        const auto base = base_of(entry.name, journal_suffix);
        if (base && *base > base_) KLOG_TRY_VOID(remove_unused_journal(entry.name));
    }
    if (checkpoint) KLOG_TRY_VOID(in_file(path_of(checkpoint_suffix), read_checkpoint(tree)));
    next_zxid_ = base_ + 1;
    if (const auto there = disk_.info(path_of(journal_suffix))) {
        KLOG_TRY_VOID(read_journal(tree));
    } else {
        if (there.error().code != Errc::not_found) return std::unexpected(there.error());
        KLOG_TRY(file_, start_journal());
    }
    return remove_older();
}

/// A journal that was made ready for a checkpoint which then was not finished.
Result<> Journal::remove_unused_journal(const std::string& name) {
    const std::string path = options_.directory + "/" + name;
    KLOG_TRY(const auto info, disk_.info(path));
    if (info.size != 0) return fail(Errc::corrupt, "{}: the checkpoint that it follows is missing", path);
    return disk_.remove(path);
}

Result<> Journal::read_checkpoint(Tree& tree) {
    KLOG_TRY(const auto bytes, os::read_file(disk_, path_of(checkpoint_suffix), store_file_bytes_max));
    checkpoint_bytes_ = bytes.size();
    std::string_view rest = bytes;
    std::string last;
    std::uint64_t nodes = 0;
    while (!rest.empty()) {
        const auto batch = sound_batch(rest);
        if (!batch) return fail(Errc::corrupt, "bad batch at byte {}", bytes.size() - rest.size());
        rest.remove_prefix(batch->size());
        records::RecordIterator records(*batch, batch->body());
        records::Record record;
        for (;;) {
            KLOG_TRY(const bool more, records.next(record));
            if (!more) break;
            if (!record.key) {
                last = record.value.value_or("");
                continue;
            }
            ++nodes;
            KLOG_TRY(auto change, decode(record));
            KLOG_TRY_VOID(tree.restore(std::move(change), false));
        }
    }
    if (last != std::to_string(nodes)) return fail(Errc::corrupt, "holds {} nodes, should hold '{}'", nodes, last);
    return {};
}

Result<> Journal::read_journal(Tree& tree) {
    const std::string path = path_of(journal_suffix);
    KLOG_TRY(file_, disk_.open(path, os::Open::read_write));
    KLOG_TRY(const auto bytes, os::read_file(disk_, path, store_file_bytes_max));
    std::string_view rest = bytes;
    while (!rest.empty()) {
        const auto batch = sound_batch(rest);
        if (!batch || batch->base_offset().value != next_zxid_ - 1) break;
        KLOG_TRY_VOID(in_file(path, restore_all(tree, *batch, true)));
        next_zxid_ = batch->next_offset().value + 1;
        rest.remove_prefix(batch->size());
    }
    end_ = bytes.size() - rest.size();
    if (!rest.empty()) {
        if (was_durable(bytes, end_, Offset{next_zxid_ - 1})) {
            return fail(Errc::corrupt, "{}: damaged at byte {}, which had been on disk", path, end_);
        }
        base::log_info("{}: cut {} bytes of an unfinished write", path, rest.size());
        KLOG_TRY_VOID(file_->truncate(end_));
    }
    KLOG_TRY_VOID(file_->sync());  // What was read may have been in the page cache only.
    return disk_.sync_directory(options_.directory);
}

Result<std::shared_ptr<os::File>> Journal::start_journal() {
    KLOG_TRY(auto file, disk_.open(path_of(journal_suffix), os::Open::create));
    KLOG_TRY_VOID(disk_.sync_directory(options_.directory));
    return file;
}

Result<> Journal::remove_older() {
    KLOG_TRY(const auto entries, disk_.list(options_.directory));
    for (const auto& [name, is_directory] : entries) {
        auto base = base_of(name, checkpoint_suffix);
        if (!base) base = base_of(name, journal_suffix);
        if (name.ends_with(unfinished_suffix) || (base && *base < base_)) {
            KLOG_TRY_VOID(disk_.remove(options_.directory + "/" + name));
        }
    }
    return {};
}

Result<> Journal::failed(base::Error error) {
    failure_ = error;
    return std::unexpected(std::move(error));
}

Result<> Journal::append(std::span<const JournalTransaction> transactions, base::TimestampMs now_ms) {
    if (failure_) return std::unexpected(*failure_);
    std::string bytes;
    std::int64_t next = next_zxid_;
    for (const auto& transaction : transactions) {
        KLOG_CHECK(transaction.zxid == next, "transactions are numbered without gaps");
        KLOG_TRY(const auto batch, encode(transaction, end_, now_ms));
        bytes += batch;
        next += static_cast<std::int64_t>(transaction.changes.size());
    }
    KLOG_TRY_VOID(write_and_sync(bytes));
    end_ += bytes.size();
    next_zxid_ = next;
    return {};
}

Result<> Journal::write_and_sync(const std::string& bytes) {
    if (auto written = file_->write_at(end_, std::string_view(bytes)); !written) {
        if (written.error().code != Errc::no_space) return failed(written.error());
        // What did get in must not come back at the next start: its callers are told that it failed.
        if (auto cut = file_->truncate(end_); !cut) return failed(cut.error());
        if (auto synced = file_->sync(); !synced) return failed(synced.error());
        return written;
    }
    if (auto synced = file_->sync(); !synced) return failed(synced.error());
    return {};
}

bool Journal::checkpoint_due() const {
    return !failure_ && end_ >= std::max(options_.bytes_before_checkpoint, 2 * checkpoint_bytes_);
}

Result<> Journal::checkpoint(const Tree& tree, base::TimestampMs now_ms) {
    if (failure_) return std::unexpected(*failure_);
    KLOG_TRY(const auto bytes, encode_checkpoint(tree, now_ms));
    const auto before = std::exchange(base_, next_zxid_ - 1);
    // The empty journal first: once the checkpoint has its name, the next start looks for its journal only.
    auto started = start_journal();
    const auto replaced =
        started ? os::replace_file(disk_, path_of(checkpoint_suffix), bytes) : std::unexpected(started.error());
    if (!replaced) {
        const bool unchanged = replaced.error().code == Errc::no_space && !disk_.info(path_of(checkpoint_suffix));
        if (started) (void)disk_.remove(path_of(journal_suffix));
        base_ = before;
        return unchanged ? replaced : failed(replaced.error());
    }
    file_ = *std::move(started);
    end_ = 0;
    checkpoint_bytes_ = bytes.size();
    if (auto removed = remove_older(); !removed) base::log_warn("{}", removed.error().message);
    return {};
}

}  // namespace klog::meta
