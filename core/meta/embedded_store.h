// SPDX-License-Identifier: Apache-2.0
// The metadata store of a single broker: the tree of meta/tree.h, kept durable below the data directory by
// meta/journal.h. The process is its only session: the ephemeral nodes of an earlier life are gone when it opens.
//
// Operations are worked off in rounds: a round takes what has gathered, applies it to the tree in order of arrival,
// writes all its transactions with one write and one fdatasync on the pool, and then answers everything in order. Reads
// stand in the same queue, so nothing that is not durable is ever seen.
//
// When the disk fails the store is closed for good: what was under way and all later operations answer with that error,
// and listeners see SessionState::closed. A full disk refuses writes with no_space and takes them again later.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/meta/journal.h"
#include "core/meta/store.h"
#include "core/meta/tree.h"
#include "core/runtime/scope.h"
#include "core/runtime/shard.h"

namespace klog::meta {

/// Operations that may wait; more answer with limit.
inline constexpr std::size_t store_queue_max = 65'536;
/// A round takes no more transactions once they make this much.
inline constexpr std::size_t store_round_bytes_max = 8u << 20;

class EmbeddedStore final : public Store {
public:
    /// Opens or makes the store in this directory; it lives on the current shard. corrupt: its files are damaged.
    static runtime::Task<base::Result<std::unique_ptr<EmbeddedStore>>> open(os::Disk& disk, runtime::Runtime& runtime,
                                                                            Journal::Options options);
    ~EmbeddedStore() override;  // After close().

    runtime::Task<base::Result<std::vector<Outcome>>> multi(std::vector<Operation> operations) override;
    runtime::Task<base::Result<Node>> get(std::string path, Watch watch) override;
    runtime::Task<base::Result<std::optional<Stat>>> exists(std::string path, Watch watch) override;
    runtime::Task<base::Result<std::vector<std::string>>> children(std::string path, Watch watch) override;
    SessionState session_state() const override { return state_; }
    std::int64_t session_id() const override { return session_; }
    void on_session_change(std::function<void(SessionState)> changed) override;
    /// Ends what is under way first.
    runtime::Task<void> close() override;

    /// Rounds that wrote so far: each costs one fdatasync.
    std::uint64_t rounds_written() const { return rounds_written_; }

private:
    struct Request;

    explicit EmbeddedStore(runtime::Runtime& runtime);
    runtime::Task<base::Result<>> ask(std::shared_ptr<Request> request);
    template <class T>
    runtime::Task<base::Result<T>> read(std::function<base::Result<T>()> look);
    runtime::Task<void> work();
    std::vector<std::shared_ptr<Request>> take_round();
    std::vector<JournalTransaction> apply(const std::vector<std::shared_ptr<Request>>& round);
    runtime::Task<base::Result<>> write(std::vector<JournalTransaction> transactions);
    void refuse(const std::vector<std::shared_ptr<Request>>& round, const base::Error& why);
    void answer(const std::vector<std::shared_ptr<Request>>& round);
    runtime::Task<void> checkpoint_if_due();
    Watch at_home(Watch watch);
    void become_closed();

    runtime::Runtime& runtime_;
    runtime::Shard& home_;
    std::unique_ptr<Journal> journal_;  // The pool's while a round writes.
    std::shared_ptr<Tree> tree_ = std::make_shared<Tree>();
    std::int64_t session_ = 0;
    SessionState state_ = SessionState::connected;
    std::optional<base::Error> failure_;
    std::deque<std::shared_ptr<Request>> queue_;
    bool working_ = false;
    bool closing_ = false;
    std::uint64_t rounds_written_ = 0;
    std::vector<std::function<void(SessionState)>> listeners_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    runtime::Scope scope_;
};

}  // namespace klog::meta
