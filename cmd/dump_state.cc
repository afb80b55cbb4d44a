// SPDX-License-Identifier: Apache-2.0
#include "cmd/dump_state.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cmd/java_text.h"
#include "cmd/text_codec.h"
#include "core/base/big_endian.h"
#include "core/wire/record_list.h"
#include "core/wire/shapes.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using wire::Version;

/// Where fields with tags stand between others in Kafka's JSON, the order of all of them.
template <class T>
constexpr std::array<std::string_view, 0> json_order{};
template <>
constexpr std::array<std::string_view, 11> json_order<wire::TransactionLogValue>{"producer_id",
                                                                                 "previous_producer_id",
                                                                                 "next_producer_id",
                                                                                 "producer_epoch",
                                                                                 "next_producer_epoch",
                                                                                 "transaction_timeout_ms",
                                                                                 "transaction_status",
                                                                                 "transaction_partitions",
                                                                                 "transaction_last_update_timestamp_ms",
                                                                                 "transaction_start_timestamp_ms",
                                                                                 "client_transaction_version"};

std::string camel_case(std::string_view snake) {
    std::string out;
    bool upper = false;
    for (const char c : snake) {
        if (c == '_') {
            upper = true;
            continue;
        }
        out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        upper = false;
    }
    return out;
}

struct Context {
    Version version;
    bool consumers = false;  // Members of a classic group of consumers: what they say of themselves is known.
};

template <class T>
void append_struct(std::string& out, const T& value, const Context& context);

template <class T>
void append_value(std::string& out, const T& value, const Context& context) {
    if constexpr (wire::IsNullable<T>) {
        value ? append_value(out, *value, context) : static_cast<void>(out += "null");
    } else if constexpr (wire::IsText<T>) {
        append_java_json_string(out, value);
    } else if constexpr (wire::IsBytes<T>) {
        out += '"';
        append_base64(out, value.view);
        out += '"';
    } else if constexpr (wire::IsArray<T>) {
        out += '[';
        for (std::size_t i = 0; i < value.size(); ++i) {
            if (i > 0) out += ',';
            append_value(out, value[i], context);
        }
        out += ']';
    } else if constexpr (std::same_as<T, base::Uuid>) {
        append_java_json_string(out, value.to_string());
    } else if constexpr (std::same_as<T, bool>) {
        out += value ? "true" : "false";
    } else if constexpr (wire::IsNamed<T>) {
        out += fmt::format_int(value.value).c_str();
    } else if constexpr (wire::IsFixed<T>) {
        out += fmt::format_int(static_cast<std::int64_t>(value)).c_str();
    } else {
        append_struct(out, value, context);
    }
}

/// What a consumer says of itself to the classic protocol. False: it is none of that.
template <class T>
bool append_embedded(std::string& out, std::string_view bytes) {
    if (bytes.size() < sizeof(std::int16_t)) return false;
    const auto given = base::load_big<std::int16_t>(bytes.data());
    if (given < 0) return false;
    const Version version = std::min(given, T::version_last);
    T message;
    if (!wire::decode(bytes.substr(sizeof given), version, message)) return false;
    append_struct(out, message, Context{version, false});
    return true;
}

/// Gathers the members of one struct.
template <class T>
class Members {
public:
    Members(const T& value, const Context& context) : value_(value), context_(context) {}

    template <class M>
    void operator()(const char* name, M T::* member, wire::In in = {}) {
        if (!in.contains(context_.version)) return;
        std::string text;
        if constexpr (std::same_as<T, wire::GroupMetadataValue::Member> && wire::IsBytes<M>) {
            const std::string_view bytes = (value_.*member).view;
            const bool subscription = std::string_view(name) == "subscription";
            const bool known =
                context_.consumers && (subscription ? append_embedded<wire::ConsumerProtocolSubscription>(text, bytes)
                                                    : append_embedded<wire::ConsumerProtocolAssignment>(text, bytes));
            if (!known) append_value(text, value_.*member, context_);
        } else {
            append_value(text, value_.*member, context_);
        }
        members_.emplace_back(name, std::move(text));
    }
    template <class M>
    void tagged(std::uint32_t, const char* name, M T::* member, wire::In in = {}) {
        if (in.contains(context_.version) && !wire::is_default(value_, member)) (*this)(name, member, in);
    }

    void append(std::string& out) {
        const auto& order = json_order<T>;
        if (!order.empty())
            std::ranges::sort(members_, {}, [&](const auto& m) { return std::ranges::find(order, m.first); });
        out += '{';
        for (std::size_t i = 0; i < members_.size(); ++i) {
            if (i > 0) out += ',';
            out += '"';
            out += camel_case(members_[i].first);
            out += "\":";
            out += members_[i].second;
        }
        out += '}';
    }

private:
    const T& value_;
    const Context& context_;
    std::vector<std::pair<std::string_view, std::string>> members_;
};

template <class T>
void append_struct(std::string& out, const T& value, const Context& context) {
    Members<T> members(value, context);
    T::wire(members);
    members.append(out);
}

/// What follows a type or a version.
template <class T>
Result<std::string> message_json(std::string_view bytes, Version version, std::string_view what) {
    if (!wire::supports<T>(version))
        return fail(Errc::unsupported_version, "a {} of version {}, which is not known", what, version);
    KLOG_TRY(const T message, wire::decoded<T>(bytes, version, what));
    Context context{version};
    if constexpr (std::same_as<T, wire::GroupMetadataValue>) context.consumers = message.protocol_type == "consumer";
    std::string out;
    append_struct(out, message, context);
    return out;
}

template <class Record>
Result<> decode_pair(std::string_view name, std::string_view key, std::optional<std::string_view> value,
                     StateText& out) {
    out.name = name;
    KLOG_TRY(out.key, message_json<typename Record::Key>(key, 0, "key"));
    if (!value) return {};
    if (value->size() < sizeof out.version) return fail(Errc::corrupt, "a value of {} bytes", value->size());
    out.version = base::load_big<std::int16_t>(value->data());
    KLOG_TRY(out.value, message_json<typename Record::Value>(value->substr(sizeof out.version), out.version, "value"));
    return {};
}

std::string_view name_of_group_record(std::int16_t type) {
    switch (type) {
#define KLOG_STATE_NAME(Name) \
    case wire::Name##Key::api_key: return #Name;
        KLOG_WIRE_GROUP_RECORDS(KLOG_STATE_NAME)
#undef KLOG_STATE_NAME
        default: return "";
    }
}

}  // namespace

std::optional<StateTopic> state_topic_of(std::string_view topic) {
    if (topic == "__consumer_offsets") return StateTopic::offsets;
    if (topic == "__transaction_state") return StateTopic::transactions;
    return std::nullopt;
}

Result<StateText> decode_state(StateTopic topic, std::optional<std::string_view> key,
                               std::optional<std::string_view> value) {
    StateText text;
    if (!key || key->size() < sizeof text.type) return fail(Errc::corrupt, "no key with a type");
    text.type = base::load_big<std::int16_t>(key->data());
    const std::string_view rest = key->substr(sizeof text.type);
    Result<> done;
    if (topic == StateTopic::offsets)
        wire::with_group_record(text.type, [&]<class Record>(Record) {
            done = decode_pair<Record>(name_of_group_record(text.type), rest, value, text);
        });
    else if (text.type == wire::TransactionLogKey::api_key)
        done = decode_pair<wire::StateRecord<wire::TransactionLogKey, wire::TransactionLogValue>>("TransactionLog",
                                                                                                  rest, value, text);
    if (!done) return std::unexpected(std::move(done).error());
    return text;
}

}  // namespace klog::cmd
