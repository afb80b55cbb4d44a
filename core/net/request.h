// SPDX-License-Identifier: Apache-2.0
// Requests of the Kafka protocol on a Peer: encoded, sent, answered, decoded.
//
//     auto answer = co_await net::request<wire::MetadataResponse>(peer, request, version, "klog", deadline);
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "core/net/peer.h"
#include "core/wire/frame.h"

namespace klog::net {

/// A decoded response and the frame that its views point into.
template <wire::Message Response>
struct Answer {
    Response message;
    base::SharedBytes frame;
};

namespace detail {

template <wire::Message Response>
runtime::Task<base::Result<Answer<Response>>> exchange(Peer* peer, std::int32_t correlation_id, base::Chain frame,
                                                       wire::Version version,
                                                       std::optional<runtime::MonotonicTime> deadline, bool held) {
    Answer<Response> answer;
    auto exchange = held ? peer->exchange_held(correlation_id, std::move(frame), deadline)
                         : peer->exchange(correlation_id, std::move(frame), deadline);
    KLOG_CO_TRY(answer.frame, co_await std::move(exchange));
    wire::ResponseHeader header;
    std::string_view body;
    wire::DecodeError why;
    const auto header_version = wire::response_header_version(Response::api_key, wire::is_flexible<Response>(version));
    if (!wire::decode_header(answer.frame.view, header_version, header, body, &why) ||
        !wire::decode(body, version, answer.message, &why)) {
        peer->close();
        co_return std::unexpected(wire::to_error(why, "an answer of " + peer->address().to_string()));
    }
    co_return answer;
}

}  // namespace detail

/// The request is encoded before this returns, so that what its views point to may change afterwards. Errors are those
/// of Peer::exchange, and corrupt for an answer that cannot be decoded, which closes the peer. What error codes are in
/// the answer is the caller's business. `held`: by who holds the peer, see Peer::hold.
template <wire::Message Response, wire::Message Request>
runtime::Task<base::Result<Answer<Response>>> request(Peer& peer, const Request& message, wire::Version version,
                                                      std::optional<std::string_view> client_id,
                                                      std::optional<runtime::MonotonicTime> deadline,
                                                      bool held = false) {
    static_assert(Request::api_key == Response::api_key);
    const std::int32_t correlation_id = peer.next_correlation_id();
    const wire::RequestHeader header{Request::api_key, version, correlation_id, client_id};
    return detail::exchange<Response>(&peer, correlation_id, wire::encode_frame(header, message), version, deadline,
                                      held);
}

/// For a request that is not answered: Produce with acks=0.
template <wire::Message Request>
runtime::Task<base::Result<>> send_only(Peer& peer, const Request& message, wire::Version version,
                                        std::optional<std::string_view> client_id) {
    const wire::RequestHeader header{Request::api_key, version, peer.next_correlation_id(), client_id};
    return peer.send(wire::encode_frame(header, message));
}

}  // namespace klog::net
