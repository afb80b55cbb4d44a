// SPDX-License-Identifier: Apache-2.0
#include "core/records/compression.h"

#include <ctime>
#include <fstream>

#include <doctest/doctest.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base/random.h"
#include "core/base/varint.h"
#include "tests/records/support.h"

using namespace klog::base;
using namespace klog::records;
using namespace klog::records::test;

namespace {

const std::vector<Codec> real_codecs = {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

std::string compressed(Codec codec, std::string_view plain) {
    std::string out;
    REQUIRE(klog::records::deflate(Compression(codec), plain, out));
    return out;
}

Errc inflate_error(Codec codec, std::string_view bytes, std::size_t bytes_max) {
    std::string out;
    const auto result = klog::records::inflate(codec, bytes, bytes_max, out);
    return result ? Errc::exists : result.error().code;
}

std::string text_of(Random& random, std::size_t size, unsigned letters) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>('a' + random.below(letters));
    return text;
}

double cpu_ms() {
    timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

/// The most memory that this process has had since the last reset, in bytes.
std::size_t peak_rss() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
    return 0;
}
void reset_peak_rss() { std::ofstream("/proc/self/clear_refs") << "5"; }

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

}  // namespace

TEST_CASE("what is compressed comes back, in every codec, level and size") {
    Random random(3);
    for (const Codec codec : real_codecs)
        for (const int level : {-5, -1, 1, 2, 3, 6, 9, 12, 17, 19, 22}) {
            const bool levelled = codec != Codec::snappy;
            if (levelled && !Compression::valid_level(codec, level)) continue;
            for (const std::size_t size : {0u, 1u, 100u, 32'768u, 32'769u, 65'536u, 200'000u}) {
                const std::string plain = text_of(random, size, size % 2 ? 2 : 26);
                std::string packed = "before", again;
                REQUIRE(klog::records::deflate(Compression(codec, level), plain, packed));
                REQUIRE(packed.starts_with("before"));
                REQUIRE(klog::records::inflate(codec, std::string_view(packed).substr(6), size, again));
                CHECK(again == plain);
            }
            if (!levelled) break;
        }
}

