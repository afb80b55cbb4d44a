// SPDX-License-Identifier: Apache-2.0
#include "cmd/broker_parts.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "core/broker/config.h"

namespace klog::cmd {

EphemeralFolder::~EphemeralFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

bool EphemeralFolder::make() {
    std::error_code error;
    std::string name = (std::filesystem::temp_directory_path(error) / "klog-XXXXXX").string();
    if (error || mkdtemp(name.data()) == nullptr) return false;
    path_ = name;
    return true;
}

base::Result<std::vector<broker::InitialTopic>> parse_topics(const std::vector<std::string>& texts) {
    std::vector<broker::InitialTopic> topics;
    for (const std::string& text : texts) {
        for (const std::string& one : broker::to_list(text)) {
            const std::size_t colon = one.find(':');
            broker::InitialTopic topic{one.substr(0, colon), -1};
            if (colon != std::string::npos) {
                const auto digits = std::string_view(one).substr(colon + 1);
                const auto [end, error] =
                    std::from_chars(digits.data(), digits.data() + digits.size(), topic.partitions);
                if (error != std::errc{} || end != digits.data() + digits.size() || topic.partitions < 1)
                    return base::fail(base::Errc::invalid_argument, "--topic {}: NAME or NAME:PARTITIONS is wanted",
                                      one);
            }
            topics.push_back(std::move(topic));
        }
    }
    return topics;
}

}  // namespace klog::cmd
