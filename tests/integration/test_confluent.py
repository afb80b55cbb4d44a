# SPDX-License-Identifier: Apache-2.0
"""confluent-kafka (librdkafka 2.6): producer, consumer and admin client."""
import time

import pytest
from confluent_kafka import (OFFSET_BEGINNING, Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaException,
                             Producer, TopicPartition)
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic,
                                   OffsetSpec, ResourceType)
from servers import CODECS


@pytest.fixture
def admin(broker): return AdminClient({'bootstrap.servers': broker.address})


def results(futures): return {key: future.result(30) for key, future in futures.items()}


def create(admin, name, partitions=1, **config):
    results(admin.create_topics([NewTopic(name, partitions, 1, config={k.replace('_', '.'): v for k, v in config.items()})]))


def produce(broker, topic, records, **config):
    """Sends (key, value, headers, timestamp) records to partition 0 and returns the messages as acknowledged."""
    acknowledged = []
    producer = Producer({'bootstrap.servers': broker.address, 'linger.ms': 5,
                         **{k.replace('_', '.'): v for k, v in config.items()}})

    def delivered(error, message):
        if error is not None: raise KafkaException(error)
        acknowledged.append(message)

    for key, value, headers, timestamp in records:
        producer.produce(topic, value, key, 0, delivered, timestamp=timestamp, headers=headers)
    assert producer.flush(30) == 0
    return acknowledged


def read(broker, topic, count, partition=0, offset=OFFSET_BEGINNING):
    consumer = Consumer({'bootstrap.servers': broker.address, 'group.id': 'unused', 'enable.auto.commit': False})
    try:
        consumer.assign([TopicPartition(topic, partition, offset)])
        got = []
        while len(got) < count:
            messages = consumer.consume(count - len(got), 30)
            assert messages, f'{len(got)} of {count} records'
            for message in messages:
                assert message.error() is None, message.error()
                got.append(message)
        return got
    finally:
        consumer.close()


@pytest.mark.parametrize('codec', CODECS)
@pytest.mark.parametrize('idempotent', [False, True])
def test_records_come_back_as_they_went(broker, admin, topic, codec, idempotent):
    create(admin, topic)
    stamp = 1_700_000_000_000
    sent = [(None if i % 5 == 0 else b'key %d' % i, None if i % 7 == 0 else b'value %d ' % i * (i % 30),
             [('n', b'%d' % i), ('null', None), ('n', b'')], stamp + i) for i in range(500)]
    acknowledged = produce(broker, topic, sent, compression_type=codec, enable_idempotence=idempotent, linger_ms=5000)
    assert sorted(m.offset() for m in acknowledged) == list(range(500))
    got = read(broker, topic, 500)
    assert [(m.key(), m.value(), m.headers(), m.timestamp()[1]) for m in got] == sent
    # What librdkafka had taken when it learned of the partition goes first; a few records may not get smaller, and go as they are.
    large = [b for b in broker.batches(topic) if b['count'] > 20]
    assert {b['codec'] for b in large} == {CODECS[codec]} and sum(b['count'] for b in large) > 450


def test_a_megabyte_record(broker, admin, topic):
    create(admin, topic, max_message_bytes='4000000')
    big = bytes(range(256)) * 8000
    produce(broker, topic, [(b'k', big, None, 0)], message_max_bytes=5_000_000)
    assert read(broker, topic, 1)[0].value() == big


def test_topics_are_created_described_grown_and_deleted(admin, broker, topic):
    create(admin, topic, partitions=3)
    metadata = admin.list_topics(topic, timeout=10).topics[topic]
    assert sorted(metadata.partitions) == [0, 1, 2]
    results(admin.create_partitions([NewPartitions(topic, 5)]))
    assert len(admin.list_topics(topic, timeout=10).topics[topic].partitions) == 5
    with pytest.raises(KafkaException) as caught: create(admin, topic)
    assert caught.value.args[0].name() == 'TOPIC_ALREADY_EXISTS'
    with pytest.raises(KafkaException) as caught: results(admin.create_partitions([NewPartitions(topic, 2)]))
    assert caught.value.args[0].name() == 'INVALID_PARTITIONS'
    results(admin.delete_topics([topic]))
    assert topic not in admin.list_topics(timeout=10).topics
    with pytest.raises(KafkaException) as caught: results(admin.delete_topics([topic]))
    assert caught.value.args[0].name() == 'UNKNOWN_TOPIC_OR_PART'


