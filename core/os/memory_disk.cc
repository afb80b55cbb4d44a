// SPDX-License-Identifier: Apache-2.0
#include "core/os/memory_disk.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/base/check.h"

namespace klog::os {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t call_kinds = static_cast<std::size_t>(Call::lock) + 1;
constexpr std::int64_t standing_time_ms = 1'700'000'000'000;

/// The system call that the machine's disk would name.
const char* name_of(Call call) {
    switch (call) {
        case Call::open: return "open";
        case Call::read: return "pread";
        case Call::write: return "pwritev";
        case Call::truncate: return "ftruncate";
        case Call::sync: return "fdatasync";
        case Call::map: return "mmap";
        case Call::rename: return "rename";
        case Call::remove: return "unlink";
        case Call::make_directory: return "mkdir";
        case Call::sync_directory: return "fsync";
        case Call::sync_filesystem: return "syncfs";
        case Call::list: return "opendir";
        case Call::info: return "stat";
        case Call::lock: return "flock";
    }
    return "";
}

const char* words_of(Errc code) {
    switch (code) {
        case Errc::no_space: return "No space left on device";
        case Errc::limit: return "Too many open files";
        default: return "Input/output error";
    }
}

std::unexpected<base::Error> failed(const std::string& path, Call call, Refusal refusal) {
    return fail(refusal.code, "{}: {}: {}", path, name_of(call), refusal.words);
}

class MemoryMapping final : public Mapping {
public:
    explicit MemoryMapping(std::string bytes) : bytes_(std::move(bytes)) {}
    std::string_view bytes() const override { return bytes_; }

private:
    const std::string bytes_;
};

std::string whole(const MemoryImage& image, InodeId file) {
    std::string bytes(image.size(file), '\0');
    image.read(file, 0, bytes);
    return bytes;
}

}  // namespace

/// Shared by the disk and its handles, which may outlive it.
struct MemoryDisk::State {
    struct Planned {
        Fault fault;
        std::uint64_t seen = 0;
    };
    /// A call that has its turn: the lock, and the fault that it meets.
    struct Turn {
        std::unique_lock<std::mutex> guard;
        std::optional<Fault> fault;
    };

    mutable std::mutex mutex;
    MemoryImage image;
    const base::Clock* clock = nullptr;
    std::uint64_t capacity_bytes = 0;
    std::uint64_t life = 1;  // A crash begins the next; handles of an earlier one are dead.
    bool on = true;
    std::set<std::string> watched;  // By watch_filesystem.
    std::vector<Planned> faults;
    std::array<std::uint64_t, call_kinds> calls{};
    std::uint64_t steps = 0;
    std::function<void(const Step&)> hook;
    std::set<InodeId> locked;
    Residency residency = Residency::always;
    base::Random random{1};

    std::int64_t now_ms() const { return clock != nullptr ? clock->wall_ms() : standing_time_ms; }

    Result<> alive(const std::string& path, Call call, std::uint64_t handle_life) const {
        if (!on) return fail(Errc::io, "{}: {}: the machine is off", path, name_of(call));
        if (handle_life != life) return fail(Errc::io, "{}: {}: opened before the crash", path, name_of(call));
        return {};
    }

    std::optional<Fault> next_fault(const std::string& path, Call call) {
        std::optional<Fault> met;
        for (Planned& planned : faults) {
            const Fault& fault = planned.fault;
            if (fault.call != call || path.find(fault.path_part) == std::string::npos) continue;
            ++planned.seen;
            if (!met && (planned.seen == fault.nth || (fault.lasting && planned.seen > fault.nth))) met = fault;
        }
        return met;
    }

