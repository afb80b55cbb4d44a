// SPDX-License-Identifier: Apache-2.0
// What dump-segment makes of bytes: good ones, cut ones, damaged ones. tests/cli has the command as a whole.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd/dump.h"
#include "cmd/dump_files.h"
#include "cmd/dump_stream.h"
#include "core/base/crc32c.h"
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
    for (int i = 0; i < batches; ++i)
        bytes += batch_at(base + std::int64_t{i} * 20, static_cast<records::Codec>(i % 5));
    return bytes;
}

/// A folder that is removed. What is printed of its files is `data`, what is said of them `words`; stderr stays as it
/// is, for the sanitizers.
struct Folder {
    Folder() {
        char pattern[] = "/tmp/klog-dump-XXXXXX";
        path = mkdtemp(pattern);
        output = memfd_create("data", 0);
    }
    ~Folder() {
        close(output);
        std::filesystem::remove_all(path);
    }
    std::string write(const std::string& name, const std::string& bytes) const {
        std::ofstream(path + "/" + name, std::ios::binary) << bytes;
        return path + "/" + name;
    }
    int dump(DumpWish wish, std::vector<std::string> what) {
        wish.paths = std::move(what);
        char* text = nullptr;
        std::size_t size = 0;
        std::FILE* memory = open_memstream(&text, &size);
        REQUIRE(ftruncate(output, 0) == 0);
        REQUIRE(lseek(output, 0, SEEK_SET) == 0);
        const int code = run_dump(os::posix_disk(), wish, output, memory);
        std::fclose(memory);
        words.assign(text, size);
        std::free(text);
        data.resize(static_cast<std::size_t>(lseek(output, 0, SEEK_END)));
        REQUIRE(pread(output, data.data(), data.size(), 0) == static_cast<ssize_t>(data.size()));
        return code;
    }
    std::string path, data, words;
    int output;
};

void append_big(std::string& out, std::uint64_t number, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
}

/// A file of every kind but logs, by name. The indexes of times and of transactions are whole, but fit no log.
std::map<std::string, std::string> small_files() {
    std::map<std::string, std::string> files;
    std::string& index = files["00000000000000000000.index"];
    std::string& times = files["00000000000000000000.timeindex"];
    std::string& aborted = files["00000000000000000000.txnindex"];
    std::uint64_t position = 0;
    for (std::uint64_t i = 0; i < 5; ++i) {
        append_big(index, i * 20 + 19, 4);
        append_big(index, position, 4);
        position += batch_at(static_cast<std::int64_t>(i) * 20, static_cast<records::Codec>(i)).size();
        append_big(times, 1019 + i, 8);
        append_big(times, i * 20 + 19, 4);
        append_big(aborted, 0, 2);
        for (const std::uint64_t number : {7 + i, i * 20, i * 20 + 19, i * 20}) append_big(aborted, number, 8);
    }
    std::string producers;
    append_big(producers, 2, 4);
    for (const std::uint64_t id : {7u, 8u}) {
        const std::pair<std::uint64_t, int> fields[] = {{id, 8}, {1, 2},    {19, 4}, {19, 8},
                                                        {19, 4}, {1019, 8}, {0, 4},  {0, 8}};
        for (const auto& [number, bytes] : fields) append_big(producers, number, bytes);
    }
    std::string& snapshot = files["00000000000000000020.snapshot"];
    append_big(snapshot, 1, 2);
    append_big(snapshot, base::crc32c(producers), 4);
    snapshot += producers;
    files["leader-epoch-checkpoint"] = "0\n2\n0 0\n3 40\n";
    files["recovery-point-offset-checkpoint"] = "0\n2\ndemo 0 40\nother 1 7\n";
    files["meta.properties"] = "#a comment\nversion=1\nnode.id=1\ncluster.id=q1Sh-9_ISia_zwGINzRvyQ\n";
    files["partition.metadata"] = "version: 0\ntopic_id: q1Sh-9_ISia_zwGINzRvyQ";
    return files;
}

void mutate(std::string& bytes, std::mt19937& random) {
    if (bytes.empty()) return;
    for (unsigned flips = 1 + random() % 4; flips > 0; --flips)
        bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    if (random() % 8 == 0) bytes.append(random() % 50, static_cast<char>(random()));
}

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