@pytest.mark.parametrize('name, code', [('', 'TOPIC_EXCEPTION'), ('a' * 250, 'TOPIC_EXCEPTION'), ('a/b', 'TOPIC_EXCEPTION'), ('..', 'TOPIC_EXCEPTION')])
def test_an_illegal_topic_name_is_refused(admin, name, code):
    with pytest.raises(KafkaException) as caught: create(admin, name)
    assert caught.value.args[0].name() in (code, '_INVALID_ARG')


def test_more_replicas_than_brokers_are_refused(admin, topic):
    with pytest.raises(KafkaException) as caught: results(admin.create_topics([NewTopic(topic, 1, 3)]))
    assert caught.value.args[0].name() == 'INVALID_REPLICATION_FACTOR'


def test_configurations_are_read_and_changed(admin, topic):
    create(admin, topic, retention_ms='1000000')
    resource = ConfigResource(ResourceType.TOPIC, topic)

    def value(key): return results(admin.describe_configs([resource]))[resource][key].value

    assert value('retention.ms') == '1000000'
    assert value('cleanup.policy') == 'delete'
    change = ConfigResource(ResourceType.TOPIC, topic)
    change.add_incremental_config(ConfigEntry('retention.ms', '5000', incremental_operation=AlterConfigOpType.SET))
    results(admin.incremental_alter_configs([change]))
    assert value('retention.ms') == '5000'
    change = ConfigResource(ResourceType.TOPIC, topic)
    change.add_incremental_config(ConfigEntry('retention.ms', '', incremental_operation=AlterConfigOpType.DELETE))
    results(admin.incremental_alter_configs([change]))
    assert value('retention.ms') == '604800000'
    for key, bad in (('retention.ms', 'soon'), ('no.such.key', '1')):
        change = ConfigResource(ResourceType.TOPIC, topic)
        change.add_incremental_config(ConfigEntry(key, bad, incremental_operation=AlterConfigOpType.SET))
        with pytest.raises(KafkaException) as caught: results(admin.incremental_alter_configs([change]))
        assert caught.value.args[0].name() == 'INVALID_CONFIG'


def test_offsets_by_every_spec(broker, admin, topic):
    create(admin, topic)
    produce(broker, topic, [(None, b'a', None, 1000), (None, b'b', None, 3000), (None, b'c', None, 2000)])
    partition = TopicPartition(topic, 0)

    def offset(spec): return list(results(admin.list_offsets({partition: spec})).values())[0].offset

    assert offset(OffsetSpec.earliest()) == 0
    assert offset(OffsetSpec.latest()) == 3
    assert offset(OffsetSpec.max_timestamp()) == 1
    assert offset(OffsetSpec.for_timestamp(1001)) == 1
    assert offset(OffsetSpec.for_timestamp(3001)) == -1


def test_deleting_records_moves_the_start(broker, admin, topic):
    create(admin, topic)
    produce(broker, topic, [(None, b'%d' % i, None, 0) for i in range(10)])
    deleted = results(admin.delete_records([TopicPartition(topic, 0, 4)]))
    assert [d.low_watermark for d in deleted.values()] == [4]
    assert [m.value() for m in read(broker, topic, 6)] == [b'%d' % i for i in range(4, 10)]


def test_log_append_time_replaces_the_producers(broker, admin, topic):
    create(admin, topic, message_timestamp_type='LogAppendTime')
    before = time.time() * 1000
    produce(broker, topic, [(None, b'a', None, 1000)])
    kind, stamp = read(broker, topic, 1)[0].timestamp()
    assert kind == 2 and stamp >= before - 1000


def test_the_topics_codec_is_enforced_by_the_broker(broker, admin, topic):
    create(admin, topic, compression_type='zstd')
    produce(broker, topic, [(None, b'abc' * 100, None, 0)] * 20, compression_type='gzip')
    assert {b['codec'] for b in broker.batches(topic)} == {CODECS['zstd']}
    assert [m.value() for m in read(broker, topic, 20)] == [b'abc' * 100] * 20


def test_the_cluster_is_described(broker, admin):
    cluster = admin.describe_cluster().result(30)
    assert [f'{n.host}:{n.port}' for n in cluster.nodes] == [broker.address]
    assert cluster.controller.id == cluster.nodes[0].id
    assert cluster.cluster_id
