// SPDX-License-Identifier: Apache-2.0
#include "core/records/validate.h"

#include <algorithm>
#include <utility>

#include "core/records/codecs.h"
#include "core/records/record_parse.h"

namespace klog::records {

using base::Errc;
using base::fail;
using base::Result;
using detail::Parse;

namespace {

constexpr std::size_t window_bytes = 64u << 10;  // What of a compressed batch is in memory at a time.

/// What a walk over the records of a batch finds.
struct Walked {
    base::TimestampMs max_timestamp = no_timestamp;
    std::int32_t max_timestamp_delta = 0;
    std::size_t bytes = 0;
    std::vector<RecordFault> faults;
    bool bad_time = false;  // One of the faults, listed or not, is about time.
};

/// The limits of record times, each so far away that it cannot overflow.
struct TimeBounds {
    base::TimestampMs earliest, latest;
    TimeBounds(const BatchRules& rules, base::TimestampMs now_ms)
        : earliest(rules.timestamp_before_max_ms > now_ms ? std::numeric_limits<base::TimestampMs>::min()
                                                          : now_ms - rules.timestamp_before_max_ms),
          latest(rules.timestamp_after_max_ms > std::numeric_limits<base::TimestampMs>::max() - now_ms
                     ? std::numeric_limits<base::TimestampMs>::max()
                     : now_ms + rules.timestamp_after_max_ms) {}
};

class Walk {
public:
    Walk(HeaderView header, const BatchRules& rules, base::TimestampMs now_ms, Origin origin)
        : base_(header.base_timestamp()),
          count_(header.count()),
          bounds_(rules, now_ms),
          needs_key_(rules.compacted && origin == Origin::client && !header.control()),
          create_time_(rules.timestamp_type == TimestampType::create_time) {}

    template <class Cursor>
    Result<Walked> over(Cursor cursor) {
        detail::RecordParts parts;
        for (std::int32_t i = 0; i < count_; ++i) {
            const Parse parse = detail::read_record(cursor, parts);
            if (parse != Parse::fine) [[unlikely]]
                return broken(i, parse, cursor);
            if (parts.offset_delta != i) [[unlikely]]
                return fail(Errc::invalid_record, "record {} of the batch has offset delta {}", i, parts.offset_delta);
            judge(i, parts);
        }
        KLOG_TRY(const bool at_end, cursor.at_end());
        if (!at_end) return fail(Errc::invalid_record, "the batch goes on after its {} records", count_);
        walked_.bytes = cursor.position();
        return std::move(walked_);
    }

private:
    void judge(std::int32_t index, const detail::RecordParts& parts) {
        const base::TimestampMs time = detail::timestamp_plus(base_, parts.timestamp_delta);
        if (time > walked_.max_timestamp) {
            walked_.max_timestamp = time;
            walked_.max_timestamp_delta = index;
        }
        if (needs_key_ && parts.key_size < 0) [[unlikely]]
            return blame(index, RecordFault::Kind::no_key);
        if (create_time_ && time != no_timestamp && (time < bounds_.earliest || time > bounds_.latest)) [[unlikely]]
            blame(index, RecordFault::Kind::timestamp_out_of_range);
    }

    void blame(std::int32_t index, RecordFault::Kind kind) {
        if (kind == RecordFault::Kind::timestamp_out_of_range) walked_.bad_time = true;
        if (walked_.faults.size() < record_faults_max) walked_.faults.push_back({index, kind});
    }

    template <class Cursor>
    std::unexpected<base::Error> broken(std::int32_t index, Parse parse, Cursor& cursor) {
        if (auto error = cursor.take_error()) return std::unexpected(*std::move(error));
        constexpr bool streaming = std::is_same_v<Cursor, detail::StreamCursor>;
        if (streaming && parse == Parse::too_long)
            return fail(Errc::too_large, "record {} of the batch makes it inflate beyond its limit", index);
        return fail(Errc::invalid_record, "record {} of the batch {}", index, detail::words_of(parse));
    }

