// SPDX-License-Identifier: Apache-2.0
// Reading. What is known to be good and in memory is found on the shard, by the index and a few headers; anything else
// is a ColdRead for the pool.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/log/log_parts.h"
#include "core/log/segment_walk.h"

namespace klog::log {

using base::Errc;
using base::Error;
using base::fail;
using base::Offset;
using base::Result;

namespace {

/// Behind the bytes that a read may return there can be a piece of what the index does not know.
constexpr std::uint64_t beyond_limit_bytes = 64 << 10;
/// Entries of an index that a read goes back by before it starts at the front of the segment.
constexpr int steps_back_max = 2;

/// Collects whole batches from the one that holds `from` on.
class Gatherer {
public:
    explicit Gatherer(const ReadRequest& request) : request_(request) {}

    /// False: this entry is not wanted and nothing after it is.
    bool take(const ScannedEntry& entry) {
        if (entry.last_offset < request_.from) return true;
        if (entry.last_offset >= request_.upper_bound) return false;
        const std::uint64_t bytes = entry.end() - (empty() ? entry.position : start_);
        const bool fits = bytes <= request_.bytes_max || (empty() && request_.at_least_one_batch);
        if (!fits) {
            refused_ = empty();
            return false;
        }
        if (empty()) {
            start_ = entry.position;
            epoch_ = entry.epoch;
        }
        end_ = entry.end();
        next_ = entry.last_offset + 1;
        return true;
    }
    bool empty() const { return end_ == 0; }
    /// There is something to return, and it is larger than the request allows.
    bool refused() const { return refused_; }
    std::uint64_t start() const { return start_; }
    std::uint64_t end() const { return end_; }
    void jump(std::uint64_t to, Offset next) {
        end_ = to;
        next_ = next;
    }

    ReadResult result(const std::shared_ptr<os::File>& file) const {
        ReadResult read;
        read.next = empty() ? request_.from : next_;
        if (empty()) return read;
        read.bytes = static_cast<std::uint32_t>(end_ - start_);
        read.slices.push_back({file, start_, read.bytes});
        read.first_epoch = epoch_;
        return read;
    }

private:
    const ReadRequest request_;
    std::uint64_t start_ = 0, end_ = 0;
    Offset next_;
    base::LeaderEpoch epoch_ = base::no_leader_epoch;
    bool refused_ = false;
};

}  // namespace

class ColdSegmentRead final : public ColdRead {
public:
    ColdSegmentRead(const PartitionLog::Parts& log, std::size_t number, const ReadRequest& request)
        : request(request),
          base(log.segments[number]->base_offset()),
          end(log.end_of(number)),
          generation(log.generation),
          disk_(log.disk),
          files_(log.files),
          directory_(log.path),
          interval_bytes_(log.config->index_interval_bytes),
          compacted_(log.config->cleanup_compact),
          bytes_(log.segments[number]->size()),
          file_(log.segments[number]->open_file()) {
        const auto& segment = *log.segments[number];
        if (segment.indexed()) start_ = segment.offsets().floor(request.from);
    }

    void run() override {
        auto done = walk();
        // Where the index points to nothing that fits, because of damage there or of a fault of its own, an earlier
        // entry of it may do; the front is not asked.
        for (int steps = 0; done && misled_; ++steps) {
            done = step_back(steps < steps_back_max);
            if (done) done = walk();
        }
        if (!done) error = std::move(done).error();
    }

    const ReadRequest request;
    const Offset base, end;
    const std::uint64_t generation;
    // Results.
    std::optional<Error> error;
    ReadResult read;
    std::optional<LoadedIndexes> indexes;
    std::shared_ptr<os::File> file;
    std::uint64_t checked_from = 0, checked_to = 0;
    bool exhausted = false;  // The segment ended before there was anything to return.
    struct Bad {
        Damage damage;
        std::uint64_t from, to;  // Its bytes.
    };
    std::vector<Bad> damages;

private:
    Result<> walk() {
        file = file_;
        if (!file) {
            KLOG_TRY(file, files_.get(join(directory_, segment_file_name(base, FileKind::log))));
        }
        if (!start_) {
            KLOG_TRY(indexes, load_indexes(disk_, files_, directory_, base, bytes_, end, interval_bytes_));
            start_ = indexes->offsets.floor(request.from);
        }
        return gather_checked();
    }

