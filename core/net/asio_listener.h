// SPDX-License-Identifier: Apache-2.0
// A listening TCP socket. Internal to core/net; made by AsioNetwork::listen, lives on the shard that called it.
#pragma once

#include "core/net/asio_socket.h"
#include "core/net/stream.h"
#include "core/runtime/scope.h"

namespace klog::net {

base::Result<std::unique_ptr<Listener>> listen_tcp(runtime::AsioShard& home, Address address,
                                                   std::function<runtime::Shard&()> place);

}  // namespace klog::net
