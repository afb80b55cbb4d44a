// SPDX-License-Identifier: Apache-2.0
#include "tests/wire/golden.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

#include "core/base/big_endian.h"
#include "core/base/check.h"
#include "core/wire/api_list.h"
#include "core/wire/frame.h"

namespace klog::wire::test {

namespace {

std::vector<Golden> read_all() {
    std::ifstream file(KLOG_WIRE_GOLDEN, std::ios::binary);
    const std::string data{std::istreambuf_iterator<char>(file), {}};
    KLOG_CHECK(!data.empty(), "golden.bin is there");
    std::vector<Golden> all;
    for (std::size_t at = 0; at < data.size();) {
        const std::size_t end = data.find('\n', at);
        const std::string head = data.substr(at, end - at);
        const std::size_t blank = head.find(" v");
        Golden golden{head.substr(0, blank), 0, {}};
        std::from_chars(head.data() + blank + 2, head.data() + head.size(), golden.version);
        const auto size = base::load_big<std::uint32_t>(data.data() + end + 1);
        golden.frame = data.substr(end + 5, size);
        KLOG_CHECK(golden.frame.size() == size);
        all.push_back(std::move(golden));
        at = end + 5 + size;
    }
    return all;
}

std::vector<Golden> read_where(bool headers) {
    std::vector<Golden> all = read_all();
    std::erase_if(all, [&](const Golden& g) { return g.name.ends_with("Header") != headers; });
    return all;
}

template <class T>
std::string reencode(std::string_view frame, Version version) {
    T message;
    DecodeError why;
    if (!decode(frame, version, message, &why)) {
        return "<" + std::string(why.field) + ": " + why.what + " at " + std::to_string(why.offset) + ">";
    }
    std::string out;
    encode(message, version, out);
    return out;
}

template <class T>
bool survives(std::string_view frame, Version version) {
    T once;
    if (!decode(frame, version, once)) return true;
    std::string again;
    encode(once, version, again);
    T twice;
    return decode(std::string_view(again), version, twice) && twice == once;
}

template <class T, bool request>
base::Chain as_frame(std::string_view frame, Version version) {
    T message;
    KLOG_CHECK(decode(frame, version, message));
    if constexpr (request)
        return encode_frame(RequestHeader{T::api_key, version, 7, "golden"}, message);
    else
        return encode_frame(ResponseHeader{7}, version, message);
}

template <class T, bool request>
Verbs verbs(std::string name) {
    return {
        std::move(name),
        request,
        T::api_key,
        T::version_first,
        T::version_last,
        reencode<T>,
        [](std::string_view frame, Version version) {
            T message;
            return decode(frame, version, message);
        },
        survives<T>,
        as_frame<T, request>,
    };
}

}  // namespace

const std::vector<Golden>& golden_messages() {
    static const std::vector<Golden> all = read_where(false);
    return all;
}
const std::vector<Golden>& golden_headers() {
    static const std::vector<Golden> all = read_where(true);
    return all;
}

const std::vector<Verbs>& all_verbs() {
    static const std::vector<Verbs> all = [] {
        std::vector<Verbs> out;
        for_each_declared_api([&]<class Api>(Api, const std::string& name) {
            out.push_back(verbs<typename Api::Request, true>(name + "Request"));
            out.push_back(verbs<typename Api::Response, false>(name + "Response"));
        });
        return out;
    }();
    return all;
}

const Verbs& verbs_of(std::string_view name) {
    const auto found = std::ranges::find(all_verbs(), name, &Verbs::name);
    KLOG_CHECK(found != all_verbs().end(), name);
    return *found;
}

}  // namespace klog::wire::test
