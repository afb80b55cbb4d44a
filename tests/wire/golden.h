// SPDX-License-Identifier: Apache-2.0
// The foreign frames of golden.bin (see golden.py) and what tests do with a message whose type is known only by name.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/chain.h"
#include "core/wire/codec.h"

namespace klog::wire::test {

struct Golden {
    std::string name;  // "FetchResponse"
    Version version = 0;
    std::string frame;
    std::string label() const { return name + " v" + std::to_string(version); }
};

/// Read once; messages only, or headers only.
const std::vector<Golden>& golden_messages();
const std::vector<Golden>& golden_headers();

/// The verbs of one message type.
struct Verbs {
    std::string name;
    bool is_request = false;
    std::int16_t api_key = 0;
    Version first = 0, last = 0;
    /// The frame after decode and encode, or "<why it does not decode>".
    std::function<std::string(std::string_view, Version)> reencode;
    std::function<bool(std::string_view, Version)> decodes;
    /// What does not decode is fine; what does must survive encode and decode unchanged. False: it did not.
    std::function<bool(std::string_view, Version)> survives;
    /// The bytes of encode_frame for what the frame decodes to, with correlation id 7 and client id "golden".
    std::function<base::Chain(std::string_view, Version)> as_frame;
};

const std::vector<Verbs>& all_verbs();
/// The message must exist.
const Verbs& verbs_of(std::string_view name);

}  // namespace klog::wire::test
