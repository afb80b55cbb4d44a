// SPDX-License-Identifier: Apache-2.0
// Who may do what. Every request is asked about before it is served, for each topic, group or id that it names. Thread-
// safe: one instance serves all shards.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/security/principal.h"
#include "core/wire/apis.h"

namespace klog::security {

struct Resource {
    wire::AclResource type = wire::AclResource::cluster;
    std::string_view name = "kafka-cluster";  // What Kafka calls the one cluster.
};

inline constexpr Resource the_cluster{};
constexpr Resource topic(std::string_view name) { return {wire::AclResource::topic, name}; }
constexpr Resource group(std::string_view id) { return {wire::AclResource::group, id}; }
constexpr Resource transactional_id(std::string_view id) { return {wire::AclResource::transactional_id, id}; }

class Authorizer {
public:
    virtual ~Authorizer() = default;
    virtual bool authorize(const Identity& who, wire::AclOperation operation, Resource resource) const = 0;
};

/// Everybody may do everything: what a broker without ACLs does.
class AllowAll final : public Authorizer {
public:
    bool authorize(const Identity&, wire::AclOperation, Resource) const override { return true; }
};

/// The operations that make sense for a kind of resource, of which `who` has these: the bits of Kafka's
/// `authorized_operations` fields (bit n: AclOperation n).
std::int32_t authorized_operations(const Authorizer& authorizer, const Identity& who, Resource resource);

}  // namespace klog::security
