// SPDX-License-Identifier: Apache-2.0
// The work of klog consume. The shard fetches ahead; decompressing, printing and writing happen on the pool, one
// fetched piece after the other. Output leaves when enough has gathered and whenever there is nothing more to print.
#include <algorithm>
#include <atomic>

#include <unistd.h>

#include <fmt/format.h>

#include "cmd/consume.h"
#include "cmd/pipes.h"
#include "cmd/progress.h"
#include "cmd/record_json.h"
#include "core/client/consumer.h"
#include "core/client/run.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using client::Cluster;
using client::Consumer;
using client::Fetched;
using runtime::Task;

constexpr std::size_t output_bytes = 256u << 10;
constexpr std::string_view damaged_advice =
    "`klog dump-segment --verify` on the broker's partition directory shows how far it reaches, "
    "`klog consume --offset N` goes on behind it";

/// Turns records into output. Used by one thread at a time.
class Printer {
public:
    Printer(const ConsumeWish& wish, bool check_crcs, client::Isolation isolation)
        : wish_(wish), check_crcs_(check_crcs), isolation_(isolation) {
        out_.reserve(output_bytes + (16u << 10));
    }

    bool satisfied() const { return wish_.count && printed_ >= static_cast<std::uint64_t>(*wish_.count); }

    /// Prints what was fetched; writes when enough has gathered.
    Result<> print(Fetched fetched) {
        const std::string topic = fetched.where.topic;
        const base::PartitionId partition = fetched.where.partition;
        client::RecordStream stream(std::move(fetched), check_crcs_, isolation_);
        client::StreamRecord record;
        RecordText text;
        text.topic = topic;
        text.partition = partition;
        text.headers = &headers_;
        while (!satisfied()) {
            KLOG_TRY(const bool more, stream.next(record));
            if (!more) break;
            fill(record, text);
            read_.fetch_add(1, std::memory_order_relaxed);
            if (!wish_.filter.empty() && !wish_.filter.matches(text)) continue;
            print(text);
            if (out_.size() >= output_bytes) KLOG_TRY_VOID(flush());
        }
        return {};
    }

    void print(const RecordText& text) {
        if (wish_.json)
            append_record_json(text, out_), out_ += '\n';
        else
            wish_.format.print(text, printed_, out_);
        ++printed_;
    }

    Result<> flush() {
        auto written = write_stdout(out_);
        written_bytes_.fetch_add(out_.size(), std::memory_order_relaxed);
        out_.clear();
        return written;
    }

    bool needs_flush() const { return !out_.empty(); }
    /// Records looked at and bytes written, for the progress line; from any thread.
    std::uint64_t read() const { return read_.load(std::memory_order_relaxed); }
    std::uint64_t written_bytes() const { return written_bytes_.load(std::memory_order_relaxed); }

    void fill(const client::StreamRecord& record, RecordText& text) {
        text.offset = record.record.offset;
        text.leader_epoch = record.leader_epoch;
        text.timestamp_ms = record.record.timestamp;
        text.log_append_time = record.log_append_time;
        text.key = record.record.key;
        text.value = record.record.value;
        headers_.clear();
        if (!record.record.headers.empty()) headers_.assign(record.record.headers.begin(), record.record.headers.end());
    }

private:
    const ConsumeWish& wish_;
    bool check_crcs_;
    client::Isolation isolation_;
    std::string out_;
    std::vector<HeaderText> headers_;
    std::uint64_t printed_ = 0;
    std::atomic<std::uint64_t> read_ = 0, written_bytes_ = 0;
};

/// The last N records over all partitions, by time (~N): what was read is kept until the ends are reached.
class LastInAll {
public:
    LastInAll(std::size_t count, bool check_crcs, client::Isolation isolation)
        : count_(count), check_crcs_(check_crcs), isolation_(isolation) {}

    Result<> take(Fetched fetched, const RecordFilter& filter) {
        const client::TopicPartition where = fetched.where;
        client::RecordStream stream(std::move(fetched), check_crcs_, isolation_);
        client::StreamRecord record;
        for (;;) {
            KLOG_TRY(const bool more, stream.next(record));
            if (!more) break;
            Kept kept{record.record.timestamp, next_++, where, record, {}, {}, {}, {}};
            kept.own(record.record);
            if (!filter.empty() && !filter.matches(kept.text())) continue;
            kept_.push_back(std::move(kept));
            if (kept_.size() >= 2 * count_ + 1024) prune();
        }
        return {};
    }

