// SPDX-License-Identifier: Apache-2.0
#include "core/net/tls_context.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/base/check.h"

namespace klog::net {

using base::Errc;
using base::fail;
using base::Result;
using base::Secret;

namespace {

/// A longer file holds no certificates that anybody could mean.
constexpr std::size_t file_bytes_max = 16u << 20;

struct X509Stack {
    STACK_OF(X509) * stack = nullptr;
    ~X509Stack() { sk_X509_pop_free(stack, X509_free); }
};

Result<std::string> read_whole(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes;
    char part[4096];
    while (file && bytes.size() <= file_bytes_max) {
        file.read(part, sizeof part);
        bytes.append(part, static_cast<std::size_t>(file.gcount()));
    }
    if (bytes.empty()) return fail(Errc::invalid_config, "cannot read {}, or it is empty", path);
    if (bytes.size() > file_bytes_max) return fail(Errc::invalid_config, "{} is too long for certificates", path);
    return bytes;
}

enum class Format { pem, pkcs12, jks, other };

Format format_of(std::string_view bytes) {
    if (bytes.starts_with("\xfe\xed\xfe\xed") || bytes.starts_with("\xce\xce\xce\xce")) return Format::jks;
    if (bytes.find("-----BEGIN") != std::string_view::npos) return Format::pem;
    return bytes.starts_with('\x30') ? Format::pkcs12 : Format::other;  // An ASN.1 sequence.
}

std::unexpected<base::Error> unknown_format(Format format, const std::string& name) {
    if (format == Format::jks)
        return fail(Errc::invalid_config,
                    "{} is a JKS store, which only Java reads: `keytool -importkeystore -srckeystore {} -destkeystore "
                    "store.p12 -deststoretype PKCS12` makes one that klog reads too",
                    name, name);
    return fail(Errc::invalid_config, "{} is neither PEM nor PKCS #12", name);
}

/// PEM that came as one line of a .properties file has blanks where its lines ended.
std::string with_lines(std::string_view pem) {
    std::string out;
    while (!pem.empty()) {
        const std::size_t begin = pem.find("-----BEGIN ");
        const std::size_t label_end = begin == pem.npos ? pem.npos : pem.find("-----", begin + 11);
        const std::size_t end = label_end == pem.npos ? pem.npos : pem.find("-----END ", label_end);
        const std::size_t stop = end == pem.npos ? pem.npos : pem.find("-----", end + 9);
        if (stop == pem.npos) break;
        std::string_view body = pem.substr(label_end + 5, end - label_end - 5);
        out += pem.substr(begin, label_end + 5 - begin);
        const bool one_line = body.find('\n') == body.npos;
        for (const char c : body) out += one_line && c == ' ' ? '\n' : c;
        if (!out.ends_with('\n')) out += '\n';
        out += pem.substr(end, stop + 5 - end);
        out += '\n';
        pem.remove_prefix(stop + 5);
    }
    return out;
}

/// OpenSSL asks on the terminal where no callback is given; a command never does.
int give_password(char* into, int size, int, void* secret) {
    const std::string_view password = static_cast<const Secret*>(secret)->reveal();
    if (std::cmp_greater(password.size(), size)) return -1;
    std::copy(password.begin(), password.end(), into);
    return static_cast<int>(password.size());
}
void* callback_argument(const Secret& secret) { return const_cast<Secret*>(&secret); }

BioPtr bio_of(std::string_view bytes) { return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))); }

/// Certificates and a key, wherever they came from.
struct Identity {
    std::vector<X509Ptr> certificates;  // Our own first.
    KeyPtr key;
};

Result<> read_pem(std::string_view text, const Secret& password, const std::string& name, Identity& into) {
    const std::string pem = with_lines(text);
    ERR_clear_error();
    const BioPtr certificates = bio_of(pem);
    while (X509* one = PEM_read_bio_X509_AUX(certificates.get(), nullptr, give_password, callback_argument(password)))
        into.certificates.emplace_back(one);
    // The end of the file is an error to OpenSSL.
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return fail(Errc::invalid_config, "a certificate in {} cannot be read: {}", name, openssl_reason());
    ERR_clear_error();
    if (pem.find("PRIVATE KEY-----") == std::string::npos) return {};
    const BioPtr key = bio_of(pem);
    into.key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, give_password, callback_argument(password)));
    if (!into.key)
        return fail(Errc::invalid_config, "the key in {} cannot be read: {}; is ssl.key.password right?", name,
                    openssl_reason());
    return {};
}

Result<> read_pkcs12(std::string_view bytes, const Secret& password, const std::string& name, Identity& into) {
    ERR_clear_error();
    const BioPtr bio = bio_of(bytes);
    const std::unique_ptr<PKCS12, OpensslFree<PKCS12_free>> store(d2i_PKCS12_bio(bio.get(), nullptr));
    if (!store) return fail(Errc::invalid_config, "{} is neither PEM nor PKCS #12", name);
    const std::string text(password.reveal());
    EVP_PKEY* key = nullptr;
    X509* certificate = nullptr;
    X509Stack others;
    if (PKCS12_parse(store.get(), text.c_str(), &key, &certificate, &others.stack) != 1)
        return fail(Errc::invalid_config, "{} cannot be opened: {}; is its password right?", name, openssl_reason());
    if (key) into.key.reset(key);
    if (certificate) into.certificates.emplace_back(certificate);
    // In the order of the file, which PKCS12_parse has turned round in some versions and not in others; a chain is put
    // in order by OpenSSL when it is sent.
    while (X509* one = sk_X509_shift(others.stack)) into.certificates.emplace_back(one);
    return {};
}

