// SPDX-License-Identifier: Apache-2.0
// The machine's disk: Linux system calls behind os/disk.h. No state but the descriptors that sync_filesystem keeps.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <limits>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include "core/os/disk.h"

namespace klog::os {
namespace {

using base::Errc;
using base::fail;
using base::Result;

Errc code_of(int number) {
    switch (number) {
        case ENOSPC:
        case EDQUOT: return Errc::no_space;
        case ENOENT: return Errc::not_found;
        case EEXIST: return Errc::exists;
        case ENOTEMPTY: return Errc::not_empty;
        case EMFILE:
        case ENFILE: return Errc::limit;
        default: return Errc::io;
    }
}

/// The error of the system call that has just failed.
std::unexpected<base::Error> failed(const std::string& path, const char* call, int number = errno) {
    return fail(code_of(number), "{}: {}: {}", path, call, std::generic_category().message(number));
}

/// Repeats a system call for as long as a signal interrupts it. Not for fsync and its like (see PosixFile::sync).
template <class Call>
auto uninterrupted(Call call) {
    auto result = call();
    while (result < 0 && errno == EINTR) result = call();
    return result;
}

/// A descriptor that is closed with its owner.
class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int get() const { return number_; }

private:
    int number_;
};

Result<Descriptor> open_path(const std::string& path, int flags) {
    const int number = uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); });
    if (number < 0) return failed(path, "open");
    return Descriptor(number);
}

std::uint64_t page_bytes() {
    static const auto bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
}

/// A range of whole pages that covers a range of bytes.
struct Pages {
    std::uint64_t position;
    std::uint64_t length;
    Pages(std::uint64_t from, std::uint64_t bytes) : position(from / page_bytes() * page_bytes()) {
        length = (from + bytes - position + page_bytes() - 1) / page_bytes() * page_bytes();
    }
    std::uint64_t count() const { return length / page_bytes(); }
};

/// By cachestat (Linux 6.5). Less than nothing: the kernel cannot say, ask mincore.
int resident_by_cachestat(int descriptor, Pages pages) {
    struct Range {
        std::uint64_t offset, length;
    } range{pages.position, pages.length};
    struct Stat {
        std::uint64_t cached, dirty, writeback, evicted, recently_evicted;
    } stat{};
    constexpr long cachestat_call = 451;  // The same number on every architecture; glibc 2.36 has no name for it.
    static std::atomic<bool> missing{false};
    if (missing.load(std::memory_order_relaxed)) return -1;
    if (::syscall(cachestat_call, descriptor, &range, &stat, 0) != 0) {
        if (errno == ENOSYS) missing.store(true, std::memory_order_relaxed);
        return -1;
    }
    return stat.cached >= pages.count() ? 1 : 0;
}

bool resident_by_mincore(int descriptor, Pages pages) {
    void* const at =
        ::mmap(nullptr, pages.length, PROT_READ, MAP_SHARED, descriptor, static_cast<off_t>(pages.position));
    if (at == MAP_FAILED) return false;
    std::vector<unsigned char> state(pages.count());
    const bool known = ::mincore(at, pages.length, state.data()) == 0;
    ::munmap(at, pages.length);
    return known && std::ranges::all_of(state, [](unsigned char page) { return (page & 1) != 0; });
}

/// The pieces of a write that are still to be written, as iovecs of at most IOV_MAX.
class Remaining {
public:
    explicit Remaining(std::span<const std::string_view> pieces) : pieces_(pieces) { skip(0); }
    bool empty() const { return pieces_.empty(); }

    int fill(std::span<iovec> into) const {
        std::size_t count = 0;
        for (const std::string_view piece : pieces_) {
            if (count == into.size()) break;
            const std::string_view rest = piece.substr(count == 0 ? skipped_ : 0);
            into[count++] = {const_cast<char*>(rest.data()), rest.size()};
        }
        return static_cast<int>(count);
    }

    /// Drops what was written, and empty pieces at the front.
    void skip(std::size_t written) {
        skipped_ += written;
        while (!pieces_.empty() && skipped_ >= pieces_.front().size()) {
            skipped_ -= pieces_.front().size();
            pieces_ = pieces_.subspan(1);
        }
    }

private:
    std::span<const std::string_view> pieces_;
    std::size_t skipped_ = 0;  // Of the first piece.
};

class PosixFile final : public File {
public:
    PosixFile(std::string path, Descriptor descriptor) : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

    int descriptor() const override { return descriptor_.get(); }
    const std::string& path() const override { return path_; }

