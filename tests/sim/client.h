// SPDX-License-Identifier: Apache-2.0
// A client's connection to the simulated broker: requests as they are on the wire, with no retries of its own, so that
// a test decides what is sent how often. Lives on the one shard of its machine.
#pragma once

#include <memory>
#include <utility>

#include "core/net/request.h"
#include "core/runtime/scope.h"

namespace klog::sim {

class Link {
public:
    explicit Link(net::Network& network) : network_(network), connecting_(1) {}
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    /// The connection, made where there is none.
    runtime::Task<base::Result<std::shared_ptr<net::Peer>>> peer();
    /// Gives the connection up: it failed, or the client does not trust it.
    void drop(const std::shared_ptr<net::Peer>& peer);
    /// Closes, and waits until nothing runs any more.
    runtime::Task<void> end();

    /// One request and its answer. What the request's views point to lives until it ends.
    template <wire::Message Response, wire::Message Request>
    runtime::Task<base::Result<net::Answer<Response>>> call(Request request, wire::Version version) {
        KLOG_CO_TRY(auto to, co_await peer());
        auto answer = co_await net::request<Response>(*to, request, version, "sim", deadline());
        if (!answer) drop(to);
        co_return answer;
    }

    static runtime::MonotonicTime deadline() { return runtime::Shard::current()->now() + answer_time_max; }
    /// Answers later than this are not waited for.
    static constexpr std::chrono::seconds answer_time_max{4};
    static constexpr std::chrono::seconds connect_time_max{1};

private:
    static runtime::Task<void> bury(std::shared_ptr<net::Peer> peer);

    net::Network& network_;
    runtime::Semaphore connecting_;
    std::shared_ptr<net::Peer> peer_;
    runtime::Scope closing_;
};

}  // namespace klog::sim
