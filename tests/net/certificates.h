// SPDX-License-Identifier: Apache-2.0
// Certificates for tests, made on the spot: an authority, and what it signs.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>

namespace klog::test {

struct Certificate {
    std::string pem;
    std::string key_pem;
};

struct Validity {
    long from_s = -3600;  // Relative to now.
    long to_s = 3600;
};

class Authority {
public:
    explicit Authority(const std::string& name);
    /// `names` as OpenSSL spells them: "DNS:localhost,IP:127.0.0.1".
    Certificate issue(const std::string& names, Validity validity = {}) const;
    const std::string& pem() const { return pem_; }

private:
    std::string name_;
    std::shared_ptr<EVP_PKEY> key_;
    std::string pem_;
};

/// The key, encrypted with a password.
std::string encrypted(const std::string& key_pem, const std::string& password);
/// Certificate and key as PKCS #12; without a key, the certificate as one that is trusted.
std::string as_pkcs12(const std::string& certificate_pem, const std::string& key_pem, const std::string& password);

}  // namespace klog::test