    Result<std::size_t> read_at(std::uint64_t position, std::span<char> into) const override {
        std::size_t done = 0;
        while (done < into.size()) {
            const auto at = static_cast<off_t>(position + done);
            const auto n =
                uninterrupted([&] { return ::pread(descriptor(), into.data() + done, into.size() - done, at); });
            if (n < 0) return failed(path_, "pread");
            if (n == 0) break;
            done += static_cast<std::size_t>(n);
        }
        return done;
    }

    Result<> write_at(std::uint64_t position, std::span<const std::string_view> pieces) override {
        std::array<iovec, IOV_MAX> vectors;
        Remaining remaining(pieces);
        while (!remaining.empty()) {
            const int count = remaining.fill(vectors);
            const auto at = static_cast<off_t>(position);
            const auto n = uninterrupted([&] { return ::pwritev(descriptor(), vectors.data(), count, at); });
            if (n < 0) return failed(path_, "pwritev");
            if (n == 0) return fail(Errc::io, "{}: pwritev: nothing was written", path_);
            remaining.skip(static_cast<std::size_t>(n));
            position += static_cast<std::uint64_t>(n);
        }
        return {};
    }

    Result<std::uint64_t> size() const override {
        struct stat status;
        if (::fstat(descriptor(), &status) != 0) return failed(path_, "fstat");
        return static_cast<std::uint64_t>(status.st_size);
    }

    Result<> truncate(std::uint64_t size) override {
        if (uninterrupted([&] { return ::ftruncate(descriptor(), static_cast<off_t>(size)); }) != 0)
            return failed(path_, "ftruncate");
        return {};
    }

    /// Tried once, whatever it says: after a failure the kernel has marked the pages clean, and a second call would
    /// succeed without having written them.
    Result<> sync() override {
        if (::fdatasync(descriptor()) != 0) return failed(path_, "fdatasync");
        return {};
    }

    bool resident(std::uint64_t position, std::uint64_t length) const override {
        if (length == 0) return true;
        const Pages pages(position, length);
        const int answer = resident_by_cachestat(descriptor(), pages);
        return answer < 0 ? resident_by_mincore(descriptor(), pages) : answer > 0;
    }

private:
    const std::string path_;
    const Descriptor descriptor_;
};

class PosixMapping final : public Mapping {
public:
    PosixMapping(void* at, std::size_t length) : at_(at), length_(length) {}
    PosixMapping(const PosixMapping&) = delete;
    PosixMapping& operator=(const PosixMapping&) = delete;
    ~PosixMapping() override {
        if (length_ != 0) ::munmap(at_, length_);
    }
    std::string_view bytes() const override { return {static_cast<const char*>(at_), length_}; }

private:
    void* const at_;
    const std::size_t length_;
};

class PosixLock final : public Lock {
public:
    explicit PosixLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

private:
    const Descriptor descriptor_;  // Closing it gives the lock back.
};

/// Also takes the record lock by which a JVM (Kafka) holds its `.lock` file. Where the filesystem knows no such locks,
/// flock alone has to do.
bool held_by_record_lock(int descriptor) {
    struct flock whole{};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    return ::fcntl(descriptor, F_OFD_SETLK, &whole) != 0 && (errno == EAGAIN || errno == EACCES);
}

/// Closes a directory stream with its owner.
struct CloseDirectory {
    void operator()(DIR* stream) const { ::closedir(stream); }
};

bool is_directory(DIR* stream, const dirent& entry) {
    if (entry.d_type != DT_UNKNOWN && entry.d_type != DT_LNK) return entry.d_type == DT_DIR;
    struct stat status;
    return ::fstatat(::dirfd(stream), entry.d_name, &status, 0) == 0 && S_ISDIR(status.st_mode);
}

class PosixDisk final : public Disk {
public:
    Result<std::shared_ptr<File>> open(const std::string& path, Open how) override {
        const int flags = how == Open::read         ? O_RDONLY
                          : how == Open::read_write ? O_RDWR
                          : how == Open::create     ? O_RDWR | O_CREAT
                                                    : O_RDWR | O_CREAT | O_EXCL;
        KLOG_TRY(auto descriptor, open_path(path, flags));
        return std::make_shared<PosixFile>(path, std::move(descriptor));
    }

