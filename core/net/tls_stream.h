// SPDX-License-Identifier: Apache-2.0
// TLS as a Stream over another one. Internal to core/net; made by tls_connect and tls_accept. Reader and sender, two
// coroutines of one shard, share one state of OpenSSL, which works on two buffers in memory: what has come from the
// stream below, and what is to go there. Whatever OpenSSL wants to say leaves in the order in which it said it, whoever
// of the two carries it.
#pragma once

#include "core/net/tls_context.h"
#include "core/runtime/scope.h"

namespace klog::net {

class TlsStream final : public Stream {
public:
    enum class Role { client, server };
    /// What is encrypted before it is handed on, and what is read at once to be decrypted.
    static constexpr std::size_t turn_bytes_max = 128u << 10;

    TlsStream(std::unique_ptr<Stream> below, std::shared_ptr<const TlsContext> context, Role role,
              const std::string& host);

    /// Once, before anything else. tls_failed, closed.
    runtime::Task<base::Result<>> shake_hands();

    runtime::Task<base::Result<std::size_t>> read_some(std::span<char> into) override;
    runtime::Task<base::Result<>> send(base::Chain chain) override;
    void close() override {
        closed_ = true;
        below_->close();
    }
    const Address& peer() const override { return below_->peer(); }
    const Address& local() const override { return below_->local(); }
    runtime::Shard& home() const override { return below_->home(); }
    SSL* ssl() { return ssl_.get(); }  // For tests.

private:
    /// Takes what the stream below has, into OpenSSL's buffer. 0: the other side has closed.
    runtime::Task<base::Result<std::size_t>> fill();
    /// Until all that OpenSSL wants to say is handed to the stream below.
    runtime::Task<base::Result<>> flush();
    base::Result<> encrypt(std::string_view bytes);
    base::Error handshake_error() const;
    base::Error broken() const;
    std::unexpected<base::Error> closed_by_us() const;

    const std::unique_ptr<Stream> below_;
    const std::shared_ptr<const TlsContext> context_;
    const std::string host_;
    SslPtr ssl_;
    BIO* received_;  // Both belong to ssl_.
    BIO* to_send_;
    std::unique_ptr<char[]> buffer_;  // Of fill().
    bool closed_ = false;
    bool flushing_ = false;
    runtime::Signal flushed_;
    std::optional<base::Error> send_failed_;
};

}  // namespace klog::net
