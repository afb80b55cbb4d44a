// SPDX-License-Identifier: Apache-2.0
#include "core/security/sasl_client.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "core/base/check.h"
#include "core/security/scram.h"

namespace klog::security {
namespace {

using base::Result;

/// RFC 4616: one message, in which the password travels as it is.
class PlainClient final : public SaslClient {
public:
    explicit PlainClient(Credentials credentials) : credentials_(std::move(credentials)) {}

    std::string first() override {
        std::string message(1, '\0');  // No authorization id: that of the user.
        message += credentials_.username;
        message += '\0';
        message += credentials_.password.reveal();
        return message;
    }
    /// Whether the server lets us in, Kafka says beside the token.
    Result<std::optional<std::string>> answer(std::string_view) override { return std::nullopt; }

private:
    Credentials credentials_;
};

struct Named {
    SaslMechanism mechanism;
    std::string_view name;
};
constexpr Named names[] = {{SaslMechanism::plain, "PLAIN"},
                           {SaslMechanism::scram_sha_256, "SCRAM-SHA-256"},
                           {SaslMechanism::scram_sha_512, "SCRAM-SHA-512"}};

}  // namespace

std::string_view name_of(SaslMechanism mechanism) {
    for (const Named& one : names)
        if (one.mechanism == mechanism) return one.name;
    KLOG_CHECK(false);
    return {};
}

std::optional<SaslMechanism> sasl_mechanism_named(std::string_view name) {
    for (const Named& one : names)
        if (one.name == name) return one.mechanism;
    return std::nullopt;
}

std::unique_ptr<SaslClient> make_sasl_client(SaslMechanism mechanism, Credentials credentials, std::string nonce) {
    switch (mechanism) {
        case SaslMechanism::plain: return std::make_unique<PlainClient>(std::move(credentials));
        case SaslMechanism::scram_sha_256:
            return std::make_unique<ScramClient>(ScramHash::sha_256, std::move(credentials), std::move(nonce));
        case SaslMechanism::scram_sha_512:
            return std::make_unique<ScramClient>(ScramHash::sha_512, std::move(credentials), std::move(nonce));
    }
    KLOG_CHECK(false);
    return nullptr;
}

std::string fresh_nonce() {
    unsigned char bytes[18];
    unsigned char text[sizeof bytes / 3 * 4 + 1];
    KLOG_CHECK(RAND_bytes(bytes, sizeof bytes) == 1);
    const int length = EVP_EncodeBlock(text, bytes, sizeof bytes);
    return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)};
}

}  // namespace klog::security
