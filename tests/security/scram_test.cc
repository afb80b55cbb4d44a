// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>

#include "core/security/sasl_client.h"
#include "core/security/scram.h"

using namespace klog;
using namespace klog::security;
using base::Errc;

namespace {

constexpr const char* our_nonce = "rOprNGfwEbeRWgbNEkqO";
constexpr const char* server_first =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr const char* client_final =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr const char* server_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

ScramClient client_of(ScramHash hash = ScramHash::sha_256) {
    return {hash, {"user", base::Secret("pencil")}, our_nonce};
}

/// What a client makes of this first answer.
base::Result<std::optional<std::string>> after_first(std::string_view answer) {
    ScramClient client = client_of();
    CHECK(client.first() == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    return client.answer(answer);
}
base::Result<std::optional<std::string>> after_final(std::string_view answer) {
    ScramClient client = client_of();
    client.first();
    CHECK(client.answer(server_first));
    return client.answer(answer);
}

std::string with_iterations(std::string_view count) {
    return std::string(server_first).replace(std::string_view(server_first).find("i=") + 2, std::string::npos, count);
}

}  // namespace

TEST_CASE("the exchange of RFC 7677 comes out as published") {
    ScramClient client = client_of();
    CHECK(client.first() == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    CHECK(client.answer(server_first).value() == client_final);
    CHECK(client.answer(server_final).value() == std::nullopt);
}

// Computed with Python's hashlib: there is no published one.
TEST_CASE("SHA-512 makes the same exchange with its own numbers") {
    ScramClient client = client_of(ScramHash::sha_512);
    client.first();
    const auto final =
        client.answer("r=rOprNGfwEbeRWgbNEkqO02431b08-2f0c-4f8e-9f0b-1f1f,s=Yzk3MWZjN2U=,i=8192,x=an extension");
    REQUIRE(final);
    // The extension is part of what is signed, so the proof is not that of the exchange without it.
    CHECK((*final)->starts_with("c=biws,r=rOprNGfwEbeRWgbNEkqO02431b08-2f0c-4f8e-9f0b-1f1f,p="));
    ScramClient again = client_of(ScramHash::sha_512);
    again.first();
    CHECK(again.answer("r=rOprNGfwEbeRWgbNEkqO02431b08-2f0c-4f8e-9f0b-1f1f,s=Yzk3MWZjN2U=,i=8192").value() ==
          "c=biws,r=rOprNGfwEbeRWgbNEkqO02431b08-2f0c-4f8e-9f0b-1f1f,p=HYexPfbPFiqI112aWF/P1MDcZDO0uO/Bn1sEFsBn3/"
          "3WyX3cd/ERw5+2OHM+UvKedah3oq4t5si72B/+DbqMKA==");
    CHECK(again.answer("v=V5bXCepUrnpC1nsu02lZeEyenH0Fd2/HHyO0fYalqNF5JM2Ex9c3Bo2WTYL29Uoz5emMBqLHc+tNEDebkgsO8g=="));
}

TEST_CASE("commas and equals signs of a name are spelled out") {
    ScramClient client(ScramHash::sha_256, {"a,b=c", base::Secret("x")}, "N");
    CHECK(client.first() == "n,,n=a=2Cb=3Dc,r=N");
}

TEST_CASE("a server that does not continue our nonce is not believed") {
    const auto code = [](std::string_view answer) { return after_first(answer).error().code; };
    CHECK(code("r=somebodyElses,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096") == Errc::authentication_failed);
    CHECK(code("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096") == Errc::authentication_failed);
}

TEST_CASE("the number of iterations is bounded below and above") {
    for (const auto* count : {"0", "-4096", "1", "4095", "1000001", "99999999"})
        CHECK_MESSAGE(after_first(with_iterations(count)).error().code == Errc::authentication_failed, count);
    for (const auto* count : {"", "x", "4096x", "99999999999999999999"})
        CHECK_MESSAGE(after_first(with_iterations(count)).error().code == Errc::corrupt, count);
    CHECK(after_first(with_iterations("4096")));
    CHECK(after_first(with_iterations("16384")));
}

TEST_CASE("a first answer that is not one is refused") {
    for (const auto* answer : {"", "r", "r=", "i=4096", "s=W22ZaJ0SNY7soEsUEjb6gQ==,r=rOprNGfwEbeRWgbNEkqOx,i=4096",
                               "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096", "r=rOprNGfwEbeRWgbNEkqOx,s=W22=aJ0S,i=4096",
                               "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z aJ0,i=4096", "r=rOprNGfwEbeRWgbNEkqOx,s=W22,i=4096",
                               "r=rOprNGfwEbeRWgbNEkqOx,s=====,i=4096", "r=rOprNGfwEbeRWgbNEkqOx",
                               "m=future,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"})
        CHECK_MESSAGE(after_first(answer).error().code == Errc::corrupt, answer);
    const std::string long_one = std::string(server_first) + ",x=" + std::string(10'000, 'x');
    CHECK(after_first(long_one).error().code == Errc::corrupt);
}

TEST_CASE("a server without the right signature is not believed") {
    CHECK(after_final("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95H4=").error().code == Errc::authentication_failed);
    CHECK(after_final("v=AAAA").error().code == Errc::authentication_failed);
    CHECK(after_final("v=").error().code == Errc::authentication_failed);
    for (const auto* answer : {"", "v", "x=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", server_first})
        CHECK_MESSAGE(after_final(answer).error().code == Errc::corrupt, answer);
}

TEST_CASE("what a server says against us is handed on in one line, at either step") {
    const auto refused = after_final("e=invalid-proof\n\x1b[31m");
    CHECK(refused.error().code == Errc::authentication_failed);
    CHECK(refused.error().message == "the server refuses: invalid-proof??[31m");
    CHECK(after_first("e=unknown-user").error().message == "the server refuses: unknown-user");
}

TEST_CASE("PLAIN is one message, and mechanisms go by their names") {
    const auto plain = make_sasl_client(SaslMechanism::plain, {"tim", base::Secret("tanstaaftanstaaf")}, "");
    CHECK(plain->first() == std::string("\0tim\0tanstaaftanstaaf", 21));
    CHECK(plain->answer("").value() == std::nullopt);
    for (const auto mechanism : {SaslMechanism::plain, SaslMechanism::scram_sha_256, SaslMechanism::scram_sha_512})
        CHECK(sasl_mechanism_named(name_of(mechanism)) == mechanism);
    CHECK(sasl_mechanism_named("GSSAPI") == std::nullopt);
}

TEST_CASE("nonces are printable, without commas, and differ") {
    const std::string nonce = fresh_nonce();
    CHECK(nonce.size() == 24);
    CHECK(nonce.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") ==
          std::string::npos);
    CHECK(nonce != fresh_nonce());
}
