// SPDX-License-Identifier: Apache-2.0
// What the C++ type of a field is on the wire, how few bytes it can take, and whether a declaration holds together. All
// of it is known when a message is compiled. Part of wire/visitors.h.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/types.h"
#include "core/base/uuid.h"
#include "core/wire/codec.h"
#include "core/wire/records.h"

namespace klog::wire {

// ---- What a C++ type is on the wire ---------------------------------------------------------------------------------

template <class T>
struct NamedRep;
template <class Tag, class Rep>
struct NamedRep<base::Named<Tag, Rep>> {
    using type = Rep;
};
template <class T>
struct OptionalOf : std::false_type {};
template <class T>
struct OptionalOf<std::optional<T>> : std::true_type {};
template <class T>
struct VectorOf : std::false_type {};
template <class T>
struct VectorOf<std::vector<T>> : std::true_type {};

template <class T>
concept IsNamed = requires { typename NamedRep<T>::type; };
template <class T>
concept IsFixed =
    std::integral<T> || std::floating_point<T> || std::is_enum_v<T> || IsNamed<T> || std::same_as<T, base::Uuid>;
template <class T>
concept IsText = std::same_as<T, std::string> || std::same_as<T, std::string_view>;
template <class T>
concept IsBytes = std::same_as<T, Bytes>;
template <class T>
concept IsRecords = std::same_as<T, Records>;
template <class T>
concept IsArray = VectorOf<T>::value;
template <class T>
concept IsNullable = OptionalOf<T>::value;
template <class T>
concept IsStruct =
    std::is_class_v<T> && !IsFixed<T> && !IsText<T> && !IsBytes<T> && !IsRecords<T> && !IsArray<T> && !IsNullable<T>;

/// A struct as it is before anything is set. A constant where the standard library lets it be one.
template <class T>
const T& default_of() {
    if constexpr (requires { typename std::bool_constant<(T{}, true)>; }) {
        static constexpr T value{};
        return value;
    } else {
        static const T value{};
        return value;
    }
}

/// Whether a member has the value that it starts with. Texts and arrays always start empty (tests/wire/schema_dump.cc
/// shows it).
template <class T, class M>
bool is_default(const T& value, M T::* member) {
    if constexpr (IsText<M> || IsArray<M>)
        return (value.*member).empty();
    else
        return value.*member == default_of<T>().*member;
}

// ---- MinSize: the fewest bytes a value can occupy -------------------------------------------------------------------
// Bounds what an array length can make us allocate: n elements need at least n * min_size bytes.

template <class T>
constexpr std::size_t min_size(Version version, bool flexible);

struct MinSize {
    Version version;
    bool flexible;
    std::size_t bytes = 0;

    template <class T, class M>
    constexpr void operator()(const char*, M T::*, In in = {}) {
        if (in.contains(version)) bytes += min_size<M>(version, flexible);
    }
    template <class T, class M>
    constexpr void tagged(std::uint32_t, const char*, M T::*, In = {}) {}
};

template <class T>
constexpr std::size_t min_size(Version version, bool flexible) {
    if constexpr (IsNullable<T>) {
        using Value = typename T::value_type;
        if constexpr (IsStruct<Value>)
            return 1;
        else
            return min_size<Value>(version, flexible);
    } else if constexpr (IsFixed<T>)
        return sizeof(T);
    else if constexpr (IsText<T>)
        return flexible ? 1 : 2;
    else if constexpr (IsBytes<T> || IsRecords<T> || IsArray<T>)
        return flexible ? 1 : 4;
    else {
        MinSize m{version, flexible};
        T::wire(m);
        return m.bytes + (flexible ? 1 : 0);
    }
}

// ---- Declarations that do not hold together do not compile ----------------------------------------------------------

struct AnyMember {
    template <class T>
    operator T() const;
};
template <class T, class... Args>
consteval std::size_t member_count(Args... args) {
    if constexpr (requires { T{args..., AnyMember{}}; })
        return member_count<T>(args..., AnyMember{});
    else
        return sizeof...(Args);
}

struct Check {
    std::size_t fields = 0;
    std::int64_t tag = -1;
    bool sound = true;

    template <class T, class M>
    constexpr void operator()(const char*, M T::*, In in = {}) {
        ++fields;
        sound = sound && in.since <= in.until && tag == -1;  // Untagged fields come first.
        nested<M>();
    }
    template <class T, class M>
    constexpr void tagged(std::uint32_t t, const char*, M T::*, In in = {}) {
        ++fields;
        sound = sound && in.since <= in.until && static_cast<std::int64_t>(t) > tag;  // Ascending.
        tag = t;
        nested<M>();
    }
    template <class M>
    constexpr void nested() {
        if constexpr (IsNullable<M> || IsArray<M>)
            nested<typename M::value_type>();
        else if constexpr (IsStruct<M>) {
            Check inner;
            M::wire(inner);
            sound = sound && inner.sound && inner.fields == member_count<M>();
        }
    }
};

template <class T>
consteval bool well_formed() {
    Check check;
    T::wire(check);
    return check.sound && check.fields == member_count<T>();  // Every member is on the list.
}

}  // namespace klog::wire
