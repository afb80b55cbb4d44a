// SPDX-License-Identifier: Apache-2.0
// What the codec does with a declaration: the visitors behind the verbs of wire/codec.h. Included by the .cc beside a
// declaration, which ends with KLOG_WIRE_MESSAGE(T) for each of its messages, and by the schema dump.
#pragma once

#include <bit>
#include <cstring>
#include <type_traits>

#include "core/wire/codec.h"
#include "core/wire/cursor.h"
#include "core/wire/records.h"
#include "core/wire/shapes.h"

// One field is a few instructions; the compiler has to see a whole struct's at once to make them so.
#define KLOG_WIRE_INLINE [[gnu::always_inline]] inline
#ifdef __clang__
#define KLOG_WIRE_INLINE_CALL [[clang::always_inline]]
#else
#define KLOG_WIRE_INLINE_CALL
#endif

namespace klog::wire {

// ---- Decode ---------------------------------------------------------------------------------------------------------

template <class T>
void decode_struct(Reader& in, T& out);

template <class T>
KLOG_WIRE_INLINE T decode_fixed(Reader& in, const char* name) {
    if constexpr (std::same_as<T, bool>)
        return in.integer<std::uint8_t>(name) != 0;
    else if constexpr (std::integral<T>)
        return in.integer<T>(name);
    else if constexpr (std::is_enum_v<T>)
        return static_cast<T>(in.integer<std::underlying_type_t<T>>(name));
    else if constexpr (IsNamed<T>)
        return T{in.integer<typename NamedRep<T>::type>(name)};
    else if constexpr (std::floating_point<T>)
        return std::bit_cast<T>(in.integer<std::int64_t>(name));
    else {
        T uuid;
        if (auto s = in.take(name, sizeof uuid.octets); !s.empty()) std::memcpy(uuid.octets.data(), s.data(), s.size());
        return uuid;
    }
}

/// The length prefix of a T: -1 for null.
template <class T>
KLOG_WIRE_INLINE std::int64_t decode_length(Reader& in, const char* name) {
    std::int64_t n;
    if (in.flexible()) {
        n = static_cast<std::int64_t>(in.uvarint(name)) - 1;
        if (IsText<T> && n > static_cast<std::int64_t>(text_bytes_max)) in.fail(name, "string is too long");
    } else {
        n = IsText<T> ? in.integer<std::int16_t>(name) : in.integer<std::int32_t>(name);
        if (n < -1) in.fail(name, "negative length");
    }
    return n;
}

/// The body of a T whose length prefix was n.
template <class T>
void decode_body(Reader& in, const char* name, T& out, std::size_t n) {
    if constexpr (IsText<T>)
        out = in.take(name, n);
    else if constexpr (IsBytes<T>)
        out.view = in.take(name, n);
    else if constexpr (IsRecords<T>)
        out = Records(in.take(name, n));
    else {
        using Element = typename T::value_type;
        const std::size_t least = min_size<Element>(in.version(), in.flexible());
        if (n > in.left() / (least == 0 ? 1 : least)) {
            in.fail(name, "more elements than the frame can hold");
            return;
        }
        if (!in.charge(name, n * sizeof(Element))) return;
        out.resize(n);
        for (auto& element : out) {
            if constexpr (IsFixed<Element>)
                element = decode_fixed<Element>(in, name);
            else if constexpr (IsStruct<Element>)
                decode_struct(in, element);
            else {
                const auto m = decode_length<Element>(in, name);
                if (m < 0) return in.fail(name, "null element");
                decode_body(in, name, element, static_cast<std::size_t>(m));
            }
            if (!in.ok()) return;
        }
    }
}

/// Where a value stands. A struct that may be null is preceded by an int8 (1: there, -1: null), but as a tagged field
/// by an unsigned varint (not 0: there, 0: null), which Kafka's generator writes and its protocol guide does not
/// mention.
enum class Place : std::uint8_t { field, tag };

template <Place place = Place::field, class T>
KLOG_WIRE_INLINE void decode_value(Reader& in, const char* name, T& out, const In& when) {
    if constexpr (IsFixed<T>)
        out = decode_fixed<T>(in, name);
    else if constexpr (IsStruct<T>)
        decode_struct(in, out);
    else if constexpr (IsNullable<T>) {
        using Value = typename T::value_type;
        std::int64_t n;
        if constexpr (IsStruct<Value> && place == Place::tag)
            n = in.uvarint(name) == 0 ? -1 : 1;
        else if constexpr (IsStruct<Value>)
            n = in.integer<std::int8_t>(name);
        else
            n = decode_length<Value>(in, name);
        if (n < 0) {
            if (in.version() < when.null_since) in.fail(name, "null before it was allowed");
            out.reset();
        } else if constexpr (IsStruct<Value>)
            decode_struct(in, out.emplace());
        else
            decode_body(in, name, out.emplace(), static_cast<std::size_t>(n));
    } else {
        const auto n = decode_length<T>(in, name);
        if (n < 0) return in.fail(name, "null");
        decode_body(in, name, out, static_cast<std::size_t>(n));
    }
}

/// Reads one struct. Tags arrive in ascending order and wire() lists them so, which lets one forward pass match them;
/// tags nobody declared, or not at this version, are skipped.
template <class T>
class Decode {
public:
    Decode(Reader& in, T& out) : in_(in), out_(out) {}

