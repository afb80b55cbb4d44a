// SPDX-License-Identifier: Apache-2.0
// The names of klog's metrics, each once. They are those that Kafka's JMX beans get from the exporter rules in common
// use, so that dashboards and alerts for Kafka fit.
#pragma once

#include "core/metrics/registry.h"

namespace klog::metrics {

inline constexpr double milliseconds = 0.001;  // The scale of a histogram in microseconds that is shown in these.

// With the label `topic`, and once without labels as the total.
inline constexpr Family messages_in{"kafka_server_brokertopicmetrics_messagesin_total", "Records appended."};
inline constexpr Family bytes_in{"kafka_server_brokertopicmetrics_bytesin_total", "Bytes appended."};
inline constexpr Family bytes_out{"kafka_server_brokertopicmetrics_bytesout_total", "Bytes fetched by consumers."};
inline constexpr Family bytes_rejected{"kafka_server_brokertopicmetrics_bytesrejected_total", "Bytes refused."};
inline constexpr Family produce_requests{"kafka_server_brokertopicmetrics_totalproducerequests_total",
                                         "Produce requests, once for each partition in them."};
inline constexpr Family fetch_requests{"kafka_server_brokertopicmetrics_totalfetchrequests_total",
                                       "Fetch requests, once for each partition in them."};
inline constexpr Family failed_produce_requests{"kafka_server_brokertopicmetrics_failedproducerequests_total",
                                                "Produce requests that failed, once for each partition in them."};
inline constexpr Family failed_fetch_requests{"kafka_server_brokertopicmetrics_failedfetchrequests_total",
                                              "Fetch requests that failed, once for each partition in them."};

// With the label `request`: the name of the API.
inline constexpr Family requests{"kafka_network_requestmetrics_requests_total", "Requests answered."};
inline constexpr Family request_time{"kafka_network_requestmetrics_totaltimems",
                                     "Milliseconds from the last byte of a request to its answer.", milliseconds};

// With the labels `listener` and `networkProcessor` (the shard).
inline constexpr Family connections{"kafka_server_socket_server_metrics_connection_count", "Open connections."};

inline constexpr Family partitions{"kafka_server_replicamanager_partitioncount", "Replicas on this broker."};
inline constexpr Family leaders{"kafka_server_replicamanager_leadercount", "Partitions that this broker leads."};
inline constexpr Family offline_log_directories{"kafka_log_logmanager_offlinelogdirectorycount",
                                                "Log directories that failed."};

}  // namespace klog::metrics