TEST_CASE("levels have the ranges and defaults of Kafka") {
    CHECK(Compression(Codec::gzip).level == -1);
    CHECK(Compression(Codec::lz4).level == 9);
    CHECK(Compression(Codec::zstd).level == 3);
    CHECK_FALSE(Compression::valid_level(Codec::gzip, 0));
    CHECK_FALSE(Compression::valid_level(Codec::gzip, 10));
    CHECK_FALSE(Compression::valid_level(Codec::lz4, 18));
    CHECK(Compression::valid_level(Codec::zstd, -131'072));
    CHECK_FALSE(Compression::valid_level(Codec::zstd, 23));
}

TEST_CASE("our frames have the headers that Kafka's have") {
    const std::string lz4 = compressed(Codec::lz4, "hello hello hello");
    const std::string java_lz4 = java_case("v2-lz4-small").bytes.substr(batch_header_bytes);
    CHECK(lz4.substr(0, 7) == java_lz4.substr(0, 7));
    const std::string snappy_bytes = compressed(Codec::snappy, "hello hello hello");
    CHECK(snappy_bytes.substr(0, 16) == java_case("v2-snappy-small").bytes.substr(batch_header_bytes, 16));
}

TEST_CASE("the bound holds exactly, and a stream may be read in pieces of any size") {
    Random random(4);
    const std::string plain = text_of(random, 100'000, 4);
    for (const Codec codec : real_codecs) {
        const std::string packed = compressed(codec, plain);
        CHECK(inflate_error(codec, packed, plain.size()) == Errc::exists);
        CHECK(inflate_error(codec, packed, plain.size() - 1) == Errc::too_large);
        CHECK(inflate_error(codec, packed, 0) == Errc::too_large);
        for (const std::size_t piece : {1u, 7u, 4096u}) {
            const auto inflater = open_inflater(codec, packed, plain.size()).value();
            std::string again, room(piece, '\0');
            for (;;) {
                const auto got = inflater->read(room);
                REQUIRE(got.has_value());
                if (*got == 0) break;
                again.append(room.data(), *got);
            }
            CHECK(again == plain);
            CHECK(inflater->read(room).value() == 0);
        }
    }
}

TEST_CASE("every proper prefix of a compressed stream is refused") {
    Random random(5);
    const std::string plain = text_of(random, 3000, 5);
    for (const Codec codec : real_codecs) {
        const std::string packed = compressed(codec, plain);
        for (std::size_t n = 0; n < packed.size(); ++n) {
            // A snappy stream may end after its header; it is then a stream of nothing.
            if (codec == Codec::snappy && n == 16) continue;
            CHECK(inflate_error(codec, std::string(packed, 0, n), plenty) == Errc::invalid_record);
        }
        CHECK(inflate_error(codec, packed + std::string("\0garbage", 8), plenty) == Errc::invalid_record);
    }
}

TEST_CASE("mutated streams never crash and never give more than the bound") {
    const std::uint64_t seed = 77;
    Random random(seed);
    const std::string plain = text_of(random, 5000, 3);
    for (const Codec codec : real_codecs) {
        const std::string packed = compressed(codec, plain);
        for (int round = 0; round < 5000; ++round) {
            std::string bad = packed;
            for (auto n = random.between(1, 3); n > 0; --n)
                bad[random.below(bad.size())] = static_cast<char>(random.next());
            std::string out;
            if (klog::records::inflate(codec, bad, 10'000, out)) CHECK(out.size() <= 10'000);
        }
    }
}

TEST_CASE("snappy is read raw, in Java's framing, and as several streams in a row") {
    const std::string plain(5000, 'x');
    std::string raw, out;
    snappy::Compress(plain.data(), plain.size(), &raw);
    REQUIRE(klog::records::inflate(Codec::snappy, raw, plenty, out));
    CHECK(out == plain);
    const std::string framed = compressed(Codec::snappy, plain);
    REQUIRE(klog::records::inflate(Codec::snappy, framed + framed, plenty, out));
    CHECK(out == plain + plain);
}

TEST_CASE("gzip members and zstd frames may follow each other, as Kafka reads them") {
    for (const Codec codec : {Codec::gzip, Codec::zstd}) {
        std::string out;
        REQUIRE(klog::records::inflate(codec, compressed(codec, "one ") + compressed(codec, "two"), plenty, out));
        CHECK(out == "one two");
    }
}

TEST_CASE("lz4 frames with checksums, linked blocks, large blocks and a content size are read") {
    Random random(6);
    const std::string plain = text_of(random, 300'000, 3);
    LZ4F_preferences_t preferences{};
    preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
    preferences.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled;
    preferences.frameInfo.blockMode = LZ4F_blockLinked;
    preferences.frameInfo.blockSizeID = LZ4F_max4MB;
    preferences.frameInfo.contentSize = plain.size();
    std::string frame(LZ4F_compressFrameBound(plain.size(), &preferences), '\0'), out;
    frame.resize(LZ4F_compressFrame(frame.data(), frame.size(), plain.data(), plain.size(), &preferences));
    REQUIRE(klog::records::inflate(Codec::lz4, frame, plenty, out));
    CHECK(out == plain);
    for (const std::size_t damage : {frame.size() - 1, frame.size() / 2}) {
        std::string bad = frame;
        bad[damage] = static_cast<char>(bad[damage] ^ 1);
        CHECK(inflate_error(Codec::lz4, bad, plenty) == Errc::invalid_record);
    }
    // The header checksum that Kafka got wrong in format 0 is forgiven there, and only there.
    std::string old = frame;
    old[14] = static_cast<char>(old[14] ^ 0x55);
    CHECK(inflate_error(Codec::lz4, old, plenty) == Errc::invalid_record);
    REQUIRE(klog::records::inflate(Codec::lz4, old, plenty, out, Lz4Header::format_0));
    CHECK(out == plain);
}

TEST_CASE("a stream that breaks off does not spoil the next one on the same thread") {
    const std::string plain(100'000, 'p');
    for (const Codec codec : real_codecs) {
        // The announced content size of an lz4 frame used to stay behind in lz4's own context (1.9.4).
        std::string frame = compressed(codec, plain);
        if (codec == Codec::lz4) {
            LZ4F_preferences_t preferences{};
            preferences.frameInfo.contentSize = plain.size();
            frame.resize(LZ4F_compressFrameBound(plain.size(), &preferences));
            frame.resize(LZ4F_compressFrame(frame.data(), frame.size(), plain.data(), plain.size(), &preferences));
        }
        for (std::size_t n = 1; n < frame.size(); n += 7) {
            CHECK(inflate_error(codec, frame.substr(0, n), plenty) ==
                  (codec == Codec::snappy && n == 16 ? Errc::exists : Errc::invalid_record));
            CHECK(inflate_error(codec, compressed(codec, plain), plenty) == Errc::exists);
        }
    }
}

TEST_CASE("a zstd frame that asks for the largest window is read within the bound") {
    Random random(8);
    const std::string plain = text_of(random, 2'000'000, 3);
    std::string frame(ZSTD_compressBound(plain.size()), '\0'), out;
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27);
    ZSTD_inBuffer in{plain.data(), plain.size(), 0};
    ZSTD_outBuffer to{frame.data(), frame.size(), 0};
    REQUIRE(ZSTD_compressStream2(context, &to, &in, ZSTD_e_continue) == 0);  // The content size stays unknown.
    REQUIRE(ZSTD_compressStream2(context, &to, &in, ZSTD_e_end) == 0);
    ZSTD_freeCCtx(context);
    frame.resize(to.pos);
    REQUIRE((static_cast<unsigned char>(frame[5]) >> 3) + 10 == 27);
    REQUIRE(klog::records::inflate(Codec::zstd, frame, 2'500'000, out));
    CHECK(out == plain);
    CHECK(inflate_error(Codec::zstd, frame, 1'000'000) == Errc::too_large);
}

TEST_CASE("an announced size is not believed") {
    // Raw snappy blocks that announce 2 GiB and 15 MiB, a zstd frame that announces 2^40 bytes.
    CHECK(inflate_error(Codec::snappy, "\xff\xff\xff\xff\x07zzz", plenty) == Errc::invalid_record);
    CHECK(inflate_error(Codec::snappy, "\x80\x80\xc0\x07zzz", plenty) == Errc::invalid_record);
    const std::string frame("\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\x01\0\0\x01\0\0", 16);
    CHECK(inflate_error(Codec::zstd, frame, plenty) == Errc::too_large);
}

namespace {

/// Validates a bomb and says what it cost.
Refusal refused(std::string_view name, std::string_view batch, const BatchRules& rules) {
    reset_peak_rss();
    const std::size_t before = peak_rss();
    const double start = cpu_ms();
    auto valid = validate(batch, rules, now_ms);
    const double spent_ms = cpu_ms() - start;
    const std::size_t grown = peak_rss() - before;
    REQUIRE(!valid.has_value());
    MESSAGE(name, ": ", batch.size(), " bytes, ", spent_ms, " ms, ", grown >> 10,
            " KiB: ", valid.error().error.message);
    CHECK(valid.error().error.code == Errc::too_large);
    if (!sanitized) CHECK(grown <= (8u << 20));
    return std::move(valid).error();
}

/// `prefix` and then `zeros` zero bytes, by gzip.
std::string gzip_of_zeros(std::string_view prefix, std::size_t zeros) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(zeros / 1000 + 10'000, '\0'), piece(1u << 20, '\0');
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const auto feed = [&](std::string_view bytes, int flush) {
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream.avail_in = static_cast<uInt>(bytes.size());
        REQUIRE(::deflate(&stream, flush) >= Z_OK);
    };
    feed(prefix, Z_NO_FLUSH);
    for (; zeros > piece.size(); zeros -= piece.size()) feed(piece, Z_NO_FLUSH);
    feed(std::string_view(piece).substr(0, zeros), Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace

TEST_CASE("600 MB in 597 KiB of gzip are refused at little cost, whatever the records look like") {
    // One record as long as it all: its length alone gives it away.
    refused("gzip, one record", batch_around(gzip_of_zeros({"\xfe\xff\x9f\xf7\x04", 5}, 600'000'000), 1, Codec::gzip),
            {});
    // A first record just below the bound, so that all of it has to be inflated.
    char length[varint_bytes_max];
    const std::string honest(length, write_varint(length, static_cast<std::int64_t>(inflated_bytes_floor) - 10));
    // Attributes, two deltas, a null key, a value of 16 MiB - 19 bytes, then zeros.
    char value[varint_bytes_max];
    const std::string size(value, write_varint(value, static_cast<std::int64_t>(inflated_bytes_floor) - 19));
    const std::string prefix = honest + std::string("\0\0\0\x01", 4) + size;
    refused("gzip, a record of the bound", batch_around(gzip_of_zeros(prefix, 600'000'000), 1'000'000, Codec::gzip),
            {});
}

TEST_CASE("bombs of 100 MB are refused at little cost in every codec") {
    BatchBuilder builder;
    std::string value(1000, '\0');
    while (builder.size() < 100'000'000) builder.append({now_ms, {}, value, {}});
    const std::string plain = builder.build().value().substr(batch_header_bytes);
    for (const Codec codec : real_codecs) {
        const std::string batch = batch_around(compressed(codec, plain), builder.count(), codec);
        BatchRules rules;
        rules.max_message_bytes = static_cast<std::int32_t>(std::max<std::size_t>(batch.size(), 1'048'588));
        if (codec == Codec::snappy) {  // It packs 21:1 at best; a 1 MB request cannot hold a bomb.
            CHECK(validate(batch, {}, now_ms).error().error.code == Errc::too_large);
            continue;
        }
        refused(name_of(codec), batch, rules);
    }
}