    template <class M>
    KLOG_WIRE_INLINE void operator()(const char* name, M T::* member, In when = {}) {
        if (when.contains(in_.version())) decode_value(in_, name, out_.*member, when);
    }

    template <class M>
    KLOG_WIRE_INLINE void tagged(std::uint32_t tag, const char* name, M T::* member, In when = {}) {
        if (!in_.flexible() || !when.contains(in_.version())) return;
        open();
        if (left_ != 0) [[unlikely]]
            read_tagged(tag, name, member, when);
    }

    KLOG_WIRE_INLINE void finish() {
        if (!in_.flexible()) return;
        open();
        if (left_ != 0) [[unlikely]]
            skip_rest();
    }

private:
    KLOG_WIRE_INLINE void open() {
        if (opened_) return;
        left_ = in_.uvarint("tag count");
        opened_ = true;
    }

    template <class M>
    [[gnu::noinline]] void read_tagged(std::uint32_t tag, const char* name, M T::* member, In when) {
        if (!advance_to(tag)) return;
        const char* outer = in_.narrow(name, size_);
        decode_value<Place::tag>(in_, name, out_.*member, when);
        in_.widen(name, outer);
        consume();
    }

    [[gnu::noinline]] void skip_rest() {
        while (read_head()) {
            in_.take("unknown tag", size_);
            consume();
        }
    }

    /// True when the next tag is the wanted one; tags before it are skipped.
    bool advance_to(std::uint32_t wanted) {
        while (read_head()) {
            if (tag_ == wanted) return true;
            if (tag_ > wanted) return false;
            in_.take("unknown tag", size_);
            consume();
        }
        return false;
    }

    /// Reads the number and size of the next tag, unless that is done. False: there is none, or it is damaged.
    bool read_head() {
        if (pending_) return true;
        if (left_ == 0 || !in_.ok()) return false;
        const auto tag = in_.uvarint("tag");
        size_ = in_.uvarint("tag size");
        if (seen_any_ && tag <= tag_) {
            in_.fail("tag", "tags not in ascending order");
            return false;
        }
        tag_ = tag;
        seen_any_ = pending_ = true;
        return true;
    }

    void consume() {
        pending_ = false;
        --left_;
    }

