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
#include "cmd/errors.h"
#include "cmd/options.h"
#include "core/broker/config_page.h"
#include "core/broker/endpoints.h"
#include "core/broker/run.h"
#include "core/os/disk.h"

extern char** environ;

namespace klog::cmd {
namespace {

struct BrokerWish {
    std::string config_file;
    std::vector<std::string> set;
    std::string listen;
    std::string advertise;
    std::string data_dir;
    std::string durability;
    std::int64_t node_id = -1;
    std::int64_t port = -1;
    bool ephemeral = false;
    std::string ready_file;
    std::vector<std::string> topics;
    bool check_config = false;
    bool print_config = false;
    bool strict_config = false;
    bool configuration_page = false;
};

std::vector<std::pair<std::string, std::string>> environment() {
    std::vector<std::pair<std::string, std::string>> all;
    for (char** one = environ; *one != nullptr; ++one) {
        const std::string_view text = *one;
        const std::size_t equals = text.find('=');
        if (equals != std::string_view::npos) all.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return all;
}

/// HOST, HOST:PORT or NAME://HOST:PORT as a value of `listeners`, with another port where one is given.
std::string listener_of(std::string listen, std::int64_t port) {
    std::string scheme = "PLAINTEXT://";
    if (const std::size_t slashes = listen.find("://"); slashes != std::string::npos) {
        scheme = listen.substr(0, slashes + 3);
        listen.erase(0, slashes + 3);
    }
    std::size_t colon = listen.rfind(':');
    if (colon != std::string::npos && listen.find(']', colon) != std::string::npos) colon = std::string::npos;
    if (port >= 0) {
        if (colon != std::string::npos) listen.resize(colon);
        listen += fmt::format(":{}", port);
    } else if (colon == std::string::npos) {
        listen += ":9092";
    }
    return scheme + listen;
}

/// --listen and --port; --port alone changes the one listener that is configured.
base::Result<> add_listeners(const BrokerWish& wish, broker::Config::Builder& builder) {
    if (wish.listen.empty() && wish.port < 0) return {};
    std::string listen = wish.listen.empty() ? "localhost:9092" : wish.listen;
    if (wish.listen.empty()) {
        const broker::Config so_far = broker::Config::Builder(builder).build();
        if (const broker::Setting* setting = so_far.setting("listeners")) {
            const auto all = broker::to_list(setting->value);
            if (all.size() > 1)
                return base::fail(base::Errc::invalid_config,
                                  "--port cannot say which of {} listeners it means; give --set listeners=...",
                                  all.size());
            listen = all.front();
        }
    }
    builder.add_flag("listeners", listener_of(std::move(listen), wish.port), wish.port >= 0 ? "--port" : "--listen");
    return {};
}

base::Result<> add_file(const std::string& path, broker::Config::Builder& builder) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    if (!file) return base::fail(base::Errc::invalid_config, "{}: cannot be read", path);
    builder.add_file(text.str(), path);
    return {};
}

/// File, environment and options, the later ones stronger. Warnings are said.
base::Result<> gather(const BrokerWish& wish, const EphemeralFolder& folder, broker::Config::Builder& builder) {
    if (!wish.config_file.empty()) {
        KLOG_TRY_VOID(add_file(wish.config_file, builder));
    }
    builder.add_environment(environment());
    // Nothing of it outlives the process, whatever is synced.
    if (wish.ephemeral) builder.add_flag("durability", "os", "--ephemeral");
    for (const std::string& one : wish.set) builder.add_assignment(one, "--set");
    KLOG_TRY_VOID(add_listeners(wish, builder));
    if (!wish.advertise.empty()) {
        const bool named = wish.advertise.find("://") != std::string::npos;
        builder.add_flag("advertised.listeners", (named ? "" : "PLAINTEXT://") + wish.advertise, "--advertise");
    }
    if (wish.ephemeral) builder.add_flag("log.dirs", folder.path(), "--ephemeral");
    if (!wish.data_dir.empty()) builder.add_flag("log.dirs", wish.data_dir, "--data-dir");
    if (!wish.durability.empty()) builder.add_flag("durability", wish.durability, "--durability");
    if (wish.node_id >= 0) builder.add_flag("node.id", std::to_string(wish.node_id), "--node-id");
    const auto warnings = builder.warnings();
    auto errors = builder.errors();
    for (const std::string& line : warnings) say(line);
    if (wish.strict_config && errors.empty() && !warnings.empty())
        errors.emplace_back("--strict-config: an unknown key is an error");
    for (std::size_t i = 0; i + 1 < errors.size(); ++i) say(errors[i]);
    if (!errors.empty()) return base::fail(base::Errc::invalid_config, "{}", errors.back());
    return {};
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
            return say(
                fmt::format("{} has no effect with durability=fsync; set durability=os for Kafka's behaviour", key));
}

base::Result<> say_ready(const broker::Broker& broker, const broker::Config& config, const std::string& ready_file) {
    if (!ready_file.empty() && !write_ready_file(ready_file, broker.listening().front().address))
        return base::fail(base::Errc::io, "{}: cannot be written", ready_file);
    std::string where;
    for (const auto& one : broker.listening())
        where += fmt::format("{}{}://{}", where.empty() ? "" : ", ", one.listener, shown(one.address));
    say(fmt::format("broker {} of cluster {}, data in {}, {}", broker.node_id(), broker.cluster_id(),
                    fmt::join(config.log_dirs(), ", "), durability_words(config)));
    say("ready on " + where);
    notify_service_manager("READY=1");
    return {};
}

ExitCode serve(const BrokerWish& wish, const broker::Config& config, std::vector<broker::InitialTopic> topics) {
    broker::RunHooks hooks;
    hooks.ready = [&](const broker::Broker& broker) { return say_ready(broker, config, wish.ready_file); };
    hooks.stopping = [] { notify_service_manager("STOPPING=1"); };
    const auto signal = broker::run(config, std::move(topics), hooks);
    if (signal) return *signal == SIGTERM ? code_of(Exit::done) : 128 + *signal;
    say(signal.error().message);
    return code_of(signal.error().code == base::Errc::invalid_config ? Exit::usage : Exit::item_failed);
}

ExitCode run(const BrokerWish& wish) {
    if (wish.configuration_page) {
        std::fputs(broker::configuration_page().c_str(), stdout);
        return code_of(Exit::done);
    }
    if (wish.ephemeral && !wish.data_dir.empty())
        return usage_error("--ephemeral makes a folder of its own: not together with --data-dir");
    EphemeralFolder folder;
    if (wish.ephemeral && !folder.make()) {
        say("no temporary folder can be made; set TMPDIR");
        return code_of(Exit::item_failed);
    }
    broker::Config::Builder builder;
    if (auto gathered = gather(wish, folder, builder); !gathered) return usage_error(gathered.error().message);
    auto topics = parse_topics(wish.topics);
    if (!topics) return usage_error(topics.error().message);
    const broker::Config config = std::move(builder).build();
    const auto endpoints = broker::endpoints_of(config);
    if (!endpoints) return usage_error(endpoints.error().message);
    for (const std::string& name : endpoints->left_out)
        say(fmt::format("the listener {} is left out: it is of a KRaft controller, which klog does not have", name));
    if (const auto zookeeper = config.text("zookeeper.connect"))
        say(fmt::format("zookeeper.connect={} has no effect yet: this broker is a cluster of its own", *zookeeper));
    if (wish.print_config) {
        std::fputs(config.print().c_str(), stdout);
        return code_of(Exit::done);
    }
    if (wish.check_config) return code_of(Exit::done);
    say_about_flush_keys(config);
    return serve(wish, config, std::move(*topics));
}

}  // namespace

Run declare_broker(CLI::App& app) {
    const auto options = std::make_shared<Options>(app);
    const auto wish = std::make_shared<BrokerWish>();
    Options& o = *options;
    o.add({"--config", "FILE", "a server.properties file; Kafka's keys count", "Configuration"}, wish->config_file);
    o.add({"--set,--override", "KEY=VALUE", "set a key, over the file; may be repeated", "Configuration"}, wish->set);
    o.add({"--check-config", nullptr, "check the configuration and leave: 0 good, 2 not", "Configuration"},
          wish->check_config);
    o.add({"--print-config", nullptr, "print the configuration with its origins, what was set first, and leave",
           "Configuration"},
          wish->print_config);
    o.add({"--strict-config", nullptr, "an unknown key is an error", "Configuration"}, wish->strict_config);
    o.add({"--listen", "HOST:PORT", "where to listen (localhost:9092)", "Network"}, wish->listen);
    o.add_integer({"--port", "PORT", "only another port; 0 takes a free one", "Network"}, wish->port, 0, 65535);
    o.add({"--advertise", "HOST:PORT", "what clients are told to connect to (what they reached)", "Network"},
          wish->advertise);
    o.add({"--ready-file", "FILE", "written with HOST:PORT when the broker is ready", "Network"}, wish->ready_file);
    o.add({"--data-dir", "DIR", "where data lies (./klog-data); several with commas", "Data"}, wish->data_dir);
    o.add({"--ephemeral", nullptr, "keep data in a folder that is deleted at exit", "Data"}, wish->ephemeral);
    o.add({"--durability", "fsync|os", "when an append counts: on disk, or in the page cache", "Data"},
          wish->durability);
    o.add_integer({"--node-id", "ID", "the id of this broker (1)", "Data"}, wish->node_id, 0, INT32_MAX);
    o.add({"--topic", "NAME[:PARTITIONS]", "make a topic at start; may be repeated", "Data"}, wish->topics);
    o.add({"--configuration-page", nullptr, "", ""}, wish->configuration_page);
    const Run run_it = options->run([wish] { return run(*wish); });
    return [options, run_it] { return run_it(); };
}

}  // namespace klog::cmd
