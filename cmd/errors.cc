// SPDX-License-Identifier: Apache-2.0
#include "cmd/errors.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

namespace klog::cmd {
namespace {

using base::Errc;

std::string_view advice(Errc code) {
    switch (code) {
        case Errc::connect_failed: return "is a broker running there? `klog broker` starts one; -b names another";
        case Errc::not_found: return "`klog topic list` shows what there is";
        case Errc::exists: return "--if-not-exists takes it as done";
        case Errc::too_large: return "raise max.message.bytes of the topic, or split the record";
        case Errc::not_authorized: return "ask who administers the cluster";
        case Errc::invalid_replication_factor: return "`-r 1` needs one broker only";
        case Errc::not_enough_replicas: return "`klog topic describe` shows which replicas are missing";
        case Errc::not_leader: return "try again when the brokers are back";
        default: return {};
    }
}

/// A progress line stands on the terminal.
bool line_is_open = false;

}  // namespace

Exit exit_of(const base::Error& error) {
    switch (error.code) {
        case Errc::invalid_topic:
        case Errc::invalid_config: return Exit::usage;
        case Errc::connect_failed:
        case Errc::tls_failed: return Exit::cannot_connect;
        case Errc::timed_out: return Exit::timed_out;
        case Errc::not_authorized:
        case Errc::authentication_failed: return Exit::not_allowed;
        case Errc::not_found: return Exit::not_found;
        case Errc::corrupt: return Exit::corrupt;
        default: return Exit::item_failed;
    }
}

ExitCode complain(std::string_view subject, const base::Error& error, std::string_view next) {
    if (next.empty()) next = advice(error.code);
    clear_progress_line();
    fmt::print(stderr, "klog: {}{}{}{}{}\n", subject, subject.empty() ? "" : ": ", error.message,
               next.empty() ? "" : "; ", next);
    return code_of(exit_of(error));
}

void say(std::string_view words) {
    clear_progress_line();
    fmt::print(stderr, "klog: {}\n", words);
}

void show_progress_line(std::string_view words) {
    line_is_open = true;
    fmt::print(stderr, "\r{}\x1b[K", words);  // Over the old line, and the rest of that away.
}

void clear_progress_line() {
    if (std::exchange(line_is_open, false)) fmt::print(stderr, "\r\x1b[K");
}

}  // namespace klog::cmd
