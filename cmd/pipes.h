// SPDX-License-Identifier: Apache-2.0
// stdin and stdout as pipes: read and written on the pool, where blocking harms nobody.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/runtime/scope.h"
#include "core/runtime/shard.h"

namespace klog::cmd {

/// Reads a descriptor ahead of whoever takes the blocks. On one shard, but for the reads.
class InputPipe {
public:
    static constexpr std::size_t block_bytes = 256 << 10;
    static constexpr std::size_t blocks_ahead_max = 4;

    InputPipe(runtime::Pool& pool, int descriptor);
    ~InputPipe();
    InputPipe(const InputPipe&) = delete;
    InputPipe& operator=(const InputPipe&) = delete;

    /// The next bytes; empty at the end, and after stop().
    runtime::Task<base::Result<std::string>> next();
    /// next() would wait: nothing has arrived since.
    bool idle() const { return blocks_.empty() && !ended_; }
    /// Ends a read that waits; what was read already is dropped.
    void stop();
    runtime::Task<void> close();

private:
    runtime::Task<void> read_ahead();
    base::Result<std::string> read_block() const;

    runtime::Pool& pool_;
    int descriptor_;
    int wake_;  // An eventfd that ends the wait for input.
    std::deque<std::string> blocks_;
    bool ended_ = false;
    base::Result<> failure_;
    runtime::Signal came_, taken_;
    runtime::Scope scope_;
};

/// Writes all of it to stdout. When nobody reads any more, the process ends quietly, as by SIGPIPE.
base::Result<> write_stdout(std::string_view bytes);

/// Before anything is written: a closed pipe is then an error of write(), not a signal in the middle of things.
void ignore_sigpipe();

}  // namespace klog::cmd
