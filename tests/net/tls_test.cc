// SPDX-License-Identifier: Apache-2.0
#include "core/net/tls.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>

#include "core/net/asio_network.h"
#include "core/net/memory_network.h"
#include "core/net/tls_context.h"
#include "core/net/tls_stream.h"
#include "core/runtime/scope.h"
#include "tests/net/certificates.h"

using namespace klog;
using namespace std::chrono_literals;
using base::Chain;
using base::Errc;
using base::Result;
using base::Secret;
using base::SharedBytes;
using net::Address;
using net::Network;
using net::Stream;
using net::TlsContext;
using net::TlsOptions;
using runtime::Scope;
using runtime::Shard;
using runtime::Task;
using test::Authority;
using test::Certificate;

namespace {

using Context = std::shared_ptr<const TlsContext>;

const Authority& authority() {
    static const Authority made("the authority of this test");
    return made;
}
const Certificate& localhost() {
    static const Certificate made = authority().issue("DNS:localhost,IP:127.0.0.1");
    return made;
}

TlsOptions trusting(const Authority& whom) {
    TlsOptions options;
    options.trust_pem = whom.pem();
    return options;
}
TlsOptions showing(const Certificate& what) {
    TlsOptions options;
    options.certificate_pem = what.pem;
    options.key_pem = Secret(what.key_pem);
    return options;
}
Context client(const TlsOptions& options = trusting(authority())) { return TlsContext::client(options).value(); }
Context server(const TlsOptions& options = showing(localhost())) { return TlsContext::server(options).value(); }

Chain chain_of(std::string text) {
    Chain chain;
    chain.append(SharedBytes::own(std::move(text)));
    return chain;
}

using Connected = Result<std::unique_ptr<Stream>>;

struct Pair {
    std::unique_ptr<Stream> client, server;
};
Task<Pair> plain_pair(Network* network, Address address) {
    auto listener = network->listen(address, [] -> Shard& { return *Shard::current(); });
    REQUIRE(listener);
    auto connected = co_await network->connect((*listener)->address(), std::nullopt);
    auto accepted = co_await (*listener)->accept();
    REQUIRE((connected && accepted));
    Pair pair{std::move(*connected), std::move(*accepted)};
    co_return pair;
}

Task<void> accept_into(std::unique_ptr<Stream> below, Context context, Connected* into) {
    *into = co_await net::tls_accept(std::move(below), std::move(context), Shard::current()->now() + 10s);
}

struct Both {
    Connected client = base::fail(Errc::closed, "not tried"), server = base::fail(Errc::closed, "not tried");
};
Task<Both> shake_hands(Network* network, Address address, Context client, Context server, std::string host) {
    Pair below = co_await plain_pair(network, address);
    Both both;
    Scope scope;
    scope.spawn(accept_into(std::move(below.server), server, &both.server));
    both.client = co_await net::tls_connect(std::move(below.client), client, host, Shard::current()->now() + 10s);
    co_await scope.join();
    co_return both;
}

/// Over TCP; what the client is told.
struct Told {
    Errc code = Errc::io;
    std::string words;
};
Told told(const TlsOptions& client_options, const TlsOptions& server_options, const std::string& host = "localhost") {
    runtime::AsioRuntime runtime({.shards = 1});
    net::AsioNetwork network(runtime);
    Told told;
    const auto body = [](Network* in, Context ours, Context theirs, std::string name, Told* into) -> Task<void> {
        const Both both = co_await shake_hands(in, {"127.0.0.1", 0}, ours, theirs, name);
        if (both.client) co_return void(into->words = "accepted");
        into->code = both.client.error().code;
        into->words = both.client.error().message;
    };
    runtime.run(body(&network, client(client_options), server(server_options), host, &told));
    return told;
}
bool has(const std::string& words, std::string_view part) { return words.find(part) != std::string::npos; }

Task<void> send_all(Stream* stream, std::string text, bool* done) {
    Chain chain = chain_of(std::move(text));
    *done = (co_await stream->send(std::move(chain))).has_value();
}
Task<std::string> read_exactly(Stream* stream, std::size_t bytes) {
    std::string all;
    std::string part(70'000, '\0');
    while (all.size() < bytes) {
        const auto n = co_await stream->read_some(part);
        if (!n || *n == 0) break;
        all.append(part, 0, *n);
    }
    co_return all;
}
Task<void> read_into(Stream* stream, std::size_t bytes, std::string* into) {
    *into = co_await read_exactly(stream, bytes);
}

std::string noise(std::size_t bytes, std::uint64_t seed) {
    base::Random random(seed);
    std::string all(bytes, '\0');
    for (char& c : all) c = static_cast<char>(random.below(256));
    return all;
}

/// Many bytes both ways at once, then the end.
Task<void> talk(Network* network, Address address) {
    Both both = co_await shake_hands(network, address, client(), server(), "localhost");
    REQUIRE((both.client && both.server));
    const std::string there = noise(3'000'000, 1), back = noise(2'000'000, 2);
    bool sent_there = false, sent_back = false;
    std::string came_there, came_back;
    Scope scope;
    scope.spawn(send_all(both.client->get(), there, &sent_there));
    scope.spawn(send_all(both.server->get(), back, &sent_back));
    scope.spawn(read_into(both.server->get(), there.size(), &came_there));
    scope.spawn(read_into(both.client->get(), back.size(), &came_back));
    co_await scope.join();
    CHECK((sent_there && sent_back));
    CHECK(came_there == there);
    CHECK(came_back == back);
    (*both.server)->close();
    std::string buffer(10, '\0');
    CHECK((co_await (*both.client)->read_some(buffer)).value() == 0);
    (*both.client)->close();
    CHECK((co_await (*both.client)->read_some(buffer)).error().code == Errc::closed);
    bool sent = true;
    co_await send_all(both.client->get(), "too late", &sent);
    CHECK_FALSE(sent);
}

/// What somebody without TLS answers to the first bytes that come, and then closes or waits.
Task<void> answer_plainly(std::unique_ptr<Stream> stream, std::string answer, bool closes, std::string* came) {
    came->resize(4096);
    const auto n = co_await stream->read_some(*came);
    came->resize(n.value_or(0));
    if (!answer.empty()) {
        Chain chain = chain_of(answer);
        (void)co_await stream->send(std::move(chain));
    }
    std::string more(4096, '\0');
    while (!closes) {
        const auto rest = co_await stream->read_some(more);
        if (!rest || *rest == 0) break;
    }
    stream->close();
}
Told told_by_plain(std::string answer, bool closes, std::string* came) {
    runtime::SimRuntime sim(1, 1);
    net::MemoryNetwork network(sim.world());
    Told told;
    const auto body = [](Network* in, std::string words, bool ends, std::string* arrived, Told* into) -> Task<void> {
        Pair below = co_await plain_pair(in, {"a", 1});
        Scope scope;
        scope.spawn(answer_plainly(std::move(below.server), words, ends, arrived));
        const auto deadline = Shard::current()->now() + 10s;
        const auto done = co_await net::tls_connect(std::move(below.client), client(), "broker.example", deadline);
        into->code = done.error().code;
        into->words = done.error().message;
        co_await scope.join();
    };
    sim.run(body(&network.host("a"), std::move(answer), closes, came, &told));
    return told;
}

struct Folder {
    Folder() { REQUIRE(::mkdtemp(path.data())); }
    ~Folder() {
        for (const std::string& file : files) ::unlink(file.c_str());
        ::rmdir(path.c_str());
    }
    std::string put(const std::string& name, const std::string& bytes) {
        files.push_back(path + "/" + name);
        std::ofstream(files.back(), std::ios::binary) << bytes;
        return files.back();
    }
    std::string path = "/tmp/klog-tls-test-XXXXXX";
    std::vector<std::string> files;
};

}  // namespace

TEST_CASE("megabytes go both ways at once through TLS over TCP, and the end is seen") {
    runtime::AsioRuntime runtime({.shards = 1});
    net::AsioNetwork network(runtime);
    runtime.run(talk(&network, {"127.0.0.1", 0}));
}

TEST_CASE("the same over a network that delays and gives short reads") {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        runtime::SimRuntime sim(seed, 1);
        net::MemoryNetwork network(sim.world());
        sim.run(talk(&network.host("a"), {"a", 1}));
    }
}

