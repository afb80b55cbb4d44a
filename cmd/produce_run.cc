// SPDX-License-Identifier: Apache-2.0
// The work of klog produce: blocks of input become records in the producer's batches; the input is read only as fast as
// records can be sent. What was acknowledged is known to the record and byte.
#include <map>

#include <unistd.h>

#include <fmt/format.h>

#include "cmd/pipes.h"
#include "cmd/produce.h"
#include "cmd/progress.h"
#include "cmd/quantity.h"
#include "core/client/admin.h"
#include "core/client/producer.h"
#include "core/client/run.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::Result;
using client::Cluster;
using client::Producer;
using runtime::Task;

/// A record longer than this is not gathered, whatever the broker would say.
constexpr std::size_t record_bytes_max = 512u << 20;
/// When a record is longer than this, the broker is asked how long one may be before more is gathered.
constexpr std::size_t record_bytes_unasked = 1u << 20;
/// Compression may bring a record below the broker's limit, but hardly from beyond so many times it.
constexpr std::size_t compression_ratio_max = 100;
/// After a pause in the input, --rate makes up for no more than this.
constexpr auto rate_burst = std::chrono::milliseconds(100);
/// Receipts that were not written yet; beyond it no more input is taken.
constexpr std::size_t receipt_bytes_max = 64u << 10;

/// One run of the command. Lives in the frame of produce().
struct Production {
    Production(Cluster& its_cluster, ProduceWish& its_wish)
        : cluster(its_cluster),
          wish(its_wish),
          producer(
              cluster, [this](const client::Delivery& delivery) { delivered(delivery); }, wish.receipts),
          input(cluster.runtime().pool(), STDIN_FILENO) {
        for (const auto& [name, value] : wish.headers) fixed_headers.push_back({name, value});
    }

    void delivered(const client::Delivery& delivery);
    bool going_on() const { return !failure && !interrupted; }
    void stop(std::string subject, base::Error why) {
        if (!failure) failure = {std::move(subject), std::move(why)};
        end_input();
    }
    /// What is wrong is in the input: what came before it still counts.
    void refuse(std::string subject, base::Error why) {
        input_fault = !failure;
        stop(std::move(subject), std::move(why));
    }
    void end_input() {
        input.stop();
        stopped.notify_all();
    }

    Cluster& cluster;
    ProduceWish& wish;
    Producer producer;
    InputPipe input;

    std::string buffer;  // Input that was not taken yet, from `begin` on.
    std::size_t begin = 0;
    std::uint64_t bytes_taken = 0;
    std::uint64_t records = 0;  // Read so far; the number of the record being read.
    RecordInput record;
    std::vector<records::Header> fixed_headers, headers;
    base::TimestampMs now_ms = 0;
    std::optional<Producer::TopicIndex> topic;  // Of the last record, or of all.
    std::string topic_name;

    /// First records of batches that are not acknowledged: record number and where it began in the input.
    std::map<std::uint64_t, std::uint64_t> unacknowledged;
    std::string receipts;
    bool last_receipts = false;
    bool opened = false;  // The topic that the command names is there: records may be under way.
    runtime::Signal receipts_changed;
    runtime::Scope scope;
    std::optional<std::size_t> record_limit;  // Of this topic, once it was asked for.
    base::MonotonicTime next_record{};        // With --rate: when it may leave.
    runtime::Signal stopped;
    std::optional<std::pair<std::string, base::Error>> failure;
    bool input_fault = false;
    int interrupted = 0;
};

