// SPDX-License-Identifier: Apache-2.0
// DeleteRecords (key 21): moves the log start offset. -1 stands for the high watermark. v2 is flexible.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct DeleteRecordsRequest {
    static constexpr std::int16_t api_key = 21;
    static constexpr Version version_first = 0, version_last = 2, flexible_since = 2;

    struct Partition {
        PartitionId partition_index;
        Offset offset;  // -1: the high watermark.
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("partition_index", &T::partition_index);
            field("offset", &T::offset);
        }
    };
    struct Topic {
        std::string name;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("name", &T::name);
            field("partitions", &T::partitions);
        }
    };

    std::vector<Topic> topics;
    std::int32_t timeout_ms = 0;
    bool operator==(const DeleteRecordsRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = DeleteRecordsRequest;
        field("topics", &T::topics);
        field("timeout_ms", &T::timeout_ms);
    }
};

struct DeleteRecordsResponse {
    static constexpr std::int16_t api_key = 21;
    static constexpr Version version_first = 0, version_last = 2, flexible_since = 2;

    struct Partition {
        PartitionId partition_index;
        Offset low_watermark;
        ErrorCode error_code = ErrorCode::none;
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("partition_index", &T::partition_index);
            field("low_watermark", &T::low_watermark);
            field("error_code", &T::error_code);
        }
    };
    struct Topic {
        std::string name;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("name", &T::name);
            field("partitions", &T::partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics;
    bool operator==(const DeleteRecordsResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = DeleteRecordsResponse;
        field("throttle_time_ms", &T::throttle_time_ms);
        field("topics", &T::topics);
    }
};

}  // namespace klog::wire
