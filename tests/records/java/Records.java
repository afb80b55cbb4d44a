// SPDX-License-Identifier: Apache-2.0
// Kafka's own classes as the judge of klog's record formats, in two directions:
//   java Records.java write          entries of every format and codec on stdout, each with the records that Kafka reads
//                                    from it; kept as data/java.txt
//   java Records.java check DIR      prints, in the same form, what is in each *.log in DIR (tests/records/emit.cc), and
//                                    says how many of them read as the *.txt beside them
// With the jars of kafka-clients 4.3.1, snappy-java, lz4-java, zstd-jni and slf4j-api on the class path.
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.zip.CRC32C;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;

public class Records {
    static final Header[] NONE = new Header[0];
    static final HexFormat HEX = HexFormat.of();

    static byte[] b(String s) { return s == null ? null : s.getBytes(StandardCharsets.UTF_8); }
    static String hex(ByteBuffer buffer) {
        if (buffer == null) return "null";
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        if (bytes.length > 60) {  // Long ones as size and CRC.
            CRC32C crc = new CRC32C();
            crc.update(bytes);
            return "#" + bytes.length + ":" + Long.toHexString(crc.getValue());
        }
        return HEX.formatHex(bytes).isEmpty() ? "empty" : HEX.formatHex(bytes);
    }
    static String hex(byte[] bytes) { return bytes == null ? "null" : hex(ByteBuffer.wrap(bytes)); }

    static void print(MemoryRecords records) {
        for (RecordBatch batch : records.batches()) {
            batch.ensureValid();
            System.out.println("entry " + batch.magic() + " " + batch.compressionType().name + " " + batch.lastOffset()
                + " " + batch.maxTimestamp() + " " + batch.timestampType() + " " + batch.partitionLeaderEpoch() + " "
                + batch.producerId() + " " + batch.producerEpoch() + " " + batch.baseSequence() + " "
                + batch.isTransactional() + " " + batch.isControlBatch() + " "
                + batch.offsetOfMaxTimestamp().orElse(-1L));
            for (var record : batch) {
                StringBuilder line = new StringBuilder("record " + record.offset() + " " + record.timestamp() + " "
                    + hex(record.key()) + " " + hex(record.value()));
                for (Header header : record.headers())
                    line.append(" ").append(hex(b(header.key()))).append("=").append(hex(header.value()));
                System.out.println(line);
            }
        }
    }

    static void emit(String name, ByteBuffer buffer) {
        System.out.println("case " + name);
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        System.out.println("bytes " + HEX.formatHex(bytes));
        print(MemoryRecords.readableRecords(buffer.duplicate()));
    }

    static class Spec {
        byte magic = 2; Compression compression = Compression.NONE; TimestampType type = TimestampType.CREATE_TIME;
        long base = 0, appendTime = -1, producer = -1; short epoch = -1; int sequence = -1, leaderEpoch = -1;
        boolean transactional = false;
        MemoryRecordsBuilder builder() {
            return MemoryRecords.builder(ByteBuffer.allocate(1 << 20), magic, compression, type, base, appendTime,
                producer, epoch, sequence, transactional, leaderEpoch);
        }
    }

    static void small(MemoryRecordsBuilder builder, boolean headers) {
        long t = 1700000000000L;
        Header[] some = {new RecordHeader("trace", b("0af7")), new RecordHeader("none", (byte[]) null),
                         new RecordHeader("", b("")), new RecordHeader("trace", b("\u00e4\u20ac"))};
        builder.append(t, b("key"), b("value"), headers ? some : NONE);
        builder.append(t - 5, b(null), b("no key, earlier"), NONE);
        builder.append(t + 70000, b("k"), null, NONE);
        builder.append(t + 1, b(""), b(""), headers ? new Header[] {new RecordHeader("h", b("v"))} : NONE);
        builder.append(t + 70000, b(null), b(null), NONE);
    }

    static void large(MemoryRecordsBuilder builder, int count, boolean random) {
        Random numbers = new Random(7);
        for (int i = 0; i < count; ++i) {
            byte[] value = new byte[random ? 90 : 700];
            if (random) numbers.nextBytes(value); else Arrays.fill(value, (byte) ('a' + i % 3));
            builder.append(1700000000000L + i * 3, b("key-" + i), value, NONE);
        }
    }