void Production::delivered(const client::Delivery& delivery) {
    if (delivery.error) {
        // What was split and failed stays in `unacknowledged`, so that no more is claimed than is true.
        const std::string subject = fmt::format("{}/{}", delivery.topic, delivery.partition);
        const std::uint64_t first = delivery.first_tag + static_cast<std::uint64_t>(delivery.part_from);
        // Between the records of a batch that was split may lie some that went to other partitions.
        const client::TopicPtr info = cluster.known(std::string(delivery.topic));
        const bool exact = delivery.part_from == 0 || (wish.topic && info && info->partitions.size() == 1);
        const std::string which = delivery.count > 1
                                      ? fmt::format("{} records from {} on", delivery.count, first)
                                      : fmt::format("record {}{}", first, exact ? "" : " or a later one");
        return stop(subject, {delivery.error->code, fmt::format("{}: {}", which, delivery.error->message)});
    }
    if (!delivery.more_parts) unacknowledged.erase(delivery.first_tag);
    if (!wish.receipts) return;
    for (std::int32_t i = 0; i < delivery.count; ++i) {
        const std::int64_t offset = delivery.base_offset.value < 0 ? -1 : delivery.base_offset.value + i;
        fmt::format_to(std::back_inserter(receipts), "{}\t{}\t{}\t{}\n", (*delivery.tags)[static_cast<std::size_t>(i)],
                       delivery.topic, delivery.partition, offset);
    }
    receipts_changed.notify_all();
}

Task<void> write_receipts(Production* p) {
    for (;;) {
        if (p->receipts.empty()) {
            if (p->last_receipts) co_return;
            co_await p->receipts_changed.wait();
            continue;
        }
        const std::string text = std::exchange(p->receipts, {});
        const std::string* const what = &text;
        auto writing = runtime::on_pool(p->cluster.runtime().pool(), [what] { return write_stdout(*what); });
        if (const auto written = co_await std::move(writing); !written) p->stop("", written.error());
        p->receipts_changed.notify_all();
    }
}

/// Opens the topic, creating it when that was asked for.
Task<Result<Producer::TopicIndex>> open_topic(Production* p, std::string name) {
    Cluster::Expect expect = Cluster::Expect::exists;
    if (p->wish.create) {
        std::vector<std::string> names{name};
        auto looking = p->cluster.look_up(std::move(names));
        KLOG_CO_TRY(const auto found, co_await std::move(looking));
        if (found.empty() || found[0]->error == wire::ErrorCode::unknown_topic_or_partition) {
            std::vector<client::NewTopic> wanted;
            wanted.push_back({name, p->wish.create_partitions, -1, {}});
            auto creating = client::create_topics(p->cluster, std::move(wanted));
            KLOG_CO_TRY(const auto created, co_await std::move(creating));
            if (!created.empty() && created[0].error && created[0].error->code != Errc::exists)
                co_return std::unexpected(*created[0].error);
        }
        expect = Cluster::Expect::appears;
    }
    auto opening = p->producer.open(std::move(name), expect);
    co_return co_await std::move(opening);
}

enum class Taken { record, skipped, need_more, full, other_topic };

/// Fills in what the input leaves open.
void complete_record(Production& p) {
    RecordInput& record = p.record;
    if (p.wish.key && !record.key) record.key = *p.wish.key;
    if (!p.wish.value_named && !record.value) record.value = std::string_view();
    if (p.wish.empty_is_null && record.value && record.value->empty()) record.value.reset();
    if (p.wish.partition)
        record.partition = p.wish.partition;
    else if (p.wish.spread_anew)
        record.partition.reset();
}

/// Takes one record from the buffer into the producer.
Result<Taken> take_record(Production& p, bool at_end) {
    const std::string_view rest = std::string_view(p.buffer).substr(p.begin);
    p.record.clear();
    bool skip = false;
    KLOG_TRY(const std::size_t taken, p.wish.source->read(rest, at_end, p.record, skip));
    if (taken == 0) return Taken::need_more;
    if (!skip) {
        complete_record(p);
        if (!p.wish.topic && (!p.record.topic || !p.topic || *p.record.topic != p.topic_name))
            return Taken::other_topic;
        std::span<const records::Header> headers = p.fixed_headers;
        if (!p.record.headers.empty()) {
            p.headers.assign(p.record.headers.begin(), p.record.headers.end());
            p.headers.insert(p.headers.end(), p.fixed_headers.begin(), p.fixed_headers.end());
            headers = p.headers;
        }
        const records::NewRecord record{p.record.timestamp_ms.value_or(p.now_ms), p.record.key, p.record.value,
                                        headers};
        KLOG_TRY(const Producer::Appended appended,
                 p.producer.append(*p.topic, record, p.record.partition, p.records + 1));
        if (appended == Producer::Appended::full) return Taken::full;
        ++p.records;
        if (appended == Producer::Appended::opened) p.unacknowledged[p.records] = p.bytes_taken;
    }
    p.begin += taken;
    p.bytes_taken += taken;
    return skip ? Taken::skipped : Taken::record;
}

