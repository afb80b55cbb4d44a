// SPDX-License-Identifier: Apache-2.0
#include "core/wire/apis.h"

#include <algorithm>
#include <array>

#include "core/wire/api_list.h"

namespace klog::wire {

namespace {

template <class Api>
constexpr void check_row(std::int16_t key, Version first, Version last) {
    using Request = typename Api::Request;
    if (key != Request::api_key || !supports<Request>(first) || !supports<Request>(last) || first > last) {
        throw "a row contradicts the declaration of its message";  // Not a constant expression: does not compile.
    }
}

template <class Api>
consteval ApiRow row(std::int16_t key, std::string_view name, Version first, Version last, AclResource resource,
                     AclOperation operation, ApiOrder order, ApiAudience audience) {
    check_row<Api>(key, first, last);
    const Version announced_first = key == static_cast<std::int16_t>(ApiKey::produce) ? Version{0} : first;
    return {static_cast<ApiKey>(key),     name,     first,     last,  announced_first,
            Api::Request::flexible_since, resource, operation, order, audience};
}

#define KLOG_WIRE_ROW(audience, key, name, Message, first, last, resource, operation, order)         \
    row<Api<Message##Request, Message##Response>>(key, #Message, first, last, AclResource::resource, \
                                                  AclOperation::operation, ApiOrder::order, ApiAudience::audience),
#define KLOG_WIRE_CLIENT_ROW(...) KLOG_WIRE_ROW(clients, __VA_ARGS__)
#define KLOG_WIRE_CONTROLLER_ROW(...) KLOG_WIRE_ROW(controller, __VA_ARGS__)

constexpr auto rows = [] {
    std::array all{KLOG_WIRE_CLIENT_APIS(KLOG_WIRE_CLIENT_ROW) KLOG_WIRE_CONTROLLER_APIS(KLOG_WIRE_CONTROLLER_ROW)};
    std::ranges::sort(all, {}, &ApiRow::key);
    return all;
}();

constexpr std::size_t key_count = static_cast<std::size_t>(rows.back().key) + 1;

/// From key to row number plus one; 0 where there is none.
constexpr auto row_of_key = [] {
    std::array<std::uint8_t, key_count> index{};
    for (std::size_t i = 0; i < rows.size(); ++i) {
        index[static_cast<std::size_t>(rows[i].key)] = static_cast<std::uint8_t>(i + 1);
    }
    return index;
}();

bool refuse(DecodeError* why, const char* field, const char* what) {
    if (why != nullptr) *why = {field, what, 0};
    return false;
}

}  // namespace

std::span<const ApiRow> served_apis() { return rows; }

const ApiRow* find_api(std::int16_t key) {
    if (key < 0 || static_cast<std::size_t>(key) >= key_count) return nullptr;
    const auto number = row_of_key[static_cast<std::size_t>(key)];
    return number == 0 ? nullptr : &rows[number - 1u];
}

bool open_request(std::string_view frame, RequestFrame& out, DecodeError* why) {
    const auto start = peek_request_header(frame);
    if (!start) return refuse(why, "request header", "truncated");
    out.api = find_api(start->api_key);
    if (out.api == nullptr) return refuse(why, "request_api_key", "unknown API");
    const Version header_version = request_header_version(out.api->flexible(start->api_version));
    return decode_header(frame, header_version, out.header, out.body, why);
}

}  // namespace klog::wire