    Reader& in_;
    T& out_;
    std::uint32_t left_ = 0;  // Tags that are not consumed yet.
    std::uint32_t tag_ = 0;
    std::uint32_t size_ = 0;
    bool opened_ = false;
    bool pending_ = false;  // tag_ and size_ are of a tag whose value is next.
    bool seen_any_ = false;
};

template <class T>
void decode_struct(Reader& in, T& out) {
    Decode<T> visitor(in, out);
    KLOG_WIRE_INLINE_CALL T::wire(visitor);
    visitor.finish();
}

// ---- Measure and Encode ---------------------------------------------------------------------------------------------

template <class Sink, class T>
void write_struct(Sink& out, const T& value, Version version, bool flexible);

template <class T, class Sink>
void write_length(Sink& out, std::int64_t n, bool flexible) {
    if (flexible)
        out.uvarint(static_cast<std::uint32_t>(n + 1));
    else if constexpr (IsText<T>)
        out.integer(static_cast<std::int16_t>(n));
    else
        out.integer(static_cast<std::int32_t>(n));
}

/// What of an overlong text fits into a STRING, cut between characters.
inline std::string_view fitting(std::string_view text) {
    if (text.size() <= text_bytes_max) [[likely]]
        return text;
    std::size_t n = text_bytes_max;
    while (n > 0 && (static_cast<std::uint8_t>(text[n]) & 0xc0) == 0x80) --n;
    return text.substr(0, n);
}

template <Place place = Place::field, class Sink, class T>
void write_value(Sink& out, const T& value, const In& when, Version version, bool flexible) {
    if constexpr (std::same_as<T, base::Uuid>)
        out.raw(value.octets.data(), value.octets.size());
    else if constexpr (std::same_as<T, bool>)
        out.integer(static_cast<std::uint8_t>(value));
    else if constexpr (std::integral<T>)
        out.integer(value);
    else if constexpr (std::is_enum_v<T>)
        out.integer(static_cast<std::underlying_type_t<T>>(value));
    else if constexpr (IsNamed<T>)
        out.integer(value.value);
    else if constexpr (std::floating_point<T>)
        out.integer(std::bit_cast<std::int64_t>(value));
    else if constexpr (IsNullable<T>) {
        using Value = typename T::value_type;
        // A version without null gets the empty value.
        if (!value && version < when.null_since) return write_value<place>(out, Value{}, when, version, flexible);
        if constexpr (IsStruct<Value> && place == Place::tag)
            out.uvarint(value ? 1 : 0);
        else if constexpr (IsStruct<Value>)
            out.integer(static_cast<std::int8_t>(value ? 1 : -1));
        else if (!value)
            write_length<Value>(out, -1, flexible);
        if (value) write_value(out, *value, when, version, flexible);
    } else if constexpr (IsText<T>) {
        const std::string_view text = fitting(value);
        write_length<T>(out, static_cast<std::int64_t>(text.size()), flexible);
        out.raw(text.data(), text.size());
    } else if constexpr (IsBytes<T>) {
        write_length<T>(out, static_cast<std::int64_t>(value.view.size()), flexible);
        out.raw(value.view.data(), value.view.size());
    } else if constexpr (IsRecords<T>) {
        write_length<T>(out, static_cast<std::int64_t>(value.size()), flexible);
        out.records(value);
    } else if constexpr (IsArray<T>) {
        write_length<T>(out, static_cast<std::int64_t>(value.size()), flexible);
        for (const auto& element : value) write_value(out, element, when, version, flexible);
    } else
        write_struct(out, value, version, flexible);
}

template <class T>
struct CountTags {
    const T& value;
    Version version;
    std::uint32_t count = 0;

    template <class M>
    constexpr void operator()(const char*, M T::*, In = {}) {}
    template <class M>
    constexpr void tagged(std::uint32_t, const char*, M T::* member, In when = {}) {
        if (when.contains(version) && !is_default(value, member)) ++count;
    }
};

template <class Sink, class T>
struct WriteFields {
    Sink& out;
    const T& value;
    Version version;
    bool flexible;
    bool tags_opened = false;