/// With --rate: waits until the next record may leave, or the input was stopped.
Task<void> keep_rate(Production* p) {
    p->next_record = std::max(p->next_record, p->cluster.now() - rate_burst);
    while (p->going_on() && p->cluster.now() < p->next_record) {
        const auto deadline = p->next_record;
        (void)co_await p->stopped.wait(deadline);
        p->now_ms = p->cluster.runtime().clock().wall_ms();
    }
}

/// How long a record of the topic may be. What the broker does not tell, it says when it gets the record.
Task<std::size_t> record_limit(Production* p) {
    std::size_t limit = record_bytes_max;
    std::vector<std::string> names{p->topic_name};
    auto asking = client::describe_configs(p->cluster, client::ConfigResource::topic, std::move(names));
    const auto described = co_await std::move(asking);
    if (!described) co_return limit;
    for (const auto& topic : *described)
        for (const auto& entry : topic.entries)
            if (entry.name == "max.message.bytes" && entry.value)
                if (const auto number = parse_integer(*entry.value); number && *number > 0)
                    limit = std::min(limit, static_cast<std::size_t>(*number));
    const bool compressed = p->cluster.config().compression.codec != records::Codec::none;
    co_return compressed ? std::min(record_bytes_max, limit * compression_ratio_max) : limit;
}

/// What the buffer holds is the beginning of a record. Stops when it is already too long.
Task<void> check_length(Production* p) {
    const std::size_t gathered = p->buffer.size() - p->begin;
    if (gathered <= record_bytes_unasked) co_return;
    if (!p->record_limit && !p->topic_name.empty()) {
        auto asking = record_limit(p);
        p->record_limit = co_await std::move(asking);
    }
    const std::size_t limit = p->record_limit.value_or(record_bytes_max);
    if (gathered > limit)
        p->refuse(p->topic_name, {Errc::too_large, fmt::format("record {}, which begins at byte {}, is longer than "
                                                               "max.message.bytes={} (MESSAGE_TOO_LARGE)",
                                                               p->records + 1, p->bytes_taken, limit)});
}

/// Takes all whole records from the buffer.
Task<void> take_records(Production* p, bool at_end) {
    p->now_ms = p->cluster.runtime().clock().wall_ms();
    while (p->going_on()) {
        if (p->wish.rate && p->begin < p->buffer.size()) {
            co_await keep_rate(p);
            if (!p->going_on()) co_return;
        }
        const auto taken = take_record(*p, at_end);
        if (!taken) {
            p->refuse(p->topic_name,
                      {taken.error().code, fmt::format("record {}, which begins at byte {}: {}", p->records + 1,
                                                       p->bytes_taken, taken.error().message)});
            co_return;
        }
        if (*taken == Taken::need_more) co_return;
        if (*taken == Taken::record && p->wish.rate)
            p->next_record += std::chrono::nanoseconds(std::chrono::seconds(1)) / *p->wish.rate;
        if (*taken == Taken::full) {
            co_await p->producer.room();
        } else if (*taken == Taken::other_topic) {
            if (!p->record.topic) {
                p->refuse("", {Errc::invalid_argument,
                               fmt::format("record {} names no topic; name one: klog produce TOPIC", p->records + 1)});
                co_return;
            }
            std::string name(*p->record.topic);
            p->topic_name = name;
            p->record_limit.reset();
            auto opening = open_topic(p, std::move(name));
            auto opened = co_await std::move(opening);
            if (!opened) co_return p->refuse(p->topic_name, opened.error());
            p->topic = *opened;
        }
    }
}

