// SPDX-License-Identifier: Apache-2.0
// ApiVersions, versions 0 to 4. What is announced comes from wire/apis.h, features from the cluster image.
#include "core/wire/messages/18_api_versions.h"

#include <algorithm>

#include "core/broker/dispatch.h"
#include "core/broker/handlers/handlers.h"
#include "core/wire/frame.h"

namespace klog::broker {
namespace {

using wire::ApiVersionsResponse;
using wire::ErrorCode;

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }

/// Letters and digits, with '-' and '.' between them (KIP-511).
bool is_software_name(std::string_view name) {
    return !name.empty() && is_letter_or_digit(name.front()) && is_letter_or_digit(name.back()) &&
           std::ranges::all_of(name, [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.'; });
}

void add_features(const meta::Features& features, wire::Version version, ApiVersionsResponse& response) {
    // Clients of earlier versions take a minimum of 0 for damage (KIP-1022).
    for (const auto& one : features.supported)
        if (version >= 4 || one.min > 0) response.supported_features.push_back({one.name, one.min, one.max});
    response.finalized_features_epoch = features.finalized_epoch;
    for (const auto& one : features.finalized) response.finalized_features.push_back({one.name, one.max, one.min});
}

}  // namespace

runtime::Task<wire::ApiVersionsResponse> handle(Call call, wire::ApiVersionsRequest request) {
    ApiVersionsResponse response;
    if (call.version >= 3) {
        if (!is_software_name(request.client_software_name) || !is_software_name(request.client_software_version)) {
            response.error_code = ErrorCode::invalid_request;
            co_return response;
        }
        call.client->software = request.client_software_name + " " + request.client_software_version;
    }
    for (const wire::ApiRow& row : wire::served_apis()) {
        if (row.audience != wire::ApiAudience::clients) continue;
        response.api_keys.push_back({static_cast<std::int16_t>(row.key), row.announced_first, row.last});
    }
    if (call.version >= 3) add_features(call.home->image()->features(), call.version, response);
    co_return response;
}

base::Chain unknown_api_versions(std::int32_t correlation_id) {
    ApiVersionsResponse response;
    response.error_code = ErrorCode::unsupported_version;
    const auto* own = wire::find_api(ApiVersionsResponse::api_key);
    response.api_keys.push_back({ApiVersionsResponse::api_key, own->first, own->last});
    return wire::encode_frame(wire::ResponseHeader{correlation_id}, 0, response);
}

}  // namespace klog::broker
