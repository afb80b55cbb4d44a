// SPDX-License-Identifier: Apache-2.0
// libFuzzer: the first two bytes choose a message and a version, the rest is its body. What decodes has to survive
// encode and decode unchanged. golden.bin's frames make a good first corpus.
#include <cstdint>

#include "core/base/check.h"
#include "tests/wire/golden.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace klog::wire;
    if (size < 2) return 0;
    const auto& all = test::all_verbs();
    const auto& verbs = all[data[0] % all.size()];
    const auto version = static_cast<Version>(verbs.first + data[1] % (verbs.last - verbs.first + 1));
    KLOG_CHECK(verbs.survives({reinterpret_cast<const char*>(data) + 2, size - 2}, version), verbs.name);
    return 0;
}
