// SPDX-License-Identifier: Apache-2.0
// Time is never read inside logic: whoever needs it is handed a Clock, so that a test can own it.
#pragma once

#include <chrono>

#include "core/base/types.h"

namespace klog::base {

/// Monotonic time, for waiting, expiry of sessions and everything that must not notice a jump of the wall clock.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

class Clock {
public:
    virtual ~Clock() = default;
    virtual MonotonicTime now() const = 0;
    /// Wall-clock time in milliseconds since 1970: only for record timestamps, retention by record time and log lines.
    virtual TimestampMs wall_ms() const = 0;
};

/// The machine's clocks. One instance for the life of the process.
const Clock& system_clock();

/// A clock that stands still until it is told to move.
class ManualClock final : public Clock {
public:
    explicit ManualClock(TimestampMs wall_ms_at_start = 1'700'000'000'000) : wall_start_ms_(wall_ms_at_start) {}
    MonotonicTime now() const override { return now_; }
    TimestampMs wall_ms() const override;
    void advance(std::chrono::nanoseconds by) { now_ += by; }
    /// Moves the wall clock alone, as an administrator or NTP would.
    void jump_wall(std::chrono::milliseconds by) { wall_start_ms_ += by.count(); }

private:
    MonotonicTime now_{};
    TimestampMs wall_start_ms_;
};

}  // namespace klog::base