TEST_CASE("a certificate must be signed by somebody trusted, be for that host, and be in its time") {
    CHECK(told(trusting(authority()), showing(localhost())).words == "accepted");
    CHECK(told(trusting(authority()), showing(localhost()), "127.0.0.1").words == "accepted");

    const Told stranger = told(trusting(Authority("somebody else")), showing(localhost()));
    CHECK(stranger.code == Errc::tls_failed);
    CHECK(has(stranger.words, "unable to get local issuer certificate"));
    CHECK(has(stranger.words, "ssl.ca.location"));
    CHECK(has(told({}, showing(localhost())).words, "unable to get local issuer certificate"));

    for (const auto* name : {"broker.example", "127.0.0.2", "::1", "localhost.example"}) {
        const Told other = told(trusting(authority()), showing(localhost()), name);
        CHECK(other.code == Errc::tls_failed);
        CHECK_MESSAGE(has(other.words, "mismatch (it is for localhost, 127.0.0.1)"), other.words);
        CHECK(has(other.words, name));
    }
    CHECK(has(told(trusting(authority()), showing(authority().issue("DNS:localhost", {-7200, -3600}))).words,
              "certificate has expired; whoever runs the broker"));
    CHECK(has(told(trusting(authority()), showing(authority().issue("DNS:localhost", {3600, 7200}))).words,
              "certificate is not yet valid; look at the clocks"));
    CHECK(told(trusting(authority()), showing(authority().issue("DNS:*.example.org")), "a.example.org").words ==
          "accepted");
    CHECK(told(trusting(authority()), showing(authority().issue("DNS:*.example.org")), "a.b.example.org").code ==
          Errc::tls_failed);
}

