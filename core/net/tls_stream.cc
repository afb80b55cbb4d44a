// SPDX-License-Identifier: Apache-2.0
#include "core/net/tls_stream.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "core/base/check.h"

namespace klog::net {

using base::Errc;
using base::fail;
using base::Result;
using runtime::MonotonicTime;
using runtime::Task;

namespace {

bool is_number(const std::string& host) {
    unsigned char bytes[sizeof(in6_addr)];
    return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

/// Whom we ask for (SNI), and whose certificate we expect. Of numbers no SNI is made (RFC 6066).
void name_host(SSL* ssl, const std::string& host, bool verify) {
    const bool number = is_number(host);
    if (!number) SSL_set_tlsext_host_name(ssl, host.c_str());
    if (!verify) return;
    X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // Whoever names hosts in metadata may name anything: a text that is no name is the name of no certificate.
    const int set = number ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str())
                           : X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
    if (set != 1) X509_VERIFY_PARAM_set1_host(wanted, "invalid", 0);
    ERR_clear_error();
}

/// What the certificate says it is for, in a few words.
std::string names_in(SSL* ssl) {
    const STACK_OF(X509)* const chain = SSL_get0_verified_chain(ssl);  // Of a refused certificate there is no other.
    const X509* const certificate = chain ? sk_X509_value(chain, 0) : nullptr;
    if (!certificate) return "nobody";
    auto* const names =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    const std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>> owner(names);
    constexpr int shown_max = 5;
    std::string out;
    for (int i = 0; names && i < std::min(sk_GENERAL_NAME_num(names), shown_max); ++i) {
        const GENERAL_NAME* const one = sk_GENERAL_NAME_value(names, i);
        std::string text;
        if (one->type == GEN_DNS) {
            text.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(one->d.dNSName)),
                        static_cast<std::size_t>(ASN1_STRING_length(one->d.dNSName)));
        } else if (one->type == GEN_IPADD) {
            char shown[INET6_ADDRSTRLEN] = "";
            const int family = ASN1_STRING_length(one->d.iPAddress) == 4 ? AF_INET : AF_INET6;
            if (family == AF_INET || ASN1_STRING_length(one->d.iPAddress) == 16)
                ::inet_ntop(family, ASN1_STRING_get0_data(one->d.iPAddress), shown, sizeof shown);
            text = shown;
        }
        for (char& c : text)
            if (c < 0x21 || c > 0x7e) c = '?';
        if (!text.empty()) out += (out.empty() ? "" : ", ") + text;
    }
    if (!out.empty()) return out;
    char subject[256] = "";
    X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof subject);
    return subject;
}

/// What to look at when a certificate was not accepted.
std::string_view remedy_of(long verdict) {
    switch (verdict) {
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "connect by a name that is in it, or ssl.endpoint.identification.algorithm=none to take it all the "
                   "same";
        case X509_V_ERR_CERT_HAS_EXPIRED: return "whoever runs the broker has to renew it";
        case X509_V_ERR_CERT_NOT_YET_VALID: return "look at the clocks of both machines";
        default: return "ssl.ca.location names the certificate of who signed it";
    }
}

}  // namespace

TlsStream::TlsStream(std::unique_ptr<Stream> below, std::shared_ptr<const TlsContext> context, Role role,
                     const std::string& host)
    : below_(std::move(below)), context_(std::move(context)), host_(host) {
    ssl_.reset(SSL_new(context_->state().context.get()));
    received_ = BIO_new(BIO_s_mem());
    to_send_ = BIO_new(BIO_s_mem());
    KLOG_CHECK(ssl_ && received_ && to_send_, "OpenSSL has memory");
    SSL_set_bio(ssl_.get(), received_, to_send_);
    if (role == Role::client) {
        SSL_set_connect_state(ssl_.get());
        name_host(ssl_.get(), host_, context_->state().verify_host);
    } else {
        SSL_set_accept_state(ssl_.get());
    }
}