    void print(Printer& printer) {
        prune();
        for (const Kept& kept : kept_) printer.print(kept.text());
        kept_.clear();
    }

private:
    struct Kept {
        base::TimestampMs timestamp;
        std::uint64_t arrival;
        client::TopicPartition where;
        client::StreamRecord meta;
        std::optional<std::string> key, value;
        std::vector<std::pair<std::string, std::optional<std::string>>> owned_headers;
        mutable std::vector<HeaderText> headers;

        void own(const records::Record& record) {
            if (record.key) key = *record.key;
            if (record.value) value = *record.value;
            for (const auto& header : record.headers)
                owned_headers.emplace_back(header.key,
                                           header.value ? std::optional<std::string>(*header.value) : std::nullopt);
        }
        RecordText text() const {
            headers.clear();
            for (const auto& [name, content] : owned_headers) headers.push_back({name, content});
            return {where.topic,
                    where.partition,
                    meta.record.offset,
                    meta.leader_epoch,
                    timestamp,
                    meta.log_append_time,
                    key,
                    value,
                    &headers};
        }
    };

    void prune() {
        std::sort(kept_.begin(), kept_.end(), [](const Kept& a, const Kept& b) {
            return std::pair(a.timestamp, a.arrival) < std::pair(b.timestamp, b.arrival);
        });
        if (kept_.size() > count_) kept_.erase(kept_.begin(), kept_.end() - static_cast<std::ptrdiff_t>(count_));
    }

    std::size_t count_;
    bool check_crcs_;
    client::Isolation isolation_;
    std::uint64_t next_ = 0;
    std::vector<Kept> kept_;
};

/// One run of the command; lives in the frame of consume().
struct Consumption {
    Consumption(Cluster& its_cluster, ConsumeWish& its_wish)
        : cluster(its_cluster),
          wish(its_wish),
          printer(wish, cluster.config().check_crcs, cluster.config().isolation),
          consumer(std::make_unique<Consumer>(cluster, [](const std::string& words) { say(words); })) {}

    Cluster& cluster;
    ConsumeWish& wish;
    Printer printer;
    std::unique_ptr<Consumer> consumer;
    int interrupted = 0;
};

bool wants_last_in_all(const ConsumeWish& wish) { return wish.offsets.all.from.kind == Position::Kind::last_in_all; }

/// Assigns what is to be read of one topic; remembers where that ends.
Task<Result<>> assign(Consumption* c, std::string topic, bool stop_at_end,
                      std::vector<std::pair<std::string, client::Stretch>>* ends) {
    auto looking = c->cluster.topic(topic);
    KLOG_CO_TRY(const client::TopicPtr info, co_await std::move(looking));
    std::vector<base::PartitionId> partitions = c->wish.partitions;
    if (partitions.empty())
        for (const auto& partition : info->partitions) partitions.push_back(partition.id);
    for (const base::PartitionId id : partitions)
        if (info->find(id) == nullptr)
            co_return fail(Errc::not_found, "there is no partition {}: the topic has {} (UNKNOWN_TOPIC_OR_PARTITION)",
                           id, info->partitions.size());
    for (const auto& [id, range] : c->wish.offsets.each)
        if (info->find(id) == nullptr)
            co_return fail(Errc::not_found, "there is no partition {}: the topic has {} (UNKNOWN_TOPIC_OR_PARTITION)",
                           id, info->partitions.size());
    auto resolving = client::resolve(c->cluster, topic, std::move(partitions), c->wish.offsets,
                                     c->cluster.config().isolation, stop_at_end);
    KLOG_CO_TRY(auto stretches, co_await std::move(resolving));
    for (const client::Stretch& stretch : stretches) {
        if (stretch.clamped)
            say(fmt::format("{}/{}: reading from offset {}, the nearest that is there", topic, stretch.partition,
                            stretch.from));
        if (ends != nullptr) ends->emplace_back(topic, stretch);
    }
    c->consumer->assign(topic, stretches);
    co_return Result<>{};
}

Result<> print_on_pool(Printer* printer, Fetched* fetched, bool flush) {
    KLOG_TRY_VOID(printer->print(std::move(*fetched)));
    return flush ? printer->flush() : Result<>{};
}

Task<Result<>> print_all(Consumption* c) {
    runtime::Pool& pool = c->cluster.runtime().pool();
    Printer* const printer = &c->printer;
    while (!printer->satisfied()) {
        if (printer->needs_flush() && !c->consumer->ready()) {
            auto flushing = runtime::on_pool(pool, [printer] { return printer->flush(); });
            KLOG_CO_TRY_VOID(co_await std::move(flushing));
        }
        auto waiting = c->consumer->next();
        KLOG_CO_TRY(std::optional<Fetched> fetched, co_await std::move(waiting));
        if (!fetched) break;
        Fetched* const piece = &*fetched;
        const bool flush = !c->consumer->ready();
        auto printing =
            runtime::on_pool(pool, [printer, piece, flush] { return print_on_pool(printer, piece, flush); });
        KLOG_CO_TRY_VOID(co_await std::move(printing));
    }
    co_return Result<>{};
}

