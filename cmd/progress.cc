// SPDX-License-Identifier: Apache-2.0
#include "cmd/progress.h"

#include <algorithm>

#include <unistd.h>

#include <fmt/format.h>

#include "cmd/errors.h"
#include "cmd/quantity.h"

namespace klog::cmd {
namespace {

constexpr auto first_after = std::chrono::milliseconds(500);
constexpr auto then_every = std::chrono::milliseconds(200);

}  // namespace

Progress::Progress(const base::Clock& clock, bool shown, std::function<std::string()> words)
    : clock_(clock), words_(std::move(words)) {
    if (shown && isatty(STDERR_FILENO) != 0) scope_.spawn(show());
}

runtime::Task<void> Progress::show() {
    auto next = clock_.now() + first_after;
    while (!ended_) {
        const auto deadline = next;
        if (co_await end_.wait(deadline)) continue;
        show_progress_line(words_());
        next = clock_.now() + then_every;
    }
    clear_progress_line();
}

runtime::Task<void> Progress::close() {
    ended_ = true;
    end_.notify_all();
    co_await scope_.join();
}

std::string grouped(std::uint64_t number) {
    std::string text = fmt::format("{}", number);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
    return text;
}

std::string flow_words(std::uint64_t records, std::uint64_t bytes, std::chrono::nanoseconds since) {
    const double seconds = std::max(1e-3, std::chrono::duration<double>(since).count());
    return fmt::format("{} records, {}, {}/s", grouped(records), human_bytes(static_cast<std::int64_t>(bytes)),
                       human_bytes(static_cast<std::int64_t>(static_cast<double>(bytes) / seconds)));
}

}  // namespace klog::cmd