TEST_CASE("a host whose name is no name is no certificate's") {
    using namespace std::string_literals;
    CHECK(told(trusting(authority()), showing(localhost()), "localhost\0.example"s).code == Errc::tls_failed);
    CHECK(told(trusting(authority()), showing(localhost()), std::string(3000, 'x')).code == Errc::tls_failed);
}

TEST_CASE("who asks for less checking gets just that") {
    TlsOptions any_name = trusting(authority());
    any_name.verify_host = false;
    CHECK(told(any_name, showing(localhost()), "broker.example").words == "accepted");
    CHECK(told(any_name, showing(Authority("other").issue("DNS:localhost"))).code == Errc::tls_failed);
    TlsOptions anybody;
    anybody.verify_certificate = false;
    CHECK(told(anybody, showing(Authority("other").issue("DNS:x", {-7200, -3600}))).words == "accepted");
}

TEST_CASE("nothing older than TLS 1.2 is spoken") {
    runtime::AsioRuntime runtime({.shards = 1});
    net::AsioNetwork network(runtime);
    const auto body = [](Network* in) -> Task<void> {
        for (const int version : {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
            const Context old = server();
            SSL_CTX_set_cipher_list(old->state().context.get(), "DEFAULT:@SECLEVEL=0");
            SSL_CTX_set_min_proto_version(old->state().context.get(), TLS1_VERSION);
            SSL_CTX_set_max_proto_version(old->state().context.get(), version);
            const Both both = co_await shake_hands(in, {"127.0.0.1", 0}, client(), old, "localhost");
            CHECK(both.client.has_value() == (version >= TLS1_2_VERSION));
            if (!both.client) CHECK(has(both.client.error().message, "protocol version"));
        }
    };
    runtime.run(body(&network));
}

TEST_CASE("what is not TLS is told apart: who closes, who says something else, who is silent") {
    std::string came;
    const Told closed = told_by_plain("", true, &came);
    CHECK((closed.code == Errc::tls_failed && has(closed.words, "security.protocol")));
    CHECK_MESSAGE(has(came, "broker.example"), "the host is named to the server");
    const Told other = told_by_plain("HTTP/1.1 400 Bad Request\r\n\r\n", true, &came);
    CHECK_MESSAGE((other.code == Errc::tls_failed && has(other.words, "is not TLS")), other.words);
    const Told silent = told_by_plain("", false, &came);
    CHECK((silent.code == Errc::timed_out && has(silent.words, "takes too long")));
}

TEST_CASE("noise in place of a handshake ends in an error") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        std::string came;
        // Half of it with a beginning that is right.
        const std::string start = seed % 2 == 0 ? "" : std::string("\x16\x03\x03\x00\x40\x02", 6);
        const Told heard = told_by_plain(start + noise(1 + seed * 7, seed), true, &came);
        CHECK((heard.code == Errc::tls_failed || heard.code == Errc::closed));
    }
}

