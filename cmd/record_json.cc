// SPDX-License-Identifier: Apache-2.0
#include "cmd/record_json.h"

#include <fmt/format.h>

#include "cmd/text_codec.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using Kind = JsonReader::Kind;

void append_number(std::string& out, std::int64_t number) {
    const fmt::format_int text(number);
    out.append(text.data(), text.size());
}

/// "name":"text", or "name_base64":"...", or "name":null; `name` comes quoted and open: `"name`.
void append_member(std::string& out, std::string_view open_name, const std::optional<std::string_view>& text) {
    out += open_name;
    if (!text) {
        out += "\":null";
    } else if (is_utf8(*text)) {
        out += "\":";
        append_json_string(out, *text);
    } else {
        out += "_base64\":\"";
        append_base64(out, *text);
        out += '"';
    }
}

/// One record being read.
class Reading {
public:
    Reading(std::string_view line, JsonStrings& strings, RecordInput& out)
        : json_(line, strings), strings_(strings), out_(out) {}

    Result<> run() {
        out_.clear();
        std::string_view name;
        if (json_.enter('{'))
            while (json_.next_member(name)) member(name);
        if (json_.ok() && !json_.at_end()) json_.fail("something follows the object");
        if (!json_.ok()) return fail(Errc::corrupt, "not a JSON record: {}", json_.fault());
        if (!has_content_)
            return fail(Errc::corrupt, "not a record: the object has neither key nor value (nor kcat's payload)");
        return {};
    }

private:
    bool member(std::string_view name) {
        const bool content =
            name == "value" || name == "payload" || name == "value_base64" || name == "key" || name == "key_base64";
        has_content_ |= content;
        if (name == "value" || name == "payload") return text(out_.value);
        if (name == "value_base64") return base64(out_.value);
        if (name == "key") return text(out_.key);
        if (name == "key_base64") return base64(out_.key);
        if (name == "topic") return text(out_.topic);
        if (name == "headers") return headers();
        if (name == "timestamp" || name == "ts") return timestamp();
        if (name == "partition") return partition();
        return json_.skip();  // offset, leader_epoch, tstype, broker and whatever else the source says of itself.
    }

    /// A string gives its content, null gives null, any other value its own text.
    bool text(std::optional<std::string_view>& out) {
        std::string_view content;
        const Kind kind = json_.peek();
        if (kind == Kind::null) {
            out.reset();
            return json_.null();
        }
        if (!(kind == Kind::string ? json_.string(content) : json_.raw(content))) return false;
        out = content;
        return true;
    }

    bool base64(std::optional<std::string_view>& out) {
        if (json_.peek() == Kind::null) {
            out.reset();
            return json_.null();
        }
        std::string_view encoded;
        if (!json_.string(encoded)) return false;
        std::string& bytes = strings_.next();
        if (!append_unbase64(bytes, encoded)) return json_.fail("not base64");
        out = bytes;
        return true;
    }

    bool timestamp() {
        if (json_.peek() == Kind::null) return json_.null();
        std::int64_t ms = 0;
        if (!json_.integer(ms)) return false;
        if (ms < -1) return json_.fail("a timestamp below zero");
        out_.timestamp_ms = ms;  // -1: the record had none, and shall have none.
        return true;
    }

    bool partition() {
        if (json_.peek() == Kind::null) return json_.null();
        std::int64_t number = 0;
        if (!json_.integer(number)) return false;
        if (number < 0 || number > INT32_MAX) return json_.fail("not a partition");
        out_.partition = base::PartitionId{static_cast<std::int32_t>(number)};
        return true;
    }

    /// [{"key":..,"value":..},...], kcat's ["name","value",...], or {"name":"value",...}.
    bool headers() {
        const Kind kind = json_.peek();
        if (kind == Kind::null) return json_.null();
        std::string_view name;
        if (kind == Kind::object) {
            if (!json_.enter('{')) return false;
            while (json_.next_member(name)) {
                HeaderText header{name, std::nullopt};
                if (!text(header.value)) return false;
                out_.headers.push_back(header);
            }
            return json_.ok();
        }
        if (!json_.enter('[')) return false;
        while (json_.next_element()) {
            HeaderText header;
            if (json_.peek() == Kind::object) {
                if (!header_object(header)) return false;
            } else {
                if (!json_.string(header.key)) return false;
                if (!json_.next_element()) return json_.fail("a header name without a value");
                if (!text(header.value)) return false;
            }
            out_.headers.push_back(header);
        }
        return json_.ok();
    }

    bool header_object(HeaderText& header) {
        std::string_view member;
        std::optional<std::string_view> name;
        if (!json_.enter('{')) return false;
        while (json_.next_member(member)) {
            bool taken = false;
            if (member == "key" || member == "name")
                taken = text(name);
            else if (member == "key_base64")
                taken = base64(name);
            else if (member == "value")
                taken = text(header.value);
            else if (member == "value_base64")
                taken = base64(header.value);
            else
                taken = json_.skip();
            if (!taken) return false;
        }
        if (json_.ok() && !name) return json_.fail("a header without a key");
        header.key = name.value_or("");
        return json_.ok();
    }

    JsonReader json_;
    JsonStrings& strings_;
    RecordInput& out_;
    bool has_content_ = false;
};

}  // namespace

void append_record_json(const RecordText& record, std::string& out) {
    out += '{';
    if (!record.topic.empty()) {
        out += "\"topic\":";
        append_json_string(out, record.topic);
        out += ",\"partition\":";
        append_number(out, record.partition.value);
        out += ',';
    }
    out += "\"offset\":";
    append_number(out, record.offset.value);
    out += ",\"timestamp\":";
    append_number(out, record.timestamp_ms);
    if (record.log_append_time) out += ",\"timestamp_type\":\"log_append\"";
    if (record.leader_epoch != base::no_leader_epoch) {
        out += ",\"leader_epoch\":";
        append_number(out, record.leader_epoch.value);
    }
    append_member(out, ",\"key", record.key);
    append_member(out, ",\"value", record.value);
    out += ",\"headers\":[";
    if (record.headers != nullptr) {
        bool first = true;
        for (const HeaderText& header : *record.headers) {
            append_member(out, first ? "{\"key" : ",{\"key", header.key);
            append_member(out, ",\"value", header.value);
            out += '}';
            first = false;
        }
    }
    out += "]}";
}

Result<> read_record_json(std::string_view line, JsonStrings& strings, RecordInput& out) {
    return Reading(line, strings, out).run();
}

}  // namespace klog::cmd
