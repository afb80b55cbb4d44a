// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cmd/format.h"
#include "cmd/record_json.h"
#include "cmd/text_codec.h"
#include "core/base/random.h"

using namespace klog::cmd;
using klog::base::Offset;
using klog::base::PartitionId;
using klog::base::Random;
using namespace std::string_view_literals;

namespace {

const std::vector<HeaderText> two_headers = {{"a", "1"}, {"b", std::nullopt}};

RecordText sample() {
    RecordText record;
    record.topic = "demo";
    record.partition = PartitionId{3};
    record.offset = Offset{42};
    record.leader_epoch = klog::base::LeaderEpoch{7};
    record.timestamp_ms = 1'700'000'000'123;
    record.key = "k\n";
    record.value = "hi";
    record.headers = &two_headers;
    return record;
}

std::string printed(std::string_view format, const RecordText& record = sample()) {
    const auto compiled = Format::compile(format);
    REQUIRE_MESSAGE(compiled.has_value(), format);
    std::string out;
    compiled->print(record, 9, out);
    return out;
}
bool bad_format(std::string_view format) { return !Format::compile(format).has_value(); }

FormatReader reader(std::string_view format) {
    auto made = FormatReader::make(Format::compile(format).value());
    REQUIRE_MESSAGE(made.has_value(), format);
    return std::move(*made);
}

/// Bytes of all kinds: ASCII, UTF-8, rubbish.
std::string random_text(Random& random) {
    static constexpr std::string_view pieces[] = {"a",    "Z",        "\"",           "\\",
                                                  "\n",   "\t",       "\0"sv,         "\x01",
                                                  "\x7f", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                                  "\xff", "\xc3",     "\xed\xa0\x80", "/",
                                                  ",",    "="};
    const std::uint64_t kinds = random.one_in(2) ? 12 : std::size(pieces);
    std::string text;
    for (std::uint64_t n = random.below(12); n > 0; --n) text += pieces[random.below(kinds)];
    return text;
}
std::optional<std::string> maybe_text(Random& random) {
    if (random.one_in(5)) return std::nullopt;
    return random_text(random);
}

}  // namespace

TEST_CASE("each verb of the format language prints its part") {
    CHECK(printed("%t/%p@%o e%e %k=%v") == "demo/3@42 e7 k\n=hi");
    CHECK(printed("%s %S %K %V %T %d") == "hi 2 2 2 1700000000123 1700000000123");
    CHECK(printed("%F") == "2023-11-14T22:13:20.123Z");
    CHECK(printed("%h|%H|%i|%%") == "a=1,b=|2|9|%");
    CHECK(printed("%h{[%k:%v]}") == "[a:1][b:]");
    CHECK(printed("%R%v") == "\0\0\0\2hi"sv);
    CHECK(printed("\\n\\t\\0\\x41\\\\") == "\n\t\0A\\"sv);
}

TEST_CASE("modifiers change how a verb is written") {
    CHECK(printed("%v{hex} %k{base64} %k{q} %k{json} %v{len}") == "6869 awo= k\\n \"k\\n\" 2");
    CHECK(printed("%p{big16}%p{little32}%o{hex}") == "\0\3\3\0\0\0002a"sv);
    RecordText nothing = sample();
    nothing.key.reset();
    nothing.headers = nullptr;
    CHECK(printed("[%k] %K %k{json} %h %H", nothing) == "[] -1 null  0");
}

TEST_CASE("a faulty format is refused with its reason") {
    for (const auto* bad :
         {"%", "%z", "%v{", "%v{hexx}", "%p{base64}", "%F{hex}", "\\q", "%h{}", "%h{%t}", "%h{%k", "\\x1"})
        CHECK_MESSAGE(bad_format(bad), bad);
    CHECK(Format::compile("%v{hx}").error().message.find("'hex'") != std::string::npos);
}

TEST_CASE("a delimited format reads what it names and waits for the rest of a record") {
    FormatReader in = reader("%k,%v\\n");
    RecordInput record;
    CHECK(in.read("a,b", false, record).value() == 0);
    CHECK(in.read("a,b\nc", false, record).value() == 4);
    CHECK((record.key == "a" && record.value == "b"));
    CHECK(in.read("c,d", true, record).value() == 3);
    CHECK((record.key == "c" && record.value == "d"));
    CHECK_FALSE(in.read("only-a-key", true, record));
}

TEST_CASE("sized formats read any bytes, null included") {
    FormatReader in = reader("%K{big32}%k%V{big32}%v");
    RecordInput record;
    const auto bytes = "\0\0\0\1\n\xff\xff\xff\xff"sv;
    CHECK(in.read(bytes.substr(0, 7), false, record).value() == 0);
    CHECK(in.read(bytes, false, record).value() == bytes.size());
    CHECK(record.key == "\n");
    CHECK_FALSE(record.value.has_value());
    CHECK_FALSE(in.read("\x7f\xff\xff\xff"sv, false, record));
}