    /// Every call begins here. A step tells the hook first, without the lock. `handle_life` 0: a call without a handle.
    Result<Turn> enter(const std::string& path, Call call, bool is_step, std::uint64_t handle_life = 0) {
        std::unique_lock guard(mutex);
        if (handle_life == 0) handle_life = life;
        KLOG_TRY_VOID(alive(path, call, handle_life));
        ++calls[static_cast<std::size_t>(call)];
        if (is_step) {
            const Step step{++steps, call, path};
            const auto told = hook;
            guard.unlock();
            if (told) told(step);
            guard.lock();
            KLOG_TRY_VOID(alive(path, call, handle_life));
        }
        auto fault = next_fault(path, call);
        return Turn{std::move(guard), std::move(fault)};
    }

    /// For calls whose failure leaves everything as it was.
    Result<std::unique_lock<std::mutex>> enter_whole(const std::string& path, Call call, bool is_step,
                                                     std::uint64_t handle_life = 0) {
        KLOG_TRY(Turn turn, enter(path, call, is_step, handle_life));
        if (turn.fault) return failed(path, call, {turn.fault->code, words_of(turn.fault->code)});
        return std::move(turn.guard);
    }

    bool exists(const std::string& path) const {
        const std::scoped_lock guard(mutex);
        return image.find(path).has_value();
    }

    Result<> sync(const std::string& path, Call call, const Turn& turn, InodeId inode) {
        image.sync(inode, !turn.fault);
        if (turn.fault) return failed(path, call, {turn.fault->code, words_of(turn.fault->code)});
        return {};
    }
};

class MemoryDisk::MemoryFile final : public File {
public:
    MemoryFile(std::shared_ptr<State> state, std::string path, InodeId inode, bool writable)
        : state_(std::move(state)),
          path_(std::move(path)),
          inode_(inode),
          life_(state_->life),
          writable_(writable),
          random_(state_->random.next()) {
        state_->image.opened(inode_);
    }
    ~MemoryFile() override {
        const std::scoped_lock guard(state_->mutex);
        if (life_ == state_->life) state_->image.closed(inode_);
    }

    const std::string& path() const override { return path_; }

    Result<std::size_t> read_at(std::uint64_t position, std::span<char> into) const override {
        KLOG_TRY(const auto guard, state_->enter_whole(path_, Call::read, false, life_));
        return state_->image.read(inode_, position, into);
    }

    Result<> write_at(std::uint64_t position, std::span<const std::string_view> pieces) override {
        std::string bytes;
        for (const std::string_view piece : pieces) bytes += piece;
        if (bytes.empty()) return {};
        if (!writable_) return failed(path_, Call::write, {Errc::io, "Bad file descriptor"});
        KLOG_TRY(const auto turn, state_->enter(path_, Call::write, true, life_));
        if (turn.fault) {
            bytes.resize(std::min<std::uint64_t>(bytes.size(), turn.fault->written_bytes));
            (void)put(position, bytes);
            return failed(path_, Call::write, {turn.fault->code, words_of(turn.fault->code)});
        }
        const std::uint64_t fitting = fits(position, bytes.size());
        const bool full = fitting < bytes.size();
        bytes.resize(fitting);
        KLOG_TRY_VOID(put(position, bytes));
        if (full) return failed(path_, Call::write, {Errc::no_space, words_of(Errc::no_space)});
        return {};
    }

    Result<std::uint64_t> size() const override {
        const std::scoped_lock guard(state_->mutex);
        KLOG_TRY_VOID(state_->alive(path_, Call::info, life_));
        return state_->image.size(inode_);
    }

    Result<> truncate(std::uint64_t size) override {
        if (!writable_) return failed(path_, Call::truncate, {Errc::io, "Invalid argument"});
        KLOG_TRY(const auto guard, state_->enter_whole(path_, Call::truncate, true, life_));
        if (const auto done = state_->image.truncate(inode_, size, state_->now_ms()); !done)
            return failed(path_, Call::truncate, done.error());
        return {};
    }

    Result<> sync() override {
        KLOG_TRY(const auto turn, state_->enter(path_, Call::sync, true, life_));
        return state_->sync(path_, Call::sync, turn, inode_);
    }