    static final Compression[] CODECS = {Compression.NONE, Compression.gzip().build(), Compression.snappy().build(),
        Compression.lz4().build(), Compression.zstd().build()};

    static void write() {
        for (byte magic = 0; magic <= 2; ++magic)
            for (Compression codec : CODECS) {
                if (magic < 2 && codec.type() == CompressionType.ZSTD) continue;
                String name = "v" + magic + "-" + codec.type().name;
                Spec spec = new Spec();
                spec.magic = magic; spec.compression = codec; spec.base = 1000;
                MemoryRecordsBuilder builder = spec.builder();
                small(builder, magic == 2);
                emit(name + "-small", builder.build().buffer());
                if (codec.type() == CompressionType.NONE) continue;
                builder = spec.builder();
                large(builder, 100, false);  // Several blocks.
                emit(name + "-large", builder.build().buffer());
                builder = spec.builder();
                large(builder, 20, true);  // Does not compress.
                emit(name + "-random", builder.build().buffer());
                spec.type = TimestampType.LOG_APPEND_TIME; spec.appendTime = 1710000000000L;
                if (magic == 0) continue;
                builder = spec.builder();
                small(builder, magic == 2);
                emit(name + "-append-time", builder.build().buffer());
                spec = new Spec();
                spec.magic = magic; spec.compression = codec; spec.base = 5;
                builder = spec.builder();
                builder.appendWithOffset(7, 1L, b("a"), b("1"));  // As compaction leaves it.
                builder.appendWithOffset(12, 2L, b("b"), b("2"));
                builder.appendWithOffset(40, 3L, b("c"), b("3"));
                emit(name + "-holes", builder.build().buffer());
            }
        int level = 0;
        for (Compression codec : new Compression[] {Compression.gzip().level(1).build(),
                Compression.gzip().level(9).build(), Compression.lz4().level(1).build(),
                Compression.lz4().level(17).build(), Compression.zstd().level(-5).build(),
                Compression.zstd().level(22).build()}) {
            Spec spec = new Spec();
            spec.compression = codec;
            MemoryRecordsBuilder builder = spec.builder();
            large(builder, 10, false);
            emit("v2-level-" + codec.type().name + "-" + level++, builder.build().buffer());
        }
        Spec spec = new Spec();
        spec.base = 9_000_000_000L; spec.leaderEpoch = 17; spec.producer = 4_000_000_000L; spec.epoch = 32767;
        spec.sequence = Integer.MAX_VALUE - 1; spec.transactional = true;
        MemoryRecordsBuilder builder = spec.builder();
        small(builder, true);
        emit("v2-transactional", builder.build().buffer());
        for (ControlRecordType type : new ControlRecordType[] {ControlRecordType.COMMIT, ControlRecordType.ABORT})
            emit("v2-marker-" + type, MemoryRecords.withEndTransactionMarker(77, 1700000000123L, 6, 1234567890123L,
                (short) 12, new EndTransactionMarker(type, 99)).buffer());
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte magic = 0; magic <= 2; ++magic) {
            spec = new Spec();
            spec.magic = magic; spec.base = magic * 10;
            builder = spec.builder();
            small(builder, false);
            byte[] bytes = new byte[builder.build().sizeInBytes()];
            builder.build().buffer().duplicate().get(bytes);
            all.writeBytes(bytes);
        }
        emit("mixed-formats", ByteBuffer.wrap(all.toByteArray()));
    }

    static String printed(Path log) throws Exception {
        PrintStream out = System.out;
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        System.setOut(new PrintStream(text, true, "UTF-8"));
        try {
            print(MemoryRecords.readableRecords(ByteBuffer.wrap(Files.readAllBytes(log))));
        } catch (RuntimeException e) {
            System.out.println(e);
        } finally {
            System.setOut(out);
        }
        return text.toString("UTF-8");
    }

    static void check(Path directory) throws Exception {
        int passed = 0, failed = 0;
        try (DirectoryStream<Path> logs = Files.newDirectoryStream(directory, "*.log")) {
            for (Path log : logs) {
                String expected = Files.readString(Path.of(log.toString().replaceAll("log$", "txt"))), got = printed(log);
                if (got.equals(expected)) { ++passed; continue; }
                ++failed;
                System.out.println(log + " reads as\n" + got + "instead of\n" + expected);
            }
        }
        System.out.println(passed + " same, " + failed + " different");
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("write")) write();
        else check(Path.of(args[1]));
    }
}