    Result<std::unique_ptr<Mapping>> map(const std::string& path) override {
        KLOG_TRY(const auto descriptor, open_path(path, O_RDONLY));
        struct stat status;
        if (::fstat(descriptor.get(), &status) != 0) return failed(path, "fstat");
        const auto length = static_cast<std::size_t>(status.st_size);
        if (length == 0) return std::make_unique<PosixMapping>(nullptr, 0);
        void* const at = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, descriptor.get(), 0);
        if (at == MAP_FAILED && errno == ENOMEM)
            return fail(Errc::limit, "{}: mmap: no more mappings (vm.max_map_count) or no memory", path);
        if (at == MAP_FAILED) return failed(path, "mmap");
        return std::make_unique<PosixMapping>(at, length);
    }

    Result<> rename(const std::string& from, const std::string& to) override {
        if (::rename(from.c_str(), to.c_str()) == 0) return {};
        const int number = errno;
        return fail(code_of(number), "{}: rename to {}: {}", from, to, std::generic_category().message(number));
    }

    Result<> remove(const std::string& path) override {
        if (::unlink(path.c_str()) == 0) return {};
        if (errno != EISDIR) return failed(path, "unlink");
        if (::rmdir(path.c_str()) != 0) return failed(path, "rmdir");
        return {};
    }

    Result<> make_directory(const std::string& path) override {
        if (::mkdir(path.c_str(), 0755) == 0) return {};
        if (errno == EEXIST) {
            struct stat status;
            if (::stat(path.c_str(), &status) != 0) return failed(path, "stat");
            if (!S_ISDIR(status.st_mode)) return fail(Errc::io, "{}: mkdir: a file of that name is there", path);
            return {};
        }
        const std::string parent = parent_of(path);
        if (errno != ENOENT || parent == path) return failed(path, "mkdir");
        KLOG_TRY_VOID(make_directory(parent));
        if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return failed(path, "mkdir");
        return {};
    }

    Result<> sync_directory(const std::string& path) override {
        KLOG_TRY(const auto descriptor, open_path(path, O_RDONLY | O_DIRECTORY));
        if (::fsync(descriptor.get()) != 0) return failed(path, "fsync");
        return {};
    }

    Result<> sync_filesystem(const std::string& path) override {
        KLOG_TRY(const int descriptor, kept_descriptor(path));
        if (::syncfs(descriptor) != 0) return failed(path, "syncfs");
        return {};
    }

    Result<> watch_filesystem(const std::string& path) override {
        KLOG_TRY_VOID(kept_descriptor(path));
        return {};
    }

    Result<std::vector<Entry>> list(const std::string& path) override {
        const std::unique_ptr<DIR, CloseDirectory> stream(::opendir(path.c_str()));
        if (stream == nullptr) return failed(path, "opendir");
        std::vector<Entry> entries;
        for (;;) {
            errno = 0;
            const dirent* const entry = ::readdir(stream.get());
            if (entry == nullptr) break;
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") entries.push_back({std::string(name), is_directory(stream.get(), *entry)});
        }
        if (errno != 0) return failed(path, "readdir");
        std::ranges::sort(entries, {}, &Entry::name);
        return entries;
    }

    Result<FileInfo> info(const std::string& path) override {
        struct stat status;
        if (::stat(path.c_str(), &status) != 0) return failed(path, "stat");
        const std::int64_t modified_ms = status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1'000'000;
        return FileInfo{static_cast<std::uint64_t>(status.st_size), S_ISDIR(status.st_mode), modified_ms};
    }

    Result<Space> space(const std::string& path) override {
        struct statvfs status;
        if (::statvfs(path.c_str(), &status) != 0) return failed(path, "statvfs");
        return Space{std::uint64_t{status.f_blocks} * status.f_frsize,
                     std::uint64_t{status.f_bavail} * status.f_frsize};
    }

    Result<std::unique_ptr<Lock>> lock(const std::string& path) override {
        KLOG_TRY(auto descriptor, open_path(path, O_RDWR | O_CREAT));
        if (uninterrupted([&] { return ::flock(descriptor.get(), LOCK_EX | LOCK_NB); }) != 0) {
            if (errno != EWOULDBLOCK) return failed(path, "flock");
            return fail(Errc::busy, "{}: locked by another process", path);
        }
        if (held_by_record_lock(descriptor.get())) return fail(Errc::busy, "{}: locked by another process", path);
        return std::make_unique<PosixLock>(std::move(descriptor));
    }

private:
    /// One descriptor for each filesystem that is watched or was ever synced. Kept, because syncfs reports only those
    /// write-back errors that came up after its descriptor was opened, or that nobody was told of yet.
    Result<int> kept_descriptor(const std::string& path) {
        const std::scoped_lock guard(mutex_);
        const auto found = kept_.find(path);
        if (found != kept_.end()) return found->second.get();
        KLOG_TRY(auto descriptor, open_path(path, O_RDONLY | O_DIRECTORY));
        return kept_.emplace(path, std::move(descriptor)).first->second.get();
    }

    std::mutex mutex_;
    std::map<std::string, Descriptor> kept_;
};

}  // namespace

Disk& posix_disk() {
    static PosixDisk disk;
    return disk;
}

}  // namespace klog::os