    bool resident(std::uint64_t position, std::uint64_t length) const override {
        const std::scoped_lock guard(state_->mutex);
        if (life_ != state_->life || position + length > state_->image.size(inode_)) return length == 0;
        switch (state_->residency) {
            case Residency::always: return true;
            case Residency::never: return length == 0;
            case Residency::random: return random_.one_in(2);
        }
        return false;
    }

private:
    /// How many of `length` bytes at `position` the disk still takes.
    std::uint64_t fits(std::uint64_t position, std::uint64_t length) const {
        const std::uint64_t used = state_->image.used_bytes();
        const std::uint64_t free = state_->capacity_bytes > used ? state_->capacity_bytes - used : 0;
        const std::uint64_t end = state_->image.size(inode_) + free;
        return position < end ? std::min(length, end - position) : 0;
    }

    Result<> put(std::uint64_t position, std::string_view bytes) {
        if (const auto done = state_->image.write(inode_, position, bytes, state_->now_ms()); !done)
            return failed(path_, Call::write, done.error());
        return {};
    }

    const std::shared_ptr<State> state_;
    const std::string path_;
    const InodeId inode_;
    const std::uint64_t life_;
    const bool writable_;
    mutable base::Random random_;
};

class MemoryDisk::MemoryLock final : public Lock {
public:
    MemoryLock(std::shared_ptr<State> state, InodeId inode)
        : state_(std::move(state)), inode_(inode), life_(state_->life) {
        state_->locked.insert(inode_);
        state_->image.opened(inode_);
    }
    MemoryLock(const MemoryLock&) = delete;
    MemoryLock& operator=(const MemoryLock&) = delete;
    ~MemoryLock() override {
        const std::scoped_lock guard(state_->mutex);
        if (life_ != state_->life) return;
        state_->locked.erase(inode_);
        state_->image.closed(inode_);
    }

private:
    const std::shared_ptr<State> state_;
    const InodeId inode_;
    const std::uint64_t life_;
};

MemoryDisk::MemoryDisk(const Options& options) : state_(std::make_shared<State>()) {
    state_->clock = options.clock;
    state_->capacity_bytes = options.capacity_bytes;
    state_->random = base::Random(options.seed);
}

MemoryDisk::~MemoryDisk() = default;

Result<std::shared_ptr<File>> MemoryDisk::open(const std::string& path, Open how) {
    const bool creates = how == Open::create || how == Open::create_new;
    KLOG_TRY(const auto guard, state_->enter_whole(path, Call::open, creates && !state_->exists(path)));
    auto found = state_->image.find(path);
    if (found && how == Open::create_new) return failed(path, Call::open, {Errc::exists, "File exists"});
    if (!found && creates && found.error().code == Errc::not_found)
        found = state_->image.create(path, false, state_->now_ms());
    if (!found) return failed(path, Call::open, found.error());
    if (state_->image.is_directory(*found)) return failed(path, Call::open, {Errc::io, "Is a directory"});
    return std::make_shared<MemoryFile>(state_, path, *found, how != Open::read);
}

Result<std::unique_ptr<Mapping>> MemoryDisk::map(const std::string& path) {
    KLOG_TRY(const auto guard, state_->enter_whole(path, Call::map, false));
    const auto found = state_->image.find(path);
    if (!found) return failed(path, Call::map, found.error());
    if (state_->image.is_directory(*found)) return failed(path, Call::map, {Errc::io, "No such device"});
    return std::make_unique<MemoryMapping>(whole(state_->image, *found));
}

Result<> MemoryDisk::rename(const std::string& from, const std::string& to) {
    KLOG_TRY(const auto guard, state_->enter_whole(from, Call::rename, true));
    const auto done = state_->image.rename(from, to);
    if (!done) return fail(done.error().code, "{}: rename to {}: {}", from, to, done.error().words);
    return {};
}

