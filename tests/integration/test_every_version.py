# SPDX-License-Identifier: Apache-2.0
"""Produce and ListOffsets in each of their versions, written and read by kio, which is not ours."""
import base64
import dataclasses
import datetime
import importlib
import io
import json
import socket
import struct
import uuid

import pytest
from kio.serial import entity_reader, entity_writer
from kio.static.primitive import i8, i16, i32, i64, i32Timedelta
from kio.schema.errors import ErrorCode
from kio.schema.types import BrokerId, TopicName
from servers import klog


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8): crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def batch(*values, timestamp=1_700_000_000_000, producer=(-1, -1, -1), damaged=False):
    """A record batch of format 2: values of at most 50 bytes, no keys."""
    zigzag = lambda n: bytes([n << 1])
    records = b''
    for i, value in enumerate(values):
        body = b'\0' + b'\0' + zigzag(i) + b'\x01' + zigzag(len(value)) + value + b'\0'
        records += zigzag(len(body)) + body
    checked = struct.pack('>hiqqqhii', 0, len(values) - 1, timestamp, timestamp, *producer, len(values)) + records
    crc = crc32c(checked) ^ damaged
    return struct.pack('>qiibI', 0, len(checked) + 9, 0, 2, crc) + checked


def build(module, name, /, **values):
    """A message or a part of one; what this version does not have is left out."""
    kind = getattr(module, name)
    has = {field.name for field in dataclasses.fields(kind)}
    return kind(**{key: value for key, value in values.items() if key in has})


def ask(broker, api, version, make):
    """Sends what make(module of the request's version) gives and returns the answer."""
    request_module = importlib.import_module(f'kio.schema.{api}.v{version}.request')
    response_module = importlib.import_module(f'kio.schema.{api}.v{version}.response')
    request = make(request_module)
    out = io.BytesIO()
    header = type(request).__header_schema__
    entity_writer(header)(out, build(importlib.import_module(header.__module__), 'RequestHeader', request_api_key=request.__api_key__,
                                     request_api_version=i16(version), correlation_id=i32(7), client_id='kio'))
    entity_writer(type(request))(out, request)
    with socket.create_connection(('127.0.0.1', broker.port), 30) as connection, connection.makefile('rb') as answers:
        connection.sendall(struct.pack('>i', len(out.getvalue())) + out.getvalue())
        frame = answers.read(struct.unpack('>i', answers.read(4))[0])
    (response,) = [kind for name, kind in vars(response_module).items() if name == type(request).__name__.replace('Request', 'Response')]
    header, header_size = entity_reader(response.__header_schema__)(frame, 0)
    answer, size = entity_reader(response)(frame, header_size)
    assert header.correlation_id == 7 and header_size + size == len(frame)
    return answer


def id_of(broker, topic):
    (found,) = json.loads(klog('topic', 'describe', topic, '-b', broker.address, '-o', 'json').stdout)['topics']
    packed = base64.urlsafe_b64decode(found['id'] + '==')
    return uuid.UUID(bytes=packed)


def produce(broker, version, topic, topic_id, records):
    def make(module):
        partition = build(module, 'PartitionProduceData', index=i32(0), records=records)
        data = build(module, 'TopicProduceData', name=TopicName(topic), topic_id=topic_id, partition_data=(partition,))
        return build(module, 'ProduceRequest', transactional_id=None, acks=i16(-1), timeout=i32Timedelta.parse(datetime.timedelta(seconds=30)), topic_data=(data,))
    (answered,) = ask(broker, 'produce', version, make).responses
    (partition,) = answered.partition_responses
    return partition


@pytest.fixture
def made(broker, topic):
    klog('topic', 'create', topic, '-b', broker.address)
    return topic, id_of(broker, topic)


@pytest.mark.parametrize('version', range(3, 14))
def test_produce(broker, made, version):
    for number in range(3):
        got = produce(broker, version, *made, batch(b'a', b'b'))
        assert (got.index, got.error_code, got.base_offset, got.log_append_time) == (0, ErrorCode.none, 2 * number, None)
        assert getattr(got, 'log_start_offset', 0) == 0 and getattr(got, 'record_errors', ()) == () and getattr(got, 'error_message', None) is None
    damaged = produce(broker, version, *made, batch(b'a', damaged=True))
    assert (damaged.error_code, damaged.base_offset) == (ErrorCode.corrupt_message, -1)
    lying = bytearray(batch(b'a', b'b'))
    lying[57:61] = struct.pack('>i', 3)  # It says three records and has two.
    lying[17:21] = struct.pack('>I', crc32c(lying[21:]))
    refused = produce(broker, version, *made, bytes(lying))
    assert refused.error_code == ErrorCode.invalid_record and refused.base_offset == -1
    assert klog('consume', made[0], '-b', broker.address, '-e').stdout == 'a\nb\n' * 3


@pytest.mark.parametrize('version', range(3, 14))
def test_produce_to_a_topic_that_is_not_there(broker, version):
    wanted = ErrorCode.unknown_topic_id if version >= 13 else ErrorCode.unknown_topic_or_partition
    assert produce(broker, version, 'nowhere', uuid.uuid4(), batch(b'a')).error_code == wanted


SINCE = {-1: 1, -2: 1, -3: 7, -4: 8, -5: 9, -6: 11}  # The first version that knows a special timestamp.


@pytest.mark.parametrize('version', range(1, 12))
def test_list_offsets(broker, made, version):
    topic, topic_id = made
    for stamp in (1000, 3000, 2000): produce(broker, 9, topic, topic_id, batch(b'v', timestamp=stamp))

    def offset(timestamp):
        def make(module):
            partition = build(module, 'ListOffsetsPartition', partition_index=i32(0), current_leader_epoch=i32(-1), timestamp=i64(timestamp))
            asked = build(module, 'ListOffsetsTopic', name=TopicName(topic), partitions=(partition,))
            return build(module, 'ListOffsetsRequest', replica_id=BrokerId(-1), isolation_level=i8(0), topics=(asked,),
                         timeout=i32Timedelta.parse(datetime.timedelta(seconds=30)))
        (answered,) = ask(broker, 'list_offsets', version, make).topics
        (partition,) = answered.partitions
        assert getattr(partition, 'leader_epoch', -1) == (0 if version >= 4 and partition.offset >= 0 else -1)
        return (partition.offset, partition.timestamp) if partition.error_code == ErrorCode.none else partition.error_code

    assert offset(1500) == (1, 3000) and offset(5000) == (-1, -1)
    known = {-1: (3, -1), -2: (0, -1), -3: (1, 3000), -4: (0, -1), -5: (-1, -1), -6: (-1, -1)}
    for special, since in SINCE.items():
        assert offset(special) == (known[special] if version >= since else ErrorCode.unsupported_version), special
