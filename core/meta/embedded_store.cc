// SPDX-License-Identifier: Apache-2.0
#include "core/meta/embedded_store.h"

#include "core/base/log.h"

namespace klog::meta {

using base::Errc;
using base::fail;
using base::Result;
using runtime::Task;

/// One operation in the queue, a transaction or a look. Shared by the queue and the coroutine that waits for it.
struct EmbeddedStore::Request {
    std::vector<Operation> operations;  // Empty for a look.
    std::function<void()> look;         // May run twice: again when the round that it stood in was undone.
    std::optional<Result<std::vector<Outcome>>> outcome;
    bool wrote = false;
    bool answered = false;
    runtime::Signal done;

    bool is_look() const { return static_cast<bool>(look); }
};

EmbeddedStore::EmbeddedStore(runtime::Runtime& runtime) : runtime_(runtime), home_(*runtime::Shard::current()) {}

EmbeddedStore::~EmbeddedStore() { *alive_ = false; }

namespace {

struct Opened {
    std::unique_ptr<Journal> journal;
    std::int64_t session = 0;
};

/// On the pool: recovers, and removes what the earlier life held.
Result<Opened> open_journal(os::Disk& disk, Journal::Options options, Tree& tree, base::TimestampMs now_ms) {
    KLOG_TRY(auto journal, Journal::open(disk, std::move(options), tree));
    const std::int64_t session = journal->next_zxid();
    JournalTransaction transaction{session, {}};
    std::vector<Operation> removals;
    for (auto& path : tree.ephemerals()) removals.push_back(Remove{std::move(path)});
    if (!removals.empty()) {
        KLOG_TRY_VOID(tree.apply(removals, session, session, &transaction.changes));
        tree.keep();
        KLOG_TRY_VOID(journal->append({&transaction, 1}, now_ms));
    }
    return Opened{std::move(journal), session};
}

}  // namespace

Task<Result<std::unique_ptr<EmbeddedStore>>> EmbeddedStore::open(os::Disk& disk, runtime::Runtime& runtime,
                                                                 Journal::Options options) {
    std::unique_ptr<EmbeddedStore> store(new EmbeddedStore(runtime));
    const auto now_ms = runtime.clock().wall_ms();
    KLOG_CO_TRY(auto opened, co_await runtime::on_pool(runtime.pool(), [&disk, options, tree = store->tree_, now_ms] {
                    return open_journal(disk, options, *tree, now_ms);
                }));
    store->journal_ = std::move(opened.journal);
    store->session_ = opened.session;
    co_return store;
}

// ---- The callers' side

Task<Result<>> EmbeddedStore::ask(std::shared_ptr<Request> request) {
    if (failure_) co_return std::unexpected(*failure_);
    if (closing_) co_return fail(Errc::closed, "the metadata store is closed");
    if (queue_.size() >= store_queue_max) co_return fail(Errc::limit, "{} metadata operations wait", queue_.size());
    queue_.push_back(request);
    if (!working_) {
        working_ = true;
        scope_.spawn(work());
    }
    if (request->answered) {
        co_await runtime::yield_now();
    } else {
        co_await request->done.wait();
    }
    if (request->outcome && !*request->outcome) co_return std::unexpected(request->outcome->error());
    co_return Result<>();
}

Task<Result<std::vector<Outcome>>> EmbeddedStore::multi(std::vector<Operation> operations) {
    auto request = std::make_shared<Request>();
    request->operations = std::move(operations);
    KLOG_CO_TRY_VOID(co_await ask(request));
    co_return *std::move(request->outcome);
}

template <class T>
Task<Result<T>> EmbeddedStore::read(std::function<Result<T>()> look) {
    auto request = std::make_shared<Request>();
    auto found = std::make_shared<std::optional<Result<T>>>();
    request->look = [look = std::move(look), found] { found->emplace(look()); };
    KLOG_CO_TRY_VOID(co_await ask(request));
    co_return **std::move(found);
}

Task<Result<Node>> EmbeddedStore::get(std::string path, Watch watch) {
    std::function<Result<Node>()> look = [this, path, watch = std::move(watch)]() mutable {
        auto node = tree_->get(path);
        if (node && watch) tree_->watch_node(path, session_, at_home(std::exchange(watch, {})));
        return node;
    };
    return read(std::move(look));
}

Task<Result<std::optional<Stat>>> EmbeddedStore::exists(std::string path, Watch watch) {
    std::function<Result<std::optional<Stat>>()> look =
        [this, path, watch = std::move(watch)]() mutable -> Result<std::optional<Stat>> {
        KLOG_TRY_VOID(check_path(path));
        if (watch) tree_->watch_node(path, session_, at_home(std::exchange(watch, {})));
        return tree_->exists(path);
    };
    return read(std::move(look));
}

Task<Result<std::vector<std::string>>> EmbeddedStore::children(std::string path, Watch watch) {
    std::function<Result<std::vector<std::string>>()> look = [this, path, watch = std::move(watch)]() mutable {
        auto names = tree_->children(path);
        if (names && watch) tree_->watch_children(path, session_, at_home(std::exchange(watch, {})));
        return names;
    };
    return read(std::move(look));
}

Watch EmbeddedStore::at_home(Watch watch) {
    return [home = &home_, alive = alive_, watch = std::move(watch)](const std::string& path) {
        home->post([alive, watch, path] {
            if (*alive) watch(path);
        });
    };
}

void EmbeddedStore::on_session_change(std::function<void(SessionState)> changed) {
    listeners_.push_back(std::move(changed));
}

// ---- Rounds

Task<void> EmbeddedStore::work() {
    while (!queue_.empty()) {
        const auto round = take_round();
        if (failure_) {
            refuse(round, *failure_);
        } else if (auto transactions = apply(round); !transactions.empty()) {
            const auto written = co_await write(std::move(transactions));
            if (!written) refuse(round, written.error());
            tree_->keep();
        }
        answer(round);
        co_await checkpoint_if_due();
    }
    working_ = false;
}

std::vector<std::shared_ptr<EmbeddedStore::Request>> EmbeddedStore::take_round() {
    std::vector<std::shared_ptr<Request>> round;
    std::size_t bytes = 0;
    while (!queue_.empty() && bytes < store_round_bytes_max) {
        for (const auto& operation : queue_.front()->operations) bytes += bytes_of(operation);
        round.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    return round;
}

std::vector<JournalTransaction> EmbeddedStore::apply(const std::vector<std::shared_ptr<Request>>& round) {
    std::vector<JournalTransaction> transactions;
    std::int64_t zxid = journal_->next_zxid();
    for (const auto& request : round) {
        if (request->is_look()) {
            request->look();
            continue;
        }
        JournalTransaction transaction{zxid, {}};
        request->outcome = tree_->apply(request->operations, session_, zxid, &transaction.changes);
        if (!*request->outcome || transaction.changes.empty()) continue;
        request->wrote = true;
        zxid += static_cast<std::int64_t>(transaction.changes.size());
        transactions.push_back(std::move(transaction));
    }
    return transactions;
}

Task<Result<>> EmbeddedStore::write(std::vector<JournalTransaction> transactions) {
    ++rounds_written_;
    const auto now_ms = runtime_.clock().wall_ms();
    auto written =
        co_await runtime::on_pool(runtime_.pool(), [journal = journal_.get(), transactions = std::move(transactions),
                                                    now_ms] { return journal->append(transactions, now_ms); });
    if (!written && written.error().code != Errc::no_space) {
        failure_ = written.error();
        base::log_error("the metadata store has failed: {}", failure_->message);
        become_closed();
    }
    co_return written;
}

/// The round did not become durable: the tree forgets it, and whoever asked is told.
void EmbeddedStore::refuse(const std::vector<std::shared_ptr<Request>>& round, const base::Error& why) {
    tree_->take_back();
    for (const auto& request : round) {
        if (failure_ || request->wrote)
            request->outcome = std::unexpected(why);
        else if (request->is_look())
            request->look();
    }
}

void EmbeddedStore::answer(const std::vector<std::shared_ptr<Request>>& round) {
    for (auto& due : tree_->take_due()) due();
    for (const auto& request : round) {
        request->answered = true;
        request->done.notify_all();
    }
}

Task<void> EmbeddedStore::checkpoint_if_due() {
    if (failure_ || !journal_->checkpoint_due()) co_return;
    const auto now_ms = runtime_.clock().wall_ms();
    const auto done = co_await runtime::on_pool(runtime_.pool(), [journal = journal_.get(), tree = tree_, now_ms] {
        return journal->checkpoint(*tree, now_ms);
    });
    if (done) co_return;
    if (done.error().code == Errc::no_space) {
        base::log_warn("no space for a checkpoint of the metadata store: {}", done.error().message);
        co_return;
    }
    failure_ = done.error();
    base::log_error("the metadata store has failed: {}", failure_->message);
    become_closed();
}

void EmbeddedStore::become_closed() {
    state_ = SessionState::closed;
    home_.post([this, alive = alive_] {
        if (!*alive) return;
        for (auto& listener : listeners_) listener(SessionState::closed);
    });
}

Task<void> EmbeddedStore::close() {
    if (!closing_) {
        // The session's ephemeral nodes go, as the last transaction.
        std::vector<Operation> removals;
        for (auto& path : tree_->ephemerals()) removals.push_back(Remove{std::move(path)});
        if (!removals.empty()) (void)co_await multi(std::move(removals));
        closing_ = true;
    }
    co_await scope_.join();
    if (state_ != SessionState::closed) become_closed();
}

}  // namespace klog::meta
