// SPDX-License-Identifier: Apache-2.0
// klog run -- COMMAND: a broker for the life of one command. The broker is a child process in a session of its own, so
// that ^C reaches the command and not the broker under it; it dies with this process, whatever kills that.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "cmd/broker_parts.h"
#include "cmd/errors.h"
#include "cmd/options.h"
#include "core/broker/run.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;

struct RunWish {
    std::vector<std::string> command;
    std::vector<std::string> topics;
    std::vector<std::string> set;
};

/// What env, nohup and the shell return for a command that cannot be run.
constexpr ExitCode not_executable = 126, command_not_found = 127;

Result<broker::Config> config_of(const RunWish& wish, const std::string& folder) {
    broker::Config::Builder builder;
    builder.add_flag("log.dirs", folder, "klog run");
    builder.add_flag("durability", "os", "klog run");
    builder.add_flag("listeners", "PLAINTEXT://localhost:0", "klog run");
    for (const std::string& one : wish.set) builder.add_assignment(one, "--set");
    for (const std::string& line : builder.warnings()) say(line);
    if (!builder.errors().empty()) return fail(Errc::invalid_config, "{}", builder.errors().front());
    return std::move(builder).build();
}

/// In the child: serves until SIGTERM; writes HOST:PORT to the pipe when it is ready.
ExitCode serve(const RunWish& wish, pid_t parent, int pipe) {
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) return code_of(Exit::item_failed);
    EphemeralFolder folder;
    if (!folder.make()) return say("no temporary folder can be made; set TMPDIR"), code_of(Exit::item_failed);
    auto config = config_of(wish, folder.path());
    if (!config) return usage_error(config.error().message);
    auto topics = parse_topics(wish.topics);
    if (!topics) return usage_error(topics.error().message);
    broker::RunHooks hooks;
    hooks.ready = [pipe](const broker::Broker& broker) -> Result<> {
        const std::string where = broker.listening().front().address.to_string();
        if (write(pipe, where.data(), where.size()) != static_cast<ssize_t>(where.size()))
            return fail(Errc::closed, "klog run has gone");
        close(pipe);
        return {};
    };
    hooks.stopping = [] {};
    const auto ended = broker::run(*config, std::move(*topics), hooks);
    if (!ended) say(ended.error().message);
    return code_of(ended ? Exit::done : Exit::item_failed);
}

/// Up to the end of what the other side writes.
std::string read_all(int pipe) {
    std::string text;
    std::array<char, 256> part;
    for (;;) {
        const ssize_t bytes = read(pipe, part.data(), part.size());
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes <= 0) return text;
        text.append(part.data(), static_cast<std::size_t>(bytes));
    }
}

ExitCode code_of_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

[[noreturn]] void become(const std::vector<std::string>& command, const sigset_t& mask) {
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    sigprocmask(SIG_SETMASK, &mask, nullptr);
    execvp(words[0], words.data());
    const int why = errno;
    say(fmt::format("{}: {}", command[0], std::strerror(why)));
    _exit(why == ENOENT ? command_not_found : not_executable);
}

/// The processes below this one, and the signals that are handed on to the command.
class Family {
public:
    Family() {
        sigemptyset(&watched_);
        for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&watched_, signal);
        sigprocmask(SIG_BLOCK, &watched_, &before_);
    }
    const sigset_t& mask_before() const { return before_; }

    /// Until the command has ended; its status. A signal that somebody sent is passed to it; one that comes from the
    /// terminal has reached it already.
    int wait_for(pid_t command, pid_t broker) {
        for (;;) {
            int status = 0;
            for (pid_t ended = 0; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
                if (ended == command) return status;
                if (ended == broker) {
                    broker_gone_ = true;
                    say("the broker under the command has ended");
                }
            }
            siginfo_t info;
            const int signal = sigwaitinfo(&watched_, &info);
            if (signal > 0 && signal != SIGCHLD && info.si_code <= 0) kill(command, signal);
        }
    }
    void end(pid_t broker) {
        if (broker_gone_) return;
        kill(broker, SIGTERM);
        while (waitpid(broker, nullptr, 0) < 0 && errno == EINTR) {
        }
    }

private:
    sigset_t watched_, before_;
    bool broker_gone_ = false;
};

ExitCode run_command(const RunWish& wish) {
    if (wish.command.empty()) return usage_error("which command? klog run [--topic NAME:PARTITIONS] -- COMMAND");
    std::array<int, 2> ends;
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return complain("", fail(Errc::io, "no pipe can be made").error());
    const pid_t self = getpid();
    const pid_t broker = fork();
    if (broker < 0) return complain("", fail(Errc::io, "no process can be made").error());
    if (broker == 0) {
        close(ends[0]);
        return serve(wish, self, ends[1]);
    }
    close(ends[1]);
    Family family;
    const std::string where = read_all(ends[0]);
    close(ends[0]);
    if (where.empty()) {  // It has said why.
        int status = 0;
        while (waitpid(broker, &status, 0) < 0 && errno == EINTR) {
        }
        return code_of_status(status) == 0 ? code_of(Exit::item_failed) : code_of_status(status);
    }
    for (const char* name : {"KLOG_BROKERS", "KAFKA_BOOTSTRAP_SERVERS"}) setenv(name, where.c_str(), 1);
    const pid_t command = fork();
    if (command == 0) become(wish.command, family.mask_before());
    const ExitCode code = command < 0 ? code_of(Exit::item_failed) : code_of_status(family.wait_for(command, broker));
    family.end(broker);
    return code;
}

}  // namespace

Run declare_run(CLI::App& app) {
    const auto options = std::make_shared<Options>(app);
    const auto wish = std::make_shared<RunWish>();
    options->positional("COMMAND", "what to run, after --, with its own options", wish->command);
    options->add({"--topic", "NAME[:PARTITIONS]", "a topic that is there from the start; may be repeated", "Broker"},
                 wish->topics);
    options->add({"--set", "KEY=VALUE", "a configuration key of the broker; may be repeated", "Broker"}, wish->set);
    options->examples(
        "The command finds the broker in KLOG_BROKERS and KAFKA_BOOTSTRAP_SERVERS. Its exit code is\n"
        "klog's. The data goes when it ends.\n\n    klog run --topic orders:3 -- pytest tests");
    const Run run = options->run([wish] { return run_command(*wish); });
    return [options, run] { return run(); };
}

}  // namespace klog::cmd
