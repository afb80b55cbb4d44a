// SPDX-License-Identifier: Apache-2.0
#include "core/broker/connection_overrides.h"

#include <charconv>

#include "core/broker/config.h"

namespace klog::broker {

base::Result<std::map<std::string, std::size_t, std::less<>>> connection_overrides(std::string_view value) {
    std::map<std::string, std::size_t, std::less<>> overrides;
    for (const std::string& word : to_list(value)) {
        const std::size_t colon = word.rfind(':');  // An IPv6 address has more of them.
        const char* const end = word.data() + word.size();
        std::size_t count = 0;
        const char* const digits = colon == std::string::npos ? end : word.data() + colon + 1;
        const auto [rest, error] = std::from_chars(digits, end, count);
        if (colon == 0 || error != std::errc{} || rest != end)
            return base::fail(base::Errc::invalid_config, "'{}' is not ADDRESS:COUNT", word);
        overrides[word.substr(0, colon)] = count;
    }
    return overrides;
}

}  // namespace klog::broker
