// SPDX-License-Identifier: Apache-2.0
// What dump-segment makes of bytes: good ones, cut ones, damaged ones. tests/cli has the command as a whole.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "cmd/dump.h"
#include "cmd/dump_files.h"
#include "cmd/dump_stream.h"
#include "core/base/random.h"
#include "core/records/builder.h"

using namespace klog;
using namespace klog::cmd;

namespace {

std::string batch_at(std::int64_t offset, records::Codec codec, int count = 20) {
    records::BatchBuilder builder({.compression = records::Compression(codec), .base_offset = {offset}});
    const records::Header header{"h", "1"};
    for (int i = 0; i < count; ++i)
        builder.append({.timestamp = 1000 + i, .key = "key", .value = "a value", .headers = {&header, 1}});
    return builder.build().value();
}

std::string log_of(int batches, std::int64_t base = 0) {
    std::string bytes;
    for (int i = 0; i < batches; ++i) bytes += batch_at(base + i * 20, static_cast<records::Codec>(i % 5));
    return bytes;
}

/// A folder that is removed, and what is said on stderr while it exists is dropped.
struct Folder {
    Folder() {
        char pattern[] = "/tmp/klog-dump-XXXXXX";
        path = mkdtemp(pattern);
        nothing = open("/dev/null", O_WRONLY);
        stderr_before = dup(STDERR_FILENO);
        dup2(nothing, STDERR_FILENO);
    }
    ~Folder() {
        dup2(stderr_before, STDERR_FILENO);
        close(stderr_before);
        close(nothing);
        std::filesystem::remove_all(path);
    }
    std::string write(const std::string& name, const std::string& bytes) const {
        std::ofstream(path + "/" + name, std::ios::binary) << bytes;
        return path + "/" + name;
    }
    int dump(DumpWish wish, const std::string& what) const {
        wish.paths = {what};
        return run_dump(os::posix_disk(), wish, nothing);
    }
    std::string path;
    int nothing, stderr_before;
};

}  // namespace

TEST_CASE("a file is known by its name and its partition by its directory's") {
    const auto log = recognise("data/page.views_3/00000000000000000042.log");
    REQUIRE(log);
    CHECK(log->kind == DumpKind::log);
    CHECK(log->base_offset == base::Offset{42});
    CHECK(log->topic == "page.views");
    CHECK(log->partition.value == 3);
    CHECK(recognise("a-0/00000000000000000042.timeindex.deleted")->kind == DumpKind::time_index);
    CHECK(recognise("x/leader-epoch-checkpoint")->kind == DumpKind::leader_epochs);
    CHECK(recognise("x/replication-offset-checkpoint")->kind == DumpKind::offset_checkpoint);
    CHECK(recognise("x/00000000000000000000-0000000000.checkpoint")->kind == DumpKind::kraft_snapshot);
    CHECK(recognise("renamed.log")->kind == DumpKind::log);
    CHECK_FALSE(recognise("x/notes.txt"));
}

TEST_CASE("a log that is cut anywhere gives its whole batches and then says where it is cut") {
    const std::string bytes = log_of(3);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        EntryStream stream = EntryStream::of(bytes.substr(0, cut));
        std::size_t whole = 0;
        for (;;) {
            const auto entry = stream.next();
            if (!entry) {
                CHECK(entry.error().code == base::Errc::truncated);
                CHECK(stream.position() == whole);
                break;
            }
            if (!*entry) {
                CHECK(whole == cut);
                break;
            }
            whole += (*entry)->size();
        }
    }
}

TEST_CASE("an entry larger than one read comes whole") {
    records::BatchBuilder builder(records::BatchBuilder::Options{});
    const std::string value(3 * EntryStream::read_bytes, 'x');
    builder.append({.value = value});
    const std::string large = builder.build().value();
    const Folder folder;
    const std::string path = folder.write("00000000000000000000.log", large + log_of(2, 1));
    auto stream = EntryStream::open(os::posix_disk(), path).value();
    CHECK(stream.next().value()->size() == large.size());
    CHECK(stream.next().value()->base_offset().value == 1);
    CHECK(stream.next().value()->base_offset().value == 21);
    CHECK_FALSE(stream.next().value());
}

TEST_CASE("damaged files end in exit code 0 or 7 in every mode, and never otherwise") {
    const Folder folder;
    const unsigned seed = static_cast<unsigned>(base::Random::from_system().next());
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::string good = log_of(5);
    for (int round = 0; round < 400; ++round) {
        std::string bytes = good;
        for (unsigned flips = 1 + random() % 4; flips > 0; --flips)
            bytes[random() % bytes.size()] = static_cast<char>(random());
        if (random() % 4 == 0) bytes.resize(random() % bytes.size());
        const std::string log = folder.write("00000000000000000000.log", bytes);
        folder.write("00000000000000000000.index", bytes.substr(0, random() % 200));
        folder.write("00000000000000000000.timeindex", bytes.substr(0, random() % 200));
        folder.write("00000000000000000000.txnindex", bytes.substr(0, random() % 200));
        folder.write("00000000000000000007.snapshot", bytes.substr(0, random() % 200));
        folder.write("leader-epoch-checkpoint", bytes.substr(0, random() % 200));
        for (const bool records : {false, true}) {
            for (const RowStyle style : {RowStyle::tabs, RowStyle::json, RowStyle::csv}) {
                const int code = folder.dump({.records = records, .control = true, .style = style}, log);
                CHECK((code == 0 || code == 7));
            }
            const int kafka = folder.dump({.records = records, .kafka = true}, log);
            CHECK((kafka == 0 || kafka == 7));
            CHECK(folder.dump({.records = records, .verify = true}, folder.path) == 7);
        }
        const int summary = folder.dump({.summary = true}, log);
        CHECK((summary == 0 || summary == 7));
        for (const char* name :
             {"00000000000000000000.index", "00000000000000000000.timeindex", "00000000000000000000.txnindex",
              "00000000000000000007.snapshot", "leader-epoch-checkpoint"}) {
            const int code = folder.dump({}, folder.path + "/" + name);
            CHECK((code == 0 || code == 7));
        }
    }
}
