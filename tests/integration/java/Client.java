// SPDX-License-Identifier: Apache-2.0
// What the Java client does in the tests, one verb a call: produce, consume, admin. Prints plain lines that the tests compare.
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Client {
    static byte[] bytes(String text) { return text == null ? null : text.getBytes(StandardCharsets.UTF_8); }
    static String text(byte[] bytes) { return bytes == null ? "null" : new String(bytes, StandardCharsets.UTF_8); }

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "produce" -> produce(args[1], args[2], Integer.parseInt(args[3]), Arrays.copyOfRange(args, 4, args.length));
            case "consume" -> consume(args[1], args[2], Integer.parseInt(args[3]), Arrays.copyOfRange(args, 4, args.length));
            case "big" -> big(args[1], args[2], Integer.parseInt(args[3]));
            case "admin" -> admin(args[1], args[2]);
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    static Properties properties(String address, String[] settings) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", address);
        properties.put("key.serializer", ByteArraySerializer.class.getName());
        properties.put("value.serializer", ByteArraySerializer.class.getName());
        properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        for (String setting : settings) properties.put(setting.split("=")[0], setting.split("=", 2)[1]);
        return properties;
    }

    /** COUNT records: every fifth key null, every seventh value null, headers with a null and a repeated name. */
    static void produce(String address, String topic, int count, String[] settings) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties(address, settings))) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < count; ++i) {
                ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, 0, 1_700_000_000_000L + i,
                    i % 5 == 0 ? null : bytes("key " + i), i % 7 == 0 ? null : bytes("value " + i + " " + "v".repeat(i % 100)));
                record.headers().add("n", bytes("" + i)).add("null", null).add("n", bytes(""));
                sent.add(producer.send(record));
            }
            for (int i = 0; i < count; ++i) {
                long offset = sent.get(i).get().offset();
                if (offset != i) throw new IllegalStateException("record " + i + " got offset " + offset);
            }
        }
        System.out.println("acknowledged " + count);
    }

    static void consume(String address, String topic, int count, String[] settings) {
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties(address, settings))) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            for (int seen = 0; seen < count; ) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(10))) {
                    StringBuilder headers = new StringBuilder();
                    for (Header header : record.headers()) headers.append(header.key()).append('=').append(text(header.value())).append(';');
                    System.out.println(record.offset() + "|" + record.timestamp() + "|" + text(record.key()) + "|"
                        + text(record.value()) + "|" + headers);
                    ++seen;
                }
            }
        }
    }

    /** One record of SIZE bytes there and back. */
    static void big(String address, String topic, int size) throws Exception {
        byte[] value = new byte[size];
        for (int i = 0; i < size; ++i) value[i] = (byte) (i * 31 >> 3);
        String[] settings = {"max.request.size=" + (size + 1000), "buffer.memory=" + 4 * size};
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties(address, settings))) {
            producer.send(new ProducerRecord<>(topic, 0, null, value)).get();
        }
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties(address, new String[0]))) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            for (;;) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(10))) {
                    System.out.println(Arrays.equals(record.value(), value) ? "same" : "different");
                    return;
                }
            }
        }
    }

    static String error(Future<?> future) throws InterruptedException {
        try {
            future.get();
            return "none";
        } catch (ExecutionException e) {
            return e.getCause().getClass().getSimpleName();
        }
    }

    static void admin(String address, String topic) throws Exception {
        try (Admin admin = Admin.create(properties(address, new String[0]))) {
            var created = admin.createTopics(List.of(new NewTopic(topic, Optional.of(3), Optional.empty()).configs(Map.of("segment.bytes", "1048576"))));
            System.out.println("created " + created.numPartitions(topic).get() + " " + created.replicationFactor(topic).get()
                + " " + created.config(topic).get().get("segment.bytes").value());
            System.out.println("again " + error(admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all()));
            System.out.println("partitions " + admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size());
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(4))).all().get();
            System.out.println("grown " + admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size());
            ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            admin.incrementalAlterConfigs(Map.of(resource, List.of(
                new AlterConfigOp(new ConfigEntry("retention.ms", "60000"), AlterConfigOp.OpType.SET),
                new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND)))).all().get();
            var config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            System.out.println("config " + config.get("retention.ms").value() + " " + config.get("cleanup.policy").value()
                + " " + config.get("retention.ms").source() + " " + config.get("max.message.bytes").source());
            System.out.println("bad " + error(admin.incrementalAlterConfigs(Map.of(resource, List.of(
                new AlterConfigOp(new ConfigEntry("retention.ms", "soon"), AlterConfigOp.OpType.SET)))).all()));
            TopicPartition partition = new TopicPartition(topic, 0);
            try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties(address, new String[0]))) {
                for (int i = 0; i < 10; ++i) producer.send(new ProducerRecord<>(topic, 0, 1000L * i, bytes("k"), bytes("" + i))).get();
            }
            Map<String, OffsetSpec> specs = new HashMap<>();
            for (var spec : List.of(Map.entry("earliest", OffsetSpec.earliest()), Map.entry("latest", OffsetSpec.latest()),
                    Map.entry("max", OffsetSpec.maxTimestamp()), Map.entry("at", OffsetSpec.forTimestamp(4500)),
                    Map.entry("local", OffsetSpec.earliestLocal()))) {
                System.out.println(spec.getKey() + " " + admin.listOffsets(Map.of(partition, spec.getValue())).partitionResult(partition).get().offset());
            }
            System.out.println("deleted " + admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(3))).lowWatermarks().get(partition).get().lowWatermark());
            System.out.println("earliest " + admin.listOffsets(Map.of(partition, OffsetSpec.earliest())).partitionResult(partition).get().offset());
            System.out.println("beyond " + error(admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(99))).all()));
            var nodes = admin.describeCluster().nodes().get();
            System.out.println("nodes " + nodes.size());
            int node = nodes.iterator().next().id();
            var dirs = admin.describeLogDirs(List.of(node)).allDescriptions().get().get(node);
            System.out.println("replicas " + dirs.values().stream().flatMap(d -> d.replicaInfos().keySet().stream())
                .filter(p -> p.topic().equals(topic)).count());
            System.out.println("feature " + admin.describeFeatures().featureMetadata().get().supportedFeatures().isEmpty());
            admin.deleteTopics(List.of(topic)).all().get();
            System.out.println("gone " + error(admin.describeTopics(List.of(topic)).allTopicNames()));
        }
    }
}