Task<Result<std::size_t>> TlsStream::fill() {
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<char[]>(turn_bytes_max);
    const std::span<char> into(buffer_.get(), turn_bytes_max);
    KLOG_CO_TRY(const std::size_t n, co_await below_->read_some(into));
    if (n > 0)
        KLOG_CHECK(BIO_write(received_, buffer_.get(), static_cast<int>(n)) == static_cast<int>(n));
    else
        BIO_set_mem_eof_return(received_, 0);
    co_return n;
}

Task<Result<>> TlsStream::flush() {
    for (;;) {
        if (closed_) co_return closed_by_us();
        if (send_failed_) co_return std::unexpected(*send_failed_);
        if (flushing_) {
            co_await flushed_.wait();
            continue;
        }
        char* bytes = nullptr;
        const long pending = BIO_get_mem_data(to_send_, &bytes);
        if (pending <= 0) co_return Result<>{};
        base::Chain chain;
        chain.append(base::SharedBytes::own(std::string(bytes, static_cast<std::size_t>(pending))));
        BIO_reset(to_send_);
        flushing_ = true;
        auto sent = co_await below_->send(std::move(chain));
        flushing_ = false;
        if (!sent) send_failed_ = std::move(sent).error();
        flushed_.notify_all();
    }
}

Task<Result<>> TlsStream::shake_hands() {
    for (;;) {
        ERR_clear_error();
        const int done = SSL_do_handshake(ssl_.get());
        const int why = SSL_get_error(ssl_.get(), done);
        std::optional<base::Error> failed;
        if (done != 1 && why != SSL_ERROR_WANT_READ) failed = handshake_error();
        // What is left to be said, a complaint too.
        auto flushed = co_await flush();
        if (failed) co_return std::unexpected(std::move(*failed));
        if (!flushed) co_return std::unexpected(std::move(flushed).error());
        if (done == 1) co_return Result<>{};
        KLOG_CO_TRY(const std::size_t n, co_await fill());
        if (n == 0) {
            co_return fail(
                Errc::tls_failed,
                "{} closed the connection in the TLS handshake; security.protocol says whether a port speaks TLS",
                host_);
        }
    }
}

base::Error TlsStream::handshake_error() const {
    const long verdict = SSL_get_verify_result(ssl_.get());
    const unsigned long code = ERR_peek_error();
    if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK) {
        const bool name = verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH;
        ERR_clear_error();
        return {Errc::tls_failed,
                fmt::format("the certificate of {} is not accepted: {}{}; {}", host_,
                            X509_verify_cert_error_string(verdict),
                            name ? fmt::format(" (it is for {})", names_in(ssl_.get())) : "", remedy_of(verdict))};
    }
    const int reason = ERR_GET_REASON(code);
    if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
        reason == SSL_R_PACKET_LENGTH_TOO_LONG || reason == SSL_R_RECORD_LENGTH_MISMATCH) {
        ERR_clear_error();
        return {Errc::tls_failed,
                fmt::format("what {} answers is not TLS; security.protocol says whether a port speaks it", host_)};
    }
    return {Errc::tls_failed, fmt::format("the TLS handshake with {} failed: {}", host_, openssl_reason())};
}

base::Error TlsStream::broken() const {
    return {Errc::tls_failed, fmt::format("TLS was broken off: {}", openssl_reason())};
}

std::unexpected<base::Error> TlsStream::closed_by_us() const {
    return fail(Errc::closed, "the connection with {} was closed here", below_->peer().to_string());
}