TEST_CASE("partition, time, topic and headers are read too") {
    FormatReader in = reader("%t %p %T %h %v{hex}\\n");
    RecordInput record;
    CHECK(in.read("demo 3 1700 a=1,b= 6869\n", false, record).value() == 24);
    CHECK(record.topic == "demo");
    CHECK(record.partition == PartitionId{3});
    CHECK(record.timestamp_ms == 1700);
    CHECK(record.headers == std::vector<HeaderText>{{"a", "1"}, {"b", ""}});
    CHECK(record.value == "hi");
    CHECK_FALSE(in.read("demo 3 1700 a 6869\n", false, record));
    CHECK_FALSE(in.read("demo x 1700 a=1 6869\n", false, record));
    CHECK_FALSE(in.read("demo 3 1700 a=1 xx\n", false, record));
}

TEST_CASE("a JSON value in a format is read to its own end") {
    FormatReader in = reader("%v{json}\\n");
    RecordInput record;
    CHECK(in.read("{\"a\":[1,\n2]}\n", false, record).value() == 13);
    CHECK(record.value == "{\"a\":[1,\n2]}");
    CHECK(in.read("\"x\\n\"\n", false, record).value() == 6);
    CHECK(record.value == "x\n");
    CHECK(in.read("{\"a\":", false, record).value() == 0);
    CHECK_FALSE(in.read("]", false, record));
}

TEST_CASE("formats that could not be read back are refused for reading") {
    for (const auto* bad : {"%v", "%k%v\\n", "%k,%v", "", "%h{%k=%v,}\\n", "%v{len}\\n"})
        CHECK_MESSAGE(!FormatReader::make(Format::compile(bad).value()), bad);
}

TEST_CASE("what a format prints it reads again, whatever the bytes") {
    Random random(11);
    for (const auto* text : {"%t{json}%p{big32}%T{little64}%K{big32}%k%V{big32}%v%H{big8}%h{%K{big16}%k%V{big32}%v}",
                             "%k{base64} %v{hex} %p %T %H %h{%k{hex}=%v{base64};}\\n"}) {
        const Format format = Format::compile(text).value();
        FormatReader in = reader(text);
        const bool nulls = format.has(Verb::key_length);
        for (int i = 0; i < 2000; ++i) {
            const auto key = maybe_text(random), value = maybe_text(random);
            const std::string name = random_text(random), content = random_text(random);
            std::vector<HeaderText> headers;
            for (auto n = random.below(3); n > 0; --n) headers.push_back({name, content});
            RecordText record = sample();
            record.key = key, record.value = value, record.headers = &headers;
            std::string out;
            format.print(record, 0, out);
            RecordInput again;
            for (std::size_t cut = 0; cut < out.size(); cut += 7)
                CHECK(in.read(std::string_view(out).substr(0, cut), false, again).value_or(1) == 0);
            const std::string more = out + "next";  // What is read points into it.
            CHECK(in.read(more, false, again).value_or(0) == out.size());
            if (nulls)
                CHECK((again.key == record.key && again.value == record.value));
            else
                CHECK((again.key == key.value_or("") && again.value == value.value_or("")));
            CHECK((again.headers == headers && again.partition == record.partition &&
                   again.timestamp_ms == record.timestamp_ms));
        }
    }
}

TEST_CASE("a record becomes JSON in the documented shape") {
    std::string out;
    append_record_json(sample(), out);
    CHECK(
        out ==
        R"({"topic":"demo","partition":3,"offset":42,"timestamp":1700000000123,"leader_epoch":7,"key":"k\n","value":"hi",)"
        R"("headers":[{"key":"a","value":"1"},{"key":"b","value":null}]})");
}

TEST_CASE("JSON copies records without loss, and is always valid") {
    Random random(12);
    JsonStrings strings;
    for (int i = 0; i < 20'000; ++i) {
        const auto key = maybe_text(random), value = maybe_text(random);
        std::vector<std::pair<std::string, std::optional<std::string>>> kept;
        for (auto n = random.below(4); n > 0; --n) kept.emplace_back(random_text(random), maybe_text(random));
        std::vector<HeaderText> headers;
        for (const auto& [name, content] : kept) headers.push_back({name, content});
        RecordText record = sample();
        record.key = key, record.value = value, record.headers = &headers;
        std::string line;
        append_record_json(record, line);
        CHECK(nlohmann::json::accept(line));
        CHECK(line.find('\n') == std::string::npos);
        strings.reset();
        RecordInput again;
        const auto read = read_record_json(line, strings, again);
        CHECK_MESSAGE(read.has_value(), line);
        CHECK((again.key == record.key && again.value == record.value && again.headers == headers));
        CHECK(
            (again.topic == "demo" && again.partition == PartitionId{3} && again.timestamp_ms == record.timestamp_ms));
    }
}