Result<> MemoryDisk::remove(const std::string& path) {
    KLOG_TRY(const auto guard, state_->enter_whole(path, Call::remove, true));
    if (const auto done = state_->image.remove(path); !done) return failed(path, Call::remove, done.error());
    return {};
}

Result<> MemoryDisk::make_directory(const std::string& path) {
    {
        const std::scoped_lock guard(state_->mutex);
        KLOG_TRY_VOID(state_->alive(path, Call::make_directory, state_->life));
        if (const auto found = state_->image.find(path)) {
            if (state_->image.is_directory(*found)) return {};
            return failed(path, Call::make_directory, {Errc::io, "a file of that name is there"});
        } else if (found.error().code != Errc::not_found) {
            return failed(path, Call::make_directory, found.error());
        }
    }
    KLOG_TRY_VOID(make_directory(parent_of(path)));
    KLOG_TRY(const auto guard, state_->enter_whole(path, Call::make_directory, true));
    if (const auto made = state_->image.create(path, true, state_->now_ms());
        !made && made.error().code != Errc::exists)
        return failed(path, Call::make_directory, made.error());
    return {};
}

Result<> MemoryDisk::sync_directory(const std::string& path) {
    KLOG_TRY(const auto turn, state_->enter(path, Call::sync_directory, true));
    const auto found = state_->image.find(path);
    if (!found) return failed(path, Call::sync_directory, found.error());
    if (!state_->image.is_directory(*found)) return failed(path, Call::sync_directory, {Errc::io, "Not a directory"});
    return state_->sync(path, Call::sync_directory, turn, *found);
}

Result<> MemoryDisk::watch_filesystem(const std::string& path) {
    const std::scoped_lock guard(state_->mutex);
    state_->watched.insert(path);
    return {};
}

bool MemoryDisk::watches(const std::string& path) const {
    const std::scoped_lock guard(state_->mutex);
    return state_->watched.contains(path);
}

Result<> MemoryDisk::sync_filesystem(const std::string& path) {
    KLOG_TRY(const auto turn, state_->enter(path, Call::sync_filesystem, true));
    if (const auto found = state_->image.find(path); !found) return failed(path, Call::sync_filesystem, found.error());
    state_->image.sync_all(!turn.fault);
    if (turn.fault) return failed(path, Call::sync_filesystem, {turn.fault->code, words_of(turn.fault->code)});
    return {};
}

Result<std::vector<Entry>> MemoryDisk::list(const std::string& path) {
    KLOG_TRY(const auto guard, state_->enter_whole(path, Call::list, false));
    const auto found = state_->image.find(path);
    if (!found) return failed(path, Call::list, found.error());
    if (!state_->image.is_directory(*found)) return failed(path, Call::list, {Errc::io, "Not a directory"});
    std::vector<Entry> entries;
    for (auto& [name, is_directory] : state_->image.entries(*found)) entries.push_back({std::move(name), is_directory});
    return entries;
}

Result<FileInfo> MemoryDisk::info(const std::string& path) {
    KLOG_TRY(const auto guard, state_->enter_whole(path, Call::info, false));
    const auto found = state_->image.find(path);
    if (!found) return failed(path, Call::info, found.error());
    const MemoryImage& image = state_->image;
    return FileInfo{image.size(*found), image.is_directory(*found), image.modified_ms(*found)};
}

Result<Space> MemoryDisk::space(const std::string& path) {
    KLOG_TRY(const auto guard, state_->enter_whole(path, Call::info, false));
    if (const auto found = state_->image.find(path); !found) return failed(path, Call::info, found.error());
    const std::uint64_t used = std::min(state_->capacity_bytes, state_->image.used_bytes());
    return Space{state_->capacity_bytes, state_->capacity_bytes - used};
}

