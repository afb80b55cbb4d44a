// SPDX-License-Identifier: Apache-2.0
#include "core/controller/topic_names.h"

#include <algorithm>

namespace klog::controller {

using base::Errc;
using base::fail;

base::Result<> check_topic_name(std::string_view name) {
    if (name.empty()) return fail(Errc::invalid_topic, "a topic needs a name");
    if (name == "." || name == "..") return fail(Errc::invalid_topic, "a topic cannot be called '{}'", name);
    if (name.size() > topic_name_bytes_max) {
        return fail(Errc::invalid_topic, "a topic's name has at most {} characters, this one has {}",
                    topic_name_bytes_max, name.size());
    }
    const auto legal = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    };
    if (!std::ranges::all_of(name, legal)) {
        return fail(Errc::invalid_topic, "topic name '{}' has other characters than letters, digits, '.', '_', '-'",
                    name);
    }
    return {};
}

std::string collision_form(std::string_view name) {
    std::string form(name);
    std::ranges::replace(form, '.', '_');
    return form;
}

}  // namespace klog::controller
