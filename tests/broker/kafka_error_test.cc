// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "core/broker/kafka_error.h"

using namespace klog;
using base::Errc;
using wire::ErrorCode;

TEST_CASE("errors that pass are retriable for clients, and those that do not are not") {
    for (const Errc passing : {Errc::io, Errc::no_space, Errc::offline, Errc::not_leader, Errc::fenced_epoch,
                               Errc::unknown_epoch, Errc::not_enough_replicas, Errc::timed_out, Errc::not_controller,
                               Errc::closed, Errc::busy, Errc::session_expired})
        CHECK_MESSAGE(wire::is_retriable(broker::kafka_error(passing)), base::name_of(passing));
    for (const Errc lasting :
         {Errc::too_large, Errc::invalid_record, Errc::invalid_timestamp, Errc::out_of_order_sequence,
          Errc::invalid_producer_epoch, Errc::invalid_config, Errc::invalid_topic, Errc::exists, Errc::not_authorized})
        CHECK_MESSAGE(!wire::is_retriable(broker::kafka_error(lasting)), base::name_of(lasting));
}

TEST_CASE("codes that clients act on are exact") {
    using broker::kafka_error;
    CHECK(kafka_error(Errc::out_of_order_sequence) == ErrorCode::out_of_order_sequence_number);
    CHECK(kafka_error(Errc::duplicate_sequence) == ErrorCode::duplicate_sequence_number);
    CHECK(kafka_error(Errc::offset_out_of_range) == ErrorCode::offset_out_of_range);
    CHECK(kafka_error(Errc::too_large) == ErrorCode::message_too_large);
    CHECK(kafka_error(Errc::corrupt) == ErrorCode::corrupt_message);
    CHECK(kafka_error(base::Result<>{}) == ErrorCode::none);
}
