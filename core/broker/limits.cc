// SPDX-License-Identifier: Apache-2.0
#include "core/broker/limits.h"

#include <algorithm>

#include "core/base/check.h"

namespace klog::broker {

base::Result<> AnswerSize::check() const {
    if (bytes_ <= answer_bytes_max) return {};
    return base::fail(base::Errc::limit, "it names more than an answer of {} bytes can hold", answer_bytes_max);
}

bool LineLimit::allows(runtime::MonotonicTime now) {
    const double seconds = std::chrono::duration<double>(now - since_).count();
    since_ = now;
    lines_ = std::min<double>(bad_connection_lines_burst, lines_ + seconds * bad_connection_lines_per_second);
    if (lines_ < 1) return false;
    lines_ -= 1;
    return true;
}

runtime::Task<void> ByteBudget::take(std::size_t bytes, const void* who) {
    while (!stopped_ && used_ + bytes > bytes_max_) {
        if (overdrawn_by_ == nullptr || overdrawn_by_ == who) {
            overdrawn_by_ = who;
            break;
        }
        co_await changed_.wait();
    }
    used_ += bytes;
}

void ByteBudget::give_back(std::size_t bytes) {
    KLOG_CHECK(bytes <= used_);
    used_ -= bytes;
    if (bytes > 0) changed_.notify_all();
}

void ByteBudget::end_overdraft(const void* who) {
    if (overdrawn_by_ != who) return;
    overdrawn_by_ = nullptr;
    changed_.notify_all();
}

}  // namespace klog::broker
