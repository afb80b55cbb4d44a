// SPDX-License-Identifier: Apache-2.0
#include "core/security/scram.h"

#include <charconv>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/base/check.h"

namespace klog::security {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::string_view no_channel_binding = "n,,";

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

const EVP_MD* digest_of(ScramHash hash) { return hash == ScramHash::sha_256 ? EVP_sha256() : EVP_sha512(); }

std::string_view name_of(ScramHash hash) { return hash == ScramHash::sha_256 ? "SCRAM-SHA-256" : "SCRAM-SHA-512"; }

std::string hmac(ScramHash hash, std::string_view key, std::string_view text) {
    std::string out(EVP_MAX_MD_SIZE, '\0');
    unsigned length = 0;
    KLOG_CHECK(HMAC(digest_of(hash), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
                    reinterpret_cast<unsigned char*>(out.data()), &length));
    out.resize(length);
    return out;
}

std::string digest(ScramHash hash, std::string_view text) {
    std::string out(EVP_MAX_MD_SIZE, '\0');
    unsigned length = 0;
    KLOG_CHECK(EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &length,
                          digest_of(hash), nullptr) == 1);
    out.resize(length);
    return out;
}

std::string salted_password(ScramHash hash, const base::Secret& password, std::string_view salt, int iterations) {
    const std::string_view text = password.reveal();
    std::string out(static_cast<std::size_t>(EVP_MD_get_size(digest_of(hash))), '\0');
    KLOG_CHECK(PKCS5_PBKDF2_HMAC(text.data(), static_cast<int>(text.size()), bytes_of(salt),
                                 static_cast<int>(salt.size()), iterations, digest_of(hash),
                                 static_cast<int>(out.size()), reinterpret_cast<unsigned char*>(out.data())) == 1);
    return out;
}

std::string to_base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with a zero.
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(bytes), static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(length));
    return out;
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0) return std::nullopt;
    const std::size_t stop = text.find_first_not_of(  // OpenSSL skips blanks and takes '=' anywhere.
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    const std::size_t padding = stop == std::string_view::npos ? 0 : text.size() - stop;
    if (padding > 2 || text.substr(text.size() - padding) != std::string_view("==").substr(0, padding))
        return std::nullopt;
    std::string out(text.size() / 4 * 3, '\0');
    const int length =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes_of(text), static_cast<int>(text.size()));
    if (length < 0) return std::nullopt;
    out.resize(static_cast<std::size_t>(length) - padding);
    return out;
}

/// A name as SCRAM spells it: its commas and equals signs mean something there.
std::string spelled(std::string_view name) {
    std::string out;
    for (const char c : name) {
        if (c == ',')
            out += "=2C";
        else if (c == '=')
            out += "=3D";
        else
            out += c;
    }
    return out;
}

/// Takes "x=value" off the front, up to the next comma. nullopt: it is not `name`.
std::optional<std::string_view> take(std::string_view& rest, char name) {
    if (rest.size() < 2 || rest[0] != name || rest[1] != '=') return std::nullopt;
    const std::string_view one = rest.substr(2, rest.find(',') == rest.npos ? rest.npos : rest.find(',') - 2);
    rest.remove_prefix(std::min(rest.size(), one.size() + 3));
    return one;
}

struct ServerFirst {
    std::string_view nonce;
    std::string salt;
    int iterations = 0;
};