Task<Result<>> print_last_in_all(Consumption* c) {
    LastInAll last(static_cast<std::size_t>(c->wish.offsets.all.from.number), c->cluster.config().check_crcs,
                   c->cluster.config().isolation);
    for (;;) {
        auto waiting = c->consumer->next();
        KLOG_CO_TRY(std::optional<Fetched> fetched, co_await std::move(waiting));
        if (!fetched) break;
        KLOG_CO_TRY_VOID(last.take(std::move(*fetched), c->wish.filter));
    }
    last.print(c->printer);
    co_return c->printer.flush();
}

Task<Result<>> read(Consumption* c, client::Interrupts* interrupts, std::string* subject) {
    const bool last_in_all = wants_last_in_all(c->wish);
    std::vector<std::pair<std::string, client::Stretch>> ends;
    auto selecting = select_topics(&c->cluster, c->wish.topics);
    KLOG_CO_TRY(const auto topics, co_await std::move(selecting));
    for (const std::string& topic : topics) {
        *subject = topic;
        auto assigning = assign(c, topic, c->wish.stop_at_end || last_in_all, &ends);
        KLOG_CO_TRY_VOID(co_await std::move(assigning));
    }
    if (topics.size() > 1) subject->clear();
    // Who reads to an end wants to know when it cannot be reached; who follows waits for the brokers to come back.
    if (c->wish.stop_at_end || c->wish.count || c->wish.offsets.all.until)
        c->consumer->give_up_after(std::chrono::milliseconds(c->cluster.config().metadata_timeout_ms));
    // Until here there was nothing to lose, and a signal ended the command where it stood.
    interrupts->on_first([c](int signal) {
        c->interrupted = signal;
        c->consumer->stop();
    });
    if (last_in_all) {
        auto printing = print_last_in_all(c);
        KLOG_CO_TRY_VOID(co_await std::move(printing));
        if (c->wish.stop_at_end || c->wish.offsets.all.until || c->interrupted != 0) co_return Result<>{};
        // Go on from the ends as they were.
        for (const auto& [topic, stretch] : ends) {
            client::Stretch rest{stretch.partition, *stretch.until, std::nullopt};
            c->consumer->assign(topic, {rest});
        }
    }
    // Who reads whole topics and no end was named reads what they will get, too.
    const client::OffsetExpression& offsets = c->wish.offsets;
    if (!c->wish.stop_at_end && !offsets.all.until && offsets.each.empty() && c->wish.partitions.empty())
        for (const std::string& topic : topics) c->consumer->follow(topic);
    auto printing = print_all(c);
    KLOG_CO_TRY_VOID(co_await std::move(printing));
    co_return Result<>{};
}

Task<int> consume(Cluster& cluster, client::Interrupts& interrupts, ConsumeWish& wish) {
    Consumption consumption(cluster, wish);
    Consumption* const c = &consumption;
    // Where the records themselves appear on the terminal, they are the progress.
    const auto began = cluster.now();
    Progress progress(cluster.runtime().clock(), isatty(STDOUT_FILENO) == 0, [c, began] {
        return flow_words(c->printer.read(), c->printer.written_bytes(), c->cluster.now() - began);
    });
    std::string subject;
    auto reading = read(c, &interrupts, &subject);
    const auto done = co_await std::move(reading);
    Printer* const printer = &c->printer;
    auto flushing = runtime::on_pool(cluster.runtime().pool(), [printer] { return printer->flush(); });
    const auto flushed = co_await std::move(flushing);
    co_await c->consumer->close();
    interrupts.on_first({});
    co_await progress.close();
    if (!done)
        co_return complain(subject, done.error(),
                           done.error().code == Errc::corrupt ? damaged_advice : std::string_view());
    if (!flushed) co_return complain("", flushed.error());
    co_return c->interrupted != 0 ? 128 + c->interrupted : code_of(Exit::done);
}

}  // namespace

ExitCode run_consume(client::Config config, ConsumeWish& wish) {
    ignore_sigpipe();
    return client::run_client(std::move(config), [&wish](Cluster& cluster, client::Interrupts& interrupts) {
        return consume(cluster, interrupts, wish);
    });
}

}  // namespace klog::cmd
