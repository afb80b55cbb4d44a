// SPDX-License-Identifier: Apache-2.0
#include "core/client/security_config.h"

#include <algorithm>

namespace klog::client {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using security::SaslMechanism;

std::string upper(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return out;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// The words of a JAAS entry: names, values (quoted or not), '=' and ';'.
class JaasWords {
public:
    explicit JaasWords(std::string_view text) : rest_(text) {}

    struct Word {
        std::string text;
        bool quoted = false;
        bool is(std::string_view other) const { return !quoted && text == other; }
    };
    /// nullopt: the end, or a quote that is not closed (then broken()).
    std::optional<Word> next() {
        while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
        if (rest_.empty()) return std::nullopt;
        const char first = rest_.front();
        if (first == '"' || first == '\'') return quoted(first);
        const auto stop = std::min(rest_.find_first_of("=; \t\r\n"), rest_.size());
        const std::string_view word = rest_.substr(0, std::max<std::size_t>(stop, 1));
        rest_.remove_prefix(word.size());
        return Word{std::string(word)};
    }
    bool broken() const { return broken_; }

private:
    std::optional<Word> quoted(char quote) {
        Word word{"", true};
        for (std::size_t i = 1; i < rest_.size(); ++i) {
            if (rest_[i] == quote) {
                rest_.remove_prefix(i + 1);
                return word;
            }
            if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
            word.text += rest_[i];
        }
        broken_ = true;
        return std::nullopt;
    }

    std::string_view rest_;
    bool broken_ = false;
};

Result<> bad_jaas(std::string_view what) {
    return fail(Errc::invalid_argument,
                "{}; it is like: org.apache.kafka.common.security.scram.ScramLoginModule required username=\"U\" "
                "password=\"P\";",
                what);
}

Result<> prepare_sasl(Security& security) {
    if (!security.mechanism && security.jaas_scram == false) security.mechanism = SaslMechanism::plain;
    if (!security.mechanism)
        return fail(Errc::invalid_argument,
                    "security.protocol wants a login: set sasl.mechanism to PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512");
    const std::string_view mechanism = name_of(*security.mechanism);
    const bool scram = *security.mechanism != SaslMechanism::plain;
    if (security.jaas_scram && *security.jaas_scram != scram)
        return fail(Errc::invalid_argument, "sasl.mechanism is {}, and the module of sasl.jaas.config is for another",
                    mechanism);
    if (security.username.empty() || security.password.empty())
        return fail(Errc::invalid_argument, "{} needs sasl.username and sasl.password (or sasl.jaas.config)",
                    mechanism);
    if (security.username.find('\0') != std::string::npos ||
        security.password.reveal().find('\0') != std::string_view::npos)
        return fail(Errc::invalid_argument, "sasl.username and sasl.password cannot have a zero byte");
    return {};
}

}  // namespace

Result<> set_protocol(Security& security, std::string_view value) {
    const std::string name = upper(value);
    if (name != "PLAINTEXT" && name != "SSL" && name != "SASL_PLAINTEXT" && name != "SASL_SSL")
        return fail(Errc::invalid_argument, "'{}' is not PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", value);
    security.tls = name.ends_with("SSL");
    security.sasl = name.starts_with("SASL");
    return {};
}

Result<> set_mechanism(Security& security, std::string_view value) {
    security.mechanism = security::sasl_mechanism_named(upper(value));
    if (security.mechanism) return {};
    return fail(Errc::unsupported, "klog has no '{}': it has PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512", value);
}

Result<> set_host_check(Security& security, std::string_view value) {
    if (value != "https" && value != "none" && !value.empty())
        return fail(Errc::invalid_argument, "'{}' is neither https nor none", value);
    security.tls_options.verify_host = value == "https";
    return {};
}

Result<> set_store_type(Security&, std::string_view value) {
    const std::string type = upper(value);
    if (type == "PEM" || type == "PKCS12") return {};
    if (type == "JKS")
        return fail(Errc::unsupported,
                    "JKS stores are read by Java alone: `keytool -importkeystore -srckeystore STORE -destkeystore "
                    "store.p12 -deststoretype PKCS12` makes one that klog reads too");
    return fail(Errc::invalid_argument, "'{}' is neither PEM nor PKCS12", value);
}

Result<> set_jaas(Security& security, std::string_view value) {
    JaasWords words(value);
    const auto module = words.next();
    if (!module) return bad_jaas("it names no login module");
    if (module->text.ends_with("PlainLoginModule"))
        security.jaas_scram = false;
    else if (module->text.ends_with("ScramLoginModule"))
        security.jaas_scram = true;
    else  // The word may be anything, a password too.
        return bad_jaas("its first word is neither a PlainLoginModule nor a ScramLoginModule");
    const auto flag = words.next();
    if (!flag || (!flag->is("required") && !flag->is("requisite") && !flag->is("sufficient") && !flag->is("optional")))
        return bad_jaas("'required' does not follow the login module");
    for (auto name = words.next(); name && !name->is(";"); name = words.next()) {
        const auto equals = words.next();
        const auto option = equals && equals->is("=") ? words.next() : std::nullopt;
        if (!option || option->is(";")) return bad_jaas("it has an option without a value");
        if (name->is("username")) security.username = option->text;
        if (name->is("password")) security.password = base::Secret(option->text);
        if (name->is("tokenauth") && option->text == "true")
            return fail(Errc::unsupported, "klog has no delegation tokens (tokenauth)");
    }
    if (words.broken()) return bad_jaas("it has a quote that is not closed");
    return {};
}

Result<> prepare(Security& security) {
    if (security.sasl) KLOG_TRY_VOID(prepare_sasl(security));
    if (!security.tls) return {};
    net::TlsOptions& options = security.tls_options;
    options.key_password = security.key_password.empty() ? security.keystore_password : security.key_password;
    if (options.trust_file == "probe") options.trust_file.clear();  // librdkafka's word for the system's list.
    KLOG_TRY(security.tls_context, net::TlsContext::client(options));
    return {};
}

}  // namespace klog::client