Result<> read_any(std::string_view bytes, const Secret& password, const std::string& name, Identity& into) {
    const Format format = format_of(bytes);
    if (format == Format::pem) return read_pem(bytes, password, name, into);
    if (format == Format::pkcs12) return read_pkcs12(bytes, password, name, into);
    return unknown_format(format, name);
}

Result<> load_trust(SSL_CTX* context, const TlsOptions& options) {
    Identity trusted;
    const std::string name = options.trust_file.empty() ? "the list of trusted certificates" : options.trust_file;
    std::error_code ignored;
    if (std::filesystem::is_directory(options.trust_file, ignored)) {  // As c_rehash lays them out.
        if (X509_STORE_load_path(SSL_CTX_get_cert_store(context), options.trust_file.c_str()) == 1) return {};
        return fail(Errc::invalid_config, "cannot read {}: {}", options.trust_file, openssl_reason());
    }
    if (!options.trust_file.empty()) {
        KLOG_TRY(const std::string bytes, read_whole(options.trust_file));
        KLOG_TRY_VOID(read_any(bytes, options.trust_password, name, trusted));
    }
    if (!options.trust_pem.empty()) KLOG_TRY_VOID(read_pem(options.trust_pem, {}, name, trusted));
    if (options.trust_file.empty() && options.trust_pem.empty()) {
        SSL_CTX_set_default_verify_paths(context);
        return {};
    }
    if (trusted.certificates.empty()) return fail(Errc::invalid_config, "there is no certificate in {}", name);
    for (const X509Ptr& one : trusted.certificates) X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get());
    ERR_clear_error();  // One that is named twice.
    return {};
}

Result<> load_identity(SSL_CTX* context, const TlsOptions& options) {
    Identity own;
    std::string name = options.certificate_file;
    if (!options.certificate_file.empty()) {
        KLOG_TRY(const std::string bytes, read_whole(options.certificate_file));
        KLOG_TRY_VOID(read_any(bytes, options.key_password, name, own));
    } else if (!options.certificate_pem.empty()) {
        name = "the certificate given as text";
        KLOG_TRY_VOID(read_pem(options.certificate_pem, options.key_password, name, own));
    } else if (options.key_file.empty() && options.key_pem.empty()) {
        return {};
    } else {
        return fail(Errc::invalid_config, "there is a private key and no certificate: ssl.certificate.location");
    }
    Identity key;
    if (!options.key_file.empty()) {
        KLOG_TRY(const std::string bytes, read_whole(options.key_file));
        KLOG_TRY_VOID(read_any(bytes, options.key_password, options.key_file, key));
    } else if (!options.key_pem.empty()) {
        KLOG_TRY_VOID(read_pem(options.key_pem.reveal(), options.key_password, "the key given as text", key));
    }
    if (key.key) own.key = std::move(key.key);
    if (own.certificates.empty()) return fail(Errc::invalid_config, "there is no certificate in {}", name);
    if (!own.key) return fail(Errc::invalid_config, "there is no private key for {}: ssl.key.location", name);
    ERR_clear_error();
    if (SSL_CTX_use_certificate(context, own.certificates.front().get()) != 1 ||
        SSL_CTX_use_PrivateKey(context, own.key.get()) != 1)
        return fail(Errc::invalid_config, "certificate and key of {} cannot be used: {}", name, openssl_reason());
    for (std::size_t i = 1; i < own.certificates.size(); ++i)
        SSL_CTX_add1_chain_cert(context, own.certificates[i].get());
    return {};
}

SslContextPtr new_context(const SSL_METHOD* method) {
    SslContextPtr context(SSL_CTX_new(method));
    KLOG_CHECK(context, "OpenSSL gives a context");
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    // A connection may end without a farewell: frames have lengths, so nothing is taken for whole that is not.
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    return context;
}

}  // namespace

std::string openssl_reason() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return "";
    const char* words = ERR_reason_error_string(code);
    return words ? words : fmt::format("OpenSSL's error {:x}", code);
}

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::client(const TlsOptions& options) {
    auto state = std::make_unique<State>();
    state->context = new_context(TLS_client_method());
    state->verify_certificate = options.verify_certificate;
    state->verify_host = options.verify_certificate && options.verify_host;
    SSL_CTX_set_verify(state->context.get(), options.verify_certificate ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (options.verify_certificate) KLOG_TRY_VOID(load_trust(state->context.get(), options));
    KLOG_TRY_VOID(load_identity(state->context.get(), options));
    return std::shared_ptr<const TlsContext>(new TlsContext(std::move(state)));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const TlsOptions& options) {
    auto state = std::make_unique<State>();
    state->context = new_context(TLS_server_method());
    if (options.certificate_file.empty() && options.certificate_pem.empty())
        return fail(Errc::invalid_config, "a server needs a certificate");
    KLOG_TRY_VOID(load_identity(state->context.get(), options));
    state->verify_certificate = !options.trust_file.empty() || !options.trust_pem.empty();
    state->verify_host = false;
    if (state->verify_certificate) {
        SSL_CTX_set_verify(state->context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        KLOG_TRY_VOID(load_trust(state->context.get(), options));
    }
    return std::shared_ptr<const TlsContext>(new TlsContext(std::move(state)));
}

}  // namespace klog::net
