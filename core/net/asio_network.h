// SPDX-License-Identifier: Apache-2.0
// TCP over IPv4 and IPv6 on an AsioRuntime. One instance per runtime; no state of its own, usable on all its shards.
#pragma once

#include "core/net/stream.h"
#include "core/runtime/asio_runtime.h"

namespace klog::net {

class AsioNetwork final : public Network {
public:
    explicit AsioNetwork(runtime::AsioRuntime& runtime) : pool_(runtime.pool()) {}

    /// Host "": all addresses, IPv6 and IPv4. A name is looked up here and now, which may block: for start-up.
    base::Result<std::unique_ptr<Listener>> listen(Address address, std::function<runtime::Shard&()> place) override;
    /// Tries the host's addresses in turn. Names are looked up on the pool.
    runtime::Task<base::Result<std::unique_ptr<Stream>>> connect(
        Address address, std::optional<runtime::MonotonicTime> deadline) override;

private:
    runtime::Pool& pool_;
};

}  // namespace klog::net
