// SPDX-License-Identifier: Apache-2.0
#include "core/broker/dispatch.h"

#include "core/broker/handlers/handlers.h"
#include "core/wire/api_list.h"
#include "core/wire/frame.h"

namespace klog::broker {
namespace {

template <class Api>
runtime::Task<base::Result<base::Chain>> serve(Call call, wire::RequestFrame frame) {
    typename Api::Request request;
    wire::DecodeError why;
    if (!wire::decode(frame.body, frame.header.api_version, request, &why))
        co_return std::unexpected(wire::to_error(why, frame.api->name));
    const wire::ResponseHeader header{frame.header.correlation_id};
    const wire::Version version = frame.header.api_version;
    const base::Result<typename Api::Response> response = co_await handle(std::move(call), std::move(request));
    if (!response) co_return std::unexpected(response.error());
    co_return wire::encode_answer(header, version, *response);
}

}  // namespace

runtime::Task<base::Result<base::Chain>> dispatch(Call call, wire::RequestFrame frame) {
    runtime::Task<base::Result<base::Chain>> task;
    wire::with_api(frame.api->key, [&]<class Api>(Api) {
        using wire::ApiKey;
        // Served elsewhere: several at a time, and from the controller.
        constexpr bool elsewhere = Api::key == ApiKey::produce || Api::key == ApiKey::leader_and_isr ||
                                   Api::key == ApiKey::stop_replica || Api::key == ApiKey::update_metadata;
        if constexpr (!elsewhere) task = serve<Api>(std::move(call), frame);
    });
    KLOG_CHECK(static_cast<bool>(task), "an API that is served here");
    return task;
}

}  // namespace klog::broker
