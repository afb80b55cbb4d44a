// SPDX-License-Identifier: Apache-2.0
#include "core/base/clock.h"

namespace klog::base {
namespace {

class SystemClock final : public Clock {
public:
    MonotonicTime now() const override { return std::chrono::steady_clock::now(); }
    TimestampMs wall_ms() const override {
        using namespace std::chrono;
        return duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    }
};

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

TimestampMs ManualClock::wall_ms() const {
    return wall_start_ms_ + std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()).count();
}

}  // namespace klog::base
