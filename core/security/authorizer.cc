// SPDX-License-Identifier: Apache-2.0
#include "core/security/authorizer.h"

#include <span>

namespace klog::security {
namespace {

using wire::AclOperation;

/// As Kafka's AclEntry.supportedOperations.
std::span<const AclOperation> operations_of(wire::AclResource type) {
    using enum AclOperation;
    static constexpr AclOperation topic[] = {read,  write,    create,           remove,
                                             alter, describe, describe_configs, alter_configs};
    static constexpr AclOperation group[] = {read, remove, describe, describe_configs, alter_configs};
    static constexpr AclOperation cluster[] = {create,           alter,         describe,        cluster_action,
                                               describe_configs, alter_configs, idempotent_write};
    static constexpr AclOperation transactional_id[] = {write, describe, two_phase_commit};
    switch (type) {
        case wire::AclResource::topic: return topic;
        case wire::AclResource::group: return group;
        case wire::AclResource::cluster: return cluster;
        case wire::AclResource::transactional_id: return transactional_id;
        default: return {};
    }
}

}  // namespace

std::int32_t authorized_operations(const Authorizer& authorizer, const Identity& who, Resource resource) {
    std::int32_t bits = 0;
    for (const AclOperation operation : operations_of(resource.type))
        if (authorizer.authorize(who, operation, resource)) bits |= 1 << static_cast<int>(operation);
    return bits;
}

}  // namespace klog::security
