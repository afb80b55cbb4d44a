# SPDX-License-Identifier: Apache-2.0
"""kafka-python 2.0.2 as Debian ships it: an old client that negotiates old versions."""
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError
from servers import CODECS


@pytest.fixture
def admin(broker):
    client = KafkaAdminClient(bootstrap_servers=broker.address)
    yield client
    client.close()


def read(broker, topic, count, **position):
    consumer = KafkaConsumer(bootstrap_servers=broker.address, enable_auto_commit=False, consumer_timeout_ms=30_000)
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek(partition, position['offset']) if position else consumer.seek_to_beginning(partition)
        return [next(consumer) for _ in range(count)]
    finally:
        consumer.close()


@pytest.mark.parametrize('codec', CODECS)
@pytest.mark.parametrize('acks', [0, 1, 'all'])
def test_records_come_back_as_they_went(broker, topic, codec, acks):
    producer = KafkaProducer(bootstrap_servers=broker.address, compression_type=None if codec == 'none' else codec, acks=acks,
                             linger_ms=20)
    sent = [(None if i % 3 == 0 else b'k%d' % i, None if i % 4 == 1 and i % 3 else b'v%d' % i, [('h', b'%d' % i)], 1_600_000_000_000 + i)
            for i in range(200)]
    for key, value, headers, timestamp in sent:
        producer.send(topic, value, key, headers, 0, timestamp)
    producer.flush(30)
    producer.close()
    assert [(m.key, m.value, m.headers, m.timestamp) for m in read(broker, topic, 200)] == sent
    assert {b['codec'] for b in broker.batches(topic)} == {CODECS[codec]}


def test_a_record_of_a_megabyte(broker, topic):
    big = bytes(range(256)) * 4000
    producer = KafkaProducer(bootstrap_servers=broker.address, max_request_size=1_100_000)
    assert producer.send(topic, big, b'k').get(30).offset == 0
    producer.close()
    assert [(m.key, m.value) for m in read(broker, topic, 1)] == [(b'k', big)]


def test_reading_from_an_offset(broker, topic):
    producer = KafkaProducer(bootstrap_servers=broker.address)
    for i in range(50): producer.send(topic, b'%d' % i)
    producer.close()
    assert [m.value for m in read(broker, topic, 3, offset=47)] == [b'47', b'48', b'49']


def test_offsets_by_time(broker, topic):
    producer = KafkaProducer(bootstrap_servers=broker.address)
    for i in range(10): producer.send(topic, b'%d' % i, timestamp_ms=1000 * i + 1, partition=0)
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=broker.address)
    partition = TopicPartition(topic, 0)
    found = consumer.offsets_for_times({partition: 5000})[partition]
    assert (found.offset, found.timestamp) == (5, 5001)
    assert consumer.beginning_offsets([partition]) == {partition: 0}
    assert consumer.end_offsets([partition]) == {partition: 10}
    consumer.close()


def test_admin_calls(broker, admin, topic):
    admin.create_topics([NewTopic(topic, 2, 1, topic_configs={'retention.ms': '1234567'})])
    with pytest.raises(TopicAlreadyExistsError): admin.create_topics([NewTopic(topic, 2, 1)])
    assert topic in admin.list_topics()
    admin.create_partitions({topic: NewPartitions(4)})
    assert len(admin.describe_topics([topic])[0]['partitions']) == 4
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    (answer,) = admin.describe_configs([resource])
    assert ('retention.ms', '1234567') in [(entry[0], entry[1]) for entry in answer.resources[0][4]]
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={'retention.ms': '7654321'})])
    (answer,) = admin.describe_configs([resource])
    assert ('retention.ms', '7654321') in [(entry[0], entry[1]) for entry in answer.resources[0][4]]
    admin.delete_topics([topic])
    with pytest.raises(UnknownTopicOrPartitionError): admin.delete_topics([topic])
