// SPDX-License-Identifier: Apache-2.0
// DescribeLogDirs (key 35): what lies in the log directories of a broker. A null list of topics means all.
// v2 is flexible, v3 has an error for the whole answer, v4 the size of the volume, v5 says whether a directory takes no
// new partitions.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct DescribeLogDirsRequest {
    static constexpr std::int16_t api_key = 35;
    static constexpr Version version_first = 0, version_last = 5, flexible_since = 2;

    struct Topic {
        std::string topic;
        std::vector<PartitionId> partitions;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("topic", &T::topic);
            field("partitions", &T::partitions);
        }
    };

    std::optional<std::vector<Topic>> topics;  // Null: all topics.
    bool operator==(const DescribeLogDirsRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = DescribeLogDirsRequest;
        field("topics", &T::topics);
    }
};

struct DescribeLogDirsResponse {
    static constexpr std::int16_t api_key = 35;
    static constexpr Version version_first = 0, version_last = 5, flexible_since = 2;

    struct Partition {
        PartitionId partition_index;
        std::int64_t partition_size = 0;
        std::int64_t offset_lag = 0;
        bool is_future_key = false;  // A replica that is moving here from another directory.
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("partition_index", &T::partition_index);
            field("partition_size", &T::partition_size);
            field("offset_lag", &T::offset_lag);
            field("is_future_key", &T::is_future_key);
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
    struct LogDir {
        ErrorCode error_code = ErrorCode::none;
        std::string log_dir;
        std::vector<Topic> topics;
        std::int64_t total_bytes = -1;
        std::int64_t usable_bytes = -1;
        bool is_cordoned = false;
        bool operator==(const LogDir&) const = default;

        static constexpr void wire(auto&& field) {
            using T = LogDir;
            field("error_code", &T::error_code);
            field("log_dir", &T::log_dir);
            field("topics", &T::topics);
            field("total_bytes", &T::total_bytes, {.since = 4, .ignorable = true});
            field("usable_bytes", &T::usable_bytes, {.since = 4, .ignorable = true});
            field("is_cordoned", &T::is_cordoned, {.since = 5, .ignorable = true});
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::vector<LogDir> results;
    bool operator==(const DescribeLogDirsResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = DescribeLogDirsResponse;
        field("throttle_time_ms", &T::throttle_time_ms);
        field("error_code", &T::error_code, {.since = 3, .ignorable = true});
        field("results", &T::results);
    }
};

}  // namespace klog::wire
