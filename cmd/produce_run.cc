// SPDX-License-Identifier: Apache-2.0
// The work of klog produce: blocks of input become records in the producer's batches; the input is read only as fast as
// records can be sent. What was acknowledged is known to the record and byte.
#include <map>

#include <unistd.h>

#include <fmt/format.h>

#include "cmd/pipes.h"
#include "cmd/produce.h"
#include "core/client/admin.h"
#include "core/client/producer.h"
#include "core/client/run.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using client::Cluster;
using client::Producer;
using runtime::Task;

/// A record longer than this is not gathered, whatever the broker would say.
constexpr std::size_t record_bytes_max = 512u << 20;
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
        input.stop();
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
    runtime::Signal receipts_changed;
    runtime::Scope scope;
    std::optional<std::pair<std::string, base::Error>> failure;
    int interrupted = 0;
};

void Production::delivered(const client::Delivery& delivery) {
    if (delivery.error) {
        // What was split and failed stays in `unacknowledged`, so that no more is claimed than is true.
        const std::string subject = fmt::format("{}/{}", delivery.topic, delivery.partition);
        const std::string which = delivery.count == 1
                                      ? fmt::format("record {}", delivery.first_tag)
                                      : fmt::format("{} records from {} on", delivery.count, delivery.first_tag);
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

/// Takes all whole records from the buffer.
Task<void> take_records(Production* p, bool at_end) {
    p->now_ms = p->cluster.runtime().clock().wall_ms();
    while (p->going_on()) {
        const auto taken = take_record(*p, at_end);
        if (!taken) {
            p->stop(p->topic_name,
                    {taken.error().code, fmt::format("record {}: {}", p->records + 1, taken.error().message)});
            co_return;
        }
        if (*taken == Taken::need_more) co_return;
        if (*taken == Taken::full) {
            co_await p->producer.room();
        } else if (*taken == Taken::other_topic) {
            if (!p->record.topic) {
                p->stop("", {Errc::invalid_argument,
                             fmt::format("record {} names no topic; name one: klog produce TOPIC", p->records + 1)});
                co_return;
            }
            std::string name(*p->record.topic);
            p->topic_name = name;
            auto opening = open_topic(p, std::move(name));
            auto opened = co_await std::move(opening);
            if (!opened) co_return p->stop(p->topic_name, opened.error());
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
        if (p->buffer.size() - p->begin > record_bytes_max)
            co_return p->stop(p->topic_name, {Errc::too_large, fmt::format("record {} is longer than {} bytes",
                                                                           p->records + 1, record_bytes_max)});
        // Who does not read the receipts holds up the input.
        while (p->receipts.size() >= receipt_bytes_max && p->going_on()) co_await p->receipts_changed.wait();
    }
}

ExitCode report(const Production& p) {
    if (!p.failure && !p.interrupted) return code_of(Exit::done);
    const bool all = p.unacknowledged.empty();
    const std::uint64_t record = all ? p.records : p.unacknowledged.begin()->first - 1;
    const std::uint64_t byte = all ? p.bytes_taken : p.unacknowledged.begin()->second;
    const std::string through = fmt::format("acknowledged through input record {}, byte {}", record, byte);
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
    }
    co_await read_input(p);
    // After a failure only what is on its way may still arrive: whoever goes on from there shall repeat little.
    if (!p->failure) co_await p->producer.flush();
    co_return code_of(Exit::done);
}

Task<int> produce(Cluster& cluster, client::Interrupts& interrupts, ProduceWish& wish) {
    Production production(cluster, wish);
    Production* const p = &production;
    interrupts.on_first([p](int signal) {
        p->interrupted = signal;
        p->input.stop();
    });
    if (wish.receipts) p->scope.spawn(write_receipts(p));
    const ExitCode code = co_await copy_input(p);
    co_await p->input.close();
    co_await p->producer.close();
    p->last_receipts = true;
    p->receipts_changed.notify_all();
    co_await p->scope.join();
    interrupts.on_first({});
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
