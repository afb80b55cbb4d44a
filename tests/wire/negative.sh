#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each of these declarations is wrong in one way and must not compile; the sound ones must.
# Usage: negative.sh SOURCE_ROOT COMPILER...
root=$1; shift
compile="$* -std=c++23 -fsyntax-only -I$root"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# try WANT WHAT MEMBERS
try() {
    cat >"$work/n.cc" <<EOF
#include "core/wire/field_types.h"
#include "core/wire/visitors.h"
struct M {
    static constexpr short api_key = 1;
    static constexpr klog::wire::Version version_first = 0, version_last = 1, flexible_since = 1;
    $3
    bool operator==(const M&) const = default;
};
KLOG_WIRE_MESSAGE(M)
EOF
    if $compile "$work/n.cc" 2>"$work/errors"; then got=compiles
    elif grep -q 'wire() must list every member' "$work/errors"; then got=refused
    else got=broken; fi
    if [ $got = "$1" ]; then passed=$((passed + 1))
    else failed=$((failed + 1)); echo "$2: $got, not $1"; head -n 20 "$work/errors"; fi
}

try compiles 'a sound declaration' \
    'int a = 0; std::string b; static constexpr void wire(auto&& f) { f("a", &M::a); f("b", &M::b); }'
try compiles 'all kinds of members' \
    'std::optional<std::string> a; std::optional<std::vector<int>> b; klog::wire::Uuid c; klog::wire::Records d;
     klog::wire::ErrorCode e{}; std::vector<std::string> g; klog::wire::NodeId h;
     static constexpr void wire(auto&& f) {
         f("a", &M::a); f("b", &M::b); f("c", &M::c); f("d", &M::d); f("e", &M::e); f("g", &M::g); f("h", &M::h); }'
try refused 'a member left out' \
    'int a = 0; std::string b; static constexpr void wire(auto&& f) { f("a", &M::a); }'
try refused 'a member left out of a nested struct' \
    'struct N { int x = 0; int y = 0; bool operator==(const N&) const = default;
         static constexpr void wire(auto&& f) { f("x", &N::x); } };
     std::vector<N> n; static constexpr void wire(auto&& f) { f("n", &M::n); }'
try refused 'tags out of order' \
    'int a = 0; int b = 0; static constexpr void wire(auto&& f) { f.tagged(1, "a", &M::a); f.tagged(0, "b", &M::b); }'
try refused 'a plain field after a tagged one' \
    'int a = 0; int b = 0; static constexpr void wire(auto&& f) { f.tagged(0, "a", &M::a); f("b", &M::b); }'
try refused 'an empty version range' \
    'int a = 0; static constexpr void wire(auto&& f) { f("a", &M::a, {.since = 3, .until = 2}); }'
try refused 'an optional and an array left out' \
    'std::optional<std::string> a; std::optional<std::vector<int>> b; klog::wire::Uuid c;
     static constexpr void wire(auto&& f) { f("a", &M::a); f("c", &M::c); }'

echo "$passed passed, $failed failed"
[ $failed = 0 ]