TEST_CASE("a damaged log ends in exit code 0 or 7 in every mode, and each fault names file and position") {
    Folder folder;
    const unsigned seed = static_cast<unsigned>(base::Random::from_system().next());
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::string good = log_of(5);
    const std::string whole = folder.write("whole.log", good);
    const std::string damaged = folder.path + "/00000000000000000000.log";
    const auto fits = [&](int code, int other = 0) {
        CAPTURE(folder.words);
        CHECK((code == 7 || code == other || code == 0));
        if (code == 7) CHECK(folder.words.contains(damaged + ": at "));
    };
    const auto verdict_fits = [&](int code) {
        CHECK((code == 0 || code == 7));
        if (code == 7) CHECK(folder.data.contains(damaged));
    };
    for (int round = 0; round < 400; ++round) {
        std::string bytes = good;
        mutate(bytes, random);
        const std::string log = folder.write("00000000000000000000.log", bytes);
        for (const bool records : {false, true}) {
            for (const RowStyle style : {RowStyle::tabs, RowStyle::json, RowStyle::csv})
                fits(folder.dump({.records = records, .control = true, .style = style}, {log}));
            fits(folder.dump({.records = records, .kafka = true}, {log}));
            verdict_fits(folder.dump({.records = records, .verify = true}, {log}));
        }
        fits(folder.dump({.summary = true}, {log}));
        verdict_fits(folder.dump({.map = true}, {log}));
        fits(folder.dump({.diff = true}, {log, whole}), 1);
        fits(folder.dump({.records = true, .state = StateTopic::offsets}, {log}));
        if (round % 8 != 0) continue;  // These make what they write durable, which takes its time.
        for (const bool extract : {false, true}) {
            const std::string to = folder.path + "/new";
            fits(folder.dump({.rebuild_index = !extract, .extract = extract, .to = to}, {log}));
            if (extract && std::filesystem::exists(to)) CHECK(folder.dump({.summary = true}, {to}) == 0);
            std::filesystem::remove_all(to);
        }
    }
}

TEST_CASE("a damaged index, snapshot or checkpoint ends in exit code 0 or 7, and each fault names the file") {
    Folder folder;
    const unsigned seed = static_cast<unsigned>(base::Random::from_system().next());
    CAPTURE(seed);
    std::mt19937 random(seed);
    folder.write("00000000000000000000.log", log_of(5));
    for (const auto& [name, good] : small_files()) {
        CAPTURE(name);
        CHECK(folder.dump({}, {folder.write(name, good)}) == 0);
        const bool fits = !name.ends_with(".timeindex") && !name.ends_with(".txnindex");
        CHECK(folder.dump({.verify = true}, {folder.path + "/" + name}) == (fits ? 0 : 7));
        for (int round = 0; round < 500; ++round) {
            std::string bytes = good;
            mutate(bytes, random);
            const std::string path = folder.write(name, bytes);
            for (const bool kafka : {false, true}) {
                for (const bool verify : {false, true}) {
                    if (kafka && verify) continue;
                    const int code = folder.dump({.verify = verify, .kafka = kafka}, {path});
                    CAPTURE(folder.words);
                    CHECK((code == 0 || code == 7));
                    if (code == 7) CHECK((verify ? folder.data : folder.words).contains(path));
                }
            }
            const int code = folder.dump({.verify = true}, {folder.path});
            CHECK((code == 0 || code == 7));
        }
        std::filesystem::remove(folder.path + "/" + name);
    }
}

TEST_CASE("what is not there or no file of ours is said, with the exit code for it") {
    Folder folder;
    CHECK(folder.dump({}, {folder.path + "/00000000000000000000.log"}) == 3);
    CHECK(folder.words.contains("00000000000000000000.log"));
    CHECK(folder.dump({}, {folder.path}) == 3);
    CHECK(folder.dump({}, {folder.write("notes.txt", "nothing of ours")}) == 2);
    CHECK(folder.words.contains("notes.txt"));
    CHECK(folder.dump({}, {folder.write("00000000000000000000.log", "nothing of ours, but long enough to be one")}) ==
          7);
    CHECK(folder.words.contains("00000000000000000000.log: at 0: "));
}
