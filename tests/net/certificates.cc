// SPDX-License-Identifier: Apache-2.0
#include "tests/net/certificates.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>

#include "core/base/check.h"
#include "core/net/tls_context.h"

namespace klog::test {

using net::BioPtr;
using net::KeyPtr;
using net::X509Ptr;

namespace {

std::string text_of(BIO* bio) {
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(bio, &bytes);
    return {bytes, static_cast<std::size_t>(length)};
}

std::string to_pem(X509* certificate) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    KLOG_CHECK(PEM_write_bio_X509(bio.get(), certificate) == 1);
    return text_of(bio.get());
}

std::string to_pem(EVP_PKEY* key, const std::string& password = "") {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    const EVP_CIPHER* const cipher = password.empty() ? nullptr : EVP_aes_128_cbc();
    KLOG_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, cipher, password.data(), static_cast<int>(password.size()),
                                             nullptr, nullptr) == 1);
    return text_of(bio.get());
}

KeyPtr key_from(const std::string& pem) {
    const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    return KeyPtr(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

void add_extension(X509* to, int nid, const std::string& value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    KLOG_CHECK(extension && X509_add_ext(to, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

X509Ptr unsigned_certificate(const std::string& subject, const std::string& issuer, EVP_PKEY* key, Validity validity) {
    static long serial = 1;
    X509Ptr made(X509_new());
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), validity.from_s);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), validity.to_s);
    X509_set_pubkey(made.get(), key);
    const auto name = [](X509_NAME* into, const std::string& text) {
        X509_NAME_add_entry_by_txt(into, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.c_str()), -1,
                                   -1, 0);
    };
    name(X509_get_subject_name(made.get()), subject);
    name(X509_get_issuer_name(made.get()), issuer);
    return made;
}

}  // namespace

Authority::Authority(const std::string& name) : name_(name), key_(EVP_EC_gen("P-256"), EVP_PKEY_free) {
    const X509Ptr own = unsigned_certificate(name, name, key_.get(), {});
    add_extension(own.get(), NID_basic_constraints, "critical,CA:TRUE");
    KLOG_CHECK(X509_sign(own.get(), key_.get(), EVP_sha256()) > 0);
    pem_ = to_pem(own.get());
}

Certificate Authority::issue(const std::string& names, Validity validity) const {
    const KeyPtr key(EVP_EC_gen("P-256"));
    const X509Ptr made = unsigned_certificate("somebody", name_, key.get(), validity);
    add_extension(made.get(), NID_subject_alt_name, names);
    KLOG_CHECK(X509_sign(made.get(), key_.get(), EVP_sha256()) > 0);
    return {to_pem(made.get()), to_pem(key.get())};
}

std::string encrypted(const std::string& key_pem, const std::string& password) {
    return to_pem(key_from(key_pem).get(), password);
}

std::string as_pkcs12(const std::string& certificate_pem, const std::string& key_pem, const std::string& password) {
    const BioPtr bio(BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
    const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    const KeyPtr key = key_pem.empty() ? nullptr : key_from(key_pem);
    STACK_OF(X509)* const trusted = sk_X509_new_null();
    if (!key) sk_X509_push(trusted, certificate.get());
    PKCS12* const store =
        PKCS12_create(password.c_str(), "klog", key.get(), key ? certificate.get() : nullptr, trusted, 0, 0, 0, 0, 0);
    sk_X509_free(trusted);
    KLOG_CHECK(store);
    const BioPtr out(BIO_new(BIO_s_mem()));
    KLOG_CHECK(i2d_PKCS12_bio(out.get(), store) == 1);
    PKCS12_free(store);
    return text_of(out.get());
}

}  // namespace klog::test
