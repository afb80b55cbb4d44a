// SPDX-License-Identifier: Apache-2.0
// How a client keeps its connections private and says who it is: the part of client::Config that security.protocol,
// sasl.* and ssl.* set.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/secret.h"
#include "core/net/tls.h"
#include "core/security/sasl_client.h"

namespace klog::client {

struct Security {
    bool tls = false;
    bool sasl = false;
    std::optional<security::SaslMechanism> mechanism;
    std::string username;
    base::Secret password;
    std::optional<bool> jaas_scram;  // Which of its modules sasl.jaas.config names.
    net::TlsOptions tls_options;
    base::Secret keystore_password, key_password;
    /// Made by prepare().
    std::shared_ptr<const net::TlsContext> tls_context;
};

base::Result<> set_protocol(Security& security, std::string_view value);
base::Result<> set_mechanism(Security& security, std::string_view value);
base::Result<> set_host_check(Security& security, std::string_view value);
base::Result<> set_store_type(Security& security, std::string_view value);
/// `org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p";`
base::Result<> set_jaas(Security& security, std::string_view value);

/// When all properties are set: whether they make sense together, and reads certificates and keys.
base::Result<> prepare(Security& security);

}  // namespace klog::client
