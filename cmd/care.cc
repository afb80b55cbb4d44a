// SPDX-License-Identifier: Apache-2.0
#include "cmd/care.h"

#include <cstdio>
#include <string>

#include <unistd.h>

#include <fmt/format.h>

#include "cmd/errors.h"

namespace klog::cmd {
namespace {

/// An answer is a line; more than this of it is not looked at.
constexpr int answer_bytes_max = 256;

std::string ask(const std::string* question) {
    fmt::print(stderr, "klog: {} [y/N] ", *question);
    std::fflush(stderr);
    char line[answer_bytes_max];
    if (std::fgets(line, sizeof line, stdin) == nullptr) {
        std::fputc('\n', stderr);
        return {};
    }
    std::string answer = line;
    while (!answer.empty() && (answer.back() == '\n' || answer.back() == ' ')) answer.pop_back();
    return answer;
}

}  // namespace

void add_care_options(Options& options, Care& into) {
    options.add({"-y,--yes", nullptr, "do it without asking", "Care"}, into.yes);
    options.add({"--dry-run", nullptr, "only show what would be done", "Care"}, into.dry_run);
}

runtime::Task<Consent> consent(const Care* care, runtime::Pool* pool, std::string question) {
    if (care->dry_run) co_return Consent::dry_run;
    if (care->yes) co_return Consent::given;
    if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) {
        say("nothing was done; --yes does it");
        co_return Consent::refused;
    }
    const std::string* const what = &question;
    const std::string answer = co_await runtime::on_pool(*pool, [what] { return ask(what); });
    if (answer == "y" || answer == "Y" || answer == "yes") co_return Consent::given;
    say("nothing was done");
    co_return Consent::refused;
}

ExitCode code_without(Consent consent) { return code_of(consent == Consent::refused ? Exit::usage : Exit::done); }

}  // namespace klog::cmd
