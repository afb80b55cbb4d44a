// SPDX-License-Identifier: Apache-2.0
// klog broker: options and environment in, one broker on the real machine, words on stderr, exit code out.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cmd/broker_parts.h"
#include "cmd/command.h"
#include "core/broker/config_page.h"
#include "core/broker/endpoints.h"
#include "core/broker/run.h"
#include "core/os/disk.h"

extern char** environ;

namespace klog::cmd {
namespace {

struct Options {
    std::string config_file;
    std::vector<std::string> set;
    std::string listen;
    std::string advertise;
    std::string data_dir;
    std::string durability;
    int node_id = -1;
    int port = -1;
    bool ephemeral = false;
    std::string ready_file;
    std::vector<std::string> topics;
    bool check_config = false;
    bool print_config = false;
    bool strict_config = false;
    bool configuration_page = false;
};

template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
    fmt::print(stderr, "klog: {}\n", fmt::format(format, std::forward<Args>(args)...));
}

std::vector<std::pair<std::string, std::string>> environment() {
    std::vector<std::pair<std::string, std::string>> all;
    for (char** one = environ; *one != nullptr; ++one) {
        const std::string_view text = *one;
        const std::size_t equals = text.find('=');
        if (equals != std::string_view::npos) all.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return all;
}

/// --listen and --port as a value of `listeners`.
std::string listeners_of(const Options& options) {
    std::string listen = options.listen.empty() ? "localhost:9092" : options.listen;
    std::string scheme = "PLAINTEXT://";
    if (const std::size_t slashes = listen.find("://"); slashes != std::string::npos) {
        scheme = listen.substr(0, slashes + 3);
        listen.erase(0, slashes + 3);
    }
    if (options.port >= 0) {
        const std::size_t colon = listen.rfind(':');
        if (colon != std::string::npos && listen.find(']', colon) == std::string::npos) listen.resize(colon);
        listen += fmt::format(":{}", options.port);
    } else if (listen.rfind(':') == std::string::npos) {
        listen += ":9092";
    }
    return scheme + listen;
}

/// False: something is wrong, and was said.
bool gather(const Options& options, const EphemeralFolder& folder, broker::Config::Builder& builder) {
    if (!options.config_file.empty()) {
        std::ifstream file(options.config_file, std::ios::binary);
        std::stringstream text;
        text << file.rdbuf();
        if (!file) {
            say("{}: cannot be read", options.config_file);
            return false;
        }
        builder.add_file(text.str(), options.config_file);
    }
    builder.add_environment(environment());
    if (!folder.path().empty()) {
        builder.add_flag("log.dirs", folder.path(), "--ephemeral");
        // Nothing of it outlives the process, whatever is synced.
        builder.add_flag("durability", "os", "--ephemeral");
    }
    for (const std::string& one : options.set) builder.add_assignment(one, "--set");
    if (!options.listen.empty() || options.port >= 0)
        builder.add_flag("listeners", listeners_of(options), options.port >= 0 ? "--port" : "--listen");
    if (!options.advertise.empty()) {
        const bool named = options.advertise.find("://") != std::string::npos;
        builder.add_flag("advertised.listeners", (named ? "" : "PLAINTEXT://") + options.advertise, "--advertise");
    }
    if (!options.data_dir.empty()) builder.add_flag("log.dirs", options.data_dir, "--data-dir");
    if (!options.durability.empty()) builder.add_flag("durability", options.durability, "--durability");
    if (options.node_id >= 0) builder.add_flag("node.id", std::to_string(options.node_id), "--node-id");
    for (const std::string& line : builder.warnings()) say("{}", line);
    for (const std::string& line : builder.errors()) say("{}", line);
    return builder.errors().empty() && !(options.strict_config && !builder.warnings().empty());
}

/// Tells systemd, where it started us (sd_notify's protocol).
void notify_service_manager(std::string_view state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string_view name = path;
    if (name.size() >= sizeof address.sun_path) return;
    name.copy(address.sun_path, name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    (void)sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
    close(fd);
}

std::string shown(const net::Address& address) {
    return address.host.empty() ? fmt::format("*:{}", address.port) : address.to_string();
}

/// host:port of the first listener, whole or not at all.
bool write_ready_file(const std::string& path, const net::Address& address) {
    const net::Address reachable{address.host.empty() ? "localhost" : address.host, address.port};
    return os::replace_file(os::posix_disk(), path, reachable.to_string() + "\n").has_value();
}

std::string durability_words(const broker::Config& config) {
    if (config.must("durability") == "os")
        return "durability=os: acknowledged from the page cache, lost in a power cut";
    return "durability=fsync: acknowledged once on disk";
}

/// Flush keys say how often, not whether: with fsync each append is on disk before it counts.
void say_about_flush_keys(const broker::Config& config) {
    if (config.setting("durability") != nullptr) return;
    for (const char* key : {"log.flush.interval.messages", "log.flush.interval.ms"})
        if (config.setting(key) != nullptr)
            return say("{} has no effect with durability=fsync; set durability=os for Kafka's behaviour", key);
}

base::Result<> say_ready(const broker::Broker& broker, const broker::Config& config, const std::string& ready_file) {
    if (!ready_file.empty() && !write_ready_file(ready_file, broker.listening().front().address))
        return base::fail(base::Errc::io, "{}: cannot be written", ready_file);
    std::string where;
    for (const auto& one : broker.listening())
        where += fmt::format("{}{}://{}", where.empty() ? "" : ", ", one.listener, shown(one.address));
    say("broker {} of cluster {}, data in {}, {}", broker.node_id(), broker.cluster_id(),
        fmt::join(config.log_dirs(), ", "), durability_words(config));
    say("ready on {}", where);
    notify_service_manager("READY=1");
    return {};
}

ExitCode serve(const Options& options, const broker::Config& config, std::vector<broker::InitialTopic> topics) {
    broker::RunHooks hooks;
    hooks.ready = [&](const broker::Broker& broker) { return say_ready(broker, config, options.ready_file); };
    hooks.stopping = [] { notify_service_manager("STOPPING=1"); };
    const auto signal = broker::run(config, std::move(topics), hooks);
    if (signal) return *signal == SIGTERM ? code_of(Exit::done) : 128 + *signal;
    say("{}", signal.error().message);
    return code_of(signal.error().code == base::Errc::invalid_config ? Exit::usage : Exit::item_failed);
}

ExitCode run(const Options& options) {
    if (options.configuration_page) {
        std::fputs(broker::configuration_page().c_str(), stdout);
        return code_of(Exit::done);
    }
    EphemeralFolder folder;
    if (options.ephemeral && !folder.make()) {
        say("no temporary folder can be made; set TMPDIR");
        return code_of(Exit::item_failed);
    }
    broker::Config::Builder builder;
    if (!gather(options, folder, builder)) return code_of(Exit::usage);
    auto topics = parse_topics(options.topics);
    if (!topics) {
        say("{}", topics.error().message);
        return code_of(Exit::usage);
    }
    const broker::Config config = std::move(builder).build();
    if (const auto endpoints = broker::endpoints_of(config); !endpoints) {
        say("{}", endpoints.error().message);
        return code_of(Exit::usage);
    }
    if (options.print_config) {
        std::fputs(config.print().c_str(), stdout);
        return code_of(Exit::done);
    }
    if (options.check_config) return code_of(Exit::done);
    say_about_flush_keys(config);
    return serve(options, config, std::move(*topics));
}

}  // namespace

Run declare_broker(CLI::App& app) {
    auto options = std::make_shared<Options>();
    app.add_option("--config", options->config_file, "A server.properties file; Kafka's keys count")->type_name("FILE");
    app.add_option("--set,--override", options->set, "Set a key; repeatable, stronger than the file")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    app.add_option("--listen", options->listen, "Where to listen (localhost:9092)")->type_name("HOST:PORT");
    app.add_option("--advertise", options->advertise, "What clients are told to connect to (what they reached)")
        ->type_name("HOST:PORT");
    app.add_option("--port", options->port, "Only another port; 0 takes a free one")->check(CLI::Range(0, 65535));
    app.add_option("--data-dir", options->data_dir, "Where data lies (./klog-data); several with commas")
        ->type_name("DIR");
    app.add_option("--durability", options->durability, "When an append counts: on disk, or in the page cache")
        ->type_name("fsync|os");
    app.add_option("--node-id", options->node_id, "The id of this broker (1)")->check(CLI::NonNegativeNumber);
    app.add_flag("--ephemeral", options->ephemeral, "Keep data in a folder that is deleted at exit");
    app.add_option("--topic", options->topics, "Make a topic at start; repeatable")
        ->type_name("NAME[:PARTITIONS]")
        ->allow_extra_args(false);
    app.add_option("--ready-file", options->ready_file, "Written with HOST:PORT when the broker is ready")
        ->type_name("FILE");
    app.add_flag("--check-config", options->check_config, "Check the configuration and leave: 0 good, 2 not");
    app.add_flag("--print-config", options->print_config, "Print the configuration with its origins and leave");
    app.add_flag("--strict-config", options->strict_config, "An unknown key is an error");
    app.add_flag("--configuration-page", options->configuration_page)->group("");
    return [options] { return run(*options); };
}

}  // namespace klog::cmd
