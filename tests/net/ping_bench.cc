// SPDX-License-Identifier: Apache-2.0
// What a request costs below the broker: CPU of a server that cuts frames and answers each with a few bytes, and
// nothing else. The load comes from another process, over plain sockets, so that only the server's own time is counted.
//
//     ping_bench [connections] [requests in flight on each] [hops]
//
// With hops = 1, each wake-up of a connection goes to another shard and back, as a request to another owner does.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/big_endian.h"
#include "core/net/asio_network.h"
#include "core/net/frame.h"
#include "core/runtime/scope.h"

using namespace klog;
using namespace std::chrono_literals;
using base::Chain;
using base::SharedBytes;
using runtime::Shard;
using runtime::Task;

namespace {

constexpr std::size_t request_bytes = 170;  // About that of a produce of one 100-byte record.
constexpr std::size_t answer_bytes = 50;
constexpr int seconds = 3;

SharedBytes answers(std::size_t count) {
    auto bytes = std::make_shared<std::string>(count * answer_bytes, '\0');
    for (std::size_t i = 0; i < count; ++i) {
        base::store_big(bytes->data() + i * answer_bytes, static_cast<std::int32_t>(answer_bytes - 4));
    }
    const std::string_view view = *bytes;
    return {std::move(bytes), view};
}

Task<std::size_t> count_there(std::size_t n) { co_return n; }

Task<void> serve_one(std::unique_ptr<net::Stream> stream, Shard* other) {
    co_await runtime::hop(stream->home());
    net::FrameReader reader(*stream, {});
    for (;;) {
        auto frames = co_await reader.next();
        if (!frames || frames->empty()) break;
        std::size_t count = frames->size();
        if (other) count = co_await call_on(*other, [count] { return count_there(count); });
        Chain chain;
        chain.append(answers(count));
        if (!co_await stream->send(std::move(chain))) break;
    }
}
Task<void> serve(runtime::AsioRuntime* runtime, net::Network* network, std::uint16_t* port, bool hops) {
    auto listener = network->listen({"127.0.0.1", 0}, [runtime] -> Shard& { return runtime->shard(0); });
    *port = (*listener)->address().port;
    if (::write(STDOUT_FILENO + 100, port, sizeof *port) != sizeof *port) std::abort();
    runtime::Scope scope;
    for (;;) {
        auto stream = co_await (*listener)->accept();
        if (stream) scope.spawn(serve_one(std::move(*stream), hops ? &runtime->shard(1) : nullptr));
    }
}

double us_of(timeval time) { return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec); }

[[noreturn]] void run_server(bool hops) {
    runtime::AsioRuntime runtime({.shards = hops ? 2U : 1U});
    net::AsioNetwork network(runtime);
    runtime.on_signals({SIGTERM}, [](int) { ::_exit(0); });
    std::uint16_t port = 0;
    runtime.run(serve(&runtime, &network, &port, hops));
    std::abort();
}

int connect_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

struct Load {
    int fd;
    std::size_t answered_bytes = 0;
};

// Keeps `depth` requests in flight on each connection; gives the number of answers.
std::size_t drive(std::uint16_t port, std::size_t connections, std::size_t depth) {
    std::string request(request_bytes, '\0');
    base::store_big(request.data(), static_cast<std::int32_t>(request_bytes - 4));
    std::string burst;
    for (std::size_t i = 0; i < depth; ++i) burst += request;
    std::vector<Load> loads;
    std::vector<pollfd> polled;
    for (std::size_t i = 0; i < connections; ++i) {
        loads.push_back({connect_to(port)});
        polled.push_back({loads.back().fd, POLLIN, 0});
        if (::write(loads.back().fd, burst.data(), burst.size()) < 0) std::abort();
    }
    std::size_t total = 0;
    std::string buffer(1 << 16, '\0');
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (std::chrono::steady_clock::now() < end) {
        ::poll(polled.data(), polled.size(), 100);
        for (std::size_t i = 0; i < connections; ++i) {
            if (!(polled[i].revents & POLLIN)) continue;
            const ssize_t n = ::read(loads[i].fd, buffer.data(), buffer.size());
            if (n <= 0) std::abort();
            loads[i].answered_bytes += static_cast<std::size_t>(n);
            const std::size_t done = loads[i].answered_bytes / answer_bytes;
            loads[i].answered_bytes %= answer_bytes;
            total += done;
            if (done > 0 && ::write(loads[i].fd, burst.data(), done * request_bytes) < 0) std::abort();
        }
    }
    return total;
}

}  // namespace

int main(int argc, char** argv) {
    const std::size_t connections = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1;
    const std::size_t depth = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 1;
    const bool hops = argc > 3 && std::strtoul(argv[3], nullptr, 10) > 0;
    int pipe[2];
    if (::pipe(pipe) != 0) return 1;
    const pid_t server = ::fork();
    if (server == 0) {
        ::dup2(pipe[1], STDOUT_FILENO + 100);
        run_server(hops);
    }
    std::uint16_t port = 0;
    if (::read(pipe[0], &port, sizeof port) != sizeof port) return 1;
    const std::size_t total = drive(port, connections, depth);
    ::kill(server, SIGTERM);
    rusage used{};
    ::wait4(server, nullptr, 0, &used);
    const auto requests = static_cast<double>(total);
    fmt::print(
        "{} connections, {} in flight{}: {} requests/s, each {:.2f} us of CPU in user code, {:.2f} in the kernel\n",
        connections, depth, hops ? ", hop" : "", total / seconds, us_of(used.ru_utime) / requests,
        us_of(used.ru_stime) / requests);
}
