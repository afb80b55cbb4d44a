// SPDX-License-Identifier: Apache-2.0
// What every metadata store must do, whichever it is. A test file defines a Harness and instantiates the suite:
//
//     TEST_CASE_TEMPLATE_INVOKE(store_suite, Harness);      and, where sessions can be ended from outside,
//     TEST_CASE_TEMPLATE_INVOKE(session_suite, Harness);
//
// A Harness makes an empty store and has
//     void run(Task<void>)        runs a task on the store's shard to its end
//     Store& store()
//     Store& other()              session_suite only: a second client of the same tree
//     void expire(Store&)         session_suite only: the server ends that client's session
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/meta/store.h"
#include "core/meta/tree.h"
#include "core/runtime/scope.h"
#include "core/runtime/shard.h"

namespace klog::meta::testing {

using base::Errc;
using base::Result;
using runtime::Task;

template <class T>
T good(Result<T> result) {
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    return *std::move(result);
}
inline void good(Result<> result) { REQUIRE_MESSAGE(result.has_value(), result.error().message); }
template <class T>
std::string code(const Result<T>& result) {
    return result ? "ok" : std::string(base::name_of(result.error().code));
}

using Operations = std::vector<Operation>;
using Names = std::vector<std::string>;

inline Task<Outcome> make(Store* store, std::string path, std::string data = "",
                          Lifetime lifetime = Lifetime::persistent, bool sequential = false) {
    Create create{std::move(path), std::move(data), lifetime, sequential};
    co_return good(co_await store->create(std::move(create)));
}
inline Task<std::string> code_of_create(Store* store, std::string path, Lifetime lifetime = Lifetime::persistent) {
    Create create{std::move(path), "", lifetime, false};
    co_return code(co_await store->create(std::move(create)));
}
inline Task<Stat> write(Store* store, std::string path, std::string data) {
    Set set{std::move(path), std::move(data), any_version};
    co_return good(co_await store->set(std::move(set)));
}
inline Task<std::string> code_of_set(Store* store, std::string path, std::int32_t version) {
    Set set{std::move(path), "new", version};
    co_return code(co_await store->set(std::move(set)));
}
inline Task<std::string> code_of_remove(Store* store, std::string path, std::int32_t version = any_version) {
    Remove remove{std::move(path), version};
    co_return code(co_await store->remove(std::move(remove)));
}
/// The data, or the error's name in brackets.
inline Task<std::string> read(Store* store, std::string path) {
    const auto node = co_await store->get(std::move(path));
    co_return node ? node->data : "(" + code(node) + ")";
}
inline Task<Stat> stat_of(Store* store, std::string path) {
    const auto stat = good(co_await store->exists(std::move(path)));
    REQUIRE(stat.has_value());
    co_return *stat;
}
inline Task<bool> is_there(Store* store, std::string path) {
    co_return good(co_await store->exists(std::move(path))).has_value();
}
/// Lets every watch that is due run: each store delivers watches before the answer to a later read.
inline Task<void> settle(Store* store) { (void)co_await store->exists("/"); }

// ---- Nodes

inline Task<void> creates_and_reads(Store* store) {
    const auto made = co_await make(store, "/a", "one");
    CHECK(made.path == "/a");
    const auto node = good(co_await store->get("/a"));
    CHECK(node.data == "one");
    CHECK(node.stat.version == 0);
    CHECK(node.stat.czxid == node.stat.mzxid);
    CHECK(node.stat.czxid > 0);
    CHECK(node.stat.ephemeral_owner == 0);
    CHECK(node.stat.children == 0);
    CHECK(co_await read(store, "/b") == "(not_found)");
    CHECK_FALSE(co_await is_there(store, "/b"));
    CHECK(co_await code_of_create(store, "/a") == "exists");
    CHECK(co_await code_of_create(store, "/b/c") == "not_found");
}

inline Task<void> refuses_bad_paths(Store* store) {
    for (const auto* bad : {"", "a", "/a/", "//a", "/./a", "/a/..", "/a\x01"}) {
        CHECK(co_await code_of_create(store, bad) == "invalid_argument");
        CHECK(co_await read(store, bad) == "(invalid_argument)");
    }
    CHECK(co_await code_of_remove(store, "/") == "invalid_argument");
}

inline Task<void> writes_under_a_version(Store* store) {
    co_await make(store, "/a", "one");
    const Stat before = co_await stat_of(store, "/a");
    const Stat after = co_await write(store, "/a", "two");
    CHECK(after.version == 1);
    CHECK(after.mzxid > before.mzxid);
    CHECK(after.czxid == before.czxid);
    CHECK(co_await code_of_set(store, "/a", 0) == "bad_version");
    CHECK(co_await read(store, "/a") == "two");
    CHECK(co_await code_of_set(store, "/a", 1) == "ok");
    CHECK(co_await code_of_set(store, "/b", any_version) == "not_found");
}

inline Task<void> removes_under_a_version(Store* store) {
    co_await make(store, "/a");
    co_await make(store, "/a/b");
    CHECK(co_await code_of_remove(store, "/a") == "not_empty");
    CHECK(co_await code_of_remove(store, "/a/b", 1) == "bad_version");
    CHECK(co_await code_of_remove(store, "/a/b", 0) == "ok");
    CHECK(co_await code_of_remove(store, "/a") == "ok");
    CHECK(co_await code_of_remove(store, "/a") == "not_found");
}

inline Task<void> gives_each_life_its_own_czxid(Store* store) {
    const Stat first = (co_await make(store, "/a")).stat;
    co_await code_of_remove(store, "/a");
    const Stat second = (co_await make(store, "/a")).stat;
    CHECK(second.czxid > first.czxid);
    CHECK(second.version == 0);
}

inline Task<void> lists_children_sorted(Store* store) {
    co_await make(store, "/a");
    for (const auto* name : {"/a/c", "/a/a", "/a/b", "/a/a/deep"}) co_await make(store, name);
    const Names expected{"a", "b", "c"};
    CHECK(good(co_await store->children("/a")) == expected);
    CHECK(good(co_await store->children("/a/b")).empty());
    CHECK(code(co_await store->children("/x")) == "not_found");
    const Stat stat = co_await stat_of(store, "/a");
    CHECK(stat.children == 3);
    CHECK(stat.cversion == 3);
    CHECK(stat.version == 0);
    co_await code_of_remove(store, "/a/c");
    CHECK((co_await stat_of(store, "/a")).cversion == 4);
}

inline Task<void> numbers_sequential_nodes(Store* store) {
    co_await make(store, "/q");
    CHECK((co_await make(store, "/q/n_", "", Lifetime::persistent, true)).path == "/q/n_0000000000");
    CHECK((co_await make(store, "/q/n_", "", Lifetime::persistent, true)).path == "/q/n_0000000001");
    co_await code_of_remove(store, "/q/n_0000000001");
    CHECK((co_await make(store, "/q/", "", Lifetime::persistent, true)).path == "/q/0000000002");
    CHECK((co_await make(store, "/q/plain")).path == "/q/plain");
    CHECK((co_await make(store, "/q/n_", "", Lifetime::ephemeral, true)).path == "/q/n_0000000004");
}

// ---- Multi

inline Task<void> does_a_multi_in_order(Store* store) {
    Operations operations{Create{"/a", "1"}, Create{"/a/b", "2"}, Set{"/a", "3", 0}, CheckVersion{"/a", 1}};
    const auto outcomes = good(co_await store->multi(std::move(operations)));
    REQUIRE(outcomes.size() == 4);
    CHECK(outcomes[0].path == "/a");
    CHECK(outcomes[2].stat.version == 1);
    CHECK(co_await read(store, "/a") == "3");
    const Stat a = co_await stat_of(store, "/a");
    const Stat b = co_await stat_of(store, "/a/b");
    CHECK(a.czxid == b.czxid);
    CHECK(a.mzxid == a.czxid);
}

inline Task<void> does_all_of_a_multi_or_nothing(Store* store) {
    co_await make(store, "/a", "1");
    co_await make(store, "/a/child");
    const Stat before = co_await stat_of(store, "/a");
    Operations operations{Create{"/b"},          Set{"/a", "2"},        Remove{"/a/child"},
                          Create{"/a/new", "x"}, CheckVersion{"/a", 7}, Create{"/c"}};
    CHECK(code(co_await store->multi(std::move(operations))) == "bad_version");
    CHECK_FALSE(co_await is_there(store, "/b"));
    CHECK(co_await read(store, "/a") == "1");
    CHECK(co_await is_there(store, "/a/child"));
    CHECK(co_await stat_of(store, "/a") == before);
    CHECK((co_await make(store, "/a/", "", Lifetime::persistent, true)).path == "/a/0000000001");
}

inline Task<void> names_the_first_failure_of_a_multi(Store* store) {
    co_await make(store, "/a");
    Operations twice{Create{"/b"}, Create{"/a"}, Remove{"/none"}};
    CHECK(code(co_await store->multi(std::move(twice))) == "exists");
    Operations missing{CheckVersion{"/none", 0}, Create{"/a"}};
    CHECK(code(co_await store->multi(std::move(missing))) == "not_found");
    Operations full{Create{"/b"}, Create{"/b/c"}, Remove{"/b"}};
    CHECK(code(co_await store->multi(std::move(full))) == "not_empty");
}

inline Task<void> only_checks(Store* store) {
    co_await make(store, "/a");
    Operations check{CheckVersion{"/a", 0}};
    CHECK(code(co_await store->multi(std::move(check))) == "ok");
    Operations there{CheckVersion{"/a", any_version}};
    CHECK(code(co_await store->multi(std::move(there))) == "ok");
    Operations none;
    CHECK(good(co_await store->multi(std::move(none))).empty());
}

inline Task<void> makes_and_removes_in_one_multi(Store* store) {
    Operations operations{Create{"/a"}, Create{"/a/x", "", Lifetime::persistent, true}, Remove{"/a/x0000000000"},
                          Create{"/a/x", "", Lifetime::persistent, true}};
    CHECK(code(co_await store->multi(std::move(operations))) == "ok");
    CHECK(good(co_await store->children("/a")) == Names{"x0000000001"});
}

inline Task<void> bounds_a_multi(Store* store) {
    Operations large{Create{"/a", std::string(multi_bytes_max + 1, 'x')}};
    CHECK(code(co_await store->multi(std::move(large))) == "too_large");
    Operations fits{Create{"/a", std::string(900'000, 'x')}};
    CHECK(code(co_await store->multi(std::move(fits))) == "ok");
    CHECK((co_await read(store, "/a")).size() == 900'000);
}

inline Task<void> append_one(Store* store, std::string path, std::vector<std::string>* order) {
    co_await make(store, path);
    order->push_back(path);
}
inline Task<void> look_one(Store* store, std::string path, std::vector<std::string>* order) {
    const bool there = co_await is_there(store, path);
    order->push_back((there ? "saw " : "missed ") + path);
}
inline Task<void> keeps_the_order_of_a_client(Store* store) {
    std::vector<std::string> order;
    runtime::Scope scope;
    scope.spawn(look_one(store, "/a", &order));
    scope.spawn(append_one(store, "/a", &order));
    scope.spawn(look_one(store, "/a", &order));
    scope.spawn(append_one(store, "/a/b", &order));
    scope.spawn(look_one(store, "/a/b", &order));
    co_await scope.join();
    CHECK(order == Names{"missed /a", "/a", "saw /a", "/a/b", "saw /a/b"});
}

// ---- Watches

inline Watch note(std::vector<std::string>* seen) {
    return [seen](const std::string& path) { seen->push_back(path); };
}

inline Task<void> watches_data_once(Store* store) {
    Names seen;
    co_await make(store, "/a");
    co_await make(store, "/b");
    good(co_await store->get("/a", note(&seen)));
    co_await write(store, "/b", "x");
    co_await make(store, "/a/child");
    co_await settle(store);
    CHECK(seen.empty());
    co_await write(store, "/a", "x");
    co_await write(store, "/a", "y");
    co_await settle(store);
    CHECK(seen == Names{"/a"});
}

inline Task<void> watches_removal_and_creation(Store* store) {
    Names seen;
    co_await make(store, "/a");
    good(co_await store->exists("/a", note(&seen)));
    co_await code_of_remove(store, "/a");
    co_await settle(store);
    CHECK(seen == Names{"/a"});
    good(co_await store->exists("/a", note(&seen)));
    co_await make(store, "/a");
    co_await settle(store);
    CHECK(seen == Names{"/a", "/a"});
}

inline Task<void> arms_nothing_on_a_failed_read(Store* store) {
    Names seen;
    CHECK(code(co_await store->get("/a", note(&seen))) == "not_found");
    CHECK(code(co_await store->children("/a", note(&seen))) == "not_found");
    co_await make(store, "/a");
    co_await make(store, "/a/b");
    co_await settle(store);
    CHECK(seen.empty());
}

inline Task<void> watches_children(Store* store) {
    Names seen;
    co_await make(store, "/a");
    co_await make(store, "/a/b");
    good(co_await store->children("/a", note(&seen)));
    co_await write(store, "/a", "x");
    co_await write(store, "/a/b", "x");
    co_await make(store, "/a/b/deep");
    co_await settle(store);
    CHECK(seen.empty());
    co_await make(store, "/a/c");
    co_await settle(store);
    CHECK(seen == Names{"/a"});
    good(co_await store->children("/a", note(&seen)));
    co_await code_of_remove(store, "/a/c");
    co_await settle(store);
    CHECK(seen == Names{"/a", "/a"});
    good(co_await store->children("/a/b/deep", note(&seen)));
    co_await code_of_remove(store, "/a/b/deep");
    co_await settle(store);
    CHECK(seen == Names{"/a", "/a", "/a/b/deep"});
}

inline Task<void> hints_only_at_what_happened(Store* store) {
    Names seen;
    co_await make(store, "/a");
    good(co_await store->get("/a", note(&seen)));
    Operations fails{Set{"/a", "x"}, CheckVersion{"/none"}};
    CHECK(code(co_await store->multi(std::move(fails))) == "not_found");
    co_await settle(store);
    CHECK(seen.empty());
}

inline Task<void> hints_before_it_shows(Store* store) {
    Names seen;
    co_await make(store, "/a", "old");
    good(co_await store->get("/a", note(&seen)));
    co_await write(store, "/a", "new");
    const std::string data = co_await read(store, "/a");
    CHECK(data == "new");
    CHECK(seen == Names{"/a"});
}

inline Task<void> calls_every_watch(Store* store) {
    Names seen;
    co_await make(store, "/a");
    good(co_await store->get("/a", note(&seen)));
    good(co_await store->get("/a", note(&seen)));
    good(co_await store->exists("/a", note(&seen)));
    co_await write(store, "/a", "x");
    co_await settle(store);
    CHECK(seen == Names{"/a", "/a", "/a"});
}

// ---- Ephemeral nodes, from inside

inline Task<void> holds_ephemeral_nodes(Store* store) {
    const Stat stat = (co_await make(store, "/e", "", Lifetime::ephemeral)).stat;
    CHECK(stat.ephemeral_owner == store->session_id());
    CHECK(store->session_id() != 0);
    CHECK(store->session_state() == SessionState::connected);
    CHECK(co_await code_of_create(store, "/e/child") == "invalid_argument");
    CHECK(co_await code_of_remove(store, "/e") == "ok");
    co_await make(store, "/e");
    CHECK(co_await code_of_create(store, "/e/child") == "ok");
}

inline Task<void> answers_closed_after_close(Store* store) {
    co_await store->close();
    CHECK(co_await code_of_create(store, "/a") == "closed");
    CHECK(co_await read(store, "/") == "(closed)");
    CHECK(store->session_state() == SessionState::closed);
    co_await store->close();
}

TEST_CASE_TEMPLATE_DEFINE("every store", Harness, store_suite) {
    struct Case {
        const char* sentence;
        Task<void> (*body)(Store*);
    };
    static constexpr Case cases[] = {
        {"creates nodes and reads them back", creates_and_reads},
        {"refuses bad paths", refuses_bad_paths},
        {"writes only under the right version", writes_under_a_version},
        {"removes only leaves, under the right version", removes_under_a_version},
        {"gives each life of a node its own czxid", gives_each_life_its_own_czxid},
        {"lists children sorted and counts their changes", lists_children_sorted},
        {"numbers sequential nodes by those ever made", numbers_sequential_nodes},
        {"does a multi in order, under one transaction id", does_a_multi_in_order},
        {"does all of a multi or nothing", does_all_of_a_multi_or_nothing},
        {"names the first failure of a multi", names_the_first_failure_of_a_multi},
        {"does a multi that only checks", only_checks},
        {"makes and removes a node in one multi", makes_and_removes_in_one_multi},
        {"bounds the size of a multi", bounds_a_multi},
        {"keeps the order of one client's operations", keeps_the_order_of_a_client},
        {"calls a data watch once", watches_data_once},
        {"calls an exists watch on removal and on creation", watches_removal_and_creation},
        {"arms nothing when the read fails", arms_nothing_on_a_failed_read},
        {"calls a child watch on creation and removal only", watches_children},
        {"does not hint at a multi that failed", hints_only_at_what_happened},
        {"calls a watch before a read shows the change", hints_before_it_shows},
        {"calls every watch that was armed", calls_every_watch},
        {"holds ephemeral nodes for its session", holds_ephemeral_nodes},
        {"answers closed after close", answers_closed_after_close},
    };
    for (const auto& [sentence, body] : cases) {
        SUBCASE(sentence) {
            Harness harness;
            harness.run(body(&harness.store()));
        }
    }
}

// ---- Sessions, from outside

template <class Harness>
Task<void> close_takes_ephemerals(Harness* harness) {
    Store* one = &harness->store();
    Store* two = &harness->other();
    Names seen;
    CHECK(one->session_id() != two->session_id());
    co_await make(one, "/e", "", Lifetime::ephemeral);
    co_await make(one, "/p");
    CHECK((co_await stat_of(two, "/e")).ephemeral_owner == one->session_id());
    good(co_await two->exists("/e", note(&seen)));
    co_await one->close();
    CHECK_FALSE(co_await is_there(two, "/e"));
    CHECK(co_await is_there(two, "/p"));
    CHECK(seen == Names{"/e"});
}

template <class Harness>
Task<void> expiry_ends_a_session(Harness* harness) {
    Store* one = &harness->store();
    Store* two = &harness->other();
    std::vector<SessionState> states;
    Names seen;
    runtime::Signal changed;
    one->on_session_change([&states, &changed](SessionState state) {
        states.push_back(state);
        changed.notify_all();
    });
    const auto before = one->session_id();
    co_await make(one, "/e", "", Lifetime::ephemeral);
    co_await make(one, "/watched");
    good(co_await one->get("/watched", note(&seen)));
    harness->expire(*one);
    while (one->session_state() != SessionState::connected || one->session_id() == before) co_await changed.wait();
    CHECK(std::find(states.begin(), states.end(), SessionState::expired) != states.end());
    CHECK_FALSE(co_await is_there(two, "/e"));
    co_await write(two, "/watched", "x");
    co_await settle(one);
    CHECK(seen.empty());
    co_await make(one, "/e", "", Lifetime::ephemeral);
    CHECK((co_await stat_of(two, "/e")).ephemeral_owner == one->session_id());
    // The end of the old session must not touch what the new one made.
    CHECK(co_await is_there(one, "/e"));
}

template <class Harness>
Task<void> others_conditions_hold(Harness* harness) {
    Store* one = &harness->store();
    Store* two = &harness->other();
    co_await make(one, "/epoch", "1");
    Operations raise{CheckVersion{"/epoch", 0}, Set{"/epoch", "2", 0}};
    good(co_await two->multi(std::move(raise)));
    Operations zombie{CheckVersion{"/epoch", 0}, Create{"/decision"}};
    CHECK(code(co_await one->multi(std::move(zombie))) == "bad_version");
    CHECK_FALSE(co_await is_there(two, "/decision"));
}

TEST_CASE_TEMPLATE_DEFINE("every store with sessions", Harness, session_suite) {
    Harness harness;
    SUBCASE("takes a session's ephemeral nodes when it is closed") { harness.run(close_takes_ephemerals(&harness)); }
    SUBCASE("ends a session by expiry and begins another") { harness.run(expiry_ends_a_session(&harness)); }
    SUBCASE("holds one client's conditions against another's writes") { harness.run(others_conditions_hold(&harness)); }
}

}  // namespace klog::meta::testing
