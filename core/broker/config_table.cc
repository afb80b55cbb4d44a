// SPDX-License-Identifier: Apache-2.0
#include "core/broker/config_table.h"

#include <algorithm>
#include <vector>

#include "core/base/nearest.h"

namespace klog::broker {
namespace {

/// A row as it is written below: the key with what is not the default said after it.
struct Row : Key {
    template <class Change>
    constexpr Row with(Change change) const {
        Row changed = *this;
        change(changed);
        return changed;
    }
    constexpr Row between(std::int64_t least, std::int64_t most) const {
        return with([=](Row& row) { row.min = least, row.max = most; });
    }
    constexpr Row at_least(std::int64_t least) const { return between(least, no_max); }
    constexpr Row one_of(std::string_view all) const {
        return with([=](Row& row) { row.words = all; });
    }
    constexpr Row topic(std::string_view key, std::int64_t factor = 1) const {
        return with([=](Row& row) { row.topic_name = key, row.topic_factor = factor; });
    }
    constexpr Row changes(Update how) const {
        return with([=](Row& row) { row.update = how; });
    }
    constexpr Row cluster_wide() const { return changes(Update::cluster_wide); }
    constexpr Row per_broker() const { return changes(Update::per_broker); }
    constexpr Row does(Use what) const {
        return with([=](Row& row) { row.use = what; });
    }
    constexpr Row later() const { return does(Use::later); }
    constexpr Row ignored() const { return does(Use::ignored); }
    constexpr Row secret() const {
        return with([](Row& row) { row.sensitive = true; });
    }
    constexpr Key says(std::string_view sentence) const {
        return with([=](Row& row) { row.doc = sentence; });
    }
};

constexpr std::nullopt_t none = std::nullopt;

constexpr Row row(std::string_view name, KeyType type, std::optional<std::string_view> preset) {
    Row made;
    made.name = name;
    made.type = type;
    made.preset = preset;
    return made;
}

// clang-format off
constexpr Key table[] = {
    // Who this broker is and where it listens.
    row("node.id", KeyType::int32, "1").at_least(0)
        .says("The id of this broker in the cluster; broker.id is the older name of the same key."),
    row("broker.id", KeyType::int32, none).at_least(-1).says("The older name of node.id."),
    row("broker.rack", KeyType::string, none).says("The rack that Metadata tells clients."),
    row("cluster.id", KeyType::string, none)
        .says("The id that a new data directory gets; none: a random one. An existing directory keeps its own."),
    row("listeners", KeyType::list, "PLAINTEXT://localhost:9092")
        .says("Where to listen: NAME://HOST:PORT, separated by commas. An empty host is every address."),
    row("advertised.listeners", KeyType::list, none)
        .says("What clients are told to connect to, per listener; none: the address that the client reached."),
    row("listener.security.protocol.map", KeyType::string,
        "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL")
        .says("Which security protocol each listener name stands for. Only PLAINTEXT is served."),
    row("inter.broker.listener.name", KeyType::string, none).later()
        .says("The listener that brokers use among themselves."),
    row("security.inter.broker.protocol", KeyType::string, "PLAINTEXT").later()
        .says("The protocol among brokers, where no listener name is given."),

    // Where and how data lies on disk.
    row("log.dirs", KeyType::list, none).says("The data directories, separated by commas; none: log.dir."),
    row("log.dir", KeyType::list, "./klog-data").says("The data directory, where log.dirs is not given."),
    row("durability", KeyType::string, "fsync").one_of("fsync|os")
        .says("When an append counts: fsync, once it is on disk; os, once the page cache has it, as in Kafka."),
    row("log.flush.interval.messages", KeyType::int64, "9223372036854775807").at_least(1).topic("flush.messages")
        .cluster_wide().says("With durability=os: sync a partition after this many records."),
    row("log.flush.interval.ms", KeyType::int64, none).at_least(0).topic("flush.ms").cluster_wide()
        .says("With durability=os: sync a partition at least this often; none: log.flush.scheduler.interval.ms."),
    row("log.flush.scheduler.interval.ms", KeyType::int64, "9223372036854775807").at_least(0).topic("flush.ms")
        .says("The flush interval where log.flush.interval.ms is not given."),
    row("log.flush.offset.checkpoint.interval.ms", KeyType::int32, "60000").at_least(0)
        .says("How often the recovery points are written down."),
    row("log.flush.start.offset.checkpoint.interval.ms", KeyType::int32, "60000").at_least(0)
        .says("How often the log start offsets are written down."),
    row("log.segment.bytes", KeyType::int32, "1073741824").at_least(1048576).topic("segment.bytes").cluster_wide()
        .says("A segment rolls when it would grow beyond this."),
    row("log.roll.ms", KeyType::int64, none).at_least(1).topic("segment.ms").cluster_wide()
        .says("A segment rolls at this age; none: log.roll.hours."),
    row("log.roll.hours", KeyType::int32, "168").at_least(1).topic("segment.ms", 3600000)
        .says("A segment rolls at this age."),
    row("log.roll.jitter.ms", KeyType::int64, none).at_least(0).topic("segment.jitter.ms").cluster_wide()
        .says("Taken off that age at random, up to this much, so that segments do not roll together."),
    row("log.roll.jitter.hours", KeyType::int32, "0").at_least(0).topic("segment.jitter.ms", 3600000)
        .says("The same in hours."),
    row("log.index.size.max.bytes", KeyType::int32, "10485760").at_least(4).topic("segment.index.bytes")
        .cluster_wide().says("The size of an offset index; a segment whose index is full rolls."),
    row("log.index.interval.bytes", KeyType::int32, "4096").at_least(0).topic("index.interval.bytes").cluster_wide()
        .says("Bytes of records between two entries of the offset index."),
    row("log.preallocate", KeyType::boolean, "false").topic("preallocate").cluster_wide().ignored()
        .says("Allocate a segment whole when it is made; klog lets segments grow."),
    row("log.segment.delete.delay.ms", KeyType::int64, "60000").at_least(0).topic("file.delete.delay.ms")
        .cluster_wide().says("A deleted segment stays readable for those who are reading it for this long."),
    row("num.recovery.threads.per.data.dir", KeyType::int32, "2").at_least(1).cluster_wide().ignored()
        .says("Threads that open and recover logs at start; klog uses its pool."),

    // How long records stay.
    row("log.cleanup.policy", KeyType::list, "delete").one_of("delete|compact").topic("cleanup.policy").cluster_wide()
        .says("What happens to old records: delete, compact, or both. This version does not compact."),
    row("log.retention.ms", KeyType::int64, none).at_least(-1).topic("retention.ms").cluster_wide()
        .says("Records older than this go; -1: never. None: log.retention.minutes."),
    row("log.retention.minutes", KeyType::int32, none).at_least(-1).topic("retention.ms", 60000)
        .says("Records older than this go; none: log.retention.hours."),
    row("log.retention.hours", KeyType::int32, "168").at_least(-1).topic("retention.ms", 3600000)
        .says("Records older than this go."),
    row("log.retention.bytes", KeyType::int64, "-1").at_least(-1).topic("retention.bytes").cluster_wide()
        .says("The oldest segments of a partition go while it is larger than this; -1: no bound."),
    row("log.retention.check.interval.ms", KeyType::int64, "300000").at_least(1)
        .says("How often retention looks for segments to delete."),
    row("log.cleaner.delete.retention.ms", KeyType::int64, "86400000").at_least(0).topic("delete.retention.ms")
        .cluster_wide().later().says("How long tombstones stay in a compacted topic."),
    row("log.cleaner.min.compaction.lag.ms", KeyType::int64, "0").at_least(0).topic("min.compaction.lag.ms")
        .cluster_wide().later().says("Records younger than this are not compacted."),
    row("log.cleaner.max.compaction.lag.ms", KeyType::int64, "9223372036854775807").at_least(1)
        .topic("max.compaction.lag.ms").cluster_wide().later().says("Records older than this are compacted."),
    row("log.cleaner.min.cleanable.ratio", KeyType::real, "0.5").between(0, 1).topic("min.cleanable.dirty.ratio")
        .cluster_wide().later().says("How much of a log must be dirty before it is compacted."),
    row("log.cleaner.enable", KeyType::boolean, "true").later().says("Whether compaction runs."),
    row("log.cleaner.threads", KeyType::int32, "1").at_least(0).cluster_wide().later().says("Threads that compact."),
    row("log.cleaner.dedupe.buffer.size", KeyType::int64, "134217728").at_least(0).cluster_wide().later()
        .says("Memory for the keys of logs that are being compacted."),
    row("log.cleaner.backoff.ms", KeyType::int64, "15000").at_least(0).cluster_wide().later()
        .says("How long compaction rests when there is nothing to do."),
    row("log.local.retention.ms", KeyType::int64, "-2").at_least(-2).topic("local.retention.ms").cluster_wide()
        .later().says("How long records stay on this disk when a copy is elsewhere; klog keeps all records here."),
    row("log.local.retention.bytes", KeyType::int64, "-2").at_least(-2).topic("local.retention.bytes").cluster_wide()
        .later().says("How many bytes stay on this disk when a copy is elsewhere; klog keeps all records here."),

    // What a record may be.
    row("message.max.bytes", KeyType::int32, "1048588").at_least(0).topic("max.message.bytes").cluster_wide()
        .says("The largest record batch that is taken, after compression."),
    row("log.message.timestamp.type", KeyType::string, "CreateTime").one_of("CreateTime|LogAppendTime")
        .topic("message.timestamp.type").cluster_wide()
        .says("Whose time a record gets: its producer's, or that of the append."),
    row("log.message.timestamp.before.max.ms", KeyType::int64, "9223372036854775807").at_least(0)
        .topic("message.timestamp.before.max.ms").cluster_wide().says("How far a record's time may lie in the past."),
    row("log.message.timestamp.after.max.ms", KeyType::int64, "3600000").at_least(0)
        .topic("message.timestamp.after.max.ms").cluster_wide().says("How far a record's time may lie in the future."),
    row("compression.type", KeyType::string, "producer").one_of("uncompressed|zstd|lz4|snappy|gzip|producer")
        .topic("compression.type").cluster_wide()
        .says("How batches are stored: producer, as they came; otherwise in this codec."),
    row("compression.gzip.level", KeyType::int32, "-1").between(-1, 9).topic("compression.gzip.level").cluster_wide()
        .says("The level of gzip where the broker compresses; -1: the library's."),
    row("compression.lz4.level", KeyType::int32, "9").between(1, 17).topic("compression.lz4.level").cluster_wide()
        .says("The level of lz4 where the broker compresses."),
    row("compression.zstd.level", KeyType::int32, "3").between(-131072, 22).topic("compression.zstd.level")
        .cluster_wide().says("The level of zstd where the broker compresses."),

    // Topics.
    row("num.partitions", KeyType::int32, "1").at_least(1)
        .says("Partitions of a topic that is made without a number."),
    row("default.replication.factor", KeyType::int32, "1").at_least(1)
        .says("Replicas of a topic that is made without a number."),
    row("min.insync.replicas", KeyType::int32, "1").at_least(1).topic("min.insync.replicas").cluster_wide()
        .says("acks=all is refused while fewer replicas are in sync."),
    row("auto.create.topics.enable", KeyType::boolean, "true").says("Whether a topic that a client asks for is made."),
    row("delete.topic.enable", KeyType::boolean, "true").says("Whether topics may be deleted."),
    row("unclean.leader.election.enable", KeyType::boolean, "false").topic("unclean.leader.election.enable")
        .cluster_wide().later()
        .says("Whether a replica that is not in sync may lead when no other is left; records may be lost."),
    row("max.request.partition.size.limit", KeyType::int32, "2000").at_least(1)
        .says("The most partitions that DescribeTopicPartitions answers at once."),
    row("", KeyType::list, "").topic("leader.replication.throttled.replicas").later()
        .says("Replicas whose replication is throttled at the leader."),
    row("", KeyType::list, "").topic("follower.replication.throttled.replicas").later()
        .says("Replicas whose replication is throttled at the follower."),
    row("", KeyType::boolean, "false").topic("remote.storage.enable").later()
        .says("Keep older segments elsewhere; klog keeps all records on its own disks."),
    row("", KeyType::boolean, "false").topic("remote.log.copy.disable").later()
        .says("Stop copying segments elsewhere."),
    row("", KeyType::boolean, "false").topic("remote.log.delete.on.disable").later()
        .says("Delete what was copied elsewhere when remote storage is switched off."),

    // Connections and requests.
    row("socket.request.max.bytes", KeyType::int32, "104857600").at_least(1).says("The largest request."),
    row("max.connections", KeyType::int32, "2147483647").at_least(0).cluster_wide()
        .says("The most connections; the limit on open files may be lower."),
    row("max.connections.per.ip", KeyType::int32, "2147483647").at_least(0).cluster_wide()
        .says("The most connections from one address."),
    row("max.connections.per.ip.overrides", KeyType::string, "").cluster_wide()
        .says("Other bounds for single addresses: ADDRESS:COUNT, with commas between them."),
    row("connections.max.idle.ms", KeyType::int64, "600000").at_least(-1)
        .says("A connection without a request for this long is closed; -1: never."),
    row("queued.max.request.bytes", KeyType::int64, "268435456").at_least(-1)
        .says("Bytes of requests under way in all; beyond, the broker stops reading. -1: the default."),
    row("queued.max.requests", KeyType::int32, "500").at_least(1).ignored()
        .says("Requests waiting for a handler; klog bounds what each connection is owed instead."),
    row("fetch.max.bytes", KeyType::int32, "57671680").at_least(1024).says("The most that one Fetch answers."),
    row("max.incremental.fetch.session.cache.slots", KeyType::int32, "1000").at_least(0)
        .says("Fetch sessions that are kept."),
    row("shards", KeyType::int32, "0").between(0, 256)
        .says("Event loops, each on a thread of its own; 0: one per core."),
    row("pool.threads", KeyType::int32, "0").between(0, 1024)
        .says("Threads for work that blocks; 0: from the number of cores."),
    row("socket.listen.backlog.size", KeyType::int32, "50").at_least(1).ignored()
        .says("Connections that wait to be accepted."),
    row("socket.send.buffer.bytes", KeyType::int32, "102400").at_least(-1).ignored()
        .says("The socket's send buffer; klog leaves it to the kernel."),
    row("socket.receive.buffer.bytes", KeyType::int32, "102400").at_least(-1).ignored()
        .says("The socket's receive buffer; klog leaves it to the kernel."),
    row("num.network.threads", KeyType::int32, "3").at_least(1).cluster_wide().ignored().says("See shards."),
    row("num.io.threads", KeyType::int32, "8").at_least(1).cluster_wide().ignored().says("See pool.threads."),
    row("background.threads", KeyType::int32, "10").at_least(1).cluster_wide().ignored().says("See pool.threads."),
    row("max.connection.creation.rate", KeyType::int32, "2147483647").at_least(0).cluster_wide().later()
        .says("New connections a second."),
    row("request.timeout.ms", KeyType::int32, "30000").at_least(1)
        .says("How long a request that was given no time of its own may wait."),

    // Producers.
    row("producer.id.expiration.ms", KeyType::int32, "86400000").at_least(1).cluster_wide()
        .says("A producer that has been silent for this long is forgotten."),
    row("transaction.max.timeout.ms", KeyType::int32, "900000").at_least(1).later()
        .says("The longest time-out of a transaction."),
    row("transactional.id.expiration.ms", KeyType::int32, "604800000").at_least(1).later()
        .says("A transactional id that was silent for this long is forgotten."),
    row("transaction.state.log.replication.factor", KeyType::int16, "3").at_least(1).later()
        .says("Replicas of the topic of transactions."),
    row("transaction.state.log.min.isr", KeyType::int32, "2").at_least(1).later()
        .says("min.insync.replicas of the topic of transactions."),
    row("transaction.state.log.num.partitions", KeyType::int32, "50").at_least(1).later()
        .says("Partitions of the topic of transactions."),
    row("transaction.state.log.segment.bytes", KeyType::int32, "104857600").at_least(1).later()
        .says("Segment size of the topic of transactions."),
    row("transaction.partition.verification.enable", KeyType::boolean, "true").cluster_wide().later()
        .says("Whether a transactional append asks the coordinator first."),

    // Groups and their offsets.
    row("offsets.topic.replication.factor", KeyType::int16, "3").at_least(1).later()
        .says("Replicas of the topic of offsets."),
    row("offsets.topic.num.partitions", KeyType::int32, "50").at_least(1).later()
        .says("Partitions of the topic of offsets."),
    row("offsets.topic.segment.bytes", KeyType::int32, "104857600").at_least(1).later()
        .says("Segment size of the topic of offsets."),
    row("offsets.topic.compression.codec", KeyType::int32, "0").between(0, 4).later()
        .says("Codec of the topic of offsets, by its number."),
    row("offsets.retention.minutes", KeyType::int32, "10080").at_least(1).later()
        .says("Offsets of a group that has been empty for this long are forgotten."),
    row("offsets.retention.check.interval.ms", KeyType::int64, "600000").at_least(1).later()
        .says("How often expired offsets are looked for."),
    row("offsets.commit.timeout.ms", KeyType::int32, "5000").at_least(1).later()
        .says("How long a commit may wait for replication."),
    row("offset.metadata.max.bytes", KeyType::int32, "4096").at_least(0).later()
        .says("The longest text that a client may keep with an offset."),
    row("group.initial.rebalance.delay.ms", KeyType::int32, "3000").at_least(0).later()
        .says("How long the first rebalance of a group waits for more members."),
    row("group.min.session.timeout.ms", KeyType::int32, "6000").at_least(0).later()
        .says("The shortest session time-out of a member."),
    row("group.max.session.timeout.ms", KeyType::int32, "1800000").at_least(0).later()
        .says("The longest session time-out of a member."),
    row("group.max.size", KeyType::int32, "2147483647").at_least(1).later().says("The most members of a group."),
    row("group.coordinator.rebalance.protocols", KeyType::list, "classic,consumer,streams").later()
        .says("Which group protocols are served."),
    row("group.consumer.session.timeout.ms", KeyType::int32, "45000").at_least(1).later()
        .says("Session time-out of the consumer protocol."),
    row("group.consumer.heartbeat.interval.ms", KeyType::int32, "5000").at_least(1).later()
        .says("Heartbeat interval of the consumer protocol."),

    // Replication and the cluster.
    row("replica.lag.time.max.ms", KeyType::int64, "30000").at_least(1).later()
        .says("A follower that has not caught up for this long leaves the ISR."),
    row("replica.fetch.max.bytes", KeyType::int32, "1048576").at_least(0).per_broker().later()
        .says("What a follower asks of one partition."),
    row("replica.fetch.response.max.bytes", KeyType::int32, "10485760").at_least(0).later()
        .says("What a follower asks of one fetch."),
    row("replica.fetch.min.bytes", KeyType::int32, "1").at_least(0).later()
        .says("The least that a follower's fetch waits for."),
    row("replica.fetch.wait.max.ms", KeyType::int32, "500").at_least(0).later()
        .says("How long a follower's fetch may wait."),
    row("replica.fetch.backoff.ms", KeyType::int32, "1000").at_least(0).later()
        .says("How long a follower rests after an error."),
    row("replica.socket.timeout.ms", KeyType::int32, "30000").at_least(0).later()
        .says("How long a follower waits for its leader."),
    row("replica.high.watermark.checkpoint.interval.ms", KeyType::int64, "5000").at_least(1)
        .says("How often high watermarks are written down."),
    row("replica.selector.class", KeyType::string, none).later()
        .says("Who picks the replica that a consumer reads from."),
    row("num.replica.fetchers", KeyType::int32, "1").at_least(1).cluster_wide().later().says("Fetchers per leader."),
    row("auto.leader.rebalance.enable", KeyType::boolean, "true").later()
        .says("Whether leadership goes back to the preferred replica."),
    row("leader.imbalance.check.interval.seconds", KeyType::int64, "300").at_least(1).later()
        .says("How often that is looked at."),
    row("controlled.shutdown.enable", KeyType::boolean, "true").later()
        .says("Whether a stopping broker hands over its leaderships first."),
    row("zookeeper.connect", KeyType::string, none).later().says("The ZooKeeper of the cluster."),
    row("zookeeper.connection.timeout.ms", KeyType::int32, none).later()
        .says("How long connecting to ZooKeeper may take."),
    row("zookeeper.session.timeout.ms", KeyType::int32, "6000").at_least(1).later()
        .says("A broker that ZooKeeper has not heard of for this long is dead."),

    // Taken without effect.
    row("process.roles", KeyType::list, none).ignored().says("Roles of KRaft; klog is complete without them."),
    row("controller.quorum.voters", KeyType::list, "").ignored().says("Voters of KRaft."),
    row("controller.quorum.bootstrap.servers", KeyType::list, "").ignored().says("Servers of KRaft."),
    row("controller.listener.names", KeyType::string, none).ignored().says("Listeners of KRaft's controllers."),
    row("metadata.log.dir", KeyType::string, none).ignored().says("Where KRaft keeps its log."),
    row("metadata.log.segment.bytes", KeyType::int32, none).ignored().says("Segments of KRaft's log."),
    row("early.start.listeners", KeyType::string, none).ignored().says("Listeners that KRaft opens early."),
    row("broker.heartbeat.interval.ms", KeyType::int32, none).ignored().says("Heartbeats of KRaft."),
    row("broker.session.timeout.ms", KeyType::int32, none).ignored().says("Sessions of KRaft."),
    row("broker.id.generation.enable", KeyType::boolean, none).ignored().says("Ids made by ZooKeeper."),
    row("reserved.broker.max.id", KeyType::int32, none).ignored()
        .says("The largest id that is not made by ZooKeeper."),
    row("inter.broker.protocol.version", KeyType::string, none).ignored().says("klog speaks the newest."),
    row("log.message.format.version", KeyType::string, none).ignored().says("klog writes version 2."),
    row("log.message.downconversion.enable", KeyType::boolean, none).ignored().says("klog does not convert."),
    row("metric.reporters", KeyType::list, none).ignored().says("Java classes for metrics."),
    row("metrics.num.samples", KeyType::int32, none).ignored().says("Samples of Java metrics."),
    row("metrics.recording.level", KeyType::string, none).ignored().says("Level of Java metrics."),
    row("metrics.sample.window.ms", KeyType::int64, none).ignored().says("Windows of Java metrics."),
    row("kafka.metrics.reporters", KeyType::list, none).ignored().says("Java classes for metrics."),
    row("kafka.metrics.polling.interval.secs", KeyType::int32, none).ignored().says("Polling of Java metrics."),
    row("remote.log.storage.system.enable", KeyType::boolean, none).ignored().says("Remote storage."),
    row("fetch.purgatory.purge.interval.requests", KeyType::int32, none).ignored().says("klog has no purgatory."),
    row("producer.purgatory.purge.interval.requests", KeyType::int32, none).ignored().says("klog has no purgatory."),
    row("delete.records.purgatory.purge.interval.requests", KeyType::int32, none).ignored()
        .says("klog has no purgatory."),
    row("num.replica.alter.log.dirs.threads", KeyType::int32, none).ignored().says("Threads that move logs."),
    row("principal.builder.class", KeyType::class_name, none).ignored().says("A Java class for principals."),
    row("create.topic.policy.class.name", KeyType::class_name, none).ignored().says("A Java class for policies."),
    row("alter.config.policy.class.name", KeyType::class_name, none).ignored().says("A Java class for policies."),
    row("config.providers", KeyType::list, none).ignored().says("Java classes for configuration."),
    row("authorizer.class.name", KeyType::string, none).ignored().says("A Java class for authorization."),
    row("super.users", KeyType::string, none).ignored().says("Users that may do everything; everybody may, for now."),
    row("allow.everyone.if.no.acl.found", KeyType::boolean, none).ignored()
        .says("Everybody may do everything, for now."),

    // Security, for later.
    row("sasl.enabled.mechanisms", KeyType::list, none).later().says("As in Kafka."),
    row("sasl.mechanism.inter.broker.protocol", KeyType::string, none).later().says("As in Kafka."),
    row("sasl.jaas.config", KeyType::password, none).later().secret().says("As in Kafka."),
    row("connections.max.reauth.ms", KeyType::int64, none).later().says("As in Kafka."),
    row("ssl.keystore.location", KeyType::string, none).later().says("As in Kafka."),
    row("ssl.keystore.type", KeyType::string, none).later().says("As in Kafka."),
    row("ssl.keystore.password", KeyType::password, none).later().secret().says("As in Kafka."),
    row("ssl.key.password", KeyType::password, none).later().secret().says("As in Kafka."),
    row("ssl.keystore.key", KeyType::password, none).later().secret().says("As in Kafka."),
    row("ssl.keystore.certificate.chain", KeyType::password, none).later().secret().says("As in Kafka."),
    row("ssl.truststore.location", KeyType::string, none).later().says("As in Kafka."),
    row("ssl.truststore.type", KeyType::string, none).later().says("As in Kafka."),
    row("ssl.truststore.password", KeyType::password, none).later().secret().says("As in Kafka."),
    row("ssl.truststore.certificates", KeyType::password, none).later().secret().says("As in Kafka."),
    row("ssl.client.auth", KeyType::string, none).later().says("As in Kafka."),
    row("ssl.enabled.protocols", KeyType::list, none).later().says("As in Kafka."),
    row("ssl.protocol", KeyType::string, none).later().says("As in Kafka."),
    row("ssl.cipher.suites", KeyType::list, none).later().says("As in Kafka."),
    row("ssl.endpoint.identification.algorithm", KeyType::string, none).later().says("As in Kafka."),
};
// clang-format on

constexpr std::string_view listener_prefix = "listener.name.";

}  // namespace

std::string_view name_of(KeyType type) {
    switch (type) {
        case KeyType::boolean: return "boolean";
        case KeyType::string: return "string";
        case KeyType::int32: return "int";
        case KeyType::int16: return "short";
        case KeyType::int64: return "long";
        case KeyType::real: return "double";
        case KeyType::list: return "list";
        case KeyType::class_name: return "class";
        case KeyType::password: return "password";
    }
    return "string";
}

std::string_view name_of(Update update) {
    switch (update) {
        case Update::read_only: return "read-only";
        case Update::per_broker: return "per-broker";
        case Update::cluster_wide: return "cluster-wide";
    }
    return "read-only";
}

std::span<const Key> config_table() { return table; }

const Key* find_broker_key(std::string_view name) {
    if (name.empty()) return nullptr;
    if (name.starts_with(listener_prefix)) {
        const std::size_t dot = name.find('.', listener_prefix.size());
        if (dot == std::string_view::npos) return nullptr;
        name.remove_prefix(dot + 1);
        for (const std::string_view mechanism :
             {"plain.", "scram-sha-256.", "scram-sha-512.", "gssapi.", "oauthbearer."})
            if (name.starts_with(mechanism)) name.remove_prefix(mechanism.size());
    }
    const auto* found = std::ranges::find(table, name, &Key::name);
    return found == std::end(table) ? nullptr : found;
}

const Key* find_topic_key(std::string_view name) {
    if (name.empty()) return nullptr;
    const auto* found = std::ranges::find(table, name, &Key::topic_name);
    return found == std::end(table) ? nullptr : found;
}

std::string_view nearest_key(std::string_view name, Names among) {
    std::vector<std::string_view> known;
    for (const Key& key : table) {
        const std::string_view candidate = among == Names::broker ? key.name : key.topic_name;
        if (!candidate.empty()) known.push_back(candidate);
    }
    return base::nearest(name, known);
}

}  // namespace klog::broker