TEST_CASE("a connection that is cut anywhere ends in an error or a whole message") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        runtime::SimRuntime sim(seed, 1);
        net::MemoryNetwork network(sim.world());
        const auto body = [](net::MemoryNetwork* in) -> Task<void> {
            Pair below = co_await plain_pair(&in->host("a"), {"a", 1});
            in->faults().cut_one_in = 5;
            Both both;
            Scope scope;
            scope.spawn(accept_into(std::move(below.server), server(), &both.server));
            both.client = co_await net::tls_connect(std::move(below.client), client(), "localhost",
                                                    Shard::current()->now() + 10s);
            co_await scope.join();
            if (!both.client || !both.server) co_return;
            const std::string text = noise(100'000, 3);
            bool sent = false;
            scope.spawn(send_all(both.server->get(), text, &sent));
            const std::string came = co_await read_exactly(both.client->get(), text.size());
            CHECK(text.starts_with(came));
            CHECK((sent || came.size() < text.size()));
            (*both.client)->close();
            co_await scope.join();
        };
        sim.run(body(&network));
    }
}

TEST_CASE("a server may change its keys, and is answered by who only reads") {
    runtime::SimRuntime sim(1, 1);
    net::MemoryNetwork network(sim.world());
    const auto body = [](Network* in) -> Task<void> {
        Pair below = co_await plain_pair(in, {"a", 1});
        auto accepting = std::make_unique<net::TlsStream>(std::move(below.server), server(),
                                                          net::TlsStream::Role::server, "the client");
        Connected connected = base::fail(Errc::closed, "not tried");
        Scope scope;
        const auto connect = [](std::unique_ptr<Stream> stream, Connected* into) -> Task<void> {
            *into = co_await net::tls_connect(std::move(stream), client(), "localhost", std::nullopt);
        };
        scope.spawn(connect(std::move(below.client), &connected));
        CHECK(co_await accepting->shake_hands());
        co_await scope.join();
        REQUIRE(connected);
        for (int round = 0; round < 3; ++round) {
            CHECK(SSL_key_update(accepting->ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
            bool sent = false;
            scope.spawn(send_all(accepting.get(), "under new keys", &sent));
            CHECK(co_await read_exactly(connected->get(), 14) == "under new keys");
            scope.spawn(send_all(connected->get(), "here too", &sent));
            CHECK(co_await read_exactly(accepting.get(), 8) == "here too");
            co_await scope.join();
        }
    };
    sim.run(body(&network.host("a")));
}

TEST_CASE("a server that wants a certificate gets ours, or says that it misses it") {
    TlsOptions demanding = showing(localhost());
    demanding.trust_pem = authority().pem();
    TlsOptions ours = trusting(authority());
    const Certificate mine = authority().issue("DNS:client");
    runtime::AsioRuntime runtime({.shards = 1});
    net::AsioNetwork network(runtime);
    const auto body = [](Network* in, TlsOptions theirs, TlsOptions with, TlsOptions without) -> Task<void> {
        Both good = co_await shake_hands(in, {"127.0.0.1", 0}, client(with), server(theirs), "localhost");
        CHECK((good.client && good.server));
        // In TLS 1.3 the client is done before the server has looked.
        Both bad = co_await shake_hands(in, {"127.0.0.1", 0}, client(without), server(theirs), "localhost");
        CHECK_FALSE(bad.server);
        REQUIRE(bad.client);
        std::string buffer(10, '\0');
        const auto read = co_await (*bad.client)->read_some(buffer);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == Errc::tls_failed);
        CHECK_MESSAGE(has(read.error().message, "certificate required"), read.error().message);
    };
    TlsOptions with = ours;
    with.certificate_pem = mine.pem;
    with.key_pem = Secret(mine.key_pem);
    runtime.run(body(&network, demanding, with, ours));
}

TEST_CASE("certificates and keys come as PEM or PKCS #12, in one file or two, with passwords") {
    Folder folder;
    const Certificate& mine = localhost();
    const std::string locked = test::encrypted(mine.key_pem, "open sesame");
    const auto good = [](TlsOptions options) { return TlsContext::server(options).has_value(); };
    const auto words = [](TlsOptions options) {
        const auto made = TlsContext::server(options);
        if (made) return std::string("accepted");
        CHECK(made.error().code == Errc::invalid_config);
        CHECK_FALSE(has(made.error().message, "sesame"));
        return made.error().message;
    };
    TlsOptions options;
    options.certificate_file = folder.put("both.pem", mine.key_pem + mine.pem);
    CHECK(good(options));
    options.certificate_file = folder.put("certificate.pem", "a remark\n" + mine.pem + authority().pem());
    CHECK(has(words(options), "no private key"));
    options.key_file = folder.put("key.pem", mine.key_pem);
    CHECK(good(options));
    options.key_file = folder.put("locked.pem", locked);
    CHECK(has(words(options), "ssl.key.password"));
    options.key_password = Secret("open barley");
    CHECK(has(words(options), "ssl.key.password"));
    options.key_password = Secret("open sesame");
    CHECK(good(options));
    options.key_file = folder.put("other.pem", authority().issue("DNS:x").key_pem);
    CHECK(has(words(options), "cannot be used: key values mismatch"));

    TlsOptions store;
    store.certificate_file = folder.put("store.p12", test::as_pkcs12(mine.pem, mine.key_pem, "open sesame"));
    CHECK(has(words(store), "is its password right?"));
    store.key_password = Secret("open sesame");
    CHECK(good(store));
    store.certificate_file = folder.put("store.jks", "\xfe\xed\xfe\xed whatever");
    CHECK(has(words(store), "keytool -importkeystore"));
    for (const auto* nonsense :
         {"nonsense", "0nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}) {
        store.certificate_file = folder.put("nonsense", nonsense);
        CHECK_FALSE(good(store));
    }
    store.certificate_file = folder.path + "/absent";
    CHECK(has(words(store), "cannot read"));
}

TEST_CASE("whom to trust comes as PEM, in lines or on one line, or as PKCS #12") {
    Folder folder;
    TlsOptions options;
    options.trust_file = folder.put("ca.pem", Authority("first").pem() + authority().pem());
    CHECK(told(options, showing(localhost())).words == "accepted");
    options.trust_file = folder.put("ca.p12", test::as_pkcs12(authority().pem(), "", "open sesame"));
    options.trust_password = Secret("open sesame");
    CHECK(told(options, showing(localhost())).words == "accepted");
    options.trust_password = Secret("wrong");
    CHECK(has(TlsContext::client(options).error().message, "is its password right?"));

    TlsOptions one_line;
    one_line.trust_pem = authority().pem();
    for (char& c : one_line.trust_pem)
        if (c == '\n') c = ' ';
    CHECK(told(one_line, showing(localhost())).words == "accepted");
    one_line.trust_pem = "no certificate";
    CHECK(has(TlsContext::client(one_line).error().message, "no certificate"));
}
