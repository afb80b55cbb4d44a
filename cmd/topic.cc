// SPDX-License-Identifier: Apache-2.0
// klog topic: the subcommands below it.
#include "cmd/topic.h"

namespace klog::cmd {

Run declare_topic(CLI::App& app) {
    const auto options = std::make_shared<Options>(app);
    declare_topic_list(*options);
    declare_topic_describe(*options);
    declare_topic_create(*options);
    declare_topic_delete(*options);
    declare_topic_alter(*options);
    declare_topic_add_partitions(*options);
    declare_topic_trim(*options);
    const Run run = options->run([] { return code_of(Exit::usage); });
    return [options, run] { return run(); };
}

}  // namespace klog::cmd