Result<std::unique_ptr<Lock>> MemoryDisk::lock(const std::string& path) {
    KLOG_TRY(const auto guard, state_->enter_whole(path, Call::lock, !state_->exists(path)));
    auto found = state_->image.find(path);
    if (!found && found.error().code == Errc::not_found) found = state_->image.create(path, false, state_->now_ms());
    if (!found) return failed(path, Call::lock, found.error());
    if (state_->locked.contains(*found)) return fail(Errc::busy, "{}: locked by another process", path);
    return std::make_unique<MemoryLock>(state_, *found);
}

std::unique_ptr<MemoryDisk> MemoryDisk::clone() const {
    auto copy = std::make_unique<MemoryDisk>();
    const std::scoped_lock guard(state_->mutex);
    State& state = *copy->state_;
    state.image = state_->image;
    state.clock = state_->clock;
    state.capacity_bytes = state_->capacity_bytes;
    state.calls = state_->calls;
    state.steps = state_->steps;
    state.residency = state_->residency;
    state.random = state_->random;
    state.image.crash(Crash::process, state.random, 0);  // The copy has no handles.
    return copy;
}

void MemoryDisk::power_off() {
    const std::scoped_lock guard(state_->mutex);
    state_->on = false;
}

namespace {

template <class State>
void begin_next_life(State& state, Crash how, base::Random& random, std::uint64_t torn_bytes_kept) {
    state.image.crash(how, random, torn_bytes_kept);
    state.locked.clear();
    state.faults.clear();
    ++state.life;
    state.on = true;
}

}  // namespace

void MemoryDisk::crash(Crash how, base::Random& random) {
    const std::scoped_lock guard(state_->mutex);
    const std::uint64_t bytes = how == Crash::tear_last_write ? state_->image.torn_bytes_max() : 0;
    begin_next_life(*state_, how, random, bytes > 0 ? random.below(bytes) : 0);
}

void MemoryDisk::crash_tearing(std::uint64_t bytes_kept) {
    const std::scoped_lock guard(state_->mutex);
    begin_next_life(*state_, Crash::tear_last_write, state_->random, bytes_kept);
}

std::uint64_t MemoryDisk::torn_bytes_max() const {
    const std::scoped_lock guard(state_->mutex);
    return state_->image.torn_bytes_max();
}

void MemoryDisk::plan(Fault fault) {
    const std::scoped_lock guard(state_->mutex);
    state_->faults.push_back({std::move(fault), 0});
}

void MemoryDisk::clear_faults() {
    const std::scoped_lock guard(state_->mutex);
    state_->faults.clear();
}

void MemoryDisk::set_capacity(std::uint64_t bytes) {
    const std::scoped_lock guard(state_->mutex);
    state_->capacity_bytes = bytes;
}

std::uint64_t MemoryDisk::used_bytes() const {
    const std::scoped_lock guard(state_->mutex);
    return state_->image.used_bytes();
}

void MemoryDisk::set_residency(Residency residency) {
    const std::scoped_lock guard(state_->mutex);
    state_->residency = residency;
}

void MemoryDisk::damage(const std::string& path, std::uint64_t position, unsigned char mask) {
    const std::scoped_lock guard(state_->mutex);
    const auto file = state_->image.find(path);
    KLOG_CHECK(file.has_value(), "the file to be damaged is there");
    char byte = 0;
    state_->image.read(*file, position, {&byte, 1});
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ mask);
    state_->image.damage(*file, position, {&byte, 1});
}

void MemoryDisk::before_step(std::function<void(const Step&)> hook) {
    const std::scoped_lock guard(state_->mutex);
    state_->hook = std::move(hook);
}

std::uint64_t MemoryDisk::steps() const {
    const std::scoped_lock guard(state_->mutex);
    return state_->steps;
}

std::uint64_t MemoryDisk::calls(Call call) const {
    const std::scoped_lock guard(state_->mutex);
    return state_->calls[static_cast<std::size_t>(call)];
}

}  // namespace klog::os