TEST_CASE("a byte is written in a JSON string alike wherever it stands") {
    const auto quoted = [](std::string_view text) {
        std::string out;
        append_json_string(out, text);
        return out.substr(1, out.size() - 2);
    };
    for (int byte = 0; byte < 256; ++byte) {
        const std::string one(1, static_cast<char>(byte));
        for (std::size_t before = 0; before < 18; ++before) {
            for (const std::size_t after : {0u, 1u, 7u, 8u, 17u}) {
                const std::string left(before, 'a'), right(after, '~');
                CHECK(quoted(left + one + right) == left + quoted(one) + right);
            }
        }
    }
}

TEST_CASE("kcat's JSON is understood") {
    JsonStrings strings;
    RecordInput record;
    REQUIRE(read_record_json(R"({"topic":"t","partition":1,"offset":5,"tstype":"create","ts":1700,"broker":0,)"
                             R"("headers":["a","1","a","2","n",null],"key":"k","payload":"v\u00e4\ud83d\ude00"})",
                             strings, record));
    CHECK(record.key == "k");
    CHECK(record.value == "v\xc3\xa4\xf0\x9f\x98\x80");
    CHECK(record.timestamp_ms == 1700);
    CHECK(record.headers == std::vector<HeaderText>{{"a", "1"}, {"a", "2"}, {"n", std::nullopt}});
    REQUIRE(read_record_json(R"({"key":null,"payload":null})", strings, record));
    CHECK((!record.key && !record.value && !record.partition && !record.timestamp_ms));
    REQUIRE(read_record_json(R"({"value":{"a": [1, 2]},"headers":{"x":"y"}})", strings, record));
    CHECK(record.value == R"({"a": [1, 2]})");
    CHECK(record.headers == std::vector<HeaderText>{{"x", "y"}});
}

TEST_CASE("what is not a JSON record is refused and never crashes") {
    JsonStrings strings;
    RecordInput record;
    for (const auto* bad :
         {"", "{", "[]", "1", "{}", "{\"foo\":1}", "{\"value\":\"a\"", "{\"value\":\"a\"}x", "{\"value\":tru}",
          "{\"value\":\"\\ud800\"}", "{\"value\":\"\\x\"}", "{\"value_base64\":\"a\"}", "{\"value\":1 2}",
          "{\"value\":1,}", "{\"partition\":-1,\"value\":\"\"}", "{\"value\":01}", "{\"headers\":[\"a\"],\"value\":1}",
          "{\"headers\":[{\"value\":1}],\"value\":1}", "{\"value\":\"a\nb\"}"})
        CHECK_MESSAGE(!read_record_json(bad, strings, record), bad);
    CHECK_FALSE(read_record_json("{\"value\":" + std::string(100'000, '['), strings, record));
    Random random(13);
    std::string line;
    append_record_json(sample(), line);
    for (int i = 0; i < 20'000; ++i) {
        std::string damaged = line;
        for (auto n = random.below(4) + 1; n > 0; --n)
            damaged[random.below(damaged.size())] = static_cast<char>(random.next());
        strings.reset();
        if (read_record_json(damaged, strings, record)) CHECK(damaged.size() == line.size());
    }
}

TEST_CASE("the JSON reader and nlohmann agree on what is JSON") {
    Random random(14);
    static constexpr std::string_view tokens[] = {"{", "}",       "[",    "]",    ",",  ":", "\"a\"",
                                                  "1", "-0.5e3 ", "true", "null", "01", " ", "\"\\u00e4\""};
    JsonStrings strings;
    for (int i = 0; i < 200'000; ++i) {
        std::string text;
        for (auto n = random.below(9) + 1; n > 0; --n) text += tokens[random.below(std::size(tokens))];
        strings.reset();
        JsonReader reader(text, strings);
        std::string_view raw;
        CHECK_MESSAGE((reader.raw(raw) && reader.at_end()) == nlohmann::json::accept(text), text);
    }
}

TEST_CASE("hex, base64 and UTF-8 hold against their rules") {
    Random random(15);
    for (int i = 0; i < 2000; ++i) {
        const std::string bytes = random_text(random);
        std::string hex, base64, again;
        append_hex(hex, bytes), append_base64(base64, bytes);
        CHECK((append_unhex(again, hex) && again == bytes));
        again.clear();
        CHECK((append_unbase64(again, base64) && again == bytes));
    }
    std::string out;
    append_base64(out, "foobar");
    CHECK(out == "Zm9vYmFy");
    for (const auto* bad : {"Z", "Zm9vYg!!", "Zh=", "===="}) CHECK_MESSAGE(!append_unbase64(out, bad), bad);
    CHECK(is_utf8("plain ASCII, longer than eight bytes"));
    CHECK(is_utf8("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf"));
    for (const auto* bad :
         {"\x80", "\xc0\xaf", "\xc3", "\xed\xa0\x80", "\xe0\x9f\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80"})
        CHECK_MESSAGE(!is_utf8(bad), bad);
}
