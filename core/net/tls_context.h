// SPDX-License-Identifier: Apache-2.0
// What a TlsContext holds, and OpenSSL's things with owners. Internal to core/net.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "core/net/tls.h"

namespace klog::net {

template <auto free>
struct OpensslFree {
    void operator()(auto* thing) const { free(thing); }
};
using SslContextPtr = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, OpensslFree<SSL_free>>;
using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;

struct TlsContext::State {
    SslContextPtr context;
    bool verify_certificate = true;
    bool verify_host = true;
};

/// The oldest reason on OpenSSL's queue of this thread, in its words; empties the queue. "": there was none.
std::string openssl_reason();

}  // namespace klog::net
