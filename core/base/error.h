// SPDX-License-Identifier: Apache-2.0
// Errors are values. An Error says what the world did: one code that callers act on, and words for a person. Kafka's
// own error codes live in wire/errors.h; the one mapping from Errc to them is in broker/kafka_error.cc.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace klog::base {

/// What happened, fine enough that each code maps to exactly one Kafka error code.
enum class Errc {
    // The machine.
    io,         // A system call failed; the log directory it happened in is suspect.
    no_space,   // ENOSPC or EDQUOT: try again later.
    not_found,  // No such file, directory, path in the store, topic or partition.
    exists,     // It is already there.
    busy,       // Locked by somebody else, or under way.
    limit,      // A named limit of klog was reached (connections, descriptors, bytes in flight).
    closed,     // The stream, log, store or broker is closed or shutting down.
    timed_out,
    connect_failed,  // Nobody answers at that address.
    tls_failed,      // No secure connection came about: certificates, versions, or the other side speaks no TLS.
    // Bytes.
    corrupt,              // Bytes that break their format: bad CRC, impossible length.
    truncated,            // Bytes end before their format does.
    unsupported_version,  // A format, API or feature version that klog does not know.
    unsupported_compression,
    too_large,       // A record batch, frame or value over its limit.
    invalid_record,  // A record batch whose content is not allowed (null key in a compacted topic, bad count).
    invalid_timestamp,
    // The log.
    offset_out_of_range,
    offset_not_available,  // A new leader does not know yet how far the log is committed: try again.
    not_leader,
    fenced_epoch,   // The sender's leader or controller epoch is older than ours.
    unknown_epoch,  // The sender's leader epoch is newer than ours.
    not_enough_replicas,
    offline,  // The log directory of this partition failed.
    // Producers.
    out_of_order_sequence,
    duplicate_sequence,
    unknown_producer,
    invalid_producer_epoch,
    // Metadata.
    bad_version,  // A conditional write met another version.
    not_empty,    // A directory or a node of the store that has children.
    session_expired,
    invalid_argument,  // Input that can never be right.
    invalid_config,
    invalid_topic,
    invalid_partitions,
    invalid_replication_factor,
    invalid_replica_assignment,
    policy_violation,
    // Access.
    not_authorized,
    authentication_failed,  // One side has not proved who it is.
    not_controller,
    unsupported,  // Known, but not served here.
};

/// The name of the code as written above; for log lines.
std::string_view name_of(Errc code);

struct Error {
    Errc code;
    std::string message;  // One line, no final full stop, names the file, topic or peer.
};

template <class T = void>
using Result = std::expected<T, Error>;

/// Usage: return fail(Errc::corrupt, "{}: bad magic {}", path, magic);
template <class... Args>
std::unexpected<Error> fail(Errc code, fmt::format_string<Args...> format, Args&&... args) {
    return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace klog::base

#define KLOG_CONCAT_(a, b) a##b
#define KLOG_CONCAT(a, b) KLOG_CONCAT_(a, b)
#define KLOG_TRY_ASSIGN_(leave, temporary, declaration, ...)     \
    auto temporary = __VA_ARGS__;                                \
    if (!temporary) [[unlikely]]                                 \
        leave ::std::unexpected(::std::move(temporary).error()); \
    declaration = *::std::move(temporary)
#define KLOG_TRY_VOID_(leave, temporary, ...)                  \
    if (auto temporary = __VA_ARGS__; !temporary) [[unlikely]] \
    leave ::std::unexpected(::std::move(temporary).error())

/// KLOG_TRY(auto x, expression): declares x from a Result, or returns its error.
#define KLOG_TRY(declaration, ...) KLOG_TRY_ASSIGN_(return, KLOG_CONCAT(klog_try_, __LINE__), declaration, __VA_ARGS__)
/// KLOG_TRY_VOID(expression): the same for Result<void>.
#define KLOG_TRY_VOID(...) KLOG_TRY_VOID_(return, KLOG_CONCAT(klog_try_, __LINE__), __VA_ARGS__)
/// The same two inside a coroutine; the expression may be a co_await.
#define KLOG_CO_TRY(declaration, ...) \
    KLOG_TRY_ASSIGN_(co_return, KLOG_CONCAT(klog_try_, __LINE__), declaration, __VA_ARGS__)
#define KLOG_CO_TRY_VOID(...) KLOG_TRY_VOID_(co_return, KLOG_CONCAT(klog_try_, __LINE__), __VA_ARGS__)