Result<ServerFirst> parse_server_first(std::string_view text, std::string_view our_nonce) {
    if (text.starts_with("m="))
        return fail(Errc::corrupt, "the server demands a SCRAM extension that nobody has defined");
    ServerFirst first;
    const auto nonce = take(text, 'r');
    const auto salt = nonce ? take(text, 's') : std::nullopt;
    const auto iterations = salt ? take(text, 'i') : std::nullopt;
    if (!iterations) return fail(Errc::corrupt, "the server's first SCRAM message is not one");
    if (!nonce->starts_with(our_nonce) || nonce->size() == our_nonce.size())
        return fail(Errc::authentication_failed, "the server's SCRAM nonce does not continue ours");
    first.nonce = *nonce;
    auto bytes = from_base64(*salt);
    if (!bytes) return fail(Errc::corrupt, "the server's SCRAM salt is not base64");
    first.salt = std::move(*bytes);
    std::int64_t count = 0;
    const auto [stop, error] = std::from_chars(iterations->data(), iterations->data() + iterations->size(), count);
    if (error != std::errc{} || stop != iterations->data() + iterations->size())
        return fail(Errc::corrupt, "the server's SCRAM iteration count is not a number");
    if (count < ScramLimits::iterations_min || count > ScramLimits::iterations_max)
        return fail(Errc::authentication_failed, "the server asks for {} SCRAM iterations: klog takes {} to {}", count,
                    ScramLimits::iterations_min, ScramLimits::iterations_max);
    first.iterations = static_cast<int>(count);
    return first;
}

/// The server's words, which may be anything, in a line.
std::string printable(std::string_view words) {
    std::string out(words.substr(0, 200));
    for (char& c : out)
        if (c < 0x20 || c == 0x7f) c = '?';
    return out;
}

}  // namespace

ScramClient::ScramClient(ScramHash hash, Credentials credentials, std::string nonce)
    : hash_(hash), credentials_(std::move(credentials)), nonce_(std::move(nonce)) {
    KLOG_CHECK(!nonce_.empty() && nonce_.find(',') == std::string::npos);
}

std::string ScramClient::first() {
    KLOG_CHECK(state_ == State::begin);
    state_ = State::first_sent;
    first_bare_ = fmt::format("n={},r={}", spelled(credentials_.username), nonce_);
    return std::string(no_channel_binding) + first_bare_;
}

Result<std::optional<std::string>> ScramClient::answer(std::string_view from_server) {
    const State before = std::exchange(state_, State::done);  // Whatever is wrong with the answer is final.
    if (from_server.size() > ScramLimits::message_bytes_max)
        return fail(Errc::corrupt, "a SCRAM message of {} bytes", from_server.size());
    if (before == State::first_sent) {
        KLOG_TRY(std::string message, final_message(from_server));
        state_ = State::final_sent;
        return message;
    }
    KLOG_CHECK(before == State::final_sent);
    KLOG_TRY_VOID(check_server(from_server));
    return std::nullopt;
}

Result<std::string> ScramClient::final_message(std::string_view server_first) {
    if (server_first.starts_with("e=")) KLOG_TRY_VOID(check_server(server_first));
    KLOG_TRY(const ServerFirst first, parse_server_first(server_first, nonce_));
    const std::string salted = salted_password(hash_, credentials_.password, first.salt, first.iterations);
    const std::string client_key = hmac(hash_, salted, "Client Key");
    const std::string unproved = fmt::format("c={},r={}", to_base64(no_channel_binding), first.nonce);
    const std::string exchange = fmt::format("{},{},{}", first_bare_, server_first, unproved);
    const std::string signature = hmac(hash_, digest(hash_, client_key), exchange);
    std::string proof = client_key;
    for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ signature[i]);
    server_signature_ = hmac(hash_, hmac(hash_, salted, "Server Key"), exchange);
    return fmt::format("{},p={}", unproved, to_base64(proof));
}

Result<> ScramClient::check_server(std::string_view server_final) {
    if (const auto words = take(server_final, 'e'))
        return fail(Errc::authentication_failed, "the server refuses: {}", printable(*words));
    const auto verifier = take(server_final, 'v');
    if (!verifier) return fail(Errc::corrupt, "the server's last SCRAM message is not one");
    const auto signature = from_base64(*verifier);
    if (!signature || signature->size() != server_signature_.size() ||
        CRYPTO_memcmp(signature->data(), server_signature_.data(), signature->size()) != 0)
        return fail(Errc::authentication_failed,
                    "the server has not proved that it knows the user: its {} signature is wrong", name_of(hash_));
    return {};
}

}  // namespace klog::security
