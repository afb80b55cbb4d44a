// SPDX-License-Identifier: Apache-2.0
// klog explain CODE: what one of Kafka's errors means and what to do about it; without a code, all of them.
#include <unistd.h>

#include <fmt/format.h>

#include "cmd/cluster_command.h"
#include "cmd/nearest.h"
#include "cmd/pipes.h"
#include "cmd/remedies.h"

namespace klog::cmd {
namespace {

using wire::ErrorCode;

struct ExplainWish {
    std::vector<std::string> codes;
    OutputFormat output = OutputFormat::text;
};

const std::vector<ErrorCode>& all_errors() {
    static const std::vector<ErrorCode> all{
#define KLOG_WIRE_ERROR(code, name, kind) ErrorCode::name,
        KLOG_WIRE_ERRORS(KLOG_WIRE_ERROR)
#undef KLOG_WIRE_ERROR
    };
    return all;
}

std::string unknown(std::string_view text) {
    std::vector<std::string_view> names;
    for (const ErrorCode code : all_errors()) names.push_back(wire::name_of(code));
    std::string upper(text);
    for (char& c : upper)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    return fmt::format("Kafka has no error {}{}", text, did_you_mean(upper, names));
}

/// One error, for a person.
std::string page(ErrorCode code) {
    return fmt::format("{} ({}), {}\n  {}\n  What to do: {}\n", wire::name_of(code), static_cast<int>(code),
                       wire::is_retriable(code) ? "retriable" : "not retriable", wire::sentence_of(code),
                       remedy_of(code));
}

ExitCode explain(const ExplainWish& wish) {
    std::vector<ErrorCode> wanted;
    for (const std::string& text : wish.codes) {
        const auto code = find_error(text);
        if (!code) return say(unknown(text)), code_of(Exit::not_found);
        wanted.push_back(*code);
    }
    if (!wanted.empty() && wish.output == OutputFormat::text) {
        std::string text;
        for (const ErrorCode code : wanted) text += (text.empty() ? "" : "\n") + page(code);
        const auto written = write_stdout(text);
        return written ? code_of(Exit::done) : complain("", written.error());
    }
    Listing listing("klog.errors/1", "errors",
                    {{"name"}, {"code", Column::number}, {"retriable"}, {"meaning"}, {"remedy", Column::text, true}});
    for (const ErrorCode code : wanted.empty() ? all_errors() : wanted)
        listing.add({std::string(wire::name_of(code)), std::int64_t{static_cast<int>(code)}, wire::is_retriable(code),
                     std::string(wire::sentence_of(code)), std::string(remedy_of(code))});
    return print_listing(listing, wish.output);
}

}  // namespace

Run declare_explain(CLI::App& app) {
    const auto options = std::make_shared<Options>(app);
    const auto wish = std::make_shared<ExplainWish>();
    options->positional("CODE", "numbers or names: 3, UNKNOWN_TOPIC_OR_PARTITION, NotLeaderOrFollowerException",
                        wish->codes);
    add_output_option(*options, wish->output);
    const Run run = options->run([wish] {
        ignore_sigpipe();
        return explain(*wish);
    });
    return [options, run] { return run(); };
}

}  // namespace klog::cmd
