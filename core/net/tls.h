// SPDX-License-Identifier: Apache-2.0
// TLS over any Stream: who reads and sends does not know. The bytes of OpenSSL go through memory, so the stream below
// may be TCP or the network of a test.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/base/secret.h"
#include "core/net/stream.h"

namespace klog::net {

/// Certificates and keys, and what to make of the other side's. Formats: PEM and PKCS #12, told by their content.
struct TlsOptions {
    /// Who is trusted: a file (or a folder with names by hash), or certificates as PEM text. Neither: whom the system
    /// trusts.
    std::string trust_file;
    base::Secret trust_password;  // Of a PKCS #12 file.
    std::string trust_pem;
    /// Our own certificate, its chain and its key: one file with all (PEM or PKCS #12), two files, or PEM text. None:
    /// we show no certificate.
    std::string certificate_file;
    std::string key_file;  // Empty: the key is in certificate_file.
    std::string certificate_pem;
    base::Secret key_pem;
    base::Secret key_password;
    /// Of the other side's certificate: whether somebody trusted has signed it, and whether it is for the name that we
    /// asked for. A name is never checked in a certificate that nobody trusted has signed.
    bool verify_certificate = true;
    bool verify_host = true;
};

/// TlsOptions, loaded. Immutable; any thread.
class TlsContext {
public:
    /// Reads the files. invalid_config: one cannot be read or is not what it should be, in words that name it.
    static base::Result<std::shared_ptr<const TlsContext>> client(const TlsOptions& options);
    /// Shows a certificate, which is needed; asks for the client's where something trusted is named.
    static base::Result<std::shared_ptr<const TlsContext>> server(const TlsOptions& options);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    struct State;
    const State& state() const { return *state_; }

private:
    explicit TlsContext(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Shakes hands over a connected stream, which it takes over, on that stream's shard. The certificate must be that of
/// `host`, a name or an address. tls_failed: what the other side showed or said, why, and what to look at. timed_out:
/// the deadline passed.
///
/// What comes after belongs to streams as ever, except that read_some may end with tls_failed: a server looks at the
/// client's certificate when the client has already finished.
runtime::Task<base::Result<std::unique_ptr<Stream>>> tls_connect(std::unique_ptr<Stream> stream,
                                                                 std::shared_ptr<const TlsContext> context,
                                                                 std::string host,
                                                                 std::optional<runtime::MonotonicTime> deadline);
/// The same from the side that was connected to.
runtime::Task<base::Result<std::unique_ptr<Stream>>> tls_accept(std::unique_ptr<Stream> stream,
                                                                std::shared_ptr<const TlsContext> context,
                                                                std::optional<runtime::MonotonicTime> deadline);

}  // namespace klog::net