    base::TimestampMs base_;
    std::int32_t count_;
    TimeBounds bounds_;
    bool needs_key_, create_time_;
    Walked walked_;
};

/// The one batch that the bytes must be.
Result<BatchView> only_batch(std::string_view bytes) {
    auto batch = BatchView::parse(bytes);
    if (!batch) {
        base::Error error = std::move(batch).error();
        const bool known_magic = bytes.size() > at::magic && bytes[at::magic] >= 0 && bytes[at::magic] <= batch_magic;
        if (error.code == Errc::truncated)
            error.code = Errc::invalid_record;
        else if (error.code == Errc::unsupported_version)
            error.code = known_magic ? Errc::invalid_record : Errc::corrupt;
        return std::unexpected(std::move(error));
    }
    if (batch->size() != bytes.size())
        return fail(Errc::invalid_record, "{} bytes follow the one batch that a partition may have in a request",
                    bytes.size() - batch->size());
    return batch;
}

Result<> check_header(const BatchView& batch, Origin origin) {
    if (batch.last_offset_delta() < 0 || batch.count() <= 0 || batch.last_offset_delta() != batch.count() - 1)
        return fail(Errc::invalid_record, "the batch has {} records, but a last offset delta of {}", batch.count(),
                    batch.last_offset_delta());
    // Kafka lets some of these pass, and with them records whose own times nobody has checked.
    if (batch.timestamp_type() == TimestampType::log_append_time)
        return fail(Errc::invalid_timestamp, "the batch has timestamp type LogAppendTime, which only a broker sets");
    if (origin == Origin::broker) return {};
    if (batch.base_offset().value != 0)
        return fail(Errc::invalid_record, "the batch has base offset {}, but a producer's starts at 0",
                    batch.base_offset());
    if (batch.control()) return fail(Errc::invalid_record, "clients may not write control records");
    if (batch.producer().present() && batch.base_sequence() < 0)
        return fail(Errc::invalid_record, "the batch of producer {} has base sequence {}", batch.producer_id(),
                    batch.base_sequence());
    if (batch.transactional() && !batch.producer().present())
        return fail(Errc::invalid_record, "the batch is transactional, but has no producer id");
    return {};
}

/// Everything that can be told without looking at a record.
Result<BatchView> check_whole(std::string_view bytes, const BatchRules& rules, Origin origin) {
    KLOG_TRY(const BatchView batch, only_batch(bytes));
    if (batch.size() > static_cast<std::size_t>(std::max(0, rules.max_message_bytes)))
        return fail(Errc::too_large, "the batch has {} bytes, over max.message.bytes {}", batch.size(),
                    rules.max_message_bytes);
    KLOG_TRY_VOID(batch.check_crc());
    KLOG_TRY_VOID(check_header(batch, origin));
    return batch;
}

/// The codec that the batch must be stored in, when it is not the one it came in. A control batch is never
/// recompressed.
std::optional<Compression> recompression(HeaderView header, const BatchRules& rules) {
    if (!rules.compression || header.control()) return std::nullopt;
    if (header.codec_bits() == static_cast<std::uint8_t>(rules.compression->codec)) return std::nullopt;
    return rules.compression;
}

Result<Walked> walk_stream(Walk& walk, const BatchView& batch, Codec codec, std::size_t bytes_max) {
    KLOG_TRY(const auto inflater, open_inflater(codec, batch.body(), bytes_max));
    const detail::Borrowed<detail::Buffer> buffer;
    return walk.over(detail::StreamCursor(*inflater, {buffer->room_for(window_bytes), window_bytes}, bytes_max));
}

/// Walks the records and, where the topic wants another codec, stores them in it.
Result<Walked> walk_body(const BatchView& batch, const BatchRules& rules, Walk& walk, ValidBatch& out) {
    KLOG_TRY(const Codec codec, batch.codec());
    const std::size_t bytes_max = std::min(rules.inflated_bytes_max(), rules.inflated_bytes_limit);
    if (static_cast<std::size_t>(batch.count()) > bytes_max / record_bytes_min)
        return fail(Errc::too_large, "{} records inflate beyond the limit of {} bytes", batch.count(), bytes_max);
    const auto target = recompression(batch, rules);
    if (codec == Codec::none && !target) return walk.over(detail::MemoryCursor(batch.body()));
    if (!target) return walk_stream(walk, batch, codec, bytes_max);

    std::string inflated;
    std::string_view plain = batch.body();
    if (codec != Codec::none) {
        KLOG_TRY_VOID(inflate(codec, batch.body(), bytes_max, inflated));
        plain = inflated;
    }
    KLOG_TRY(Walked walked, walk.over(detail::MemoryCursor(plain)));
    if (!walked.faults.empty()) return walked;
    if (target->codec == Codec::none) {
        out.recompressed = std::move(inflated);
    } else {
        out.recompressed.emplace();
        KLOG_TRY_VOID(deflate(*target, plain, *out.recompressed));
    }
    out.header.set_codec(target->codec);
    return walked;
}

/// The header as it is stored: the producer's, unless the topic or the records say otherwise (Kafka corrects a wrong
/// maximum in silence, too).
void settle_header(const BatchRules& rules, base::TimestampMs now_ms, const Walked& walked, ValidBatch& out) {
    const bool append_time = rules.timestamp_type == TimestampType::log_append_time;
    out.max_timestamp = append_time ? now_ms : walked.max_timestamp;
    out.max_timestamp_delta = append_time ? 0 : walked.max_timestamp_delta;
    const HeaderView header = out.header.view();
    if (!out.recompressed && header.timestamp_type() == rules.timestamp_type &&
        header.max_timestamp() == out.max_timestamp)
        return;
    out.header.set_max_timestamp(rules.timestamp_type, out.max_timestamp);
    out.header.seal(out.body());
}

Refusal refusal_of(Walked walked, std::int32_t count) {
    const auto code = walked.bad_time ? Errc::invalid_timestamp : Errc::invalid_record;
    const RecordFault& first = walked.faults.front();
    auto error = fail(code, "record {} of the {} in the batch is refused: {}", first.index, count, first.words());
    return {std::move(error).error(), std::move(walked.faults)};
}

}  // namespace

std::size_t BatchRules::inflated_bytes_max() const {
    return std::max(inflated_bytes_floor, 10 * static_cast<std::size_t>(std::max(0, max_message_bytes)));
}

std::string_view RecordFault::words() const {
    switch (kind) {
        case Kind::no_key: return "a compacted topic takes no record without a key";
        case Kind::timestamp_out_of_range: return "its timestamp is out of the bounds of the topic";
    }
    return "it is not allowed";
}

bool needs_pool(std::string_view bytes, const BatchRules& rules) {
    if (bytes.size() <= shard_work_bytes_max) return false;
    const HeaderView header(bytes.data());
    return header.compressed() || recompression(header, rules).has_value();
}

std::expected<ValidBatch, Refusal> validate(std::string_view bytes, const BatchRules& rules, base::TimestampMs now_ms,
                                            Origin origin) {
    auto batch = check_whole(bytes, rules, origin);
    if (!batch) return std::unexpected(Refusal{std::move(batch).error(), {}});
    ValidBatch out{.header = BatchHeader(*batch),
                   .count = batch->count(),
                   .producer = batch->producer(),
                   .transactional = batch->transactional(),
                   .original = batch->body(),
                   .recompressed = std::nullopt};
    Walk walk(*batch, rules, now_ms, origin);
    auto walked = walk_body(*batch, rules, walk, out);
    if (!walked) return std::unexpected(Refusal{std::move(walked).error(), {}});
    if (!walked->faults.empty()) return std::unexpected(refusal_of(*std::move(walked), out.count));
    out.inflated_bytes = walked->bytes;
    settle_header(rules, now_ms, *walked, out);
    if (out.recompressed && out.size() > static_cast<std::size_t>(rules.max_message_bytes)) {
        auto error = fail(Errc::too_large, "the batch has {} bytes in the topic's codec, over max.message.bytes {}",
                          out.size(), rules.max_message_bytes);
        return std::unexpected(Refusal{std::move(error).error(), {}});
    }
    return out;
}

std::optional<std::expected<ValidBatch, Refusal>> ShardValidation::try_validate(std::string_view bytes,
                                                                                const BatchRules& rules,
                                                                                base::TimestampMs now_ms) {
    if (needs_pool(bytes, rules)) return std::nullopt;
    const bool is_batch = bytes.size() >= batch_header_bytes;
    const HeaderView header(bytes.data());
    if (!is_batch || (!header.compressed() && !recompression(header, rules))) return validate(bytes, rules, now_ms);
    if (left_ == 0) return std::nullopt;
    BatchRules affordable = rules;
    affordable.inflated_bytes_limit = left_;
    auto valid = validate(bytes, affordable, now_ms);
    // How far a batch was looked at before it was refused is not known.
    const std::size_t had = std::exchange(left_, valid ? left_ - std::min(left_, valid->inflated_bytes) : 0);
    if (!valid && valid.error().error.code == Errc::too_large && had < rules.inflated_bytes_max()) return std::nullopt;
    return valid;
}

Result<> check_replicated(const BatchView& batch) {
    KLOG_TRY_VOID(batch.check_crc());
    if (batch.base_offset().value < 0 || batch.last_offset_delta() < 0 || batch.count() < 0 ||
        batch.count() > batch.last_offset_delta() + 1LL ||
        batch.base_offset().value > std::numeric_limits<std::int64_t>::max() - batch.last_offset_delta())
        return fail(Errc::corrupt, "batch at offset {} has {} records and a last offset delta of {}",
                    batch.base_offset(), batch.count(), batch.last_offset_delta());
    if (!batch.codec()) return fail(Errc::corrupt, "batch at offset {} has an unknown codec", batch.base_offset());
    return {};
}

}  // namespace klog::records
