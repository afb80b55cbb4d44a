// SPDX-License-Identifier: Apache-2.0
// Following configuration changes when the store fails in the middle.
#include "core/meta/config_feed.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "core/meta/memory_store.h"
#include "core/meta/paths.h"
#include "core/runtime/sim_runtime.h"
#include "tests/meta/store_suite.h"

namespace klog::meta::testing {

namespace {

/// Passes everything on; one read of a path may fail.
class Faulty final : public Store {
public:
    explicit Faulty(Store& behind) : behind_(behind) {}
    std::string failing;

    Task<Result<std::vector<Outcome>>> multi(std::vector<Operation> operations) override {
        return behind_.multi(std::move(operations));
    }
    Task<Result<Node>> get(std::string path, Watch watch) override {
        if (path == failing) {
            failing.clear();
            return refuse();
        }
        return behind_.get(std::move(path), std::move(watch));
    }
    Task<Result<std::optional<Stat>>> exists(std::string path, Watch watch) override {
        return behind_.exists(std::move(path), std::move(watch));
    }
    Task<Result<std::vector<std::string>>> children(std::string path, Watch watch) override {
        return behind_.children(std::move(path), std::move(watch));
    }
    SessionState session_state() const override { return behind_.session_state(); }
    std::int64_t session_id() const override { return behind_.session_id(); }
    void on_session_change(std::function<void(SessionState)> changed) override {
        behind_.on_session_change(std::move(changed));
    }
    Task<void> close() override { return behind_.close(); }

private:
    static Task<Result<Node>> refuse() { co_return base::fail(Errc::busy, "not now"); }
    Store& behind_;
};

struct Feed {
    runtime::SimRuntime sim{1, 1};
    MemoryServer server;
    MemoryStore store{server, sim.shard(0)};
    Faulty faulty{store};
    std::map<std::string, Config> applied;
    ConfigFeed feed{faulty, [this](const ConfigEntity& entity, Config config) {
                        applied[entity.entity_path()] = std::move(config);
                    }};
};

Task<void> change(Feed* on, std::string entity, std::string value, bool first) {
    const std::string path = "/config/" + entity;
    const Config config{{"retention.ms", value}};
    if (first)
        co_await make(&on->store, path, encode_config(config));
    else
        co_await write(&on->store, path, encode_config(config));
    co_await make(&on->store, std::string(paths::config_change_prefix), encode_config_change(entity),
                  Lifetime::persistent, true);
}

Task<void> fail_in_the_middle(Feed* on) {
    for (const char* path : {"/config", "/config/topics", "/config/brokers", "/config/changes"})
        co_await make(&on->store, path);
    co_await change(on, "topics/a", "1", true);
    co_await change(on, "topics/b", "1", true);
    good(co_await on->feed.load());
    // Three changes of which the first notification is gone again: everything is to be read anew.
    for (const char* value : {"2", "3", "4"}) co_await change(on, "topics/a", value, false);
    co_await write(&on->store, "/config/topics/b", encode_config({{"retention.ms", "5"}}));
    Remove oldest{std::string(paths::config_change_prefix) + "0000000002", any_version};
    good(co_await on->store.remove(std::move(oldest)));
    on->faulty.failing = "/config/topics/b";
    const auto failed = co_await on->feed.catch_up();
    CHECK_FALSE(failed);
    CHECK(good(co_await on->feed.catch_up()));
}

Task<void> remove_while_away(Feed* on) {
    for (const char* path : {"/config", "/config/topics", "/config/brokers", "/config/changes"})
        co_await make(&on->store, path);
    co_await change(on, "topics/a", "1", true);
    co_await change(on, "topics/b", "1", true);
    good(co_await on->feed.load());
    Remove gone{"/config/topics/b", any_version};
    good(co_await on->store.remove(std::move(gone)));
    // So many changes that some notifications are gone.
    for (const char* value : {"2", "3"}) co_await change(on, "topics/a", value, false);
    Remove oldest{std::string(paths::config_change_prefix) + "0000000002", any_version};
    good(co_await on->store.remove(std::move(oldest)));
    CHECK(good(co_await on->feed.catch_up()));
}

Task<void> load_with_a_corrupt_one(Feed* on) {
    for (const char* path : {"/config", "/config/topics", "/config/brokers", "/config/changes"})
        co_await make(&on->store, path);
    co_await make(&on->store, "/config/topics/a", "this is no JSON");
    co_await change(on, "topics/b", "1", true);
    good(co_await on->feed.load());
}

}  // namespace

TEST_CASE("a change is not forgotten when a read fails before it was applied") {
    Feed on;
    on.sim.run(fail_in_the_middle(&on));
    CHECK(on.applied["topics/a"] == Config{{"retention.ms", "4"}});
    CHECK(on.applied["topics/b"] == Config{{"retention.ms", "5"}});
}

TEST_CASE("a configuration whose removal was missed is taken back") {
    Feed on;
    on.sim.run(remove_while_away(&on));
    CHECK(on.applied["topics/a"] == Config{{"retention.ms", "3"}});
    CHECK(on.applied["topics/b"].empty());
}

TEST_CASE("a configuration that cannot be read does not keep the others from being loaded") {
    Feed on;
    on.sim.run(load_with_a_corrupt_one(&on));
    CHECK(on.applied["topics/b"] == Config{{"retention.ms", "1"}});
}

}  // namespace klog::meta::testing