Task<void> read_input(Production* p) {
    for (bool at_end = false; !at_end && p->going_on();) {
        auto waiting = p->input.next();
        auto block = co_await std::move(waiting);
        if (!block) co_return p->stop("", block.error());
        at_end = block->empty();
        if (!p->going_on()) co_return;
        if (p->begin == p->buffer.size()) {
            p->buffer = std::move(*block);
        } else {
            p->buffer.erase(0, p->begin);
            p->buffer += *block;
        }
        p->begin = 0;
        co_await take_records(p, at_end);
        co_await check_length(p);
        // Who does not read the receipts holds up the input.
        while (p->receipts.size() >= receipt_bytes_max && p->going_on()) co_await p->receipts_changed.wait();
    }
}

std::string acknowledged(const Production& p) {
    if (p.cluster.config().acks == 0) return "nothing is acknowledged with --acks 0";
    const bool all = p.unacknowledged.empty();
    const std::uint64_t record = all ? p.records : p.unacknowledged.begin()->first - 1;
    const std::uint64_t byte = all ? p.bytes_taken : p.unacknowledged.begin()->second;
    return fmt::format("acknowledged through input record {}, byte {}", record, byte);
}

ExitCode report(const Production& p) {
    if (!p.failure && !p.interrupted) return code_of(Exit::done);
    const std::string through = acknowledged(p);
    if (p.failure) {
        complain(p.failure->first, p.failure->second);
        say(through);
        return code_of(Exit::item_failed);
    }
    say(fmt::format("interrupted: {}", through));
    return 128 + p.interrupted;
}

/// Opens the topic that the command names and copies the input to it.
Task<ExitCode> copy_input(Production* p) {
    if (p->wish.topic) {
        p->topic_name = *p->wish.topic;
        std::string name = *p->wish.topic;
        auto opening = open_topic(p, std::move(name));
        auto opened = co_await std::move(opening);
        if (!opened) {
            const auto next = opened.error().code == Errc::not_found ? "--create makes it" : "";
            co_return complain(*p->wish.topic, opened.error(), next);
        }
        p->topic = *opened;
        const client::TopicPtr info = p->cluster.known(*p->wish.topic);
        if (p->wish.partition && info && info->find(*p->wish.partition) == nullptr) {
            const base::Error missing{
                Errc::not_found, fmt::format("there is no partition {}: the topic has {} (UNKNOWN_TOPIC_OR_PARTITION)",
                                             *p->wish.partition, info->partitions.size())};
            co_return complain(*p->wish.topic, missing, "`klog topic add-partitions` adds some");
        }
    }
    p->opened = true;
    co_await read_input(p);
    // When a record was not delivered, only what is on its way may still arrive: whoever goes on shall repeat little.
    if (!p->failure || p->input_fault) co_await p->producer.flush();
    co_return code_of(Exit::done);
}

Task<int> produce(Cluster& cluster, client::Interrupts& interrupts, ProduceWish& wish) {
    Production production(cluster, wish);
    Production* const p = &production;
    interrupts.on_first(
        [p](int signal) {
            p->interrupted = signal;
            p->end_input();
            if (p->opened) return;
            // Nothing is under way that could be waited for.
            say(fmt::format("interrupted: {}", acknowledged(*p)));
            _exit(128 + signal);
        },
        [p] { say(fmt::format("interrupted again: {}; what was under way may have arrived", acknowledged(*p))); });
    const auto began = cluster.now();
    Progress progress(cluster.runtime().clock(), !(wish.receipts && isatty(STDOUT_FILENO) != 0),
                      [p, began] { return flow_words(p->records, p->bytes_taken, p->cluster.now() - began); });
    if (wish.receipts) p->scope.spawn(write_receipts(p));
    const ExitCode code = co_await copy_input(p);
    co_await p->input.close();
    auto closing = p->producer.close();
    if (auto closed = co_await std::move(closing); !closed && !p->failure)
        p->failure = {p->topic_name, std::move(closed).error()};
    p->last_receipts = true;
    p->receipts_changed.notify_all();
    co_await p->scope.join();
    interrupts.on_first({});
    co_await progress.close();
    co_return code != code_of(Exit::done) ? code : report(*p);
}

}  // namespace

ExitCode run_produce(client::Config config, ProduceWish& wish) {
    ignore_sigpipe();
    return client::run_client(std::move(config), [&wish](Cluster& cluster, client::Interrupts& interrupts) {
        return produce(cluster, interrupts, wish);
    });
}

}  // namespace klog::cmd
