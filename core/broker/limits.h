// SPDX-License-Identifier: Apache-2.0
// What bounds connections and their requests, by name, and the budget of bytes under way. One budget per shard; it
// lives there.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/base/error.h"
#include "core/runtime/scope.h"
#include "core/runtime/shard.h"

namespace klog::broker {

// ---- One connection

/// Answers that a connection is owed at once; beyond, it is not read.
inline constexpr std::size_t owed_answers_max = 512;
/// Their bytes in memory until they are sent; slices of files are none. Beyond, no further request is served.
inline constexpr std::size_t owed_bytes_max = 32u << 20;
/// Answers are sent in parts so large, and a connection that does not take one in this time is closed.
inline constexpr std::size_t sent_at_once_max = 256u << 10;
inline constexpr std::chrono::seconds stalled_send_time{30};
/// A body up to this size is not counted again for what it is decoded into; a larger one is, so many times.
inline constexpr std::size_t decoded_uncounted_max = 64u << 10;
inline constexpr std::size_t decoded_factor = 8;
/// A connection that holds a full budget up and sends nothing for this long is closed.
inline constexpr std::chrono::seconds stalled_frame_time{10};

// ---- The broker

/// After a connection could not be accepted, so long none is.
inline constexpr std::chrono::milliseconds accept_retry_time{100};
/// How long a stopping broker waits for the answers that are under way.
inline constexpr std::chrono::milliseconds drain_time{1000};
/// A request other than Produce is no larger than this: it names things, and names do not fill megabytes.
inline constexpr std::size_t naming_request_bytes_max = 4u << 20;
/// Partitions in one Produce request. Each costs some hundred bytes beside the frame.
inline constexpr std::size_t produce_partitions_max = 100'000;
/// Partitions that a fetch session may have at least; more when the cluster has more. None is needed for what is not
/// there.
inline constexpr std::size_t session_partitions_min = 10'000;
/// Partitions in all fetch sessions of a shard; each costs some hundred bytes.
inline constexpr std::size_t cached_partitions_max = 500'000;
/// What an answer may take in memory for things that a request named, while it is built. Parts of the cluster's image,
/// each of which is in an answer once, and slices of files are not counted.
inline constexpr std::size_t answer_bytes_max = 32u << 20;
/// Of these, what descriptions of configuration may take, which are much larger than what asks for them.
inline constexpr std::size_t described_bytes_max = answer_bytes_max / 2;
/// Log lines about bad connections, in a burst and then each second.
inline constexpr int bad_connection_lines_burst = 10;
inline constexpr int bad_connection_lines_per_second = 1;

/// Measures an answer while it is built.
class AnswerSize {
public:
    void add(std::size_t bytes) { bytes_ += bytes; }
    /// Whether that much more is still fine.
    bool has_room(std::size_t bytes, std::size_t bytes_max) const { return bytes_ + bytes <= bytes_max; }
    /// limit: the request named more than an answer can hold.
    base::Result<> check() const;

private:
    std::size_t bytes_ = 0;
};

/// How many log lines about bad connections there may be. One per shard.
class LineLimit {
public:
    bool allows(runtime::MonotonicTime now);

private:
    runtime::MonotonicTime since_{};
    double lines_ = bad_connection_lines_burst;
};

/// Bytes in memory for requests and for answers that are not sent yet, over all connections of a shard. When they are
/// used up, connections neither read nor serve; one of them may go on all the same until its frame is whole and its
/// answers are sent, so that something always ends.
class ByteBudget {
public:
    explicit ByteBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    std::size_t used() const { return used_; }
    /// Who may take more than there is, if anybody does.
    const void* overdrawn_by() const { return overdrawn_by_; }
    /// False: take() would wait, or make `who` the one that may take more than there is.
    bool has_room(std::size_t bytes) const { return used_ + bytes <= bytes_max_; }
    /// Takes the bytes: at once while there is room, else when there is, or when nobody else is overdrawn.
    runtime::Task<void> take(std::size_t bytes, const void* who);
    /// Counts what is there already.
    void add(std::size_t bytes) { used_ += bytes; }
    void give_back(std::size_t bytes);
    /// `who` has nothing in memory any more that others wait for.
    void end_overdraft(const void* who);
    /// The broker stops: nobody waits any more.
    void stop() {
        stopped_ = true;
        changed_.notify_all();
    }

private:
    const std::size_t bytes_max_;
    std::size_t used_ = 0;
    const void* overdrawn_by_ = nullptr;
    bool stopped_ = false;
    runtime::Signal changed_;
};

}  // namespace klog::broker
