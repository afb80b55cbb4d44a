// SPDX-License-Identifier: Apache-2.0
#include "core/wire/headers.h"

#include "core/wire/cursor.h"

namespace klog::wire {

namespace {

void skip_tags(Reader& in) {
    for (auto n = in.uvarint("tag count"); n > 0 && in.ok(); --n) {
        in.uvarint("tag");
        in.take("unknown tag", in.uvarint("tag size"));
    }
}

bool finish(Reader& in, std::string_view& body, DecodeError* why) {
    if (in.ok())
        body = in.rest();
    else if (why != nullptr)
        *why = in.error();
    return in.ok();
}

std::string_view fitting_id(std::string_view client_id) { return client_id.substr(0, text_bytes_max); }

template <class Sink>
void put(Sink& out, const RequestHeader& header, Version header_version) {
    out.integer(header.api_key);
    out.integer(header.api_version);
    out.integer(header.correlation_id);
    if (header_version >= 1) {
        const std::string_view id = fitting_id(header.client_id.value_or(""));
        out.integer(header.client_id ? static_cast<std::int16_t>(id.size()) : std::int16_t{-1});
        out.raw(id.data(), id.size());
    }
    if (header_version >= 2) out.uvarint(0);
}

template <class Sink>
void put(Sink& out, const ResponseHeader& header, Version header_version) {
    out.integer(header.correlation_id);
    if (header_version >= 1) out.uvarint(0);
}

}  // namespace

std::optional<RequestHeader> peek_request_header(std::string_view frame) {
    if (frame.size() < request_header_bytes_min) return std::nullopt;
    return RequestHeader{base::load_big<std::int16_t>(frame.data()), base::load_big<Version>(frame.data() + 2),
                         base::load_big<std::int32_t>(frame.data() + 4), std::nullopt};
}

bool decode_header(std::string_view frame, Version header_version, RequestHeader& out, std::string_view& body,
                   DecodeError* why) {
    Reader in(frame, header_version, header_version >= 2);
    out.api_key = in.integer<std::int16_t>("request_api_key");
    out.api_version = in.integer<Version>("request_api_version");
    out.correlation_id = in.integer<std::int32_t>("correlation_id");
    out.client_id.reset();
    if (header_version >= 1) {
        const auto n = in.integer<std::int16_t>("client_id");
        if (n < -1)
            in.fail("client_id", "negative length");
        else if (n >= 0)
            out.client_id = in.take("client_id", static_cast<std::size_t>(n));
    }
    if (header_version >= 2) skip_tags(in);
    return finish(in, body, why);
}

bool decode_header(std::string_view frame, Version header_version, ResponseHeader& out, std::string_view& body,
                   DecodeError* why) {
    Reader in(frame, header_version, header_version >= 1);
    out.correlation_id = in.integer<std::int32_t>("correlation_id");
    if (header_version >= 1) skip_tags(in);
    return finish(in, body, why);
}

std::size_t header_size(const RequestHeader& header, Version header_version) {
    Measure measure;
    put(measure, header, header_version);
    return measure.size.bytes;
}
std::size_t header_size(const ResponseHeader& header, Version header_version) {
    Measure measure;
    put(measure, header, header_version);
    return measure.size.bytes;
}
void write_header(const RequestHeader& header, Version header_version, Encode& sink) {
    put(sink, header, header_version);
}
void write_header(const ResponseHeader& header, Version header_version, Encode& sink) {
    put(sink, header, header_version);
}

}  // namespace klog::wire