    Result<> gather_checked() {
        Gatherer gather(request);
        SegmentWalk walk(*file, start_->position, bytes_, {base, end, end});
        checked_from = start_->position;
        // The batch that ends at the offset of the index entry must come before a later one.
        bool anchored = start_->position == 0;
        for (;;) {
            KLOG_TRY(const auto entry, walk.next());
            misled_ = !anchored && (!entry || entry->last_offset > start_->offset);
            if (misled_) return {};
            if (entry) {
                anchored = anchored || entry->last_offset == start_->offset;
                if (!gather.take(*entry)) break;
            } else {
                KLOG_TRY(const bool behind, look_behind(walk, gather));
                if (!behind) break;
                checked_from = walk.position();
            }
        }
        checked_to = walk.position();
        auto damage = std::move(read.damage);
        read = gather.result(file);
        read.damage = std::move(damage);
        return {};
    }

    /// The walk has come to damage or to the end of the segment. True: what is wanted lies behind the damage.
    Result<bool> look_behind(SegmentWalk& walk, const Gatherer& gather) {
        if (!walk.fault()) {
            exhausted = gather.empty();
            if (compacted_ || walk.expected() >= end) return false;
            exhausted = false;
            add_damage(walk.expected(), end, bytes_, bytes_,
                       fmt::format("{}: ends at offset {}, the next segment begins at {}", file->path(),
                                   walk.expected(), end));
            return false;
        }
        const WalkFault fault = *walk.fault();
        KLOG_TRY(const auto index, index_on_disk());
        KLOG_TRY(const bool more, walk.pass_fault(index));
        const Offset to = more ? walk.expected() : end;
        const bool wanted = more && gather.empty() && request.from >= to;
        add_damage(fault.expected, to, fault.position, more ? walk.position() : bytes_, fault.words);
        if (wanted) read.damage.reset();
        return wanted;
    }
    void add_damage(Offset from, Offset to, std::uint64_t bytes_from, std::uint64_t bytes_to, std::string words) {
        read.damage = Error{Errc::corrupt, std::move(words)};
        damages.push_back({{from, to, *read.damage}, bytes_from, bytes_to});
    }

    /// Good enough to begin somewhere: what the walk meets there is checked.
    Result<OffsetIndex> index_on_disk() const {
        OffsetIndex index(base);
        const auto path = join(directory_, segment_file_name(base, FileKind::offset_index));
        const auto bytes = os::read_file(disk_, path, index_bytes_max);
        if (!bytes && bytes.error().code != Errc::not_found) return std::unexpected(bytes.error());
        if (bytes) index.load(*bytes, bytes_, end);
        return index;
    }
    Result<> step_back(bool by_index) {
        const auto position = start_->position;
        start_ = OffsetPosition{base, 0};
        read = {};
        indexes.reset();  // It may be at fault.
        if (!by_index) return {};
        KLOG_TRY(const auto index, index_on_disk());
        start_ = index.floor_position(position - 1);
        return {};
    }