    template <class M>
    KLOG_WIRE_INLINE void operator()(const char* name, M T::* member, In when = {}) {
        if (when.contains(version))
            write_value(out, value.*member, when, version, flexible);
        else
            KLOG_CHECK(when.ignorable || is_default(value, member), name);
    }
    template <class M>
    void tagged(std::uint32_t tag, const char* name, M T::* member, In when = {}) {
        if (!flexible || !when.contains(version)) {
            KLOG_CHECK(when.ignorable || is_default(value, member), name);
            return;
        }
        open_tags();
        if (is_default(value, member)) return;
        Measure measure;
        write_value<Place::tag>(measure, value.*member, when, version, flexible);
        out.uvarint(tag);
        out.uvarint(static_cast<std::uint32_t>(measure.size.bytes));
        write_value<Place::tag>(out, value.*member, when, version, flexible);
    }
    void finish() {
        if (flexible) open_tags();
    }
    void open_tags() {
        if (tags_opened) return;
        CountTags<T> tags{value, version};
        T::wire(tags);
        out.uvarint(tags.count);
        tags_opened = true;
    }
};

template <class Sink, class T>
void write_struct(Sink& out, const T& value, Version version, bool flexible) {
    WriteFields<Sink, T> visitor{out, value, version, flexible};
    KLOG_WIRE_INLINE_CALL T::wire(visitor);
    visitor.finish();
}

// ---- What a version cannot carry ------------------------------------------------------------------------------------

template <class T>
struct FindNotCarried {
    const T& value;
    Version version;
    const char*& found;

    template <class M>
    void operator()(const char* name, M T::* member, In when = {}) {
        if (found != nullptr) return;
        if (when.contains(version))
            inside(value.*member);
        else if (!when.ignorable && !is_default(value, member))
            found = name;
    }
    template <class M>
    void tagged(std::uint32_t, const char* name, M T::* member, In when = {}) {
        (*this)(name, member, when);
    }
    template <class M>
    void inside(const M& member) {
        if constexpr (IsNullable<M>) {
            if (member) inside(*member);
        } else if constexpr (IsArray<M>) {
            if constexpr (!IsFixed<typename M::value_type> && !IsText<typename M::value_type>) {
                for (const auto& element : member) inside(element);
            }
        } else if constexpr (IsStruct<M>)
            M::wire(FindNotCarried<M>{member, version, found});
    }
};

// ---- The verbs ------------------------------------------------------------------------------------------------------

template <Message T>
bool decode(std::string_view body, Version version, T& out, DecodeError* why) {
    static_assert(well_formed<T>(), "wire() must list every member, untagged first, tags ascending");
    KLOG_CHECK(supports<T>(version));
    out = T{};  // A field absent from this version must read as its default, not as an older message's.
    Reader in(body, version, is_flexible<T>(version));
    decode_struct(in, out);
    if (!in.ok() && why != nullptr) *why = in.error();
    return in.ok();
}

template <Message T>
Size measure(const T& message, Version version) {
    KLOG_CHECK(supports<T>(version));
    Measure measure;
    write_struct(measure, message, version, is_flexible<T>(version));
    return measure.size;
}

template <Message T>
void write(const T& message, Version version, Encode& sink) {
    static_assert(well_formed<T>(), "wire() must list every member, untagged first, tags ascending");
    write_struct(sink, message, version, is_flexible<T>(version));
}

template <Message T>
void encode(const T& message, Version version, std::string& out) {
    const std::size_t old_size = out.size();
    out.resize(old_size + measure(message, version).bytes);
    Encode sink{out.data() + old_size};
    write(message, version, sink);
    KLOG_CHECK(sink.p == out.data() + out.size());
}

template <Message T>
const char* not_carried(const T& message, Version version) {
    const char* found = nullptr;
    T::wire(FindNotCarried<T>{message, version, found});
    return found;
}

}  // namespace klog::wire

/// Compiles the verbs for one message. Used once, at the end of the .cc beside its declaration.
#define KLOG_WIRE_MESSAGE(T)                                              \
    namespace klog::wire {                                                \
    template bool decode<T>(std::string_view, Version, T&, DecodeError*); \
    template Size measure<T>(const T&, Version);                          \
    template void write<T>(const T&, Version, Encode&);                   \
    template void encode<T>(const T&, Version, std::string&);             \
    template const char* not_carried<T>(const T&, Version);               \
    }
