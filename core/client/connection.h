// SPDX-License-Identifier: Apache-2.0
// One connection of a client to one broker: a net::Peer that was opened with ApiVersions, so that every later request
// has the highest version that both sides know; over TLS, and with a login, where the configuration says so. Belongs to
// one shard; shared, since a caller may still wait for its answer when the cluster has already forgotten the
// connection.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "core/base/error.h"
#include "core/client/config.h"
#include "core/net/request.h"
#include "core/net/stream.h"
#include "core/runtime/scope.h"
#include "core/wire/codec.h"

namespace klog::client {

/// A longer answer is damage.
inline constexpr std::uint32_t response_bytes_max = 1u << 30;
/// The same until the broker has shown that it is one, and taken our login.
inline constexpr std::uint32_t opening_bytes_max = 1u << 20;

template <class Response>
using Answer = net::Answer<Response>;

struct VersionRange {
    wire::Version first = 0, last = -1;
};

class Connection {
public:
    /// Connects, asks for the broker's versions and logs in. connect_failed, tls_failed, authentication_failed,
    /// timed_out, closed. `scope` outlives it and sees to its end; `pool` computes what a login takes. `no_listener`
    /// learns whether the host is there and nobody listens.
    static runtime::Task<base::Result<std::shared_ptr<Connection>>> open(runtime::Scope& scope, net::Network& network,
                                                                         runtime::Pool& pool, net::Address address,
                                                                         Config config, bool* no_listener = nullptr);

    bool is_open() const { return !peer_.closed(); }
    void close() { peer_.close(); }
    const net::Address& address() const { return address_; }
    /// It has answered more than ApiVersions and the login: who has no login at a broker that wants one gets no
    /// further.
    bool has_served() const { return served_; }

    /// The highest version of the API that broker and client know, none above `no_higher`. unsupported_version.
    template <class Request>
    base::Result<wire::Version> version_for(wire::Version no_higher = wire::version_max) const {
        return pick(Request::api_key, Request::version_first, std::min(Request::version_last, no_higher));
    }

    /// Sends the request and waits for its answer. `timeout_ms` 0: the configured one. After a time-out the connection
    /// is closed: answers come in order, and one that is missing blocks all that follow.
    template <class Response, class Request>
    runtime::Task<base::Result<Answer<Response>>> call(Request request, wire::Version version,
                                                       std::int64_t timeout_ms = 0) {
        auto asked = net::request<Response>(peer_, request, version, config_.client_id, deadline_in(timeout_ms));
        auto answer = co_await std::move(asked);
        if (!answer) co_return std::unexpected(broken(std::move(answer).error()));
        served_ = true;
        co_return answer;
    }

    /// Sends a request that the broker does not answer (Produce with acks=0).
    template <class Request>
    runtime::Task<base::Result<>> tell(Request request, wire::Version version) {
        auto sending = net::send_only(peer_, request, version, config_.client_id);
        co_return co_await std::move(sending);
    }

    /// Ends when the broker has read all that was sent before.
    runtime::Task<base::Result<>> barrier();

private:
    Connection(std::unique_ptr<net::Stream> stream, runtime::Pool& pool, net::Address address, Config config);
    base::Result<wire::Version> pick(std::int16_t api_key, wire::Version first, wire::Version last) const;
    runtime::MonotonicTime deadline_in(std::int64_t timeout_ms) const;
    std::string plain(const base::Error& why) const;
    base::Error broken(base::Error why);
    runtime::Task<base::Result<>> begin();
    base::Error not_begun(base::Error why) const;
    runtime::Task<base::Result<>> negotiate();

    // login.cc.
    runtime::Task<base::Result<>> log_in();
    runtime::Task<base::Result<>> choose_mechanism();
    runtime::Task<base::Result<std::string>> exchange_token(std::string token);
    base::Error refused(std::string_view words) const;
    static runtime::Task<void> stay_logged_in(std::shared_ptr<Connection> self);

    static runtime::Task<void> see_to_its_end(std::shared_ptr<Connection> self);

    net::Address address_;
    Config config_;
    runtime::Pool& pool_;
    net::Peer peer_;
    runtime::Signal ended_;                    // The peer is closed, and has nothing more to do.
    bool served_ = false;                      // It has answered more than ApiVersions and the login.
    std::int64_t session_lifetime_ms_ = 0;     // Of the last login (KIP-368); 0: without end.
    std::optional<base::Error> login_failed_;  // When it was to be renewed.
    std::map<std::int16_t, VersionRange> versions_;
};

}  // namespace klog::client
