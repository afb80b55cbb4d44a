// SPDX-License-Identifier: Apache-2.0
// SCRAM (RFC 5802) with SHA-256 (RFC 7677) or SHA-512, without channel binding, from the client's side. The password
// does not travel, and the server proves that it knows a verifier of it.
#pragma once

#include "core/security/sasl_client.h"

namespace klog::security {

struct ScramLimits {
    /// Fewer would let who has overheard an exchange try passwords too cheaply; RFC 7677 and Kafka demand as many.
    static constexpr std::int64_t iterations_min = 4096;
    /// About a second of work. Kafka allows 16,384.
    static constexpr std::int64_t iterations_max = 1'000'000;
    static constexpr std::size_t message_bytes_max = 8 << 10;
};

enum class ScramHash { sha_256, sha_512 };

class ScramClient final : public SaslClient {
public:
    ScramClient(ScramHash hash, Credentials credentials, std::string nonce);

    std::string first() override;
    base::Result<std::optional<std::string>> answer(std::string_view from_server) override;

private:
    enum class State { begin, first_sent, final_sent, done };

    base::Result<std::string> final_message(std::string_view server_first);
    base::Result<> check_server(std::string_view server_final);

    const ScramHash hash_;
    Credentials credentials_;
    const std::string nonce_;
    State state_ = State::begin;
    std::string first_bare_;
    std::string server_signature_;  // What the server has to show at last.
};

}  // namespace klog::security
