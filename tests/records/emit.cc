// SPDX-License-Identifier: Apache-2.0
// Writes batches that this room builds into DIR: NAME.log with the bytes and NAME.txt with what we read from them, in
// the form of java/Records.java. tests/integration/test_records.py has Kafka's classes read the same bytes.
#include <cstdio>
#include <fstream>

#include "tests/records/support.h"

using namespace klog::base;
using namespace klog::records;
using namespace klog::records::test;

namespace {

std::string directory;

void emit(const std::string& name, const std::string& log) {
    const auto text = printed_log(log);
    if (!text) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(), text.error().message.c_str());
        std::exit(1);
    }
    std::ofstream(directory + "/" + name + ".log") << log;
    std::ofstream(directory + "/" + name + ".txt") << *text;
}

std::string varied_batch(Compression compression, int count, std::optional<TimestampMs> append_time = std::nullopt) {
    BatchBuilder builder({.compression = compression,
                          .base_offset = {123'456'789'012},
                          .partition_leader_epoch = {3},
                          .producer = {{77}, {5}, 1'000},
                          .transactional = true,
                          .control = false,
                          .append_time = append_time});
    for (int i = 0; i < count; ++i) {
        const std::string key = "key " + std::to_string(i), value(static_cast<std::size_t>(i * 37 % 2000), 'v');
        const Header headers[] = {{"a", "1"}, {"", std::nullopt}, {"\u00e4", ""}};
        NewRecord record{now_ms + i * 1000 % 777, key, value, {headers, static_cast<std::size_t>(i % 4)}};
        if (i % 5 == 3) record.key.reset();
        if (i % 7 == 3) record.value.reset();
        builder.append(record);
    }
    return builder.build().value();
}

std::string stored(const std::string& batch, const BatchRules& rules) {
    auto valid = validate(batch, rules, now_ms).value();
    valid.header.set_base_offset({1'000});
    valid.header.set_partition_leader_epoch({8});
    return std::string(valid.header.bytes()) + std::string(valid.body());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    directory = argv[1];
    for (const Codec codec : all_codecs()) {
        const std::string name(name_of(codec));
        emit(name + "-one", varied_batch(Compression(codec), 1));
        emit(name + "-many", varied_batch(Compression(codec), 300));
        emit(name + "-append-time", varied_batch(Compression(codec), 20, now_ms + 9));
        for (const int level : {-131'072, -7, 1, 5, 9, 12, 17, 22})
            if (Compression::valid_level(codec, level))
                emit(fmt::format("{}-level-{}", name, level), varied_batch(Compression(codec, level), 100));
        for (const Codec to : all_codecs()) {
            BatchRules rules;
            rules.compression = Compression(to);
            emit(fmt::format("{}-to-{}", name, name_of(to)), stored(some_batch(100, 300, Compression(codec)), rules));
            rules.timestamp_type = TimestampType::log_append_time;
            emit(fmt::format("{}-to-{}-append-time", name, name_of(to)),
                 stored(some_batch(100, 300, Compression(codec)), rules));
        }
    }
    BatchBuilder holes;
    holes.append_at(3, {now_ms, "a", "1", {}});
    holes.append_at(90, {now_ms - 1, "b", "2", {}});
    emit("holes", holes.build().value());
    emit("commit", build_end_transaction({true, 5}, {99}, {1}, now_ms, {50}, {2}));
    emit("abort", build_end_transaction({false, -1}, {99}, {1}, now_ms, {51}, {2}));
}