    os::Disk& disk_;
    DescriptorCache& files_;
    const std::string directory_;
    const std::int32_t interval_bytes_;
    const bool compacted_;
    const std::uint64_t bytes_;
    const std::shared_ptr<os::File> file_;
    std::optional<OffsetPosition> start_;
    bool misled_ = false;
};

namespace {

/// The end of what a warm read may return is found by the index as well: no walk over all headers in between.
Result<> gather_warm(const PartitionLog::Parts& log, std::size_t number, const os::File& file,
                     const ReadRequest& request, std::uint64_t from, Gatherer& gather) {
    const auto& segment = *log.segments[number];
    EntryScanner scanner(file, from, segment.size(), EntryScanner::Depth::headers);
    while (gather.empty()) {
        KLOG_TRY(const auto entry, scanner.next());
        if (!entry || !gather.take(*entry)) return {};
    }
    const Offset end = log.end_of(number);
    const std::uint64_t limit = gather.start() + request.bytes_max;
    if (segment.size() <= limit && end <= request.upper_bound) {
        gather.jump(segment.size(), end);
        return {};
    }
    auto floor = segment.offsets().floor_position(limit);
    if (request.upper_bound < end) {
        const auto bound = segment.offsets().floor(request.upper_bound - 1);
        if (bound.position < floor.position) floor = bound;
    }
    std::uint64_t position = gather.end();
    if (floor.position > position) {
        position = floor.position;
        EntryScanner at_floor(file, position, segment.size(), EntryScanner::Depth::headers);
        KLOG_TRY(const auto entry, at_floor.next());
        if (!entry) return {};
        gather.jump(position, entry->first_offset);
    }
    EntryScanner rest(file, position, segment.size(), EntryScanner::Depth::headers);
    for (;;) {
        KLOG_TRY(const auto entry, rest.next());
        if (!entry || !gather.take(*entry)) return {};
    }
}

}  // namespace

Result<ReadResult> PartitionLog::read(const ReadRequest& asked) {
    auto& log = *parts_;
    KLOG_CHECK(!log.lent, "the log is lent");
    ReadRequest request = asked;
    if (log.offline) return std::unexpected(*log.offline);
    if (request.from < log.log_start() || request.from > log.log_end())
        return fail(Errc::offset_out_of_range, "{}: offset {} is not in {} to {}", log.name.to_string(), request.from,
                    log.log_start(), log.log_end());
    request.upper_bound = std::min(request.upper_bound, log.log_end());
    if (const auto* damage = log.damage_at(request.from)) return std::unexpected(damage->error);
    ReadResult nothing;
    nothing.next = request.from;
    if (request.from >= request.upper_bound) return nothing;
    const std::size_t number = log.segment_of(request.from);
    auto& segment = *log.segments[number];
    const auto cold = [&] {
        ReadResult later = nothing;
        later.cold = std::make_shared<ColdSegmentRead>(log, number, request);
        return later;
    };
    if (!segment.indexed()) return cold();
    auto file = segment.open_file();
    if (!file) {
        if (number + 1 < log.segments.size()) return cold();
        KLOG_TRY(file, segment.file(log.files, log.path));
    }
    const std::uint64_t from = segment.offsets().floor(request.from).position;
    const std::uint64_t to = std::min<std::uint64_t>(
        segment.size(),
        from + request.bytes_max + static_cast<std::uint64_t>(log.config->index_interval_bytes) + beyond_limit_bytes);
    if (!segment.checked().covers(from, to) || !file->resident(from, to - from)) return cold();
    Gatherer gather(request);
    // A first batch that reaches beyond what was looked at, or a fault in a header, is for the pool.
    if (!gather_warm(log, number, *file, request, from, gather)) return cold();
    if (gather.end() > to) return cold();
    if (gather.empty() && !gather.refused() && number + 1 < log.segments.size() &&
        request.upper_bound > log.end_of(number)) {
        // The end of a compacted segment is empty: what follows is in the next one. Otherwise a segment is missing.
        if (!log.config->cleanup_compact) return cold();
        request.from = log.end_of(number);
        return read(request);
    }
    return gather.result(file);
}

Result<ReadResult> PartitionLog::finish_read(const std::shared_ptr<ColdRead>& cold) {
    auto& log = *parts_;
    KLOG_CHECK(!log.lent, "the log is lent");
    auto& done = static_cast<ColdSegmentRead&>(*cold);
    const std::size_t number = log.segment_of(done.base);
    auto& segment = *log.segments[number];
    // The log may have been cut, or its front removed, while the pool was reading.
    const bool same = done.generation == log.generation && segment.base_offset() == done.base;
    if (!same || done.error) {
        if (done.error && same) return std::unexpected(*done.error);
        return read(done.request);
    }
    if (done.indexes && !segment.indexed()) {
        segment.set_indexes(std::move(*done.indexes));
        if (!segment.persisted) log.persist_closed();
    }
    if (done.file) segment.set_file(done.file);
    segment.checked().add(done.checked_from, done.checked_to);
    for (const auto& bad : done.damages) {
        segment.checked().remove(bad.from, bad.to);
        log.note_damage(bad.damage);
    }
    if (done.request.from < log.log_start()) return read(done.request);
    if (done.exhausted && number + 1 < log.segments.size() && done.request.upper_bound > log.end_of(number)) {
        ReadRequest next = done.request;
        next.from = log.end_of(number);
        return read(next);
    }
    return done.read;
}

}  // namespace klog::log
