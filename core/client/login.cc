// SPDX-License-Identifier: Apache-2.0
// The login of a Connection: SaslHandshake names the mechanism, SaslAuthenticate carries its tokens (KIP-152), and a
// login that ends is renewed on the same connection before it does (KIP-368).
#include <algorithm>

#include "core/client/connection.h"
#include "core/client/errors.h"
#include "core/wire/messages/17_sasl_handshake.h"
#include "core/wire/messages/36_sasl_authenticate.h"

namespace klog::client {

using base::Errc;
using base::fail;
using base::Result;
using runtime::Task;
using wire::ErrorCode;
using namespace std::chrono_literals;

namespace {

// SCRAM takes two.
constexpr int rounds_max = 8;
// When a login is renewed: after this part of its life,
constexpr double renewed_at = 0.85;
// and no sooner than Kafka allows, which is a second.
constexpr auto renewed_after_min = 1100ms;
// A longer life than this is renewed sooner than needed; a broker may say any number.
constexpr std::int64_t lifetime_ms_max = 30LL * 24 * 3600 * 1000;

/// A broker's words, which may be anything, on a line.
std::string one_line(std::string_view words) {
    std::string out(words.substr(0, 500));
    std::replace_if(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    while (out.ends_with('.') || out.ends_with(' ')) out.pop_back();
    return out;
}

std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t shown_max = 10;
    std::string out;
    for (std::size_t i = 0; i < std::min(names.size(), shown_max); ++i) out += (i ? ", " : "") + names[i];
    return one_line(out);
}

}  // namespace

base::Error Connection::refused(std::string_view words) const {
    const Security& security = config_.security;
    return {Errc::authentication_failed,
            fmt::format("{}: the login of '{}' with {} failed: {} ({}); check sasl.username, sasl.password and "
                        "sasl.mechanism",
                        address_.to_string(), security.username, name_of(*security.mechanism), one_line(words),
                        wire::name_of(ErrorCode::sasl_authentication_failed))};
}

Task<Result<>> Connection::choose_mechanism() {
    const std::string mechanism(name_of(*config_.security.mechanism));
    const auto version = version_for<wire::SaslHandshakeRequest>();
    if (!version || *version < 1)  // Tokens without SaslAuthenticate, as before Kafka 1.0, are not spoken.
        co_return fail(Errc::authentication_failed, "{} has no SASL; security.protocol PLAINTEXT or SSL goes without",
                       address_.to_string());
    wire::SaslHandshakeRequest request{mechanism};
    auto asked =
        net::request<wire::SaslHandshakeResponse>(peer_, request, *version, config_.client_id, deadline_in(0), true);
    const auto answer = co_await std::move(asked);
    if (!answer) co_return std::unexpected(broken(answer.error()));
    const ErrorCode code = answer->message.error_code;
    if (code == ErrorCode::unsupported_sasl_mechanism)
        co_return fail(Errc::authentication_failed, "{} does not take {} ({}); sasl.mechanism can be: {}",
                       address_.to_string(), mechanism, wire::name_of(code), listed(answer->message.mechanisms));
    if (code == ErrorCode::illegal_sasl_state)
        co_return fail(Errc::authentication_failed,
                       "{} wants no login at that port ({}); security.protocol PLAINTEXT or SSL goes without",
                       address_.to_string(), wire::name_of(code));
    if (code != ErrorCode::none) co_return std::unexpected(kafka_error(code, address_.to_string()));
    co_return Result<>{};
}

/// Sends a token and gives the broker's. What the broker says against it is an error.
Task<Result<std::string>> Connection::exchange_token(std::string token) {
    KLOG_CO_TRY(const wire::Version version, version_for<wire::SaslAuthenticateRequest>());
    wire::SaslAuthenticateRequest request;
    request.auth_bytes = {token};
    auto asked =
        net::request<wire::SaslAuthenticateResponse>(peer_, request, version, config_.client_id, deadline_in(0), true);
    const auto answer = co_await std::move(asked);
    if (!answer) {
        if (answer.error().code == Errc::closed) co_return std::unexpected(refused("the broker closed the connection"));
        co_return std::unexpected(broken(answer.error()));
    }
    const auto& message = answer->message;
    if (message.error_code != ErrorCode::none) {
        const std::string_view own = wire::sentence_of(message.error_code);
        co_return std::unexpected(refused(message.error_message.value_or(std::string(own))));
    }
    session_lifetime_ms_ = message.session_lifetime_ms;
    co_return std::string(message.auth_bytes.view);
}

/// Nothing else may be sent meanwhile: the broker takes whatever comes for a token.
Task<Result<>> Connection::log_in() {
    peer_.hold();
    KLOG_CO_TRY_VOID(co_await choose_mechanism());
    const Security& security = config_.security;
    const auto sasl = security::make_sasl_client(*security.mechanism, {security.username, security.password},
                                                 security::fresh_nonce());
    std::string token = sasl->first();
    for (int round = 0; round < rounds_max; ++round) {
        KLOG_CO_TRY(std::string answer, co_await exchange_token(std::move(token)));
        auto computing = runtime::on_pool(pool_, [&sasl, &answer] { return sasl->answer(answer); });
        auto next = co_await std::move(computing);
        if (!next) co_return std::unexpected(refused(next.error().message));
        if (!*next) {
            peer_.release();
            co_return Result<>{};
        }
        token = std::move(**next);
    }
    co_return std::unexpected(refused("it does not come to an end"));
}

Task<void> Connection::stay_logged_in(std::shared_ptr<Connection> self) {
    while (self->is_open() && self->session_lifetime_ms_ > 0) {
        const auto lifetime = std::chrono::milliseconds(std::min(self->session_lifetime_ms_, lifetime_ms_max));
        const auto pause = std::max(std::chrono::duration_cast<std::chrono::milliseconds>(lifetime * renewed_at),
                                    std::chrono::milliseconds(renewed_after_min));
        if (co_await self->ended_.wait(runtime::Shard::current()->now() + pause)) co_return;
        if (!self->is_open()) co_return;
        if (auto renewed = co_await self->log_in(); !renewed) {
            if (self->is_open()) self->login_failed_ = renewed.error();
            self->close();
        }
    }
}

}  // namespace klog::client
