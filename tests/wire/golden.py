# SPDX-License-Identifier: Apache-2.0
"""Writes golden.bin: random messages serialised by kio, an implementation of the protocol that is not ours.

Usage: pip install --target NEW kio==0.6.5; pip install --target OLD kio==0.5.0
       python3 tests/wire/golden.py NEW OLD > tests/wire/golden.bin

Version 0.6.5 knows Kafka 4.x, 0.5.0 the versions and messages that 4.0 dropped; each fills in what those before it
lack. The file is a run of entries: name and version as "Name vN\\n", four bytes of length (big-endian), the frame.
"""
import dataclasses, datetime, importlib, io, random, struct, subprocess, sys, types, typing, uuid, zlib

APIS = '''produce fetch list_offsets metadata leader_and_isr stop_replica update_metadata find_coordinator sasl_handshake
          api_versions create_topics delete_topics delete_records init_producer_id offset_for_leader_epoch
          describe_configs alter_configs describe_log_dirs sasl_authenticate create_partitions
          incremental_alter_configs describe_cluster describe_topic_partitions'''.split()
FRAMES_PER_VERSION = 7
LONG_ARRAY = 130  # Needs two bytes as a compact length.


class Writer:
    """Makes and serialises random messages of one class, with a seed of its own, so that the others may change."""

    def __init__(self, name, version):
        from kio.schema.errors import ErrorCode
        self.error_codes = list(ErrorCode)
        self.rng = random.Random(zlib.crc32(f'{name} v{version}'.encode()))
        self.long_left = 0

    def text(self):
        length = self.rng.choice([0, 1, 3, 8, 20] + [140] * (self.rng.random() < .1))
        return ''.join(self.rng.choice('abcxyz-_.é') for _ in range(length))

    def integer(self, bits):
        return self.rng.choice([-1, 0, 1, self.rng.randrange(-2**bits, 2**bits)])

    def length(self):
        if self.long_left and self.rng.random() < .3:
            self.long_left -= 1
            return LONG_ARRAY
        return self.rng.choice([0, 1, 1, 2, 3])

    def value(self, kind_of_value, field):
        kind = field.metadata.get('kafka_type')
        args = [a for a in typing.get_args(kind_of_value) if a is not type(None)]
        origin = typing.get_origin(kind_of_value)
        if origin in (typing.Union, types.UnionType):
            return None if self.rng.random() < .3 else self.value(args[0], field)
        if origin is tuple:
            # Long arrays only of plain values: the file has to stay small.
            plain = not dataclasses.is_dataclass(args[0])
            return tuple(self.value(args[0], field) for _ in range(self.length() if plain else self.rng.choice([0, 1, 2, 2, 3])))
        if dataclasses.is_dataclass(kind_of_value): return self.message(kind_of_value)
        if kind_of_value is uuid.UUID: return uuid.UUID(int=self.rng.getrandbits(128) | 1)
        if kind == 'string': return kind_of_value(self.text())
        if kind in ('bytes', 'records'):
            return kind_of_value(self.rng.randbytes(self.rng.choice([0, 1, 61, 130])))
        if kind == 'error_code': return self.rng.choice(self.error_codes)
        if kind == 'bool': return self.rng.random() < .5
        if kind == 'timedelta_i32': return datetime.timedelta(milliseconds=self.rng.randrange(2**31 - 1))
        if kind == 'timedelta_i64': return datetime.timedelta(milliseconds=self.rng.randrange(2**40))
        if kind == 'datetime_i64':
            return datetime.datetime.fromtimestamp(self.rng.randrange(2**31), datetime.UTC)
        return kind_of_value(self.integer({'int8': 7, 'int16': 15, 'int32': 31, 'int64': 63}[kind]))

    def message(self, cls):
        hints = typing.get_type_hints(cls)
        return cls(**{field.name: self.value(hints[field.name], field) for field in dataclasses.fields(cls)
                      if 'tag' not in field.metadata or self.rng.random() < .5})

    def frames(self, cls):
        from kio.serial import entity_writer
        for i in range(FRAMES_PER_VERSION):
            self.long_left = i == 0
            buffer = io.BytesIO()
            entity_writer(cls)(buffer, self.message(cls))
            yield buffer.getvalue()


def classes():
    for api in APIS:
        for version in range(20):
            for side in ('request', 'response'):
                name = ''.join(w.capitalize() for w in api.split('_')) + side.capitalize()
                yield name, version, f'kio.schema.{api}.v{version}.{side}', name
    for side in ('Request', 'Response'):
        for version in range(3):
            yield f'{side}Header', version, f'kio.schema.{side.lower()}_header.v{version}.header', f'{side}Header'


def write(out):
    for name, version, module, cls in classes():
        try:
            found = getattr(importlib.import_module(module), cls)
        except ImportError:
            continue
        for frame in Writer(name, version).frames(found):
            out.write(f'{name} v{version}\n'.encode() + struct.pack('>I', len(frame)) + frame)


def entries(data):
    at = 0
    while at < len(data):
        end = data.index(b'\n', at) + 1
        size, = struct.unpack_from('>I', data, end)
        yield data[at:end], data[at:end + 4 + size]
        at = end + 4 + size


def merge(folders, out):
    seen = set()
    for folder in folders:
        data = subprocess.run([sys.executable, __file__, '--one', folder], stdout=subprocess.PIPE, check=True).stdout
        fresh = [(key, entry) for key, entry in entries(data) if key not in seen]
        seen |= {key for key, _ in fresh}
        out.write(b''.join(entry for _, entry in fresh))
        print(f'{folder}: {len(fresh)} frames', file=sys.stderr)
    print(f'{len(seen)} message versions', file=sys.stderr)


if __name__ == '__main__':
    if sys.argv[1] == '--one':
        sys.path.insert(0, sys.argv[2])
        write(sys.stdout.buffer)
    else:
        merge(sys.argv[1:], sys.stdout.buffer)
