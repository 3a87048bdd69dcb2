"""The committed image of the contract, against which `make buf` compares, has everything that the contract has."""

from __future__ import annotations

import re

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from aliend.services import server
from aliend.v1 import errors_pb2
from tests.harness import ROOT


def content(file: FileDescriptorProto) -> str:
    """Messages, enumerations and services as text, without the names of JSON, which only buf records."""
    kept = FileDescriptorProto(message_type=file.message_type, enum_type=file.enum_type, service=file.service)
    return re.sub(r"\n *json_name: .*", "", str(kept))


def test_the_image_of_the_contract_has_its_latest_additions() -> None:
    image = FileDescriptorSet.FromString((ROOT / "proto" / "contract.binpb").read_bytes())
    recorded = {file.name: file for file in image.file}
    for module in (*server.MODULES, errors_pb2):
        now = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(now)
        assert content(recorded[now.name]) == content(now), "run: make buf-image"
