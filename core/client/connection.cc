// SPDX-License-Identifier: Apache-2.0
#include "core/client/connection.h"

#include "core/base/big_endian.h"
#include "core/client/errors.h"
#include "core/wire/messages/18_api_versions.h"

namespace klog::client {

using base::Errc;
using base::fail;
using base::Result;
using runtime::Task;

namespace {

std::string named(std::int16_t api_key) { return fmt::format("API {}", api_key); }

net::PeerLimits limits() {
    net::PeerLimits limits;
    limits.frames.frame_bytes_max = response_bytes_max;
    return limits;
}

}  // namespace

Connection::Connection(std::unique_ptr<net::Stream> stream, net::Address address, Config config)
    : address_(std::move(address)), config_(std::move(config)), peer_(std::move(stream), limits()) {}

Task<Result<std::shared_ptr<Connection>>> Connection::open(runtime::Scope& scope, net::Network& network,
                                                           net::Address address, Config config, bool* refused) {
    const auto deadline = runtime::Shard::current()->now() + std::chrono::milliseconds(config.connect_timeout_ms);
    auto connecting = network.connect(address, deadline);
    auto stream = co_await std::move(connecting);
    if (!stream) {
        if (refused != nullptr) *refused = stream.error().code == Errc::connect_failed;
        const Errc code = stream.error().code == Errc::timed_out ? Errc::timed_out : Errc::connect_failed;
        co_return fail(code, "cannot reach {}: {}", address.to_string(), stream.error().message);
    }
    std::shared_ptr<Connection> self(new Connection(std::move(*stream), std::move(address), std::move(config)));
    scope.spawn(see_to_its_end(self));
    if (auto versions = co_await self->negotiate(); !versions) {
        self->close();
        const base::Error why = std::move(versions).error();
        if (why.code != Errc::closed && why.code != Errc::corrupt && why.code != Errc::truncated &&
            why.code != Errc::too_large)
            co_return std::unexpected(why);
        co_return fail(Errc::connect_failed, "{} does not answer as a Kafka broker does: {}",
                       self->address_.to_string(), self->plain(why));
    }
    co_return self;
}

/// Keeps it until its coroutines have ended, whoever else has let go of it.
Task<void> Connection::see_to_its_end(std::shared_ptr<Connection> self) { co_await self->peer_.join(); }

runtime::MonotonicTime Connection::deadline_in(std::int64_t timeout_ms) const {
    return runtime::Shard::current()->now() +
           std::chrono::milliseconds(timeout_ms > 0 ? timeout_ms : config_.request_timeout_ms);
}

/// Words that do not repeat whose they are.
std::string Connection::plain(const base::Error& why) const {
    std::string_view words = why.message;
    for (const std::string& prefix : {address_.to_string() + ": ", address_.to_string() + " "})
        if (words.starts_with(prefix)) words.remove_prefix(prefix.size());
    return std::string(words);
}

base::Error Connection::broken(base::Error why) {
    if (why.code == Errc::timed_out) {
        close();
        return {Errc::timed_out, fmt::format("{} did not answer in time (REQUEST_TIMED_OUT)", address_.to_string())};
    }
    if (why.code == Errc::closed)
        return {Errc::closed,
                fmt::format("lost the connection to {}: {} (NETWORK_EXCEPTION)", address_.to_string(), plain(why))};
    return why;
}

Result<wire::Version> Connection::pick(std::int16_t api_key, wire::Version first, wire::Version last) const {
    const auto range = versions_.find(api_key);
    if (range == versions_.end())
        return fail(Errc::unsupported_version, "{} does not know {} (UNSUPPORTED_VERSION)", address_.to_string(),
                    named(api_key));
    const wire::Version highest = std::min(last, range->second.last);
    if (highest < std::max(first, range->second.first))
        return fail(Errc::unsupported_version, "{} speaks versions {} to {} of {}, klog {} to {} (UNSUPPORTED_VERSION)",
                    address_.to_string(), range->second.first, range->second.last, named(api_key), first, last);
    return highest;
}

Task<Result<>> Connection::negotiate() {
    wire::Version version = wire::ApiVersionsRequest::version_last;
    for (int attempt = 0; attempt < 2; ++attempt) {
        const wire::ApiVersionsRequest request{"klog", KLOG_VERSION};
        const std::int32_t correlation = peer_.next_correlation_id();
        const wire::RequestHeader header{wire::ApiVersionsRequest::api_key, version, correlation, config_.client_id};
        auto exchange = peer_.exchange(correlation, wire::encode_frame(header, request), deadline_in(0));
        const auto bytes = co_await std::move(exchange);
        if (!bytes && bytes.error().code != Errc::timed_out) co_return std::unexpected(bytes.error());
        if (!bytes) co_return std::unexpected(broken(bytes.error()));
        wire::ResponseHeader answered;
        wire::ApiVersionsResponse response;
        std::string_view body;
        wire::DecodeError why;
        if (!wire::decode_header(bytes->view, 0, answered, body, &why))
            co_return std::unexpected(wire::to_error(why, "answer"));
        // A broker that does not know our version answers in version 0 (KIP-511).
        const bool refused = body.size() >= 2 && base::load_big<std::int16_t>(body.data()) ==
                                                     static_cast<std::int16_t>(wire::ErrorCode::unsupported_version);
        if (!wire::decode(body, refused ? wire::Version{0} : version, response, &why))
            co_return std::unexpected(wire::to_error(why, "ApiVersions answer"));
        if (!refused && response.error_code != wire::ErrorCode::none)
            co_return std::unexpected(kafka_error(response.error_code, address_.to_string()));
        for (const auto& api : response.api_keys) versions_[api.api_key] = {api.min_version, api.max_version};
        if (!refused) co_return Result<>{};
        const auto own = versions_.find(wire::ApiVersionsRequest::api_key);
        version = own == versions_.end() ? wire::Version{0} : std::min(version, own->second.last);
    }
    co_return fail(Errc::unsupported_version, "{} refuses every version of ApiVersions (UNSUPPORTED_VERSION)",
                   address_.to_string());
}

Task<Result<>> Connection::barrier() {
    KLOG_CO_TRY(const wire::Version version, version_for<wire::ApiVersionsRequest>());
    wire::ApiVersionsRequest request{"klog", KLOG_VERSION};
    auto asked = call<wire::ApiVersionsResponse>(std::move(request), version);
    KLOG_CO_TRY_VOID(co_await std::move(asked));
    co_return Result<>{};
}

}  // namespace klog::client
