// SPDX-License-Identifier: Apache-2.0
#include "core/client/connection.h"

#include "core/base/big_endian.h"
#include "core/base/check.h"
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
    limits.frames.frame_bytes_max = opening_bytes_max;
    return limits;
}

}  // namespace

Connection::Connection(std::unique_ptr<net::Stream> stream, runtime::Pool& pool, net::Address address, Config config)
    : address_(std::move(address)), config_(std::move(config)), pool_(pool), peer_(std::move(stream), limits()) {}

Task<Result<std::shared_ptr<Connection>>> Connection::open(runtime::Scope& scope, net::Network& network,
                                                           runtime::Pool& pool, net::Address address, Config config,
                                                           bool* no_listener) {
    const auto deadline = runtime::Shard::current()->now() + std::chrono::milliseconds(config.connect_timeout_ms);
    auto connecting = network.connect(address, deadline);
    auto stream = co_await std::move(connecting);
    if (stream && config.security.tls) {
        KLOG_CHECK(config.security.tls_context, "the configuration was prepared");
        auto securing = net::tls_connect(std::move(*stream), config.security.tls_context, address.host, deadline);
        stream = co_await std::move(securing);
    }
    if (!stream) {
        if (no_listener != nullptr) *no_listener = stream.error().code == Errc::connect_failed;
        const Errc code = stream.error().code;
        const bool kept = code == Errc::timed_out || code == Errc::tls_failed;
        co_return fail(kept ? code : Errc::connect_failed, "cannot reach {}: {}", address.to_string(),
                       stream.error().message);
    }
    std::shared_ptr<Connection> self(new Connection(std::move(*stream), pool, std::move(address), std::move(config)));
    scope.spawn(see_to_its_end(self));
    if (auto begun = co_await self->begin(); !begun) {
        self->close();
        co_return std::unexpected(std::move(begun).error());
    }
    if (self->session_lifetime_ms_ > 0) scope.spawn(stay_logged_in(self));
    co_return self;
}

Task<Result<>> Connection::begin() {
    if (auto versions = co_await negotiate(); !versions) co_return std::unexpected(not_begun(versions.error()));
    if (config_.security.sasl) KLOG_CO_TRY_VOID(co_await log_in());
    peer_.set_frame_bytes_max(response_bytes_max);
    co_return Result<>{};
}

/// What it means that not even ApiVersions was answered.
base::Error Connection::not_begun(base::Error why) const {
    const std::string address = address_.to_string();
    const Security& security = config_.security;
    const net::TlsOptions& tls = security.tls_options;
    if (why.code == Errc::tls_failed && !security.tls)
        return {Errc::tls_failed, fmt::format("{} speaks TLS: set security.protocol to SSL or SASL_SSL", address)};
    std::string_view remedy;
    if (!security.tls)
        remedy = "; if it wants TLS, set security.protocol to SSL or SASL_SSL";
    else if (tls.certificate_file.empty() && tls.certificate_pem.empty())
        remedy = "; if it wants a certificate of ours, set ssl.certificate.location and ssl.key.location";
    if (why.code == Errc::tls_failed) return {why.code, fmt::format("{}{}", why.message, remedy)};
    if (why.code != Errc::closed && why.code != Errc::corrupt && why.code != Errc::truncated &&
        why.code != Errc::too_large)
        return why;
    return {Errc::connect_failed,
            fmt::format("{} does not answer as a Kafka broker does: {}{}", address, plain(why), remedy)};
}

/// Keeps it until its coroutines have ended, whoever else has let go of it.
Task<void> Connection::see_to_its_end(std::shared_ptr<Connection> self) {
    co_await self->peer_.join();
    self->ended_.notify_all();
}

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
    if (login_failed_) return *login_failed_;
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
