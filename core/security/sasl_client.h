// SPDX-License-Identifier: Apache-2.0
// The client's side of SASL: what to send, and what to make of the server's answers. Pure: no socket, no clock, no
// randomness; whoever carries the tokens (Kafka's SaslAuthenticate requests) owns it. Used by one coroutine at a time,
// on any thread: answer() of SCRAM computes for milliseconds, so a shard leaves it to the pool.
//
// Names and passwords are taken as the UTF-8 that they are. SASLprep (RFC 4013) is not applied, as Kafka does not apply
// it: both sides must spell a password with the same code points.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/secret.h"

namespace klog::security {

enum class SaslMechanism { plain, scram_sha_256, scram_sha_512 };

/// "SCRAM-SHA-256".
std::string_view name_of(SaslMechanism mechanism);
std::optional<SaslMechanism> sasl_mechanism_named(std::string_view name);

struct Credentials {
    std::string username;
    base::Secret password;
    bool operator==(const Credentials&) const = default;
};

class SaslClient {
public:
    virtual ~SaslClient() = default;
    /// The first token to send. Once.
    virtual std::string first() = 0;
    /// Takes the server's answer to the last token and gives the next one; nullopt: both sides are done. Errors are
    /// final: corrupt for an answer against the protocol, authentication_failed when a side has not proved who it is.
    virtual base::Result<std::optional<std::string>> answer(std::string_view from_server) = 0;
};

/// `nonce` is for SCRAM: printable, without commas, never used before.
std::unique_ptr<SaslClient> make_sasl_client(SaslMechanism mechanism, Credentials credentials, std::string nonce);

/// 24 printable characters from the system's generator.
std::string fresh_nonce();

}  // namespace klog::security