Task<Result<std::size_t>> TlsStream::read_some(std::span<char> into) {
    KLOG_CHECK(!into.empty());
    for (;;) {
        if (closed_) co_return closed_by_us();
        ERR_clear_error();
        std::size_t taken = 0;
        int why = SSL_ERROR_NONE;
        while (taken < into.size() && why == SSL_ERROR_NONE) {  // A record gives 16 KiB at most.
            std::size_t n = 0;
            const int done = SSL_read_ex(ssl_.get(), into.data() + taken, into.size() - taken, &n);
            why = SSL_get_error(ssl_.get(), done);
            taken += n;
        }
        if (taken > 0) co_return taken;  // What is wrong with the rest is found again.
        if (why == SSL_ERROR_ZERO_RETURN) co_return std::size_t{0};
        if (why != SSL_ERROR_WANT_READ) co_return std::unexpected(broken());
        // New keys are answered where they come in.
        if (BIO_pending(to_send_) > 0) KLOG_CO_TRY_VOID(co_await flush());
        KLOG_CO_TRY_VOID(co_await fill());
    }
}

Result<> TlsStream::encrypt(std::string_view bytes) {
    ERR_clear_error();
    std::size_t written = 0;
    if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) != 1) return std::unexpected(broken());
    KLOG_CHECK(written == bytes.size(), "memory takes all of it");
    return {};
}

Task<Result<>> TlsStream::send(base::Chain chain) {
    std::string scratch;
    for (const base::Chain::Piece& piece : chain.pieces()) {
        const auto* const bytes = std::get_if<base::SharedBytes>(&piece);
        const auto* const slice = std::get_if<base::FileSlice>(&piece);
        const std::uint64_t total = bytes ? bytes->view.size() : slice->length;
        for (std::uint64_t at = 0; at < total;) {
            const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(total - at, turn_bytes_max));
            if (bytes) {
                KLOG_CO_TRY_VOID(encrypt(bytes->view.substr(at, part)));
            } else {
                scratch.resize(part);
                KLOG_CO_TRY(const std::size_t n, slice->source->read_at(slice->position + at, scratch));
                if (n < part) co_return fail(Errc::truncated, "a file ends {} bytes before its slice", part - n);
                KLOG_CO_TRY_VOID(encrypt(scratch));
            }
            at += part;
            if (std::cmp_greater_equal(BIO_pending(to_send_), turn_bytes_max)) KLOG_CO_TRY_VOID(co_await flush());
        }
    }
    co_return co_await flush();
}

namespace {

/// Ends the handshake at its deadline, by closing what is below.
Task<Result<std::unique_ptr<Stream>>> with_deadline(std::unique_ptr<TlsStream> stream,
                                                    std::optional<MonotonicTime> deadline) {
    runtime::TimerId timer = runtime::TimerId::none;
    bool late = false;
    runtime::Shard& home = stream->home();
    if (deadline) {
        timer = home.set_timer(*deadline, [&late, below = stream.get()] {
            late = true;
            below->close();
        });
    }
    auto done = co_await stream->shake_hands();
    home.cancel_timer(timer);
    if (!done) stream->close();
    if (late)
        co_return fail(Errc::timed_out,
                       "the TLS handshake with {} takes too long; security.protocol says whether a port speaks TLS",
                       stream->peer().to_string());
    if (!done) co_return std::unexpected(std::move(done).error());
    co_return std::move(stream);
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> tls_connect(std::unique_ptr<Stream> stream,
                                                  std::shared_ptr<const TlsContext> context, std::string host,
                                                  std::optional<MonotonicTime> deadline) {
    auto tls = std::make_unique<TlsStream>(std::move(stream), std::move(context), TlsStream::Role::client, host);
    return with_deadline(std::move(tls), deadline);
}

Task<Result<std::unique_ptr<Stream>>> tls_accept(std::unique_ptr<Stream> stream,
                                                 std::shared_ptr<const TlsContext> context,
                                                 std::optional<MonotonicTime> deadline) {
    const std::string host = stream->peer().to_string();
    auto tls = std::make_unique<TlsStream>(std::move(stream), std::move(context), TlsStream::Role::server, host);
    return with_deadline(std::move(tls), deadline);
}

}  // namespace klog::net
